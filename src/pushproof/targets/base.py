"""What every target offers to fixtures, checks and the drill."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from pushproof.clock import Clock


class TargetUnavailable(Exception):
    """A target cannot start here; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to really connect for a (host, port) of the target."""

    host: str
    port: int


class Target(Protocol):
    """A place to apply infrastructure to. Context manager; leaving it leaves nothing behind."""

    name: str
    region: str
    account_id: str
    clock: Clock

    def environment(self) -> dict[str, str]:
        """The whole environment for `terraform`, `aws` and `git` processes."""

    def client(self, service: str, region: str | None = None) -> Any:
        """A boto3 client with the deployer's credentials."""

    def lacks(self, capability: str) -> str | None:
        """Why the target cannot do something ("containers", "load-balancer", …); None when it can."""

    def close(self) -> None:
        """Take everything down."""
