"""The place in Terraform code that an AWS resource comes from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


def shown(path: Path, base: Path | None = None) -> str:
    """Return a path as a reader in `base` (this process's directory by default) can open it: relative below it, else absolute."""
    start = Path.cwd() if base is None else base
    return path.relative_to(start).as_posix() if path.is_relative_to(start) else str(path)


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

    def names(self) -> frozenset[str]:
        """Return the ids, ARNs and names of all resources."""
