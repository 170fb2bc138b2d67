"""The pipeline under test, as AWS describes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pushproof.base.origin import Addresses
from pushproof.checks.check import Checks, Clients


class DescribedPipeline(Checks):
    """The common part of the pipeline checks."""

    family = "pipeline"

    def __init__(self, aws: Clients, *, pipeline: str, addresses: Addresses | None = None) -> None:
        super().__init__(aws, addresses=addresses)
        self.pipeline = pipeline

    def _describe(self) -> dict[str, Any]:
        pipeline: dict[str, Any] = self._get()["pipeline"]
        return pipeline

    def _arn(self) -> str:
        arn: str = self._get()["metadata"]["pipelineArn"]
        return arn

    def _get(self) -> dict[str, Any]:
        pipelines = self.aws("codepipeline")
        try:
            answer: dict[str, Any] = pipelines.get_pipeline(name=self.pipeline)
        except pipelines.exceptions.PipelineNotFoundException:
            raise LookupError(
                f"there is no pipeline {self.pipeline}; check the name, the account and the region"
            ) from None
        return answer

    def _subject(self) -> str:
        return self._arn()

    def _actions(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for stage in self._describe()["stages"]:
            for action in sorted(stage["actions"], key=lambda action: action.get("runOrder", 1)):
                yield stage["name"], action

    def _by(self, provider: str) -> list[dict[str, Any]]:
        """The actions of a provider."""
        return [action for _, action in self._actions() if action["actionTypeId"]["provider"] == provider]

    def _sources(self) -> list[dict[str, Any]]:
        return [action for _, action in self._actions() if action["actionTypeId"]["category"] == "Source"]

    def _projects(self) -> Iterator[dict[str, Any]]:
        for _, action in self._actions():
            if action["actionTypeId"]["provider"] == "CodeBuild":
                names = [action["configuration"]["ProjectName"]]
                yield from self.aws("codebuild").batch_get_projects(names=names)["projects"]

    def _some_projects(self, page: str) -> list[dict[str, Any]]:
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
