"""Commits and pushes, as the git host tells them and pipelines ask for them."""

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
    """A branch that moved: `repository` as `owner/name`, the commit it is at now, the one before (None: a new branch)."""

    repository: str
    branch: str
    commit: Commit
    previous: str | None


class GitSource(Protocol):
    """A git host, as pipelines ask it."""

    def on_push(self, callback: Callable[[Push], str | None]) -> None:
        """Call back, under the world's lock, for every branch a push moved; the text it returns is shown to the pusher."""

    def head(self, repository: str, branch: str) -> str | None:
        """Return the commit a branch is at; None when there is no such repository or branch."""

    def commit(self, repository: str, commit: str) -> Commit:
        """Return a commit by hash or branch.

        Raises:
            NoSuchRepository: there is no such repository.
            subprocess.CalledProcessError: there is no such commit.
        """

    def archive(self, repository: str, commit: str) -> bytes:
        """Return the files of a commit as a zip with the files at its root."""
