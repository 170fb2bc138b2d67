"""S3's events on EventBridge: "Object Created", for buckets that have EventBridge notifications on.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pushproof.aws.arns import arn_of_bucket
from pushproof.emulator.kernel.context import Call

if TYPE_CHECKING:
    from pushproof.emulator.kernel.site import Site

_REASONS = {"PutObject": "PutObject", "CompleteMultipartUpload": "CompleteMultipartUpload", "CopyObject": "CopyObject"}


class ObjectEvents:
    """Observes the objects that pass the gateway, for EventBridge and for pipelines that poll a bucket.

    Args:
        notifies: returns whether a bucket sends EventBridge events about its objects.
    """

    def __init__(self, site: Site, notifies: Callable[[str], bool]) -> None:
        self.site = site
        self._notifies = notifies
        self._subscribers: list[Callable[[str, str], None]] = []
        site.calls.observe("s3", self._seen, *_REASONS)

    def on_object(self, callback: Callable[[str, str], None]) -> None:
        """Call `callback`, under the world's lock, with bucket and key of every created object."""
        self._subscribers.append(callback)

    def _seen(self, call: Call) -> None:
        if call.error_code is not None or call.status >= 400:
            return
        bucket, key = call.request.get("Bucket"), call.request.get("Key")
        if not bucket or not key:
            return
        for subscriber in self._subscribers:
            subscriber(bucket, key)
        if self._notifies(bucket):
            self.site.loop.submit(
                lambda: self._describe(bucket, key, call.context.region),
                lambda outcome: self._announce(call, bucket, outcome.get()),
                name="s3: object created",
            )

    def _describe(self, bucket: str, key: str, region: str) -> dict[str, str | int]:
        head = self.site.substrate.client("s3", region).head_object(Bucket=bucket, Key=key)
        facts: dict[str, str | int] = {"key": key, "size": head["ContentLength"], "etag": head["ETag"].strip('"')}
        if head.get("VersionId"):
            facts["version-id"] = head["VersionId"]
        return facts

    def _announce(self, call: Call, bucket: str, facts: dict[str, str | int]) -> None:
        self.site.events.publish(
            "aws.s3",
            "Object Created",
            {
                "version": "0",
                "bucket": {"name": bucket},
                "object": facts,
                "request-id": call.context.request_id,
                "requester": call.context.account_id,
                "source-ip-address": call.context.source_ip,
                "reason": _REASONS[call.context.operation],
            },
            resources=[arn_of_bucket(bucket)],
            region=call.context.region,
        )
