"""Operations on applications, deployment configurations, and tags.

https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_CreateApplication.html and the pages beside it
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushproof.aws.arns import resource_of
from pushproof.aws.tags import tag_map
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError, refusals_of
from pushproof.engines.codedeploy import CodeDeployError, Routing

from .base import CodeDeployBase, check_batch, check_new_name, check_tags, page
from .model import Application, DeploymentConfig, Region

if TYPE_CHECKING:
    from types_boto3_codedeploy.type_defs import (
        ApplicationInfoTypeDef,
        DeploymentConfigInfoTypeDef,
        TrafficRoutingConfigTypeDef,
    )

    from pushproof.emulator.kernel.shapes.codedeploy import (
        BatchGetApplicationsAnswer,
        BatchGetApplicationsRequest,
        CreateApplicationAnswer,
        CreateApplicationRequest,
        CreateDeploymentConfigAnswer,
        CreateDeploymentConfigRequest,
        DeleteApplicationRequest,
        DeleteDeploymentConfigRequest,
        GetApplicationAnswer,
        GetApplicationRequest,
        GetDeploymentConfigAnswer,
        GetDeploymentConfigRequest,
        ListApplicationsAnswer,
        ListApplicationsRequest,
        ListDeploymentConfigsAnswer,
        ListDeploymentConfigsRequest,
        ListTagsForResourceAnswer,
        ListTagsForResourceRequest,
        TagResourceAnswer,
        TagResourceRequest,
        UntagResourceAnswer,
        UntagResourceRequest,
        UpdateApplicationRequest,
    )


class ApplicationOperations(CodeDeployBase):
    """Operations on applications and configurations."""

    def create_application(self, context: RequestContext, request: CreateApplicationRequest) -> CreateApplicationAnswer:
        name = request["applicationName"]
        check_new_name("Application", name)
        _check_platform(request.get("computePlatform"))
        region = self.region(context)
        if name in region.applications:
            raise AwsError("ApplicationAlreadyExistsException", f"Application already exists: {name}")
        check_tags(request.get("tags"))
        application = Application(name, self.site.clock.now(), tags=tag_map(request.get("tags")))
        region.applications[name] = application
        return {"applicationId": application.id}

    def get_application(self, context: RequestContext, request: GetApplicationRequest) -> GetApplicationAnswer:
        application = self.find_application(self.region(context), request["applicationName"])
        return {"application": self._application(application)}

    def batch_get_applications(
        self, context: RequestContext, request: BatchGetApplicationsRequest
    ) -> BatchGetApplicationsAnswer:
        check_batch(request["applicationNames"])
        region = self.region(context)
        chosen = [self.find_application(region, name) for name in request["applicationNames"]]
        return {"applicationsInfo": [self._application(application) for application in chosen]}

    def list_applications(self, context: RequestContext, request: ListApplicationsRequest) -> ListApplicationsAnswer:
        shown, rest = page(self.region(context).applications, request)
        return {"applications": shown, **rest}

    def update_application(self, context: RequestContext, request: UpdateApplicationRequest) -> None:
        if not request.get("applicationName"):
            raise AwsError("ApplicationNameRequiredException", "The application name was not specified.")
        region, before = self.region(context), request.get("applicationName", "")
        application = self.find_application(region, before)
        name = request.get("newApplicationName") or before
        if name == before:
            return
        check_new_name("Application", name)
        if name in region.applications:
            raise AwsError("ApplicationAlreadyExistsException", f"Application already exists: {name}")
        region.applications[name] = region.applications.pop(before)
        application.name = name
        for group in application.groups.values():
            group.application = name
        for record in region.deployments.values():
            if record.application == before:
                record.application = name

    def delete_application(self, context: RequestContext, request: DeleteApplicationRequest) -> None:
        check_new_name("Application", request["applicationName"])
        self.region(context).applications.pop(request["applicationName"], None)

    # Configurations -----------------------------------------------------------------------------------------------

    def create_deployment_config(
        self, context: RequestContext, request: CreateDeploymentConfigRequest
    ) -> CreateDeploymentConfigAnswer:
        name = request["deploymentConfigName"]
        check_new_name("DeploymentConfig", name)
        _check_platform(request.get("computePlatform"))
        region = self.region(context)
        if name in region.configs:
            raise AwsError("DeploymentConfigAlreadyExistsException", f"Deployment configuration already exists: {name}")
        if request.get("minimumHealthyHosts"):
            raise AwsError(
                "InvalidMinimumHealthyHostValueException",
                "Minimum healthy hosts cannot be specified for a deployment configuration of the ECS compute platform.",
            )
        if request.get("zonalConfig"):
            raise AwsError(
                "InvalidZonalDeploymentConfigurationException",
                "Zonal configuration is only supported for the Server compute platform.",
            )
        with refusals_of(CodeDeployError):
            routing = _routing(request.get("trafficRoutingConfig"))
        config = DeploymentConfig(name, routing, self.site.clock.now())
        region.configs[name] = config
        return {"deploymentConfigId": config.id}

    def get_deployment_config(
        self, context: RequestContext, request: GetDeploymentConfigRequest
    ) -> GetDeploymentConfigAnswer:
        config = self.find_config(self.region(context), request["deploymentConfigName"])
        shown: DeploymentConfigInfoTypeDef = {
            "deploymentConfigId": config.id,
            "deploymentConfigName": config.name,
            "createTime": self.site.clock.stamp(config.created_at),
            "computePlatform": "ECS",
            "trafficRoutingConfig": _routing_shape(config.routing),
        }
        return {"deploymentConfigInfo": shown}

    def list_deployment_configs(
        self, context: RequestContext, request: ListDeploymentConfigsRequest
    ) -> ListDeploymentConfigsAnswer:
        shown, rest = page(sorted(self.region(context).configs), request)
        return {"deploymentConfigsList": shown, **rest}

    def delete_deployment_config(self, context: RequestContext, request: DeleteDeploymentConfigRequest) -> None:
        name, region = request["deploymentConfigName"], self.region(context)
        check_new_name("DeploymentConfig", name)
        for application in region.applications.values():
            for group in application.groups.values():
                if group.options.config_name == name:
                    raise AwsError(
                        "DeploymentConfigInUseException",
                        f"The deployment configuration {name} is in use by the deployment group {group.name}.",
                    )
        region.configs.pop(name, None)

    # Tags -----------------------------------------------------------------------------------------------------------

    def tag_resource(self, context: RequestContext, request: TagResourceRequest) -> TagResourceAnswer:
        tags = self._tags(self.region(context), request["ResourceArn"])
        check_tags(request["Tags"], tags)
        tags |= tag_map(request["Tags"])
        return {}

    def untag_resource(self, context: RequestContext, request: UntagResourceRequest) -> UntagResourceAnswer:
        tags = self._tags(self.region(context), request["ResourceArn"])
        for key in request["TagKeys"]:
            tags.pop(key, None)
        return {}

    def list_tags_for_resource(
        self, context: RequestContext, request: ListTagsForResourceRequest
    ) -> ListTagsForResourceAnswer:
        tags = self._tags(self.region(context), request["ResourceArn"])
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    # Inside ---------------------------------------------------------------------------------------------------------

    def _application(self, application: Application) -> ApplicationInfoTypeDef:
        return {
            "applicationId": application.id,
            "applicationName": application.name,
            "createTime": self.site.clock.stamp(application.created_at),
            "linkedToGitHub": False,
            "computePlatform": "ECS",
        }

    def _tags(self, region: Region, arn: str) -> dict[str, str]:
        """Return the tags of an application, group or configuration. Raises AWS's errors."""
        if not arn.startswith("arn:") or arn.count(":") < 6:
            raise AwsError("InvalidArnException", "The specified ARN is not in a valid format.")
        kind, _, name = resource_of(arn).partition(":")
        if kind == "application":
            return self.find_application(region, name).tags
        if kind == "deploymentgroup":
            application, _, group = name.partition("/")
            return self.find_group(region, application, group).tags
        if kind == "deploymentconfig":
            return self.find_config(region, name).tags
        raise AwsError("ArnNotSupportedException", "The specified ARN is not supported.")


def _check_platform(platform: str | None) -> None:
    """Refuse, by name, what is not emulated. Without a name, CodeDeploy takes Server."""
    if platform != "ECS":
        raise AwsError(
            "InvalidComputePlatformException",
            f"Pushproof emulates CodeDeploy for ECS; the compute platform {platform or 'Server'} is not emulated.",
        )


def _routing(request: TrafficRoutingConfigTypeDef | None) -> Routing:
    """Read the traffic routing of a request. Raises CodeDeployError."""
    if not request:
        raise CodeDeployError(
            "InvalidTrafficRoutingConfigurationException",
            "Traffic routing configuration must be specified for the ECS compute platform.",
        )
    kind = request.get("type")
    canary, linear = request.get("timeBasedCanary"), request.get("timeBasedLinear")
    if kind == "TimeBasedCanary" and canary and not linear:
        return Routing.canary(canary.get("canaryPercentage"), canary.get("canaryInterval"))
    if kind == "TimeBasedLinear" and linear and not canary:
        return Routing.linear(linear.get("linearPercentage"), linear.get("linearInterval"))
    if kind == "AllAtOnce" and not canary and not linear:
        return Routing()
    raise CodeDeployError(
        "InvalidTrafficRoutingConfigurationException",
        "The traffic routing type must be AllAtOnce alone, TimeBasedCanary with timeBasedCanary, or TimeBasedLinear with "
        "timeBasedLinear.",
    )


def _routing_shape(routing: Routing) -> TrafficRoutingConfigTypeDef:
    if routing.type == "TimeBasedCanary":
        return {
            "type": routing.type,
            "timeBasedCanary": {"canaryPercentage": routing.percentage, "canaryInterval": routing.interval},
        }
    if routing.type == "TimeBasedLinear":
        return {
            "type": routing.type,
            "timeBasedLinear": {"linearPercentage": routing.percentage, "linearInterval": routing.interval},
        }
    return {"type": routing.type}
