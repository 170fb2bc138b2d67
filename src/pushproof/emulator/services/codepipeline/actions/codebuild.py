"""Build or test with CodeBuild.

Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeBuild.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushproof.emulator.kernel.builds import PipelineHandoff
from pushproof.emulator.services.codepipeline import artifacts
from pushproof.emulator.services.codepipeline.actions.base import Job
from pushproof.emulator.services.codepipeline.building import BuildWork
from pushproof.engines.pipeline import Artifact, StartAction

if TYPE_CHECKING:
    from types_boto3_codebuild.type_defs import BuildTypeDef


class BuildJob(BuildWork[StartAction], Job):
    """An action that one build carries out, and whose outputs the build uploads."""

    outputs: dict[str, Artifact]

    def place_outputs(self) -> None:
        """Choose where the build puts the output artifacts."""
        store = self.store
        self.outputs = {
            name: Artifact(store.location, artifacts.new_key(self.pipeline.name, name))
            for name in self.run.action.outputs
        }

    def handoff(self, primary: str) -> PipelineHandoff:
        """Return what the pipeline adds to the build."""
        return PipelineHandoff(
            pipeline=self.pipeline.name,
            inputs={name: (artifact.bucket, artifact.key) for name, artifact in self.run.inputs.items()},
            outputs={name: (artifact.bucket, artifact.key) for name, artifact in self.outputs.items()},
            primary=primary,
            revision=self.run.inputs[primary].revision_id or None,
            encryption_key=self.store.encryption_key,
        )

    def log_of(self, build: BuildTypeDef) -> dict[str, str]:
        return {"log_stream_arn": build.get("logs", {}).get("cloudWatchLogsArn", "")}

    def built(self, build: BuildTypeDef, result: dict[str, str]) -> None:
        exported = {item["name"]: item["value"] for item in build.get("exportedEnvironmentVariables") or ()}
        self.succeeded(
            artifacts=self.outputs, variables=exported, summary="Build succeeded", **result, **self.log_of(build)
        )


class CodeBuildAction(BuildJob):
    """Starts a build with the pipeline's role, then collects its artifacts and exported variables."""

    def start(self) -> None:
        self.place_outputs()
        self.begin_build(self.handoff(self.configuration.get("PrimarySource") or next(iter(self.run.inputs))))
