"""A session's use of kept worlds, where it is a run of a campaign."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pushproof.terraform.applied import AppliedModule


@dataclass(frozen=True, slots=True)
class Policy:
    """A session's use of kept worlds, where it is a run of a campaign that tries changed configurations.

    `report` gets each applied module, the outcome of the apply, and the key of the kept world that it led to, "" where there is
    none. Outcomes: "unchanged" (continued from a kept world), "identical" (Terraform found nothing to change in the
    original's), "changed" or "cold". `trying`: a changed configuration is tried. Its difference is then applied to the kept world
    that `origins` names for a source and variables, nothing new is kept, a configuration that Terraform refuses is not applied
    anew, and what a failed apply made goes with its world.
    """

    report: Callable[[AppliedModule, str, str], None]
    trying: bool = False
    origins: Callable[[Path, Mapping[str, object]], Sequence[str]] = lambda _source, _variables: ()
