"""Rules, targets and archives, checked before the substrate stores them.

Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, ClassVar

from botocore.exceptions import ClientError

from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.services.events.base import bus_of, compiled
from pushproof.emulator.services.events.connections import Connections
from pushproof.emulator.services.events.putting import Putting
from pushproof.engines.events import MAXIMUM_TARGETS, InvalidTarget, check_targets, is_schedule, next_occurrence

if TYPE_CHECKING:
    from types_boto3_events.type_defs import RemoveTargetsResultEntryTypeDef, TargetOutputTypeDef

    from pushproof.emulator.events.bus import Bus
    from pushproof.emulator.kernel.loop import Timer
    from pushproof.emulator.kernel.shapes.events import (
        CreateArchiveAnswer,
        CreateArchiveRequest,
        DescribeArchiveAnswer,
        DescribeArchiveRequest,
        DescribeRuleAnswer,
        DescribeRuleRequest,
        ListTargetsByRuleAnswer,
        ListTargetsByRuleRequest,
        PutRuleAnswer,
        PutRuleRequest,
        PutTargetsAnswer,
        PutTargetsRequest,
        RemoveTargetsAnswer,
        RemoveTargetsRequest,
        UpdateArchiveAnswer,
        UpdateArchiveRequest,
    )
    from pushproof.emulator.kernel.site import Site

#: "Event pattern size: 2,048 characters", measured: a pattern of 2,107 is refused.
MAXIMUM_PATTERN = 2048


class EventsService(Connections, Putting):
    """Refuses what EventBridge refuses; puts events on the world's bus."""

    # : Replaying needs an archive's events, which exist only in the history of this world.
    refused: ClassVar[frozenset[str]] = frozenset({"StartReplay", "CancelReplay", "DescribeReplay", "ListReplays"})

    def __init__(self, site: Site, name: str, *, bus: Bus) -> None:
        super().__init__(site, name)
        self._bus = bus
        # By region and name: the next time of each rule with a schedule.
        self._timers: dict[tuple[str, str], Timer] = {}
        # By region and name: an archive counts the events after its creation.
        self._archived_since: dict[tuple[str, str], float] = {}

    def put_rule(self, context: RequestContext, request: PutRuleRequest) -> PutRuleAnswer:
        pattern, schedule = request.get("EventPattern"), request.get("ScheduleExpression")
        if not pattern and not schedule:
            raise AwsError("ValidationException", "Parameter(s) EventPattern or ScheduleExpression must be specified.")
        if pattern:
            if len(pattern) > MAXIMUM_PATTERN:
                name = request["Name"]
                raise AwsError(
                    "ValidationException", f"Parameter EventPattern for rule {name} exceeds limit of {MAXIMUM_PATTERN}."
                )
            compiled(pattern)
        if schedule:
            if not is_schedule(schedule):
                raise AwsError("ValidationException", "Parameter ScheduleExpression is not valid.")
            if bus_of(request) != "default":
                raise AwsError("ValidationException", "ScheduleExpression is supported only on the default event bus.")
        answer: PutRuleAnswer = self.pass_on(context, "put_rule", request)
        if schedule:
            self._arm(context.region, request["Name"], schedule, self.site.clock.now())
        return answer

    def _arm(self, region: str, name: str, expression: str, since: float) -> None:
        """Wait for the next time of a rule's schedule; a rate counts from `since`."""
        timer = self._timers.pop((region, name), None)
        if timer is not None:
            timer.cancel()
        clock, now = self.site.clock, self.site.clock.now()
        # Expressions count on the calendar that the world shows.
        shown = clock.stamp(now).timestamp() - now
        due = next_occurrence(expression, now + shown, since=since + shown)
        if due is not None:
            self._timers[(region, name)] = self.site.loop.call_at(
                due - shown, lambda: self._due(region, name, expression, since), name=f"schedule of rule {name}"
            )

    def _due(self, region: str, name: str, expression: str, since: float) -> None:
        """Deliver to a rule's targets, unless it is off; a rule that is gone or has another schedule is not waited for."""
        try:
            rule = self.site.substrate.client("events", region).describe_rule(Name=name)
        except ClientError:
            return
        if rule.get("ScheduleExpression") != expression:
            return
        if rule.get("State", "ENABLED") != "DISABLED":
            self._bus.scheduled(name, rule["Arn"], region=region)
        self._arm(region, name, expression, since)

    def describe_rule(self, context: RequestContext, request: DescribeRuleRequest) -> DescribeRuleAnswer:
        answer: DescribeRuleAnswer = self.pass_on(context, "describe_rule", request)
        return answer

    def list_targets_by_rule(
        self, context: RequestContext, request: ListTargetsByRuleRequest
    ) -> ListTargetsByRuleAnswer:
        answer: ListTargetsByRuleAnswer = self.pass_on(context, "list_targets_by_rule", request)
        return answer

    def put_targets(self, context: RequestContext, request: PutTargetsRequest) -> PutTargetsAnswer:
        try:
            check_targets(request["Targets"], region=context.region)
        except InvalidTarget as error:
            raise AwsError("ValidationException", error.reason) from error
        before = {target["Id"] for target in self._targets(context, request)}
        if len(before | {target["Id"] for target in request["Targets"]}) > MAXIMUM_TARGETS:
            raise AwsError("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
        answer: PutTargetsAnswer = self.pass_on(context, "put_targets", request)
        return answer

    def remove_targets(self, context: RequestContext, request: RemoveTargetsRequest) -> RemoveTargetsAnswer:
        target_ids = {target["Id"] for target in self._targets(context, request)}
        answer: RemoveTargetsAnswer = self.pass_on(context, "remove_targets", request)
        missing = [identifier for identifier in request["Ids"] if identifier not in target_ids]
        failed: list[RemoveTargetsResultEntryTypeDef] = [
            {
                "TargetId": identifier,
                "ErrorCode": "ResourceNotFoundException",
                "ErrorMessage": f"Rule {request['Rule']} does not have a target with the Id {identifier}.",
            }
            for identifier in missing
        ]
        answer["FailedEntryCount"], answer["FailedEntries"] = len(failed), failed
        return answer

    def _targets(
        self, context: RequestContext, request: PutTargetsRequest | RemoveTargetsRequest
    ) -> list[TargetOutputTypeDef]:
        selection: ListTargetsByRuleRequest = {"Rule": request["Rule"]}
        if "EventBusName" in request:
            selection["EventBusName"] = request["EventBusName"]
        answer: ListTargetsByRuleAnswer = self.pass_on(context, "list_targets_by_rule", selection)
        return answer["Targets"]

    def create_archive(self, context: RequestContext, request: CreateArchiveRequest) -> CreateArchiveAnswer:
        if request.get("EventPattern"):
            compiled(request["EventPattern"])
        answer: CreateArchiveAnswer = self.pass_on(context, "create_archive", request)
        self._archived_since[context.region, request["ArchiveName"]] = self.site.clock.now()
        return answer

    def update_archive(self, context: RequestContext, request: UpdateArchiveRequest) -> UpdateArchiveAnswer:
        if not any(request.get(name) is not None for name in ("EventPattern", "RetentionDays", "Description")):
            raise AwsError(
                "ValidationException", "At least one of EventPattern, RetentionDays or Description must be provided."
            )
        if request.get("EventPattern"):
            compiled(request["EventPattern"])
        answer: UpdateArchiveAnswer = self.pass_on(context, "update_archive", request)
        return answer

    def describe_archive(self, context: RequestContext, request: DescribeArchiveRequest) -> DescribeArchiveAnswer:
        answer: DescribeArchiveAnswer = self.pass_on(context, "describe_archive", request)
        pattern = compiled(answer["EventPattern"]) if answer.get("EventPattern") else None
        since = self._archived_since.get((context.region, request["ArchiveName"]), 0.0)
        bus = answer["EventSourceArn"].rsplit("/", 1)[-1]
        events = [
            event.envelope
            for event in self._bus.history
            if (event.region, event.bus) == (context.region, bus) and event.at >= since
        ]
        kept = [event for event in events if pattern is None or pattern.matches(event)]
        answer["EventCount"], answer["SizeBytes"] = len(kept), sum(len(json.dumps(event)) for event in kept)
        return answer
