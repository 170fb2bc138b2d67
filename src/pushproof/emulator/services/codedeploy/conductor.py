"""The link between the engine of deployments and the world: carries out its orders, and reports the answers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from pushproof.emulator.kernel.functions import HookInvoker
from pushproof.emulator.kernel.loop import Outcome
from pushproof.engines.codedeploy import (
    AlarmsRead,
    Answered,
    CreateTaskSet,
    DeleteTaskSet,
    Inspect,
    InvokeHook,
    LookAtTaskSet,
    MakePrimary,
    News,
    Order,
    Problem,
    ReadAlarms,
    ShiftTraffic,
    Tick,
    step,
)

from .calls import Inspection, RoleCalls
from .model import Record, Region
from .notices import Notices
from .refused import Refused
from .targets import seen

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import TaskSetTypeDef

    from pushproof.emulator.kernel.site import Site

T = TypeVar("T")
log = logging.getLogger(__name__)


class Conductor:
    """Carries out deployments. `roll_back` is called with a deployment that another one has to take back."""

    def __init__(self, site: Site, functions: HookInvoker, roll_back: Callable[[Region, Record], None]) -> None:
        self._site = site
        self._functions = functions
        self._roll_back = roll_back
        self._notices = Notices(site)

    def feed(self, region: Region, record: Record, news: News) -> None:
        """Tell the engine news, and carry out what follows. Raises CodeDeployError for a request that it refuses."""
        decision = step(record.state, news, self._site.clock.now())
        calls = RoleCalls(self._site, self._functions, record)
        # Before the orders: with a virtual clock, a function reports while it is being invoked.
        if record.timer is not None:
            record.timer.cancel()
            record.timer = None
        if decision.wake_at is not None:
            record.timer = self._site.loop.call_at(
                decision.wake_at, partial(self.feed, region, record, Tick()), name=f"deployment {record.id}"
            )
        if record.state.ended:
            self._close(region, record)
        for announcement in decision.announced:
            self._notices.announce(region, record, announcement, calls)
        for order in decision.orders:
            self._carry_out(region, record, order, calls)
        if decision.rolls_back:
            self._roll_back(region, record)

    def look_again(self, record: Record) -> None:
        """Bring what is shown of the task sets up to date, as AWS itself reads it."""
        service = record.options.service
        client = self._site.client("ecs", region=record.region)
        answer = client.describe_services(
            cluster=service.get("clusterName", "default"), services=[service.get("serviceName", "")]
        )
        for described in answer["services"]:
            seen(record, described.get("taskSets", []))

    def _close(self, region: Region, record: Record) -> None:
        group = region.group(record)
        if group is not None and record.state.status == "Succeeded":
            group.succeeded, group.revision = record.id, record.revision

    def _carry_out(self, region: Region, record: Record, order: Order, calls: RoleCalls) -> None:
        """Begin what an order asks for, off the lock; its answer is the next news."""
        ask = partial(self._ask, region, record)
        match order:
            case ReadAlarms(names=names):
                self._read_alarms(region, record, names, calls)
            case Inspect(order=key):
                ask(key, calls.inspect, partial(_inspected, record, key))
            case CreateTaskSet(order=key):
                ask(key, calls.create_task_set, lambda task_set: Answered(key, task_set))
            case LookAtTaskSet(order=key, task_set=task_set):
                ask(key, calls.look, partial(_looked, record, key, task_set))
            case InvokeHook(order=key):
                ask(key, partial(calls.invoke, order), lambda _: Answered(key))
            case ShiftTraffic(order=key, test=test, weight=weight):
                ask(key, partial(calls.shift, test=test, weight=weight), lambda _: Answered(key))
            case MakePrimary(order=key, task_set=task_set):
                ask(key, partial(calls.make_primary, task_set), lambda _: Answered(key))
            case DeleteTaskSet(order=key, task_set=task_set):
                ask(key, partial(calls.delete_task_set, task_set), lambda _: Answered(key))

    def _ask(
        self, region: Region, record: Record, order: str, work: Callable[[], T], answer: Callable[[T], Answered]
    ) -> None:
        def done(outcome: Outcome[T]) -> None:
            self.feed(region, record, _failed(order, outcome.error) if outcome.error else answer(outcome.get()))

        self._site.loop.submit(work, done, name=f"deployment {record.id}")

    def _read_alarms(self, region: Region, record: Record, names: tuple[str, ...], calls: RoleCalls) -> None:
        def done(outcome: Outcome[tuple[str, ...]]) -> None:
            if outcome.error is not None:
                log.warning("the alarms of %s could not be read: %s", record.id, outcome.error)
            self.feed(region, record, AlarmsRead(outcome.value or (), failed=outcome.error is not None))

        self._site.loop.submit(partial(calls.active_alarms, names), done, name=f"alarms of {record.id}")


def _inspected(record: Record, order: str, inspection: Inspection) -> Answered:
    record.blue, record.green = inspection.blue, inspection.green
    if inspection.appspec is not None:
        record.appspec = inspection.appspec
        record.state.plan = replace(record.state.plan, hooks=dict(inspection.appspec.hooks))
    seen(record, inspection.task_sets)
    return Answered(order, inspection.primary, inspection.others)


def _looked(record: Record, order: str, task_set: str, task_sets: list[TaskSetTypeDef]) -> Answered:
    seen(record, task_sets)
    steady = any(item["id"] == task_set and item.get("stabilityStatus") == "STEADY_STATE" for item in task_sets)
    return Answered(order, steady=steady)


def _failed(order: str, error: BaseException) -> Answered:
    if isinstance(error, Refused):
        return Answered(order, problem=error.problem)
    log.error("a deployment failed inside", exc_info=error)
    return Answered(order, problem=Problem("INTERNAL_ERROR", f"Pushproof failed inside: {error!r}"))
