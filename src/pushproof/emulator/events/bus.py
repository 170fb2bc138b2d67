"""The event bus: events of AWS services, delivered by the account's own EventBridge rules.

Rules, targets, connections and API destinations are read from the substrate when events are matched, so that their origin and age
do
not matter. Delivery is retried with a back-off on the world's clock, as the target's retry policy allows.
Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
"""

from __future__ import annotations

import functools
import json
import logging
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from botocore.exceptions import ClientError

from pushproof.aws.arns import region_of
from pushproof.emulator.events.targets import PRINCIPAL, Courier, DeliveryError, deliver
from pushproof.emulator.kernel.instants import iso
from pushproof.emulator.kernel.loop import Outcome
from pushproof.engines.events import (
    MISSING,
    EventError,
    EventPattern,
    NoResult,
    RuleFacts,
    compile_input_path,
    compile_pattern,
    compile_transformer,
)

if TYPE_CHECKING:
    from types_boto3_events.client import EventBridgeClient
    from types_boto3_events.type_defs import (
        ListRulesRequestTypeDef,
        ListTargetsByRuleRequestTypeDef,
        RuleTypeDef,
        TargetOutputTypeDef,
    )

    from pushproof.emulator.kernel.site import Envelope, Ground, Permissions

log = logging.getLogger(__name__)

#: "By default, EventBridge retries sending the event for 24 hours and up to 185 times with an exponential back off."
MAXIMUM_ATTEMPTS = 185
MAXIMUM_AGE = 86_400.0
FIRST_DELAY = 1.0
LONGEST_DELAY = 480.0


@dataclass(frozen=True, slots=True)
class PublishedEvent:
    """An event as it was put on the bus: AWS time, region, and the envelope that EventBridge documents.

    `forwarded`: the event came over another bus.
    """

    at: float
    region: str
    envelope: Envelope
    bus: str = "default"
    forwarded: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one target. `status` is delivering, delivered, failed or dead-lettered."""

    event: PublishedEvent
    rule_arn: str
    rule_name: str
    target: TargetOutputTypeDef
    payload: str = ""
    attempts: int = 0
    status: str = "delivering"
    error_code: str = ""
    error_message: str = ""
    finished_at: float | None = None


class Bus:
    """Publishes events; delivery reads rules and targets from the substrate."""

    # : What is no part of a kept world.
    not_kept: ClassVar[tuple[str, ...]] = ("_compiled",)

    def __init__(self, ground: Ground, permissions: Permissions) -> None:
        self._ground = ground
        self._courier = Courier(ground, permissions, self.forward)
        self.history: deque[PublishedEvent] = deque(maxlen=10_000)
        # : Finished deliveries, oldest first, for tests and the report.
        self.deliveries: deque[Delivery] = deque(maxlen=10_000)
        self._pending: list[PublishedEvent] = []
        self._matching = False
        self._compiled = functools.lru_cache(maxsize=1024)(compile_pattern)

    def publish(
        self, source: str, detail_type: str, detail: Mapping[str, object], *, resources: list[str], region: str
    ) -> Envelope:
        """Put an event of an AWS service on the default bus, and return its envelope.

        Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
        """
        at = self._ground.clock.now()
        time = iso(self._ground.clock.stamp(at))
        return self.put(source, detail_type, detail, resources=resources, region=region, time=time)

    def put(
        self,
        source: str,
        detail_type: str,
        detail: Mapping[str, object],
        *,
        resources: list[str],
        region: str,
        time: str,
        bus: str = "default",
    ) -> Envelope:
        """Put an event on a bus, with the time that it shows, and return its envelope."""
        envelope: Envelope = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": detail_type,
            "source": source,
            "account": self._ground.account_id,
            "time": time,
            "region": region,
            "resources": resources,
            "detail": detail,
        }
        self._add(PublishedEvent(self._ground.clock.now(), region, envelope, bus))
        return envelope

    def forward(self, envelope: Envelope, *, region: str, bus: str) -> None:
        """Put an event from another bus on a bus, unchanged."""
        self._add(PublishedEvent(self._ground.clock.now(), region, envelope.copy(), bus, forwarded=True))

    def scheduled(self, rule: str, arn: str, *, region: str) -> None:
        """Deliver the event of a rule's schedule to the targets of that rule, and to no other rule.

        Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html
        """
        at = self._ground.clock.now()
        envelope: Envelope = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": self._ground.account_id,
            "time": iso(self._ground.clock.stamp(at)),
            "region": region,
            "resources": [arn],
            "detail": {},
        }
        event = PublishedEvent(at, region, envelope)

        def prepare() -> list[Delivery]:
            client = self._ground.substrate.client("events", region)
            shown = client.describe_rule(Name=rule)
            whole: RuleTypeDef = {"Name": rule, "Arn": shown["Arn"]}
            return [self._prepare(event, whole, target) for target in _targets(client, rule, "default")]

        self._ground.loop.submit(prepare, self._begin, name=f"bus: schedule of {rule}")

    def _begin(self, outcome: Outcome[list[Delivery]]) -> None:
        for delivery in outcome.get():
            if delivery.status == "delivering":
                self._attempt(delivery)
            else:
                self._finish(delivery)

    def _add(self, event: PublishedEvent) -> None:
        with self._ground.loop.lock:
            self.history.append(event)
            self._pending.append(event)
            if not self._matching:
                self._matching = True
                self._ground.loop.call_soon(self._match_pending, name="bus")

    # Events are matched in batches, so that a burst of them reads the rules once.

    def _match_pending(self) -> None:
        events, self._pending = self._pending, []
        self._ground.loop.submit(lambda: self._match(events), self._matched, name="bus: match")

    def _matched(self, outcome: Outcome[list[Delivery]]) -> None:
        self._matching = bool(self._pending)
        if self._pending:
            self._ground.loop.call_soon(self._match_pending, name="bus")
        self._begin(outcome)

    def _match(self, events: list[PublishedEvent]) -> list[Delivery]:
        deliveries: list[Delivery] = []
        for region, bus in dict.fromkeys((event.region, event.bus) for event in events):
            client = self._ground.substrate.client("events", region)
            of_this_bus = [event for event in events if (event.region, event.bus) == (region, bus)]
            for rule in _rules(client, bus):
                pattern = self._pattern(rule)
                matching = [event for event in of_this_bus if pattern and pattern.matches(event.envelope)]
                if matching:
                    targets = _targets(client, rule["Name"], bus)
                    deliveries += [self._prepare(event, rule, target) for event in matching for target in targets]
        return deliveries

    def _pattern(self, rule: RuleTypeDef) -> EventPattern | None:
        # EventBridge's own managed rule feeds an archive, which is counted from the history.
        if rule.get("State", "ENABLED") == "DISABLED" or not rule.get("EventPattern") or rule.get("ManagedBy"):
            return None
        try:
            return self._compiled(rule["EventPattern"])
        except EventError as error:
            # Only a rule that bypassed the gateway can be malformed: PutRule refuses it.
            log.warning("rule %s is ignored: %s", rule["Name"], error)
            return None

    def _prepare(self, event: PublishedEvent, rule: RuleTypeDef, target: TargetOutputTypeDef) -> Delivery:
        delivery = Delivery(event, rule["Arn"], rule["Name"], target)
        try:
            return replace(delivery, payload=self._payload(event, rule, target))
        except (EventError, NoResult) as error:
            return replace(delivery, status="failed", error_code="INVALID_JSON", error_message=str(error))

    def _payload(self, event: PublishedEvent, rule: RuleTypeDef, target: TargetOutputTypeDef) -> str:
        if target.get("Input") is not None:
            return str(target["Input"])
        if target.get("InputPath") is not None:
            part = compile_input_path(target["InputPath"]).find(event.envelope)
            if part is MISSING:
                raise NoResult(f"InputPath {target['InputPath']} finds nothing in the event")
            return json.dumps(part)
        transformer = target.get("InputTransformer")
        if transformer is not None:
            compiled = compile_transformer(transformer.get("InputPathsMap") or {}, transformer["InputTemplate"])
            stamp = iso(self._ground.clock.stamp(event.at))
            return compiled.apply(event.envelope, RuleFacts(rule["Arn"], rule["Name"], stamp))
        return json.dumps(event.envelope)

    # Attempts.

    def _attempt(self, delivery: Delivery) -> None:
        delivery = replace(delivery, attempts=delivery.attempts + 1)
        self._ground.loop.submit(
            lambda: deliver(
                self._courier,
                target=delivery.target,
                payload=delivery.payload,
                event=delivery.event.envelope,
                forwarded=delivery.event.forwarded,
                rule_arn=delivery.rule_arn,
            ),
            lambda outcome: self._attempted(delivery, outcome),
            name=f"bus: deliver to {delivery.target['Arn']}",
        )

    def _attempted(self, delivery: Delivery, outcome: Outcome[None]) -> None:
        error = outcome.error
        if error is None:
            self._finish(replace(delivery, status="delivered", error_code="", error_message=""))
            return
        if not isinstance(error, DeliveryError):
            error = DeliveryError("INTERNAL_ERROR", repr(error), retriable=True)
        delivery = replace(delivery, error_code=error.code, error_message=error.message)
        delay = min(FIRST_DELAY * 2 ** (delivery.attempts - 1), LONGEST_DELAY)
        if error.retriable and self._may_retry(delivery, delay):
            log.info("delivery to %s failed, again in %.0f s: %s", delivery.target["Arn"], delay, error.message)
            self._ground.loop.call_later(delay, lambda: self._attempt(delivery), name="bus: retry")
            return
        self._give_up(delivery)

    def _may_retry(self, delivery: Delivery, delay: float) -> bool:
        policy = delivery.target.get("RetryPolicy") or {}
        retries = policy.get("MaximumRetryAttempts", MAXIMUM_ATTEMPTS)
        age = policy.get("MaximumEventAgeInSeconds", MAXIMUM_AGE)
        waited = self._ground.clock.now() + delay - delivery.event.at
        return bool(delivery.attempts <= retries and waited <= age)

    def _give_up(self, delivery: Delivery) -> None:
        log.warning(
            "rule %s could not deliver to %s: %s", delivery.rule_name, delivery.target["Arn"], delivery.error_message
        )
        queue = (delivery.target.get("DeadLetterConfig") or {}).get("Arn")
        if not queue:
            self._finish(replace(delivery, status="failed"))
            return
        self._ground.loop.submit(
            lambda: _dead_letter(self._courier, delivery, queue),
            lambda outcome: self._finish(replace(delivery, status="failed" if outcome.error else "dead-lettered")),
            name="bus: dead letter",
        )

    def _finish(self, delivery: Delivery) -> None:
        self.deliveries.append(replace(delivery, finished_at=self._ground.clock.now()))


def _rules(client: EventBridgeClient, bus: str) -> list[RuleTypeDef]:
    """Return the rules of a bus. Events on a bus that does not exist are dropped."""
    rules: list[RuleTypeDef] = []
    request: ListRulesRequestTypeDef = {"EventBusName": bus}
    while True:
        try:
            page = client.list_rules(**request)
        except ClientError as error:
            if "NotFound" not in error.response["Error"]["Code"]:
                raise
            return []
        rules += page["Rules"]
        if not page.get("NextToken"):
            return rules
        request["NextToken"] = page["NextToken"]


def _targets(client: EventBridgeClient, rule: str, bus: str) -> list[TargetOutputTypeDef]:
    targets: list[TargetOutputTypeDef] = []
    request: ListTargetsByRuleRequestTypeDef = {"Rule": rule, "EventBusName": bus}
    while True:
        page = client.list_targets_by_rule(**request)
        targets += page["Targets"]
        if not page.get("NextToken"):
            return targets
        request["NextToken"] = page["NextToken"]


def _dead_letter(courier: Courier, delivery: Delivery, queue_arn: str) -> None:
    """Send a failed delivery to its queue. Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html"""
    attributes = {
        "RULE_ARN": delivery.rule_arn,
        "TARGET_ARN": delivery.target["Arn"],
        "ERROR_CODE": delivery.error_code,
        "ERROR_MESSAGE": delivery.error_message[:1024],
        "RETRY_ATTEMPTS": str(delivery.attempts - 1),
    }
    region, name = region_of(queue_arn), queue_arn.rsplit(":", 1)[1]
    courier.permissions.require_service(
        PRINCIPAL, "sqs:SendMessage", queue_arn, source_arn=delivery.rule_arn, region=region
    )
    sqs = courier.ground.substrate.client("sqs", region)
    sqs.send_message(
        QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"],
        MessageBody=json.dumps(delivery.event.envelope),
        MessageAttributes={
            key: {"DataType": "String", "StringValue": value} for key, value in attributes.items() if value
        },
    )
