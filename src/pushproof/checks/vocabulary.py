"""What check objects share: boto3 clients by name, and where resources are written in Terraform."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pushproof.base.origin import Addresses
from pushproof.checks.finding import Finding, Findings

Clients = Callable[[str], Any]


class Vocabulary:
    """A check object. `aws` gives boto3 clients by service name; `addresses` maps AWS ids to Terraform addresses."""

    def __init__(self, aws: Clients, *, addresses: Addresses | None = None) -> None:
        self.aws = aws
        self.addresses = addresses

    def _found(self, check: str, findings: Iterable[Finding]) -> Findings:
        return Findings(check, tuple(findings)).located(self.addresses)
