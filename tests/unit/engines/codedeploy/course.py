"""A service between two task sets, as a deployment's orders change it; functions and alarms answer as a test says."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

from pushproof.engines.codedeploy import (
    AlarmsRead,
    Answered,
    Begin,
    CreateTaskSet,
    Decision,
    DeleteTaskSet,
    Deployment,
    HookReported,
    Inspect,
    InvokeHook,
    LookAtTaskSet,
    MakePrimary,
    News,
    Plan,
    Problem,
    ReadAlarms,
    ShiftTraffic,
    Tick,
    create,
    create_rollback,
    step,
)

START = 1000.0
Refuse = Callable[[object], Problem | None]


@dataclass
class Service:
    """Traffic and task sets: `production` is the percentage of each task set; `shifts` are all percentages, in their order."""

    steady_after: float | None = 60.0
    hooks: Callable[[str], tuple[float, bool] | None] = lambda _event: (5.0, True)
    alarm_at: float | None = None
    refuse: Refuse = lambda _order: None
    delay: float = 1.0
    now: float = START
    task_sets: list[str] = field(default_factory=lambda: ["blue"])
    primary: str = "blue"
    production: dict[str, int] = field(default_factory=lambda: {"blue": 100})
    test: str = "blue"
    shifts: list[tuple[float, int]] = field(default_factory=list)
    announced: list[tuple[str, str]] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)
    asked: list[tuple[str, float]] = field(default_factory=list)
    _queue: list[tuple[float, int, Deployment, News]] = field(default_factory=list)
    _wakes: dict[str, float | None] = field(default_factory=dict)
    _count: int = 0
    _born: float = 0.0

    def deploy(self, plan: Plan) -> Deployment:
        deployment = create(f"d-{len(self.deployments)}", plan, self.now)
        self.deployments.append(deployment)
        self.later(0.0, deployment, Begin())
        return deployment

    def later(self, seconds: float, deployment: Deployment, news: News) -> None:
        self._count += 1
        heapq.heappush(self._queue, (self.now + seconds, self._count, deployment, news))

    def run(self, until: Callable[[], bool] = lambda: False) -> None:
        """Play until nothing is left, or until a condition holds."""
        for _ in range(20_000):
            if not self._queue or until():
                return
            at, _, deployment, news = heapq.heappop(self._queue)
            if isinstance(news, Tick) and self._wakes.get(deployment.id) != at:
                # A later decision has named another time.
                continue
            self.now = max(self.now, at)
            try:
                decision = step(deployment, news, self.now)
            except ValueError:
                # A request or a report that comes too late.
                continue
            self.follow(decision)
        raise AssertionError("the deployment does not come to an end")

    def send(self, deployment: Deployment, news: News) -> None:
        self.follow(step(deployment, news, self.now))

    def follow(self, decision: Decision) -> None:
        deployment = decision.state
        self.announced += [(deployment.id, text) for text in decision.announced]
        for order in decision.orders:
            self.carry_out(deployment, order)
        if decision.rolls_back:
            back = create_rollback(f"d-{len(self.deployments)}", deployment, self.now)
            deployment.rolled_back_by = back.id
            self.deployments.append(back)
            self.later(0.0, back, Begin())
        self._wakes[deployment.id] = decision.wake_at
        if decision.wake_at is not None:
            self._wakes[deployment.id] = at = max(self.now, decision.wake_at)
            self._count += 1
            heapq.heappush(self._queue, (at, self._count, deployment, Tick()))

    def carry_out(self, deployment: Deployment, order: object) -> None:
        if isinstance(order, ReadAlarms):
            active = order.names if self.alarm_at is not None and self.now >= self.alarm_at else ()
            self.later(0.5, deployment, AlarmsRead(active))
            return
        problem = self.refuse(order)
        answer = Answered(order.order, problem=problem)  # type: ignore[attr-defined]
        if problem is None:
            answer = self.done(deployment, order)
        self.later(self.delay, deployment, answer)

    def done(self, deployment: Deployment, order: object) -> Answered:
        match order:
            case Inspect(order=identifier):
                others = tuple(item for item in self.task_sets if item != self.primary)
                return Answered(identifier, self.primary, others)
            case CreateTaskSet(order=identifier):
                self._count += 1
                name = f"green-{self._count}"
                self.task_sets.append(name)
                self._born = self.now
                return Answered(identifier, name)
            case LookAtTaskSet(order=identifier):
                steady = self.steady_after is not None and self.now >= self._born + self.steady_after
                return Answered(identifier, steady=steady)
            case InvokeHook(order=identifier, event=event, execution=execution):
                self.asked.append((event, self.now))
                answer = self.hooks(event)
                if answer is not None:
                    self.later(answer[0], deployment, HookReported(execution, answer[1]))
                return Answered(identifier)
            case ShiftTraffic(order=identifier, test=test, weight=weight):
                replacement = deployment.replacement or "another"
                if test:
                    self.test = replacement if weight else deployment.original
                else:
                    self.production = {deployment.original: 100 - weight, replacement: weight}
                    self.shifts.append((self.now, weight))
                return Answered(identifier)
            case MakePrimary(order=identifier, task_set=task_set):
                assert task_set in self.task_sets
                self.primary = task_set
                return Answered(identifier)
            case DeleteTaskSet(order=identifier, task_set=task_set):
                assert task_set != self.primary, "the primary task set cannot be deleted"
                self.task_sets.remove(task_set)
                return Answered(identifier)
        raise AssertionError(order)
