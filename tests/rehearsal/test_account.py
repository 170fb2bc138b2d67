"""What prepares a sandbox account applies, and its role may do what runs need and nothing beyond."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pushproof.environment import world_environment
from pushproof.terraform.applied import apply_module

ROOT = Path(__file__).parents[2]
ACCOUNT = "210987654321"
OWN = {"aws:ResourceTag/pushproof:run": "1a2b3c4d"}


class Owner:
    """The account's owner, as whoever applies Terraform."""

    def __init__(self, standin: Any, directory: Path) -> None:
        self._standin, self._directory = standin, directory

    def environment(self) -> dict[str, str]:
        return world_environment(self._standin.endpoint, region=self._standin.region, account_id=self._standin.account)

    def directory(self, name: str) -> Path:
        path = self._directory / name
        path.mkdir(parents=True, exist_ok=True)
        return path


@pytest.fixture(scope="module")
def role(standin: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    applied = apply_module(
        Owner(standin, tmp_path_factory.mktemp("owner")),
        ROOT / "infrastructure/sandbox-account",
        name="sandbox-account",
        variables={
            "github_subjects": ["repo:example/shop:environment:sandbox"],
            "marker_name": "/rehearsal/sandbox",
            "trusted_principal_arns": [f"arn:aws:iam::{ACCOUNT}:root"],
        },
    )
    assert applied.changes() == {}
    yield str(applied["deployer_role_arn"])
    applied.terraform.destroy()


def test_policies_are_of_a_size_that_iam_takes(role: str, standin: Any) -> None:
    """Managed policies have at most 6,144 characters without white space
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
    """
    iam = standin.administrator("iam")
    attached = iam.list_attached_role_policies(RoleName=role.rpartition("/")[2])["AttachedPolicies"]
    sizes = {}
    for policy in attached:
        version = iam.get_policy(PolicyArn=policy["PolicyArn"])["Policy"]["DefaultVersionId"]
        document = iam.get_policy_version(PolicyArn=policy["PolicyArn"], VersionId=version)["PolicyVersion"]["Document"]
        sizes[policy["PolicyName"]] = len(json.dumps(document, separators=(",", ":")))
    print(sizes)
    assert len(sizes) >= 3
    assert {name: size for name, size in sizes.items() if size > 6144} == {}


@pytest.mark.parametrize(
    ("action", "resource", "context", "decision"),
    [
        ("s3:DeleteBucket", "arn:aws:s3:::pushproof-1a2b3c4d-dev-artifacts", {}, "allowed"),
        ("s3:DeleteBucket", "arn:aws:s3:::acme-data", {}, "implicitDeny"),
        ("iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/pushproof-1a2b3c4d-dev-task", {}, "allowed"),
        ("iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/admin", {}, "implicitDeny"),
        ("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/pushproof-sandbox-deployer", {}, "explicitDeny"),
        ("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/pushproof-x", {}, "implicitDeny"),
        ("iam:CreatePolicyVersion", f"arn:aws:iam::{ACCOUNT}:policy/pushproof-sandbox-delivery", {}, "implicitDeny"),
        ("ec2:DeleteVpc", f"arn:aws:ec2:eu-west-1:{ACCOUNT}:vpc/vpc-1", {}, "implicitDeny"),
        ("ec2:DeleteVpc", f"arn:aws:ec2:eu-west-1:{ACCOUNT}:vpc/vpc-1", OWN, "allowed"),
        ("ec2:CreateVpc", f"arn:aws:ec2:eu-west-1:{ACCOUNT}:vpc/*", {}, "implicitDeny"),
        (
            "ec2:CreateVpc",
            f"arn:aws:ec2:eu-west-1:{ACCOUNT}:vpc/*",
            {"aws:RequestTag/pushproof:run": "1a2b3c4d"},
            "allowed",
        ),
        ("acm:DeleteCertificate", f"arn:aws:acm:eu-west-1:{ACCOUNT}:certificate/1", {}, "implicitDeny"),
        ("ec2:DescribeVpcs", "*", {}, "allowed"),
        (
            "secretsmanager:GetSecretValue",
            f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:acme-1",
            {},
            "implicitDeny",
        ),
    ],
)
def test_the_role_may_do_what_runs_do_and_no_more(
    role: str, standin: Any, action: str, resource: str, context: dict[str, str], decision: str
) -> None:
    """By name where AWS names things, by the run's tag where it does not."""
    answer = standin.administrator("iam").simulate_principal_policy(
        PolicySourceArn=role,
        ActionNames=[action],
        ResourceArns=[resource],
        ContextEntries=[
            {"ContextKeyName": k, "ContextKeyValues": [v], "ContextKeyType": "string"} for k, v in context.items()
        ],
    )
    assert answer["EvaluationResults"][0]["EvalDecision"] == decision
