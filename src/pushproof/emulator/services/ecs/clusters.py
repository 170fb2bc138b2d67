"""Clusters, capacity providers, account settings and tags."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from pushproof.aws.arns import arn_of_root, last
from pushproof.aws.tags import tag_map
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError

from .amounts import check_tags, invalid, one_of
from .base import EcsBase, missing, page
from .capacity import FARGATE, check_providers, check_strategy, normalised
from .connecting import ServiceConnect
from .model import Cluster, Region, tag_list

if TYPE_CHECKING:
    from types_boto3_ecs.literals import ClusterFieldType, SettingNameType
    from types_boto3_ecs.type_defs import (
        CapacityProviderTypeDef,
        ClusterConfigurationTypeDef,
        ClusterServiceConnectDefaultsRequestTypeDef,
        ClusterServiceConnectDefaultsTypeDef,
        ClusterSettingTypeDef,
        ClusterTypeDef,
        FailureTypeDef,
        SettingTypeDef,
    )

    from pushproof.emulator.kernel.shapes.ecs import (
        CreateClusterAnswer,
        CreateClusterRequest,
        DeleteAccountSettingAnswer,
        DeleteAccountSettingRequest,
        DeleteClusterAnswer,
        DeleteClusterRequest,
        DescribeCapacityProvidersAnswer,
        DescribeCapacityProvidersRequest,
        DescribeClustersAnswer,
        DescribeClustersRequest,
        ListAccountSettingsAnswer,
        ListAccountSettingsRequest,
        ListClustersAnswer,
        ListClustersRequest,
        ListTagsForResourceAnswer,
        ListTagsForResourceRequest,
        PutAccountSettingAnswer,
        PutAccountSettingDefaultAnswer,
        PutAccountSettingDefaultRequest,
        PutAccountSettingRequest,
        PutClusterCapacityProvidersAnswer,
        PutClusterCapacityProvidersRequest,
        TagResourceAnswer,
        TagResourceRequest,
        UntagResourceAnswer,
        UntagResourceRequest,
        UpdateClusterAnswer,
        UpdateClusterRequest,
        UpdateClusterSettingsAnswer,
        UpdateClusterSettingsRequest,
    )


_ACCOUNT_SETTINGS: dict[SettingNameType, str] = {
    "serviceLongArnFormat": "enabled",
    "taskLongArnFormat": "enabled",
    "containerInstanceLongArnFormat": "enabled",
    "awsvpcTrunking": "disabled",
    "containerInsights": "disabled",
    # ECS lists this setting, although its model lacks the name.
    cast("SettingNameType", "dualStackIPv6"): "enabled",
    "fargateFIPSMode": "disabled",
    "fargateTaskRetirementWaitPeriod": "7",
    "guardDutyActivate": "off",
    "tagResourceAuthorization": "off",
    "defaultLogDriverMode": "non-blocking",
    "fargateEventWindows": "disabled",
}


class ClusterOperations(EcsBase):
    """Operations on clusters. https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Cluster.html"""

    connect: ServiceConnect

    def create_cluster(self, context: RequestContext, request: CreateClusterRequest) -> CreateClusterAnswer:
        region = self.region(context)
        name = request.get("clusterName") or "default"
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", name):
            raise invalid("Cluster names may contain letters, numbers, - and _ only.")
        existing = region.clusters.get(name)
        if existing is not None and existing.status == "ACTIVE":
            return {"cluster": self._shape(region, existing, {"SETTINGS", "CONFIGURATIONS", "TAGS"})}
        check_tags(request.get("tags"))
        _check_settings(request.get("settings"))
        _check_configuration(request.get("configuration"))
        providers = request.get("capacityProviders") or []
        strategy = request.get("defaultCapacityProviderStrategy") or []
        check_providers(providers)
        check_strategy(strategy, providers, used=False)
        insights = region.account_settings.get("containerInsights", "disabled")
        cluster = Cluster(
            name=name,
            arn=region.arn(f"cluster/{name}"),
            settings=request.get("settings") or [{"name": "containerInsights", "value": insights}],
            configuration=request.get("configuration"),
            service_connect=self._connect_defaults(region, request.get("serviceConnectDefaults")),
            capacity_providers=list(providers),
            strategy=normalised(strategy),
            tags=tag_map(request.get("tags")),
        )
        region.clusters[name] = cluster
        return {"cluster": self._shape(region, cluster, {"SETTINGS", "CONFIGURATIONS", "TAGS"})}

    def describe_clusters(self, context: RequestContext, request: DescribeClustersRequest) -> DescribeClustersAnswer:
        region = self.region(context)
        references = request.get("clusters") or ["default"]
        include = set(request.get("include", []))
        clusters: list[ClusterTypeDef] = []
        failures: list[FailureTypeDef] = []
        for reference in references:
            cluster = region.clusters.get(last(reference))
            if cluster is None:
                failures.append(missing(reference if reference[:4] == "arn:" else region.arn(f"cluster/{reference}")))
            else:
                clusters.append(self._shape(region, cluster, include))
        return {"clusters": clusters, "failures": failures}

    def list_clusters(self, context: RequestContext, request: ListClustersRequest) -> ListClustersAnswer:
        arns = [cluster.arn for cluster in self.region(context).clusters.values() if cluster.status == "ACTIVE"]
        shown, rest = page(arns, request)
        return {"clusterArns": shown, **rest}

    def update_cluster(self, context: RequestContext, request: UpdateClusterRequest) -> UpdateClusterAnswer:
        region = self.region(context)
        cluster = self.find_cluster(region, request["cluster"])
        _check_settings(request.get("settings"))
        _check_configuration(request.get("configuration"))
        defaults = self._connect_defaults(region, request.get("serviceConnectDefaults"))
        if request.get("settings"):
            cluster.settings = request["settings"]
        if request.get("configuration"):
            cluster.configuration = request["configuration"]
        if defaults is not None:
            cluster.service_connect = defaults
        return {"cluster": self._shape(region, cluster, {"SETTINGS", "CONFIGURATIONS", "TAGS"})}

    def update_cluster_settings(
        self, context: RequestContext, request: UpdateClusterSettingsRequest
    ) -> UpdateClusterSettingsAnswer:
        region = self.region(context)
        cluster = self.find_cluster(region, request["cluster"])
        _check_settings(request["settings"])
        cluster.settings = request["settings"]
        return {"cluster": self._shape(region, cluster, {"SETTINGS"})}

    def put_cluster_capacity_providers(
        self, context: RequestContext, request: PutClusterCapacityProvidersRequest
    ) -> PutClusterCapacityProvidersAnswer:
        region = self.region(context)
        cluster = self.find_cluster(region, request["cluster"])
        check_providers(request["capacityProviders"])
        check_strategy(request["defaultCapacityProviderStrategy"], request["capacityProviders"], used=False)
        cluster.capacity_providers = list(request["capacityProviders"])
        cluster.strategy = normalised(request["defaultCapacityProviderStrategy"])
        return {"cluster": self._shape(region, cluster, {"SETTINGS"})}

    def describe_capacity_providers(
        self, context: RequestContext, request: DescribeCapacityProvidersRequest
    ) -> DescribeCapacityProvidersAnswer:
        region = self.region(context)
        providers: list[CapacityProviderTypeDef] = []
        failures: list[FailureTypeDef] = []
        for reference in request.get("capacityProviders") or FARGATE:
            name = last(reference)
            arn = region.arn(f"capacity-provider/{name}")
            if name in FARGATE:
                providers.append({"capacityProviderArn": arn, "name": name, "status": "ACTIVE", "tags": []})
            else:
                failures.append(missing(arn))
        shown, rest = page(providers, request, 10)
        return {"capacityProviders": shown, "failures": failures, **rest}

    def delete_cluster(self, context: RequestContext, request: DeleteClusterRequest) -> DeleteClusterAnswer:
        region = self.region(context)
        cluster = self.find_cluster(region, request["cluster"])
        if any(service.cluster is cluster and service.status != "INACTIVE" for service in region.services.values()):
            raise AwsError(
                "ClusterContainsServicesException", "The Cluster cannot be deleted while Services are active."
            )
        if any(task.cluster is cluster and task.last_status != "STOPPED" for task in region.tasks.values()):
            raise AwsError("ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active.")
        cluster.status = "INACTIVE"
        return {"cluster": self._shape(region, cluster, set())}

    def _shape(self, region: Region, cluster: Cluster, include: set[ClusterFieldType]) -> ClusterTypeDef:
        tasks = [task for task in region.tasks.values() if task.cluster is cluster]
        services = [service for service in region.services.values() if service.cluster is cluster]
        running = sum(task.last_status == "RUNNING" for task in tasks)
        pending = sum(task.last_status in ("PROVISIONING", "PENDING", "ACTIVATING") for task in tasks)
        shown: ClusterTypeDef = {
            "clusterArn": cluster.arn,
            "clusterName": cluster.name,
            "status": cluster.status,
            "registeredContainerInstancesCount": 0,
            "runningTasksCount": running,
            "pendingTasksCount": pending,
            "activeServicesCount": sum(service.status == "ACTIVE" for service in services),
            "statistics": [],
            "tags": tag_list(cluster.tags) if "TAGS" in include else [],
            "settings": cluster.settings if "SETTINGS" in include else [],
            "capacityProviders": cluster.capacity_providers,
            "defaultCapacityProviderStrategy": cluster.strategy,
        }
        if "CONFIGURATIONS" in include and cluster.configuration:
            shown["configuration"] = cluster.configuration
        if "ATTACHMENTS" in include:
            shown["attachments"] = []
        if "STATISTICS" in include:
            counts = {
                "runningEC2TasksCount": 0,
                "runningFargateTasksCount": running,
                "pendingEC2TasksCount": 0,
                "pendingFargateTasksCount": pending,
                "activeEC2ServiceCount": 0,
                "activeFargateServiceCount": shown["activeServicesCount"],
                "drainingEC2ServiceCount": 0,
                "drainingFargateServiceCount": sum(service.status == "DRAINING" for service in services),
            }
            shown["statistics"] = [{"name": name, "value": str(count)} for name, count in counts.items()]
        if cluster.service_connect:
            shown["serviceConnectDefaults"] = cluster.service_connect
        return shown

    def _connect_defaults(
        self, region: Region, defaults: ClusterServiceConnectDefaultsRequestTypeDef | None
    ) -> ClusterServiceConnectDefaultsTypeDef | None:
        if defaults is None:
            return None
        if not defaults["namespace"]:
            raise invalid("The namespace of serviceConnectDefaults cannot be empty.")
        return {"namespace": self.connect.default_of(region.name, defaults["namespace"])}

    # Account settings -----------------------------------------------------------------------------------------

    def put_account_setting(
        self, context: RequestContext, request: PutAccountSettingRequest
    ) -> PutAccountSettingAnswer:
        region = self.region(context)
        _check_setting(request["name"])
        region.account_settings[request["name"]] = request["value"]
        return {"setting": self._setting(context, request["name"], request["value"])}

    def put_account_setting_default(
        self, context: RequestContext, request: PutAccountSettingDefaultRequest
    ) -> PutAccountSettingDefaultAnswer:
        return self.put_account_setting(context, {"name": request["name"], "value": request["value"]})

    def delete_account_setting(
        self, context: RequestContext, request: DeleteAccountSettingRequest
    ) -> DeleteAccountSettingAnswer:
        name = request["name"]
        _check_setting(name)
        value = self.region(context).account_settings.pop(name, _ACCOUNT_SETTINGS[name])
        return {"setting": self._setting(context, name, value)}

    def list_account_settings(
        self, context: RequestContext, request: ListAccountSettingsRequest
    ) -> ListAccountSettingsAnswer:
        chosen = self.region(context).account_settings
        values = _ACCOUNT_SETTINGS | chosen if request.get("effectiveSettings") else chosen
        shown = [
            self._setting(context, name, value)
            for name, value in values.items()
            if request.get("name") in (None, name) and request.get("value") in (None, value)
        ]
        listed, rest = page(shown, request, 10)
        return {"settings": listed, **rest}

    def _setting(self, context: RequestContext, name: SettingNameType, value: str) -> SettingTypeDef:
        principal = arn_of_root(context.account_id)
        return {"name": name, "value": value, "principalArn": principal, "type": "user"}

    # Tags -----------------------------------------------------------------------------------------------------

    def list_tags_for_resource(
        self, context: RequestContext, request: ListTagsForResourceRequest
    ) -> ListTagsForResourceAnswer:
        return {"tags": tag_list(self.tags_of(self.region(context), request["resourceArn"]))}

    def tag_resource(self, context: RequestContext, request: TagResourceRequest) -> TagResourceAnswer:
        tags = self.tags_of(self.region(context), request["resourceArn"])
        check_tags(request["tags"], tags)
        tags.update(tag_map(request["tags"]))
        return {}

    def untag_resource(self, context: RequestContext, request: UntagResourceRequest) -> UntagResourceAnswer:
        tags = self.tags_of(self.region(context), request["resourceArn"])
        for key in request["tagKeys"]:
            tags.pop(key, None)
        return {}


def _check_configuration(configuration: ClusterConfigurationTypeDef | None) -> None:
    """Refuse a kind of logging that there is not.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ExecuteCommandConfiguration.html
    """
    commands = (configuration or {}).get("executeCommandConfiguration", {})
    if "logging" in commands:
        one_of("execute command logging", commands["logging"] or "null", ("NONE", "DEFAULT", "OVERRIDE"))


def _check_settings(settings: list[ClusterSettingTypeDef] | None) -> None:
    """Refuse invalid settings. https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ClusterSetting.html"""
    for setting in settings or ():
        one_of("cluster setting", setting.get("name") or "null", ("containerInsights",))
        one_of("containerInsights", setting.get("value") or "null", ("enabled", "disabled", "enhanced"))


def _check_setting(name: str) -> None:
    """Raise AwsError unless there is an account setting of that name."""
    if name not in _ACCOUNT_SETTINGS:
        raise invalid(f"{name} should be one of [{','.join(_ACCOUNT_SETTINGS)}]")
