"""Impossible requests are refused in words, with a documented exit code, and leave nothing."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

BAD_INPUT, UNAVAILABLE, INTERRUPTED = 2, 3, 130


def pushproof(root: Path, state: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """The command line, with its own state directory."""
    return subprocess.run(
        [sys.executable, "-m", "pushproof.cli", *arguments],
        cwd=root,
        env={**os.environ, "PUSHPROOF_STATE": str(state), **more},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def nothing_left(state: Path) -> bool:
    return not any((state / "worlds").iterdir()) if (state / "worlds").exists() else True


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["--environment", "docs"], "holds no Terraform files", id="a-directory-without-terraform"),
        pytest.param(["--environment", "nowhere"], "is not a directory", id="no-such-directory"),
        pytest.param(["--variant", "cosmic-rays"], "there are: crash-at-start", id="an-unknown-variant"),
        pytest.param(["--app", "docs"], "docs has no Dockerfile", id="no-application"),
        pytest.param(["--var", "novalue"], "expected NAME=VALUE", id="a-variable-without-a-value"),
        pytest.param(["--speed", "0"], "is not a speed", id="no-speed"),
        pytest.param(["--port", "http"], "is not a port", id="no-port"),
        pytest.param(["--road", "bus"], "expected pipeline or github", id="no-road"),
        pytest.param(["--road", "github", "--actions", "nowhere"], "nowhere is no directory", id="no-code-of-actions"),
        pytest.param(["--strategy", "slow"], "expected one of rolling", id="no-strategy"),
        pytest.param(["--fault", "flood@deploy"], "is no fault", id="no-fault"),
    ],
)
def test_bad_input_is_named(arguments: list[str], words: str, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """The message names the input and what was expected; the exit code is 2, and nothing was started."""
    done = pushproof(pytestconfig.rootpath, tmp_path, "drill", *arguments)
    assert words in done.stdout + done.stderr
    assert done.returncode == BAD_INPUT
    assert nothing_left(tmp_path)


def test_without_docker_it_says_what_to_do(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """No Engine: exit code 3, how to start or install one, nothing left."""
    done = pushproof(pytestconfig.rootpath, tmp_path, "drill", DOCKER_HOST=f"unix://{tmp_path}/no.sock")
    assert "Docker Engine does not answer" in done.stdout
    assert done.returncode == UNAVAILABLE
    assert nothing_left(tmp_path)


def test_an_old_terraform_is_refused(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """Terraform 1.4: exit code 3 and the version that is needed."""
    old = tmp_path / "terraform"
    old.write_text('#!/bin/sh\necho \'{"terraform_version": "1.4.6"}\'\n')
    old.chmod(old.stat().st_mode | stat.S_IXUSR)
    done = pushproof(pytestconfig.rootpath, tmp_path / "state", "drill", PUSHPROOF_TERRAFORM=str(old))
    assert "needs 1.5 or later" in done.stdout
    assert done.returncode == UNAVAILABLE


def test_a_taken_port_is_named(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """The port that is taken, and how to choose another; nothing left."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = pushproof(pytestconfig.rootpath, tmp_path, "drill", "--port", port)
    assert f"port {port} of 127.0.0.1" in done.stdout
    assert done.returncode == UNAVAILABLE
    assert nothing_left(tmp_path)


@pytest.mark.docker
def test_ctrl_c_takes_everything_down(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """Interrupted while Terraform applies: exit code 130, no world, no process, no network."""
    from pushproof.emulator.runtime.docker.host import connect, labelled_worlds
    from pushproof.targets.journal import Journal

    output = tmp_path / "output.txt"
    state = tmp_path / "state"
    with output.open("wb") as stream:
        drill = subprocess.Popen(
            [sys.executable, "-u", "-m", "pushproof.cli", "drill"],
            cwd=pytestconfig.rootpath,
            env={**os.environ, "PUSHPROOF_STATE": str(state)},
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + 240
        while "Terraform applies" not in output.read_text():
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(0.1)
        world = Journal(state).records()[0].id
        time.sleep(8)
        drill.send_signal(signal.SIGINT)
        assert drill.wait(120) == INTERRUPTED, output.read_text()
    finally:
        drill.kill()
    assert nothing_left(state)
    client = connect()
    try:
        assert world not in labelled_worlds(client)
    finally:
        client.close()
