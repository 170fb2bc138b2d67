"""Delivery of a message to each kind of subscription.

Queues are written at once; HTTP endpoints are posted off the world's lock, and again later if they fail. Sources:
https://docs.aws.amazon.com/sns/latest/dg/sns-http-https-endpoint-as-subscriber.html , sns-message-delivery-retries.html,
sns-dead-letter-queues.html, subscribe-sqs-queue-to-sns-topic.html#SendMessageToSQS.sqs.permissions
"""

from __future__ import annotations

import json
import logging
import uuid
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import requests
from botocore.exceptions import ClientError

from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.instants import iso
from pushproof.emulator.kernel.loop import Outcome
from pushproof.emulator.services.sns.model import Notice, NoticeStatus, Subscription
from pushproof.emulator.services.sns.signing import certificate_name, sign
from pushproof.engines.events import MessageAttribute
from pushproof.engines.notifications import Message, for_protocol, notification, string_to_sign

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pushproof.emulator.kernel.site import Site

log = logging.getLogger(__name__)

PRINCIPAL = "sns.amazonaws.com"

#: "SNS ends an HTTP connection that does not answer within 15 seconds."
TIMEOUT = 15.0

# The policy of a topic that has none: numRetries 3, each after minDelayTarget 20 seconds.
_DEFAULT_RETRIES = 3
_DEFAULT_DELAY = 20.0


@dataclass(frozen=True, slots=True)
class Post:
    """One document to post to an HTTP endpoint, with the subscription and message that it belongs to."""

    subscription: Subscription
    message_id: str
    kind: str
    body: str
    raw: bool = False
    message: Message | None = None
    attempt: int = 1


class EndpointFailed(Exception):
    """An HTTP endpoint did not accept a document."""

    def __init__(self, message: str, *, final: bool) -> None:
        super().__init__(message)
        self.final = final


class Deliveries:
    """Sends messages to subscriptions, and keeps the results."""

    def __init__(self, site: Site) -> None:
        self._site = site
        #: Finished deliveries, oldest first.
        self.notices: deque[Notice] = deque(maxlen=10_000)

    def deliver(
        self, subscription: Subscription, message: Message, message_id: str, *, version: str, sequence: str | None
    ) -> None:
        """Send a published message to a confirmed subscription, if its filter policy lets it pass."""
        if not _passes(subscription, message):
            self._note(subscription, message_id, "filtered")
            return
        text = for_protocol(message, subscription.protocol)
        if subscription.protocol == "sqs":
            self._to_queue(subscription, message, message_id, text, version, sequence)
        elif subscription.protocol in ("http", "https"):
            body = text if subscription.raw else self._document(subscription, message, message_id, text, version, None)
            self.post(Post(subscription, message_id, "Notification", body, raw=subscription.raw, message=message))
        else:
            self._note(
                subscription, message_id, "failed", f"Pushproof does not deliver to {subscription.protocol} endpoints"
            )

    def signed(self, document: Mapping[str, object], version: str) -> dict[str, object]:
        """Return a document with the members that a signature adds."""
        return {
            **document,
            "SignatureVersion": version,
            "Signature": sign(string_to_sign(document), version),
            "SigningCertURL": f"{self._site.endpoint.url}/_pushproof/sns/{certificate_name()}",
        }

    def _document(
        self,
        subscription: Subscription,
        message: Message,
        message_id: str,
        text: str,
        version: str,
        sequence: str | None,
    ) -> str:
        document = notification(
            message_id=message_id,
            topic_arn=subscription.topic_arn,
            text=text,
            subject=message.subject,
            timestamp=self.timestamp(),
            attributes=message.attributes,
            sequence=sequence,
        )
        attributes = document.pop("MessageAttributes", None)
        # Messages of FIFO topics are not signed.
        document = self.signed(document, version) if sequence is None else document
        document["UnsubscribeURL"] = f"{self._site.endpoint.url}/?Action=Unsubscribe&SubscriptionArn={subscription.arn}"
        if attributes:
            document["MessageAttributes"] = attributes
        return json.dumps(document, indent=2, separators=(",", " : "), ensure_ascii=False)

    def timestamp(self) -> str:
        """Return the time in the form of SNS's documents."""
        return iso(self._site.clock.stamp(self._site.clock.now()), "milliseconds")

    # Queues.

    def _to_queue(
        self,
        subscription: Subscription,
        message: Message,
        message_id: str,
        text: str,
        version: str,
        sequence: str | None,
    ) -> None:
        body = text if subscription.raw else self._document(subscription, message, message_id, text, version, sequence)
        try:
            self._send(subscription.endpoint, body, message, subscription)
        except (ClientError, AwsError) as error:
            self._give_up(subscription, message, message_id, body, str(error), attempts=1)
            return
        self._note(subscription, message_id, "delivered")

    def _send(self, queue_arn: str, body: str, message: Message, subscription: Subscription) -> None:
        """Put a message into a queue, if the queue's policy lets SNS do so on behalf of the topic."""
        region, account, name = queue_arn.split(":")[3:6]
        if account == self._site.account_id:
            self._site.permissions.require_service(
                PRINCIPAL, "sqs:SendMessage", queue_arn, source_arn=subscription.topic_arn, region=region
            )
        sqs = self._site.substrate.client("sqs", region)
        further: dict[str, Any] = {}
        if subscription.raw and message.attributes:
            further["MessageAttributes"] = {
                key: {"DataType": attribute.kind}
                | ({"BinaryValue": attribute.binary} if attribute.binary else {"StringValue": attribute.text})
                for key, attribute in message.attributes.items()
            }
        if name.endswith(".fifo"):
            further["MessageGroupId"] = message.group
            further["MessageDeduplicationId"] = message.deduplication
        url = sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody=body, **further)

    def _give_up(
        self, subscription: Subscription, message: Message, message_id: str, body: str, reason: str, *, attempts: int
    ) -> None:
        log.warning("SNS could not deliver to %s: %s", subscription.endpoint, reason)
        redrive = json.loads(subscription.attributes.get("RedrivePolicy") or "{}")
        queue = redrive.get("deadLetterTargetArn")
        if queue:
            try:
                self._send(queue, body, message, subscription)
            except (ClientError, AwsError) as error:
                reason = f"{reason}; and its dead-letter queue: {error}"
            else:
                self._note(subscription, message_id, "dead-lettered", reason, attempts)
                return
        self._note(subscription, message_id, "failed", reason, attempts)

    # HTTP endpoints.

    def post(self, post: Post) -> None:
        """Post a document, and again later if that fails."""
        self._site.loop.submit(
            lambda: _call(post),
            lambda outcome: self._posted(post, outcome),
            name=f"sns: post to {post.subscription.endpoint}",
        )

    def _posted(self, post: Post, outcome: Outcome[None]) -> None:
        error = outcome.error
        if error is None:
            if post.kind == "Notification":
                self._note(post.subscription, post.message_id, "delivered", attempts=post.attempt)
            return
        retries, delay = _retries(post.subscription)
        if post.attempt <= retries and not (isinstance(error, EndpointFailed) and error.final):
            again = replace(post, attempt=post.attempt + 1)
            self._site.loop.call_later(delay, lambda: self.post(again), name="sns: post again")
            return
        if post.message is not None:
            self._give_up(
                post.subscription, post.message, post.message_id, post.body, str(error), attempts=post.attempt
            )
        else:
            self._note(post.subscription, post.message_id, "failed", f"{post.kind}: {error}", post.attempt)

    def _note(
        self, subscription: Subscription, message_id: str, status: NoticeStatus, reason: str = "", attempts: int = 1
    ) -> None:
        self.notices.append(Notice(subscription.arn, subscription.endpoint, message_id, status, reason, attempts))


def new_id() -> str:
    """Return an id for a message."""
    return str(uuid.uuid4())


def _passes(subscription: Subscription, message: Message) -> bool:
    if subscription.filter_policy is None:
        return True
    attributes = {
        name: MessageAttribute(attribute.kind, attribute.text or "") for name, attribute in message.attributes.items()
    }
    return subscription.filter_policy.matches(attributes, message.text)


def _retries(subscription: Subscription) -> tuple[int, float]:
    """Return the schedule of retries for an endpoint."""
    policy = json.loads(subscription.attributes.get("DeliveryPolicy") or "{}")
    retries = (policy.get("healthyRetryPolicy") if isinstance(policy, dict) else None) or {}
    return int(retries.get("numRetries", _DEFAULT_RETRIES)), float(retries.get("minDelayTarget", _DEFAULT_DELAY))


def _call(post: Post) -> None:
    subscription = post.subscription
    policy = json.loads(subscription.attributes.get("DeliveryPolicy") or "{}")
    content_type = ((policy.get("requestPolicy") or {}) if isinstance(policy, dict) else {}).get("headerContentType")
    headers = {
        "x-amz-sns-message-type": post.kind,
        "x-amz-sns-message-id": post.message_id,
        "x-amz-sns-topic-arn": subscription.topic_arn,
        "Content-Type": content_type or "text/plain; charset=UTF-8",
        "User-Agent": "Amazon Simple Notification Service Agent",
        "Accept-Encoding": "gzip,deflate",
    }
    if post.kind == "Notification":
        headers["x-amz-sns-subscription-arn"] = subscription.arn
    if post.raw:
        headers["x-amz-sns-rawdelivery"] = "true"
    with requests.Session() as session:
        # An endpoint is on this machine; a proxy of the environment does not apply.
        session.trust_env = False
        try:
            answer = session.post(
                subscription.endpoint,
                data=post.body.encode(errors="surrogatepass"),
                headers=headers,
                timeout=TIMEOUT,
                allow_redirects=False,
                verify=False,
            )
        except (requests.RequestException, ValueError) as error:
            raise EndpointFailed(str(error), final=False) from error
    status = answer.status_code
    if not 200 <= status < 300:
        # "4xx, except 429, are permanent failures."
        raise EndpointFailed(f"answered {status}", final=400 <= status < 500 and status != 429)
