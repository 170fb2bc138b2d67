"""Runs of a workflow: the push that starts one, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Push:
    """The push that starts a run. The numbers are those of a repository with immutable subjects; "" for an older one."""

    repository: str
    branch: str
    commit: str
    actor: str = "octocat"
    owner_id: str = ""
    repository_id: str = ""


@dataclass(frozen=True, slots=True)
class StepResult:
    """The end of a step: `outcome` is success, failure or skipped; `message` the error that GitHub shows."""

    job: str
    name: str
    outcome: str
    message: str = ""
    seconds: float = 0.0
    uses: str = ""


@dataclass(frozen=True, slots=True)
class RunResult:
    """The end of a run: `conclusion` is success or failure."""

    workflow: str
    conclusion: str
    steps: tuple[StepResult, ...]
    log: tuple[str, ...]
    outputs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def failed(self) -> StepResult | None:
        """The first step that failed; None when none did."""
        return next((step for step in self.steps if step.outcome == "failure"), None)
