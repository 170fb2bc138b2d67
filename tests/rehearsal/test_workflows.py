"""The nightly workflow against a world in place of AWS: its sweeps are real, its run leaves something behind."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.workflows.runner import Answer, Job
from tests.unit.workflows.test_dry_run import AFTER, BEFORE, NIGHTLY, RUN, SANDBOX, TELL

# A run that dies: it has opened its journal, made a few resources, and ends without a word.
CRASH = """
import os, sys, time
import boto3
from pushproof.sandbox import naming
from pushproof.sandbox.runs import RunJournal

account, endpoint = os.environ["PUSHPROOF_SANDBOX_ACCOUNTS"], os.environ["AWS_ENDPOINT_URL"]
expires = time.time() + 3600
run = RunJournal().open(
    account_id=account, region=os.environ["AWS_REGION"], owner="night", endpoint=endpoint, expires_at=expires
)
name = naming.project(run.id)
tags = [{"Key": k, "Value": v} for k, v in naming.tags(run.id, expires_at=expires, owner="night").items()]
vpc = boto3.client("ec2").create_vpc(CidrBlock="10.7.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": tags}])
boto3.client("ec2").create_security_group(GroupName=name, Description="x", VpcId=vpc["Vpc"]["VpcId"])
boto3.client("ecr").create_repository(repositoryName=f"{name}-dev", tags=tags)
boto3.client("logs").create_log_group(logGroupName=f"/ecs/{name}-dev")
os._exit(1)
"""


@pytest.fixture
def night(standin: Any, environment: dict[str, str], tmp_path: Path) -> Callable[..., Job]:
    """Run a night in that account; `pushproof` is the program itself."""

    def run(*answers: Answer, **changed: str) -> Job:
        values = {
            **SANDBOX,
            "vars.PUSHPROOF_SANDBOX_ACCOUNT": standin.account,
            "vars.PUSHPROOF_SANDBOX_REGION": standin.region,
        }
        given = {k: environment[k] for k in ("AWS_ENDPOINT_URL", "NO_PROXY", "PYTHONUNBUFFERED", "AWS_ACCESS_KEY_ID",
                                             "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")}  # fmt: skip
        job = Job(NIGHTLY, "sandbox", tmp_path / "night", {**values, **changed}, answers, given)
        program = job.workspace / ".tox" / "sandbox" / "bin" / "pushproof"
        program.parent.mkdir(parents=True)
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pushproof.cli "$@"\n')
        program.chmod(0o755)
        return job.run()

    return run


def crash(directory: Path) -> list[str]:
    (directory / "crash.py").write_text(CRASH)
    return [sys.executable, str(directory / "crash.py")]


def test_what_a_run_that_dies_leaves_is_gone_in_the_morning(
    night: Callable[..., Job], standin: Any, tmp_path: Path
) -> None:
    """The account has its former contents, the night has failed, a person is notified, and no journal is left to keep."""
    before = standin.resources()
    done = night(Answer("tox run -e sandbox -- ", code=None, command=crash(tmp_path)))
    assert standin.resources() == before
    outcomes = {name: done.outcomes[name] for name in (BEFORE, RUN, AFTER, TELL)}
    assert outcomes == {BEFORE: "success", RUN: "failure", AFTER: "success", TELL: "success"}, done.logs
    assert done.status == "failure"
    assert done.called("gh issue create")
    assert "removed" in (done.workspace / "report" / "sweep.txt").read_text()
    assert list(done.artifacts) == ["sandbox-4711-1"]


def test_in_an_account_that_is_not_allowed_nothing_happens(night: Callable[..., Job], standin: Any) -> None:
    """The first sweep is refused, the run is not started, and the night fails."""
    before = standin.resources()
    done = night(**{"vars.PUSHPROOF_SANDBOX_ACCOUNT": "111122223333"})
    assert (done.outcomes[BEFORE], done.outcomes[RUN], done.outcomes[AFTER]) == ("failure", "skipped", "failure")
    assert "PUSHPROOF_SANDBOX_ACCOUNTS" in done.logs[BEFORE]
    assert standin.resources() == before
