"""S3 where the substrate drops or lacks something; buckets and objects themselves are the substrate's."""

from pushproof.emulator.services.s3.service import S3Service

__all__ = ["S3Service"]
