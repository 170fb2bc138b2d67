"""Evidence on disk, in the target's own directory: it lets another process go on where a drill stopped.

The file holds no secret, and only this user can read it. It goes with the world or the run that it is about.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pushproof.drill.evidence import Evidence, Record, Unreadable, from_plain, to_plain
from pushproof.drill.settings import BadInput, DrillSettings
from pushproof.drill.steps.order import KNOWN
from pushproof.targets.base import DrillTarget

FORMAT = 3
VERSION = version("pushproof")
_FOLDER, _EVIDENCE, _MESSAGES, _LOCK = "drill", "evidence.json", "messages.jsonl", "lock"


@dataclass(frozen=True, slots=True)
class Stage:
    """The stage of a drill: what must be the same for another process to go on with it.

    `endpoint` is "" on AWS; `environment` is the absolute path of the root module under test.
    """

    target: str
    account_id: str
    region: str
    endpoint: str
    speed: float
    environment: str
    repository: str


@dataclass(frozen=True, slots=True)
class Kept:
    """Evidence that was read from a file: the stage, and what each step has shown, in the order in which it was shown."""

    stage: Stage
    entries: Mapping[str, Evidence]

    def require(self, *, target: str, environment: Path) -> None:
        """Raise BadInput when the evidence is of another target or environment."""
        if self.stage.target != target:
            raise BadInput(
                f"what is kept was shown on the target {self.stage.target}, not {target}: add --target {self.stage.target}"
            )
        if self.stage.environment != str(environment.resolve()):
            raise BadInput(
                f"what is kept was shown of {self.stage.environment}, not {environment.resolve()}: "
                f"add --environment {self.stage.environment}"
            )


class Keeper:
    """Writes a drill's evidence after each step."""

    def __init__(self, target: DrillTarget, settings: DrillSettings, speed: float) -> None:
        self._path = evidence_file(target.directory(_FOLDER).parent)
        self._stage = Stage(
            target=target.name,
            account_id=target.account_id,
            region=target.region,
            endpoint=str(getattr(target, "endpoint", None) or ""),
            speed=speed,
            environment=str(settings.environment.resolve()),
            repository=settings.repository,
        )

    def keep(self, record: Record) -> None:
        """Write everything that has been shown so far; a reader sees the old text or the new one, never a part."""
        text = to_text(Kept(self._stage, {step: evidence for step in record if (evidence := record.of(step))}))
        unfinished = self._path.with_suffix(f".{os.getpid()}.part")
        with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        unfinished.replace(self._path)

    def forget(self) -> None:
        """Remove the evidence: what it was shown of is gone."""
        self._path.unlink(missing_ok=True)


def evidence_file(directory: Path) -> Path:
    """Return the place of the evidence in the directory of a world or run."""
    return directory / _FOLDER / _EVIDENCE


@contextmanager
def at_work(target: DrillTarget) -> Iterator[None]:
    """Hold a world or run for one drill. Raises BadInput while another drill is at work in it, in whatever process."""
    # The lock goes with its process, however that ends.
    with open(os.open(target.directory(_FOLDER) / _LOCK, os.O_RDWR | os.O_CREAT, 0o600), "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadInput(
                f"another drill is at work in {target.directory(_FOLDER).parent}: wait for its end"
            ) from None
        yield


def messages_log(target: DrillTarget) -> Path:
    """Return the place of the messages that reached the webhook."""
    return target.directory(_FOLDER) / _MESSAGES


def to_text(kept: Kept) -> str:
    """Return evidence as JSON."""
    steps = [{"step": step, "evidence": to_plain(evidence)} for step, evidence in kept.entries.items()]
    content = {"format": FORMAT, "version": VERSION, "stage": asdict(kept.stage), "steps": steps}
    return json.dumps(content, indent=2) + "\n"


def read(path: Path) -> Kept:
    """Read evidence. Raises BadInput, saying what to do, when it is missing, damaged, or of another version of Pushproof."""
    try:
        return from_text(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(f"{path} is missing: nothing is kept there to go on with. Begin anew, without --from") from None
    except (OSError, ValueError, RecursionError, Unreadable) as error:
        raise BadInput(f"{path} cannot be used: {error}. Begin anew, without --from") from error


def from_text(text: str) -> Kept:
    """Parse what `to_text` wrote. Raises Unreadable, or ValueError for what is no JSON."""
    content: Any = json.loads(text)
    if not isinstance(content, dict):
        raise Unreadable("expected an object")
    if (content.get("format"), content.get("version")) != (FORMAT, VERSION):
        raise Unreadable(f"it is of version {content.get('version')!s:.40}; this is {VERSION}")
    stage, steps = content.get("stage"), content.get("steps")
    if not isinstance(stage, dict) or not isinstance(steps, list):
        raise Unreadable("expected a stage and steps")
    entries: dict[str, Evidence] = {}
    for entry in steps:
        if not isinstance(entry, dict) or entry.get("step") not in KNOWN:
            raise Unreadable(f"expected a step, one of {', '.join(KNOWN)}")
        entries[entry["step"]] = from_plain(entry.get("evidence"))
    return Kept(_stage(stage), entries)


def _stage(plain: dict[str, Any]) -> Stage:
    expected = {name: float if name == "speed" else str for name in Stage.__dataclass_fields__}
    if plain.keys() != expected.keys() or any(type(plain[name]) is not kind for name, kind in expected.items()):
        raise Unreadable(f"expected a stage with {', '.join(expected)}")
    return Stage(**plain)
