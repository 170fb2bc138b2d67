"""A caller of the task engine that answers its effects in any order, and keeps its own account of what happened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pushproof.engines.tasks import (
    AnnounceState,
    AttachInterface,
    CancelReminder,
    Container,
    ContainerExited,
    ContainersStarted,
    ContainersStopped,
    ContainerStarted,
    ContainerStartFailed,
    DeleteInterface,
    Effect,
    HealthChecked,
    ImagesPulled,
    InterfaceAttached,
    InterfaceDeleted,
    InterfaceRefused,
    PreparationFailed,
    PullImages,
    Remind,
    Reminder,
    RunHealthCheck,
    StartContainer,
    StartContainers,
    StartFailed,
    Step,
    StopContainers,
    TaskEvent,
    TaskState,
    TaskTiming,
    launch,
    step,
)

TIMING = TaskTiming()


@dataclass(slots=True)
class Account:
    """The truth about one container, kept without looking at the engine's state."""

    started: bool = False
    exit_code: int | None = None
    healthy: bool = False


@dataclass(slots=True)
class Drive:
    """A task, the answers and reminders that are still to come, and everything that was announced and ordered."""

    containers: tuple[Container, ...]
    timing: TaskTiming = TIMING
    now: float = 1000.0
    state: TaskState = field(init=False)
    unanswered: list[Effect] = field(default_factory=list)
    reminders: dict[Reminder, float] = field(default_factory=dict)
    announced: list[TaskState] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    accounts: dict[str, Account] = field(default_factory=dict)
    stopped_running: bool = False

    def __post_init__(self) -> None:
        self.accounts = {container.name: Account() for container in self.containers}
        self._take(launch(self.containers, self.now, self.timing))

    def tell(self, event: TaskEvent) -> Step:
        """Send one event, and take its consequences in."""
        change = step(self.state, event, self.now, self.timing)
        if change.ignored is None:
            self._note(event)
        self._take(change)
        return change

    def answers(self, effect: Effect) -> Iterator[TaskEvent]:
        """The answers that an effect can get, the good one first."""
        match effect:
            case AttachInterface():
                yield InterfaceAttached()
                yield InterfaceRefused("no address left")
            case PullImages():
                yield ImagesPulled()
                yield PreparationFailed("CannotPullContainerError: x", self.containers[0].name)
            case StartContainers():
                yield ContainersStarted()
                yield StartFailed("CannotStartContainerError: x")
            case StartContainer(name):
                yield ContainerStarted(name)
                yield ContainerStartFailed(name, "no such file")
            case RunHealthCheck(name):
                yield HealthChecked(name, True)
                yield HealthChecked(name, False)
            case StopContainers():
                yield ContainersStopped({name: 143 for name, account in self.accounts.items() if account.started})
                yield ContainersStopped()
            case DeleteInterface():
                yield InterfaceDeleted()
            case _:
                raise AssertionError(f"{effect} wants no answer")

    def answer(self, index: int, choice: int = 0) -> Step:
        """Answer one of the unanswered effects."""
        effect = self.unanswered.pop(index)
        possible = list(self.answers(effect))
        return self.tell(possible[choice % len(possible)])

    def remind(self, index: int = 0) -> Step:
        """Let time pass to a reminder, and send it. Timers of others may be late, never early."""
        event = sorted(self.reminders, key=lambda known: self.reminders[known])[index]
        self.now = max(self.now, self.reminders.pop(event))
        return self.tell(event)

    def finish(self) -> None:
        """Answer well, and send every reminder, until nothing is left to come."""
        for _ in range(1000):
            if self.unanswered:
                self.answer(0)
            elif self.reminders and self.state.last_status != "STOPPED":
                self.remind()
            else:
                return
        raise AssertionError("the task goes on for ever")

    def exit(self, name: str, code: int = 0) -> Step:
        return self.tell(ContainerExited(name, code))

    def count(self, kind: type) -> int:
        """The number of effects of a kind that were ordered."""
        return sum(isinstance(effect, kind) for effect in self.effects)

    def _note(self, event: TaskEvent) -> None:
        match event:
            case ContainersStarted():
                for container in self.containers:
                    if not container.depends_on:
                        self.accounts[container.name].started = True
            case ContainerStarted(name):
                self.accounts[name].started = True
            case ContainerExited(name, code):
                self.accounts[name].exit_code = code
            case HealthChecked(name, passed):
                # A container stays HEALTHY until `retries` failures in a row; the checks here have one retry.
                self.accounts[name].healthy = passed
            case _:
                pass

    def _take(self, change: Step) -> None:
        self.state = change.state
        for effect in change.effects:
            self.effects.append(effect)
            match effect:
                case AnnounceState(state):
                    self.announced.append(state)
                case Remind(event, at):
                    assert at >= self.now
                    self.reminders[event] = at
                case CancelReminder(event):
                    self.reminders.pop(event, None)
                case (
                    AttachInterface()
                    | PullImages()
                    | StartContainers()
                    | StartContainer()
                    | RunHealthCheck()
                    | StopContainers()
                    | DeleteInterface()
                ):
                    self.unanswered.append(effect)
                case _:
                    pass
