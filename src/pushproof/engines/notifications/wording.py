"""The documents that SNS posts and sends: notifications, and requests for confirmation.

Source: https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html ,
https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message-verify-message-signature.html
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

from pushproof.engines.notifications.messages import Attribute

_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}


def string_to_sign(document: Mapping[str, object]) -> str:
    """The text that a document's signature covers."""
    names = _SIGNED[str(document["Type"])]
    return "".join(f"{name}\n{document[name]}\n" for name in names if document.get(name) is not None)


def notification(
    *,
    message_id: str,
    topic_arn: str,
    text: str,
    subject: str | None,
    timestamp: str,
    attributes: Mapping[str, Attribute],
    sequence: str | None = None,
) -> dict[str, object]:
    """A notification, before it is signed."""
    document: dict[str, object] = {"Type": "Notification", "MessageId": message_id}
    if sequence is not None:
        document["SequenceNumber"] = sequence
    document["TopicArn"] = topic_arn
    if subject is not None:
        document["Subject"] = subject
    document |= {"Message": text, "Timestamp": timestamp}
    if attributes:
        document["MessageAttributes"] = {
            name: {"Type": attribute.kind, "Value": _value(attribute)} for name, attribute in attributes.items()
        }
    return document


def confirmation(*, message_id: str, token: str, topic_arn: str, url: str, timestamp: str) -> dict[str, str]:
    """The request for confirmation, which SNS posts to an HTTP endpoint first, without its signature."""
    text = (
        f"You have chosen to subscribe to the topic {topic_arn}.\n"
        "To confirm the subscription, visit the SubscribeURL included in this message."
    )
    return {
        "Type": "SubscriptionConfirmation",
        "MessageId": message_id,
        "Token": token,
        "TopicArn": topic_arn,
        "Message": text,
        "SubscribeURL": url,
        "Timestamp": timestamp,
    }


def unsubscribed(
    *, message_id: str, token: str, topic_arn: str, subscription_arn: str, url: str, timestamp: str
) -> dict[str, str]:
    """The notice that SNS posts to an HTTP endpoint when its subscription ends, without its signature."""
    text = (
        f"You have chosen to deactivate subscription {subscription_arn}.\n"
        "To cancel this operation and restore the subscription, visit the SubscribeURL included in this message."
    )
    return confirmation(message_id=message_id, token=token, topic_arn=topic_arn, url=url, timestamp=timestamp) | {
        "Type": "UnsubscribeConfirmation",
        "Message": text,
    }


def _value(attribute: Attribute) -> str:
    if attribute.binary is not None and attribute.kind.startswith("Binary"):
        return base64.b64encode(attribute.binary).decode()
    return attribute.text or ""
