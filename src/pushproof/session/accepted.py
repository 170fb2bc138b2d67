"""Findings that a project has accepted in `pushproof.toml`, and what becomes of the acceptances in a session."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from pushproof.checks.acceptance import Acceptance, AcceptanceError, acceptances

FILE = "pushproof.toml"


def project_acceptances(root: Path) -> list[Acceptance]:
    """Return the acceptances of the project at `root`; none where it has no `pushproof.toml`. Raises AcceptanceError."""
    path = root / FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise AcceptanceError(f"{path} cannot be read: {error}") from error
    try:
        configuration = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise AcceptanceError(f"{path} is no TOML: {error}") from error
    return acceptances(configuration, FILE)


def sentences(kept: Sequence[Acceptance]) -> Iterator[str]:
    """Return what to say about acceptances after a session: those that held, have expired, or accepted nothing."""
    import datetime

    today = datetime.date.today()
    for acceptance in kept:
        if acceptance.used and acceptance.expired(today):
            yield f"expired on {acceptance.until}: {acceptance}"
        elif acceptance.used:
            yield f"accepted{f' until {acceptance.until}' if acceptance.until else ''}: {acceptance}"
        elif acceptance.asked:
            yield f"accepts nothing, take it out: {acceptance}"
