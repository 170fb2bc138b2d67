"""The drill in a sandbox account, by the deployer alone, with real builds and tasks."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest

from pushproof.drill.certificate import self_signed
from pushproof.targets.inventory import inventory

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1800)]
HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@dataclass
class Account:
    """The account in place of AWS, by URL, prepared by its owner. `ended`: its output at the end."""

    process: subprocess.Popen[str]
    endpoint: str
    account: str
    region: str
    keys: tuple[str, str]
    role: str
    base_image: str
    ended: dict[str, Any] = field(default_factory=dict)

    def owner(self, service: str) -> Any:
        return boto3.session.Session().client(
            service, region_name=self.region, endpoint_url=self.endpoint, aws_access_key_id=self.keys[0],
            aws_secret_access_key=self.keys[1],
        )  # fmt: skip

    def end(self) -> dict[str, Any]:
        """Close it; how many calls the deployer made, and which were refused."""
        if not self.ended:
            told, _ = self.process.communicate(timeout=120)
            self.ended = json.loads(told)
        return self.ended

    def environment(self, state: Path) -> dict[str, str]:
        """Return the environment of a user who has assumed the deployer role."""
        given = self.owner("sts").assume_role(RoleArn=self.role, RoleSessionName="rehearsal")["Credentials"]
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "PUSHPROOF_"))}
        return {
            **kept,
            "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
            "AWS_SESSION_TOKEN": given["SessionToken"],
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": self.region,
            "PUSHPROOF_SANDBOX_ACCOUNTS": self.account,
            "PUSHPROOF_SANDBOX_REGIONS": self.region,
            "PUSHPROOF_SANDBOX_BASE_IMAGE": self.base_image,
            "PUSHPROOF_STATE": str(state),
            "NO_PROXY": "127.0.0.0/8,localhost",
        }


@pytest.fixture(params=["fail", "timeout"])
def account(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Account]:
    """Both answers that AWS may give for an action whose deployment was rolled back."""
    process = subprocess.Popen(
        [sys.executable, str(HERE / "standin_docker.py"), request.param],
        env={**os.environ, "PUSHPROOF_STATE": str(tmp_path / "standin")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    opened = Account(process, **json.loads(process.stdout.readline()))
    try:
        yield opened
    finally:
        opened.end()


def pushproof(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pushproof.cli", *arguments],
        env=environment, cwd=ROOT, capture_output=True, text=True, timeout=1500, check=False,
    )  # fmt: skip


def test_the_whole_drill(account: Account, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """The drill pushes, deploys, deploys again, breaks, rolls back and notifies; no call failed, and nothing is left.

    It uses a certificate of the run's own, and (where the action waits after the rollback) one that a user configured.
    """
    waits = request.node.callspec.params["account"] == "timeout"
    state = tmp_path / "state"
    environment = account.environment(state)
    if waits:
        brought = self_signed("*.shop.example.org")
        imported = account.owner("acm").import_certificate(
            Certificate=brought.certificate.encode(), PrivateKey=brought.private_key.encode()
        )
        environment["PUSHPROOF_SANDBOX_CERTIFICATE_ARN"] = imported["CertificateArn"]
    before = set(inventory(account.owner))

    done = pushproof(environment, "drill", "--target", "sandbox")
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "Proven: a push deploys, a bad push rolls back." in said
    # What was said as it happened; the timeline says it again.
    said = re.split(r"^Timeline\s*$", said, maxsplit=1, flags=re.MULTILINE)[0]
    print(said)
    # Each step, by what only a step that went well says.
    probed = re.findall(r"(\d+) requests sent meanwhile, 0 failed, answered by (\w{7})(?:, (\w{7}))?", said)
    assert len(probed) == 2
    assert probed[0][2], "the second good push was not seen to replace the first"
    assert not probed[1][2], "somebody saw the broken push"
    assert "circuit breaker TRIGGERED" in said
    assert "the previous revision is COMPLETED again, unaided" in said
    assert ("the execution is InProgress at Deploy" if waits else "the execution Failed at Deploy") in said
    assert said.index("rolling back to deployment") < said.index("circuit breaker TRIGGERED"), (
        "events come as they happen"
    )
    told = re.findall(r"✓ \"Pipeline pushproof-\w{8}-dev changed state to (\w+) at", said)
    assert told == (["STARTED", "SUCCEEDED"] if waits else ["STARTED", "SUCCEEDED", "FAILED"])
    assert "terraform plan is empty after the deployments" in said
    assert "no resource of the drill is left in the account" in said

    assert set(inventory(account.owner)) == before
    assert list((state / "sandbox").iterdir()) == []
    swept = pushproof(environment, "sweep")
    assert swept.returncode == 0, swept.stdout + swept.stderr
    assert "nothing is to be removed" in swept.stdout
    ended = account.end()
    print(f"{ended['calls']} calls of the deployer")
    assert ended["calls"] > 500
    assert ended["refused"] == []


@pytest.mark.parametrize("account", ["fail"], indirect=True)
def test_a_kept_run_is_gone_on_with(account: Account, tmp_path: Path) -> None:
    """One process applies and deploys, and leaves the run in the account; another pushes the breakage, and nothing is left.

    Evidence is for this user alone and names no secret; a sweep of the run's own would have removed everything.
    """
    state = tmp_path / "state"
    environment = account.environment(state)
    before = set(inventory(account.owner))
    left_out = ["--skip", "second-deployment", "--skip", "broken-deployment", "--skip", "empty-plan"]

    kept = pushproof(environment, "drill", "--target", "sandbox", "--keep", *left_out)
    said = kept.stdout + kept.stderr
    assert kept.returncode == 0, said
    assert "Shown, but for what was left out: second-deployment, broken-deployment, empty-plan." in said
    stays = re.search(r"run (\w{8}) stays in the account until", said)
    assert stays is not None, said
    assert set(inventory(account.owner)) > before
    evidence = state / "sandbox" / stays[1] / "drill" / "evidence.json"
    assert evidence.stat().st_mode & 0o777 == 0o600
    assert [step["step"] for step in json.loads(evidence.read_text())["steps"]] == [
        "apply", "refused-before-authorisation", "first-deployment", "notifications",
    ]  # fmt: skip
    assert environment["AWS_SECRET_ACCESS_KEY"] not in evidence.read_text()
    assert "not-a-real-password" not in evidence.read_text()

    done = pushproof(environment, "drill", "--target", "sandbox", "--from", "broken-deployment")
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "Shown, but for what was left out: second-deployment." in said
    assert "Terraform applies" not in said
    assert "circuit breaker TRIGGERED" in said
    assert "no resource of the drill is left in the account" in said
    assert set(inventory(account.owner)) == before
    assert list((state / "sandbox").iterdir()) == []
    assert account.end()["refused"] == []
