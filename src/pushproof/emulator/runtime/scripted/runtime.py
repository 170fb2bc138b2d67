"""Tasks without containers: an image's labels declare its behaviour, on the world's clock.

The same calls, states and events as with Docker, so deployments can be tested in process on a virtual clock. Labels, all
optional, all times in AWS seconds from the task's start:

| label | meaning |
|---|---|
| `pushproof.behaviour.exit-after` | every container of the image exits after this time |
| `pushproof.behaviour.exit-code` | with this code (default 1) |
| `pushproof.behaviour.out-of-memory` | `true`: it was killed because memory ran out (137) |
| `pushproof.behaviour.healthy-after` | health commands fail, and HTTP answers 503, until then (0) |
| `pushproof.behaviour.unhealthy-after` | from then on health commands fail and HTTP answers 500 |
| `pushproof.behaviour.never-healthy` | `true`: health commands always fail and HTTP answers 500 |
| `pushproof.behaviour.http-status` | status of a healthy target's answer (200) |
| `pushproof.behaviour.http-error` | `refused` or `timeout`: result of a probe instead of an answer |
| `pushproof.behaviour.broken-path` | a path whose requests are answered 500, although the target is healthy |
| `pushproof.behaviour.port` | the only port that answers (default: any) |
| `pushproof.behaviour.pull-error` | the image cannot be pulled, for this reason |
| `pushproof.behaviour.start-error` | its container cannot be started, for this reason |
| `pushproof.behaviour.log` | lines it writes when it starts |

Images come from the world's registry, or are declared by `add_image`.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from pushproof.emulator.kernel.tasks import (
    CommandResult,
    HttpProbe,
    Neighbourhood,
    PulledImage,
    PullError,
    StartError,
    TaskListener,
    TaskSpec,
)

if TYPE_CHECKING:
    from pushproof.emulator.kernel.loop import Timer
    from pushproof.emulator.kernel.site import Ground, Images

PREFIX = "pushproof.behaviour."


class InvalidBehaviour(ValueError):
    """A label with a value that the scripted runtime does not support."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The behaviour of an image; see the module's table."""

    exit_after: float | None = None
    exit_code: int = 1
    out_of_memory: bool = False
    healthy_after: float = 0.0
    unhealthy_after: float | None = None
    never_healthy: bool = False
    http_status: int = 200
    http_error: str | None = None
    broken_path: str | None = None
    port: int | None = None
    pull_error: str | None = None
    start_error: str | None = None
    log: str | None = None

    @classmethod
    def parse(cls, labels: Mapping[str, str]) -> Behaviour:
        """Read an image's labels. Raises InvalidBehaviour naming the label, its value, and what is accepted."""
        values = {name.removeprefix(PREFIX): text for name, text in labels.items() if name.startswith(PREFIX)}
        unknown = values.keys() - {name.replace("_", "-") for name in cls.__dataclass_fields__}
        if unknown:
            raise InvalidBehaviour(
                f"{PREFIX}{min(unknown)} is no behaviour; there are: "
                + ", ".join(sorted(name.replace("_", "-") for name in cls.__dataclass_fields__))
            )
        seconds = partial(_seconds, values)
        return cls(
            exit_after=seconds("exit-after"),
            exit_code=_whole(values, "exit-code", 1),
            out_of_memory=_flag(values, "out-of-memory"),
            healthy_after=seconds("healthy-after") or 0.0,
            unhealthy_after=seconds("unhealthy-after"),
            never_healthy=_flag(values, "never-healthy"),
            http_status=_whole(values, "http-status", 200),
            http_error=values.get("http-error"),
            broken_path=values.get("broken-path"),
            port=_whole(values, "port", 0) or None,
            pull_error=values.get("pull-error"),
            start_error=values.get("start-error"),
            log=values.get("log"),
        )

    def healthy(self, age: float) -> bool:
        if self.never_healthy or age < self.healthy_after:
            return False
        return self.unhealthy_after is None or age < self.unhealthy_after


@dataclass(slots=True)
class _Task:
    spec: TaskSpec
    address: str
    behaviours: dict[str, Behaviour]
    listener: TaskListener
    began: dict[str, float] = field(default_factory=dict)
    timers: list[Timer] = field(default_factory=list)
    exited: dict[str, int] = field(default_factory=dict)
    frozen: bool = False


# What a runtime remembers of each kind.
_REMEMBERED = 1_000


class ScriptedRuntime:
    """A `TaskRuntime`, and the `TargetProber` of the tasks it runs."""

    endpoint = ""
    keeps_tasks = True

    def __init__(self, ground: Ground, images: Images | None = None) -> None:
        self._ground = ground
        self._registry = images
        self._images: dict[str, dict[str, str]] = {}
        self._tasks: dict[str, _Task] = {}
        self._addresses: dict[str, _Task] = {}
        self._numbers = itertools.count(1)
        #: The latest references that were pulled, and tasks that were started.
        self.pulled: deque[str] = deque(maxlen=_REMEMBERED)
        self.started: deque[TaskSpec] = deque(maxlen=_REMEMBERED)

    def add_image(self, reference: str, behaviour: Mapping[str, str | int | float] | None = None) -> None:
        """Declare an image by its full reference; `behaviour` is keyed by label without the prefix (`exit-after`)."""
        labels = {PREFIX + name: str(value) for name, value in (behaviour or {}).items()}
        Behaviour.parse(labels)
        self._images[reference] = labels

    @property
    def running(self) -> list[str]:
        """Return the ids of the tasks that run now."""
        return list(self._tasks)

    # TaskRuntime.

    def pull(self, reference: str, credentials: tuple[str, str] | None) -> PulledImage:
        labels = self._images.get(reference)
        if labels is not None:
            digest = "sha256:" + hashlib.sha256(repr((reference, sorted(labels.items()))).encode()).hexdigest()
        else:
            resolved = self._registry.resolve(reference, credentials) if self._registry else None
            if resolved is None:
                raise PullError(
                    f"pull image manifest has been retried 5 time(s): failed to resolve ref {reference}: "
                    f"{reference}: not found"
                )
            labels, digest = resolved.labels, resolved.digest
        behaviour = Behaviour.parse(labels)
        if behaviour.pull_error is not None:
            raise PullError(behaviour.pull_error)
        self.pulled.append(reference)
        return PulledImage(reference, digest, dict(labels))

    def start(self, spec: TaskSpec, listener: TaskListener) -> str:
        behaviours = {container.name: Behaviour.parse(container.image.labels) for container in spec.containers}
        for name, behaviour in behaviours.items():
            if behaviour.start_error is not None:
                raise StartError(f"{name}: {behaviour.start_error}")
        number = next(self._numbers)
        address = f"198.18.{number >> 8 & 255}.{number & 255}"
        task = _Task(spec, address, behaviours, listener)
        self._tasks[spec.task_id] = self._addresses[address] = task
        self.started.append(spec)
        for container in spec.containers:
            if not container.depends_on:
                self._begin(task, container.name)
        return address

    def start_container(self, task_id: str, container: str) -> None:
        task = self._tasks.get(task_id)
        if task is None:
            raise StartError("the task is gone")
        self._begin(task, container)

    def _begin(self, task: _Task, name: str) -> None:
        loop, now, behaviour = self._ground.loop, self._ground.clock.now(), task.behaviours[name]
        task.began[name] = now
        if behaviour.log:
            lines = [(now, line) for line in behaviour.log.splitlines()]
            report = partial(task.listener.container_logged, task.spec.task_id, name, lines)
            task.timers.append(loop.call_soon(report, name="scripted output"))
        if behaviour.exit_after is not None:
            ends = partial(self._exit, task, name, behaviour)
            task.timers.append(loop.call_later(behaviour.exit_after, ends, name="scripted exit"))

    def _exit(self, task: _Task, name: str, behaviour: Behaviour) -> None:
        if task.frozen or name in task.exited:
            return
        code = 137 if behaviour.out_of_memory else behaviour.exit_code
        task.exited[name] = code
        task.listener.container_exited(task.spec.task_id, name, code, out_of_memory=behaviour.out_of_memory)

    def statistics(self, task_id: str, container: str) -> Mapping[str, object] | None:
        """Return None: nothing runs, so nothing is used."""
        return None

    def execute(self, task_id: str, container: str, command: list[str], timeout: float) -> CommandResult:
        task = self._tasks.get(task_id)
        if task is None or container in task.exited or container not in task.began:
            return CommandResult(None, "the container is gone")
        if task.frozen:
            return CommandResult(None, "the host does not answer")
        healthy = task.behaviours[container].healthy(self._ground.clock.now() - task.began[container])
        return CommandResult(0 if healthy else 1)

    def stop(self, task_id: str) -> dict[str, int]:
        task = self._tasks.pop(task_id, None)
        if task is None:
            return {}
        del self._addresses[task.address]
        for timer in task.timers:
            timer.cancel()
        # SIGTERM ends what is still running: 128 + 15.
        return {name: task.exited.get(name, 143) for name in task.began}

    def kill(self, task_id: str, container: str) -> None:
        task = self._tasks.get(task_id)
        if task is not None and container in task.began and container not in task.exited:
            task.exited[container] = 137
            report = partial(task.listener.container_exited, task_id, container, 137)
            task.timers.append(self._ground.loop.call_soon(report, name="scripted kill"))

    def admit(self, task_id: str, neighbourhood: Neighbourhood) -> None:
        """Do nothing: nothing runs that could connect to another task."""

    def freeze(self, task_id: str, frozen: bool = True) -> None:
        task = self._tasks.get(task_id)
        if task is not None:
            task.frozen = frozen

    def close(self) -> None:
        for task_id in list(self._tasks):
            self.stop(task_id)

    # TargetProber.

    def probe(self, address: str, port: int, *, path: str, protocol: str, timeout: float) -> HttpProbe:
        task = self._addresses.get(address)
        if task is None:
            return HttpProbe(None, "refused")
        if task.frozen:
            return HttpProbe(None, "timeout")
        serving = next((container for container in task.spec.containers if port in container.ports), None)
        behaviour = task.behaviours[serving.name] if serving is not None else None
        if behaviour is None or serving is None or serving.name in task.exited or serving.name not in task.began:
            return HttpProbe(None, "refused")
        if behaviour.port is not None and behaviour.port != port:
            return HttpProbe(None, "refused")
        if behaviour.http_error is not None:
            return HttpProbe(None, behaviour.http_error)
        if protocol == "TCP":
            return HttpProbe(None, accepted=True)
        age = self._ground.clock.now() - task.began[serving.name]
        if behaviour.broken_path is not None and path == behaviour.broken_path:
            return HttpProbe(500)
        if behaviour.healthy(age):
            return HttpProbe(behaviour.http_status)
        return HttpProbe(503 if not behaviour.never_healthy and age < behaviour.healthy_after else 500)


def _seconds(values: Mapping[str, str], name: str) -> float | None:
    text = values.get(name)
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        raise InvalidBehaviour(f"{PREFIX}{name} is {text!r}; give seconds, such as 30")
    return value


def _whole(values: Mapping[str, str], name: str, default: int) -> int:
    text = values.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()):
        raise InvalidBehaviour(f"{PREFIX}{name} is {text!r}; give a whole number")
    return int(text)


def _flag(values: Mapping[str, str], name: str) -> bool:
    text = values.get(name, "false")
    if text not in ("true", "false"):
        raise InvalidBehaviour(f"{PREFIX}{name} is {text!r}; give true or false")
    return text == "true"
