"""Tables of the delivery services: ECS, ECR, ELBv2, CodeBuild, CodePipeline, CodeConnections, Application Auto Scaling.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/, pages list_amazonelasticcontainerservice,
list_amazonelasticcontainerregistry, list_awselasticloadbalancingv2, list_awscodebuild, list_awscodepipeline,
list_awscodestarconnections, list_awsapplicationautoscaling.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pushproof.engines.policy.actions.model import (
    Parameters,
    Permission,
    Resources,
    Scope,
    Table,
    by_operation,
    given,
    named,
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


def _register(parameters: Parameters, scope: Scope) -> list[Permission]:
    family = scope.arn("ecs", f"task-definition/{parameters.get('family', '')}:*")
    return _task_role_permissions(parameters, scope) + _tagged(family, "RegisterTaskDefinition", parameters)


def _create_service(parameters: Parameters, scope: Scope) -> list[Permission]:
    (service,) = _new_service(parameters, scope)
    return pass_role(parameters.get("role"), "ecs.amazonaws.com", scope) + _tagged(service, "CreateService", parameters)


def _create_cluster(parameters: Parameters, scope: Scope) -> list[Permission]:
    name = parameters.get("clusterName") or "default"
    return _tagged(scope.arn("ecs", f"cluster/{name}"), "CreateCluster", parameters)


def _run_task(parameters: Parameters, scope: Scope) -> list[Permission]:
    task = scope.arn("ecs", f"task/{_cluster(parameters)}/*")
    return _task_role_permissions(parameters, scope) + _tagged(task, "RunTask", parameters)


def _ecs_keys(parameters: Parameters) -> dict[str, Any]:
    keys: dict[str, Any] = dict(tag_keys(parameters))
    cluster = parameters.get("cluster")
    if isinstance(cluster, str) and cluster.startswith("arn:"):
        keys["ecs:cluster"] = cluster
    return keys


ECS = Table(
    "ecs",
    resources=by_operation(
        {
            "DescribeClusters": _clusters,
            "DeleteCluster UpdateCluster UpdateClusterSettings PutClusterCapacityProviders ListContainerInstances "
            "RegisterContainerInstance": _clusters,
            "CreateService": _new_service,
            "UpdateService DeleteService ListServiceDeployments CreateTaskSet": _in_cluster("service", "service"),
            "DescribeServices": _in_cluster("service", "services"),
            "DescribeTasks": _in_cluster("task", "tasks"),
            "StopTask ExecuteCommand": _in_cluster("task", "task"),
            "DescribeContainerInstances UpdateContainerInstancesState": _in_cluster(
                "container-instance", "containerInstances"
            ),
            "RunTask StartTask": named("taskDefinition", "ecs", "task-definition/{}"),
            "DeleteTaskDefinitions": named("taskDefinitions", "ecs", "task-definition/{}"),
            "DescribeServiceDeployments": given("serviceDeploymentArns"),
            "StopServiceDeployment": given("serviceDeploymentArn"),
            "DescribeServiceRevisions": given("serviceRevisionArns"),
            "DescribeCapacityProviders": named("capacityProviders", "ecs", "capacity-provider/{}"),
            "UpdateCapacityProvider CreateCapacityProvider": named("name", "ecs", "capacity-provider/{}"),
            "DeleteCapacityProvider": named("capacityProvider", "ecs", "capacity-provider/{}"),
            "TagResource UntagResource ListTagsForResource": given("resourceArn"),
            "GetTaskProtection UpdateTaskProtection": _in_cluster("task", "tasks"),
        }
    ),
    anywhere=words(
        "CreateCluster RegisterTaskDefinition DeregisterTaskDefinition DescribeTaskDefinition ListTaskDefinitions "
        "ListTaskDefinitionFamilies ListClusters ListServices ListTasks ListAccountSettings PutAccountSetting "
        "PutAccountSettingDefault DeleteAccountSetting DiscoverPollEndpoint"
    ),
    extra={
        "RegisterTaskDefinition": _register,
        "CreateService": _create_service,
        "CreateCluster": _create_cluster,
        "RunTask": _run_task,
        "StartTask": _run_task,
    },
    keys=_ecs_keys,
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


ECR = Table("ecr", anywhere=frozenset(_ECR_REGISTRY.split()), keys=tag_keys, rule=_ecr)

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
    if operation.startswith(("Describe", "Get")):
        return ("*",)
    return [arn for name in _ELB_ARNS for arn in texts(parameters.get(name))] or None


ELBV2 = Table(
    "elasticloadbalancing",
    resources={
        "CreateLoadBalancer": _new_balancer,
        "CreateTargetGroup": named("Name", "elasticloadbalancing", "targetgroup/{}/*"),
        "SetRulePriorities": _rule_priorities,
    },
    keys=tag_keys,
    rule=_elbv2,
)

# CodeBuild


def _projects_of_builds(*names: str) -> Resources:
    """A build's permissions are those of its project, which is the first part of the build's id."""

    def resolve(parameters: Parameters, scope: Scope) -> Iterable[str]:
        builds = [build for name in names for build in texts(parameters.get(name))]
        return [
            scope.arn(
                "codebuild", f"project/{build.rsplit('/', 1)[-1].rsplit(':', 1)[0]}" if ":" in build else "project/*"
            )
            for build in builds
        ]

    return resolve


def _project_role(parameters: Parameters, scope: Scope) -> list[Permission]:
    return pass_role(parameters.get("serviceRole"), "codebuild.amazonaws.com", scope)


CODEBUILD = Table(
    "codebuild",
    resources=by_operation(
        {
            "CreateProject UpdateProject DeleteProject": named("name", "codebuild", "project/{}"),
            "BatchGetProjects": named("names", "codebuild", "project/{}"),
            "StartBuild StartBuildBatch ListBuildsForProject ListBuildBatchesForProject CreateWebhook UpdateWebhook "
            "DeleteWebhook InvalidateProjectCache": named("projectName", "codebuild", "project/{}"),
            "BatchGetBuilds BatchDeleteBuilds BatchGetBuildBatches": _projects_of_builds("ids"),
            "StopBuild RetryBuild StopBuildBatch RetryBuildBatch DeleteBuildBatch": _projects_of_builds("id"),
            "UpdateProjectVisibility": given("projectArn"),
            "GetResourcePolicy PutResourcePolicy DeleteResourcePolicy": given("resourceArn"),
            "CreateReportGroup": named("name", "codebuild", "report-group/{}"),
            "UpdateReportGroup DeleteReportGroup": given("arn"),
            "BatchGetReportGroups": given("reportGroupArns"),
        }
    ),
    anywhere=words(
        "ListProjects ListBuilds ListBuildBatches ListCuratedEnvironmentImages ListReports ListReportGroups "
        "ImportSourceCredentials DeleteSourceCredentials ListSourceCredentials ListSharedProjects "
        "ListSharedReportGroups"
    ),
    extra={"CreateProject": _project_role, "UpdateProject": _project_role},
    keys=tag_keys,
)

# CodePipeline


def _pipeline(*names: str) -> Resources:
    def resolve(parameters: Parameters, scope: Scope) -> Iterable[str]:
        return [scope.arn("codepipeline", name) for key in names for name in texts(parameters.get(key))]

    return resolve


def _declared(parameters: Parameters, scope: Scope) -> Iterable[str]:
    declaration = parameters.get("pipeline")
    return [scope.arn("codepipeline", str(declaration.get("name", "")))] if isinstance(declaration, Mapping) else []


def _stage(parameters: Parameters, scope: Scope) -> Iterable[str]:
    return [scope.arn("codepipeline", f"{parameters.get('pipelineName')}/{parameters.get('stageName')}")]


def _action(parameters: Parameters, scope: Scope) -> Iterable[str]:
    names = (parameters.get(key) for key in ("pipelineName", "stageName", "actionName"))
    return [scope.arn("codepipeline", "/".join(str(name) for name in names))]


def _declared_roles(parameters: Parameters, scope: Scope) -> list[Permission]:
    """The pipeline's role and those of its actions are passed, and so is the connection of its source.

    https://docs.aws.amazon.com/dtconsole/latest/userguide/security-iam.html (PassConnection)
    """
    declaration = parameters.get("pipeline")
    if not isinstance(declaration, Mapping):
        return []
    roles = texts(declaration.get("roleArn"))
    out: list[Permission] = []
    for stage in declaration.get("stages") or ():
        for action in (stage.get("actions") or ()) if isinstance(stage, Mapping) else ():
            if not isinstance(action, Mapping):
                continue
            roles += texts(action.get("roleArn"))
            for arn in texts((action.get("configuration") or {}).get("ConnectionArn")):
                prefix = arn.split(":")[2] if arn.count(":") >= 5 else "codeconnections"
                out.append(
                    Permission(
                        f"{prefix}:PassConnection", arn, {f"{prefix}:PassedToService": "codepipeline.amazonaws.com"}
                    )
                )
    return [p for role in dict.fromkeys(roles) for p in pass_role(role, "codepipeline.amazonaws.com", scope)] + out


CODEPIPELINE = Table(
    "codepipeline",
    resources=by_operation(
        {
            "CreatePipeline UpdatePipeline": _declared,
            "GetPipeline GetPipelineState DeletePipeline StartPipelineExecution": _pipeline("name"),
            "ListPipelineExecutions GetPipelineExecution StopPipelineExecution ListActionExecutions ListRuleExecutions "
            "ListDeployActionExecutionTargets": _pipeline("pipelineName"),
            "RetryStageExecution RollbackStage EnableStageTransition DisableStageTransition OverrideStageCondition": _stage,
            "PutApprovalResult PutActionRevision": _action,
            "TagResource UntagResource ListTagsForResource": given("resourceArn"),
            "DeleteWebhook": named("name", "codepipeline", "webhook:{}"),
            "RegisterWebhookWithThirdParty DeregisterWebhookWithThirdParty": named(
                "webhookName", "codepipeline", "webhook:{}"
            ),
        }
    ),
    anywhere=words(
        "ListPipelines ListActionTypes ListRuleTypes ListWebhooks PollForThirdPartyJobs GetThirdPartyJobDetails "
        "AcknowledgeThirdPartyJob PutThirdPartyJobSuccessResult PutThirdPartyJobFailureResult GetJobDetails "
        "AcknowledgeJob PutJobSuccessResult PutJobFailureResult"
    ),
    extra={"CreatePipeline": _declared_roles, "UpdatePipeline": _declared_roles},
    keys=tag_keys,
)

# CodeConnections, whose actions carry the same prefix as the API that is called


def _connections(prefix: str) -> Table:
    return Table(
        prefix,
        resources=by_operation(
            {
                "GetConnection DeleteConnection": given("ConnectionArn"),
                "GetHost UpdateHost DeleteHost": given("HostArn"),
                "TagResource UntagResource ListTagsForResource": given("ResourceArn"),
            }
        ),
        anywhere=frozenset({"CreateConnection", "CreateHost", "ListConnections", "ListHosts"}),
        keys=tag_keys,
    )


CODESTAR_CONNECTIONS = _connections("codestar-connections")
CODECONNECTIONS = _connections("codeconnections")

# Application Auto Scaling


def _scaling_role(parameters: Parameters, scope: Scope) -> list[Permission]:
    return pass_role(parameters.get("RoleARN"), "application-autoscaling.amazonaws.com", scope)


APPLICATION_AUTOSCALING = Table(
    "application-autoscaling",
    resources={
        "TagResource": given("ResourceARN"),
        "UntagResource": given("ResourceARN"),
        "ListTagsForResource": given("ResourceARN"),
    },
    anywhere=words(
        "RegisterScalableTarget DeregisterScalableTarget DescribeScalableTargets PutScalingPolicy DeleteScalingPolicy "
        "DescribeScalingPolicies DescribeScalingActivities PutScheduledAction DeleteScheduledAction "
        "DescribeScheduledActions"
    ),
    extra={"RegisterScalableTarget": _scaling_role},
    keys=tag_keys,
)
