"""The interface of targets that the drill can run on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from pushproof.base.target import Address, Target


class Ears(Protocol):
    """What hears notifications where the drill's webhook cannot be reached."""

    heard: list[str]

    def wait_for(self, *parts: str, timeout: float) -> str | None:
        """The first message that contains every part, waited for up to `timeout` seconds; None when none came."""

    def close(self) -> None:
        """Hear no more, and leave nothing."""


class DrillTarget(Target, Protocol):
    """What the drill asks of a target besides: a source, a certificate, a way to the load balancer, and an account of what is left.

    `after_rollback`: the statuses of an execution whose deployment was rolled back; the service is judged in any case.
    """

    after_rollback: frozenset[str]

    def build_environment(self) -> dict[str, str]:
        """What builds need to know here."""

    def certificate(self, certificate: str, private_key: str) -> str:
        """The ARN of the load balancer's certificate: this one (PEM), imported, or the target's own."""

    def forget_certificate(self, arn: str) -> None:
        """Delete an imported certificate."""

    def repository_url(self, repository: str) -> str:
        """What git pushes to."""

    def push(self, checkout: Any, commit: str, outputs: Mapping[str, Any]) -> tuple[str, str]:
        """Bring a commit to the pipeline: (the revision it is known by there, what the other side said)."""

    def authorise_connection(self, arn: str) -> None:
        """Complete a connection's handshake, as a person does in the console."""

    def address(self, host: str, port: int) -> Address:
        """Where a load balancer's listener really is."""

    def deadline(self, step: str, otherwise: float) -> float:
        """The AWS seconds that a step may take here."""

    def ears(self, outputs: Mapping[str, Any]) -> Ears | None:
        """What hears the environment's notifications, where webhooks are not heard; None where they are."""

    def tidy(self, kept: frozenset[str] = frozenset()) -> list[str]:
        """Remove what deployments made and Terraform does not know, once Terraform's own is gone; returns what that was.

        `kept`: what to leave, as `leftovers` names it.
        """

    def leftovers(self) -> list[str]:
        """What is still there."""
