"""AWS Fault Injection Service."""

from .service import FisService

__all__ = ["FisService"]
