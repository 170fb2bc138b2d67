"""Publish and PublishBatch."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError, refusals_of
from pushproof.emulator.services.sns.base import SnsBase
from pushproof.emulator.services.sns.delivery import new_id
from pushproof.emulator.services.sns.words import invalid
from pushproof.engines.notifications import (
    MAXIMUM_MESSAGE,
    Attribute,
    Message,
    NotificationError,
    check_batch,
    check_message,
)

if TYPE_CHECKING:
    from types_boto3_sns.type_defs import PublishBatchResultEntryTypeDef

    from pushproof.emulator.kernel.shapes.sns import (
        PublishAnswer,
        PublishBatchAnswer,
        PublishBatchRequest,
        PublishBatchRequestEntryInput,
        PublishRequest,
    )
    from pushproof.emulator.kernel.site import Site

#: "SNS deduplicates within five minutes."
_DEDUPLICATION_SECONDS = 300.0


class Publishing(SnsBase):
    """Operations that publish."""

    def __init__(self, site: Site, name: str) -> None:
        super().__init__(site, name)
        self._sequence = itertools.count(1)
        # By topic and deduplication id: the time of a message, and its answer.
        self._taken: dict[tuple[str, str], tuple[float, PublishAnswer]] = {}

    def publish(self, context: RequestContext, request: PublishRequest) -> PublishAnswer:
        arn = request.get("TopicArn") if request.get("TopicArn") is not None else request.get("TargetArn")
        if request.get("PhoneNumber") is not None or ":endpoint/" in (arn or ""):
            # Phones and applications: the substrate answers for them.
            answer: PublishAnswer = self.ask(context, "publish", request)
            return answer
        if arn is None:
            raise invalid("TopicArn or TargetArn Reason: no value for required parameter")
        message = _message(request)
        topic = self._accept(context, arn, [message])
        return self._send(context, arn, topic, message)

    def publish_batch(self, context: RequestContext, request: PublishBatchRequest) -> PublishBatchAnswer:
        arn, entries = request["TopicArn"], request["PublishBatchRequestEntries"]
        self.check_arn(context, arn)
        with refusals_of(NotificationError):
            check_batch([entry["Id"] for entry in entries])
        messages = [_message(entry) for entry in entries]
        if sum(message.size for message in messages) > MAXIMUM_MESSAGE:
            raise AwsError(
                "BatchRequestTooLong", "The length of all the messages put together is more than the limit.", 400
            )
        topic = self._accept(context, arn, messages)
        sent: list[PublishBatchResultEntryTypeDef] = []
        for entry, message in zip(entries, messages, strict=True):
            answer = self._send(context, arn, topic, message)
            result: PublishBatchResultEntryTypeDef = {"Id": entry["Id"], "MessageId": answer["MessageId"]}
            if "SequenceNumber" in answer:
                result["SequenceNumber"] = answer["SequenceNumber"]
            sent.append(result)
        return {"Successful": sent, "Failed": []}

    def _accept(self, context: RequestContext, arn: str, messages: list[Message]) -> dict[str, str]:
        """Return the topic for these messages. Raises AwsError if it is missing, or would refuse one of them."""
        topic = self.topic(context, arn)
        fifo = topic.get("FifoTopic") == "true"
        with refusals_of(NotificationError):
            for message in messages:
                check_message(message, fifo=fifo, deduplicates=topic.get("ContentBasedDeduplication") == "true")
        return topic

    def _send(self, context: RequestContext, arn: str, topic: dict[str, str], message: Message) -> PublishAnswer:
        answer: PublishAnswer = {"MessageId": new_id()}
        sequence = None
        if topic.get("FifoTopic") == "true":
            message = replace(message, deduplication=message.deduplication or _digest(message.text))
            earlier = self._taken.get((arn, str(message.deduplication)))
            if earlier is not None and self.site.clock.now() - earlier[0] < _DEDUPLICATION_SECONDS:
                return earlier[1]
            sequence = f"{10**19 + next(self._sequence) * 4096:020d}"
            answer["SequenceNumber"] = sequence
            self._taken[arn, str(message.deduplication)] = (self.site.clock.now(), answer)
        for subscription in self.of_topic(arn):
            if subscription.confirmed:
                self.deliveries.deliver(
                    subscription,
                    message,
                    answer["MessageId"],
                    version=topic.get("SignatureVersion", "1"),
                    sequence=sequence,
                )
        return answer


def _message(request: PublishRequest | PublishBatchRequestEntryInput) -> Message:
    attributes = {
        name: Attribute(value["DataType"], value.get("StringValue"), value.get("BinaryValue"))
        for name, value in (request.get("MessageAttributes") or {}).items()
    }
    return Message(
        text=request["Message"],
        subject=request.get("Subject"),
        structure=request.get("MessageStructure"),
        attributes=attributes,
        group=request.get("MessageGroupId"),
        deduplication=request.get("MessageDeduplicationId"),
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
