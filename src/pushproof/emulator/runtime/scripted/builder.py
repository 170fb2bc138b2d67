"""Builds without Docker: the real source and buildspec, with scripted outcomes of commands.

For pipelines tested in-process on a virtual clock: same service, same engine, same events.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from pushproof.emulator.kernel.archives import content_of
from pushproof.emulator.kernel.builds import BuilderError, BuildJob, BuildPlan, CommandsResult, LogLine
from pushproof.engines.buildspec import Phase, SelectedFile, expand, is_linux_image, refusal, sh_of

DOCKER_REFUSAL = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"


@dataclass(frozen=True, slots=True)
class ScriptedCommand:
    """The effect of commands whose text matches `pattern` (a regular expression).

    `seconds` are AWS time; `writes` are files by path below the source directory, with $VARIABLES expanded; `exports` are
    variables it leaves behind; `effect` is called with the container, for wider effects (a push to a registry).
    """

    pattern: str
    exit_status: int = 0
    seconds: float = 1.0
    output: tuple[str, ...] = ()
    writes: Mapping[str, str] = field(default_factory=dict)
    exports: Mapping[str, str] = field(default_factory=dict)
    effect: Callable[[ScriptedContainer], None] | None = None


class ScriptedBuilder:
    """Answers at once; time passes on the world's clock.

    The first matching entry of `script` decides; without one, commands succeed.
    """

    real = False

    def __init__(
        self, script: Sequence[ScriptedCommand] = (), *, provisioning_seconds: float = 5.0, command_seconds: float = 1.0
    ) -> None:
        self.script = list(script)
        self.provisioning_seconds = provisioning_seconds
        self.command_seconds = command_seconds
        self.opened: list[ScriptedContainer] = []

    def open(self, job: BuildJob) -> ScriptedContainer:
        if not is_linux_image(job.image):
            raise BuilderError(
                "BUILD_CONTAINER_UNABLE_TO_PULL_IMAGE", f"Unable to pull customer's container image {job.image}"
            )
        container = ScriptedContainer(self, job)
        self.opened.append(container)
        return container

    def close(self) -> None:
        """Do nothing: nothing runs."""


class ScriptedContainer:
    """A build's container in name: a tree of files, variables, and the script."""

    def __init__(self, builder: ScriptedBuilder, job: BuildJob) -> None:
        self._builder = builder
        self.job = job
        self.seconds = builder.provisioning_seconds
        self.source = "/codebuild/output/src000000000/src"
        self.tree: dict[str, bytes] = {}
        self.variables: dict[str, str] = {}
        self.commands: list[str] = []
        self.killed = False
        self._plan = BuildPlan({}, {})

    def put_source(self, archive: bytes | None, directory: str) -> None:
        if archive is None or directory != self.source:
            return
        with zipfile.ZipFile(io.BytesIO(archive)) as source:
            self.tree |= {name: content_of(source, name) for name in source.namelist() if not name.endswith("/")}

    def prepare(self, plan: BuildPlan) -> None:
        self._plan = plan
        self.variables = dict(plan.environment)

    def run(self, phase: Phase, *, succeeding: bool, log: LogLine) -> CommandsResult:
        self.variables["CODEBUILD_BUILD_SUCCEEDING"] = "1" if succeeding else "0"
        spec, seconds = self._plan.phases[phase], 0.0
        failed: tuple[str | None, int] = (None, 0)
        for block in (spec.commands, spec.finally_):
            for command in block:
                log(f"[Container] Running command {command}")
                done = self._decide(command)
                seconds += done.seconds
                for line in done.output:
                    log(self._expand(line))
                if done.exit_status:
                    log(f"[Container] Command did not exit successfully {command} exit status {done.exit_status}")
                    failed = failed if failed[1] else (command, done.exit_status)
                    self.variables["CODEBUILD_BUILD_SUCCEEDING"] = "0"
                    break
        return CommandsResult(failed[0], failed[1], seconds)

    def _decide(self, command: str) -> ScriptedCommand:
        self.commands.append(command)
        scripted = next((entry for entry in self._builder.script if re.search(entry.pattern, command)), None)
        if scripted is None and self._plan.shell != "bash" and sh_of(self.job.image) == "dash":
            refused = refusal(command)
            if refused is not None:
                scripted = ScriptedCommand("", exit_status=refused.status, output=(refused.message,))
        if scripted is None and re.match(r"docker\s", command) and not self.job.privileged:
            scripted = ScriptedCommand("", exit_status=1, output=(DOCKER_REFUSAL,))
        if scripted is None:
            return ScriptedCommand("", seconds=self._builder.command_seconds)
        self.variables |= {name: self._expand(value) for name, value in scripted.exports.items()}
        self.tree |= {path: self._expand(text).encode() for path, text in scripted.writes.items()}
        if scripted.effect is not None:
            scripted.effect(self)
        return scripted

    def _expand(self, text: str) -> str:
        return re.sub(
            r"\$(?:\{(\w+)\}|(\w+))", lambda match: self.variables.get(match.group(1) or match.group(2), ""), text
        )

    def expand(self, words: Sequence[str]) -> list[str]:
        return [self._expand(word) for word in words]

    def environment(self) -> dict[str, str]:
        return dict(self.variables)

    def files(self) -> list[str]:
        return list(self.tree)

    def pack(self, files: Sequence[SelectedFile]) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for file in files:
                archive.writestr(file.target, self.tree[file.source])
        return out.getvalue()

    def save_cache(self, patterns: Sequence[str]) -> bytes | None:
        chosen = {path: self.tree[path].decode("latin-1") for path in expand(self.tree, patterns)}
        return json.dumps(chosen).encode() if chosen else None

    def restore_cache(self, archive: bytes) -> None:
        self.tree |= {path: text.encode("latin-1") for path, text in json.loads(archive).items()}

    def kill(self) -> None:
        self.killed = True
