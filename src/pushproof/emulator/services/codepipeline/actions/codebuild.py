"""Build or test with CodeBuild.

Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeBuild.html
"""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from pushproof.emulator.kernel.builds import PipelineHandoff
from pushproof.emulator.services.codepipeline import artifacts
from pushproof.emulator.services.codepipeline.actions.base import Job, JobFailed, is_denial
from pushproof.engines.pipeline import Artifact

_TYPES = ("PLAINTEXT", "PARAMETER_STORE", "SECRETS_MANAGER")


class CodeBuildAction(Job):
    """Starts a build with the pipeline's role, then collects its artifacts and exported variables."""

    about = "CodeBuild"

    def start(self) -> None:
        store = self.store
        self._outputs = {
            name: Artifact(store.location, artifacts.new_key(self.pipeline.name, name))
            for name in self.run.action.outputs
        }
        primary = self.configuration.get("PrimarySource") or next(iter(self.run.inputs))
        handoff = PipelineHandoff(
            pipeline=self.pipeline.name,
            inputs={name: (artifact.bucket, artifact.key) for name, artifact in self.run.inputs.items()},
            outputs={name: (artifact.bucket, artifact.key) for name, artifact in self._outputs.items()},
            primary=primary,
            revision=self.run.inputs[primary].revision_id or None,
            encryption_key=store.encryption_key,
        )
        try:
            overrides = read_environment(self.configuration.get("EnvironmentVariables"))
        except JobFailed as failure:
            self.failed(failure)
            return
        self._id = ""
        token = self.neighbours.builds.hand_over(handoff)
        self.work(lambda: self._begin(token, overrides), self._begun)

    def _begin(self, token: str, overrides: list[dict[str, str]]) -> dict[str, Any]:
        client = self.client("codebuild")
        parameters: dict[str, Any] = {"environmentVariablesOverride": overrides} if overrides else {}
        try:
            answer = client.start_build(
                projectName=self.configuration["ProjectName"], idempotencyToken=token, **parameters
            )
        except ClientError as error:
            code = error.response["Error"].get("Code", "")
            raise JobFailed(
                f"Error calling startBuild: {error.response['Error'].get('Message', '')} "
                f"(Service: AWSCodeBuild; Status Code: {error.response['ResponseMetadata']['HTTPStatusCode']}; "
                f"Error Code: {code})",
                "PermissionError" if is_denial(error) else "JobFailed",
            ) from error
        build: dict[str, Any] = answer["build"]
        return build

    def _begun(self, build: dict[str, Any]) -> None:
        self._id = str(build["id"])
        self.progressed(external_id=self._id, external_url=self._url())
        # The build may have ended before its id arrived here.
        self._look()

    def _url(self) -> str:
        project = self.configuration["ProjectName"]
        return (
            f"https://console.aws.amazon.com/codesuite/codebuild/{self.pipeline.account_id}/projects/{project}"
            f"/build/{self._id}/?region={self.region}"
        )

    def completed(self, build_id: str) -> None:
        """Finish the action if the build that ended is its own."""
        if build_id == self._id and not self.ended:
            self._look()

    def _look(self) -> None:
        self.work(lambda: self.client("codebuild").batch_get_builds(ids=[self._id])["builds"][0], self._judge)

    def _judge(self, build: dict[str, Any]) -> None:
        status = build["buildStatus"]
        if status == "IN_PROGRESS":
            return
        result: dict[str, Any] = {
            "external_id": self._id,
            "external_url": self._url(),
            "log_stream_arn": build.get("logs", {}).get("cloudWatchLogsArn", ""),
        }
        if status == "SUCCEEDED":
            exported = {item["name"]: item["value"] for item in build.get("exportedEnvironmentVariables") or ()}
            self.succeeded(artifacts=self._outputs, variables=exported, summary="Build succeeded", **result)
        else:
            self.failed(JobFailed(_why(build), "JobFailed", **result))


def _why(build: dict[str, Any]) -> str:
    message = f"Build terminated with state: {build['buildStatus']}"
    for phase in build.get("phases", ()):
        if phase.get("phaseStatus") not in (None, "SUCCEEDED") and phase.get("contexts"):
            context = phase["contexts"][0]
            return (
                f"{message}. Phase: {phase['phaseType']}, Code: {context.get('statusCode', '')}, "
                f"Message: {context.get('message', '')}"
            )
    return message


def read_environment(text: str | None) -> list[dict[str, str]]:
    """Parse the EnvironmentVariables configuration, a JSON array, into StartBuild's form. Raises JobFailed."""
    if not text:
        return []
    try:
        content = json.loads(text)
    except ValueError as error:
        raise JobFailed(f"EnvironmentVariables is not valid JSON: {error}", "ConfigurationError") from error
    if not isinstance(content, list):
        raise JobFailed(
            "EnvironmentVariables must be a JSON array of objects with name and value", "ConfigurationError"
        )
    variables: list[dict[str, str]] = []
    for index, entry in enumerate(content):
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or "value" not in entry:
            raise JobFailed(f"EnvironmentVariables entry {index} must have a name and a value", "ConfigurationError")
        kind = entry.get("type", "PLAINTEXT")
        if kind not in _TYPES:
            raise JobFailed(
                f"EnvironmentVariables entry {entry['name']} has type {kind}; expected {', '.join(_TYPES)}",
                "ConfigurationError",
            )
        if len(str(entry["value"])) > 1000:
            raise JobFailed(
                f"EnvironmentVariables entry {entry['name']} is longer than 1000 characters", "ConfigurationError"
            )
        variables.append({"name": entry["name"], "value": str(entry["value"]), "type": kind})
    return variables
