"""SNS's own API, for operations that the substrate would decide differently from SNS.

Source: https://docs.aws.amazon.com/sns/latest/api/ ; answers recorded by https://github.com/localstack/localstack
(tests/aws/services/sns) and measured by https://github.com/badmintoncryer/cdk-preflight (rules/sns). In a world with another
emulator as its substrate, that emulator's SNS answers.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pushproof.aws.arns import arn_of
from pushproof.aws.tags import Rule, broken_rule, tag_pairs
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import refusals_of
from pushproof.emulator.services import Handler
from pushproof.emulator.services.sns.publishing import Publishing
from pushproof.emulator.services.sns.signing import certificate, certificate_name
from pushproof.emulator.services.sns.subscribing import Subscribing
from pushproof.emulator.services.sns.words import invalid
from pushproof.emulator.substrate.layered import moto_answers
from pushproof.engines.notifications import NotificationError, check_topic, check_topic_attribute

if TYPE_CHECKING:
    from pushproof.emulator.kernel.shapes.sns import (
        CreateTopicAnswer,
        CreateTopicRequest,
        DeleteTopicAnswer,
        DeleteTopicRequest,
        GetTopicAttributesAnswer,
        GetTopicAttributesRequest,
        SetTopicAttributesAnswer,
        SetTopicAttributesRequest,
    )
    from pushproof.emulator.kernel.site import Site

# Attributes that moto keeps and shows; the others are kept here.
_KEPT_BY_MOTO = frozenset(
    {"DisplayName", "Policy", "DeliveryPolicy", "KmsMasterKeyId", "FifoTopic", "ContentBasedDeduplication"}
)


class SnsService(Subscribing, Publishing):
    """Checks what SNS checks; keeps subscriptions, and delivers to them."""

    def __init__(self, site: Site, name: str) -> None:
        super().__init__(site, name)
        self._answers = moto_answers(site.substrate, "sns")

    def handler(self, operation: str) -> Handler | None:
        return super().handler(operation) if self._answers else None

    def signing_certificate(self, name: str) -> bytes | None:
        """Return the certificate of that name, which signs documents; None for any other name."""
        return certificate() if name == certificate_name() else None

    def create_topic(self, context: RequestContext, request: CreateTopicRequest) -> CreateTopicAnswer:
        name, attributes = request["Name"], request.get("Attributes") or {}
        tags = tag_pairs(request.get("Tags"))
        with refusals_of(NotificationError):
            check_topic(name, attributes)
        if broken_rule(tags, rules=(Rule.UNIQUE,)) is not None:
            raise invalid("Duplicated keys are not allowed.")
        arn = arn_of("sns", name, region=context.region, account=context.account_id)
        standing = self.standing_topic(context.region, arn)
        if standing is not None:
            if any(not _same(attribute, standing.get(attribute), value) for attribute, value in attributes.items()):
                raise invalid("Attributes Reason: Topic already exists with different attributes")
            kept = self.ask(context, "list_tags_for_resource", {"ResourceArn": arn})["Tags"]
            if not set(tags) <= set(tag_pairs(kept)):
                raise invalid("Tags Reason: Topic already exists with different tags")
            return {"TopicArn": arn}
        passed = {key: value for key, value in attributes.items() if key in _KEPT_BY_MOTO}
        if passed.get("FifoTopic", "").lower() == "false":
            # moto accepts any text as true.
            del passed["FifoTopic"]
        answer: CreateTopicAnswer = self.ask(context, "create_topic", {**request, "Attributes": passed})
        self.topic_attributes[arn] = {key: value for key, value in attributes.items() if key not in _KEPT_BY_MOTO}
        return answer

    def set_topic_attributes(
        self, context: RequestContext, request: SetTopicAttributesRequest
    ) -> SetTopicAttributesAnswer:
        name, value = request["AttributeName"], request.get("AttributeValue", "")
        topic = self.topic(context, request["TopicArn"])
        with refusals_of(NotificationError):
            check_topic_attribute(name, value, fifo=topic.get("FifoTopic") == "true")
        if name in _KEPT_BY_MOTO:
            answer: SetTopicAttributesAnswer = self.ask(context, "set_topic_attributes", request)
            return answer
        kept = self.topic_attributes.setdefault(request["TopicArn"], {})
        if value:
            kept[name] = value
        else:
            kept.pop(name, None)
        return {}

    def get_topic_attributes(
        self, context: RequestContext, request: GetTopicAttributesRequest
    ) -> GetTopicAttributesAnswer:
        return {"Attributes": self.topic(context, request["TopicArn"])}

    def delete_topic(self, context: RequestContext, request: DeleteTopicRequest) -> DeleteTopicAnswer:
        arn = request["TopicArn"]
        self.check_arn(context, arn)
        self.ask(context, "delete_topic", {"TopicArn": arn})
        self.topic_attributes.pop(arn, None)
        self.forget(arn)
        return {}


def _same(name: str, standing: str | None, requested: str) -> bool:
    if name in ("Policy", "DeliveryPolicy") and standing:
        try:
            return bool(json.loads(standing) == json.loads(requested))
        except ValueError:
            return False
    return (standing or "") == requested or (name == "FifoTopic" and requested.lower() == "false" and not standing)
