"""Services: creation, updates, descriptions, deletion; their deployments and revisions."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pushproof.aws.arns import arn_of_role, last
from pushproof.aws.tags import tag_map
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError, refusals_of
from pushproof.emulator.kernel.paging import CamelPaged
from pushproof.engines.deployment import (
    MOST_TASKS,
    DeploymentConfiguration,
    DeploymentError,
    DeploymentSettings,
    create_service,
    delete_service,
    update_service,
)

from .advanced import check_advanced
from .alarming import check_alarms
from .amounts import check_tags, check_token, in_range, invalid, one_of, unsupported
from .balancing import balancers_of, check_balancing, check_grace
from .base import missing, page
from .capacity import BOTH_NAMED, NEEDS_DEPLOYMENT, check_strategy, normalised
from .configurations import merged
from .connecting import MEMBER, ServiceConnect
from .controlled import check_controlled, check_update
from .model import Cluster, EcsService, Region, ServiceRevision, TaskDefinition
from .placement import check_network, check_placement, normalised_network
from .servicedeployments import ServiceDeploymentOperations
from .serviceshapes import service_shape
from .shapes import compute
from .shifting import PRINCIPAL
from .tasksets import TaskSets

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import (
        DeploymentControllerTypeDef,
        FailureTypeDef,
        ServiceTypeDef,
    )

    from pushproof.emulator.kernel.shapes.ecs import (
        CreateServiceAnswer,
        CreateServiceRequest,
        DeleteServiceAnswer,
        DeleteServiceRequest,
        DescribeServicesAnswer,
        DescribeServicesRequest,
        ListServicesAnswer,
        ListServicesRequest,
        UpdateServiceAnswer,
        UpdateServiceRequest,
    )


# A change to any of these creates a new service revision, and so a deployment.
_REVISED = ("platformVersion", "loadBalancers", "serviceRegistries", MEMBER)
_PLAIN = (
    "placementConstraints",
    "placementStrategy",
    "enableECSManagedTags",
    "enableExecuteCommand",
    "propagateTags",
    "availabilityZoneRebalancing",
    "healthCheckGracePeriodSeconds",
)


_ROLLING: DeploymentControllerTypeDef = {"type": "ECS"}


class ServiceOperations(ServiceDeploymentOperations):
    """Operations on services. https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html"""

    task_sets: TaskSets
    connect: ServiceConnect

    def create_service(self, context: RequestContext, request: CreateServiceRequest) -> CreateServiceAnswer:
        region = self.region(context)
        cluster = self.find_cluster(region, request.get("cluster"))
        name = request["serviceName"]
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", name):
            raise invalid("Invalid service name.")
        check_token(request.get("clientToken"))
        existing = region.services.get((cluster.name, name))
        if existing is not None and existing.status == "DRAINING":
            raise invalid("Unable to Start a service that is still Draining.")
        self._refuse_unsupported(request)
        controller = request.get("deploymentController", _ROLLING)["type"]
        if not request.get("taskDefinition"):
            raise invalid("Task definition must not be null.")
        if request.get("launchType") and request.get("capacityProviderStrategy"):
            raise invalid(BOTH_NAMED)
        check_tags(request.get("tags"))
        definition = self.find_definition(region, request["taskDefinition"])
        revised = self._connected(cluster, self._revised({"launchType": request.get("launchType")}, request))
        if not revised["launchType"] and not revised.get("capacityProviderStrategy"):
            revised["capacityProviderStrategy"] = copy.deepcopy(cluster.strategy)
        if not revised["launchType"]:
            revised["launchType"] = "FARGATE" if revised.get("capacityProviderStrategy") else "EC2"
        own: dict[str, Any] = _plain(request)
        own["roleArn"] = arn_of_role(context.account_id, "aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS")
        own["deploymentConfiguration"] = merged({}, request.get("deploymentConfiguration"))
        desired = 1 if request.get("desiredCount") is None else request["desiredCount"]
        revision = ServiceRevision(definition, revised, own["deploymentConfiguration"])
        if existing is not None and existing.status == "ACTIVE":
            standing = (existing.controller, existing.revision, existing.parameters, existing.state.desired_count)
            if standing == (controller, revision, own, desired):
                return {"service": service_shape(existing, self.site.clock, tags=True)}
            raise invalid("Creation of service was not idempotent.")
        self._check(context, cluster, definition, {**own, **revised}, controller=controller)
        now = self.site.clock.now()
        arn = region.arn(f"service/{cluster.name}/{name}")
        configuration = _configuration(own)
        grace_seconds = float(own.get("healthCheckGracePeriodSeconds") or 0)
        decision = None
        if controller == "CODE_DEPLOY":
            check_controlled(own, revised)
            in_range("desiredCount", desired, 0, MOST_TASKS)
            state = self.task_sets.state_of(arn, cluster.arn, name, desired, configuration, grace_seconds)
        else:
            with refusals_of(DeploymentError):
                decision = create_service(
                    service_arn=arn,
                    cluster_arn=cluster.arn,
                    name=name,
                    task_definition=definition.arn,
                    desired_count=desired,
                    now=now,
                    seed=f"{self.site.id}/{arn}/{now}",
                    configuration=configuration,
                    settings=self._deployment_settings(),
                    grace_seconds=grace_seconds,
                    container_check=definition.checked,
                    load_balancers=balancers_of(revised),
                )
            state = decision.state
        service = EcsService(
            name=name,
            arn=arn,
            cluster=cluster,
            region=region.name,
            created_at=now,
            created_by=context.principal.role_arn or context.principal.arn,
            parameters=own,
            state=state,
            tags=tag_map(request.get("tags")),
            controller=controller,
        )
        region.services[(cluster.name, name)] = service
        if decision is None:
            # "When an Amazon ECS service using the blue/green deployment type is initially created, a task set is created."
            self.task_sets.promote(service, self.task_sets.begin(region, service, revision))
        else:
            self._remember_revision(service, revision)
            self.connect.join(service, revision)
            self.controller.apply(region, service, decision)
        return {"service": service_shape(service, self.site.clock, tags=True)}

    def update_service(self, context: RequestContext, request: UpdateServiceRequest) -> UpdateServiceAnswer:
        region = self.region(context)
        cluster = self.find_cluster(region, request.get("cluster"))
        service = self.find_service(region, cluster, request["service"])
        if service.status != "ACTIVE":
            raise AwsError("ServiceNotActiveException", "Service was not ACTIVE.")
        self._refuse_unsupported(request)
        if service.controller == "CODE_DEPLOY":
            return self._update_controlled(context, region, service, request)
        # A rollback that is due restores the service first; the request then changes the restored one.
        self.controller.observe(service, ())
        current = service.revision
        definition = current.definition
        if request.get("taskDefinition"):
            definition = self.find_definition(region, request["taskDefinition"])
        revised = self._connected(cluster, self._revised(current.parameters, request))
        force = bool(request.get("forceNewDeployment"))
        if not force and revised.get("capacityProviderStrategy") != current.parameters.get("capacityProviderStrategy"):
            raise invalid(NEEDS_DEPLOYMENT)
        own = dict(service.parameters)
        own |= _plain(request)
        own["deploymentConfiguration"] = merged(
            service.parameters["deploymentConfiguration"], request.get("deploymentConfiguration")
        )
        if revised != current.parameters or definition is not current.definition or own != service.parameters:
            self._check(context, cluster, definition, {**own, **revised}, held=service.endpoints.values())
        grace = request.get("healthCheckGracePeriodSeconds")
        with refusals_of(DeploymentError):
            decision = update_service(
                service.state,
                self.site.clock.now(),
                task_definition=definition.arn,
                container_check=definition.checked,
                load_balancers=balancers_of(revised),
                desired_count=request.get("desiredCount"),
                configuration=_configuration(own),
                grace_seconds=None if grace is None else float(grace),
                force_new_deployment=force or revised != current.parameters,
            )
        service.parameters = own
        revision = ServiceRevision(definition, revised, own["deploymentConfiguration"])
        self._remember_revision(service, revision)
        self.connect.join(service, revision)
        self.controller.apply(region, service, decision)
        return {"service": service_shape(service, self.site.clock, tags=True)}

    def _update_controlled(
        self, context: RequestContext, region: Region, service: EcsService, request: UpdateServiceRequest
    ) -> UpdateServiceAnswer:
        """Update what a service with task sets has of its own: counts, configuration, grace period, placement and tags."""
        check_update(request)
        own = service.parameters | _plain(request)
        own["deploymentConfiguration"] = merged(
            service.parameters["deploymentConfiguration"], request.get("deploymentConfiguration")
        )
        revision = service.revision
        self._check(context, service.cluster, revision.definition, {**own, **revision.parameters}, attached=False)
        check_controlled(own, revision.parameters)
        with refusals_of(DeploymentError):
            configuration = _configuration(own)
        in_range("desiredCount", request.get("desiredCount"), 0, MOST_TASKS)
        state = service.state
        state.configuration = configuration
        state.grace_seconds = float(own.get("healthCheckGracePeriodSeconds") or 0)
        state.desired_count = request.get("desiredCount", state.desired_count)
        service.parameters = own
        self.task_sets.follow(region, service)
        return {"service": service_shape(service, self.site.clock, tags=True)}

    def delete_service(self, context: RequestContext, request: DeleteServiceRequest) -> DeleteServiceAnswer:
        region = self.region(context)
        cluster = self.find_cluster(region, request.get("cluster"))
        service = self.find_service(region, cluster, request["service"])
        if service.status == "INACTIVE":
            # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteService.html has no ServiceNotActiveException.
            raise AwsError("ServiceNotFoundException", "Service not found.")
        if service.status == "ACTIVE":
            if service.state.desired_count > 0 and not request.get("force"):
                raise AwsError("InvalidParameterException", "The service cannot be stopped while it is scaled above 0.")
            service.status = "DRAINING"
            if service.task_sets:
                self.task_sets.end_all(region, service)
            else:
                decision = delete_service(service.state, self.site.clock.now())
                self.controller.apply(region, service, decision)
        shown = service_shape(service, self.site.clock, tags=True)
        if shown["status"] == "INACTIVE":
            # The answer to this call still shows DRAINING; the next DescribeServices does not.
            shown["status"] = "DRAINING"
        return {"service": shown}

    def describe_services(self, context: RequestContext, request: DescribeServicesRequest) -> DescribeServicesAnswer:
        region = self.region(context)
        cluster = self.find_cluster(region, request.get("cluster"))
        if not request["services"]:
            raise AwsError("InvalidParameterException", "Services cannot be empty.")
        include = request.get("include") or []
        services: list[ServiceTypeDef] = []
        failures: list[FailureTypeDef] = []
        for reference in request["services"]:
            service = region.services.get((cluster.name, last(reference)))
            if service is None:
                arn = reference if reference[:4] == "arn:" else region.arn(f"service/{cluster.name}/{reference}")
                failures.append(missing(arn))
            else:
                services.append(service_shape(service, self.site.clock, tags="TAGS" in include))
        return {"services": services, "failures": failures}

    def list_services(self, context: RequestContext, request: ListServicesRequest) -> ListServicesAnswer:
        region = self.region(context)
        cluster = self.find_cluster(region, request.get("cluster"))
        launch = request.get("launchType")
        arns = [
            service.arn
            for service in region.services.values()
            if service.cluster is cluster
            and service.status != "INACTIVE"
            and launch in (None, compute(service.revision.parameters).get("launchType"))
        ]
        paging: CamelPaged = {"maxResults": request.get("maxResults", 10)}
        if "nextToken" in request:
            paging["nextToken"] = request["nextToken"]
        shown, rest = page(arns, paging)
        return {"serviceArns": shown, **rest}

    def service_ended(self, service: EcsService) -> None:
        """Finish a deleted service, or a task set, whose last task is gone."""
        if service.whole is not None:
            self.task_sets.ended(service)
            return
        service.status = "INACTIVE"
        self.connect.leave(service)
        region = self._region(self.site.account_id, service.region)
        key = (service.cluster.name, service.name)

        def forget() -> None:
            if region.services.get(key) is service:
                del region.services[key]

        self.site.loop.call_later(self.settings.inactive_service_seconds, forget, name=f"forget {service.name}")

    # Inside ---------------------------------------------------------------------------------------------------

    def _deployment_settings(self) -> DeploymentSettings:
        return self.site.settings.deployment

    def _remember_revision(self, service: EcsService, revision: ServiceRevision) -> None:
        """Keep the contents of the engine's newest revision, if it created one."""
        for arn in service.state.revisions:
            service.revisions.setdefault(arn, revision)

    def _refuse_unsupported(self, request: CreateServiceRequest | UpdateServiceRequest) -> None:
        """Refuse by name the features of ECS that are not emulated, instead of ignoring them."""
        controller = request.get("deploymentController", _ROLLING).get("type") or "ECS"
        refused = [
            ("deploymentController", controller, controller not in ("ECS", "CODE_DEPLOY")),
            ("schedulingStrategy", request.get("schedulingStrategy"), request.get("schedulingStrategy") == "DAEMON"),
            ("volumeConfigurations", "volumes", bool(request.get("volumeConfigurations"))),
            ("vpcLatticeConfigurations", "lattice", bool(request.get("vpcLatticeConfigurations"))),
        ]
        for name, value, wrong in refused:
            if wrong:
                raise unsupported(
                    f"Pushproof emulates deployments of REPLICA services by ECS itself and by CodeDeploy; {name} ({value}) is not "
                    "emulated."
                )

    def _revised(self, parameters: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
        """Return the members of a revision as they are after the request."""
        revised = dict(parameters)
        for name in _REVISED:
            if request.get(name) is not None:
                revised[name] = copy.deepcopy(request[name])
        if request.get("networkConfiguration") is not None:
            revised["networkConfiguration"] = normalised_network(request["networkConfiguration"])
        if request.get("capacityProviderStrategy") is not None:
            # An empty list returns the service to its launch type.
            revised["capacityProviderStrategy"] = normalised(request["capacityProviderStrategy"])
        return {name: value for name, value in revised.items() if value or name == "launchType"}

    def _connected(self, cluster: Cluster, revised: dict[str, Any]) -> dict[str, Any]:
        """Return the members of a revision with the namespace of Service Connect, where it has one."""
        document = revised.get(MEMBER)
        return {**revised, MEMBER: self.connect.with_namespace(cluster, document)} if document else revised

    def _check(
        self,
        context: RequestContext,
        cluster: Cluster,
        definition: TaskDefinition,
        parameters: dict[str, Any],
        *,
        attached: bool = True,
        controller: str = "ECS",
        held: Iterable[str] = (),
    ) -> None:
        """Raise AWS's own refusals before anything is changed. `attached`: some listener has to use the target groups."""
        in_range("healthCheckGracePeriodSeconds", parameters.get("healthCheckGracePeriodSeconds"), 0, 2_147_483_647)
        one_of("propagate tags", parameters.get("propagateTags"), ("TASK_DEFINITION", "SERVICE", "NONE"))
        one_of("availability zone rebalancing", parameters.get("availabilityZoneRebalancing"), ("ENABLED", "DISABLED"))
        with refusals_of(DeploymentError):
            configuration = _configuration(parameters)
        strategy = parameters.get("capacityProviderStrategy") or []
        check_strategy(strategy, cluster.capacity_providers, used=True)
        check_placement(definition, parameters)
        network = (parameters.get("networkConfiguration") or {}).get("awsvpcConfiguration")
        if network:
            check_network(self.site.substrate.client("ec2", context.region), network)
        check_grace(parameters)
        shifts = configuration.strategy.name != "ROLLING"
        self.connect.check(context.region, definition, parameters, controller=controller, shifts=shifts, held=held)
        check_alarms(self.site.client("cloudwatch", region=context.region), configuration)
        elbv2 = self.site.client("elbv2", region=context.region)
        check_balancing(elbv2, definition, parameters, attached=attached)
        check_advanced(
            elbv2,
            parameters.get("loadBalancers") or [],
            shifts=shifts,
            assume=lambda role: self.site.assume(role, PRINCIPAL, "ecs-infrastructure"),
        )


def _plain(request: CreateServiceRequest | UpdateServiceRequest) -> dict[str, object]:
    """Return the members of a request that no deployment changes."""
    return {name: copy.deepcopy(value) for name, value in request.items() if name in _PLAIN and value is not None}


def _configuration(parameters: dict[str, Any]) -> DeploymentConfiguration:
    return DeploymentConfiguration.parse(parameters.get("deploymentConfiguration"))
