"""Settings of a drill."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class BadInput(Exception):
    """Input cannot be used; the message names it, what was expected, and the next step."""


class ProofFailed(Exception):
    """The drill's proof failed: a promise did not hold."""


@dataclass(frozen=True, slots=True)
class DrillSettings:
    """Settings of a drill run.

    `environment`: the root module under test. `application`: the repository that is pushed. `variant`: the breakage. `skip`:
    names of steps to leave out. `start`: the step to begin with, with the evidence that is kept of those before.
    """

    environment: Path
    application: Path
    bootstrap: Path | None = None
    variant: str = "unhealthy"
    repository: str = "example/shop"
    variables: dict[str, Any] = field(default_factory=dict)
    keep: bool = False
    report: Path | None = None
    skip: tuple[str, ...] = ()
    start: str | None = None
    # How long, in AWS seconds, a pipeline execution may take before the drill gives up on it.
    patience: float = 3600.0 * 3
