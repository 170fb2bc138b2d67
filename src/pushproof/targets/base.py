"""The interface of targets that the drill can run on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from pushproof.base.target import Address, Target
from pushproof.engines.github import Job
from pushproof.targets.faults import Faults


class NotificationListener(Protocol):
    """Collects notifications on targets that cannot reach the drill's webhook. `heard`: the texts received, oldest first."""

    heard: list[str]

    def wait_for(self, *parts: str, timeout: float) -> str | None:
        """Return the first message that contains every part, within `timeout` seconds; None if there was none."""

    def close(self) -> None:
        """Stop listening, and remove everything that listening needed."""


class DrillTarget(Target, Protocol):
    """A target that the drill can run on: it provides a source, a certificate, a way to the load balancer, and a list of leftovers.

    `after_rollback`: the statuses that an execution may have after its deployment was rolled back; the service is checked in any
    case.
    """

    after_rollback: frozenset[str]

    def build_environment(self) -> dict[str, str]:
        """Return the environment that builds need on this target."""

    def certificate(self, certificate: str, private_key: str) -> str:
        """Return the ARN of the load balancer's certificate: this one (PEM), imported, or the target's own."""

    def forget_certificate(self, arn: str) -> None:
        """Delete an imported certificate."""

    def repository_url(self, repository: str) -> str:
        """Return the URL that git pushes to."""

    def push(self, checkout: Any, commit: str, outputs: Mapping[str, Any]) -> tuple[str, str]:
        """Bring a commit to the pipeline. Return the revision under which the pipeline lists it, and the remote's answer."""

    def workflow_identity(self, job: Job) -> dict[str, str]:
        """Return the variables with which a workflow's job requests its tokens, as GitHub's runner sets them."""

    def authorise_connection(self, arn: str) -> None:
        """Complete a connection's handshake, as a person does in the console."""

    def address(self, host: str, port: int) -> Address:
        """Return the real address of a load balancer's listener."""

    def deadline(self, step: str, otherwise: float) -> float:
        """Return the AWS seconds that a step may take here."""

    def notification_listener(self, outputs: Mapping[str, Any]) -> NotificationListener | None:
        """Return a listener for the environment's notifications; None on targets that can reach the drill's webhook."""

    def tidy(self, kept: frozenset[str] = frozenset()) -> list[str]:
        """Remove the resources that deployments created outside Terraform, after Terraform's destroy. Return what was removed.

        `kept`: resources to leave, as `leftovers` names them.
        """

    def faults(self) -> Faults:
        """Return the vocabulary of faults; only called where the target does not lack "faults"."""

    def leftovers(self) -> list[str]:
        """Return the resources that still exist."""
