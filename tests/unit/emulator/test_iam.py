"""IAM refuses what AWS refuses: names, references to nothing, conflicts, quotas.

Source of the codes: https://docs.aws.amazon.com/IAM/latest/APIReference/, operation by operation.
"""

# ruff: noqa: E501 (tables read better in wide rows)
from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pushproof.emulator.world import World

ACCOUNT = "123456789012"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}]})  # fmt: skip
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]})  # fmt: skip
LONG = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": [f"arn:aws:s3:::{'b' * 60}{n}" for n in range(150)]}]})  # fmt: skip
NONE = f"arn:aws:iam::{ACCOUNT}:policy/none"


@pytest.fixture
def iam() -> Iterator[Any]:
    with World.virtual() as world:
        client = world.administrator("iam")
        client.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
        client.create_user(UserName="u")
        client.create_group(GroupName="g")
        yield client


def refusal(call: Any, **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"RoleName": "bad name"}, "The specified value for roleName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"),
        ({"RoleName": "x" * 65}, "1 validation error detected: Value at 'roleName' failed to satisfy constraint: Member must have length less than or equal to 64"),
        ({"Path": "team"}, "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters."),
        ({"MaxSessionDuration": 43201}, "1 validation error detected: Value '43201' at 'maxSessionDuration' failed to satisfy constraint: Member must have value less than or equal to 43200"),
        ({"Tags": [{"Key": str(n), "Value": "v"} for n in range(51)]}, "1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50"),
    ],
)  # fmt: skip
def test_names_and_ranges(iam: Any, arguments: dict[str, Any], message: str) -> None:
    """Values that IAM's model forbids are a ValidationError, and nothing is created."""
    wanted = {"RoleName": "n", "AssumeRolePolicyDocument": TRUST, **arguments}
    assert refusal(iam.create_role, **wanted) == ("ValidationError", message)
    assert [role["RoleName"] for role in iam.list_roles()["Roles"]] == ["r"]


def test_references_must_lead_somewhere(iam: Any) -> None:
    """Policies, boundaries and roles that are not there are NoSuchEntity."""
    assert refusal(iam.attach_role_policy, RoleName="r", PolicyArn=NONE) == (
        "NoSuchEntity",
        f"Policy {NONE} does not exist or is not attachable.",
    )
    assert refusal(iam.attach_role_policy, RoleName="r", PolicyArn="longpolicynamebutnoarn") == (
        "ValidationError",
        "Invalid ARN:  Could not be parsed!",
    )
    scope = f"Scope ARN: {NONE} does not exist or is not attachable."
    for call, arguments in (
        (iam.create_role, {"RoleName": "n", "AssumeRolePolicyDocument": TRUST}),
        (iam.create_user, {"UserName": "n"}),
        (iam.put_role_permissions_boundary, {"RoleName": "r"}),
    ):
        assert refusal(call, PermissionsBoundary=NONE, **arguments) == ("NoSuchEntity", scope)
    arn = iam.create_policy(PolicyName="p", PolicyDocument=POLICY)["Policy"]["Arn"]
    assert refusal(iam.detach_role_policy, RoleName="r", PolicyArn=arn) == (
        "NoSuchEntity",
        f"Policy {arn} was not found.",
    )
    assert refusal(iam.delete_policy, PolicyArn=NONE) == ("NoSuchEntity", f"Policy {NONE} was not found.")
    assert refusal(iam.delete_role_policy, RoleName="r", PolicyName="no") == (
        "NoSuchEntity",
        "The role policy with name no cannot be found.",
    )
    assert refusal(iam.tag_role, RoleName="no", Tags=[{"Key": "k", "Value": "v"}]) == (
        "NoSuchEntity",
        "The role with name no cannot be found.",
    )
    iam.create_instance_profile(InstanceProfileName="i")
    assert refusal(iam.remove_role_from_instance_profile, InstanceProfileName="i", RoleName="r")[0] == "NoSuchEntity"
    provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/example.com"
    assert refusal(iam.delete_open_id_connect_provider, OpenIDConnectProviderArn=provider)[0] == "NoSuchEntity"


@pytest.mark.parametrize("sort", ["role", "user", "group"])
def test_an_attached_policy_is_not_deleted(iam: Any, sort: str) -> None:
    """DeletePolicy of an attached policy is DeleteConflict; after detaching, policy and entity can be deleted."""
    names = {f"{sort.capitalize()}Name": sort[0]}
    arn = iam.create_policy(PolicyName="p", PolicyDocument=POLICY)["Policy"]["Arn"]
    getattr(iam, f"attach_{sort}_policy")(PolicyArn=arn, **names)
    assert refusal(iam.delete_policy, PolicyArn=arn) == (
        "DeleteConflict",
        "Cannot delete a policy attached to entities.",
    )
    assert refusal(getattr(iam, f"delete_{sort}"), **names) == (
        "DeleteConflict",
        "Cannot delete entity, must detach all policies first.",
    )
    getattr(iam, f"detach_{sort}_policy")(PolicyArn=arn, **names)
    iam.delete_policy(PolicyArn=arn)
    getattr(iam, f"delete_{sort}")(**names)


def test_a_boundary_is_not_deleted(iam: Any) -> None:
    """A policy that bounds a role is in use."""
    arn = iam.create_policy(PolicyName="p", PolicyDocument=POLICY)["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName="r", PermissionsBoundary=arn)
    assert refusal(iam.delete_policy, PolicyArn=arn)[0] == "DeleteConflict"
    iam.delete_role_permissions_boundary(RoleName="r")
    iam.delete_policy(PolicyArn=arn)


def test_versions_of_a_policy(iam: Any) -> None:
    """Five versions at most; the default one and the policy itself go last."""
    arn = iam.create_policy(PolicyName="p", PolicyDocument=POLICY)["Policy"]["Arn"]
    for _ in range(4):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=POLICY)
    assert refusal(iam.create_policy_version, PolicyArn=arn, PolicyDocument=POLICY)[0] == "LimitExceeded"
    code, message = refusal(iam.delete_policy, PolicyArn=arn)
    assert (code, message[:43]) == ("DeleteConflict", "This policy has more than one version. Befo")
    assert refusal(iam.delete_policy_version, PolicyArn=arn, VersionId="v1") == (
        "DeleteConflict",
        "Cannot delete the default version of a policy.",
    )


def test_quotas(iam: Any) -> None:
    """Ten managed policies, 6,144 characters in one, 10,240 inline in all.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    """
    arns = [iam.create_policy(PolicyName=f"p{number}", PolicyDocument=POLICY)["Policy"]["Arn"] for number in range(11)]
    for arn in arns[:10]:
        iam.attach_role_policy(RoleName="r", PolicyArn=arn)
    assert refusal(iam.attach_role_policy, RoleName="r", PolicyArn=arns[10]) == (
        "LimitExceeded",
        "Cannot exceed quota for PoliciesPerRole: 10",
    )
    iam.attach_role_policy(RoleName="r", PolicyArn=arns[3])
    assert refusal(iam.create_policy, PolicyName="long", PolicyDocument=LONG) == (
        "LimitExceeded",
        "Cannot exceed quota for PolicySize: 6144",
    )
    assert refusal(iam.put_role_policy, RoleName="r", PolicyName="long", PolicyDocument=LONG) == (
        "LimitExceeded",
        "Maximum policy size of 10240 bytes exceeded for role r",
    )
    half = LONG.replace("b" * 60, "b" * 20)
    iam.put_role_policy(RoleName="r", PolicyName="one", PolicyDocument=half)
    iam.put_role_policy(RoleName="r", PolicyName="one", PolicyDocument=half)
    assert refusal(iam.put_role_policy, RoleName="r", PolicyName="two", PolicyDocument=half)[0] == "LimitExceeded"
    wide = json.loads(TRUST)
    wide["Statement"] = wide["Statement"] * 40
    assert refusal(iam.update_assume_role_policy, RoleName="r", PolicyDocument=json.dumps(wide)) == (
        "LimitExceeded",
        "Cannot exceed quota for ACLSizePerRole: 2048",
    )


def test_what_must_go_before_a_user(iam: Any) -> None:
    """DeleteUser refuses while the user has a group, a key, a password or a policy, and says which.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteUser.html
    """
    iam.add_user_to_group(UserName="u", GroupName="g")
    assert refusal(iam.delete_user, UserName="u")[1].endswith("must remove users from group first.")
    assert refusal(iam.delete_group, GroupName="g")[1].endswith("must remove users from group first.")
    iam.remove_user_from_group(UserName="u", GroupName="g")
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=POLICY)
    assert refusal(iam.delete_user, UserName="u")[1].endswith("must delete policies first.")
    iam.delete_user_policy(UserName="u", PolicyName="p")
    iam.create_login_profile(UserName="u", Password="correct-Horse-7")
    assert refusal(iam.delete_user, UserName="u")[1].endswith("must delete login profile first.")
    iam.delete_login_profile(UserName="u")
    key = iam.create_access_key(UserName="u")["AccessKey"]["AccessKeyId"]
    assert refusal(iam.delete_user, UserName="u")[1].endswith("must delete access keys first.")
    iam.delete_access_key(UserName="u", AccessKeyId=key)
    iam.delete_user(UserName="u")
    iam.put_group_policy(GroupName="g", PolicyName="p", PolicyDocument=POLICY)
    assert refusal(iam.delete_group, GroupName="g")[1].endswith("must delete policies first.")


def test_roles_of_services(iam: Any) -> None:
    """A service's own role has its name, is made once, and only DeleteServiceLinkedRole takes it away.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html
    """
    role = iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com")["Role"]["RoleName"]
    assert role == "AWSServiceRoleForECS"
    assert refusal(iam.create_service_linked_role, AWSServiceName="ecs.amazonaws.com")[0] == "InvalidInput"
    words = f"Cannot perform the operation on the protected role '{role}' - this role is only modifiable by AWS"
    assert refusal(iam.delete_role, RoleName=role) == ("UnmodifiableEntity", words)
    assert refusal(iam.put_role_policy, RoleName=role, PolicyName="p", PolicyDocument=POLICY)[0] == "UnmodifiableEntity"
    assert iam.get_role(RoleName=role)["Role"]["Path"] == "/aws-service-role/ecs.amazonaws.com/"
    assert refusal(iam.delete_service_linked_role, RoleName="r")[0] == "NoSuchEntity"
    iam.delete_service_linked_role(RoleName=role)


def test_a_refused_call_leaves_no_trace(iam: Any) -> None:
    """IAM's contents are the same before and after each refusal."""
    arn = iam.create_policy(PolicyName="p", PolicyDocument=POLICY)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="r", PolicyArn=arn)

    def state() -> str:
        details = iam.get_account_authorization_details(Filter=["User", "Role", "Group", "LocalManagedPolicy"])
        details.pop("ResponseMetadata")
        return json.dumps(details, default=str, sort_keys=True)

    before = state()
    for call, arguments in (
        (iam.delete_policy, {"PolicyArn": arn}),
        (iam.delete_role, {"RoleName": "r"}),
        (iam.create_role, {"RoleName": "n", "AssumeRolePolicyDocument": TRUST, "PermissionsBoundary": NONE}),
        (iam.put_role_policy, {"RoleName": "r", "PolicyName": "x", "PolicyDocument": LONG}),
        (iam.put_user_policy, {"UserName": "u", "PolicyName": "x", "PolicyDocument": "{"}),
        (iam.update_assume_role_policy, {"RoleName": "r", "PolicyDocument": "{}"}),
        (iam.attach_user_policy, {"UserName": "u", "PolicyArn": NONE}),
        (iam.create_policy_version, {"PolicyArn": arn, "PolicyDocument": LONG}),
    ):
        refusal(call, **arguments)
        assert state() == before
