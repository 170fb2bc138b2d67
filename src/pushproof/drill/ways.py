"""Ways of a drill that a test session can replace: how it applies, and what it brings that runs may share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pushproof.drill.certificate import SelfSigned, self_signed
from pushproof.drill.standin import SlackStandIn, Webhook
from pushproof.terraform.driver import Backend, Terraform


class ApplyWay(Protocol):
    """A way to apply a configuration."""

    def __call__(self, terraform: Terraform, backend: Backend, initialised: Callable[[], None]) -> bool:
        """Apply a configuration that is prepared; returns whether Terraform applied it, and not an earlier run.

        `initialised`: to be called between `init` and `apply`. Raises CommandFailed.
        """


def apply_by_terraform(terraform: Terraform, backend: Backend, initialised: Callable[[], None]) -> bool:
    """Init and apply a configuration."""
    terraform.init(backend=backend)
    initialised()
    terraform.apply()
    return True


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways of a drill. `sign`: makes the certificate of a host; `listen`: opens the webhook, with the file for its messages."""

    apply: ApplyWay = apply_by_terraform
    sign: Callable[[str], SelfSigned] = self_signed
    listen: Callable[[Path], Webhook] = SlackStandIn
