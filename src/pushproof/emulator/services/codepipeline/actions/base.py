"""An action in progress: calls AWS with the pipeline's role, off the world's lock, and reports the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pushproof.emulator.services.codepipeline.work import (
    PRINCIPAL,
    Assignment,
    JobFailed,
    Neighbours,
    Work,
    is_denial,
)
from pushproof.engines.pipeline import ActionFailed, ActionProgressed, ActionSucceeded, Artifact, StartAction

__all__ = ["PRINCIPAL", "Assignment", "Fetched", "Job", "JobFailed", "Neighbours", "is_denial"]


@dataclass(frozen=True, slots=True)
class Fetched:
    """The artifact and the output variables of a source action."""

    artifact: Artifact
    variables: dict[str, str]


class Job(Work[StartAction]):
    """One action execution."""

    def __init__(self, assignment: Assignment[StartAction]) -> None:
        action = assignment.command.run.action
        super().__init__(assignment, action.name, action.region)
        self.run = assignment.command.run

    def fetched(self, source: Fetched) -> None:
        """End a source action with what it fetched."""
        outputs = self.run.action.outputs
        self.succeeded(
            artifacts={outputs[0]: source.artifact} if outputs else {},
            variables=source.variables,
            summary=source.artifact.revision_summary,
            external_id=source.artifact.revision_id,
            external_url=source.artifact.revision_url,
        )

    def progressed(
        self, *, external_id: str | None = None, external_url: str | None = None, summary: str | None = None
    ) -> None:
        self._feed(ActionProgressed(self.run.id, external_id, external_url, summary))

    def succeeded(
        self,
        *,
        artifacts: Mapping[str, Artifact] | None = None,
        variables: Mapping[str, str] | None = None,
        summary: str | None = None,
        external_id: str | None = None,
        external_url: str | None = None,
        log_stream_arn: str = "",
    ) -> None:
        self.ended = True
        self._feed(
            ActionSucceeded(
                self.run.id, artifacts or {}, variables or {}, summary, external_id, external_url, log_stream_arn
            )
        )

    def failed(self, failure: JobFailed) -> None:
        self.ended = True
        self._feed(ActionFailed(self.run.id, failure.message, failure.code, **failure.result))
