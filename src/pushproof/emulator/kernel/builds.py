"""The interface of runtimes for builds, and a pipeline's input for a build.

All calls block; the service makes them through `loop.submit`. A builder runs single phases; the buildspec engine decides
their order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

from pushproof.emulator.kernel.context import Credentials
from pushproof.engines.buildspec import Phase, PhaseSpec, SelectedFile
from pushproof.engines.reachability import OpenBlock, Place

LogLine = Callable[[str], None]


class BuilderError(Exception):
    """A build's container is unavailable; carries the phase context's status code and message."""

    def __init__(self, status_code: str, message: str) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.message = message


@dataclass(frozen=True, slots=True)
class BuildJob:
    """A build that needs a container. `place`: its network interface in a VPC; None without one.

    `outwards`: the public addresses that it reaches; None: all.
    """

    build_id: str
    project: str
    image: str
    privileged: bool
    region: str
    outwards: tuple[OpenBlock, ...] | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class BuildPlan:
    """A build's environment, the commands of each phase, and their shell: `/bin/sh`, or `bash` (`env.shell`)."""

    environment: Mapping[str, str]
    phases: Mapping[Phase, PhaseSpec]
    shell: str = "/bin/sh"
    one_shell: bool = True


@dataclass(frozen=True, slots=True)
class CommandsResult:
    """The result of a phase's commands: the first that failed and its exit status.

    `seconds` of AWS time still have to pass: a scripted builder answers at once for commands that take that long.
    """

    failed_command: str | None = None
    exit_status: int = 0
    seconds: float = 0.0


class BuildContainer(Protocol):
    """A build's container; `source` is the directory of the source (CODEBUILD_SRC_DIR)."""

    source: str
    # AWS seconds that provisioning still takes.
    seconds: float

    def put_source(self, archive: bytes | None, directory: str) -> None:
        """Unpack a zip into a directory."""

    def prepare(self, plan: BuildPlan) -> None:
        """Set the plan."""

    def run(self, phase: Phase, *, succeeding: bool, log: LogLine) -> CommandsResult:
        """Run a phase's commands and then its `finally`; `log` receives each line at once."""

    def expand(self, words: Sequence[str]) -> list[str]:
        """Expand words as the build's shell does."""

    def environment(self) -> dict[str, str]:
        """Return the variables as the commands left them."""

    def files(self) -> list[str]:
        """Return all files below the source directory, relative to it."""

    def pack(self, files: Sequence[SelectedFile]) -> bytes:
        """Return a zip of files."""

    def save_cache(self, patterns: Sequence[str]) -> bytes | None:
        """Return a tar (gzip) of the files that match the cache's paths; None if none match."""

    def restore_cache(self, archive: bytes) -> None:
        """Unpack an archive of `save_cache`, each file to its former place."""

    def kill(self) -> None:
        """End the container, whatever it runs; safe to call twice."""


class Builder(Protocol):
    """Makes containers for builds. `real`: builds take real time, however fast the clock runs."""

    real: bool

    def open(self, job: BuildJob) -> BuildContainer:
        """Return a fresh container. Raises BuilderError."""

    def close(self) -> None:
        """End all containers."""


@dataclass(frozen=True, slots=True)
class ManagedBuild:
    """A build without a project, on CodePipeline's own compute, with a session of a role of the pipeline.

    `name` stands for the project's name; `environment` has names, values and types as in StartBuild.
    """

    name: str
    region: str
    account_id: str
    role_arn: str
    credentials: Credentials
    buildspec: str
    handoff: PipelineHandoff
    log_group: str
    minutes: int
    environment: tuple[tuple[str, str, str], ...] = ()
    privileged: bool = False


@dataclass(frozen=True, slots=True)
class CloneReference:
    """A source artifact that names a commit instead of having its files; CodeBuild clones it.

    `arn` is that of the connection, or of the repository of CodeCommit, on which the build's role needs `permission`.
    """

    arn: str
    permission: str
    repository: str
    branch: str
    commit: str

    def text(self) -> bytes:
        """Return the content of the artifact."""
        return json.dumps({"cloneReference": asdict(self)}).encode()

    @classmethod
    def read(cls, content: bytes) -> CloneReference | None:
        """Return the reference in an artifact; None for an artifact of another kind."""
        if not content.startswith(b'{"cloneReference"'):
            return None
        try:
            return cls(**json.loads(content)["cloneReference"])
        except (ValueError, TypeError, KeyError):
            return None


@dataclass(frozen=True, slots=True)
class PipelineHandoff:
    """The part of a build's input that a pipeline's CodeBuild action adds to StartBuild's own members.

    `inputs` and `outputs` are artifact names to (bucket, key); `primary` names the input that holds the buildspec, empty for a
    build without source. `revision` is the primary source's (CODEBUILD_RESOLVED_SOURCE_VERSION); `encryption_key` the artifact
    store's, if it has one.
    """

    pipeline: str
    inputs: dict[str, tuple[str, str]]
    outputs: dict[str, tuple[str, str]]
    primary: str
    revision: str | None = None
    encryption_key: str | None = None
