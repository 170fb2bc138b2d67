"""Recorded differences, put to the engines again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pushproof.sandbox.oracles import lifecycle, permissions, reachability

_ENGINES: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "lifecycle": lifecycle.answer,
    "permissions": permissions.answer,
    "reachability": reachability.answer,
}


def replay(fixture: Path) -> tuple[Any, Any]:
    """Return AWS's answer to a recorded question, and the engine's answer to it now. Raises ValueError, naming the file."""
    try:
        recorded = json.loads(fixture.read_text(encoding="utf-8"))
        return recorded["aws"], _ENGINES[recorded["oracle"]](recorded["asked"])
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"{fixture} is no recorded case ({error!r}); expected oracle ({', '.join(_ENGINES)}), asked and aws. "
            f"Record it again."
        ) from error


def unsettled(directory: Path) -> dict[str, tuple[Any, Any]]:
    """Return the fixtures to which the engine still answers differently from AWS: `{file: (AWS's, ours)}`."""
    answers = {path.name: replay(path) for path in sorted(directory.glob("*.json"))}
    return {name: (aws, ours) for name, (aws, ours) in answers.items() if aws != ours}
