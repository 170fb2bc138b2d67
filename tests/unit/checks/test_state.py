"""Checks of state: changes with their place, missing or shared backends, and unsafe buckets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.unit.checks.answers import Answers, clients, refusal

from pushproof.checks.state import StateChecks
from pushproof.terraform.addresses import TerraformAddresses


class Module:
    def __init__(self, **changes: list[str]) -> None:
        self._changes = changes

    def changes(self) -> dict[str, list[str]]:
        return self._changes


CHECKS = StateChecks(clients())


def test_an_empty_plan_gives_no_finding() -> None:
    """An empty plan has no finding."""
    assert CHECKS.plan_is_empty(Module())


def test_a_plan_against_the_pipeline_is_told_as_such() -> None:
    """A change of the service or its revision is an outage to come; any other is noise."""
    service, other = "module.ecs.aws_ecs_service.this", "aws_vpc.this"
    fight, noise = CHECKS.plan_is_empty(Module(**{service: ["update"], other: ["update"]})).findings[::-1]
    assert fight.resource == service
    assert "takes back what the pipeline deployed" in fight.why
    assert "ignore_changes" in fight.change
    assert "nobody looks at plans any more" in noise.why


def test_a_change_is_told_with_its_file(tmp_path: Path) -> None:
    """The address of a plan leads to file and line."""
    (tmp_path / "main.tf").write_text('\nresource "aws_vpc" "this" {\n}\n')
    addresses = TerraformAddresses({"version": 4, "resources": []}, tmp_path)
    checks = StateChecks(clients(), addresses=addresses)
    assert "main.tf:2)" in str(checks.plan_is_empty(Module(**{"aws_vpc.this": ["update"]})))


def environment(root: Path, name: str, backend: str | None, **files: str) -> Path:
    directory = root / name
    directory.mkdir()
    # A key that is none of the backend's.
    text = 'resource "x" "y" {\n  api_key {\n    key = "shared"\n  }\n}\n'
    if backend is not None:
        text += f'terraform {{\n  backend "s3" {{{backend}}}\n}}\n'
    (directory / "main.tf").write_text(text)
    for suffix, content in files.items():
        (directory / f"backend.{suffix.replace('_', '.')}").write_text(content)
    return directory


def test_environments_of_their_own_give_no_finding(tmp_path: Path) -> None:
    """Keys in the block, in backend.hcl or in its example; the same key in another bucket is another state."""
    made = [
        environment(tmp_path, "dev", '\n    key = "dev"\n  '),
        environment(tmp_path, "prod", "", hcl='key = "prod"\n'),
        environment(tmp_path, "test", "", hcl_example='bucket = "b"\nkey = "dev"\n'),
        environment(tmp_path, "none", ""),
    ]
    assert CHECKS.every_environment_has_a_state_of_its_own(*made)


def test_a_shared_key_is_found(tmp_path: Path) -> None:
    """Two environments under one key, wherever it is written."""
    made = [
        environment(tmp_path, "dev", '\n    key = "state"\n  '),
        environment(tmp_path, "prod", "", hcl='key = "state" # the same\n'),
    ]
    found = str(CHECKS.every_environment_has_a_state_of_its_own(*made))
    assert "state, which" in found
    assert "plans the destruction of the other" in " ".join(found.split())


def test_a_missing_backend_is_found(tmp_path: Path) -> None:
    """One in the parent directory is not read."""
    (tmp_path / "backend.tf").write_text('terraform {\n  backend "s3" {}\n}\n')
    dev = environment(tmp_path, "dev", None)
    assert "none; one in a parent directory is not read" in str(CHECKS.every_environment_has_a_state_of_its_own(dev))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("use_lockfile = true\n", "holds"),
        ('use_lockfile = true\ndynamodb_table = "locks"\n', "holds"),
        ('dynamodb_table = "locks"\n', "a lock in the DynamoDB table locks only"),
        ('# use_lockfile = true\nkey = "dev"\n', "no lock"),
        ("use_lockfile = false\n", "no lock"),
    ],
)
def test_a_backend_without_a_native_lock_is_found(tmp_path: Path, settings: str, says: str) -> None:
    """The lock file counts; a table alone is on its way out; a comment is no lock."""
    assert says in str(CHECKS.every_environment_locks(environment(tmp_path, "dev", "", hcl=settings)))


def shown(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"values": {"root_module": {"child_modules": [{"resources": list(resources)}]}}}


def test_a_resource_in_two_states_is_found() -> None:
    """Resources are compared by ARN if they have one, else by type and id; data sources do not count."""
    vpc = {"mode": "managed", "type": "aws_vpc", "address": "aws_vpc.this", "values": {"arn": "arn:vpc", "id": "vpc-1"}}
    association = {
        "mode": "managed",
        "type": "aws_route_table_association",
        "address": "aws_route_table_association.this",
        "values": {"id": "rtbassoc-1"},
    }
    caller = {"mode": "data", "type": "aws_caller_identity", "values": {"id": "123456789012"}}
    found = CHECKS.environments_are_separate(shown(vpc, association, caller), shown(association, vpc, caller))
    assert [finding.resource for finding in found.findings] == ["arn:vpc", "aws_route_table_association rtbassoc-1"]
    assert CHECKS.environments_are_separate(shown(vpc, caller), shown(association, caller))


def encryption(algorithm: str) -> dict[str, Any]:
    default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm}}
    return {"ServerSideEncryptionConfiguration": {"Rules": [default]}}


SAFE = {
    "get_bucket_versioning": {"Status": "Enabled"},
    "get_bucket_encryption": encryption("AES256"),
    "get_public_access_block": {
        "PublicAccessBlockConfiguration": dict.fromkeys(
            ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
        )
    },
}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({}, "holds"),
        ({"get_bucket_versioning": {}}, "versioning Enabled"),
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-encryption-faq.html: AES256 since January 2023.
        ({"get_bucket_encryption": refusal("ServerSideEncryptionConfigurationNotFoundError")}, "holds"),
        ({"get_bucket_encryption": encryption("aws:kms")}, "holds"),
        ({"get_bucket_encryption": encryption("none")}, "default encryption"),
        ({"get_public_access_block": refusal("NoSuchPublicAccessBlockConfiguration")}, "without BlockPublicAcls"),
        (
            {"get_public_access_block": {"PublicAccessBlockConfiguration": {"BlockPublicAcls": True}}},
            "without BlockPublicPolicy, IgnorePublicAcls",
        ),
    ],
)
def test_a_bucket_that_is_not_safe_is_found(change: dict[str, Any], says: str) -> None:
    """The bucket must be versioned, encrypted and private; each is checked."""
    checks = StateChecks(clients(s3=Answers(**SAFE | change)))
    assert says in str(checks.bucket_is_safe("state"))


class Shown:
    """A module with a state."""

    def __init__(self, **resources: dict[str, Any]) -> None:
        self.resources = resources

    def state(self) -> dict[str, Any]:
        listed = [
            {"mode": "managed", "type": "x", "address": f"module.m.{kind}.this", "values": values}
            for kind, values in self.resources.items()
        ]
        return {"values": {"root_module": {"child_modules": [{"resources": listed}]}}}


def test_missing_tags_are_found() -> None:
    """Each resource that can have tags is asked; several that lack one are one finding."""
    good = {"Environment": "dev", "Project": "shop"}
    assert CHECKS.resources_carry_tags(Shown(aws_vpc={"tags_all": good}, aws_route={}), **good)
    module = Shown(
        aws_vpc={"tags_all": good}, aws_lb={"tags_all": {}}, aws_ecs_cluster={"tags_all": {"Environment": "prod"}}
    )
    (finding,) = CHECKS.resources_carry_tags(module, Environment="dev").findings
    assert finding.found == "2 have none, prod: module.m.aws_lb.this, module.m.aws_ecs_cluster.this"
    assert CHECKS.resources_carry_tags(Shown(aws_route={}), Environment="dev").findings


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"name": "shop-prod"}, True),
        ({"policy": '{"Resource": "arn:aws:s3:::shop-prod/*"}'}, True),
        ({"environment": [{"name": "APP_ENV", "value": "prod"}]}, True),
        ({"name": "shop-production"}, False),
        ({"name": "reproduce"}, False),
    ],
)
def test_another_environments_name_is_found(values: dict[str, Any], found: bool) -> None:
    """The other environment's name is reported as a word, wherever it is."""
    verdict = CHECKS.speaks_of_no_other_environment(Shown(aws_s3_bucket=values), "prod")
    assert bool(verdict.findings) is found


def test_what_a_destroy_takes_is_found() -> None:
    """Buckets, repositories, secrets and load balancers, except those that are named."""
    module = Shown(
        aws_s3_bucket={"force_destroy": True},
        aws_ecr_repository={"force_delete": True},
        aws_secretsmanager_secret={"recovery_window_in_days": 0},
        aws_lb={"enable_deletion_protection": False},
        aws_iam_role={"force_detach_policies": False},
    )
    verdict = CHECKS.a_destroy_keeps_what_matters(module, except_for=["module.m.aws_ecr_repository.this"])
    assert [finding.found for finding in verdict.findings] == [
        "force_destroy = true",
        "recovery_window_in_days = 0",
        "enable_deletion_protection = false",
    ]


@pytest.mark.parametrize(
    ("settings", "says"), [("encrypt = true\n", "holds"), ("", "not set"), ("encrypt = false\n", "false")]
)
def test_a_state_that_is_not_encrypted_is_found(tmp_path: Path, settings: str, says: str) -> None:
    """The check reads the backend's own setting."""
    assert says in str(CHECKS.every_environment_encrypts_its_state(environment(tmp_path, "dev", "", hcl=settings)))
