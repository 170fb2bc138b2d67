"""The durations of tests, in a file of pytest-split's format: a JSON object of test and seconds.

Source: https://jerry-git.github.io/pytest-split/ (".test_durations"). A shard writes a file of its own beside it,
`.test_durations.2-of-5`: if it wrote the file that shards are balanced by, the next one would be dealt other tests.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from pushproof.session.sharding import Shard

_PART = re.compile(r"\.(\d+)-of-(\d+)")


class DurationsUnreadable(ValueError):
    """A file of durations is damaged; the message names it, and what to do."""


def parts_of(path: Path) -> list[Path]:
    """Return the files of shards beside a file of durations, by count and number."""
    parts = []
    for file in path.parent.glob(f"{path.name}.*"):
        match = _PART.fullmatch(file.name.removeprefix(path.name))
        if match is not None:
            parts.append((int(match[2]), int(match[1]), file))
    return [file for *_, file in sorted(parts)]


def write_durations(path: Path, measured: Mapping[str, float], shard: Shard | None) -> Path:
    """Write what was measured, and return the file: of a shard its own; else the one file, which takes in those of shards.

    Raises DurationsUnreadable, OSError.
    """
    if shard is not None:
        part = path.with_name(f"{path.name}.{shard.number}-of-{shard.count}")
        _write(part, measured)
        return part
    durations, parts = read_durations(path), parts_of(path)
    for file in parts:
        durations |= read_durations(file)
    _write(path, durations | dict(measured))
    for file in parts:
        file.unlink(missing_ok=True)
    return path


def read_durations(path: Path) -> dict[str, float]:
    """Return the seconds of each test; none where there is no file. Raises DurationsUnreadable."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise DurationsUnreadable(_damaged(path, str(error))) from error
    if not isinstance(content, dict):
        raise DurationsUnreadable(_damaged(path, f"it has a {type(content).__name__}"))
    for test, seconds in content.items():
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < float("inf"):
            raise DurationsUnreadable(_damaged(path, f"{test}: {seconds!r}"))
    return {test: float(seconds) for test, seconds in content.items()}


def _damaged(path: Path, reason: str) -> str:
    return (
        f"{path}: expected a JSON object of tests and their seconds, 0 or more ({reason}); delete the file, or write it anew "
        "with --pushproof-store-durations"
    )


def _write(path: Path, durations: Mapping[str, float]) -> None:
    new = path.with_name(f".{path.name}.{os.getpid()}")
    text = json.dumps({test: round(seconds, 3) for test, seconds in sorted(durations.items())}, indent=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    new.write_text(text + "\n", encoding="utf-8")
    new.replace(path)
