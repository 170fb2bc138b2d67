"""The interface of a target: a place where Terraform applies infrastructure and tests examine it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pushproof.base.clock import Clock
from pushproof.base.needs import Needs, Provision


class TargetUnavailable(Exception):
    """A target cannot start here. The message names the cause and the remedy."""


@dataclass(frozen=True, slots=True)
class Address:
    """The host and port to connect to for a (host, port) of the target."""

    host: str
    port: int


#: Capabilities that tests can ask of a target, as `target_needs` names them.
CAPABILITIES = frozenset(
    {
        "builds",
        "connection",
        "containers",
        "faults",
        "git-push",
        "load-balancer",
        "mistakes",
        "oracles",
        "pending-connection",
        "pipeline",
        "registry",
        "webhooks",
    }
)


class Target(Protocol):
    """A place to apply infrastructure to. A context manager; nothing is left behind on exit.

    Subclass it to provide one through the hook `pytest_pushproof_make_target`; the methods with a body have defaults.
    """

    name: str
    region: str
    account_id: str
    clock: Clock
    #: Capabilities beside `CAPABILITIES` that tests can ask of this target.
    capabilities: frozenset[str] = frozenset()

    def environment(self) -> dict[str, str]:
        """Return the whole environment for `terraform`, `aws` and `git` processes."""

    def client(self, service: str, region: str | None = None) -> Any:
        """Return a boto3 client with the deployer's credentials."""

    def directory(self, name: str) -> Path:
        """Return a directory of the target's own, created if need be."""

    def lacks(self, capability: str) -> str | None:
        """Return the reason why the target lacks a capability ("containers", "load-balancer", …); None if it has it."""

    def variables(self, source: Path, explicit: Mapping[str, Any]) -> dict[str, Any]:
        """Return the variables that the target sets in a configuration besides the caller's `explicit` ones: none by default.

        Real accounts are shared and keep what was created, so their targets name and tag every resource.
        """
        return {}

    def announce(self, name: str, changes: list[dict[str, Any]]) -> None:
        """Inspect a plan's `resource_changes` before they are carried out; raise to prevent it. Only called when `announces`."""

    @property
    def announces(self) -> bool:
        """Return whether applies must be planned first and announced: not by default, which saves a Terraform run."""
        return False

    @property
    def disposable(self) -> bool:
        """Return whether the whole account goes when the target closes, so that nothing outside of it may keep its state."""
        return False

    def provide(self, needs: Needs) -> Provision:
        """Make what a root module needs before its first apply: nothing by default, since a real account has it.

        Only called when there is something that it needs.
        """
        return Provision()

    def close(self) -> None:
        """Take everything down."""


def require_capabilities(target: Target, names: Iterable[str]) -> None:
    """Raise ValueError, with the names that are near, for capabilities that nobody knows: a misspelt one skips nothing."""
    known = sorted(CAPABILITIES | getattr(target, "capabilities", frozenset()))
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, 2)
            meant = f"did you mean {' or '.join(close)}?" if close else f"expected one of {', '.join(known)}"
            raise ValueError(f"{name!r} is no capability of a target; {meant}")
