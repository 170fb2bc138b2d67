"""Subscriptions, and the results of deliveries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pushproof.aws.arns import region_of
from pushproof.engines.events import FilterPolicy

if TYPE_CHECKING:
    from types_boto3_sns.type_defs import SubscriptionTypeDef


#: "SNS deletes unconfirmed subscriptions after 48 hours", and its tokens are good for as long.
PENDING_SECONDS = 48 * 3600.0


NoticeStatus = Literal["delivered", "filtered", "failed", "dead-lettered"]


@dataclass(slots=True)
class Subscription:
    """A subscription of a topic. `token` is the last one that was posted to its endpoint."""

    arn: str
    topic_arn: str
    protocol: str
    endpoint: str
    owner: str
    principal: str
    made_at: float
    attributes: dict[str, str] = field(default_factory=dict)
    filter_policy: FilterPolicy | None = None
    confirmed: bool = False
    # Whether the confirming call was signed, and whether only the owner may delete the subscription.
    authenticated: bool = False
    held: bool = False
    token: str = ""

    @property
    def raw(self) -> bool:
        return self.attributes.get("RawMessageDelivery", "false") == "true"

    @property
    def region(self) -> str:
        return region_of(self.topic_arn)

    def listed(self) -> SubscriptionTypeDef:
        """Return the entry of ListSubscriptions, where an unconfirmed subscription has no ARN."""
        return {
            "SubscriptionArn": self.arn if self.confirmed else "PendingConfirmation",
            "Owner": self.owner,
            "Protocol": self.protocol,
            "Endpoint": self.endpoint,
            "TopicArn": self.topic_arn,
        }

    def described(self, effective_delivery_policy: str | None) -> dict[str, str]:
        """Return the attributes of GetSubscriptionAttributes."""
        shown = {
            "ConfirmationWasAuthenticated": str(self.authenticated).lower(),
            "Endpoint": self.endpoint,
            "Owner": self.owner,
            "PendingConfirmation": str(not self.confirmed).lower(),
            "Protocol": self.protocol,
            "RawMessageDelivery": "false",
            "SubscriptionArn": self.arn,
            "SubscriptionPrincipal": self.principal,
            "TopicArn": self.topic_arn,
            **self.attributes,
        }
        if "FilterPolicy" in shown:
            shown.setdefault("FilterPolicyScope", "MessageAttributes")
        else:
            shown.pop("FilterPolicyScope", None)
        if effective_delivery_policy is not None and self.protocol in ("http", "https"):
            shown["EffectiveDeliveryPolicy"] = effective_delivery_policy
        return shown


@dataclass(frozen=True, slots=True)
class Notice:
    """One message on its way to one subscription, for tests and the report.

    `status` is delivered, filtered, failed, or dead-lettered.
    """

    subscription_arn: str
    endpoint: str
    message_id: str
    status: NoticeStatus
    reason: str = ""
    attempts: int = 1
