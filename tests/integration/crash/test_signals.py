"""Asked to stop while a deployment is under way: everything is taken down before the command ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from pushproof.emulator.runtime.docker.host import connect, labelled_worlds
from pushproof.emulator.runtime.docker.images import ensure_base_image
from pushproof.targets.journal import Journal

pytestmark = pytest.mark.docker


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A state directory; whatever a failed test leaves is swept."""
    directory = tmp_path / "state"
    yield directory
    Journal(directory).clean_up()


@pytest.mark.parametrize(
    "sign", [pytest.param(signal.SIGINT, id="ctrl-c"), pytest.param(signal.SIGTERM, id="what-a-CI-system-sends")]
)
def test_a_signal_during_a_deployment_takes_everything_down(
    sign: signal.Signals, state: Path, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """`up` with tasks of two revisions running ends by itself, and leaves no container, network, process or file."""
    engine = connect()
    temporary, output = tmp_path / "temporary", tmp_path / "output.txt"
    temporary.mkdir()
    with output.open("wb") as stream:
        up = subprocess.Popen(
            [
                *(sys.executable, "-u", "-m", "pushproof.cli", "up"),
                *("--environment", "tests/integration/crash/small"),
                *("--bootstrap", "infrastructure/bootstrap"),
                *("--var", f"image={ensure_base_image(engine)}"),
            ],
            cwd=pytestconfig.rootpath,
            env={**os.environ, "PUSHPROOF_STATE": str(state), "TMPDIR": str(temporary)},
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    try:
        _until(lambda: "Ctrl-C takes it down" in output.read_text() or up.poll() is not None, output)
        exports = dict(re.findall(r"export (\w+)=(\S+)", output.read_text()))
        world = Journal(state).records()[0].id
        _deploy(exports, output)
        up.send_signal(sign)
        assert up.wait(60) == 0, output.read_text()
    finally:
        up.kill()
        up.wait()
    assert "taking the world down" in output.read_text()
    assert world not in labelled_worlds(engine)
    assert list((state / "worlds").iterdir()) == []
    assert [path.name for path in temporary.iterdir() if path.suffix != ".lock"] == []
    assert not _processes(world)
    engine.close()


def _deploy(exports: dict[str, str], output: Path) -> None:
    """Begin a deployment whose task is never healthy, and wait until tasks of both revisions run."""
    ecs = boto3.client(
        "ecs",
        endpoint_url=exports["AWS_ENDPOINT_URL"],
        region_name=exports["AWS_REGION"],
        aws_access_key_id=exports["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=exports["AWS_SECRET_ACCESS_KEY"],
    )
    first: dict[str, Any] = ecs.describe_task_definition(taskDefinition="web")["taskDefinition"]
    container = {**first["containerDefinitions"][0], "healthCheck": {"command": ["CMD", "false"], "startPeriod": 300}}
    second = ecs.register_task_definition(
        containerDefinitions=[container],
        **{key: first[key] for key in ("family", "networkMode", "requiresCompatibilities", "cpu", "memory")},
    )["taskDefinition"]["taskDefinitionArn"]

    def completed() -> bool:
        found = ecs.describe_services(cluster="small", services=["web"])["services"][0]["deployments"]
        return [one["rolloutState"] for one in found] == ["COMPLETED"]

    # A deployment that is not complete gives way at once to the next.
    _until(completed, output)
    ecs.update_service(cluster="small", service="web", taskDefinition=second)

    def both() -> bool:
        arns = ecs.list_tasks(cluster="small", serviceName="web")["taskArns"]
        tasks = ecs.describe_tasks(cluster="small", tasks=arns)["tasks"] if arns else []
        return len({task["taskDefinitionArn"] for task in tasks if task["lastStatus"] == "RUNNING"}) == 2

    _until(both, output)


def _until(question: Callable[[], bool], output: Path) -> None:
    limit = time.monotonic() + 180
    while not question():
        assert time.monotonic() < limit, output.read_text()
        time.sleep(0.2)


def _processes(world: str) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if f"PUSHPROOF_WORLD={world}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append((entry / "comm").read_text().strip())
        except OSError:
            continue
    return found
