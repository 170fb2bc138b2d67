"""S3 over the substrate's: configurations of buckets, and events about objects."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError, not_implemented
from pushproof.emulator.services import Handler, Service
from pushproof.emulator.services.s3.configurations import Configurations, acting, configuring, require_body
from pushproof.emulator.services.s3.events import ObjectEvents

if TYPE_CHECKING:
    from pushproof.emulator.kernel.shapes.s3 import GetBucketTaggingAnswer, GetBucketTaggingRequest
    from pushproof.emulator.kernel.site import Site


_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/directory-bucket-naming-rules.html
_DIRECTORY = "--x-s3"
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")


class S3Service(Service):
    """Answers for configurations and empty tags; the substrate answers the rest."""

    overlay: ClassVar[bool] = True
    kept: ClassVar[frozenset[str]] = configuring() - acting()
    # : The substrate would confuse them with operations on buckets and objects of the usual kind.
    refused: ClassVar[frozenset[str]] = frozenset({"ListDirectoryBuckets", "WriteGetObjectResponse"})

    def __init__(self, site: Site, name: str) -> None:
        super().__init__(site, name)
        self._configurations = Configurations(self.ask)
        self._events = ObjectEvents(site, self._configurations.notifies_events)
        site.calls.observe("s3", self._configurations.bucket_deleted, "DeleteBucket")

    def admit(self, context: RequestContext, request: dict[str, Any]) -> None:
        """Refuse directory buckets, a bucket's name that S3 does not allow, and a configuration without a body."""
        if str(request.get("Bucket", "")).endswith(_DIRECTORY):
            raise not_implemented("s3", f"{context.operation} of directory buckets")
        if context.operation == "CreateBucket" and not _is_name(request["Bucket"]):
            raise AwsError("InvalidBucketName", "The specified bucket is not valid.")
        if context.operation.startswith("Put") and self._configurations.handler(context.operation):
            require_body(context.operation, request)

    @classmethod
    def answers(cls, operation: str) -> bool:
        return operation in configuring() or super().answers(operation)

    def handler(self, operation: str) -> Handler | None:
        return self._configurations.handler(operation) or super().handler(operation)

    def on_object(self, callback: Callable[[str, str], None]) -> None:
        """Call `callback`, under the world's lock, with bucket and key of every created object."""
        self._events.on_object(callback)

    def get_bucket_tagging(self, context: RequestContext, request: GetBucketTaggingRequest) -> GetBucketTaggingAnswer:
        answer: GetBucketTaggingAnswer = self.ask(context, "GetBucketTagging", request)
        for tag in answer["TagSet"]:
            # The substrate leaves out a value that is empty.
            tag.setdefault("Value", "")
        return answer


def _is_name(name: str) -> bool:
    """Return whether a bucket may have this name: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html."""
    return bool(_NAME.fullmatch(name)) and ".." not in name and not _ADDRESS.fullmatch(name)
