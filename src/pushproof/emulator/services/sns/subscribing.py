"""Subscriptions: creation, confirmation, changes, listing and deletion."""

from __future__ import annotations

import json
import secrets
import uuid
from typing import TYPE_CHECKING

from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError, refusals_of
from pushproof.emulator.kernel.paging import pascal_page
from pushproof.emulator.services.sns.base import SnsBase
from pushproof.emulator.services.sns.delivery import Post, new_id
from pushproof.emulator.services.sns.model import Subscription
from pushproof.emulator.services.sns.words import absent, invalid
from pushproof.engines.events import FilterPolicy, InvalidFilterPolicy, compile_filter_policy, unreadable_json
from pushproof.engines.notifications import (
    CONFIRMED_AT_ONCE,
    NotificationError,
    check_attribute,
    check_endpoint,
    check_redrive,
    check_subscription_arn,
    confirmation,
    unsubscribed,
)

if TYPE_CHECKING:
    from pushproof.emulator.kernel.shapes.sns import (
        ConfirmSubscriptionAnswer,
        ConfirmSubscriptionRequest,
        GetSubscriptionAttributesAnswer,
        GetSubscriptionAttributesRequest,
        ListSubscriptionsAnswer,
        ListSubscriptionsByTopicAnswer,
        ListSubscriptionsByTopicRequest,
        ListSubscriptionsRequest,
        SetSubscriptionAttributesAnswer,
        SetSubscriptionAttributesRequest,
        SubscribeAnswer,
        SubscribeRequest,
        UnsubscribeAnswer,
        UnsubscribeRequest,
    )


_PAGE = 100
_HEXADECIMAL = frozenset("0123456789abcdef")


class Subscribing(SnsBase):
    """Operations of subscriptions."""

    def subscribe(self, context: RequestContext, request: SubscribeRequest) -> SubscribeAnswer:
        arn, protocol, endpoint = request["TopicArn"], request["Protocol"], request.get("Endpoint")
        topic = self.topic(context, arn)
        fifo = topic.get("FifoTopic") == "true"
        attributes = dict(request.get("Attributes") or {})
        with refusals_of(NotificationError):
            check_endpoint(protocol, endpoint, topic_is_fifo=fifo)
            for name, value in attributes.items():
                check_attribute(name, value, protocol=protocol, subscribing=True)
        endpoint = str(endpoint)
        if protocol == "firehose" and not attributes.get("SubscriptionRoleArn"):
            raise invalid("Delivery protocol firehose can only be subscribed with subscription role arn")
        policy = self._policies(attributes, endpoint, context.region, subscribing=True)
        attributes = _kept(attributes)
        for standing in self.of_topic(arn):
            if (standing.protocol, standing.endpoint) == (protocol, endpoint):
                return self._again(standing, attributes, request)
        made = Subscription(
            arn=f"{arn}:{uuid.uuid4()}",
            topic_arn=arn,
            protocol=protocol,
            endpoint=endpoint,
            owner=context.account_id,
            principal=context.principal.arn,
            made_at=self.site.clock.now(),
            attributes=attributes,
            filter_policy=policy,
            confirmed=protocol in CONFIRMED_AT_ONCE,
            authenticated=protocol in CONFIRMED_AT_ONCE,
        )
        self.subscriptions[made.arn] = made
        self._ask_to_confirm(made, topic)
        return _answer(made, request)

    def _again(self, standing: Subscription, attributes: dict[str, str], request: SubscribeRequest) -> SubscribeAnswer:
        """Return the answer for an endpoint that is already subscribed; a pending one is asked to confirm again."""
        if any(standing.attributes.get(name) != value for name, value in attributes.items()):
            raise invalid("Attributes Reason: Subscription already exists with different attributes")
        if not standing.confirmed:
            standing.made_at = self.site.clock.now()
            topic = self.standing_topic(standing.region, standing.topic_arn)
            self._ask_to_confirm(standing, topic or {})
        return _answer(standing, request)

    def _ask_to_confirm(self, subscription: Subscription, topic: dict[str, str]) -> None:
        """Post the token to an HTTP endpoint. Mail cannot be delivered: such a subscription stays pending."""
        if subscription.confirmed:
            return
        subscription.token = secrets.token_hex(144)
        if subscription.protocol not in ("http", "https"):
            return
        document = confirmation(
            message_id=new_id(),
            token=subscription.token,
            topic_arn=subscription.topic_arn,
            url=self._confirmation_url(subscription),
            timestamp=self.deliveries.timestamp(),
        )
        self._post(subscription, document, topic)

    def _confirmation_url(self, subscription: Subscription) -> str:
        return (
            f"{self.site.endpoint.url}/?Action=ConfirmSubscription&TopicArn={subscription.topic_arn}"
            f"&Token={subscription.token}"
        )

    def _post(self, subscription: Subscription, document: dict[str, str], topic: dict[str, str]) -> None:
        signed = self.deliveries.signed(document, topic.get("SignatureVersion", "1"))
        body = json.dumps(signed, indent=2, separators=(",", " : "), ensure_ascii=False)
        self.deliveries.post(Post(subscription, document["MessageId"], document["Type"], body))

    def confirm_subscription(
        self, context: RequestContext, request: ConfirmSubscriptionRequest
    ) -> ConfirmSubscriptionAnswer:
        arn, token = request["TopicArn"], request["Token"]
        signed = bool(context.principal.access_key_id)
        parts = arn.split(":")
        # Unsigned calls have no region of their own: the posted URL uses the topic's.
        if len(parts) < 6 or parts[2] != "sns" or (signed and parts[3] != context.region):
            raise invalid("Topic")
        if not token or not set(token) <= _HEXADECIMAL:
            raise AwsError("InvalidParameter", "Invalid token", 400)
        self.expire()
        pending = next(
            (
                subscription
                for subscription in self.subscriptions.values()
                if secrets.compare_digest(subscription.token, token)
            ),
            None,
        )
        if pending is None or pending.region != parts[3]:
            raise invalid("Token")
        if not pending.confirmed:
            pending.confirmed, pending.authenticated = True, signed
        if request.get("AuthenticateOnUnsubscribe", "").lower() == "true":
            if not signed:
                raise AwsError("AuthorizationError", "Authentication is required for this request.", 403)
            pending.held = True
        return {"SubscriptionArn": pending.arn}

    def unsubscribe(self, context: RequestContext, request: UnsubscribeRequest) -> UnsubscribeAnswer:
        arn = request.get("SubscriptionArn")
        with refusals_of(NotificationError):
            check_subscription_arn(arn)
        self.expire()
        subscription = self.subscriptions.get(str(arn))
        if subscription is None:
            return {}
        if not subscription.confirmed:
            raise invalid("SubscriptionArn Reason: Cannot unsubscribe a subscription that is pending confirmation")
        signed = bool(context.principal.access_key_id)
        if not signed and subscription.held:
            raise AwsError("AuthorizationError", "This subscription requires authentication for deletion.", 403)
        del self.subscriptions[subscription.arn]
        self.ended[subscription.topic_arn] = self.ended.get(subscription.topic_arn, 0) + 1
        if not signed and subscription.protocol in ("http", "https"):
            document = unsubscribed(
                message_id=new_id(),
                token=subscription.token,
                topic_arn=subscription.topic_arn,
                subscription_arn=subscription.arn,
                url=self._confirmation_url(subscription),
                timestamp=self.deliveries.timestamp(),
            )
            self._post(subscription, document, self.standing_topic(subscription.region, subscription.topic_arn) or {})
        return {}

    def get_subscription_attributes(
        self, context: RequestContext, request: GetSubscriptionAttributesRequest
    ) -> GetSubscriptionAttributesAnswer:
        subscription = self._subscription(request["SubscriptionArn"])
        topic = self.standing_topic(subscription.region, subscription.topic_arn) or {}
        return {"Attributes": subscription.described(_effective(topic.get("EffectiveDeliveryPolicy"), subscription))}

    def set_subscription_attributes(
        self, context: RequestContext, request: SetSubscriptionAttributesRequest
    ) -> SetSubscriptionAttributesAnswer:
        subscription = self._subscription(request["SubscriptionArn"])
        name, value = request["AttributeName"], request.get("AttributeValue", "")
        with refusals_of(NotificationError):
            check_attribute(name, value, protocol=subscription.protocol, subscribing=False)
        attributes = {**subscription.attributes, name: value}
        changes = attributes if name in ("FilterPolicy", "FilterPolicyScope") else {name: value}
        policy = self._policies(changes, subscription.endpoint, subscription.region, subscribing=False)
        subscription.attributes = _kept(attributes)
        if name in ("FilterPolicy", "FilterPolicyScope"):
            subscription.filter_policy = policy
        return {}

    def _policies(
        self, attributes: dict[str, str], endpoint: str, region: str, *, subscribing: bool
    ) -> FilterPolicy | None:
        """Return the filter policy in attributes. Raises AwsError for one, or a redrive policy, that SNS refuses."""
        prefix = "Attributes Reason: " if subscribing else ""
        if attributes.get("RedrivePolicy"):
            text = attributes["RedrivePolicy"]
            reason = unreadable_json(text)
            if reason is not None:
                raise invalid(f"{prefix}RedrivePolicy: {reason}")
            with refusals_of(NotificationError):
                fifo = endpoint.endswith(".fifo")
                check_redrive(json.loads(text), endpoint_is_fifo=fifo, region=region, subscribing=subscribing)
        policy = attributes.get("FilterPolicy")
        if not policy or policy.strip() == "{}":
            return None
        scope = attributes.get("FilterPolicyScope")
        try:
            return compile_filter_policy(policy, "MessageBody" if scope == "MessageBody" else "MessageAttributes")
        except InvalidFilterPolicy as error:
            raise invalid(f"{prefix}{error}") from error

    def _subscription(self, arn: str) -> Subscription:
        self.expire()
        with refusals_of(NotificationError):
            try:
                check_subscription_arn(arn)
            except NotificationError as error:
                if "SubscriptionId" not in error.message:
                    raise
        subscription = self.subscriptions.get(arn)
        if subscription is None:
            raise absent("Subscription")
        return subscription

    def list_subscriptions(self, context: RequestContext, request: ListSubscriptionsRequest) -> ListSubscriptionsAnswer:
        self.expire()
        of_region = [
            subscription for subscription in self.subscriptions.values() if subscription.region == context.region
        ]
        return _page(of_region, request)

    def list_subscriptions_by_topic(
        self, context: RequestContext, request: ListSubscriptionsByTopicRequest
    ) -> ListSubscriptionsByTopicAnswer:
        self.topic(context, request["TopicArn"])
        return _page(self.of_topic(request["TopicArn"]), request)


def _kept(attributes: dict[str, str]) -> dict[str, str]:
    """Return attributes as they are shown again, without empty ones."""
    kept = {name: value for name, value in attributes.items() if value}
    if kept.get("FilterPolicy", "").strip() == "{}":
        del kept["FilterPolicy"]
    if "RawMessageDelivery" in kept:
        kept["RawMessageDelivery"] = kept["RawMessageDelivery"].lower()
    return kept


def _answer(subscription: Subscription, request: SubscribeRequest) -> SubscribeAnswer:
    shown = subscription.confirmed or request.get("ReturnSubscriptionArn")
    return {"SubscriptionArn": subscription.arn if shown else "pending confirmation"}


def _effective(topic_policy: str | None, subscription: Subscription) -> str | None:
    """Return the delivery policy in force: the subscription's own, completed by the topic's."""
    if topic_policy is None:
        return None
    try:
        http = (json.loads(topic_policy) or {}).get("http") or json.loads(topic_policy)
        own = json.loads(subscription.attributes.get("DeliveryPolicy") or "{}")
    except ValueError:
        return topic_policy
    own = own if isinstance(own, dict) else {}
    effective = {
        "healthyRetryPolicy": own.get("healthyRetryPolicy") or http.get("defaultHealthyRetryPolicy"),
        "sicklyRetryPolicy": own.get("sicklyRetryPolicy"),
        "throttlePolicy": own.get("throttlePolicy") or http.get("defaultThrottlePolicy"),
        "requestPolicy": own.get("requestPolicy") or http.get("defaultRequestPolicy"),
        "guaranteed": False,
    }
    return json.dumps(effective, separators=(",", ":"))


def _page(
    subscriptions: list[Subscription], request: ListSubscriptionsRequest | ListSubscriptionsByTopicRequest
) -> ListSubscriptionsAnswer:
    page, more = pascal_page(subscriptions, request, invalid("NextToken Reason: Invalid token"), default=_PAGE)
    return {"Subscriptions": [subscription.listed() for subscription in page], **more}
