"""CodeBuild: runs a build, and succeeds with it.

Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/rule-reference-CodeBuild.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushproof.emulator.kernel.builds import PipelineHandoff
from pushproof.emulator.services.codepipeline.building import BuildWork
from pushproof.emulator.services.codepipeline.rules.base import CHECK_FAILED, RuleJob
from pushproof.emulator.services.codepipeline.work import JobFailed
from pushproof.engines.pipeline import StartRule

if TYPE_CHECKING:
    from types_boto3_codebuild.type_defs import BuildTypeDef


class BuildRule(BuildWork[StartRule], RuleJob):
    """A rule that one build decides."""

    def handoff(self, primary: str) -> PipelineHandoff:
        """Return what the pipeline adds to the build; `primary` is empty for a rule without input artifacts."""
        return PipelineHandoff(
            pipeline=self.pipeline.name,
            inputs={name: (artifact.bucket, artifact.key) for name, artifact in self.run.inputs.items()},
            outputs={},
            primary=primary,
            revision=(self.run.inputs[primary].revision_id or None) if primary else None,
            encryption_key=self.store.encryption_key,
        )

    def built(self, build: BuildTypeDef, result: dict[str, str]) -> None:
        self.succeeded(summary="Build succeeded", **result)

    def failed(self, failure: JobFailed) -> None:
        # A build that was started and failed is an answer; one that could not be started is none.
        if failure.code == "JobFailed" and self._id:
            failure = JobFailed(failure.message, CHECK_FAILED, **failure.result)
        super().failed(failure)


class CodeBuildRule(BuildRule):
    """Starts a build with the rule's role."""

    def start(self) -> None:
        self.begin_build(self.handoff(self.configuration.get("PrimarySource") or next(iter(self.run.inputs))))
