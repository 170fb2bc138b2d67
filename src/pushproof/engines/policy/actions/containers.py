"""Tables of the services that run containers: ECS, ECR, ELBv2, Application Auto Scaling.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/, pages list_amazonelasticcontainerservice,
list_amazonelasticcontainerregistry, list_awselasticloadbalancingv2, list_awsapplicationautoscaling.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pushproof.engines.policy.actions.model import (
    Extra,
    Parameters,
    Permission,
    Resources,
    Scope,
    Table,
    arns_in,
    by_name,
    by_operation,
    pass_role,
    tag_keys,
    texts,
    words,
)

# ECS


def _cluster(parameters: Parameters) -> str:
    """The cluster's short name, ``default`` where the request leaves it out."""
    return str(parameters.get("cluster") or "default").rsplit("/", 1)[-1]


def _in_cluster(kind: str, *names: str) -> Resources:
    def resolve(parameters: Parameters, scope: Scope) -> Iterable[str]:
        return [
            item if item.startswith("arn:") else scope.arn("ecs", f"{kind}/{_cluster(parameters)}/{item}")
            for name in names
            for item in texts(parameters.get(name))
        ]

    return resolve


def _clusters(parameters: Parameters, scope: Scope) -> Iterable[str]:
    listed = texts(parameters.get("clusters")) or [_cluster(parameters)]
    return [item if item.startswith("arn:") else scope.arn("ecs", f"cluster/{item}") for item in listed]


def _task_sets(parameters: Parameters, scope: Scope) -> Iterable[str]:
    """Task sets by name or ARN; without one, all of the service: a new one has no name yet."""
    service = str(parameters.get("service") or "").rsplit("/", 1)[-1]
    named = texts(parameters.get("taskSet")) + texts(parameters.get("taskSets")) or ["*"]
    path = f"task-set/{_cluster(parameters)}/{service}"
    return [
        item if item.startswith("arn:") else scope.arn("ecs", f"{path}/{item if '/' in item else f'ecs-svc/{item}'}")
        for item in named
    ]


def _new_service(parameters: Parameters, scope: Scope) -> Iterable[str]:
    return [scope.arn("ecs", f"service/{_cluster(parameters)}/{parameters.get('serviceName', '')}")]


def _task_role_permissions(parameters: Parameters, scope: Scope) -> list[Permission]:
    given_roles = [parameters.get("taskRoleArn"), parameters.get("executionRoleArn")]
    overrides = parameters.get("overrides")
    if isinstance(overrides, Mapping):
        given_roles += [overrides.get("taskRoleArn"), overrides.get("executionRoleArn")]
    roles = dict.fromkeys(role for value in given_roles for role in texts(value))
    return [permission for role in roles for permission in pass_role(role, "ecs-tasks.amazonaws.com", scope)]


def _tagged(resource: str, create_action: str, parameters: Parameters) -> list[Permission]:
    """Tagging at creation is authorised on its own.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/supported-iam-actions-tagging.html
    """
    if not parameters.get("tags"):
        return []
    return [Permission("ecs:TagResource", resource, {"ecs:CreateAction": create_action, **tag_keys(parameters)})]


def _family(parameters: Parameters, scope: Scope) -> list[str]:
    """The family with any revision, since the new revision is not known yet."""
    return [scope.arn("ecs", f"task-definition/{parameters.get('family', '')}:*")]


def _new_cluster(parameters: Parameters, scope: Scope) -> list[str]:
    return [scope.arn("ecs", f"cluster/{parameters.get('clusterName') or 'default'}")]


def _instances_of_tasks(parameters: Parameters, scope: Scope) -> list[str]:
    instance = parameters.get("containerInstance")
    if isinstance(instance, str) and instance.startswith("arn:"):
        return [instance]
    return [scope.arn("ecs", f"container-instance/{_cluster(parameters)}/{instance or '*'}")]


def _register(parameters: Parameters, scope: Scope) -> list[Permission]:
    (family,) = _family(parameters, scope)
    return _task_role_permissions(parameters, scope) + _tagged(family, "RegisterTaskDefinition", parameters)


def _service_roles(parameters: Parameters, scope: Scope) -> list[Permission]:
    """Roles that a service hands to ECS: for its load balancer, volumes, blue/green traffic and lifecycle hooks."""
    roles = texts(parameters.get("role"))
    roles += [
        role
        for item in parameters.get("volumeConfigurations") or ()
        for role in texts((item.get("managedEBSVolume") or {}).get("roleArn"))
    ]
    roles += [
        role
        for item in parameters.get("loadBalancers") or ()
        for role in texts((item.get("advancedConfiguration") or {}).get("roleArn"))
    ]
    hooks = (parameters.get("deploymentConfiguration") or {}).get("lifecycleHooks") or ()
    roles += [role for hook in hooks for role in texts(hook.get("roleArn"))]
    return [p for role in dict.fromkeys(roles) for p in pass_role(role, "ecs.amazonaws.com", scope)]


def _tasks_run_by(operation: str) -> Extra:
    def extra(parameters: Parameters, scope: Scope) -> list[Permission]:
        task = scope.arn("ecs", f"task/{_cluster(parameters)}/*")
        return _task_role_permissions(parameters, scope) + _tagged(task, operation, parameters)

    return extra


_ECS_KEYS = {
    "enableExecuteCommand": "ecs:enable-execute-command",
    "enableECSManagedTags": "ecs:enable-ecs-managed-tags",
    "propagateTags": "ecs:propagate-tags",
    "cpu": "ecs:task-cpu",
    "memory": "ecs:task-memory",
    "container": "ecs:container-name",
}


def _ecs_keys(parameters: Parameters) -> dict[str, Any]:
    keys: dict[str, Any] = dict(tag_keys(parameters))
    for name, key in _ECS_KEYS.items():
        value = parameters.get(name)
        if value is not None:
            keys[key] = str(value).lower() if isinstance(value, bool) else str(value)
    network = (parameters.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}
    if network.get("subnets"):
        keys["ecs:subnet"] = tuple(str(subnet) for subnet in network["subnets"])
    if network.get("assignPublicIp"):
        keys["ecs:auto-assign-public-ip"] = "true" if network["assignPublicIp"] == "ENABLED" else "false"
    containers = [item for item in parameters.get("containerDefinitions") or () if isinstance(item, Mapping)]
    if containers:
        keys["ecs:privileged"] = "true" if any(item.get("privileged") for item in containers) else "false"
    if parameters.get("requiresCompatibilities"):
        keys["ecs:compute-compatibility"] = tuple(str(item) for item in parameters["requiresCompatibilities"])
    return keys


def _ecs_located(parameters: Parameters, scope: Scope) -> dict[str, Any]:
    """Condition keys that are ARNs. A call that takes a cluster and names none means the one called default."""
    keys: dict[str, Any] = {}
    cluster = parameters.get("cluster")
    if isinstance(cluster, str) or {"service", "services", "task", "tasks", "serviceName"} & set(parameters):
        keys["ecs:cluster"] = scope.arn("ecs", f"cluster/{_cluster(parameters)}")
        if isinstance(cluster, str) and cluster.startswith("arn:"):
            keys["ecs:cluster"] = cluster
    definition = parameters.get("taskDefinition")
    if isinstance(definition, str) and definition:
        arn = definition if definition.startswith("arn:") else scope.arn("ecs", f"task-definition/{definition}")
        keys["ecs:task-definition"] = arn
    for parameter, kind in (("service", "service"), ("task", "task")):
        value = parameters.get(parameter)
        if isinstance(value, str) and value:
            arn = value if value.startswith("arn:") else scope.arn("ecs", f"{kind}/{_cluster(parameters)}/{value}")
            keys[f"ecs:{kind}"] = arn
    return keys


ECS = Table(
    "ecs",
    resources=by_operation(
        {
            "DescribeClusters": _clusters,
            "DeleteCluster UpdateCluster UpdateClusterSettings PutClusterCapacityProviders ListContainerInstances "
            "RegisterContainerInstance": _clusters,
            "CreateService": _new_service,
            "CreateCluster": _new_cluster,
            "RegisterTaskDefinition": _family,
            "ListTasks": _instances_of_tasks,
            "UpdateService DeleteService ListServiceDeployments UpdateServicePrimaryTaskSet": _in_cluster(
                "service", "service"
            ),
            "CreateTaskSet DescribeTaskSets UpdateTaskSet DeleteTaskSet": _task_sets,
            "DescribeServices": _in_cluster("service", "services"),
            "DescribeTasks": _in_cluster("task", "tasks"),
            "StopTask ExecuteCommand": _in_cluster("task", "task"),
            "DescribeContainerInstances UpdateContainerInstancesState": _in_cluster(
                "container-instance", "containerInstances"
            ),
            "RunTask StartTask": by_name("taskDefinition", "ecs", "task-definition/{}"),
            "DeleteTaskDefinitions": by_name("taskDefinitions", "ecs", "task-definition/{}"),
            "DescribeServiceDeployments": arns_in("serviceDeploymentArns"),
            "StopServiceDeployment ContinueServiceDeployment": arns_in("serviceDeploymentArn"),
            "DescribeServiceRevisions": arns_in("serviceRevisionArns"),
            "DescribeCapacityProviders": by_name("capacityProviders", "ecs", "capacity-provider/{}"),
            "UpdateCapacityProvider CreateCapacityProvider": by_name("name", "ecs", "capacity-provider/{}"),
            "DeleteCapacityProvider": by_name("capacityProvider", "ecs", "capacity-provider/{}"),
            "TagResource UntagResource ListTagsForResource": arns_in("resourceArn"),
            "GetTaskProtection UpdateTaskProtection": _in_cluster("task", "tasks"),
        }
    ),
    anywhere=words(
        "DeregisterTaskDefinition DescribeTaskDefinition ListTaskDefinitions "
        "ListTaskDefinitionFamilies ListClusters ListServices ListAccountSettings PutAccountSetting "
        "PutAccountSettingDefault DeleteAccountSetting DiscoverPollEndpoint"
    ),
    # https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECS.html
    often_anywhere=words("CreateCluster ListTasks RegisterTaskDefinition"),
    extra={
        "RegisterTaskDefinition": _register,
        "CreateService": _service_roles,
        "UpdateService": _service_roles,
        "RunTask": _tasks_run_by("RunTask"),
        "StartTask": _tasks_run_by("StartTask"),
    },
    tagging=dict.fromkeys(("CreateCluster", "CreateService", "CreateCapacityProvider"), "TagResource"),
    keys=_ecs_keys,
    located=_ecs_located,
)

# ECR

_ECR_REGISTRY = (
    "GetAuthorizationToken DescribeRegistry PutRegistryPolicy GetRegistryPolicy DeleteRegistryPolicy "
    "PutReplicationConfiguration GetRegistryScanningConfiguration PutRegistryScanningConfiguration "
    "CreatePullThroughCacheRule DeletePullThroughCacheRule DescribePullThroughCacheRules "
    "ValidatePullThroughCacheRule UpdatePullThroughCacheRule GetAccountSetting PutAccountSetting "
    "CreateRepositoryCreationTemplate DeleteRepositoryCreationTemplate DescribeRepositoryCreationTemplates "
    "UpdateRepositoryCreationTemplate"
)


def _repositories(parameters: Parameters, scope: Scope) -> Iterable[str]:
    account = str(parameters.get("registryId") or scope.account)
    names = texts(parameters.get("repositoryName")) + texts(parameters.get("repositoryNames"))
    return [scope.arn("ecr", f"repository/{name}", account=account) for name in names]


def _ecr(operation: str, parameters: Parameters, scope: Scope) -> Iterable[str] | None:
    if "resourceArn" in parameters:
        return texts(parameters["resourceArn"])
    if operation == "DescribeRepositories" or "repositoryName" in parameters:
        # Without names, all repositories are described: that is a permission on every one of them.
        return _repositories(parameters, scope) or [scope.arn("ecr", "repository/*")]
    return None


ECR = Table(
    "ecr",
    anywhere=frozenset(_ECR_REGISTRY.split()),
    extra={
        operation: lambda p, s: pass_role(p.get("customRoleArn"), "ecr.amazonaws.com", s)
        for operation in ("CreateRepositoryCreationTemplate", "UpdateRepositoryCreationTemplate")
    },
    # https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-using-tags.html
    tagging={"CreateRepository": "TagResource"},
    keys=tag_keys,
    rule=_ecr,
)

# Elastic Load Balancing v2

_ELB_ARNS = (
    "LoadBalancerArn", "TargetGroupArn", "ListenerArn", "RuleArn", "ResourceArns", "ResourceArn", "TrustStoreArn",
)  # fmt: skip


def _new_balancer(parameters: Parameters, scope: Scope) -> Iterable[str]:
    kind = {"network": "net", "gateway": "gwy"}.get(str(parameters.get("Type") or "application"), "app")
    return [scope.arn("elasticloadbalancing", f"loadbalancer/{kind}/{parameters.get('Name', '')}/*")]


def _rule_priorities(parameters: Parameters, _scope: Scope) -> Iterable[str]:
    return [
        rule["RuleArn"]
        for rule in parameters.get("RulePriorities") or ()
        if isinstance(rule, Mapping) and "RuleArn" in rule
    ]


def _elbv2(operation: str, parameters: Parameters, _scope: Scope) -> Iterable[str] | None:
    trust = texts(parameters.get("TrustStoreArn"))
    if operation.startswith(("Describe", "Get")) and not (operation.startswith("GetTrustStore") and trust):
        return ("*",)
    return [arn for name in _ELB_ARNS for arn in texts(parameters.get(name))] or None


def _elb_keys(parameters: Parameters) -> dict[str, Any]:
    keys: dict[str, Any] = dict(tag_keys(parameters))
    for name, key in {"Scheme": "Scheme", "Protocol": "ListenerProtocol", "SslPolicy": "SecurityPolicy"}.items():
        if parameters.get(name):
            keys[f"elasticloadbalancing:{key}"] = str(parameters[name])
    for name, key in {"Subnets": "Subnet", "SecurityGroups": "SecurityGroup"}.items():
        if texts(parameters.get(name)):
            keys[f"elasticloadbalancing:{key}"] = tuple(texts(parameters[name]))
    return keys


ELBV2 = Table(
    "elasticloadbalancing",
    resources={
        "CreateLoadBalancer": _new_balancer,
        "CreateTargetGroup": by_name("Name", "elasticloadbalancing", "targetgroup/{}/*"),
        "SetRulePriorities": _rule_priorities,
    },
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/tagging-resources-during-creation.html
    tagging=dict.fromkeys(
        ("CreateLoadBalancer", "CreateTargetGroup", "CreateListener", "CreateRule", "CreateTrustStore"), "AddTags"
    ),
    keys=_elb_keys,
    rule=_elbv2,
)

# Application Auto Scaling


def _scaling_role(parameters: Parameters, scope: Scope) -> list[Permission]:
    return pass_role(parameters.get("RoleARN"), "application-autoscaling.amazonaws.com", scope)


def _scalable_target(_parameters: Parameters, scope: Scope) -> list[str]:
    """A target's ARN ends in an id that is not in the request."""
    return [scope.arn("application-autoscaling", "scalable-target/*")]


def _scaling_keys(parameters: Parameters) -> dict[str, Any]:
    keys: dict[str, Any] = dict(tag_keys(parameters))
    for name, key in {"ServiceNamespace": "service-namespace", "ScalableDimension": "scalable-dimension"}.items():
        if parameters.get(name):
            keys[f"application-autoscaling:{key}"] = str(parameters[name])
    return keys


APPLICATION_AUTOSCALING = Table(
    "application-autoscaling",
    resources=by_operation(
        {
            "TagResource UntagResource ListTagsForResource": arns_in("ResourceARN"),
            "RegisterScalableTarget DeregisterScalableTarget PutScalingPolicy DeleteScalingPolicy PutScheduledAction "
            "DeleteScheduledAction": _scalable_target,
        }
    ),
    anywhere=words(
        "DescribeScalableTargets DescribeScalingPolicies DescribeScalingActivities DescribeScheduledActions"
    ),
    often_anywhere=words(
        "RegisterScalableTarget DeregisterScalableTarget PutScalingPolicy DeleteScalingPolicy PutScheduledAction "
        "DeleteScheduledAction"
    ),
    extra={"RegisterScalableTarget": _scaling_role},
    tagging={"RegisterScalableTarget": "TagResource"},
    keys=_scaling_keys,
)
