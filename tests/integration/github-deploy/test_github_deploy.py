"""The github-deploy module, applied: which workflow can take its role, and what the role can do and cannot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pushproof.checks.iam import IamChecks
from pushproof.checks.permissions import Permission, Pipeline, build_needs, forbidden, forbidden_beyond, pipeline_needs
from pushproof.checks.state import StateChecks

REPOSITORY = {"repository": "example/shop", "owner_id": "65", "repository_id": "74"}
TO_ECS = ("ecs-tasks.amazonaws.com", "ecs.amazonaws.com")


@pytest.fixture(scope="module")
def module(applied: Callable[..., Any], target: Any) -> Any:
    roles = f"arn:aws:iam::{target.account_id}:role/shop-dev"
    return applied(
        "infrastructure/modules/github-deploy",
        project="shop",
        environment="dev",
        branch="main",
        repository="example/shop",
        repository_ids={"owner": "65", "repository": "74"},
        github_environment="production",
        execution_role_arn=f"{roles}-execution",
        task_role_arn=f"{roles}-task",
    )


@pytest.fixture(scope="module")
def role(module: Any) -> str:
    return str(module["role_name"])


@pytest.fixture(scope="module")
def stack(target: Any, module: Any) -> Pipeline:
    """The names of a workflow's resources as the reference gives them."""
    variables = module.terraform.variables
    name = f"{variables['project']}-{variables['environment']}"
    return Pipeline(
        target.region,
        target.account_id,
        repository=name,
        cluster=name,
        service=name,
        task_role_arn=variables["task_role_arn"],
        execution_role_arn=variables["execution_role_arn"],
    )


def needs(stack: Pipeline) -> list[Permission]:
    """The permissions of a workflow that builds, pushes and rolls out."""
    return [*build_needs(stack, "aws ecr describe-images --repository-name x"), *pipeline_needs(stack)]


@pytest.fixture(scope="module")
def iam(iam_checks: Callable[..., IamChecks], module: Any) -> IamChecks:
    return iam_checks(module)


def test_the_workflow_can_take_the_role_and_no_other_can(iam: IamChecks, role: str) -> None:
    """The job in its environment on its branch gets in; other branches, environments, repositories and forks do not."""
    assert iam.can_be_assumed_from_github_only(role, branch="main", environment="production", **REPOSITORY)


def test_the_role_is_named_after_project_and_environment(role: str) -> None:
    """The role's name begins with the project and the environment, in this order."""
    assert role.startswith("shop-dev")


def test_the_subject_is_the_workflows(module: Any) -> None:
    """The output names the subject that the trust policy compares with."""
    assert module["subject"] == "repo:example@65/shop@74:environment:production"
    assert module["provider_arn"].endswith(":oidc-provider/token.actions.githubusercontent.com")


def test_the_role_can_do_its_work_and_no_more(iam: IamChecks, role: str, stack: Pipeline) -> None:
    """The role logs in, pushes, registers and rolls out; every action and resource of its policy is one of these."""
    assert iam.allows(role, needs(stack))
    assert iam.allows_only(role, needs(stack))


def test_the_role_reaches_nothing_else(iam: IamChecks, role: str, stack: Pipeline) -> None:
    """Neither another environment's resources nor what is forbidden to all is within its reach."""
    assert iam.denies(role, forbidden(stack))
    assert iam.denies(role, forbidden_beyond(stack, stack.sibling("dev", "prod")))
    assert iam.denies(role, forbidden_beyond(stack, stack.sibling("dev", "dev2")))


def test_the_policy_is_scoped(iam: IamChecks, role: str) -> None:
    """Actions and resources are named, and each pair can meet."""
    assert iam.is_scoped(role)
    assert iam.every_permission_can_apply(role)


def test_the_task_roles_are_passed_to_ecs_only(iam: IamChecks, role: str, stack: Pipeline) -> None:
    """Both task roles are passed, no other role, and to no other service."""
    assert iam.passes_only(role, TO_ECS, *stack.task_roles)


def test_the_workflow_gets_every_variable(module: Any, role: str, target: Any) -> None:
    """The variables for GitHub name the role, the region and the resources that the role reaches."""
    name = role.removesuffix("-github-deploy")
    assert module["workflow_variables"] == {
        "AWS_REGION": target.region,
        "AWS_ROLE_ARN": module["role_arn"],
        "CONTAINER_NAME": "app",
        "ECR_REPOSITORY": name,
        "ECS_CLUSTER": name,
        "ECS_SERVICE": name,
        "TAG_PREFIX": "dev-",
        "TASK_FAMILY": name,
    }


def test_nothing_is_left_to_do(state_checks: Callable[..., StateChecks], module: Any) -> None:
    """A plan after the apply is empty."""
    assert state_checks(module).plan_is_empty(module)
