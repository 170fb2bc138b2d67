"""git, unmodified, against the git host: pushes by force, tags, branches that go, shallow and partial clones."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pushproof.targets.embedded import EmbeddedTarget


class Checkout:
    """A working copy, and git run in it."""

    def __init__(self, place: Path, url: str = "") -> None:
        self.place, self.url = place, url
        place.mkdir(parents=True)

    def git(self, *words: str, fails: bool = False) -> str:
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.test", "-c", "init.defaultBranch=main")
        done = subprocess.run(["git", *who, *words], cwd=self.place, capture_output=True, text=True, timeout=120)
        said = done.stdout + done.stderr
        assert (done.returncode != 0) == fails, f"git {' '.join(words)}:\n{said}"
        return said if fails else done.stdout

    def commit(self, text: str) -> str:
        """A commit whose one file holds `text`; its hash."""
        (self.place / "file").write_text(text)
        self.git("add", "file")
        self.git("commit", "--quiet", "--message", text)
        return self.git("rev-parse", "HEAD").strip()


@pytest.fixture(autouse=True)
def _login(embedded: EmbeddedTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git logs in by the environment that the world gives."""
    for name, value in embedded.environment().items():
        if name.startswith("GIT_"):
            monkeypatch.setenv(name, value)


@pytest.fixture
def checkout(embedded: EmbeddedTarget, tmp_path: Path, request: pytest.FixtureRequest) -> Checkout:
    """A repository with two commits on `main`, pushed."""
    made = Checkout(tmp_path / "work", embedded.repository_url(f"example/{request.node.name.replace('_', '-')}"))
    made.git("init", "--quiet")
    made.git("remote", "add", "origin", made.url)
    made.commit("one")
    made.commit("two")
    made.git("push", "--quiet", "--set-upstream", "origin", "main")
    return made


def remote(checkout: Checkout, name: str) -> str:
    """Return the git host's commit under a ref, seen from outside."""
    return checkout.git("ls-remote", "origin", name).split("\t")[0].strip()


def test_a_forced_push(embedded: EmbeddedTarget, checkout: Checkout) -> None:
    """A rewritten branch is refused without force and taken with it; `--force-with-lease` sees what others pushed."""
    checkout.git("reset", "--quiet", "--hard", "HEAD~1")
    rewritten = checkout.commit("another two")
    assert "non-fast-forward" in checkout.git("push", "origin", "main", fails=True)
    checkout.git("push", "--quiet", "--force", "origin", "main")
    repository = checkout.url.partition("/_git/")[2].removesuffix(".git")
    assert remote(checkout, "refs/heads/main") == rewritten == embedded.world.equipment.git.head(repository, "main")
    elsewhere = Checkout(checkout.place.parent / "elsewhere")
    elsewhere.git("clone", "--quiet", checkout.url, ".")
    theirs = elsewhere.commit("theirs")
    elsewhere.git("push", "--quiet")
    checkout.git("commit", "--quiet", "--amend", "--message", "mine")
    assert "stale info" in checkout.git("push", "--force-with-lease", "origin", "main", fails=True)
    assert remote(checkout, "refs/heads/main") == theirs


def test_tags(checkout: Checkout) -> None:
    """Lightweight and annotated tags are pushed, moved by force only, fetched, and deleted."""
    checkout.git("tag", "v1", "HEAD~1")
    checkout.git("tag", "--annotate", "v2", "--message", "second")
    checkout.git("push", "--quiet", "--tags")
    assert remote(checkout, "refs/tags/v2^{}") == checkout.git("rev-parse", "HEAD").strip()
    checkout.git("tag", "--force", "v1", "HEAD")
    assert "already exists" in checkout.git("push", "origin", "v1", fails=True)
    checkout.git("push", "--quiet", "--force", "origin", "v1")
    elsewhere = Checkout(checkout.place.parent / "elsewhere")
    elsewhere.git("clone", "--quiet", "--branch", "v2", checkout.url, ".")
    assert elsewhere.git("tag").split() == ["v1", "v2"]
    assert elsewhere.git("describe").strip() == "v2"
    checkout.git("push", "--quiet", "origin", ":refs/tags/v1")
    assert remote(checkout, "refs/tags/v1") == ""


def test_shallow_and_partial_clones(checkout: Checkout) -> None:
    """A clone of depth one has one commit, can be deepened, and can push; a clone without blobs fetches them when needed."""
    shallow = Checkout(checkout.place.parent / "shallow")
    shallow.git("clone", "--quiet", "--depth", "1", checkout.url, ".")
    assert shallow.git("rev-list", "--count", "HEAD").strip() == "1"
    pushed = shallow.commit("three")
    shallow.git("push", "--quiet")
    assert remote(checkout, "refs/heads/main") == pushed
    shallow.git("fetch", "--quiet", "--unshallow")
    assert shallow.git("rev-list", "--count", "HEAD").strip() == "3"
    checkout.git("pull", "--quiet")
    assert (checkout.place / "file").read_text() == "three"


def test_one_commit_by_its_hash(checkout: Checkout) -> None:
    """A CI runner's `git fetch --depth 1 origin <hash>` brings that commit, though no ref names it."""
    older = checkout.git("rev-parse", "HEAD~1").strip()
    runner = Checkout(checkout.place.parent / "runner")
    runner.git("init", "--quiet")
    runner.git("fetch", "--quiet", "--depth", "1", checkout.url, older)
    runner.git("checkout", "--quiet", "FETCH_HEAD")
    assert (runner.place / "file").read_text() == "one"


def test_branches_come_and_go(embedded: EmbeddedTarget, checkout: Checkout) -> None:
    """A branch is made by a push and removed by one; the other branches stay."""
    checkout.git("push", "--quiet", "origin", "HEAD~1:refs/heads/feature/a")
    repository = checkout.url.partition("/_git/")[2].removesuffix(".git")
    assert embedded.world.equipment.git.head(repository, "feature/a") == checkout.git("rev-parse", "HEAD~1").strip()
    checkout.git("push", "--quiet", "origin", "--delete", "feature/a")
    assert embedded.world.equipment.git.head(repository, "feature/a") is None
    assert remote(checkout, "refs/heads/main") == checkout.git("rev-parse", "HEAD").strip()


def test_a_large_push(checkout: Checkout) -> None:
    """A pack of several megabytes goes up in chunks and comes back whole."""
    content = bytes(range(256)) * 20_000
    noise = bytes((byte * 31 + place // 257) % 256 for place, byte in enumerate(content))
    (checkout.place / "large").write_bytes(noise)
    checkout.git("add", "large")
    checkout.git("commit", "--quiet", "--message", "large")
    checkout.git("-c", "http.postBuffer=1024", "-c", "core.compression=0", "push", "--quiet")
    elsewhere = Checkout(checkout.place.parent / "elsewhere")
    elsewhere.git("clone", "--quiet", checkout.url, ".")
    assert (elsewhere.place / "large").read_bytes() == noise


def test_an_unknown_repository(checkout: Checkout) -> None:
    """Cloning what is not there fails with git's own words."""
    said = checkout.git("ls-remote", checkout.url.replace("/example/", "/nobody/"), fails=True)
    assert "not found" in said
