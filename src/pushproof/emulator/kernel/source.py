"""Commits and pushes, from the git host to pipelines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol


class NoSuchRepository(Exception):
    """The git host has no such repository."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit: full hash, author, ISO 8601 date, first line and whole message."""

    id: str
    author: str
    email: str
    date: str
    message: str

    @property
    def subject(self) -> str:
        return self.message.split("\n", 1)[0]


@dataclass(frozen=True, slots=True)
class Push:
    """A branch that moved: `repository` as `owner/name`, its commit now, and the one before (None: a new branch).

    `paths` are the files that differ from the commit before; for a new branch, from where it left the default branch.
    """

    repository: str
    branch: str
    commit: Commit
    previous: str | None
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TagPush:
    """A tag that was pushed, and the commit that it names."""

    repository: str
    tag: str
    commit: Commit


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request: `source` is the branch with the changes, `target` the one that it is to be merged into."""

    repository: str
    number: int
    title: str
    source: str
    target: str
    state: Literal["OPEN", "MERGED", "CLOSED"] = "OPEN"


@dataclass(frozen=True, slots=True)
class PullRequestChange:
    """A pull request that was opened, updated or closed; `commit` is the head of its source branch.

    `paths` are the files that differ between its source branch and where that left the target branch.
    """

    request: PullRequest
    action: Literal["OPEN", "UPDATED", "CLOSED"]
    commit: Commit
    paths: tuple[str, ...] = ()


class GitSource(Protocol):
    """A git host, as pipelines use it."""

    def on_push(self, callback: Callable[[Push], str | None]) -> None:
        """Call `callback`, under the world's lock, for every branch that a push moved; the pusher sees the text that it returns."""

    def on_tag(self, callback: Callable[[TagPush], str | None]) -> None:
        """Call `callback`, under the world's lock, for every tag that a push made or moved; the pusher sees the text."""

    def on_pull_request(self, callback: Callable[[PullRequestChange], str | None]) -> None:
        """Call `callback`, under the world's lock, for every pull request that was opened, updated or closed."""

    def head(self, repository: str, branch: str) -> str | None:
        """Return the commit of a branch; None if there is no such repository or branch."""

    def commit(self, repository: str, commit: str) -> Commit:
        """Return a commit by hash or branch.

        Raises:
            NoSuchRepository: there is no such repository.
            subprocess.CalledProcessError: there is no such commit.
        """

    def clone(self, repository: str, branch: str, commit: str) -> bytes:
        """Return a clone with its whole history, checked out at a commit of a branch, as a zip with `.git` at its root."""

    def archive(self, repository: str, commit: str) -> bytes:
        """Return the files of a commit as a zip with the files at its root."""
