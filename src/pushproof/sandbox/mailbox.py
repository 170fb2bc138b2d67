"""A queue of the run's own, subscribed to a topic: receives notifications where AWS cannot reach this machine."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from pushproof.aws.clients import Clients

# Long polling: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
_POLL = 10


class Mailbox:
    """A queue, subscribed from `open` until `close`. It receives only what is published after it was subscribed.

    The subscription is deleted with the topic: deleting it separately takes a permission that AWS cannot scope to a topic.
    """

    def __init__(self, client: Clients, url: str) -> None:
        self._sqs, self._url = client("sqs"), url
        self.heard: list[str] = []

    @classmethod
    def open(cls, client: Clients, *, name: str, topic_arn: str, tags: Mapping[str, str]) -> Mailbox:
        """Create the queue, allow the topic alone to send to it, and subscribe it. Raises ClientError.

        Source: https://docs.aws.amazon.com/sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html
        """
        sqs, sns = client("sqs"), client("sns")
        # The queue's policy needs its ARN, which follows from its name and the topic's ARN.
        arn = f"{topic_arn.rpartition(':')[0].replace(':sns:', ':sqs:')}:{name}"
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        url = sqs.create_queue(QueueName=name, Attributes={"Policy": policy}, tags=dict(tags))["QueueUrl"]
        sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
        return cls(client, url)

    def wait_for(self, *parts: str, timeout: float) -> str | None:
        """Wait up to `timeout` seconds for a message that contains every part, and return it; None if there was none."""
        deadline = time.monotonic() + timeout
        while True:
            message = next((text for text in self.heard if all(part in text for part in parts)), None)
            left = deadline - time.monotonic()
            if message is not None or left <= 0:
                return message
            self._receive(int(max(1, min(_POLL, left))))

    def _receive(self, seconds: int) -> None:
        answer = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=seconds)
        for message in answer.get("Messages", []):
            self.heard.append(str(message["Body"]))
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])

    def close(self) -> None:
        """Delete the queue. A queue that no longer exists is no error."""
        try:
            self._sqs.delete_queue(QueueUrl=self._url)
        except ClientError as error:
            if "NonExistentQueue" not in error.response["Error"]["Code"] and "QueueDoesNotExist" not in str(error):
                raise
