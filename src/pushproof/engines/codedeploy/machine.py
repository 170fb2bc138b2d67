"""The course of a deployment: news in, orders out.

https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-steps-ecs.html#deployment-steps-what-happens
A deployment that fails stays as it is. A rollback is a deployment of its own, which takes traffic and the service back to the
original task set, and removes the replacement.
https://docs.aws.amazon.com/codedeploy/latest/userguide/deployments-rollback-and-redeploy.html
"""

from __future__ import annotations

from . import wording
from .errors import CodeDeployError
from .events import HOOKED, LifecycleEvent, course
from .exchange import (
    AlarmsRead,
    Announcement,
    Answered,
    Begin,
    ContinueRequested,
    CreateTaskSet,
    Decision,
    DeleteTaskSet,
    HookReported,
    Inspect,
    InvokeHook,
    LookAtTaskSet,
    MakePrimary,
    News,
    ReadAlarms,
    ShiftTraffic,
    StopRequested,
)
from .routing import ALL
from .settings import CodeDeploySettings
from .state import Deployment, DeploymentStatus, Plan, Problem, RollbackCause, Stage

_BACK: tuple[Stage, ...] = (
    "BeforeInstall",
    "Install",
    "AfterInstall",
    "AllowTestTraffic",
    "AfterAllowTestTraffic",
    "BeforeAllowTraffic",
    "AllowTraffic",
    "Primary",
    "AfterAllowTraffic",
    "Terminate",
)


def create(identifier: str, plan: Plan, now: float, settings: CodeDeploySettings | None = None) -> Deployment:
    """Return a new deployment. It begins with the news `Begin`."""
    stages: list[Stage] = ["Inspect", "Leftovers", "BeforeInstall", "Install", "AfterInstall"]
    if plan.tests:
        stages += ["AllowTestTraffic", "AfterAllowTestTraffic"]
    if plan.ready_minutes is not None:
        stages.append("Ready")
    stages += ["BeforeAllowTraffic", "AllowTraffic", "Primary", "AfterAllowTraffic"]
    if plan.termination_minutes is not None:
        stages += ["TerminationWait", "Terminate"]
    chosen = settings or CodeDeploySettings()
    return Deployment(identifier, plan, chosen, now, course(tests=plan.tests), tuple(stages), updated_at=now)


def create_rollback(identifier: str, failed: Deployment, now: float) -> Deployment:
    """Return the deployment that takes a failed one back."""
    tests = failed.plan.tests
    plan = Plan(tests=tests, termination_minutes=0)
    stages = tuple(stage for stage in _BACK if tests or stage not in ("AllowTestTraffic", "AfterAllowTestTraffic"))
    return Deployment(
        identifier,
        plan,
        failed.settings,
        now,
        course(tests=tests),
        stages,
        updated_at=now,
        rolls_back=failed.id,
        original=failed.original,
        replacement=failed.replacement,
        production=failed.production,
        test=failed.test,
        replaced=failed.replaced,
    )


def step(state: Deployment, news: News, now: float) -> Decision:
    """Take news, and return what follows. News that come late change nothing.

    Raises:
        CodeDeployError: a request that the deployment cannot follow in its state; it leaves no trace.
    """
    turn = _Turn(state, now)
    turn.take(news)
    turn.advance()
    return turn.finish()


class _Turn:
    """A decision being put together."""

    def __init__(self, state: Deployment, now: float) -> None:
        self.state = state
        self.now = now
        self.decision = Decision(state)

    # News -------------------------------------------------------------------------------------------------------

    def take(self, news: News) -> None:
        state = self.state
        match news:
            case StopRequested():
                self._request_stop(news)
            case ContinueRequested():
                self._continue(news)
            case HookReported():
                self._report(news)
            case Begin() if state.status == "Created":
                self._set("InProgress")
                state.started_at = self.now
                self._announce("START")
                if state.plan.alarms:
                    state.alarms_at = self.now
            case Answered() if news.order == state.waiting_for and not state.ended:
                self._answer(news)
            case AlarmsRead() if not state.ended:
                self._alarms(news)
            case _:
                pass

    def _request_stop(self, news: StopRequested) -> None:
        state = self.state
        if state.ended:
            raise CodeDeployError(
                "DeploymentAlreadyCompletedException", f"The deployment {state.id} is already complete."
            )
        self._stop(Problem("MANUAL_STOP", wording.STOPPED), "DEPLOYMENT_STOP_ON_REQUEST", news.rolls_back)

    def _continue(self, news: ContinueRequested) -> None:
        state = self.state
        if state.ended:
            raise CodeDeployError(
                "DeploymentAlreadyCompletedException", f"The deployment {state.id} is already complete."
            )
        waits = state.stage == ("Ready" if news.wait == "READY_WAIT" else "TerminationWait")
        if not waits or not state.entered:
            raise CodeDeployError(
                "DeploymentIsNotInReadyStateException",
                "The deployment does not have a status of Ready and can't continue yet.",
            )
        self._next()

    def _report(self, news: HookReported) -> None:
        state = self.state
        if state.ended or news.execution != state.hook or not state.hook:
            raise CodeDeployError(
                "LifecycleEventAlreadyCompletedException",
                "An attempt to return the status of an already completed lifecycle event occurred.",
            )
        state.hook = state.waiting_for = ""
        if not news.succeeded:
            self._fail(Problem("HOOK_EXECUTION_FAILURE", wording.HOOK_FAILED))
        else:
            self._next()

    def _answer(self, news: Answered) -> None:
        state = self.state
        state.waiting_for = ""
        stage = state.stage
        if stage == "Install" and news.task_set and not state.replacement:
            # Remembered whatever else happened: a rollback has to remove it.
            state.replacement = news.task_set
        if news.problem is not None:
            self._fail(news.problem)
            return
        if stage == "Inspect":
            state.original, state.leftovers = news.task_set, list(news.others)
            self._next()
        elif stage == "Leftovers":
            state.step += 1
        elif stage == "Install":
            if news.steady:
                self._next()
            else:
                state.next_at = self.now + state.settings.poll_seconds
        elif stage == "AllowTestTraffic":
            state.test = 0 if state.rolls_back else ALL
            self._next()
        elif stage == "AllowTraffic":
            self._shifted()
        elif stage == "Primary":
            state.replaced = not state.rolls_back
            self._next()
        elif stage == "Terminate":
            self._next()
        # A hook's function has been invoked: its report is awaited.

    def _shifted(self) -> None:
        state = self.state
        if state.rolls_back:
            state.production = 0
            self._next()
            return
        done = state.plan.routing.steps()[state.step]
        state.production = done.weight
        if done.weight == ALL:
            self._next()
        else:
            state.step += 1
            state.next_at = self.now + done.seconds

    def _alarms(self, news: AlarmsRead) -> None:
        state = self.state
        state.reading_alarms = False
        state.alarms_at = self.now + state.settings.alarm_poll_seconds
        if news.active:
            problem = Problem("ALARM_ACTIVE", wording.alarms_active(news.active))
            self._stop(problem, "DEPLOYMENT_STOP_ON_ALARM", None)
        elif news.failed and not state.plan.ignores_unread_alarms:
            self._stop(Problem("ALARM_ACTIVE", wording.ALARMS_UNREAD), "DEPLOYMENT_STOP_ON_ALARM", None)

    # Ends -------------------------------------------------------------------------------------------------------

    def _stop(self, problem: Problem, cause: RollbackCause, rolls_back: bool | None) -> None:
        """Stop, once the order that is on its way has been answered."""
        state = self.state
        if state.stopping is None:
            state.stopping, state.stop_cause, state.stop_rolls_back = problem, cause, rolls_back
        if not state.waiting_for or state.hook:
            self._end("Stopped", state.stopping, state.stop_cause, state.stop_rolls_back)

    def _fail(self, problem: Problem) -> None:
        state = self.state
        if state.stopping is not None:
            self._end("Stopped", state.stopping, state.stop_cause, state.stop_rolls_back)
        else:
            self._end("Failed", problem, "DEPLOYMENT_FAILURE", None)

    def _end(self, status: DeploymentStatus, problem: Problem, cause: RollbackCause, rolls_back: bool | None) -> None:
        state = self.state
        state.problem = problem
        state.waiting_for = state.hook = ""
        for event in state.events:
            if event.status == "InProgress":
                event.status, event.ended_at, event.reason = "Failed", self.now, problem.message
            elif event.status == "Pending":
                event.status = "Skipped"
        self._complete(status, "FAILURE" if status == "Failed" else "STOP")
        wants = cause in state.plan.rolls_back_on if rolls_back is None else rolls_back
        self.decision.rolls_back = wants and not state.rolls_back

    def _complete(self, status: DeploymentStatus, announcement: Announcement) -> None:
        self._set(status)
        self.state.completed_at = self.now
        self._announce(announcement)

    # The course -------------------------------------------------------------------------------------------------

    def advance(self) -> None:
        """Go on until something has to be awaited."""
        state = self.state
        while state.status in ("InProgress", "Ready") and not state.waiting_for:
            if state.stopping is not None:
                self._end("Stopped", state.stopping, state.stop_cause, state.stop_rolls_back)
                return
            if state.stage is None:
                self._complete("Succeeded", "SUCCESS")
                return
            before = (state.index, state.step, state.entered)
            if not state.entered:
                self._enter()
            self._work()
            if (state.index, state.step, state.entered) == before:
                return

    def finish(self) -> Decision:
        """Add the next look at the clock, and at alarms."""
        state = self.state
        if state.status not in ("InProgress", "Ready"):
            return self.decision
        if state.alarms_at is not None and self.now >= state.alarms_at and not state.reading_alarms:
            state.reading_alarms = True
            self.decision.orders.append(ReadAlarms(state.plan.alarms))
        times = [None if state.reading_alarms else state.alarms_at]
        if not state.waiting_for:
            times += [state.next_at, state.deadline]
        self.decision.wake_at = min((at for at in times if at is not None), default=None)
        return self.decision

    def _enter(self) -> None:
        state, stage = self.state, self.state.stage
        state.entered, state.step, state.next_at, state.deadline = True, 0, None, None
        state.updated_at = self.now
        event = self._event()
        if event is not None:
            event.status, event.started_at = "InProgress", self.now
        if stage == "Install" and not state.rolls_back:
            state.deadline = self.now + state.settings.install_seconds
        elif stage == "Ready":
            self._set("Ready")
            self._announce("READY")
            state.deadline = self.now + (state.plan.ready_minutes or 0) * 60.0
        elif stage == "TerminationWait":
            state.deadline = self.now + (state.plan.termination_minutes or 0) * 60.0

    def _work(self) -> None:
        """Do what the present stage asks for at this moment."""
        state, stage = self.state, self.state.stage
        if stage is None:
            return
        if stage in HOOKED:
            self._run_hook(stage)
        elif stage == "Inspect":
            self._order(Inspect)
        elif stage == "Leftovers":
            self._clear_leftovers()
        elif stage == "Install":
            self._install()
        elif stage == "AllowTestTraffic":
            self._allow_test_traffic()
        elif stage == "AllowTraffic":
            self._allow_traffic()
        elif stage == "Primary":
            self._make_primary()
        elif stage == "Ready":
            if state.deadline is not None and self.now >= state.deadline:
                minutes = state.plan.ready_minutes or 0
                self._end("Stopped", Problem("TIMEOUT", wording.ready_timeout(minutes)), "DEPLOYMENT_FAILURE", None)
        elif stage == "TerminationWait":
            if state.deadline is not None and self.now >= state.deadline:
                self._next()
        elif stage == "Terminate":
            self._terminate()

    def _run_hook(self, stage: Stage) -> None:
        state = self.state
        function = state.plan.hooks.get(stage, "")
        if not function:
            self._next()
            return
        if state.hook:
            if state.deadline is not None and self.now >= state.deadline:
                self._fail(Problem("TIMEOUT", wording.HOOK_TIMEOUT))
            return
        state.deadline = self.now + state.settings.hook_seconds
        state.hook = f"{state.id}/{stage}"
        order = self._new_order()
        self.decision.orders.append(InvokeHook(order, stage, function, state.hook))

    def _clear_leftovers(self) -> None:
        """Take traffic from task sets that an earlier deployment left behind, then delete them."""
        state = self.state
        if state.step > len(state.leftovers) or not state.leftovers:
            self._next()
        elif state.step == 0:
            self._route(test=False, weight=0)
        else:
            self.decision.orders.append(DeleteTaskSet(self._new_order(), state.leftovers[state.step - 1]))

    def _install(self) -> None:
        state = self.state
        if state.rolls_back:
            self._next()
        elif not state.replacement:
            self._order(CreateTaskSet)
        elif state.deadline is not None and self.now >= state.deadline:
            self._fail(Problem("TIMEOUT", wording.install_timeout(state.settings.install_seconds)))
        elif state.next_at is None or self.now >= state.next_at:
            state.next_at = None
            self.decision.orders.append(LookAtTaskSet(self._new_order(), state.replacement))

    def _allow_test_traffic(self) -> None:
        state = self.state
        if state.rolls_back and state.test is None:
            self._next()
            return
        state.test = state.test or 0
        self._route(test=True, weight=0 if state.rolls_back else ALL)

    def _allow_traffic(self) -> None:
        state = self.state
        if state.rolls_back:
            if state.production is None:
                self._next()
            else:
                self._route(test=False, weight=0)
        elif state.next_at is None or self.now >= state.next_at:
            state.next_at = None
            # A shift that fails may have been made in part.
            state.production = state.production or 0
            self._route(test=False, weight=state.plan.routing.steps()[state.step].weight)

    def _make_primary(self) -> None:
        state = self.state
        if not state.rolls_back:
            # From the order on: whether a call that failed was carried out is not certain.
            state.replaced = True
            self.decision.orders.append(MakePrimary(self._new_order(), state.replacement))
        elif state.replaced:
            self.decision.orders.append(MakePrimary(self._new_order(), state.original))
        else:
            self._next()

    def _terminate(self) -> None:
        state = self.state
        gone = state.replacement if state.rolls_back else state.original
        if gone:
            self.decision.orders.append(DeleteTaskSet(self._new_order(), gone))
        else:
            self._next()

    def _route(self, *, test: bool, weight: int) -> None:
        self.decision.orders.append(ShiftTraffic(self._new_order(), test, weight))

    def _order(self, kind: type[Inspect] | type[CreateTaskSet]) -> None:
        self.decision.orders.append(kind(self._new_order()))

    def _new_order(self) -> str:
        state = self.state
        state.orders += 1
        state.waiting_for = f"{state.id}/{state.orders}"
        return state.waiting_for

    def _next(self) -> None:
        """Finish the present stage."""
        state = self.state
        event = self._event()
        if event is not None:
            event.status, event.ended_at = "Succeeded", self.now
        if state.status == "Ready":
            self._set("InProgress")
        state.index += 1
        state.entered, state.step, state.next_at, state.deadline = False, 0, None, None
        state.updated_at = self.now

    def _event(self) -> LifecycleEvent | None:
        stage = self.state.stage
        return None if stage is None else self.state.event(stage)

    def _set(self, status: DeploymentStatus) -> None:
        self.state.status = status
        self.state.updated_at = self.now

    def _announce(self, announcement: Announcement) -> None:
        self.decision.announced.append(announcement)
