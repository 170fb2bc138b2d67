"""Clusters, capacity providers, account settings and tags."""

from __future__ import annotations

import re
from typing import Any

from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError

from .base import EcsBase, last, missing, page
from .model import Cluster, Region, tag_list, tag_map

_FARGATE = ("FARGATE", "FARGATE_SPOT")
_ACCOUNT_SETTINGS = {
    "serviceLongArnFormat": "enabled",
    "taskLongArnFormat": "enabled",
    "containerInstanceLongArnFormat": "enabled",
    "awsvpcTrunking": "disabled",
    "containerInsights": "disabled",
    "dualStackIPv6": "enabled",
    "fargateFIPSMode": "disabled",
    "fargateTaskRetirementWaitPeriod": "7",
    "guardDutyActivate": "off",
    "tagResourceAuthorization": "off",
    "defaultLogDriverMode": "non-blocking",
    "fargateEventWindows": "disabled",
}


class ClusterOperations(EcsBase):
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Cluster.html"""

    def create_cluster(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        region = self.region(context)
        name = request.get("clusterName") or "default"
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", name):
            raise AwsError("InvalidParameterException", "Cluster names may contain letters, numbers, - and _ only.")
        known = region.clusters.get(name)
        if known is not None and known.status == "ACTIVE":
            return {"cluster": self._shape(region, known, {"SETTINGS", "CONFIGURATIONS", "TAGS"})}
        providers = request.get("capacityProviders") or []
        strategy = request.get("defaultCapacityProviderStrategy") or []
        _check_providers(providers, strategy)
        insights = region.account_settings.get("containerInsights", "disabled")
        cluster = Cluster(
            name=name,
            arn=region.arn(f"cluster/{name}"),
            settings=request.get("settings") or [{"name": "containerInsights", "value": insights}],
            configuration=request.get("configuration"),
            service_connect=request.get("serviceConnectDefaults"),
            capacity_providers=list(providers),
            strategy=[_strategy(item) for item in strategy],
            tags=tag_map(request.get("tags")),
        )
        region.clusters[name] = cluster
        return {"cluster": self._shape(region, cluster, {"SETTINGS", "CONFIGURATIONS", "TAGS"})}

    def describe_clusters(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        region = self.region(context)
        wanted = request.get("clusters") or ["default"]
        include = set(request.get("include") or [])
        found, failures = [], []
        for reference in wanted:
            cluster = region.clusters.get(last(reference))
            if cluster is None:
                failures.append(missing(reference if reference[:4] == "arn:" else region.arn(f"cluster/{reference}")))
            else:
                found.append(self._shape(region, cluster, include))
        return {"clusters": found, "failures": failures}

    def list_clusters(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        arns = [known.arn for known in self.region(context).clusters.values() if known.status == "ACTIVE"]
        shown, rest = page(arns, request)
        return {"clusterArns": shown, **rest}

    def update_cluster(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        region = self.region(context)
        cluster = self.find_cluster(region, request["cluster"])
        if request.get("settings"):
            cluster.settings = request["settings"]
        if request.get("configuration"):
            cluster.configuration = request["configuration"]
        if request.get("serviceConnectDefaults"):
            cluster.service_connect = request["serviceConnectDefaults"]
        return {"cluster": self._shape(region, cluster, {"SETTINGS", "CONFIGURATIONS", "TAGS"})}

    def update_cluster_settings(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        region = self.region(context)
        cluster = self.find_cluster(region, request["cluster"])
        cluster.settings = request["settings"]
        return {"cluster": self._shape(region, cluster, {"SETTINGS"})}

    def put_cluster_capacity_providers(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        region = self.region(context)
        cluster = self.find_cluster(region, request["cluster"])
        _check_providers(request["capacityProviders"], request["defaultCapacityProviderStrategy"])
        cluster.capacity_providers = list(request["capacityProviders"])
        cluster.strategy = [_strategy(item) for item in request["defaultCapacityProviderStrategy"]]
        return {"cluster": self._shape(region, cluster, {"SETTINGS"})}

    def describe_capacity_providers(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        region = self.region(context)
        found, failures = [], []
        for reference in request.get("capacityProviders") or _FARGATE:
            name = last(reference)
            arn = region.arn(f"capacity-provider/{name}")
            if name in _FARGATE:
                found.append({"capacityProviderArn": arn, "name": name, "status": "ACTIVE", "tags": []})
            else:
                failures.append(missing(arn))
        return {"capacityProviders": found, "failures": failures}

    def delete_cluster(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        region = self.region(context)
        cluster = self.find_cluster(region, request["cluster"])
        if any(one.cluster is cluster and one.status != "INACTIVE" for one in region.services.values()):
            raise AwsError(
                "ClusterContainsServicesException", "The Cluster cannot be deleted while Services are active."
            )
        if any(one.cluster is cluster and one.last_status != "STOPPED" for one in region.tasks.values()):
            raise AwsError("ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active.")
        cluster.status = "INACTIVE"
        return {"cluster": self._shape(region, cluster, set())}

    def _shape(self, region: Region, cluster: Cluster, include: set[str]) -> dict[str, Any]:
        tasks = [one for one in region.tasks.values() if one.cluster is cluster]
        services = [one for one in region.services.values() if one.cluster is cluster]
        running = sum(one.last_status == "RUNNING" for one in tasks)
        pending = sum(one.last_status in ("PROVISIONING", "PENDING", "ACTIVATING") for one in tasks)
        shown: dict[str, Any] = {
            "clusterArn": cluster.arn,
            "clusterName": cluster.name,
            "status": cluster.status,
            "registeredContainerInstancesCount": 0,
            "runningTasksCount": running,
            "pendingTasksCount": pending,
            "activeServicesCount": sum(one.status == "ACTIVE" for one in services),
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
                "drainingFargateServiceCount": sum(one.status == "DRAINING" for one in services),
            }
            shown["statistics"] = [{"name": name, "value": str(count)} for name, count in counts.items()]
        if cluster.service_connect:
            shown["serviceConnectDefaults"] = cluster.service_connect
        return shown

    # Account settings -----------------------------------------------------------------------------------------

    def put_account_setting(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        region = self.region(context)
        region.account_settings[request["name"]] = request["value"]
        return {"setting": self._setting(context, request["name"], request["value"])}

    def put_account_setting_default(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        return self.put_account_setting(context, request)

    def delete_account_setting(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        name = request["name"]
        value = self.region(context).account_settings.pop(name, _ACCOUNT_SETTINGS.get(name, "disabled"))
        return {"setting": self._setting(context, name, value)}

    def list_account_settings(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        known = self.region(context).account_settings
        values = {**_ACCOUNT_SETTINGS, **known} if request.get("effectiveSettings") else known
        shown = [
            self._setting(context, name, value)
            for name, value in values.items()
            if request.get("name") in (None, name) and request.get("value") in (None, value)
        ]
        return {"settings": shown}

    def _setting(self, context: RequestContext, name: str, value: str) -> dict[str, str]:
        principal = f"arn:aws:iam::{context.account_id}:root"
        return {"name": name, "value": value, "principalArn": principal, "type": "user"}

    # Tags -----------------------------------------------------------------------------------------------------

    def list_tags_for_resource(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        return {"tags": tag_list(self.tags_of(self.region(context), request["resourceArn"]))}

    def tag_resource(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        self.tags_of(self.region(context), request["resourceArn"]).update(tag_map(request["tags"]))
        return {}

    def untag_resource(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        tags = self.tags_of(self.region(context), request["resourceArn"])
        for key in request["tagKeys"]:
            tags.pop(key, None)
        return {}


def _check_providers(providers: list[str], strategy: list[dict[str, Any]]) -> None:
    for name in providers:
        if name not in _FARGATE:
            raise AwsError("InvalidParameterException", f"The specified capacity provider '{name}' was not found. ")
    for item in strategy:
        if item["capacityProvider"] not in providers:
            raise AwsError(
                "InvalidParameterException",
                "The specified capacity provider strategy cannot contain a capacity provider that is not associated "
                "with the cluster. Associate the capacity provider with the cluster and try again.",
            )
    if sum(1 for item in strategy if item.get("base")) > 1:
        raise AwsError(
            "InvalidParameterException",
            "The specified capacity provider strategy cannot contain more than one capacity provider with a base "
            "value greater than 0.",
        )


def _strategy(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "capacityProvider": item["capacityProvider"],
        "weight": item.get("weight", 0),
        "base": item.get("base", 0),
    }
