"""The place in Terraform code that an AWS resource comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Origin:
    """A resource's Terraform address, with file and line if they are known. `line` counts from 1; 0 is unknown."""

    address: str
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{self.address} ({place})" if place else self.address


class Addresses(Protocol):
    """Lookup of the Terraform code of AWS resources; `pushproof.terraform.addresses` implements it."""

    def of(self, resource: str) -> Origin | None:
        """Return the origin of a resource by id, ARN or name; None if it is unknown."""
