"""The pipeline under test, as AWS describes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pushproof.base.origin import Addresses
from pushproof.checks.check import Checks, Clients

if TYPE_CHECKING:
    from types_boto3_codebuild.type_defs import ProjectTypeDef
    from types_boto3_codepipeline.type_defs import (
        ActionDeclarationOutputTypeDef,
        GetPipelineOutputTypeDef,
        PipelineDeclarationOutputTypeDef,
    )


class DescribedPipeline(Checks):
    """The common part of the pipeline checks."""

    family = "pipeline"

    def __init__(self, aws: Clients, *, pipeline: str, addresses: Addresses | None = None) -> None:
        super().__init__(aws, addresses=addresses)
        self.pipeline = pipeline

    def _describe(self) -> PipelineDeclarationOutputTypeDef:
        return self._get()["pipeline"]

    def _arn(self) -> str:
        return self._get()["metadata"]["pipelineArn"]

    def _get(self) -> GetPipelineOutputTypeDef:
        pipelines = self.aws("codepipeline")
        try:
            return pipelines.get_pipeline(name=self.pipeline)
        except pipelines.exceptions.PipelineNotFoundException:
            raise LookupError(
                f"there is no pipeline {self.pipeline}; check the name, the account and the region"
            ) from None

    def _subject(self) -> str:
        return self._arn()

    def _actions(self) -> Iterator[tuple[str, ActionDeclarationOutputTypeDef]]:
        for stage in self._describe()["stages"]:
            for action in sorted(stage["actions"], key=lambda action: action.get("runOrder", 1)):
                yield stage["name"], action

    def _by(self, provider: str) -> list[ActionDeclarationOutputTypeDef]:
        """The actions of a provider."""
        return [action for _, action in self._actions() if action["actionTypeId"]["provider"] == provider]

    def _sources(self) -> list[ActionDeclarationOutputTypeDef]:
        return [action for _, action in self._actions() if action["actionTypeId"]["category"] == "Source"]

    def _projects(self) -> Iterator[ProjectTypeDef]:
        for _, action in self._actions():
            if action["actionTypeId"]["provider"] == "CodeBuild":
                names = [action["configuration"]["ProjectName"]]
                yield from self.aws("codebuild").batch_get_projects(names=names)["projects"]

    def _some_projects(self, page: str) -> list[ProjectTypeDef]:
        """The pipeline's build projects, of which there must be one at least. Raises NothingToLookAt."""
        return self._some(self._projects(), "a CodeBuild action", page=page)

    def _plain_variables(self) -> dict[str, str]:
        """The environment of the build projects, without what comes from a secret or a parameter."""
        return {
            variable["name"]: variable["value"]
            for project in self._projects()
            for variable in project["environment"].get("environmentVariables", [])
            if variable.get("type", "PLAINTEXT") == "PLAINTEXT"
        }

    def _variable_names(self) -> set[str]:
        """The names of all variables that build projects and build actions set."""
        names = {v["name"] for p in self._projects() for v in p["environment"].get("environmentVariables", [])}
        for action in self._by("CodeBuild"):
            written = action["configuration"].get("EnvironmentVariables")
            names |= {variable["name"] for variable in json.loads(written)} if written else set()
        return names
