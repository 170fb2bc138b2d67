"""Settings of a campaign."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


class MutationError(Exception):
    """A campaign cannot be run as it is asked for. The message names the input, what was expected and the next step."""


@dataclass(frozen=True, slots=True)
class CampaignSettings:
    """Settings of a campaign.

    Attributes:
        root: The repository: that of git, if the directory is in one, since modules may be anywhere in it.
        here: The directory that the suite runs in, relative to the repository.
        paths: Files and directories to mutate, below the repository; none stands for what the suite applies and reads.
        tests: The suite's files and directories, relative to `here`; none stands for pytest's own `testpaths`.
        options: More options of pytest.
        only: Choice of a module, an address, an operator, a file, a directory or an id; empty for all.
        since: Revision of git: mutants in lines that have changed since then alone; empty for all.
        sample: Number of mutants, drawn evenly over operators and modules; None for all.
        seed: Seed of the sample.
        workers: Number of workers on this machine.
        scheduler: Address of a dask scheduler; empty for workers on this machine.
        resume: Whether to go on with the last campaign.
        survivors: Whether to try the mutants alone that survived the last campaign, whatever has changed since.
        grown: Whether to go on with the last campaign on a suite that has grown: what its tests noticed stands.
        limit: Seconds that the suite may take on the original.
        timeout: Seconds that a run of a mutant may take, and five times as long as the original's tests on top.
    """

    root: Path
    here: str = "."
    paths: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    only: str = ""
    since: str = ""
    sample: int | None = None
    seed: int = 1
    workers: int = 1
    scheduler: str = ""
    resume: bool = False
    survivors: bool = False
    grown: bool = False
    limit: float = 3600.0
    timeout: float = 300.0
