"""What S3 tells EventBridge: "Object Created", for buckets that have EventBridge notifications on.

Objects themselves stay in the substrate. Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from botocore.exceptions import ClientError

from pushproof.emulator.kernel.context import Call, RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.services import Service

if TYPE_CHECKING:
    from pushproof.emulator.world import World

_REASONS = {"PutObject": "PutObject", "CompleteMultipartUpload": "CompleteMultipartUpload", "CopyObject": "CopyObject"}


class ObjectEvents(Service):
    """Watches the objects that pass the gateway, for EventBridge and for whoever polls a bucket.

    Keeps which buckets notify EventBridge, since substrates forget it (moto stores the setting and never shows it).
    """

    overlay: ClassVar[bool] = True

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world, name)
        self._subscribers: list[Callable[[str, str], None]] = []
        self._notifying: set[str] = set()
        world.gateway.observe("s3", self._seen, *_REASONS)
        world.gateway.observe(
            "s3", lambda call: self._notifying.discard(call.request.get("Bucket", "")), "DeleteBucket"
        )

    def on_object(self, callback: Callable[[str, str], None]) -> None:
        """Call back, under the world's lock, with bucket and key of every object that was created."""
        self._subscribers.append(callback)

    def put_bucket_notification_configuration(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        bucket = request["Bucket"]
        configuration = dict(request["NotificationConfiguration"])
        notifies = configuration.pop("EventBridgeConfiguration", None) is not None
        answer = self._substrate(
            context, "put_bucket_notification_configuration", Bucket=bucket, NotificationConfiguration=configuration
        )
        (self._notifying.add if notifies else self._notifying.discard)(bucket)
        return answer

    def get_bucket_notification_configuration(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        answer = self._substrate(context, "get_bucket_notification_configuration", Bucket=request["Bucket"])
        if request["Bucket"] in self._notifying:
            answer["EventBridgeConfiguration"] = {}
        return answer

    def _substrate(self, context: RequestContext, operation: str, **request: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self.world.substrate.client("s3", context.region), operation)(**request)
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            raise AwsError(error.response["Error"]["Code"], error.response["Error"]["Message"], status) from error
        answer.pop("ResponseMetadata", None)
        return answer

    def _seen(self, call: Call) -> None:
        if call.error_code is not None or call.status >= 400:
            return
        bucket, key = call.request.get("Bucket"), call.request.get("Key")
        if not bucket or not key:
            return
        for subscriber in self._subscribers:
            subscriber(bucket, key)
        if bucket in self._notifying:
            self.world.loop.submit(
                lambda: self._describe(bucket, key, call.context.region),
                lambda outcome: self._announce(call, bucket, outcome.get()),
                name="s3: object created",
            )

    def _describe(self, bucket: str, key: str, region: str) -> dict[str, Any]:
        head = self.world.substrate.client("s3", region).head_object(Bucket=bucket, Key=key)
        facts = {"key": key, "size": head["ContentLength"], "etag": head["ETag"].strip('"')}
        if head.get("VersionId"):
            facts["version-id"] = head["VersionId"]
        return facts

    def _announce(self, call: Call, bucket: str, facts: dict[str, Any]) -> None:
        self.world.bus.publish(
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
            resources=[f"arn:aws:s3:::{bucket}"],
            region=call.context.region,
        )
