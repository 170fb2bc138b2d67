"""The questions that a drill asks about rollouts, whoever deploys."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from pushproof.drill.observation import Serving


class Rollouts(Protocol):
    """Rollouts of one service. Names of deployments are ids or ARNs; "" stands for none."""

    def current(self) -> str:
        """Return the service's newest deployment, whoever began it."""

    def newest(self) -> str:
        """Return the newest record of a deployment, which a push is told from by its begin."""

    def underway(self) -> int:
        """Return the number of revisions that the service has at the moment: 1 when nothing goes on."""

    def begins(self, revisions: frozenset[str]) -> list[datetime]:
        """Return when the rollouts of these task definitions began."""

    def weight(self, earlier: str) -> float:
        """Return the percentage of users' requests that the revision of the newest rollout gets; 0 for one not after `earlier`."""

    def has_begun(self, before: Serving, earlier: str) -> bool:
        """Return whether a rollout of another revision than that of `before` has begun since `earlier`."""

    def rollback(self, before: Serving, earlier: str) -> str | None:
        """Return why the newest rollout is rolled back; None while that is open.

        Raises ProofFailed, with the cause, as soon as nothing will roll it back.
        """

    def is_restored(self, before: Serving) -> bool:
        """Return whether the revision of `before` is the only one again, and its rollout is complete."""

    def groups(self) -> tuple[str, ...]:
        """Return the ARNs of the two target groups that the controller moves traffic between; () where it does not tell."""

    def summary(self) -> str:
        """Return the state of the rollouts in a line."""
