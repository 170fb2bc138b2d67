"""Commits and pushes, from the git host to pipelines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


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
    """A branch that moved: `repository` as `owner/name`, its commit now, and the one before (None: a new branch)."""

    repository: str
    branch: str
    commit: Commit
    previous: str | None


class GitSource(Protocol):
    """A git host, as pipelines use it."""

    def on_push(self, callback: Callable[[Push], str | None]) -> None:
        """Call `callback`, under the world's lock, for every branch that a push moved; the pusher sees the text that it returns."""

    def head(self, repository: str, branch: str) -> str | None:
        """Return the commit of a branch; None if there is no such repository or branch."""

    def commit(self, repository: str, commit: str) -> Commit:
        """Return a commit by hash or branch.

        Raises:
            NoSuchRepository: there is no such repository.
            subprocess.CalledProcessError: there is no such commit.
        """

    def archive(self, repository: str, commit: str) -> bytes:
        """Return the files of a commit as a zip with the files at its root."""
