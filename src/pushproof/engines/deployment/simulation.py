"""A whole rollout against a scripted world, on no clock but its own.

A script defines the behaviour of each task; `simulate` plays the world around the scheduler and records every step.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from .exchange import (
    AlarmReading,
    AlarmsRead,
    BridgeEvent,
    CheckListeners,
    Decision,
    DeregisterTarget,
    InvokeHook,
    ListenersChecked,
    Observation,
    ReadAlarms,
    RegisterTarget,
    ServiceEvent,
    ShiftAction,
    ShiftTraffic,
    StartTask,
    StopTask,
    TargetDrained,
    TargetHealthChanged,
    TaskHealthChanged,
    TaskObservation,
    TaskRunning,
    TaskStopped,
    TrafficShifted,
)
from .hookanswers import read_answer
from .scheduler import decide
from .state import LoadBalancer, ServiceState


@dataclass(frozen=True, slots=True)
class TaskScript:
    """The behaviour of one task; seconds, None for never. Times but the first count from RUNNING.

    `exits_after` stops the task by itself; `start_failure` stops it instead of RUNNING, with that reason.
    """

    start_seconds: float = 20.0
    start_failure: str | None = None
    container_healthy_after: float | None = 30.0
    container_unhealthy_after: float | None = None
    target_healthy_after: float | None = 10.0
    target_unhealthy_after: float | None = None
    exits_after: float | None = None
    stop_seconds: float = 5.0


Behave = Callable[[StartTask, float], TaskScript]
Change = Callable[[ServiceState, float], Decision]
AlarmStates = Callable[[str, float], str]
Functions = Callable[[InvokeHook, float], tuple[float, object]]
Shifts = Callable[[ShiftTraffic, float], str]


@dataclass(frozen=True, slots=True)
class Sample:
    """Counts after one decision, with the limits that held."""

    at: float
    active: int
    healthy: int
    minimum: int
    maximum: int
    desired: int
    lost: int
    """Tasks that were healthy and failed by themselves in this step."""


@dataclass(frozen=True, slots=True)
class Shift:
    """Traffic that was shifted: the weight of the balancers' group, in tenths of a percent."""

    at: float
    test: bool
    weight: int
    deployment_arn: str
    balancers: tuple[LoadBalancer, ...]


@dataclass(slots=True)
class Timeline:
    """The course of events until `ended_at`, in order. `exhausted` says that nothing more can happen."""

    state: ServiceState
    events: list[ServiceEvent] = field(default_factory=list)
    bridge: list[BridgeEvent] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    shifts: list[Shift] = field(default_factory=list)
    calls: list[tuple[float, InvokeHook]] = field(default_factory=list)
    decisions: int = 0
    started: int = 0
    ended_at: float = 0.0
    exhausted: bool = False

    def messages(self) -> list[str]:
        return [event.message for event in self.events]


def simulate(
    first: Decision,
    behave: Behave,
    *,
    now: float = 0.0,
    until: float = 24 * 3600.0,
    changes: Iterable[tuple[float, Change]] = (),
    drain_seconds: float = 30.0,
    alarms: AlarmStates = lambda _name, _at: "OK",
    functions: Functions = lambda _call, _at: (1.0, {"hookStatus": "SUCCEEDED"}),
    shifts: Shifts = lambda _order, _at: "",
    check: str = "",
) -> Timeline:
    """Carry out `first` and every decision after it, until no event is due or `until` is reached.

    `behave` scripts each task as it starts. `changes` are calls such as UpdateService with the instant they are made. `alarms`
    returns the state of an alarm at an instant. `functions` returns the seconds that a hook's function takes, and its answer.
    `shifts` returns the reason for which traffic cannot be shifted, and `check` is the result of the check of the listeners.
    """
    line = Timeline(first.state)
    world = _World(line, behave, drain_seconds, alarms)
    world.functions, world.shifts, world.check = functions, shifts, check
    for at, change in changes:
        world.push(at, change)
    world.carry_out(first, now, 0)
    while world.queue:
        at = world.queue[0][0]
        if at > until:
            break
        batch: list[Observation] = []
        calls: list[Change] = []
        while world.queue and world.queue[0][0] == at:
            item = heapq.heappop(world.queue)[2]
            if callable(item):
                calls.append(item)
            elif item is not None:
                batch.append(item)
        batch = [observation for observation in batch if world.still_true(observation)]
        losses = sum(world.is_loss(observation) for observation in batch)
        world.carry_out(decide(line.state, batch, at), at, losses)
        for call in calls:
            world.carry_out(call(line.state, at), at, 0)
    line.exhausted = not world.queue
    return line


class _World:
    def __init__(self, line: Timeline, behave: Behave, drain_seconds: float, alarms: AlarmStates) -> None:
        self.line = line
        self.alarms = alarms
        self.functions: Functions | None = None
        self.shifts: Shifts | None = None
        self.check = ""
        self.behave = behave
        self.drain_seconds = drain_seconds
        self.queue: list[tuple[float, int, Observation | Change | None]] = []
        self.scripts: dict[str, TaskScript] = {}
        self.order = 0
        self.wakes: set[float] = set()

    def push(self, at: float, item: Observation | Change | None) -> None:
        self.order += 1
        heapq.heappush(self.queue, (at, self.order, item))

    def still_true(self, observation: Observation) -> bool:
        """Return whether the task still runs: scripted events of a stopped task do not happen."""
        if not isinstance(observation, TaskObservation):
            return True
        task = self.line.state.tasks.get(observation.task_id)
        if task is None:
            return False
        if isinstance(observation, TaskRunning):
            return task.group == "PENDING"
        return True

    def is_loss(self, observation: Observation) -> bool:
        if not isinstance(observation, TaskObservation):
            return False
        task = self.line.state.tasks[observation.task_id]
        failing = (
            isinstance(observation, TaskStopped)
            or (isinstance(observation, TaskHealthChanged) and observation.status != "HEALTHY")
            or (isinstance(observation, TargetHealthChanged) and observation.state != "healthy")
        )
        return failing and task.group == "HEALTHY"

    def carry_out(self, decision: Decision, now: float, losses: int) -> None:
        line = self.line
        line.decisions += 1
        line.ended_at = now
        line.events += decision.events
        line.bridge += decision.bridge
        for action in decision.actions:
            if isinstance(action, StartTask):
                line.started += 1
                self._start(action, now)
            elif isinstance(action, StopTask):
                script = self.scripts.pop(action.task_id, None) or TaskScript()
                self.push(now + script.stop_seconds, TaskStopped(action.task_id, "ServiceSchedulerInitiated"))
            elif isinstance(action, RegisterTarget):
                self._register(action, now)
            elif isinstance(action, DeregisterTarget):
                self.push(now + self.drain_seconds, TargetDrained(action.task_id, action.target_group_arn))
            elif isinstance(action, ReadAlarms):
                readings = tuple(AlarmReading(name, self.alarms(name, now), 60.0) for name in action.names)
                self.push(now, AlarmsRead(action.deployment_arn, readings))
            else:
                self._answer(action, now)
        if decision.wake_at is not None and decision.wake_at not in self.wakes:
            self.wakes.add(decision.wake_at)
            self.push(decision.wake_at, None)
        state = line.state
        line.samples.append(
            Sample(
                at=now,
                active=state.active_count,
                healthy=state.healthy_count,
                minimum=state.configuration.minimum_healthy(state.desired_count),
                maximum=state.configuration.maximum(state.desired_count),
                desired=state.desired_count,
                lost=losses,
            )
        )

    def _answer(self, action: ShiftAction, now: float) -> None:
        """Check listeners, shift traffic, or call a function."""
        line = self.line
        if isinstance(action, CheckListeners):
            self.push(now, ListenersChecked(action.deployment_arn, self.check))
        elif isinstance(action, ShiftTraffic):
            assert self.shifts is not None
            problem = self.shifts(action, now)
            if not problem:
                line.shifts.append(Shift(now, action.test, action.weight, line.state.record.arn, action.balancers))
            self.push(now, TrafficShifted(action.order, problem))
        else:
            assert self.functions is not None
            line.calls.append((now, action))
            seconds, answer = self.functions(action, now)
            self.push(now + seconds, read_answer(action.hook_id, action.target_arn, answer))

    def _start(self, action: StartTask, now: float) -> None:
        task_id, script = action.task_id, self.behave(action, now)
        self.scripts[task_id] = script
        running = now + script.start_seconds
        if script.start_failure is not None:
            self.push(running, TaskStopped(task_id, "TaskFailedToStart", script.start_failure))
            return
        self.push(running, TaskRunning(task_id))
        if self.line.state.tasks[task_id].revision.container_check:
            if script.container_healthy_after is not None:
                self.push(running + script.container_healthy_after, TaskHealthChanged(task_id, "HEALTHY"))
            if script.container_unhealthy_after is not None:
                self.push(running + script.container_unhealthy_after, TaskHealthChanged(task_id, "UNHEALTHY"))
        if script.exits_after is not None:
            self.push(running + script.exits_after, TaskStopped(task_id))

    def _register(self, action: RegisterTarget, now: float) -> None:
        script = self.scripts.get(action.task_id, TaskScript())
        task_id, arn = action.task_id, action.target_group_arn
        if script.target_healthy_after is not None:
            self.push(now + script.target_healthy_after, TargetHealthChanged(task_id, arn, "healthy"))
        if script.target_unhealthy_after is not None:
            self.push(
                now + script.target_unhealthy_after,
                TargetHealthChanged(task_id, arn, "unhealthy", "Health checks failed"),
            )
