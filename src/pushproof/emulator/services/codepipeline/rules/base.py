"""A rule in progress: finds out whether it is met, off the world's lock, and reports the result."""

from __future__ import annotations

from pushproof.emulator.services.codepipeline.work import Assignment, JobFailed, Work
from pushproof.engines.pipeline import Finding, PipelineError, RuleFailed, RuleProgressed, RuleSucceeded, StartRule

#: The error code of a rule whose criteria are not met.
CHECK_FAILED = "RuleCheckFailed"


class RuleJob(Work[StartRule]):
    """One rule execution."""

    def __init__(self, assignment: Assignment[StartRule]) -> None:
        rule = assignment.command.run.rule
        super().__init__(assignment, rule.name, rule.region)
        self.run = assignment.command.run

    def decide(self, finding: Finding) -> None:
        """Report what the rule found, unless it has to look again."""
        if finding.met is None:
            self.progressed(summary=finding.summary)
        elif finding.met:
            self.succeeded(summary=finding.summary)
        else:
            self.failed(JobFailed(finding.summary, CHECK_FAILED))

    def refused(self, error: PipelineError) -> None:
        """Report a configuration that cannot be checked."""
        self.failed(JobFailed(error.message, error.code))

    def progressed(
        self, *, external_id: str | None = None, external_url: str | None = None, summary: str | None = None
    ) -> None:
        self._feed(RuleProgressed(self.run.id, external_id, external_url, summary))

    def succeeded(
        self, *, summary: str | None = None, external_id: str | None = None, external_url: str | None = None
    ) -> None:
        self.ended = True
        self._feed(RuleSucceeded(self.run.id, summary, external_id, external_url))

    def failed(self, failure: JobFailed) -> None:
        self.ended = True
        self._feed(RuleFailed(self.run.id, failure.message, failure.code, **failure.result))
