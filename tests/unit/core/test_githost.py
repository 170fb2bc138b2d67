"""The git host: real pushes to bare repositories on the gateway's port."""

from __future__ import annotations

import io
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from pushproof.base.environment import clean_environment, world_environment
from pushproof.emulator.kernel.source import NoSuchRepository, Push
from pushproof.emulator.runtime.equipment import scripted_equipment
from pushproof.emulator.world import World


@pytest.fixture
def world() -> Iterator[World]:
    with World.virtual(equip=scripted_equipment) as opened:
        opened.serve()
        yield opened


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "hello.txt").write_text("hello")
    for command in ("init -q -b develop", "add .", "-c user.name=a -c user.email=a@b.c commit -qm first"):
        git(tmp_path, *command.split())
    return tmp_path


def url(world: World) -> str:
    """A repository's URL with the administrator's login in it."""
    owner = world.keys.administrator
    return world.git.url("acme/shop").replace("://", f"://{owner.access_key_id}:{owner.secret_access_key}@")


def git(directory: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments],
        cwd=directory,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout + done.stderr


def test_a_push_announces_every_branch_it_moved(world: World, checkout: Path) -> None:
    """Subscribers learn repository, branch, commit and predecessor; what they say is shown to the pusher."""
    pushes: list[Push] = []
    world.git.on_push(lambda push: pushes.append(push) or f"deploying {push.branch}")
    said = git(checkout, "push", url(world), "develop")
    first = pushes[0]
    assert (first.repository, first.branch, first.previous, first.commit.subject) == (
        "acme/shop",
        "develop",
        None,
        "first",
    )
    assert "deploying develop" in said
    git(checkout, "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "--allow-empty", "-qm", "second")
    git(checkout, "push", url(world), "develop")
    assert pushes[1].previous == first.commit.id


def test_a_push_to_a_branch_nobody_watches_says_so(world: World, checkout: Path) -> None:
    """The pusher reads that this push deploys nothing."""
    world.git.on_push(lambda _: None)
    said = git(checkout, "push", url(world), "develop:feature")
    assert "No pipeline watches branch feature of acme/shop" in said


def test_an_archive_has_the_files_at_its_root(world: World, checkout: Path) -> None:
    """A commit's zip is what CODE_ZIP gives: files at the root, no folder around them."""
    git(checkout, "push", url(world), "develop")
    commit = world.git.head("acme/shop", "develop")
    with zipfile.ZipFile(io.BytesIO(world.git.archive("acme/shop", commit))) as archive:
        assert archive.namelist() == ["hello.txt"]


def test_what_is_not_there_is_named(world: World, checkout: Path) -> None:
    """An unknown branch has no head; an unknown repository is named together with those there are."""
    git(checkout, "push", url(world), "develop")
    assert world.git.head("acme/shop", "main") is None
    with pytest.raises(NoSuchRepository, match="acme/shop"):
        world.git.archive("acme/other", "HEAD")


def test_a_repository_name_cannot_leave_its_folder(world: World) -> None:
    """Names are owner/name, nothing else."""
    for name in ("../../etc", "one", "a/b/c", "a/..", ""):
        with pytest.raises(ValueError, match="owner"):
            world.git.create(name)


@pytest.mark.parametrize("login", ["", "AKIAAAAAAAAAAAAAAAAA:secret@", "pushproof:pushproof@"])
def test_nobody_else_reads_or_pushes(world: World, checkout: Path, login: str) -> None:
    """Git is asked for the administrator's keys and gets nothing without them; no repository is created."""
    stranger = world.git.url("acme/shop").replace("://", f"://{login}")
    for command in (("push", stranger, "develop"), ("ls-remote", stranger)):
        with pytest.raises(subprocess.CalledProcessError) as refused:
            git(checkout, "-c", "core.askPass=true", *command)
        assert "Authentication failed" in refused.value.stderr or "could not read" in refused.value.stderr
    assert world.git.repositories() == []


def test_the_environment_logs_git_in(world: World, checkout: Path) -> None:
    """A plain `git push` succeeds with a world's variables; no secret is in its arguments."""
    owner = world.keys.administrator
    keys = (owner.access_key_id, owner.secret_access_key)
    environment = world_environment(world.endpoint, region=world.region, account_id=world.account_id, keys=keys)
    command = ["git", "push", world.git.url("acme/shop"), "develop"]
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert world.git.head("acme/shop", "develop") is not None


def test_nobody_else_announces_a_push(world: World, checkout: Path) -> None:
    """The git host's own hook starts a pipeline, not any other sender of the same post."""
    pushes: list[Push] = []
    world.git.on_push(lambda push: pushes.append(push) or "heard")
    git(checkout, "push", url(world), "develop")
    head = world.git.head("acme/shop", "develop")
    lines = f"{'0' * 40} {head} refs/heads/develop\n"
    for secret in ({}, {"X-Pushproof-Hook": "guessed"}):
        answer = requests.post(f"{world.endpoint}/_git-push/acme/shop", data=lines, headers=secret, timeout=10)
        assert answer.status_code == 403
    assert len(pushes) == 1
