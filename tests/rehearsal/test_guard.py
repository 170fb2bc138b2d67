"""The guard, asked by the commands people run: whatever is wrong with an account, nothing in it has been touched by then."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.world import World

ROOT = Path(__file__).parents[2]
ACCOUNT, REGION = "210987654321", "eu-west-1"
TRUST = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
READING = {"Effect": "Allow", "Action": ["iam:ListAccountAliases"], "Resource": "*"}
# What people run; each exits with 3 when the account is refused.
COMMANDS = {
    "drill": ["-m", "pushproof.cli", "drill", "--target", "sandbox"],
    "pytest": ["-m", "pytest", "-n", "0", "-p", "no:cacheprovider", "tests/integration/ecr", "--target", "sandbox"],
    "sweep": ["-m", "pushproof.cli", "sweep", "--yes"],
}


@dataclass(frozen=True)
class Case:
    """An account, a user's settings, and the expected message. `calls`: all calls that are allowed; None: any reading."""

    said: str
    alias: str | None = "rehearsal-sandbox"
    marker: str | None = "sandbox"
    given: dict[str, str] = field(default_factory=dict)
    keys: str = "role"
    commands: tuple[str, ...] = tuple(COMMANDS)
    calls: frozenset[str] | None = None


IDENTITY = frozenset({"sts:GetCallerIdentity"})
CASES = {
    "no account allowed": Case(
        "PUSHPROOF_SANDBOX_ACCOUNTS is not set", given={"PUSHPROOF_SANDBOX_ACCOUNTS": ""}, calls=frozenset()
    ),
    "no region allowed": Case(
        "PUSHPROOF_SANDBOX_REGIONS is not set", given={"PUSHPROOF_SANDBOX_REGIONS": ""}, calls=frozenset()
    ),
    "a service that is sent elsewhere": Case(
        "AWS_ENDPOINT_URL_STS sends one service to another endpoint",
        given={"AWS_ENDPOINT_URL_STS": "https://sts.example.com"},
        calls=frozenset(),
    ),
    "wrong account": Case(
        "PUSHPROOF_SANDBOX_ACCOUNTS allows 123456789012",
        given={"PUSHPROOF_SANDBOX_ACCOUNTS": "123456789012"},
        # Not even the alias of an account that is not allowed.
        calls=IDENTITY,
    ),
    "wrong region": Case(
        "PUSHPROOF_SANDBOX_REGIONS allows us-east-1", given={"PUSHPROOF_SANDBOX_REGIONS": "us-east-1"}
    ),
    "no marker": Case("Nothing marks account 210987654321 as a sandbox", alias=None, marker=None),
    "a marker that says something else": Case("is 'shared'", alias="acme-tools", marker="shared"),
    "a marker of another name": Case(
        "the parameter /elsewhere is None", alias="acme-tools", given={"PUSHPROOF_SANDBOX_MARKER": "/elsewhere"}
    ),
    "a marker that cannot be read": Case("the parameter cannot be read", alias="acme-tools", keys="reader"),
    "a production-looking alias": Case("'acme-prod', which looks like production", alias="acme-prod"),
    "a production-looking alias that says sandbox": Case("which looks like production", alias="sandbox-production"),
    "a production-looking marker": Case("'production', which looks like production", marker="production"),
    "long-lived keys": Case("are long-lived keys", keys="user"),
    "long-lived keys put up with elsewhere": Case(
        "are long-lived keys", keys="user", given={"PUSHPROOF_SANDBOX_ALLOW_LONG_LIVED_KEYS": "123456789012"}
    ),
    "everything at once": Case(
        "are long-lived keys",
        alias="acme-prod",
        marker=None,
        keys="user",
        given={"PUSHPROOF_SANDBOX_REGIONS": "us-east-1"},
    ),
    "a ceiling too low": Case(
        "above the ceiling", given={"PUSHPROOF_SANDBOX_MAX_USD": "0.10"}, commands=("drill", "pytest")
    ),
    "a connection that is not there": Case(
        "cannot be read",
        given={
            "PUSHPROOF_SANDBOX_CONNECTION_ARN": f"arn:aws:codeconnections:{REGION}:{ACCOUNT}:connection/0a-b1",
            "PUSHPROOF_SANDBOX_REPOSITORY": "example/shop",
        },
        commands=("drill", "pytest"),
    ),
    "a certificate that is not there": Case(
        "cannot be read",
        given={"PUSHPROOF_SANDBOX_CERTIFICATE_ARN": f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/0a-b1"},
        commands=("drill", "pytest"),
    ),
}


@pytest.fixture
def world() -> Iterator[World]:
    with World(WorldSettings(account_id=ACCOUNT, region=REGION, speed=60.0, enforce_iam=True)) as opened:
        opened.serve()
        yield opened


@pytest.fixture
def prepared(world: World) -> Callable[[Case], dict[str, str]]:
    """Prepare the account of a case. Return the environment of its user."""

    def prepare(case: Case) -> dict[str, str]:
        iam: Any = world.administrator("iam")
        if case.alias:
            iam.create_account_alias(AccountAlias=case.alias)
        if case.marker:
            world.administrator("ssm").put_parameter(Name="/pushproof/sandbox", Type="String", Value=case.marker)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "PUSHPROOF_"))}
        return {
            **kept,
            **_keys(world, case.keys),
            "AWS_ENDPOINT_URL": world.endpoint,
            "AWS_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "PUSHPROOF_SANDBOX_ACCOUNTS": ACCOUNT,
            "PUSHPROOF_SANDBOX_REGIONS": REGION,
            "NO_PROXY": "127.0.0.0/8,localhost",
            **case.given,
        }

    return prepare


def _keys(world: World, whose: str) -> dict[str, str]:
    iam: Any = world.administrator("iam")
    if whose == "user":
        iam.create_user(UserName="somebody")
        iam.attach_user_policy(UserName="somebody", PolicyArn=ADMINISTRATOR)
        made = iam.create_access_key(UserName="somebody")["AccessKey"]
        return {"AWS_ACCESS_KEY_ID": made["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"]}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})
    role = iam.create_role(RoleName=whose, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    if whose == "reader":
        document = json.dumps({"Version": "2012-10-17", "Statement": [READING]})
        iam.put_role_policy(RoleName=whose, PolicyName="reading", PolicyDocument=document)
    else:
        iam.attach_role_policy(RoleName=whose, PolicyArn=ADMINISTRATOR)
    given = world.administrator("sts").assume_role(RoleArn=role, RoleSessionName="rehearsal")["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
    }


@pytest.mark.parametrize(("case", "command"), [(case, command) for case in CASES for command in CASES[case].commands])
def test_what_the_guard_refuses_has_changed_nothing(
    case: str, command: str, world: World, prepared: Callable[[Case], dict[str, str]], tmp_path: Path
) -> None:
    """Refused in words; the account's own log of calls holds nothing that changes anything; no run is written down."""
    wrong = CASES[case]
    environment = {**prepared(wrong), "PUSHPROOF_STATE": str(tmp_path / "state")}
    world.gateway.calls.clear()
    done = subprocess.run(
        [sys.executable, *COMMANDS[command]],
        env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    said = " ".join((done.stdout + done.stderr).split())
    asked = [call.name for call in world.gateway.calls]
    assert done.returncode == 3, said
    assert wrong.said in said
    assert [call.name for call in world.gateway.calls if call.mutating] == []
    if wrong.calls is None:
        assert "sts:GetCallerIdentity" in asked
    else:
        assert set(asked) == wrong.calls
    assert not list((tmp_path / "state").glob("sandbox/*/run.json"))


def test_the_log_would_show_a_write(world: World, prepared: Callable[[Case], dict[str, str]], tmp_path: Path) -> None:
    """The same commands write in an admitted account, and the log shows it: so the writes missing above did not happen."""
    environment = {**prepared(Case("")), "PUSHPROOF_STATE": str(tmp_path / "state")}
    world.gateway.calls.clear()
    one = [*COMMANDS["pytest"], "-k", "test_images_are_scanned_and_encrypted"]
    done = subprocess.run(
        [sys.executable, *one], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ecr:CreateRepository" in [call.name for call in world.gateway.calls if call.mutating]
