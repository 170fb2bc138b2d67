"""SNS: the rules for topics, subscriptions and messages, and the documents that SNS sends."""

from pushproof.engines.notifications.errors import NotificationError
from pushproof.engines.notifications.messages import (
    MAXIMUM_MESSAGE,
    Attribute,
    Message,
    check_batch,
    check_message,
    for_protocol,
)
from pushproof.engines.notifications.subscriptions import (
    ATTRIBUTES,
    CONFIRMED_AT_ONCE,
    PROTOCOLS,
    check_attribute,
    check_endpoint,
    check_redrive,
    check_subscription_arn,
)
from pushproof.engines.notifications.topics import check_topic, check_topic_arn, check_topic_attribute
from pushproof.engines.notifications.wording import confirmation, notification, string_to_sign, unsubscribed

__all__ = [
    "ATTRIBUTES",
    "CONFIRMED_AT_ONCE",
    "MAXIMUM_MESSAGE",
    "PROTOCOLS",
    "Attribute",
    "Message",
    "NotificationError",
    "check_attribute",
    "check_batch",
    "check_endpoint",
    "check_message",
    "check_redrive",
    "check_subscription_arn",
    "check_topic",
    "check_topic_arn",
    "check_topic_attribute",
    "confirmation",
    "for_protocol",
    "notification",
    "string_to_sign",
    "unsubscribed",
]
