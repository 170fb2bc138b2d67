"""A build of CodeBuild that an action or a rule started, until it has ended."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from pushproof.emulator.kernel.builds import ManagedBuild, PipelineHandoff
from pushproof.emulator.kernel.context import Credentials
from pushproof.emulator.services.codepipeline.work import JobFailed, Order, Work, is_denial

if TYPE_CHECKING:
    from types_boto3_codebuild.type_defs import BuildTypeDef

_TYPES = ("PLAINTEXT", "PARAMETER_STORE", "SECRETS_MANAGER")


class BuildWork(Work[Order]):
    """Work that one build does."""

    about = "CodeBuild"
    _id = ""

    def built(self, build: BuildTypeDef, result: dict[str, str]) -> None:
        """Report a build that succeeded; `result` has its id, its page and its log."""
        raise NotImplementedError

    def begin_build(self, handoff: PipelineHandoff) -> None:
        """Start a build of the configuration's project, with the role of the work."""
        try:
            overrides = read_environment(self.configuration.get("EnvironmentVariables"))
        except JobFailed as failure:
            self.failed(failure)
            return
        token = self.neighbours.builds.hand_over(handoff)
        self.work(lambda: self._begin(token, overrides), lambda build: self.follow(str(build["id"])))

    def _begin(self, token: str, overrides: list[dict[str, str]]) -> BuildTypeDef:
        client = self.client("codebuild")
        parameters = {"environmentVariablesOverride": overrides} if overrides else {}
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
        build: BuildTypeDef = answer["build"]
        return build

    def follow(self, build_id: str) -> None:
        """Wait for a build that was started."""
        self._id = build_id
        self.progressed(external_id=self._id, external_url=self._url())
        # The build may have ended before its id arrived here.
        self._look()

    def _url(self) -> str:
        project = self._id.partition(":")[0]
        return (
            f"https://console.aws.amazon.com/codesuite/codebuild/{self.pipeline.account_id}/projects/{project}"
            f"/build/{self._id}/?region={self.region}"
        )

    def completed(self, build_id: str) -> None:
        """Finish if the build that ended is the one that was started."""
        if build_id == self._id and not self.ended:
            self._look()

    def _look(self) -> None:
        self.work(self.read_build(self._id), self._judge)

    def read_build(self, build_id: str) -> Callable[[], BuildTypeDef]:
        """Return the reading of a build, with the role of the work."""

        def read() -> BuildTypeDef:
            build: BuildTypeDef = self.client("codebuild").batch_get_builds(ids=[build_id])["builds"][0]
            return build

        return read

    def _judge(self, build: BuildTypeDef) -> None:
        status = build["buildStatus"]
        if status == "IN_PROGRESS":
            return
        result = {"external_id": self._id, "external_url": self._url()}
        if status == "SUCCEEDED":
            self.built(build, result)
        else:
            self.failed(JobFailed(_why(build), "JobFailed", **result, **self.log_of(build)))

    def log_of(self, build: BuildTypeDef) -> dict[str, str]:
        """Return the member of a report that names the build's log, for work that has one."""
        return {}


class ManagedWork(BuildWork[Order]):
    """Work that a build without a project does, on CodePipeline's own compute.

    Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-Commands.html (log group, role)
    """

    def begin_managed(
        self,
        buildspec: Mapping[str, object],
        handoff: PipelineHandoff,
        *,
        environment: tuple[tuple[str, str, str], ...] = (),
        privileged: bool = False,
    ) -> None:
        """Run a buildspec with the role of the work."""
        run = self.command.run
        name = re.sub("[^A-Za-z0-9_-]", "-", f"codepipeline-{self.pipeline.name}")[:150]

        def begin(credentials: Credentials) -> None:
            order = ManagedBuild(
                name=name,
                region=self.region,
                account_id=self.pipeline.account_id,
                role_arn=self.command.role_arn,
                credentials=credentials,
                buildspec=json.dumps(buildspec),
                handoff=handoff,
                log_group=f"/aws/codepipeline/{self.pipeline.name}",
                minutes=max(5, round((run.deadline - run.started) / 60)),
                environment=environment,
                privileged=privileged,
            )
            self.follow(self.neighbours.builds.run_managed(order))

        self.work(self.credentials, begin)

    def read_build(self, build_id: str) -> Callable[[], BuildTypeDef]:
        def read() -> BuildTypeDef:
            with self.site.loop.lock:
                return self.neighbours.builds.managed(build_id)

        return read

    def abandon(self) -> None:
        super().abandon()
        if self._id:
            self.neighbours.builds.stop_managed(self._id)


def commands_spec(
    commands: Sequence[str], *, exported: Sequence[str] = (), files: Sequence[str] = ()
) -> dict[str, object]:
    """Return a buildspec of commands, with the variables and files that they leave."""
    spec: dict[str, object] = {"version": 0.2, "phases": {"build": {"commands": list(commands)}}}
    if exported:
        spec["env"] = {"exported-variables": list(exported)}
    if files:
        spec["artifacts"] = {"files": list(files)}
    return spec


def _why(build: BuildTypeDef) -> str:
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
