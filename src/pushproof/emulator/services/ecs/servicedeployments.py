"""Service deployments and service revisions: lists, descriptions, and ends of those in progress."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError, refusals_of
from pushproof.engines.deployment import DeploymentError, continue_service_deployment, stop_service_deployment

from .amounts import one_of
from .base import EcsBase, missing, page
from .connecting import MEMBER
from .controller import ServiceController
from .deploymentshapes import brief_shape, resolved_configuration, service_deployment_shape
from .model import EcsService, Region
from .shapes import add_compute

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import (
        ContainerImageTypeDef,
        FailureTypeDef,
        ServiceDeploymentTypeDef,
        ServiceRevisionTypeDef,
    )

    from pushproof.emulator.kernel.shapes.ecs import (
        ContinueServiceDeploymentAnswer,
        ContinueServiceDeploymentRequest,
        DescribeServiceDeploymentsAnswer,
        DescribeServiceDeploymentsRequest,
        DescribeServiceRevisionsAnswer,
        DescribeServiceRevisionsRequest,
        ListServiceDeploymentsAnswer,
        ListServiceDeploymentsRequest,
        StopServiceDeploymentAnswer,
        StopServiceDeploymentRequest,
    )


class ServiceDeploymentOperations(EcsBase):
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html"""

    controller: ServiceController

    def list_service_deployments(
        self, context: RequestContext, request: ListServiceDeploymentsRequest
    ) -> ListServiceDeploymentsAnswer:
        region = self.region(context)
        cluster = self.find_cluster(region, request.get("cluster") or _cluster_in(request["service"]))
        service = self.find_service(region, cluster, request["service"])
        statuses = request.get("status")
        shown = [
            service_deployment_shape(service, record, self.site.clock)
            for record in reversed(service.state.records)
            if not statuses or record.status in statuses
        ]
        between = request.get("createdAt", {})
        shown = [
            record
            for record in shown
            if between.get("after", record["createdAt"])
            <= record["createdAt"]
            <= between.get("before", record["createdAt"])
        ]
        listed, rest = page(shown, request)
        return {"serviceDeployments": [brief_shape(item) for item in listed], **rest}

    def describe_service_deployments(
        self, context: RequestContext, request: DescribeServiceDeploymentsRequest
    ) -> DescribeServiceDeploymentsAnswer:
        deployments: list[ServiceDeploymentTypeDef] = []
        failures: list[FailureTypeDef] = []
        for arn in request["serviceDeploymentArns"]:
            service = self._service_of(self.region(context), arn)
            record = next((record for record in service.state.records if record.arn == arn), None) if service else None
            if service is None or record is None:
                failures.append(missing(arn))
            else:
                deployments.append(service_deployment_shape(service, record, self.site.clock))
        return {"serviceDeployments": deployments, "failures": failures}

    def describe_service_revisions(
        self, context: RequestContext, request: DescribeServiceRevisionsRequest
    ) -> DescribeServiceRevisionsAnswer:
        region = self.region(context)
        revisions: list[ServiceRevisionTypeDef] = []
        failures: list[FailureTypeDef] = []
        for arn in request["serviceRevisionArns"]:
            service = self._service_of(region, arn)
            if service is None or arn not in service.revisions:
                failures.append(missing(arn))
            else:
                revisions.append(self._revision_shape(region, service, arn))
        return {"serviceRevisions": revisions, "failures": failures}

    def stop_service_deployment(
        self, context: RequestContext, request: StopServiceDeploymentRequest
    ) -> StopServiceDeploymentAnswer:
        region = self.region(context)
        arn = request["serviceDeploymentArn"]
        service = self._service_of(region, arn)
        if service is None or service.status != "ACTIVE":
            raise AwsError("ServiceDeploymentNotFoundException", f"The service deployment {arn} does not exist.")
        with refusals_of(DeploymentError):
            decision = stop_service_deployment(
                service.state, self.site.clock.now(), arn, request.get("stopType") or "ROLLBACK"
            )
        self.controller.apply(region, service, decision)
        return {"serviceDeploymentArn": arn}

    def continue_service_deployment(
        self, context: RequestContext, request: ContinueServiceDeploymentRequest
    ) -> ContinueServiceDeploymentAnswer:
        region = self.region(context)
        arn = request["serviceDeploymentArn"]
        service = self._service_of(region, arn)
        if service is None or service.status != "ACTIVE":
            raise AwsError("ServiceDeploymentNotFoundException", f"The service deployment {arn} does not exist.")
        action = request.get("action") or "CONTINUE"
        one_of("action", action, ("CONTINUE", "ROLLBACK"))
        with refusals_of(DeploymentError):
            decision = continue_service_deployment(service.state, self.site.clock.now(), arn, request["hookId"], action)
        self.controller.apply(region, service, decision)
        return {"serviceDeploymentArn": arn}

    # Inside ---------------------------------------------------------------------------------------------------

    def _service_of(self, region: Region, arn: str) -> EcsService | None:
        parts = arn.split("/")
        return region.services.get((parts[1], parts[2])) if len(parts) == 4 else None

    def _revision_shape(self, region: Region, service: EcsService, arn: str) -> ServiceRevisionTypeDef:
        parameters, definition = service.revisions[arn].parameters, service.revisions[arn].definition
        digests = {
            container.name: container.digest
            for task in region.tasks.values()
            if task.service is service and task.definition is definition
            for container in task.containers
            if container.digest
        }
        images: list[ContainerImageTypeDef] = []
        for container in definition.containers:
            image: ContainerImageTypeDef = {"containerName": container["name"], "image": container["image"]}
            if container["name"] in digests:
                image["imageDigest"] = digests[container["name"]]
            images.append(image)
        shown: ServiceRevisionTypeDef = {
            "serviceRevisionArn": arn,
            "serviceArn": service.arn,
            "clusterArn": service.cluster.arn,
            "taskDefinition": definition.arn,
            "loadBalancers": parameters.get("loadBalancers") or [],
            "serviceRegistries": parameters.get("serviceRegistries") or [],
            "containerImages": images,
            "guardDutyEnabled": False,
            "createdAt": self.site.clock.stamp(service.state.revisions[arn].created_at),
        }
        if parameters.get(MEMBER):
            shown["serviceConnectConfiguration"] = parameters[MEMBER]
        add_compute(shown, parameters)
        shown["platformVersion"] = "1.4.0"
        resolved = resolved_configuration(service.state.revisions[arn])
        if resolved is not None:
            shown["resolvedConfiguration"] = resolved
        return shown


def _cluster_in(reference: str) -> str | None:
    parts = reference.split("/")
    return parts[1] if len(parts) == 3 else None
