"""Other users of the machine cannot read a world's files, and no secret is in the list of processes."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pushproof.sandbox.runs import RunJournal
from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget
from pushproof.targets.journal import Journal, noted_keys
from pushproof.terraform.command import _keep_private


@pytest.fixture
def target(tmp_path: Path) -> Iterator[EmbeddedTarget]:
    before = os.umask(0)
    try:
        with EmbeddedTarget(EmbeddedSettings(runtime="scripted"), journal=Journal(tmp_path / "state")) as opened:
            yield opened
    finally:
        os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_worlds_directory_is_its_owners(target: EmbeddedTarget, tmp_path: Path) -> None:
    """The directory of worlds, and each world's, are 0700 whatever the umask; a file that holds a secret is 0600."""
    owner = target.world.keys.administrator
    target.repository_url("example/shop")
    target.client("ecr").create_repository(repositoryName="app")
    target.directory("terraform/stack")
    home = tmp_path / "state/worlds"
    assert [mode(path) for path in (home, home / target.world.id)] == [0o700, 0o700]
    secrets = [owner.secret_access_key, target.world.git._secret]
    seen = 0
    for path in (tmp_path / "state").rglob("*"):
        if path.is_file() and any(secret.encode() in path.read_bytes() for secret in secrets):
            seen += 1
            assert mode(path) & 0o077 == 0, path
    # The hook, which announces pushes, and the keys for another command of the owner's.
    assert seen == 2
    assert noted_keys(home / target.world.id) == target.keys


def test_states_and_plans_are_their_owners(tmp_path: Path) -> None:
    """A state holds every secret in clear: after each command its file is 0600, its backup's too."""
    for name in ("terraform.tfstate", "terraform.tfstate.backup", "x.tfplan", "main.tf"):
        (tmp_path / name).touch(0o644)
    _keep_private(tmp_path)
    assert {path.name: mode(path) for path in tmp_path.iterdir()} == {
        "terraform.tfstate": 0o600, "terraform.tfstate.backup": 0o600, "x.tfplan": 0o600, "main.tf": 0o644,
    }  # fmt: skip


def test_a_runs_directory_is_its_owners(tmp_path: Path) -> None:
    """Files of a run in a sandbox account, states among them, are readable by their owner only."""
    journal = RunJournal(tmp_path)
    run = journal.open(account_id="1", region="r", owner="o", endpoint=None, expires_at=0.0)
    assert [mode(tmp_path / "sandbox"), mode(tmp_path / "sandbox" / run.id)] == [0o700, 0o700]


def test_no_secret_is_in_the_list_of_processes(target: EmbeddedTarget, tmp_path: Path) -> None:
    """A push logs in by the environment, which only its owner can read; neither git nor its helpers get secrets as arguments."""
    trace = tmp_path / "trace"
    environment = {**target.environment(), "GIT_TRACE": str(trace), "GIT_CONFIG_GLOBAL": os.devnull}
    for words in (
        "init -q -b main", "-c user.name=a -c user.email=a@b.c commit -q --allow-empty -m one",
        f"push -q {target.repository_url('example/shop')} main",
    ):  # fmt: skip
        work = tmp_path / "work"
        work.mkdir(exist_ok=True)
        subprocess.run(["git", *words.split()], cwd=work, env=environment, check=True, capture_output=True, timeout=60)
    said = trace.read_text()
    assert "remote-http" in said
    for secret in (target.keys[1], environment["GIT_CONFIG_VALUE_0"].rpartition(" ")[2]):
        assert secret not in said
    assert target.world.git.head("example/shop", "main") is not None
