"""Tables of the services that deliver: CodeBuild, CodePipeline, CodeDeploy, CodeConnections, EventBridge Scheduler.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/, pages list_awscodebuild, list_awscodepipeline,
list_awscodestarconnections, list_amazoneventbridgescheduler.
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
    arns_in,
    by_name,
    by_operation,
    pass_role,
    tag_keys,
    texts,
    words,
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


def _build_roles(parameters: Parameters, scope: Scope) -> list[Permission]:
    """The role of a project, of its batches or of a fleet, and those that a build is started with instead."""
    roles = [
        role
        for name in ("serviceRole", "serviceRoleOverride", "fleetServiceRole")
        for role in texts(parameters.get(name))
    ]
    for name in ("buildBatchConfig", "buildBatchConfigOverride"):
        roles += texts((parameters.get(name) or {}).get("serviceRole"))
    return [p for role in dict.fromkeys(roles) for p in pass_role(role, "codebuild.amazonaws.com", scope)]


def _build_keys(parameters: Parameters) -> dict[str, Any]:
    """CodeBuild's condition keys are the paths of its parameters: ``codebuild:vpcConfig.subnets``.

    https://docs.aws.amazon.com/codebuild/latest/userguide/action-context-keys.html
    """
    keys: dict[str, Any] = dict(tag_keys(parameters))
    for path, values in _leaves(parameters, ""):
        keys[f"codebuild:{path}"] = (*keys.get(f"codebuild:{path}", ()), *values)
    return keys


def _leaves(value: object, path: str) -> Iterable[tuple[str, tuple[str, ...]]]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            if path or name not in ("tags", "name", "description"):
                yield from _leaves(item, f"{path}.{name}" if path else str(name).removesuffix("Override"))
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, path)
    elif isinstance(value, bool):
        yield path, ("true" if value else "false",)
    elif isinstance(value, str | int):
        yield path, (str(value),)


CODEBUILD = Table(
    "codebuild",
    resources=by_operation(
        {
            "CreateProject UpdateProject DeleteProject": by_name("name", "codebuild", "project/{}"),
            "BatchGetProjects": by_name("names", "codebuild", "project/{}"),
            "StartBuild StartBuildBatch ListBuildsForProject ListBuildBatchesForProject CreateWebhook UpdateWebhook "
            "DeleteWebhook InvalidateProjectCache": by_name("projectName", "codebuild", "project/{}"),
            "BatchGetBuilds BatchDeleteBuilds BatchGetBuildBatches": _projects_of_builds("ids"),
            "StopBuild RetryBuild StopBuildBatch RetryBuildBatch DeleteBuildBatch": _projects_of_builds("id"),
            "UpdateProjectVisibility": arns_in("projectArn"),
            "GetResourcePolicy PutResourcePolicy DeleteResourcePolicy": arns_in("resourceArn"),
            "CreateReportGroup": by_name("name", "codebuild", "report-group/{}"),
            "UpdateReportGroup DeleteReportGroup": arns_in("arn"),
            "BatchGetReportGroups": arns_in("reportGroupArns"),
        }
    ),
    anywhere=words(
        "ListProjects ListBuilds ListBuildBatches ListCuratedEnvironmentImages ListReports ListReportGroups "
        "ImportSourceCredentials DeleteSourceCredentials ListSourceCredentials ListSharedProjects "
        "ListSharedReportGroups"
    ),
    extra=dict.fromkeys(
        ("CreateProject", "UpdateProject", "StartBuild", "StartBuildBatch", "CreateFleet", "UpdateFleet"), _build_roles
    ),
    keys=_build_keys,
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
            "TagResource UntagResource ListTagsForResource": arns_in("resourceArn"),
            "DeleteWebhook": by_name("name", "codepipeline", "webhook:{}"),
            "ListWebhooks": lambda _p, s: [s.arn("codepipeline", "webhook:*")],
            "RegisterWebhookWithThirdParty DeregisterWebhookWithThirdParty": by_name(
                "webhookName", "codepipeline", "webhook:{}"
            ),
        }
    ),
    anywhere=words(
        "ListPipelines ListActionTypes ListRuleTypes PollForThirdPartyJobs GetThirdPartyJobDetails "
        "AcknowledgeThirdPartyJob PutThirdPartyJobSuccessResult PutThirdPartyJobFailureResult GetJobDetails "
        "AcknowledgeJob PutJobSuccessResult PutJobFailureResult"
    ),
    often_anywhere=frozenset({"ListWebhooks"}),
    extra={"CreatePipeline": _declared_roles, "UpdatePipeline": _declared_roles},
    keys=tag_keys,
)

# CodeDeploy


def _applications(parameters: Parameters, scope: Scope) -> Iterable[str]:
    names = texts(parameters.get("applicationName")) + texts(parameters.get("applicationNames"))
    return [scope.arn("codedeploy", f"application:{name}") for name in names]


def _deployment_groups(*names: str) -> Resources:
    def resolve(parameters: Parameters, scope: Scope) -> Iterable[str]:
        application = parameters.get("applicationName", "*")
        groups = [group for name in names for group in texts(parameters.get(name))]
        return [scope.arn("codedeploy", f"deploymentgroup:{application}/{group}") for group in groups]

    return resolve


def _groups_of_deployments(parameters: Parameters, scope: Scope) -> Iterable[str]:
    """A deployment's permissions are those of its group, which a deployment's id does not tell."""
    identifiers = texts(parameters.get("deploymentId")) + texts(parameters.get("deploymentIds"))
    return [scope.real(scope.arn("codedeploy", f"deployment/{identifier}")) for identifier in identifiers]


CODEDEPLOY = Table(
    "codedeploy",
    resources=by_operation(
        {
            "CreateApplication GetApplication UpdateApplication DeleteApplication BatchGetApplications "
            "RegisterApplicationRevision GetApplicationRevision ListApplicationRevisions BatchGetApplicationRevisions "
            "ListDeploymentGroups": _applications,
            "CreateDeploymentGroup GetDeploymentGroup DeleteDeploymentGroup CreateDeployment ListDeployments": (
                _deployment_groups("deploymentGroupName")
            ),
            "UpdateDeploymentGroup": _deployment_groups("currentDeploymentGroupName"),
            "BatchGetDeploymentGroups": _deployment_groups("deploymentGroupNames"),
            "GetDeployment BatchGetDeployments PutLifecycleEventHookExecutionStatus": _groups_of_deployments,
            "CreateDeploymentConfig GetDeploymentConfig DeleteDeploymentConfig": by_name(
                "deploymentConfigName", "codedeploy", "deploymentconfig:{}"
            ),
            "TagResource UntagResource ListTagsForResource": arns_in("ResourceArn"),
        }
    ),
    anywhere=words(
        "ListApplications ListDeploymentConfigs ContinueDeployment StopDeployment GetDeploymentTarget "
        "BatchGetDeploymentTargets ListDeploymentTargets"
    ),
    # https://docs.aws.amazon.com/codepipeline/latest/userguide/how-to-custom-role.html
    often_anywhere=words("GetDeployment"),
    extra={
        operation: lambda p, s: pass_role(p.get("serviceRoleArn"), "codedeploy.amazonaws.com", s)
        for operation in ("CreateDeploymentGroup", "UpdateDeploymentGroup")
    },
    tagging={"CreateApplication": "TagResource", "CreateDeploymentGroup": "TagResource"},
    keys=tag_keys,
)

# CodeConnections, whose actions carry the same prefix as the API that is called


def _connections(prefix: str) -> Table:
    return Table(
        prefix,
        resources=by_operation(
            {
                "GetConnection DeleteConnection": arns_in("ConnectionArn"),
                "GetHost UpdateHost DeleteHost": arns_in("HostArn"),
                "TagResource UntagResource ListTagsForResource": arns_in("ResourceArn"),
                "ListConnections": lambda _p, s: [s.arn(prefix, "connection/*")],
            }
        ),
        anywhere=frozenset({"CreateConnection", "CreateHost", "ListHosts"}),
        often_anywhere=frozenset({"ListConnections"}),
        keys=tag_keys,
    )


CODESTAR_CONNECTIONS = _connections("codestar-connections")
CODECONNECTIONS = _connections("codeconnections")

# EventBridge Scheduler


def _schedule_role(parameters: Parameters, scope: Scope) -> list[Permission]:
    return pass_role((parameters.get("Target") or {}).get("RoleArn"), "scheduler.amazonaws.com", scope)


def _schedule(parameters: Parameters, scope: Scope) -> list[str]:
    group = parameters.get("GroupName") or "default"
    return [scope.arn("scheduler", f"schedule/{group}/{parameters.get('Name', '')}")]


SCHEDULER = Table(
    "scheduler",
    resources=by_operation(
        {
            "CreateSchedule UpdateSchedule GetSchedule DeleteSchedule": _schedule,
            "CreateScheduleGroup GetScheduleGroup DeleteScheduleGroup": by_name(
                "Name", "scheduler", "schedule-group/{}"
            ),
            "TagResource UntagResource ListTagsForResource": arns_in("ResourceArn"),
        }
    ),
    anywhere=frozenset({"ListSchedules", "ListScheduleGroups"}),
    extra=dict.fromkeys(("CreateSchedule", "UpdateSchedule"), _schedule_role),
    keys=tag_keys,
)
