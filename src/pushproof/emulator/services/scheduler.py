"""EventBridge Scheduler over the substrate: schedules are checked, and invoke their targets when they are due.

https://docs.aws.amazon.com/scheduler/latest/APIReference/Welcome.html
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, NotRequired, TypedDict, cast

from pushproof.aws.arns import arn_of
from pushproof.emulator.events.bus import FIRST_DELAY, LONGEST_DELAY
from pushproof.emulator.events.targets import Courier, DeliveryError, deliver
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.services import Service
from pushproof.engines.events import is_occurring, next_occurrence

if TYPE_CHECKING:
    from types_boto3_events.type_defs import TargetOutputTypeDef

    from pushproof.emulator.kernel.loop import Outcome, Timer
    from pushproof.emulator.kernel.site import Envelope, Site

log = logging.getLogger(__name__)

PRINCIPAL = "scheduler.amazonaws.com"
_MOST_ATTEMPTS = 185


class Target(TypedDict):
    """A schedule's target, in the members that EventBridge's targets have too."""

    Arn: str
    RoleArn: str
    Input: NotRequired[str]
    EcsParameters: NotRequired[dict[str, object]]
    SqsParameters: NotRequired[dict[str, str]]
    RetryPolicy: NotRequired[dict[str, int]]


class ScheduleRequest(TypedDict):
    """The members of CreateSchedule and UpdateSchedule that are looked at here."""

    Name: str
    GroupName: NotRequired[str]
    ScheduleExpression: str
    ScheduleExpressionTimezone: NotRequired[str]
    State: NotRequired[str]
    StartDate: NotRequired[datetime]
    EndDate: NotRequired[datetime]
    ActionAfterCompletion: NotRequired[str]
    Target: Target


class DeleteScheduleRequest(TypedDict):
    """A schedule to delete."""

    Name: str
    GroupName: NotRequired[str]


class ScheduleAnswer(TypedDict):
    """The ARN of a schedule."""

    ScheduleArn: str


Key = tuple[str, str, str]


@dataclass(slots=True)
class Schedule:
    """A schedule. Times are AWS seconds; `begin` and `end` bound the times at which it is due."""

    arn: str
    expression: str
    zone: str
    enabled: bool
    since: float
    begin: float
    end: float
    completes: bool
    target: Target
    timer: Timer | None = None


class SchedulerService(Service):
    """Schedules, and their invocations."""

    overlay: ClassVar[bool] = True

    def __init__(self, site: Site, name: str) -> None:
        super().__init__(site, name)
        self._schedules: dict[Key, Schedule] = {}
        self._courier = Courier(site, site.permissions, _forward, PRINCIPAL)

    def create_schedule(self, context: RequestContext, request: ScheduleRequest) -> ScheduleAnswer:
        self._check(request)
        answer: ScheduleAnswer = self.ask(context, "CreateSchedule", request)
        self._put(context, request)
        return answer

    def update_schedule(self, context: RequestContext, request: ScheduleRequest) -> ScheduleAnswer:
        self._check(request)
        answer: ScheduleAnswer = self.ask(context, "UpdateSchedule", request)
        self._put(context, request)
        return answer

    def delete_schedule(self, context: RequestContext, request: DeleteScheduleRequest) -> None:
        self.ask(context, "DeleteSchedule", request)
        self._drop((context.region, request.get("GroupName") or "default", request["Name"]))

    def _check(self, request: ScheduleRequest) -> None:
        expression, zone = request["ScheduleExpression"], request.get("ScheduleExpressionTimezone") or "UTC"
        if not is_occurring(expression, "UTC"):
            raise _invalid(f"Invalid Schedule Expression {expression}.")
        if not is_occurring(expression, zone):
            raise _invalid(f"Invalid Schedule Expression Timezone {zone}.")
        target = request["Target"]
        if target["Arn"].split(":")[2] == "ecs" and not target.get("EcsParameters"):
            raise _invalid("EcsParameters is required for an Amazon ECS target.")
        try:
            self.site.assume(target["RoleArn"], PRINCIPAL, "scheduler")
        except AwsError as error:
            raise _invalid(
                "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
            ) from error

    def _put(self, context: RequestContext, request: ScheduleRequest) -> None:
        key = (context.region, request.get("GroupName") or "default", request["Name"])
        self._drop(key)
        now = self.site.clock.now()
        begin, end = request.get("StartDate"), request.get("EndDate")
        schedule = Schedule(
            arn=arn_of("scheduler", f"schedule/{key[1]}/{key[2]}", region=context.region, account=context.account_id),
            expression=request["ScheduleExpression"],
            zone=request.get("ScheduleExpressionTimezone") or "UTC",
            enabled=(request.get("State") or "ENABLED") == "ENABLED",
            since=self._aws(begin, now),
            begin=self._aws(begin, 0.0),
            end=self._aws(end, float("inf")),
            completes=request.get("ActionAfterCompletion") == "DELETE",
            target=request["Target"],
        )
        self._schedules[key] = schedule
        self._arm(key, schedule)

    def _aws(self, instant: datetime | None, otherwise: float) -> float:
        """Return an instant of a request in AWS seconds."""
        if instant is None:
            return otherwise
        clock = self.site.clock
        now = clock.now()
        return now + (instant - clock.stamp(now)).total_seconds()

    def _drop(self, key: Key) -> None:
        schedule = self._schedules.pop(key, None)
        if schedule is not None and schedule.timer is not None:
            schedule.timer.cancel()

    def _arm(self, key: Key, schedule: Schedule) -> None:
        """Wait for the next time; a schedule without one is completed."""
        if not schedule.enabled:
            return
        clock, now = self.site.clock, self.site.clock.now()
        # Expressions count on the calendar that the world shows.
        shown = clock.stamp(now).timestamp() - now
        after = max(now, schedule.begin)
        due = next_occurrence(schedule.expression, after + shown, since=schedule.since + shown, zone=schedule.zone)
        if due is None or due - shown > schedule.end:
            if schedule.completes:
                self._drop(key)
                group, name = key[1:]
                self.ask_in(key[0], "DeleteSchedule", {"GroupName": group, "Name": name})
            return
        schedule.timer = self.site.loop.call_at(
            due - shown, lambda: self._due(key, schedule), name=f"schedule {key[2]}"
        )

    def _due(self, key: Key, schedule: Schedule) -> None:
        if self._schedules.get(key) is schedule:
            self._attempt(schedule, 0)
            self._arm(key, schedule)

    def _attempt(self, schedule: Schedule, tried: int) -> None:
        def done(outcome: Outcome[None]) -> None:
            error = outcome.error
            if error is None:
                return
            if not isinstance(error, DeliveryError):
                outcome.get()
                return
            most = schedule.target.get("RetryPolicy", {}).get("MaximumRetryAttempts", _MOST_ATTEMPTS)
            if error.retriable and tried < most:
                delay = min(FIRST_DELAY * 2**tried, LONGEST_DELAY)
                self.site.loop.call_later(delay, lambda: self._attempt(schedule, tried + 1), name="schedule: again")
                return
            log.warning("the schedule %s could not invoke %s: %s", schedule.arn, schedule.target["Arn"], error.message)

        self.site.loop.submit(partial(_invoke, self._courier, schedule), done, name=f"invoke {schedule.target['Arn']}")


def _invoke(courier: Courier, schedule: Schedule) -> None:
    target: Any = schedule.target
    deliver(
        courier,
        target=cast("TargetOutputTypeDef", target),
        payload=schedule.target.get("Input") or json.dumps({}),
        event=cast("Envelope", {}),
        rule_arn=schedule.arn,
    )


def _forward(envelope: Mapping[str, Any], *, region: str, bus: str) -> None:  # noqa: ARG001
    """Refuse buses: Scheduler puts events of its own on them, which are not emulated."""
    raise DeliveryError("NOT_IMPLEMENTED", f"Pushproof does not put events of schedules on buses ({bus})")


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message, 400)
