"""The replacement of AWS, the sandbox target's environment for it, an inventory of the account, and a table of the kills."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from pushproof.sandbox import naming
from pushproof.targets.inventory import inventory

HERE = Path(__file__).parent
BYSTANDER = "5e6f7a8b"
# One, for all clients: what costs is reading AWS's models.
SESSION = boto3.session.Session()


@dataclass
class StandIn:
    """An account by URL."""

    endpoint: str
    account: str
    region: str
    keys: tuple[str, str]
    clients: dict[str, Any] = field(default_factory=dict)

    def administrator(self, service: str) -> Any:
        """A client of the account's owner; faults are not for him."""
        if service not in self.clients:
            self.clients[service] = SESSION.client(
                service, region_name=self.region, endpoint_url=self.endpoint, aws_access_key_id=self.keys[0],
                aws_secret_access_key=self.keys[1], config=Config(retries={"total_max_attempts": 3}, read_timeout=60),
            )  # fmt: skip
        return self.clients[service]

    def credentials(self) -> dict[str, str]:
        """A deployer's temporary credentials, as environment variables."""
        role = f"arn:aws:iam::{self.account}:role/deployer"
        given = self.administrator("sts").assume_role(RoleArn=role, RoleSessionName="rehearsal")["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
            "AWS_SESSION_TOKEN": given["SessionToken"],
        }

    def faults(self, rate: float, seed: int | None = None) -> dict[str, int]:
        """Set the rate of faults; returns how many there were so far (none, when a seed begins anew)."""
        query = f"rate={rate}" if seed is None else f"rate={rate}&seed={seed}"
        request = urllib.request.Request(f"{self.endpoint}/_rehearsal/faults?{query}", method="PUT")
        with urllib.request.urlopen(request, timeout=30) as answer:
            counted: dict[str, int] = json.load(answer)
        return counted

    def calls(self) -> int:
        """Return the number of calls that deployers have made."""
        with urllib.request.urlopen(f"{self.endpoint}/_rehearsal/calls", timeout=30) as answer:
            return int(answer.read())

    def resources(self) -> set[str]:
        """Return every resource of the account, kinds that cost nothing included."""
        found = set(inventory(self.administrator))
        ec2, ecs = self.administrator("ec2"), self.administrator("ecs")
        found |= {f"ec2 security-group {g['GroupId']}" for g in ec2.describe_security_groups()["SecurityGroups"]}
        found |= {f"ec2 route-table {t['RouteTableId']}" for t in ec2.describe_route_tables()["RouteTables"]}
        for status in ("ACTIVE", "INACTIVE"):
            arns = ecs.list_task_definitions(status=status)["taskDefinitionArns"]
            found |= {f"ecs task-definition {arn}" for arn in arns}
        iam, kms = self.administrator("iam"), self.administrator("kms")
        found |= {
            f"iam instance-profile {p['InstanceProfileName']}" for p in iam.list_instance_profiles()["InstanceProfiles"]
        }
        for key in kms.list_keys()["Keys"]:
            told = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
            if told["KeyManager"] == "CUSTOMER" and told["KeyState"] != "PendingDeletion":
                found.add(f"kms key {key['KeyId']}")
        aliases = [a["AliasName"] for a in kms.list_aliases()["Aliases"] if not a["AliasName"].startswith("alias/aws/")]
        found |= {f"kms alias {name}" for name in aliases}
        secrets = self.administrator("secretsmanager").list_secrets(IncludePlannedDeletion=True)["SecretList"]
        return found | {f"secretsmanager secret {s['Name']}" for s in secrets}


@pytest.fixture(scope="session")
def standin() -> Iterator[StandIn]:
    process = subprocess.Popen(
        [sys.executable, str(HERE / "standin.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        told = json.loads(process.stdout.readline())
        opened = StandIn(**told)
        _bystanders(opened.administrator)
        yield opened
    finally:
        process.stdin.close()
        process.wait(60)
        process.stdout.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The campaign's tests go to any free worker; tests of other files stay together, for their shared fixtures."""
    for item in items:
        if item.path.name != "test_rehearsal.py":
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table of `record_property`, kill by kill."""
    told = [
        (name, value, report.outcome)
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
        for name, value in getattr(report, "user_properties", [])
    ]
    for heading in ("run", "kill", "faults"):
        lines = [(value, outcome) for name, value, outcome in told if name == heading]
        if lines:
            terminalreporter.section(f"{heading}: {len(lines)}")
        for value, outcome in sorted(lines):
            terminalreporter.line(f"{value}{'' if outcome == 'passed' else ' ' + outcome.upper()}")


def _bystanders(client: Callable[[str], Any]) -> None:
    """Create another team's resources, and those of a run that still works elsewhere."""
    tags = naming.tags(BYSTANDER, expires_at=4_000_000_000, owner="somebody else")
    for name, given in (("acme-shop", {"team": "shop"}), (naming.project(BYSTANDER), tags)):
        upper = [{"Key": k, "Value": v} for k, v in given.items()]
        vpc = client("ec2").create_vpc(
            CidrBlock="10.1.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": upper}]
        )["Vpc"]["VpcId"]
        client("ec2").create_security_group(GroupName=f"{name}-web", Description="web", VpcId=vpc)
        client("ecr").create_repository(repositoryName=f"{name}-dev", tags=upper)
        client("s3").create_bucket(
            Bucket=f"{name}-artifacts", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        client("logs").create_log_group(logGroupName=f"/ecs/{name}-dev")
        client("secretsmanager").create_secret(Name=f"{name}/dev/database-url", SecretString="x", Tags=upper)
        client("sns").create_topic(Name=f"{name}-dev-pipeline", Tags=upper)


@pytest.fixture
def environment(standin: StandIn, tmp_path: Path) -> dict[str, str]:
    """Return the environment of a user of the sandbox target; only the endpoint is not AWS's."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "PUSHPROOF_SANDBOX_"))}
    return {
        **kept,
        **standin.credentials(),
        "AWS_ENDPOINT_URL": standin.endpoint,
        "AWS_REGION": standin.region,
        "PUSHPROOF_SANDBOX_ACCOUNTS": standin.account,
        "PUSHPROOF_SANDBOX_REGIONS": standin.region,
        "PUSHPROOF_STATE": str(tmp_path / "state"),
        "PYTHONUNBUFFERED": "1",
        "NO_PROXY": "127.0.0.0/8,localhost",
    }
