"""Operations on deployment groups.

https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_CreateDeploymentGroup.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushproof.aws.tags import tag_map
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError

from .applications import ApplicationOperations
from .base import check_batch, check_new_name, check_tags, page
from .checks import check_options, check_service, check_unsupported, options_of
from .model import DeploymentGroup, Options, Region

if TYPE_CHECKING:
    from types_boto3_codedeploy.type_defs import DeploymentGroupInfoTypeDef, LastDeploymentInfoTypeDef

    from pushproof.emulator.kernel.shapes.codedeploy import (
        BatchGetDeploymentGroupsAnswer,
        BatchGetDeploymentGroupsRequest,
        CreateDeploymentGroupAnswer,
        CreateDeploymentGroupRequest,
        DeleteDeploymentGroupAnswer,
        DeleteDeploymentGroupRequest,
        GetDeploymentGroupAnswer,
        GetDeploymentGroupRequest,
        ListDeploymentGroupsAnswer,
        ListDeploymentGroupsRequest,
        UpdateDeploymentGroupAnswer,
        UpdateDeploymentGroupRequest,
    )


class GroupOperations(ApplicationOperations):
    """Operations on deployment groups."""

    def create_deployment_group(
        self, context: RequestContext, request: CreateDeploymentGroupRequest
    ) -> CreateDeploymentGroupAnswer:
        region, name = self.region(context), request["deploymentGroupName"]
        application = self.find_application(region, request["applicationName"])
        check_new_name("DeploymentGroup", name)
        if name in application.groups:
            raise AwsError(
                "DeploymentGroupAlreadyExistsException",
                f"Deployment group already exists: {name} for application: {application.name}",
            )
        check_tags(request.get("tags"))
        check_unsupported(request, created=True)
        options = options_of(request, None)
        self._check(context, region, options, None)
        group = DeploymentGroup(application.name, name, options, tags=tag_map(request.get("tags")))
        application.groups[name] = group
        return {"deploymentGroupId": group.id}

    def update_deployment_group(
        self, context: RequestContext, request: UpdateDeploymentGroupRequest
    ) -> UpdateDeploymentGroupAnswer:
        region, before = self.region(context), request["currentDeploymentGroupName"]
        application = self.find_application(region, request["applicationName"])
        group = self.find_group(region, application.name, before)
        name = request.get("newDeploymentGroupName") or before
        check_new_name("DeploymentGroup", name)
        if name != before and name in application.groups:
            raise AwsError(
                "DeploymentGroupAlreadyExistsException",
                f"Deployment group already exists: {name} for application: {application.name}",
            )
        check_unsupported(request, created=False)
        options = options_of(request, group.options)
        self._check(context, region, options, group)
        group.options, group.name = options, name
        application.groups[name] = application.groups.pop(before)
        for record in region.deployments.values():
            if (record.application, record.group) == (application.name, before):
                record.group = name
        return {"hooksNotCleanedUp": []}

    def get_deployment_group(
        self, context: RequestContext, request: GetDeploymentGroupRequest
    ) -> GetDeploymentGroupAnswer:
        region = self.region(context)
        group = self.find_group(region, request["applicationName"], request["deploymentGroupName"])
        return {"deploymentGroupInfo": self._group(region, group)}

    def batch_get_deployment_groups(
        self, context: RequestContext, request: BatchGetDeploymentGroupsRequest
    ) -> BatchGetDeploymentGroupsAnswer:
        check_batch(request["deploymentGroupNames"])
        region = self.region(context)
        groups = self.find_application(region, request["applicationName"]).groups
        shown = [self._group(region, groups[name]) for name in request["deploymentGroupNames"] if name in groups]
        missing = [name for name in request["deploymentGroupNames"] if name not in groups]
        answer: BatchGetDeploymentGroupsAnswer = {"deploymentGroupsInfo": shown}
        if missing:
            answer["errorMessage"] = f"No Deployment Group found for name: {', '.join(missing)}"
        return answer

    def list_deployment_groups(
        self, context: RequestContext, request: ListDeploymentGroupsRequest
    ) -> ListDeploymentGroupsAnswer:
        application = self.find_application(self.region(context), request["applicationName"])
        shown, rest = page(application.groups, request)
        return {"applicationName": application.name, "deploymentGroups": shown, **rest}

    def delete_deployment_group(
        self, context: RequestContext, request: DeleteDeploymentGroupRequest
    ) -> DeleteDeploymentGroupAnswer:
        check_new_name("Application", request["applicationName"])
        check_new_name("DeploymentGroup", request["deploymentGroupName"])
        application = self.region(context).applications.get(request["applicationName"])
        if application is not None:
            application.groups.pop(request["deploymentGroupName"], None)
        return {"hooksNotCleanedUp": []}

    # Inside ---------------------------------------------------------------------------------------------------------

    def _check(self, context: RequestContext, region: Region, options: Options, group: DeploymentGroup | None) -> None:
        """Refuse what no deployment could go by."""
        config = self.find_config(region, options.config_name)
        check_options(options, config.routing)
        others = [
            other
            for application in region.applications.values()
            for other in application.groups.values()
            if other is not group and other.options.service == options.service
        ]
        if others:
            raise AwsError(
                "ECSServiceMappingLimitExceededException",
                f"The ECS service {options.service.get('serviceName')} is already associated with the deployment group "
                f"{others[0].name}. An Amazon ECS service can be associated with only one deployment group.",
            )
        check_service(self.site, context.region, options)

    def _group(self, region: Region, group: DeploymentGroup) -> DeploymentGroupInfoTypeDef:
        options = group.options
        shown: DeploymentGroupInfoTypeDef = {
            "applicationName": group.application,
            "deploymentGroupId": group.id,
            "deploymentGroupName": group.name,
            "deploymentConfigName": options.config_name,
            "ec2TagFilters": [],
            "onPremisesInstanceTagFilters": [],
            "autoScalingGroups": [],
            "serviceRoleArn": options.role_arn,
            "triggerConfigurations": list(options.triggers),
            "deploymentStyle": {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
            "outdatedInstancesStrategy": options.outdated,
            "blueGreenDeploymentConfiguration": options.blue_green,
            "loadBalancerInfo": options.balancer,
            "computePlatform": "ECS",
            "ecsServices": [options.service],
            "terminationHookEnabled": options.termination_hook,
        }
        if options.alarms is not None:
            shown["alarmConfiguration"] = options.alarms
        if options.rollback is not None:
            shown["autoRollbackConfiguration"] = options.rollback
        if group.revision is not None:
            shown["targetRevision"] = group.revision
        if group.succeeded:
            shown["lastSuccessfulDeployment"] = self._last(region, group.succeeded)
        if group.attempted:
            shown["lastAttemptedDeployment"] = self._last(region, group.attempted)
        return shown

    def _last(self, region: Region, identifier: str) -> LastDeploymentInfoTypeDef:
        state, clock = region.deployments[identifier].state, self.site.clock
        shown: LastDeploymentInfoTypeDef = {
            "deploymentId": identifier,
            "status": state.status,
            "createTime": clock.stamp(state.created_at),
        }
        if state.completed_at is not None:
            shown["endTime"] = clock.stamp(state.completed_at)
        return shown
