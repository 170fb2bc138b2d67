"""Roles are judged by what they can do; each mistake gives a finding that says what to change."""

# ruff: noqa: E501 (tables read better in wide rows)
from __future__ import annotations

import json
from collections.abc import Iterator
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
)
from pushproof.checks.scoping import can_meet
from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.world import World

ACCOUNT, REGION = "123456789012", "eu-west-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role"
STACK = Pipeline(
    REGION, ACCOUNT, artifacts_bucket="artifacts", repository="app-dev", cache_repository="app-dev-cache", build_project="app-dev",
    build_log_group="/aws/codebuild/app-dev", cluster="app-dev", service="app-dev", task_family="app-dev", task_log_group="/ecs/app-dev",
    connection_arn=f"arn:aws:codeconnections:{REGION}:{ACCOUNT}:connection/1", task_role_arn=f"{ROLE}/task",
    execution_role_arn=f"{ROLE}/execution", secret_arns=(f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:app/dev/url-AbCdEf",),
)  # fmt: skip
TASKS = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}


@pytest.fixture
def world() -> Iterator[World]:
    with World.virtual(WorldSettings(account_id=ACCOUNT, region=REGION)) as made:
        yield made


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def make(
    world: World, *statements: dict[str, Any], service: str = "codepipeline.amazonaws.com", **condition: Any
) -> IamChecks:
    """A role named `role` with these statements, and the checks on its account."""
    trust: dict[str, Any] = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    if condition:
        trust["Condition"] = condition
    iam = world.administrator("iam")
    iam.create_role(RoleName="role", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust}))
    if statements:
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        iam.put_role_policy(RoleName="role", PolicyName="work", PolicyDocument=document)
    return IamChecks(world.administrator)


GOOD = [
    allow(["s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning"], "arn:aws:s3:::artifacts"),
    allow(["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"], "arn:aws:s3:::artifacts/*"),
    allow("codeconnections:UseConnection", STACK.connection_arn),
    allow(["codebuild:StartBuild", "codebuild:BatchGetBuilds"], STACK.arn("codebuild", "project/app-dev")),
    allow(["ecs:DescribeServices", "ecs:UpdateService"], STACK.arn("ecs", "service/app-dev/app-dev")),
    allow(["ecs:DescribeTaskDefinition", "ecs:RegisterTaskDefinition"]),
    allow("ecs:TagResource", STACK.arn("ecs", "task-definition/app-dev:*"), Condition={"StringEquals": {"ecs:CreateAction": "RegisterTaskDefinition"}}),
    allow("iam:PassRole", list(STACK.task_roles), Condition=TASKS),
]  # fmt: skip


def test_a_role_that_is_right_has_no_findings(world: World) -> None:
    """A scoped role that can do its work passes every check."""
    iam = make(world, *GOOD)
    for verdict in (
        iam.allows("role", pipeline_needs(STACK)),
        iam.denies("role", forbidden(STACK)),
        iam.passes_only("role", ["ecs-tasks.amazonaws.com"], *STACK.task_roles),
        iam.is_scoped("role"),
        iam.every_permission_can_apply("role"),
        iam.can_be_assumed_only_by("role", "codepipeline.amazonaws.com"),
    ):
        assert verdict


@pytest.mark.parametrize("left_out", range(len(GOOD)))
def test_each_missing_permission_is_found(world: World, left_out: int) -> None:
    """The check names each permission that a removed statement granted, and its purpose."""
    iam = make(world, *(statement for number, statement in enumerate(GOOD) if number != left_out))
    missing = {finding.expected.split()[1] for finding in iam.allows("role", pipeline_needs(STACK)).findings}
    actions = GOOD[left_out]["Action"]
    assert missing == set([actions] if isinstance(actions, str) else actions)


@pytest.mark.parametrize(
    ("resource", "enough"),
    [
        ("*", True),
        (STACK.arn("ecs", "task-definition/app-dev:*"), True),
        (STACK.arn("ecs", "task-definition/*"), True),
        (STACK.arn("ecs", "task-definition/app-prod:*"), False),
        (STACK.arn("ecs", "service/app-dev/app-dev"), False),
    ],
)
def test_revisions_are_registered_on_their_family(world: World, resource: str, enough: bool) -> None:
    """A role that may register revisions of the pipeline's family is enough, and no other family's will do.

    Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
    """
    (register,) = [need for need in pipeline_needs(STACK) if need.action == "ecs:RegisterTaskDefinition"]
    verdict = make(world, allow("ecs:RegisterTaskDefinition", resource)).allows("role", [register])
    assert bool(verdict) is enough, verdict


@pytest.mark.parametrize(
    ("action", "resource"),
    [("ecr:*", "*"), ("s3:*", "*"), ("*", "*"), ("iam:PassRole", "*"), ("ecs:*", "arn:aws:ecs:*:*:*")],
)
def test_wildcards_are_findings(world: World, action: str, resource: str) -> None:
    """A wildcard is reported twice: for what it allows and for its form."""
    iam = make(world, *GOOD, allow(action, resource))
    assert iam.denies("role", forbidden(STACK)).findings
    (first, *_) = iam.is_scoped("role").findings
    assert "statement 9 of 'work'" in first.found


def test_what_has_no_resource_may_use_the_wildcard(world: World) -> None:
    """Only actions for which AWS offers no resource may use *."""
    assert make(
        world, allow(["ecr:GetAuthorizationToken", "ecs:RegisterTaskDefinition", "ec2:DescribeVpcs"])
    ).is_scoped("role")


def test_decrypt_on_a_secret_grants_nothing(world: World) -> None:
    """The check reports kms:Decrypt on a secret's ARN, and a connection under the other prefix."""
    iam = make(
        world,
        allow(["kms:Decrypt", "secretsmanager:GetSecretValue"], STACK.secret_arns[0]),
        allow("codestar-connections:UseConnection", STACK.connection_arn),
    )
    assert [finding.expected.split()[0] for finding in iam.every_permission_can_apply("role").findings] == [
        "kms:Decrypt",
        "codestar-connections:UseConnection",
    ]


def test_pass_role_without_its_service_is_found(world: World) -> None:
    """PassRole that any service may be handed to is a finding; so is one that lacks the execution role."""
    iam = make(world, allow("iam:PassRole", STACK.task_role_arn))
    found = iam.passes_only("role", ["ecs-tasks.amazonaws.com"], *STACK.task_roles)
    assert [finding.check for finding in found.findings] == ["iam.passes_only", "iam.passes_only"]
    assert STACK.execution_role_arn in found.findings[0].expected


def test_trust_is_limited_to_service_and_source(world: World) -> None:
    """The check reports a trust policy that lets another service, or another's source, assume the role."""
    project = STACK.arn("codebuild", "project/app-dev")
    iam = make(
        world,
        service="codebuild.amazonaws.com",
        StringEquals={"aws:SourceAccount": ACCOUNT},
        ArnEquals={"aws:SourceArn": project},
    )
    assert iam.can_be_assumed_only_by("role", "codebuild.amazonaws.com", source_account=ACCOUNT, source_arn=project)
    assert len(iam.can_be_assumed_only_by("role", "ecs-tasks.amazonaws.com").findings) == 1
    world.administrator("iam").update_assume_role_policy(
        RoleName="role",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": ["codebuild.amazonaws.com", "ec2.amazonaws.com"], "AWS": ACCOUNT}}}),
    )  # fmt: skip
    found = [
        finding.found
        for finding in iam.can_be_assumed_only_by(
            "role", "codebuild.amazonaws.com", source_account=ACCOUNT, source_arn=project
        ).findings
    ]
    assert found == [
        "ec2.amazonaws.com can, too",
        f"arn:aws:iam::{ACCOUNT}:root can, too",
        "none that holds others off",
        "none that holds others off",
    ]


def test_a_boundary_counts(world: World) -> None:
    """Permissions outside the boundary are not allowed."""
    iam = make(world, *GOOD)
    client = world.administrator("iam")
    cap = client.create_policy(
        PolicyName="cap", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allow("s3:*")})
    )["Policy"]["Arn"]
    client.put_role_permissions_boundary(RoleName="role", PermissionsBoundary=cap)
    assert {f.expected.split(":")[0] for f in iam.allows("role", pipeline_needs(STACK)).findings} == {
        "may codeconnections",
        "may codebuild",
        "may ecs",
        "may iam",
    }


def test_catalogues_ask_only_about_what_is_named() -> None:
    """An empty description asks for nothing of a pipeline, a build or a task."""
    nothing = Pipeline(REGION, ACCOUNT)
    assert (pipeline_needs(nothing), build_needs(nothing), execution_needs(nothing)) == ([], [], [])
    assert Permission("ecr:PutImage", STACK.arn("ecr", "repository/app-dev"), purpose="push the image") in build_needs(
        STACK
    )
    assert [p.action for p in execution_needs(STACK)][-1] == "secretsmanager:GetSecretValue"


@pytest.mark.parametrize("name", ["AdministratorAccess", "AmazonS3FullAccess"])
def test_a_policy_of_awss_that_covers_services_is_found(world: World, name: str) -> None:
    """AWS's policy for task execution is made for its role; one that covers a whole service is a wildcard as any other."""
    iam, client = make(world, *GOOD), world.administrator("iam")
    made_for_it = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
    client.attach_role_policy(RoleName="role", PolicyArn=made_for_it)
    assert iam.is_scoped("role")
    client.attach_role_policy(RoleName="role", PolicyArn=f"arn:aws:iam::aws:policy/{name}")
    assert f"{name!r}, a policy of AWS's," in str(iam.is_scoped("role"))


@pytest.mark.parametrize(
    ("action", "resource", "meets"),
    [
        ("s3:GetObject", "arn:aws:s3:::bucket", False),
        ("s3:GetObject", "arn:aws:s3:::bucket/*", True),
        ("s3:GetObject", "arn:aws:s3:::bucket*", True),
        ("s3:PutObjectTagging", "arn:aws:s3:::bucket", False),
        ("s3:AbortMultipartUpload", "arn:aws:s3:::bucket", False),
        ("s3:ListBucket", "arn:aws:s3:::bucket", True),
        ("s3:ListBucket", "arn:aws:s3:::bucket/*", False),
        ("s3:GetBucketLocation", "arn:aws:s3:::bucket/*", False),
        ("s3:GetBucketObjectLockConfiguration", "arn:aws:s3:::bucket", True),
        ("s3:*", "arn:aws:s3:::bucket", True),
        ("kms:Decrypt", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:x", False),
        ("sts:AssumeRole", "arn:aws:iam::123456789012:role/x", True),
    ],
)
def test_actions_meet_resources_of_their_kind(action: str, resource: str, meets: bool) -> None:
    """An action on objects never meets a bucket's ARN, nor one on a bucket its objects'.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
    """
    assert can_meet(action, resource) is meets


def test_a_permission_on_a_bucket_instead_of_its_objects_is_found(world: World) -> None:
    """s3:GetObject on a bucket's ARN grants nothing."""
    iam = make(world, allow(["s3:GetObject", "s3:GetBucketLocation"], "arn:aws:s3:::artifacts"))
    (finding,) = iam.every_permission_can_apply("role").findings
    assert finding.expected.startswith("s3:GetObject on")


def test_what_the_work_does_not_need_is_found(world: World) -> None:
    """The check reports a harmless-looking action and a name of nothing, but not the needed ones."""
    assert make(world, *GOOD).allows_only("role", pipeline_needs(STACK))
    for statement, said in (
        (allow(["s3:GetObject", "s3:DeleteObject"], "arn:aws:s3:::artifacts/*"), "allows s3:DeleteObject"),
        (
            allow("s3:GetObject", ["arn:aws:s3:::artifacts/*", "arn:aws:s3:::artefacts/*"]),
            "names arn:aws:s3:::artefacts/*",
        ),
    ):
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        world.administrator("iam").put_role_policy(RoleName="role", PolicyName="more", PolicyDocument=document)
        (finding,) = IamChecks(world.administrator).allows_only("role", pipeline_needs(STACK)).findings
        assert said in finding.found


def test_a_role_that_should_have_nothing(world: World) -> None:
    """A role without policies allows nothing; any allow is reported."""
    assert make(world).allows_nothing("role")
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow("s3:GetObject", "arn:aws:s3:::a/b")]})
    world.administrator("iam").put_role_policy(RoleName="role", PolicyName="more", PolicyDocument=document)
    assert "'more' allows s3:GetObject" in str(IamChecks(world.administrator).allows_nothing("role"))


def test_a_role_that_is_not_there_is_told(world: World) -> None:
    """A LookupError names it."""
    with pytest.raises(LookupError, match="there is no role shop-build"):
        IamChecks(world.administrator).is_scoped("shop-build")


def test_a_pattern_of_sources_holds_other_accounts_off(world: World) -> None:
    """Any resource of the account is a valid source for tasks; the finding names the key of a missing condition."""
    tasks, cluster = "ecs-tasks.amazonaws.com", f"arn:aws:ecs:{REGION}:{ACCOUNT}:*"
    iam = make(world, service=tasks, StringEquals={"aws:SourceAccount": ACCOUNT}, ArnLike={"aws:SourceArn": cluster})
    assert iam.can_be_assumed_only_by("role", tasks, source_account=ACCOUNT, source_arn=cluster)
    for kept, missed in (("aws:SourceAccount", "aws:SourceArn"), ("aws:SourceArn", "aws:SourceAccount")):
        condition = {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": cluster}[kept]
        statement = {
            "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": tasks},
            "Condition": {"StringLike": {kept: condition}},
        }  # fmt: skip
        world.administrator("iam").update_assume_role_policy(
            RoleName="role", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statement})
        )
        verdict = iam.can_be_assumed_only_by("role", tasks, source_account=ACCOUNT, source_arn=cluster)
        assert [finding.expected for finding in verdict.findings] == [f"a condition on {missed}"]


def test_another_environments_names_are_forbidden() -> None:
    """Roles may not do to the sibling environment's resources what they may do to their own; unnamed resources are left out."""
    sibling = STACK.sibling("dev", "prod")
    assert (sibling.repository, sibling.secret_arns[0].split(":")[-1]) == ("app-prod", "app/prod/url-AbCdEf")
    beyond = forbidden_beyond(STACK, sibling)
    assert ("ecr:PutImage", STACK.arn("ecr", "repository/app-prod")) in {(p.action, p.resource) for p in beyond}
    assert not [p for p in beyond if p.resource == "*" or "app-dev" in p.resource]


def test_a_buildspecs_calls_are_needed() -> None:
    """A build that asks ECR for an image must be allowed to."""
    asked = {
        p.action
        for p in build_needs(STACK, "- aws ecr describe-images --repository-name x\n- aws ecr get-login-password")
    }
    assert asked - {p.action for p in build_needs(STACK)} == {"ecr:DescribeImages"}


def test_awss_policy_for_task_execution_can_be_left_out(world: World) -> None:
    """AWS's policy for task execution reaches every repository; the check can judge the rest without it."""
    iam = make(world, service="ecs-tasks.amazonaws.com")
    policy = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
    world.administrator("iam").attach_role_policy(RoleName="role", PolicyArn=policy)
    pull = [Permission("ecr:BatchGetImage", STACK.arn("ecr", "repository/others"))]
    assert "AmazonECSTaskExecutionRolePolicy" in str(iam.denies("role", pull))
    assert iam.denies("role", pull, own_policies_only=True)
