"""A suggestion grants everything that a run used, and nothing that it did not."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from tests.unit.record.observed import rolled_back

from pushproof.engines.policy import Policies, decide, parse, principal_of, request
from pushproof.record.model import Grant, Role, Use
from pushproof.record.suggesting import Suggestion, hcl, suggest

ACCOUNT = "123456789012"


def allowed(suggestion: Suggestion, action: str, resource: str, **context: str) -> bool:
    caller = principal_of(suggestion.arn)
    policy = parse(suggestion.document())
    return decide(
        request(caller, action, resource, context, resource_account=ACCOUNT), Policies(identity=(policy,))
    ).allowed


def role(*grants: Grant, used: tuple[Use, ...] = (), refused: tuple[Use, ...] = ()) -> Role:
    return Role(
        arn=f"arn:aws:iam::{ACCOUNT}:role/r", name="r", services=(), watched=True, grants=grants, used=used,
        refused=refused, unused=(),
    )  # fmt: skip


def grant(
    actions: tuple[str, ...], resources: tuple[str, ...], *, effect: str = "Allow", conditions: str = ""
) -> Grant:
    return Grant(
        policy="p", sid="One", effect=effect, actions=actions, resources=resources, conditions=conditions, used=True
    )


def of(made: Role) -> Suggestion:
    (suggestion,) = suggest(replace(rolled_back(), roles=(made,)))
    return suggestion


def test_everything_that_was_used_is_granted() -> None:
    """Every permission of the drill, decided by the policy engine, under the conditions that the grants had."""
    roles = {role.name: role for role in rolled_back().roles}
    used = 0
    for suggestion in suggest(rolled_back()):
        for use in roles[suggestion.role].used:
            used += 1
            context = {"iam:PassedToService": "ecs-tasks.amazonaws.com", "ecs:CreateAction": "RegisterTaskDefinition"}
            assert allowed(suggestion, use.action, use.resource, **context), (suggestion.role, use)
    assert used > 60


def test_the_next_push_is_granted_too() -> None:
    """Keys of objects, streams of logs and revisions are others next time."""
    by_role = {suggestion.role: suggestion for suggestion in suggest(rolled_back())}
    build, execution = by_role["pushproof-dev-codebuild"], by_role["pushproof-dev-execution"]
    assert allowed(
        build, "s3:GetObject", "arn:aws:s3:::pushproof-dev-artifacts-123456789012/pushproof-dev/SourceArti/Another"
    )
    logs = f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:"
    assert allowed(build, "logs:PutLogEvents", f"{logs}/aws/codebuild/pushproof-dev:log-stream:another")
    assert allowed(execution, "logs:CreateLogStream", f"{logs}/ecs/pushproof-dev:log-stream:ecs/app/another")


def test_what_was_not_used_goes() -> None:
    """Unused actions are refused by the suggestion, and a resource of `*` becomes what was used."""
    by_role = {suggestion.role: suggestion for suggestion in suggest(rolled_back())}
    build, execution = by_role["pushproof-dev-codebuild"], by_role["pushproof-dev-execution"]
    bucket = "arn:aws:s3:::pushproof-dev-artifacts-123456789012"
    assert "s3:GetBucketAcl" in build.unused
    assert not allowed(build, "s3:GetBucketAcl", bucket)
    # The managed policy AmazonECSTaskExecutionRolePolicy grants these on everything.
    assert not allowed(execution, "ecr:BatchGetImage", f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/somebody-elses")
    assert allowed(execution, "ecr:BatchGetImage", f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/pushproof-dev")
    assert allowed(execution, "ecr:GetAuthorizationToken", "*")
    logs = f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:"
    assert not allowed(execution, "logs:PutLogEvents", f"{logs}/somebody-elses:log-stream:x")


def test_limits_and_conditions_stay() -> None:
    """A Deny is no grant that nobody uses, and a condition belongs to what it limits."""
    use = Use(action="iam:PassRole", resource=f"arn:aws:iam::{ACCOUNT}:role/task", count=1)
    conditions = json.dumps({"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}})
    made = of(role(
        grant(("iam:PassRole",), ("*",), conditions=conditions), grant(("s3:*",), ("*",), effect="Deny"), used=(use,)
    ))  # fmt: skip
    assert allowed(made, use.action, use.resource, **{"iam:PassedToService": "ecs-tasks.amazonaws.com"})
    assert not allowed(made, use.action, use.resource, **{"iam:PassedToService": "ec2.amazonaws.com"})
    assert [statement.effect for statement in made.statements] == ["Allow", "Deny"]
    assert len({statement.sid for statement in made.statements}) == 2


def test_keys_behind_other_services_stay() -> None:
    """The emulated account does not ask for them: their grants are not seen in use, and are needed on AWS."""
    key = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/k"
    made = of(role(grant(("s3:GetObject", "kms:Decrypt"), (key, "arn:aws:s3:::b/*")),
                   used=(Use(action="s3:GetObject", resource="arn:aws:s3:::b/k", count=1),)))  # fmt: skip
    assert allowed(made, "kms:Decrypt", key)


def test_what_was_refused_gets_one_statement() -> None:
    """The smallest Allow for it, in the form in which it is needed again."""
    refused = (
        Use(action="s3:PutObject", resource="arn:aws:s3:::b/p/1", count=2, message="no"),
        Use(action="s3:PutObject", resource="arn:aws:s3:::b/p/2", count=1, message="no"),
    )
    made = of(role(refused=refused))
    assert [statement.as_document() for statement in made.missing] == [
        {"Effect": "Allow", "Action": ["s3:PutObject"], "Resource": ["arn:aws:s3:::b/*"]}
    ]
    assert (made.statements, hcl([made])) == ((), "")


def test_roles_whose_calls_nobody_saw_get_no_suggestion() -> None:
    """On AWS a record has what roles are granted, and not what they used."""
    record = rolled_back()
    assert suggest(replace(record, roles=tuple(replace(role, watched=False) for role in record.roles))) == []


def test_hcl_is_terraform_code() -> None:
    """HCL that a parser reads, with policy variables kept from Terraform's templates."""
    from pushproof.terraform import hcl as reader

    assert reader is not None
    use = Use(action="s3:GetObject", resource="arn:aws:s3:::b/${aws:username}/k", count=1)
    text = hcl(
        [
            *suggest(rolled_back()),
            of(role(grant(("s3:GetObject",), ("arn:aws:s3:::b/${aws:username}/*",)), used=(use,))),
        ]
    )
    assert text.count('resource "aws_iam_role_policy"') == 5
    assert "$${aws:username}" in text
    assert not re.search(r"(?<!\$)\$\{", text)


@pytest.mark.parametrize("name", ["", "9lives", "a/b", 'quote"d', "${x}"])
def test_hcl_of_any_name_has_a_label(name: str) -> None:
    """Terraform's labels are words."""
    use = Use(action="s3:ListBucket", resource="arn:aws:s3:::b", count=1)
    made = of(replace(role(grant(("s3:ListBucket",), ("*",)), used=(use,)), name=name))
    label = re.search(r'^resource "aws_iam_role_policy" "(.*)" \{$', hcl([made]), re.MULTILINE)
    assert label is not None
    assert re.fullmatch(r"[A-Za-z_]?[A-Za-z0-9_]*", label[1])
