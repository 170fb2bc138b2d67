"""Tags and pull requests of the git host: real pushes, and what subscribers learn of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests
from tests.unit.core.test_githost import checkout, git, url, world  # noqa: F401 (fixtures)

from pushproof.emulator.kernel.source import PullRequestChange, Push, TagPush
from pushproof.emulator.world import World


def commit(directory: Path, name: str, text: str = "x") -> None:
    (directory / name).parent.mkdir(parents=True, exist_ok=True)
    (directory / name).write_text(text)
    git(directory, "add", ".")
    git(directory, "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", f"change {name}")


@pytest.fixture
def branches(world: World, checkout: Path) -> Path:  # noqa: F811
    """A repository with `main`, and `feature` one file ahead."""
    git(checkout, "push", url(world), "develop:main")
    git(checkout, "switch", "-qc", "feature")
    commit(checkout, "app/new.py")
    git(checkout, "push", url(world), "feature")
    return checkout


def test_pushes_have_the_paths_that_changed(world: World, checkout: Path) -> None:  # noqa: F811
    """A first push has all files, a later one those that differ, and a new branch those since it left the default branch."""
    pushes: list[Push] = []
    world.git.on_push(lambda push: pushes.append(push))
    git(checkout, "push", url(world), "develop:main")
    commit(checkout, "app/a.py")
    git(checkout, "push", url(world), "develop:main")
    commit(checkout, "app/b.py")
    git(checkout, "push", url(world), "develop:feature")
    assert [push.paths for push in pushes] == [("hello.txt",), ("app/a.py",), ("app/b.py",)]


def test_tags_are_announced_with_their_commit(world: World, checkout: Path) -> None:  # noqa: F811
    """Light and annotated tags both lead to the commit, and the pusher reads what subscribers say."""
    tags: list[TagPush] = []
    world.git.on_tag(lambda push: tags.append(push) or f"released {push.tag}")
    git(checkout, "tag", "v1")
    git(checkout, "-c", "user.name=a", "-c", "user.email=a@b.c", "tag", "-am", "two", "v2")
    said = git(checkout, "push", url(world), "develop:main", "--tags")
    head = world.git.head("acme/shop", "main")
    assert {(push.tag, push.commit.id) for push in tags} == {("v1", head), ("v2", head)}
    assert "released v2" in said


def test_a_pull_request_is_opened_updated_and_merged(world: World, branches: Path) -> None:  # noqa: F811
    """Pushes to the source branch update it; a merge is a push to the target branch and closes it."""
    changes: list[PullRequestChange] = []
    pushes: list[Push] = []
    world.git.on_pull_request(lambda change: changes.append(change))
    world.git.on_push(lambda push: pushes.append(push))
    request = world.git.open_pull_request("acme/shop", "feature", title="A feature")
    commit(branches, "app/more.py")
    git(branches, "push", url(world), "feature")
    closed = world.git.close_pull_request("acme/shop", request.number, merge=True)
    assert closed.state == "MERGED"
    assert [change.action for change in changes] == ["OPEN", "UPDATED", "CLOSED"]
    assert [change.paths for change in changes[:2]] == [("app/new.py",), ("app/more.py", "app/new.py")]
    assert changes[1].commit.id == world.git.head("acme/shop", "feature")
    assert [(push.branch, push.paths) for push in pushes] == [
        ("feature", ("app/more.py",)),
        ("main", ("app/more.py", "app/new.py")),
    ]
    assert "Merge pull request #1 from feature" in pushes[-1].commit.message


def test_a_pull_request_may_be_closed_without_a_merge(world: World, branches: Path) -> None:  # noqa: F811
    """The target branch stays, later pushes are no updates, and it cannot be closed twice."""
    changes: list[PullRequestChange] = []
    world.git.on_pull_request(lambda change: changes.append(change))
    before = world.git.head("acme/shop", "main")
    world.git.open_pull_request("acme/shop", "feature")
    world.git.close_pull_request("acme/shop", 1)
    commit(branches, "app/more.py")
    git(branches, "push", url(world), "feature")
    assert world.git.head("acme/shop", "main") == before
    assert [change.action for change in changes] == ["OPEN", "CLOSED"]
    with pytest.raises(ValueError, match=r"no open pull request #1 .*CLOSED"):
        world.git.close_pull_request("acme/shop", 1, merge=True)


def test_pull_requests_that_are_refused(world: World, branches: Path) -> None:  # noqa: F811
    """Unknown branches, branches without changes, second requests and conflicts are refused by name."""
    host = world.git
    with pytest.raises(ValueError, match="no branch nowhere"):
        host.open_pull_request("acme/shop", "nowhere")
    with pytest.raises(ValueError, match="nothing to merge"):
        host.open_pull_request("acme/shop", "main", "feature")
    host.open_pull_request("acme/shop", "feature")
    with pytest.raises(ValueError, match="#1"):
        host.open_pull_request("acme/shop", "feature")
    git(branches, "switch", "-q", "develop")
    commit(branches, "app/new.py", "another text")
    git(branches, "push", url(world), "develop:main")
    with pytest.raises(ValueError, match="conflict"):
        host.close_pull_request("acme/shop", 1, merge=True)


@pytest.mark.usefixtures("branches")
def test_pull_requests_over_the_wire(world: World) -> None:  # noqa: F811
    """`POST /_pushproof/pull-requests/…` opens and closes them, with the administrator's keys."""
    keys = (world.keys.administrator.access_key_id, world.keys.administrator.secret_access_key)
    address = f"{world.endpoint}/_pushproof/pull-requests"
    asked = {"repository": "acme/shop", "source": "feature", "target": "main", "title": "A feature"}
    assert requests.post(f"{address}/open", params=asked, timeout=30).status_code == 401
    opened = requests.post(f"{address}/open", params=asked, auth=keys, timeout=30)
    assert opened.json() | {"number": 1} == {**asked, "number": 1, "state": "OPEN"}
    again = requests.post(f"{address}/open", params=asked, auth=keys, timeout=30)
    assert (again.status_code, "#1" in again.json()["error"]) == (400, True)
    closing = {"repository": "acme/shop", "number": "1", "merge": "true"}
    assert requests.post(f"{address}/close", params=closing, auth=keys, timeout=30).json()["state"] == "MERGED"
