"""The AWS CLI, versions 1 and 2: waiters, paging, its own commands over S3 and Logs, documents read and written back."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.integration.clients.conftest import Scene

VERSION_1 = (sys.executable, "-W", "ignore", "-m", "awscli")


@functools.cache
def version_2() -> tuple[str, ...] | None:
    """Version 2 where it is installed: it is in no package index."""
    for place in ("/usr/bin/aws", "/usr/local/bin/aws"):
        if os.access(place, os.X_OK):
            said = subprocess.run([place, "--version"], capture_output=True, text=True, timeout=60).stdout
            if said.startswith("aws-cli/2"):
                return (place,)
    return None


class Cli:
    """One version of the CLI against the scene's world."""

    def __init__(self, scene: Scene, name: str, command: tuple[str, ...]) -> None:
        self.scene, self.name, self._command = scene, name, command

    def run(self, *words: str | Path, **options: Any) -> str:
        # Before 2.13, version 2 knew no AWS_ENDPOINT_URL.
        where = ("--endpoint-url", self.scene.target.endpoint)
        return self.scene.run(*self._command, *where, *words, AWS_PAGER="", **options)

    def json(self, *words: str | Path) -> Any:
        return json.loads(self.run(*words, "--output", "json"))


@pytest.fixture(params=["v1", "v2"])
def aws(request: pytest.FixtureRequest, scene: Scene) -> Cli:
    command = VERSION_1 if request.param == "v1" else version_2()
    if command is None:
        pytest.skip("version 2 of the AWS CLI is not installed")
    return Cli(scene, request.param, command)


def test_waiters(aws: Cli) -> None:
    """`wait` ends at the awaited state: a stable service, running and stopped tasks, targets, a load balancer."""
    aws.run("ecs", "update-service", "--cluster", "shop", "--service", "shop", "--force-new-deployment")
    aws.run("ecs", "wait", "services-stable", "--cluster", "shop", "--services", "shop")
    tasks = aws.json("ecs", "list-tasks", "--cluster", "shop", "--service-name", "shop")["taskArns"]
    assert len(tasks) == 2
    aws.run("ecs", "wait", "tasks-running", "--cluster", "shop", "--tasks", *tasks)
    aws.run("elbv2", "wait", "target-in-service", "--target-group-arn", aws.scene.group_arn)
    aws.run("elbv2", "wait", "load-balancer-available", "--names", "shop")
    aws.run("ecs", "stop-task", "--cluster", "shop", "--task", tasks[0], "--reason", "enough")
    aws.run("ecs", "wait", "tasks-stopped", "--cluster", "shop", "--tasks", tasks[0])
    (stopped,) = aws.json("ecs", "describe-tasks", "--cluster", "shop", "--tasks", tasks[0])["tasks"]
    assert stopped["stoppedReason"] == "enough"


def test_paging(aws: Cli) -> None:
    """Page by page, and by `--max-items` with a token, it is the same list."""
    for number in range(3):
        aws.scene.ecs.create_cluster(clusterName=f"more-{number}")
    whole = aws.json("ecs", "list-clusters")["clusterArns"]
    assert len(whole) > 3
    assert aws.json("ecs", "list-clusters", "--page-size", "1")["clusterArns"] == whole
    first = aws.json("ecs", "list-clusters", "--max-items", "2")
    rest = aws.json("ecs", "list-clusters", "--starting-token", first["NextToken"])
    assert first["clusterArns"] + rest["clusterArns"] == whole
    ecr = aws.scene.target.client("ecr")
    names = [f"{aws.name}-{number}" for number in range(3)]
    for name in names:
        ecr.create_repository(repositoryName=name)
    listed = aws.json("ecr", "describe-repositories", "--page-size", "1", "--query", "repositories[].repositoryName")
    assert set(names) <= set(listed)
    assert listed == aws.json("ecr", "describe-repositories", "--query", "repositories[].repositoryName")


def test_a_task_definition_goes_round(aws: Cli, tmp_path: Path) -> None:
    """The output of `describe-task-definition` can be registered again by `--cli-input-json`, as scripts do to change an image."""
    shown = aws.json("ecs", "describe-task-definition", "--task-definition", "shop")["taskDefinition"]
    output_only = (
        "taskDefinitionArn", "revision", "status", "requiresAttributes", "compatibilities", "registeredAt", "registeredBy",
    )  # fmt: skip
    for member in output_only:
        del shown[member]
    shown["containerDefinitions"][0]["image"] = "shop:v3"
    written = tmp_path / "definition.json"
    written.write_text(json.dumps(shown))
    made = aws.json("ecs", "register-task-definition", "--cli-input-json", f"file://{written}")["taskDefinition"]
    assert made["containerDefinitions"][0]["image"] == "shop:v3"
    assert {key: made[key] for key in shown} == shown


def test_s3_commands(aws: Cli, tmp_path: Path) -> None:
    """`s3 mb`, `cp` in several parts, `sync`, `ls`, `presign`, `rm` and `rb` carry the bytes they were given."""
    bucket = f"bucket-{time.time_ns()}"
    source, copy = tmp_path / "source", tmp_path / "copy"
    source.mkdir()
    large = os.urandom(17 * 2**20)
    (source / "large").write_bytes(large)
    (source / "small + one é.txt").write_text("small")
    aws.run("s3", "mb", f"s3://{bucket}")
    aws.run("s3", "cp", source, f"s3://{bucket}/a", "--recursive")
    listed = aws.run("s3", "ls", f"s3://{bucket}/a/", "--recursive")
    assert re.search(rf"\s{len(large)} a/large\n", listed)
    assert "a/small + one é.txt" in listed
    aws.run("s3", "sync", f"s3://{bucket}/a", copy)
    assert (copy / "large").read_bytes() == large
    assert (copy / "small + one é.txt").read_text() == "small"
    assert aws.run("s3", "sync", f"s3://{bucket}/a", copy) == ""
    url = aws.run("s3", "presign", f"s3://{bucket}/a/large").strip()
    assert subprocess.run(["curl", "-sSf", url], capture_output=True, timeout=60, check=True).stdout == large
    aws.run("s3", "mv", f"s3://{bucket}/a/large", f"s3://{bucket}/b/large")
    aws.run("s3", "rb", f"s3://{bucket}", "--force")
    assert "NoSuchBucket" in aws.run("s3", "ls", f"s3://{bucket}", fails=True)


def test_logs_tail(aws: Cli) -> None:
    """`logs tail` shows a group's lines in order, and only those a filter lets through."""
    if aws.name == "v1":
        pytest.skip("`aws logs tail` came with version 2")
    logs, group = aws.scene.target.client("logs"), f"/shop/{time.time_ns()}"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="one")
    now = int(aws.scene.target.clock.stamp(aws.scene.target.clock.now()).timestamp() * 1000)
    lines = ["listening", "ERROR out of stock", "served"]
    logs.put_log_events(
        logGroupName=group,
        logStreamName="one",
        logEvents=[{"timestamp": now + number, "message": line} for number, line in enumerate(lines)],
    )
    said = aws.run("logs", "tail", group, "--since", "1d", "--format", "short")
    assert [line.split(" ", 1)[1] for line in said.splitlines()] == lines
    for pattern in ("ERROR", '"ERROR"', "%ERR.R%", "[level=ERROR, what]"):
        filtered = aws.run("logs", "tail", group, "--since", "1d", "--format", "short", "--filter-pattern", pattern)
        assert [line.split(" ", 1)[1] for line in filtered.splitlines()] == lines[1:2]
    said = aws.run("logs", "tail", group, "--filter-pattern", "failed: x", fails=True)
    assert "Invalid character(s) in term ':'" in said


def test_what_is_not_implemented(aws: Cli) -> None:
    """An operation that is missing is named once and not tried again."""
    started = time.monotonic()
    said = aws.run("ecs", "list-attributes", "--target-type", "container-instance", fails=True)
    assert "ListAttributes" in said
    assert "reached max retries" not in said
    assert time.monotonic() - started < 30
