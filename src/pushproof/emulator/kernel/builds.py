"""The interface of whatever runs builds, and what a pipeline hands to a build.

All calls block; the service makes them through `loop.submit`. A builder knows nothing of phases that follow each other: the
buildspec engine decides that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pushproof.engines.buildspec import Phase, PhaseSpec, SelectedFile

LogLine = Callable[[str], None]


class BuilderError(Exception):
    """A build's container cannot be had; the phase context's status code and message."""

    def __init__(self, status_code: str, message: str) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.message = message


@dataclass(frozen=True, slots=True)
class BuildJob:
    """The build that a container is made for."""

    build_id: str
    project: str
    image: str
    privileged: bool
    region: str


@dataclass(frozen=True, slots=True)
class BuildPlan:
    """A build's environment, what each phase runs, and the shell that runs it: `/bin/sh`, or `bash` (`env.shell`)."""

    environment: Mapping[str, str]
    phases: Mapping[Phase, PhaseSpec]
    shell: str = "/bin/sh"
    one_shell: bool = True


@dataclass(frozen=True, slots=True)
class CommandsResult:
    """The result of a phase's commands: the first that failed and its exit status.

    `seconds` of AWS time are still to pass: a scripted builder answers at once for commands that would take that long.
    """

    failed_command: str | None = None
    exit_status: int = 0
    seconds: float = 0.0


class BuildContainer(Protocol):
    """A build's container; `source` is the directory that the source is in (CODEBUILD_SRC_DIR)."""

    source: str
    # AWS seconds that provisioning still takes.
    seconds: float

    def put_source(self, archive: bytes | None, directory: str) -> None:
        """Unpack a zip into a directory."""

    def prepare(self, plan: BuildPlan) -> None:
        """Take the plan."""

    def run(self, phase: Phase, *, succeeding: bool, log: LogLine) -> CommandsResult:
        """Run a phase's commands and then its `finally`; `log` gets each line as it comes."""

    def expand(self, words: Sequence[str]) -> list[str]:
        """Words as the build's shell expands them."""

    def environment(self) -> dict[str, str]:
        """The variables as the commands left them."""

    def files(self) -> list[str]:
        """All files below the source directory, relative to it."""

    def pack(self, files: Sequence[SelectedFile]) -> bytes:
        """A zip."""

    def save_cache(self, patterns: Sequence[str]) -> bytes | None:
        """A tar (gzip) of what the cache's paths match; None when nothing does."""

    def restore_cache(self, archive: bytes) -> None:
        """Unpack what `save_cache` gave, each file where it was."""

    def kill(self) -> None:
        """End it, whatever it does; safe to call twice."""


class Builder(Protocol):
    """Makes containers for builds. `real`: its work takes real time, however fast the clock runs."""

    real: bool

    def open(self, job: BuildJob) -> BuildContainer:
        """A fresh container. Raises BuilderError."""

    def close(self) -> None:
        """End all of them."""


@dataclass(frozen=True, slots=True)
class PipelineHandoff:
    """The part of a build's input that a pipeline's CodeBuild action gives beside StartBuild's own members.

    `inputs` and `outputs` are artifact names to (bucket, key); `primary` names the input that holds the buildspec. `revision` is
    the primary source's (CODEBUILD_RESOLVED_SOURCE_VERSION); `encryption_key` the artifact store's, if it has one.
    """

    pipeline: str
    inputs: dict[str, tuple[str, str]]
    outputs: dict[str, tuple[str, str]]
    primary: str
    revision: str | None = None
    encryption_key: str | None = None
