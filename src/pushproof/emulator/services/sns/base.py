"""Shared parts of the SNS service: existing topics, and subscriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError, refusals_of
from pushproof.emulator.services import Service
from pushproof.emulator.services.sns.delivery import Deliveries
from pushproof.emulator.services.sns.model import PENDING_SECONDS, Subscription
from pushproof.emulator.services.sns.words import absent
from pushproof.engines.notifications import NotificationError, check_topic_arn

if TYPE_CHECKING:
    from pushproof.emulator.kernel.site import Site


class SnsBase(Service):
    """Topics of the substrate, with the attributes that it does not keep, and the subscriptions of this world."""

    overlay: ClassVar[bool] = True

    def __init__(self, site: Site, name: str) -> None:
        super().__init__(site, name)
        self.deliveries = Deliveries(site)
        self.topic_attributes: dict[str, dict[str, str]] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self.ended: dict[str, int] = {}

    def check_arn(self, context: RequestContext, arn: str | None) -> None:
        """Raise AwsError unless an ARN may be a topic of the caller's region."""
        with refusals_of(NotificationError):
            check_topic_arn(arn, region=context.region)

    def topic(self, context: RequestContext, arn: str | None) -> dict[str, str]:
        """Return the attributes of a topic. Raises AwsError if there is none."""
        self.check_arn(context, arn)
        topic = self.standing_topic(context.region, str(arn))
        if topic is None:
            raise absent("Topic")
        return topic

    def standing_topic(self, region: str, arn: str) -> dict[str, str] | None:
        """Return the attributes of a topic, as GetTopicAttributes shows them; None if there is none."""
        try:
            shown: dict[str, str] = self.ask_in(region, "get_topic_attributes", {"TopicArn": arn})["Attributes"]
        except AwsError as error:
            if error.code != "NotFound":
                raise
            return None
        subscriptions = self.of_topic(arn)
        confirmed = sum(1 for subscription in subscriptions if subscription.confirmed)
        return {
            **{name: value for name, value in shown.items() if not (name == "DeliveryPolicy" and not value)},
            **self.topic_attributes.get(arn, {}),
            "SubscriptionsConfirmed": str(confirmed),
            "SubscriptionsPending": str(len(subscriptions) - confirmed),
            "SubscriptionsDeleted": str(self.ended.get(arn, 0)),
        }

    def of_topic(self, arn: str) -> list[Subscription]:
        """Return the subscriptions of a topic, in the order of their creation."""
        self.expire()
        return [subscription for subscription in self.subscriptions.values() if subscription.topic_arn == arn]

    def expire(self) -> None:
        """Drop subscriptions that were not confirmed in time."""
        now = self.site.clock.now()
        for subscription in list(self.subscriptions.values()):
            if not subscription.confirmed and now - subscription.made_at > PENDING_SECONDS:
                del self.subscriptions[subscription.arn]

    def forget(self, topic_arn: str) -> None:
        """Drop the subscriptions of a deleted topic."""
        for subscription in self.of_topic(topic_arn):
            del self.subscriptions[subscription.arn]
        self.ended.pop(topic_arn, None)
