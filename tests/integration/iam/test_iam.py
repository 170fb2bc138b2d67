"""The iam module, applied: what its four roles can do, cannot do, and who can assume them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pushproof.checks.iam import IamChecks
from pushproof.checks.permissions import (
    Permission,
    Pipeline,
    build_needs,
    execution_needs,
    forbidden,
    forbidden_beyond,
    pipeline_needs,
    task_needs,
)
from pushproof.checks.state import StateChecks

BUILDSPEC = (Path(__file__).parents[3] / "app/buildspec.yml").read_text()
ROLES = ("codepipeline", "codebuild", "execution", "task", "before")
TO_ECS = ("ecs-tasks.amazonaws.com", "ecs.amazonaws.com")


@pytest.fixture(scope="module")
def module(applied: Callable[..., Any], target: Any) -> Any:
    arn = f"{target.region}:{target.account_id}"
    return applied(
        "infrastructure/modules/iam",
        project="shop",
        environment="dev",
        artifacts_bucket_name=f"shop-dev-artifacts-{target.account_id}",
        connection_arn=f"arn:aws:codestar-connections:{arn}:connection/0123abcd-0123-0123-0123-0123456789ab",
        # What production adds, and what a customer's key adds: each is a statement of its own.
        require_approval=True,
        before_deploy=True,
        secrets_kms_key_arn=f"arn:aws:kms:{arn}:key/0123abcd-0123-0123-0123-0123456789ab",
    )


@pytest.fixture(scope="module")
def name(module: Any) -> str:
    """`<project>-<environment>`, as the module made it: a target may have given the project another name."""
    return str(module["task_role_name"]).removesuffix("-task")


@pytest.fixture(scope="module")
def stack(target: Any, module: Any, name: str) -> Pipeline:
    """The names of a pipeline as the reference gives them."""
    given = module.terraform.variables
    return Pipeline(
        target.region,
        target.account_id,
        artifacts_bucket=given["artifacts_bucket_name"],
        repository=name,
        cache_repository=f"{name}-cache",
        build_project=name,
        build_log_group=f"/aws/codebuild/{name}",
        cluster=name,
        service=name,
        task_log_group=f"/ecs/{name}",
        connection_arn=given["connection_arn"],
        task_role_arn=module["task_role_arn"],
        execution_role_arn=module["execution_role_arn"],
        secret_arns=(secret_arn(target, name, "dev"),),
        secrets_key_arn=given["secrets_kms_key_arn"],
        approval_topic_arn=f"arn:aws:sns:{target.region}:{target.account_id}:{name}-pipeline",
    )


def secret_arn(target: Any, name: str, environment: str) -> str:
    secret = f"{name.removesuffix('-dev')}/{environment}/database-url-AbCdEf"
    return f"arn:aws:secretsmanager:{target.region}:{target.account_id}:secret:{secret}"


@pytest.fixture(scope="module")
def iam(iam_checks: Callable[..., IamChecks], module: Any) -> IamChecks:
    return iam_checks(module)


@pytest.fixture(scope="module")
def work(stack: Pipeline, name: str, target: Any) -> dict[str, list[Permission]]:
    """The permissions that each role needs for its work, by the last part of its name."""
    before = f"{name}-before"
    project = f"arn:aws:codebuild:{target.region}:{target.account_id}:project/{before}"
    runs = [Permission(f"codebuild:{action}", project) for action in ("StartBuild", "BatchGetBuilds")]
    return {
        "codepipeline": [*pipeline_needs(stack), *runs],
        "codebuild": build_needs(stack, BUILDSPEC),
        "before": task_needs(stack, project=before, family=before),
        "execution": execution_needs(stack),
    }


def test_the_pipeline_can_do_its_work(iam: IamChecks, work: dict[str, list[Permission]], name: str) -> None:
    """CodePipeline's role fetches, builds, runs the task before, registers a revision with both task roles, and rolls out."""
    assert iam.allows(f"{name}-codepipeline", work["codepipeline"])


def test_the_task_before_a_deployment_can_run(iam: IamChecks, work: dict[str, list[Permission]], name: str) -> None:
    """The role of its project registers a revision of its own family, runs it in the service's cluster, and reads how it ended."""
    assert iam.allows(f"{name}-before", work["before"])


def test_the_task_before_a_deployment_runs_in_its_cluster_only(iam: IamChecks, stack: Pipeline, name: str) -> None:
    """No other cluster, and no revision of the service."""
    revision, other = (stack.arn("ecs", f"task-definition/{family}:1") for family in (f"{name}-before", name))
    cluster, elsewhere = (stack.arn("ecs", f"cluster/{cluster}") for cluster in (stack.cluster, "elsewhere"))
    running = [
        Permission("ecs:RunTask", revision, {"ecs:cluster": elsewhere}, "run the task in another cluster"),
        Permission("ecs:RunTask", other, {"ecs:cluster": cluster}, "run the service's revision past the service"),
        Permission("ecs:RegisterTaskDefinition", other, purpose="register a revision of the service"),
        Permission("s3:PutObject", f"arn:aws:s3:::{stack.artifacts_bucket}/x", purpose="change artifacts"),
    ]
    assert iam.denies(f"{name}-before", running)


def test_builds_can_do_their_work(iam: IamChecks, stack: Pipeline, name: str) -> None:
    """CodeBuild's role logs in, pulls the cache, pushes and logs."""
    assert iam.allows(f"{name}-codebuild", build_needs(stack, BUILDSPEC))


def test_tasks_can_be_started(iam: IamChecks, stack: Pipeline, name: str) -> None:
    """The execution role pulls the image, reads the secret and logs."""
    assert iam.allows(f"{name}-execution", execution_needs(stack))


def test_no_role_can_do_more_than_its_work(iam: IamChecks, work: dict[str, list[Permission]], name: str) -> None:
    """Every action and every resource of a role's policies is one that its work needs; the application needs none."""
    for role, needs in work.items():
        assert iam.allows_only(f"{name}-{role}", needs)
    assert iam.allows_nothing(f"{name}-task")


def before_needs(stack: Pipeline) -> list[Permission]:
    """The permissions of a pipeline with a task before its deployments: to start the project, and what that does."""
    project = f"{stack.cluster}-before"
    starting = ("StartBuild", "BatchGetBuilds")
    return [
        *(Permission(f"codebuild:{action}", stack.arn("codebuild", f"project/{project}")) for action in starting),
        *(each for each in task_needs(stack, project=project, family=project) if each.resource != "*"),
    ]


@pytest.mark.parametrize("role", ROLES)
def test_no_role_reaches_another_environment(iam: IamChecks, stack: Pipeline, role: str, name: str) -> None:
    """This environment's roles may not act on production's resources, nor on a namesake's."""
    for environment in ("prod", "dev2"):
        other = stack.sibling("dev", environment)
        beyond = [*forbidden_beyond(stack, other), *before_needs(other)]
        assert iam.denies(f"{name}-{role}", beyond, own_policies_only=True)


@pytest.mark.parametrize("role", ROLES)
def test_no_role_can_do_harm(iam: IamChecks, stack: Pipeline, role: str, name: str) -> None:
    """Each role is refused everything that is forbidden to all."""
    assert iam.denies(f"{name}-{role}", forbidden(stack))


@pytest.mark.parametrize("role", ROLES)
def test_no_role_has_a_wildcard_it_does_not_need(iam: IamChecks, role: str, name: str) -> None:
    """Cliff 2: actions and resources are named, but for what AWS cannot scope."""
    assert iam.is_scoped(f"{name}-{role}")


@pytest.mark.parametrize("role", ROLES)
def test_every_permission_can_apply(iam: IamChecks, role: str, name: str) -> None:
    """No statement names an action and a resource that never meet."""
    assert iam.every_permission_can_apply(f"{name}-{role}")


def test_the_pipeline_passes_the_task_roles_to_ecs_only(iam: IamChecks, stack: Pipeline, name: str) -> None:
    """Both task roles are passed, no other role, and to no other service."""
    assert iam.passes_only(f"{name}-codepipeline", TO_ECS, *stack.task_roles)


def test_dev_cannot_read_the_secrets_of_prod(iam: IamChecks, name: str, target: Any) -> None:
    """The execution role's secrets are those of its own environment."""
    other = secret_arn(target, name, "prod")
    reading = Permission("secretsmanager:GetSecretValue", other, purpose="read production's secrets")
    assert iam.denies(f"{name}-execution", [reading])


@pytest.mark.parametrize(
    ("role", "service"),
    [("codepipeline", "codepipeline"), ("execution", "ecs-tasks")],
)
def test_only_its_service_can_assume_a_role(iam: IamChecks, role: str, service: str, name: str) -> None:
    """No other service, and no user of this or another account, can assume the role."""
    assert iam.can_be_assumed_only_by(f"{name}-{role}", f"{service}.amazonaws.com")


@pytest.mark.parametrize(("role", "project"), [("codebuild", ""), ("before", "-before")])
def test_codebuild_can_assume_a_role_for_its_project_only(
    iam: IamChecks, stack: Pipeline, name: str, role: str, project: str
) -> None:
    """Another customer's build project cannot make CodeBuild act as the role, nor can another project of this account."""
    arn = stack.arn("codebuild", f"project/{name}{project}")
    service = "codebuild.amazonaws.com"
    assert iam.can_be_assumed_only_by(f"{name}-{role}", service, source_account=stack.account, source_arn=arn)


def test_only_tasks_of_this_account_can_assume_their_role(iam: IamChecks, stack: Pipeline, name: str) -> None:
    """Another account's tasks cannot act as the application."""
    task = stack.arn("ecs", "*")
    service = "ecs-tasks.amazonaws.com"
    assert iam.can_be_assumed_only_by(f"{name}-task", service, source_account=stack.account, source_arn=task)


def test_nothing_is_left_to_do(state_checks: Callable[..., StateChecks], module: Any) -> None:
    """A plan after the apply is empty."""
    assert state_checks(module).plan_is_empty(module)
