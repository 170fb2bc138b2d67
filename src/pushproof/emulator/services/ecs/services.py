"""Services: created, updated, described, deleted; their deployments and revisions."""

from __future__ import annotations

import copy
import re
from typing import Any

from botocore.exceptions import ClientError

from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.engines.deployment import (
    DeploymentConfiguration,
    DeploymentError,
    DeploymentSettings,
    LoadBalancer,
    create_service,
    delete_service,
    stop_service_deployment,
    update_service,
)

from .base import EcsBase, last, missing, page
from .controller import ServiceController
from .model import EcsService, Region, TaskDefinition, tag_map
from .shapes import compute, service_deployment_shape, service_shape

# Changing one of these makes a new service revision, hence a deployment.
_REVISED = ("networkConfiguration", "platformVersion", "capacityProviderStrategy", "loadBalancers", "serviceRegistries")
_PLAIN = (
    "placementConstraints",
    "placementStrategy",
    "enableECSManagedTags",
    "enableExecuteCommand",
    "propagateTags",
    "availabilityZoneRebalancing",
)


class ServiceOperations(EcsBase):
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html"""

    controller: ServiceController

    def create_service(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        region = self.region(context)
        cluster = self.find_cluster(region, request.get("cluster"))
        name = request["serviceName"]
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", name):
            raise AwsError("InvalidParameterException", "Invalid service name.")
        known = region.services.get((cluster.name, name))
        if known is not None and known.status == "ACTIVE":
            raise AwsError("InvalidParameterException", "Creation of service was not idempotent.")
        if known is not None and known.status == "DRAINING":
            raise AwsError("InvalidParameterException", "Unable to Start a service that is still Draining.")
        self._refuse_unsupported(request)
        if not request.get("taskDefinition"):
            raise AwsError("InvalidParameterException", "Task definition must not be null.")
        definition = self.find_definition(region, request["taskDefinition"])
        parameters = copy.deepcopy(request)
        if not parameters.get("capacityProviderStrategy") and not parameters.get("launchType"):
            if cluster.strategy:
                parameters["capacityProviderStrategy"] = copy.deepcopy(cluster.strategy)
            else:
                parameters["launchType"] = "EC2"
        parameters["roleArn"] = (
            f"arn:aws:iam::{context.account_id}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
        )
        self._check(context, definition, parameters)
        now = self.world.clock.now()
        service = EcsService(
            name=name,
            arn=region.arn(f"service/{cluster.name}/{name}"),
            cluster=cluster,
            region=region.name,
            created_at=now,
            created_by=context.principal.role_arn or context.principal.arn,
            parameters=parameters,
            definition=definition,
            state=None,  # type: ignore[arg-type]
            tags=tag_map(request.get("tags")),
        )
        try:
            desired = request.get("desiredCount")
            decision = create_service(
                service_arn=service.arn,
                cluster_arn=cluster.arn,
                name=name,
                task_definition=definition.arn,
                desired_count=1 if desired is None else desired,
                now=now,
                seed=f"{self.world.id}/{service.arn}/{now}",
                configuration=DeploymentConfiguration.parse(request.get("deploymentConfiguration")),
                settings=self._deployment_settings(),
                grace_seconds=float(request.get("healthCheckGracePeriodSeconds") or 0),
                container_check=definition.checked,
                load_balancers=_balancers(parameters),
            )
        except DeploymentError as error:
            raise AwsError(error.code, str(error)) from error
        service.state = decision.state
        region.services[(cluster.name, name)] = service
        self._remember_revision(service)
        self.controller.apply(region, service, decision)
        return {"service": service_shape(service, self.world.clock, tags=True)}

    def update_service(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        region = self.region(context)
        cluster = self.find_cluster(region, request.get("cluster"))
        service = self.find_service(region, cluster, request["service"])
        if service.status != "ACTIVE":
            raise AwsError("ServiceNotActiveException", "Service was not ACTIVE.")
        self._refuse_unsupported(request)
        definition = service.definition
        if request.get("taskDefinition"):
            definition = self.find_definition(region, request["taskDefinition"])
        parameters = dict(service.parameters)
        revised = False
        for name in _REVISED:
            if request.get(name) is not None and request[name] != parameters.get(name):
                parameters[name] = copy.deepcopy(request[name])
                revised = True
        if request.get("capacityProviderStrategy"):
            parameters.pop("launchType", None)
        for name in _PLAIN:
            if request.get(name) is not None:
                parameters[name] = copy.deepcopy(request[name])
        if request.get("deploymentConfiguration") is not None:
            parameters["deploymentConfiguration"] = {
                **(parameters.get("deploymentConfiguration") or {}),
                **copy.deepcopy(request["deploymentConfiguration"]),
            }
        if request.get("healthCheckGracePeriodSeconds") is not None:
            parameters["healthCheckGracePeriodSeconds"] = request["healthCheckGracePeriodSeconds"]
        if revised or definition is not service.definition:
            self._check(context, definition, parameters)
        grace = request.get("healthCheckGracePeriodSeconds")
        try:
            configuration = DeploymentConfiguration.parse(parameters.get("deploymentConfiguration"))
            service_before = (service.parameters, service.definition)
            service.parameters, service.definition = parameters, definition
            decision = update_service(
                service.state,
                self.world.clock.now(),
                task_definition=definition.arn,
                container_check=definition.checked,
                load_balancers=_balancers(parameters),
                desired_count=request.get("desiredCount"),
                configuration=configuration,
                grace_seconds=None if grace is None else float(grace),
                force_new_deployment=bool(request.get("forceNewDeployment")) or revised,
            )
        except DeploymentError as error:
            service.parameters, service.definition = service_before
            raise AwsError(error.code, str(error)) from error
        self._remember_revision(service)
        self.controller.apply(region, service, decision)
        return {"service": service_shape(service, self.world.clock, tags=True)}

    def delete_service(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        region = self.region(context)
        cluster = self.find_cluster(region, request.get("cluster"))
        service = self.find_service(region, cluster, request["service"])
        if service.status == "INACTIVE":
            raise AwsError("ServiceNotActiveException", "Service was not ACTIVE.")
        if service.status == "ACTIVE":
            if service.state.desired_count > 0 and not request.get("force"):
                raise AwsError("InvalidParameterException", "The service cannot be stopped while it is scaled above 0.")
            service.status = "DRAINING"
            decision = delete_service(service.state, self.world.clock.now())
            self.controller.apply(region, service, decision)
        shown = service_shape(service, self.world.clock, tags=True)
        if shown["status"] == "INACTIVE":
            # The answer to the call itself still says DRAINING; the next DescribeServices does not.
            shown["status"] = "DRAINING"
        return {"service": shown}

    def describe_services(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        region = self.region(context)
        cluster = self.find_cluster(region, request.get("cluster"))
        if not request["services"]:
            raise AwsError("InvalidParameterException", "Services cannot be empty.")
        include = request.get("include") or []
        found, failures = [], []
        for reference in request["services"]:
            service = region.services.get((cluster.name, last(reference)))
            if service is None:
                arn = reference if reference[:4] == "arn:" else region.arn(f"service/{cluster.name}/{reference}")
                failures.append(missing(arn))
            else:
                found.append(service_shape(service, self.world.clock, tags="TAGS" in include))
        return {"services": found, "failures": failures}

    def list_services(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        region = self.region(context)
        cluster = self.find_cluster(region, request.get("cluster"))
        launch = request.get("launchType")
        arns = [
            one.arn
            for one in region.services.values()
            if one.cluster is cluster
            and one.status != "INACTIVE"
            and launch in (None, compute(one.parameters).get("launchType"))
        ]
        shown, rest = page(arns, {"maxResults": 10, **request})
        return {"serviceArns": shown, **rest}

    # Service deployments and revisions ------------------------------------------------------------------------

    def list_service_deployments(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        region = self.region(context)
        cluster = self.find_cluster(region, request.get("cluster") or _cluster_in(request["service"]))
        service = self.find_service(region, cluster, request["service"])
        statuses = request.get("status")
        shown = [
            service_deployment_shape(service, record, self.world.clock)
            for record in reversed(service.state.records)
            if not statuses or record.status in statuses
        ]
        between = request.get("createdAt") or {}
        shown = [
            one
            for one in shown
            if between.get("after", one["createdAt"]) <= one["createdAt"] <= between.get("before", one["createdAt"])
        ]
        listed, rest = page(shown, request)
        brief = []
        for one in listed:
            kept = ("serviceDeploymentArn", "serviceArn", "clusterArn", "status", "statusReason")
            times = ("createdAt", "startedAt", "finishedAt")
            entry = {name: one[name] for name in (*kept, *times) if name in one}
            entry["targetServiceRevisionArn"] = one["targetServiceRevision"]["arn"]
            brief.append(entry)
        return {"serviceDeployments": brief, **rest}

    def describe_service_deployments(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        found, failures = [], []
        for arn in request["serviceDeploymentArns"]:
            service = self._service_of(self.region(context), arn)
            record = next((one for one in service.state.records if one.arn == arn), None) if service else None
            if service is None or record is None:
                failures.append(missing(arn))
            else:
                found.append(service_deployment_shape(service, record, self.world.clock))
        return {"serviceDeployments": found, "failures": failures}

    def describe_service_revisions(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        region = self.region(context)
        found, failures = [], []
        for arn in request["serviceRevisionArns"]:
            service = self._service_of(region, arn)
            if service is None or arn not in service.revisions:
                failures.append(missing(arn))
            else:
                found.append(self._revision_shape(region, service, arn))
        return {"serviceRevisions": found, "failures": failures}

    def stop_service_deployment(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        region = self.region(context)
        arn = request["serviceDeploymentArn"]
        service = self._service_of(region, arn)
        if service is None or service.status != "ACTIVE":
            raise AwsError("ServiceDeploymentNotFoundException", f"The service deployment {arn} does not exist.")
        try:
            decision = stop_service_deployment(
                service.state, self.world.clock.now(), arn, request.get("stopType") or "ROLLBACK"
            )
        except DeploymentError as error:
            raise AwsError(error.code, str(error)) from error
        self.controller.apply(region, service, decision)
        return {"serviceDeploymentArn": arn}

    def service_ended(self, service: EcsService) -> None:
        """The last task of a deleted service is gone."""
        service.status = "INACTIVE"
        region = self._region(self.world.account_id, service.region)
        key = (service.cluster.name, service.name)

        def forget() -> None:
            if region.services.get(key) is service:
                del region.services[key]

        self.world.loop.call_later(self.settings.inactive_service_seconds, forget, name=f"forget {service.name}")

    # Inside ---------------------------------------------------------------------------------------------------

    def _deployment_settings(self) -> DeploymentSettings:
        settings = self.world.settings.engines.get("deployment")
        return settings if isinstance(settings, DeploymentSettings) else DeploymentSettings()

    def _service_of(self, region: Region, arn: str) -> EcsService | None:
        parts = arn.split("/")
        return region.services.get((parts[1], parts[2])) if len(parts) == 4 else None

    def _remember_revision(self, service: EcsService) -> None:
        for arn in service.state.revisions:
            if arn not in service.revisions:
                service.revisions[arn] = {"parameters": dict(service.parameters), "definition": service.definition}

    def _revision_shape(self, region: Region, service: EcsService, arn: str) -> dict[str, Any]:
        snapshot, revision = service.revisions[arn], service.state.revisions[arn]
        parameters, definition = snapshot["parameters"], snapshot["definition"]
        digests = {
            one.name: one.digest
            for task in region.tasks.values()
            if task.service is service and task.definition is definition
            for one in task.containers
            if one.digest
        }
        images = []
        for container in definition.containers:
            image = {"containerName": container["name"], "image": container["image"]}
            if container["name"] in digests:
                image["imageDigest"] = digests[container["name"]]
            images.append(image)
        return {
            "serviceRevisionArn": arn,
            "serviceArn": service.arn,
            "clusterArn": service.cluster.arn,
            "taskDefinition": definition.arn,
            **compute(parameters),
            "platformVersion": "1.4.0",
            "loadBalancers": parameters.get("loadBalancers") or [],
            "serviceRegistries": parameters.get("serviceRegistries") or [],
            "containerImages": images,
            "guardDutyEnabled": False,
            "createdAt": self.world.clock.stamp(revision.created_at),
        }

    def _refuse_unsupported(self, request: dict[str, Any]) -> None:
        """What ECS has and is not emulated is refused by name instead of being ignored."""
        controller = (request.get("deploymentController") or {}).get("type") or "ECS"
        configuration = request.get("deploymentConfiguration") or {}
        refused = [
            ("deploymentController", controller, controller != "ECS"),
            ("schedulingStrategy", request.get("schedulingStrategy"), request.get("schedulingStrategy") == "DAEMON"),
            ("alarms", "enabled", bool((configuration.get("alarms") or {}).get("enable"))),
            ("lifecycleHooks", "hooks", bool(configuration.get("lifecycleHooks"))),
            (
                "serviceConnectConfiguration",
                "enabled",
                bool((request.get("serviceConnectConfiguration") or {}).get("enabled")),
            ),
            ("volumeConfigurations", "volumes", bool(request.get("volumeConfigurations"))),
            ("vpcLatticeConfigurations", "lattice", bool(request.get("vpcLatticeConfigurations"))),
        ]
        for name, value, wrong in refused:
            if wrong:
                raise AwsError(
                    "UnsupportedFeatureException",
                    f"Pushproof emulates rolling deployments of REPLICA services; {name} ({value}) is not emulated.",
                    status=501,
                )

    def _check(self, context: RequestContext, definition: TaskDefinition, parameters: dict[str, Any]) -> None:
        awsvpc = definition.document.get("networkMode") == "awsvpc"
        network = (parameters.get("networkConfiguration") or {}).get("awsvpcConfiguration")
        if awsvpc and not network:
            raise AwsError(
                "InvalidParameterException",
                "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
            )
        if not awsvpc and network:
            raise AwsError(
                "InvalidParameterException",
                "Network Configuration is not valid for the given networkMode of this task definition.",
            )
        fargate = parameters.get("launchType") == "FARGATE" or bool(parameters.get("capacityProviderStrategy"))
        if fargate and "FARGATE" not in (definition.document.get("requiresCompatibilities") or ["FARGATE"]):
            raise AwsError("InvalidParameterException", "Task definition does not support launch_type FARGATE.")
        if network:
            self._check_network(context, network)
        for balancer in parameters.get("loadBalancers") or []:
            self._check_balancer(context, definition, balancer, awsvpc)

    def _check_network(self, context: RequestContext, network: dict[str, Any]) -> None:
        ec2 = self.world.substrate.client("ec2", context.region)
        try:
            subnets = ec2.describe_subnets(SubnetIds=network["subnets"])["Subnets"]
        except ClientError as error:
            told = error.response["Error"]
            raise AwsError(
                "InvalidParameterException",
                f"Error retrieving subnet information for [{', '.join(network['subnets'])}]: {told['Message']} "
                f"(ErrorCode: {told['Code']})",
            ) from error
        groups = network.get("securityGroups") or []
        try:
            found = ec2.describe_security_groups(GroupIds=groups)["SecurityGroups"] if groups else []
        except ClientError as error:
            told = error.response["Error"]
            raise AwsError(
                "InvalidParameterException",
                f"Error retrieving security group information for [{', '.join(groups)}]: {told['Message']} "
                f"(ErrorCode: {told['Code']})",
            ) from error
        vpcs = {one["VpcId"] for one in subnets}
        if len(vpcs) > 1:
            raise AwsError("InvalidParameterException", "All subnets must be in the same VPC.")
        if any(one["VpcId"] not in vpcs for one in found):
            raise AwsError("InvalidParameterException", "Security groups and subnets must belong to the same VPC.")

    def _check_balancer(
        self, context: RequestContext, definition: TaskDefinition, balancer: dict[str, Any], awsvpc: bool
    ) -> None:
        arn, name, port = balancer.get("targetGroupArn"), balancer.get("containerName"), balancer.get("containerPort")
        if not arn:
            raise AwsError("InvalidParameterException", "targetGroupArn must be specified for a load balancer.")
        container = next((one for one in definition.containers if one["name"] == name), None)
        if container is None:
            raise AwsError("InvalidParameterException", f"The container {name} does not exist in the task definition.")
        if port not in [one.get("containerPort") for one in container["portMappings"]]:
            raise AwsError(
                "InvalidParameterException", f"The container {name} did not have a container port {port} defined."
            )
        try:
            elbv2 = self.world.client("elbv2", region=context.region)
            group = elbv2.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"][0]
        except ClientError as error:
            told = error.response["Error"]
            raise AwsError(
                "InvalidParameterException",
                f"Unable to assume role and validate the specified targetGroupArn: {told['Message']}",
            ) from error
        if not group.get("LoadBalancerArns"):
            raise AwsError(
                "InvalidParameterException",
                f"The target group with targetGroupArn {arn} does not have an associated load balancer.",
            )
        if awsvpc and group["TargetType"] != "ip":
            raise AwsError(
                "InvalidParameterException",
                f"The provided target group {arn} has target type {group['TargetType']}, which is incompatible with the "
                "awsvpc network mode specified in the task definition.",
            )


def _balancers(parameters: dict[str, Any]) -> list[LoadBalancer]:
    return [
        LoadBalancer(one["targetGroupArn"], one["containerName"], one["containerPort"])
        for one in parameters.get("loadBalancers") or []
    ]


def _cluster_in(reference: str) -> str | None:
    parts = reference.split("/")
    return parts[1] if len(parts) == 3 else None
