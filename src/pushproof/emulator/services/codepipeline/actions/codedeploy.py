"""Deploy to ECS by CodeDeploy: registers the task definition of a template, and follows a blue/green deployment to its end.

Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECSbluegreen.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from pushproof.emulator.kernel.archives import UnsafeArchive
from pushproof.emulator.services.codepipeline import artifacts
from pushproof.emulator.services.codepipeline.actions.base import Job, JobFailed
from pushproof.engines.codedeploy import (
    ENDED,
    ImageArtifact,
    PlaceholderError,
    fill_appspec,
    fill_task_definition,
    read_image_detail,
)

if TYPE_CHECKING:
    from types_boto3_codedeploy.type_defs import DeploymentInfoTypeDef
    from types_boto3_ecs.type_defs import RegisterTaskDefinitionRequestTypeDef

# "The maximum artifact ZIP size in the CodeDeployToECS deploy action is 3 MB."
# https://docs.aws.amazon.com/codepipeline/latest/userguide/troubleshooting.html#troubleshooting-ecstocodedeploy-size
_MOST_OF_AN_ARTIFACT = 3 * 1024 * 1024
_IMAGES = ("1", "2", "3", "4")
_IMAGE_FILE = "imageDetail.json"


class CodeDeployToEcs(Job):
    """Fills the templates, creates a deployment, and succeeds with it. A rollback is a failure of the action."""

    about = "CodeDeploy"

    def start(self) -> None:
        self._id = ""
        self.work(self._deploy, self._deployed)

    def _deploy(self) -> str:
        try:
            images = self._images()
            template = self._read("TaskDefinitionTemplate", "taskdef.json", "task definition artifact file")
            # RegisterTaskDefinition judges the template, as on AWS.
            definition = cast("RegisterTaskDefinitionRequestTypeDef", fill_task_definition(template, images))
            spec = self._read("AppSpecTemplate", "appspec.yaml", "app spec artifact file")
        except PlaceholderError as error:
            raise _misconfigured(str(error)) from error
        arn = self.client("ecs").register_task_definition(**definition)["taskDefinition"]["taskDefinitionArn"]
        answer = self.client("codedeploy").create_deployment(
            applicationName=self.configuration["ApplicationName"],
            deploymentGroupName=self.configuration["DeploymentGroupName"],
            revision={"revisionType": "AppSpecContent", "appSpecContent": {"content": fill_appspec(spec, arn)}},
        )
        return str(answer["deploymentId"])

    def _images(self) -> list[ImageArtifact]:
        """Read the image of each input that the configuration names for one."""
        images: list[ImageArtifact] = []
        for number in _IMAGES:
            artifact = self.configuration.get(f"Image{number}ArtifactName")
            name = self.configuration.get(f"Image{number}ContainerName")
            if not artifact and not name:
                continue
            if not artifact or not name:
                raise _misconfigured(
                    f"Image{number}ArtifactName and Image{number}ContainerName must be specified together"
                )
            content = self._member(artifact, _IMAGE_FILE, "image artifact file")
            images.append(ImageArtifact(name, read_image_detail(content, artifact)))
        return images

    def _read(self, prefix: str, default: str, what: str) -> str:
        """Return the text of a template."""
        artifact = self.configuration[f"{prefix}Artifact"]
        content = self._member(artifact, self.configuration.get(f"{prefix}Path") or default, what)
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError:
            raise _misconfigured(f"Exception while trying to read the {what} from: {artifact}") from None

    def _member(self, artifact: str, path: str, what: str) -> bytes:
        """Return a file of an input artifact; one that is too large, or lacks the file, is refused in the same words."""
        refusal = _misconfigured(f"Exception while trying to read the {what} from: {artifact}")
        if artifact not in self.run.inputs:
            raise refusal
        place = self.run.inputs[artifact]
        content = self.client("s3").get_object(Bucket=place.bucket, Key=place.key)["Body"].read()
        if len(content) > _MOST_OF_AN_ARTIFACT:
            raise refusal
        try:
            member = artifacts.member_of(content, path)
        except UnsafeArchive as error:
            raise refusal from error
        if member is None:
            raise refusal
        return member

    def _deployed(self, deployment: str) -> None:
        self._id = deployment
        self.progressed(external_id=deployment, external_url=self._url(), summary="Deployment is in progress")
        self._wait()

    def _url(self) -> str:
        console = f"https://{self.region}.console.aws.amazon.com/codesuite/codedeploy"
        return f"{console}/deployments/{self._id}?region={self.region}"

    def _wait(self) -> None:
        self.later(self.settings.ecs_poll_seconds, lambda: self.work(self._observe, self._judge))

    def _observe(self) -> DeploymentInfoTypeDef:
        info: DeploymentInfoTypeDef = self.client("codedeploy").get_deployment(deploymentId=self._id)["deploymentInfo"]
        return info

    def _judge(self, info: DeploymentInfoTypeDef) -> None:
        status = info.get("status", "")
        if status not in ENDED:
            self._wait()
        elif status == "Succeeded":
            self.succeeded(summary="Deployment succeeded", external_id=self._id, external_url=self._url())
        else:
            self.failed(JobFailed(_words(self._id, info), external_id=self._id))


def _words(identifier: str, info: DeploymentInfoTypeDef) -> str:
    """Return the reason of a failure in the form that users recorded."""
    error = info.get("errorInformation", {})
    ended = "failed" if info.get("status") == "Failed" else "was stopped"
    if not error:
        return f"Deployment {identifier} {ended}."
    return f"Deployment {identifier} {ended}. Error code: {error.get('code')}; Error message: {error.get('message')}"


def _misconfigured(words: str) -> JobFailed:
    return JobFailed(f"Invalid action configuration. {words}", "ConfigurationError")
