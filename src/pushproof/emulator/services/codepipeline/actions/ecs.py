"""Deploy to ECS: registers a new revision of the service's task definition, deploys it, and follows the deployment to its end.

Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECS.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from pushproof.emulator.kernel.archives import UnsafeArchive
from pushproof.emulator.services.codepipeline import artifacts
from pushproof.emulator.services.codepipeline.actions.base import Job, JobFailed
from pushproof.engines.imagedefinitions import (
    ImageDefinitionsError,
    apply_image_definitions,
    read_image_definitions,
)
from pushproof.engines.pipeline import judge_ecs_deployment


@dataclass(frozen=True, slots=True)
class _Deployment:
    id: str
    task_definition: str


class EcsDeploy(Job):
    """Replaces the images that imagedefinitions.json names. The deployment of its own revision decides about success."""

    about = "ECS"

    def start(self) -> None:
        self._deployment: _Deployment | None = None
        self.work(self._deploy, self._deployed)

    def _deploy(self) -> _Deployment:
        cluster, service = self.configuration["ClusterName"], self.configuration["ServiceName"]
        file_name = self.configuration.get("FileName") or "imagedefinitions.json"
        artifact = next(iter(self.run.inputs.values()))
        where = f"{artifact.bucket} key: {artifact.key}"
        try:
            content = artifacts.read_member(self.client("s3"), artifact, file_name)
            substitutions = read_image_definitions(content, file_name, where=where)
        except ImageDefinitionsError as error:
            raise JobFailed(f"Invalid action configuration: {error.message}", "ConfigurationError") from error
        except UnsafeArchive as error:
            raise JobFailed(f"Input artifact {where} is not a zip file: {error}", "ConfigurationError") from error
        ecs = self.client("ecs")
        current = self._service(ecs, cluster, service)["taskDefinition"]
        described = ecs.describe_task_definition(taskDefinition=current, include=["TAGS"])
        try:
            revision = apply_image_definitions(
                described["taskDefinition"], substitutions, tags=described.get("tags") or ()
            )
        except ImageDefinitionsError as error:
            raise JobFailed(f"Invalid action configuration: {error.message}", "ConfigurationError") from error
        arn = ecs.register_task_definition(**revision)["taskDefinition"]["taskDefinitionArn"]
        updated = ecs.update_service(cluster=cluster, service=service, taskDefinition=arn)["service"]
        for deployment in updated["deployments"]:
            if deployment["status"] == "PRIMARY" and deployment["taskDefinition"] == arn:
                return _Deployment(deployment["id"], arn)
        raise JobFailed(f"The service {service} did not take up the task definition {arn}")

    def _service(self, ecs: Any, cluster: str, service: str) -> dict[str, Any]:
        try:
            answer = ecs.describe_services(cluster=cluster, services=[service])
        except ClientError as error:
            if error.response["Error"]["Code"] == "ClusterNotFoundException":
                raise JobFailed(
                    f"Invalid action configuration: The AWS ECS cluster {cluster} does not exist", "ConfigurationError"
                ) from error
            raise
        active: list[dict[str, Any]] = [
            service for service in answer["services"] if service.get("status") != "INACTIVE"
        ]
        if not active:
            raise JobFailed(
                f"Invalid action configuration: The AWS ECS service {service} does not exist", "ConfigurationError"
            )
        return active[0]

    def _deployed(self, deployment: _Deployment) -> None:
        self._deployment = deployment
        service = f"{self.configuration['ClusterName']}/services/{self.configuration['ServiceName']}"
        self.progressed(
            external_id=deployment.id,
            external_url=f"https://console.aws.amazon.com/ecs/v2/clusters/{service}/deployments?region={self.region}",
            summary="Deployment is in progress",
        )
        self._wait()

    def _wait(self) -> None:
        self.later(self.settings.ecs_poll_seconds, lambda: self.work(self._observe, self._judge))

    def _observe(self) -> list[dict[str, Any]]:
        cluster, service = self.configuration["ClusterName"], self.configuration["ServiceName"]
        deployments: list[dict[str, Any]] = self._service(self.client("ecs"), cluster, service)["deployments"]
        return deployments

    def _judge(self, deployments: list[dict[str, Any]]) -> None:
        assert self._deployment is not None
        deployment = self._deployment
        verdict = judge_ecs_deployment(deployment.id, deployment.task_definition, deployments, self.settings.engine)
        if verdict.status == "InProgress":
            self._wait()
        elif verdict.status == "Succeeded":
            self.succeeded(summary="Deployment succeeded", external_id=deployment.id)
        else:
            self.failed(JobFailed(verdict.reason, external_id=deployment.id))
