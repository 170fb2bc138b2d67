"""`pushproof serve` as a person runs it: ready, reached by the exports alone, and gone without a trace."""

from __future__ import annotations

import io
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import dotenv
import pytest
import requests

from pushproof.base.environment import clean_environment

Serve = Callable[..., "subprocess.Popen[str]"]
CLI = [sys.executable, "-m", "pushproof.cli"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**clean_environment(), "PUSHPROOF_STATE": str(tmp_path / "state")}


@pytest.fixture
def serve(tmp_path: Path, environment: dict[str, str]) -> Iterator[Serve]:
    started: list[subprocess.Popen[str]] = []

    def start(*options: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*CLI, "serve", "--port", "0", "--task-runtime", "scripted", *options],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def _exports(environment: dict[str, str]) -> dict[str, str | None]:
    done = subprocess.run(
        [*CLI, "env", "--format", "dotenv", "--wait", "120"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=180,
    )
    return dotenv.dotenv_values(stream=io.StringIO(done.stdout), interpolate=False)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminated"])
def test_a_world_is_reached_by_its_exports_and_leaves_nothing(
    number: signal.Signals, serve: Serve, environment: dict[str, str], tmp_path: Path
) -> None:
    """The exports reach the world from another process; init scripts ran before, in order; the end leaves no file."""
    scripts = tmp_path / "init"
    scripts.mkdir()
    (scripts / "2.sh").write_text(f'echo "second $AWS_ENDPOINT_URL" >> {tmp_path}/ran\n')
    (scripts / "1.sh").write_text(f"#!/bin/sh\necho first >> {tmp_path}/ran\n")
    (scripts / "1.sh").chmod(0o755)
    (scripts / "README").write_text("no script")
    process = serve("--init", str(scripts))
    exports = _exports(environment)
    endpoint = exports["AWS_ENDPOINT_URL"]
    assert endpoint is not None
    assert (tmp_path / "ran").read_text() == f"first\nsecond {endpoint}\n"
    (file,) = (tmp_path / "state").rglob("exports.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    sqs = boto3.session.Session().client(
        "sqs",
        endpoint_url=endpoint,
        region_name=exports["AWS_REGION"],
        aws_access_key_id=exports["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=exports["AWS_SECRET_ACCESS_KEY"],
    )
    assert sqs.create_queue(QueueName="orders")["QueueUrl"].endswith("/orders")
    assert requests.get(f"{endpoint}/_pushproof/health", timeout=30).status_code == 200
    process.send_signal(number)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert f"export AWS_ENDPOINT_URL={endpoint}" in output
    assert list((tmp_path / "state" / "worlds").iterdir()) == []
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{endpoint}/_pushproof/health", timeout=5)


def test_an_init_script_that_fails_ends_the_world(serve: Serve, tmp_path: Path) -> None:
    """The script's own words and its exit code are shown, later scripts do not run, and nothing is left."""
    (tmp_path / "1.sh").write_text("echo no such table >&2\nexit 7\n")
    (tmp_path / "2.sh").write_text(f"touch {tmp_path}/ran\n")
    process = serve("--init", str(tmp_path))
    output, _ = process.communicate(timeout=180)
    assert process.returncode == 1
    assert "no such table" in output
    assert "1.sh ended with exit code 7" in output
    assert not (tmp_path / "ran").exists()
    assert list((tmp_path / "state" / "worlds").iterdir()) == []


def test_without_a_world_env_says_how_to_start_one(environment: dict[str, str]) -> None:
    """The command prints nothing in place of exports, so that a shell evaluates nothing."""
    done = subprocess.run([*CLI, "env"], env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 3
    assert done.stdout == ""
    assert "start one with `pushproof serve`" in done.stderr


def test_a_directory_of_scripts_that_is_not_there_is_bad_input(serve: Serve, tmp_path: Path) -> None:
    """A missing directory of scripts is refused before a world is started."""
    process = serve("--init", str(tmp_path / "nowhere"))
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "nowhere is not a directory" in output
    assert not (tmp_path / "state").exists()
