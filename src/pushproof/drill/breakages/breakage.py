"""The form of a breakage: a name, the ending that is expected of its push, and the change that it makes to a checkout."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pushproof.drill.delivery import Delivery


class NotApplicable(Exception):
    """A breakage does not apply to an application or its stack; the message says why."""


class Ending(StrEnum):
    """The ending that is expected of a broken push."""

    ROLLED_BACK = "rolled back"
    STOPPED = "stopped at the build"
    HELD = "stopped before the deployment"


@dataclass(frozen=True, slots=True)
class Tree:
    """A checkout to break. `dockerfile`: a person's answer where the Dockerfile is, relative to the checkout; None without one."""

    directory: Path
    delivery: Delivery
    dockerfile: Path | None = None


class Breakage(ABC):
    """A breakage that a push can carry.

    Attributes:
        name: the name by which people choose it.
        title: the breakage in a phrase, for the timeline and the commit.
        ending: the ending that is expected.
        needs_dockerfile: whether it changes the application's Dockerfile.
        reaches_users: whether users get its answers, as many as the deployment's strategy lets it have.
    """

    name: str
    title: str
    ending: Ending
    needs_dockerfile: bool = False
    reaches_users: bool = False

    @property
    def rolls_back(self) -> bool:
        """True when the push is expected to reach the service, and to be rolled back."""
        return self.ending is Ending.ROLLED_BACK

    @abstractmethod
    def break_in(self, tree: Tree) -> None:
        """Change the files of a checkout. Raises NotApplicable, before anything is changed."""
