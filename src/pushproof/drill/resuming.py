"""Worlds and sandbox runs that are kept on this machine, and the one that a drill goes on in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pushproof.drill.keeping import Kept, evidence_file, read
from pushproof.drill.settings import BadInput, DrillSettings
from pushproof.drill.steps.order import STEPS, step_named
from pushproof.sandbox.runs import Run, RunJournal
from pushproof.targets.attached import AttachedWorld
from pushproof.targets.journal import Journal, WorldRecord
from pushproof.targets.sandbox import SandboxTarget


@dataclass(frozen=True, slots=True)
class KeptWorld:
    """A world that another process holds open."""

    record: WorldRecord

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def evidence(self) -> Path:
        """The place of its evidence."""
        return evidence_file(Path(self.record.directory))

    def open(self, kept: Kept, say: Callable[[str], None]) -> AttachedWorld:
        """Attach to the world. Raises TargetUnavailable when it does not answer."""
        stage = kept.stage
        say(f"going on in world {self.record.id}, which process {self.record.pid} holds open")
        return AttachedWorld(
            self.record, endpoint=stage.endpoint, region=stage.region, account_id=stage.account_id, speed=stage.speed
        )


@dataclass(frozen=True, slots=True)
class KeptRun:
    """A run in a sandbox account, whose process is gone."""

    run: Run

    @property
    def id(self) -> str:
        return self.run.id

    @property
    def evidence(self) -> Path:
        """The place of its evidence."""
        return evidence_file(Path(self.run.directory))

    def open(self, kept: Kept, say: Callable[[str], None]) -> SandboxTarget:
        """Take the run over, behind the same guard as a new one. Raises TargetUnavailable when it is over or another account's."""
        return SandboxTarget(say=say, resumed=self.run)


def find(target: str, run_id: str | None) -> KeptWorld | KeptRun:
    """Return the kept world or run of that id, or the only one that there is.

    Raises BadInput, saying what to do, when there is none, and when there are several and none is named.
    """
    places = [place for place in _places(target) if run_id in (None, place.id)]
    if len(places) == 1:
        return places[0]
    if not places:
        named = f" {run_id}" if run_id else ""
        if target == "sandbox":
            raise BadInput(
                f"no run{named} of a sandbox is kept on this machine. Begin with `pushproof drill --target sandbox --keep`"
            )
        raise BadInput(
            f"no world{named} of the target {target} is up. Begin with `pushproof drill --target {target} --keep`, "
            "and go on in another terminal while it is up"
        )
    listed = ", ".join(place.id for place in places)
    raise BadInput(f"several are kept: {listed}. Name the one to go on in with --run")


def _places(target: str) -> Iterator[KeptWorld | KeptRun]:
    """List what is kept and has evidence, oldest first."""
    places: list[KeptWorld | KeptRun]
    if target == "sandbox":
        places = [KeptRun(run) for run in RunJournal().runs() if not run.alive]
    else:
        places = [KeptWorld(record) for record in Journal().records() if record.alive and record.target == target]
    return (place for place in places if place.evidence.is_file())


def resumed_settings(settings: DrillSettings, kept: Kept, *, target: str) -> DrillSettings:
    """Return the settings with which a drill goes on. Raises BadInput when they are not those of what is kept."""
    kept.require(target=target, environment=settings.environment)
    if settings.variables:
        raise BadInput("--var has no effect with --from: the environment is applied already. Leave it out")
    return replace(settings, repository=kept.stage.repository)


def require_resumable(settings: DrillSettings) -> None:
    """Raise BadInput for a start that is no step, or that is the first: a new drill begins with that."""
    if settings.start is not None and step_named(settings.start) is STEPS[0]:
        raise BadInput(
            f"--from {settings.start} is where a new drill begins: leave --from out. A kept environment is not applied again, "
            "because its working copy is of another time"
        )


__all__ = ["KeptRun", "KeptWorld", "find", "read", "require_resumable", "resumed_settings"]
