"""Progress of Terraform's commands, resource by resource, for a terminal and for the log of a CI system."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

_DONE = re.compile(r"^(\S.*?): (Creation|Modifications|Destruction) complete after (\S+)")
_STILL = re.compile(r"^(\S.*?): Still (creating|modifying|destroying)\.\.\. \[.*?(?:(\d+)m)?(\d+)s elapsed\]")
_PLAN = re.compile(r"^Plan: (?:\d+ to import, )?(\d+) to add, (\d+) to change, (\d+) to destroy")
_END = re.compile(r"^(Apply|Destroy) complete!")
_WORDS = {"Creation": "created", "Modifications": "changed", "Destruction": "destroyed"}
# A resource that takes long is said to, this often.
_PATIENCE = 30


class Progress:
    """Turns Terraform's lines into few short ones: `write` gets one for each resource, with the seconds since the start."""

    def __init__(
        self, module: str, write: Callable[[str], None], *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._module, self._write, self._monotonic = module, write, monotonic
        self._begun = monotonic()
        self._total = self._done = 0
        self._initialising = False

    def say(self, sentence: str) -> None:
        """Write a sentence of Pushproof's own."""
        self._write(f"{self._module}: {sentence}")

    def hear(self, line: str) -> None:
        """Take a line of Terraform's."""
        if line.startswith("Initializing ") and not self._initialising:
            self._initialising = True
            self._write_after("terraform init")
        elif match := _PLAN.match(line):
            self._total, self._done = sum(map(int, match.groups())), 0
            if self._total:
                self._write_after(line)
        elif match := _DONE.match(line):
            self._done += 1
            count = f"{self._done}/{self._total} " if self._total >= self._done else ""
            self._write_after(f"{count}{match[1]} {_WORDS[match[2]]} in {match[3]}")
        elif match := _STILL.match(line):
            seconds = 60 * int(match[3] or 0) + int(match[4])
            if seconds and seconds % _PATIENCE == 0:
                self._write_after(f"{match[1]} still {match[2]} after {seconds}s")
        elif match := _END.match(line):
            self._write_after("applied" if match[1] == "Apply" else "destroyed")

    def _write_after(self, text: str) -> None:
        self._write(f"{self._module} {self._monotonic() - self._begun:4.0f}s: {text.rstrip('.')}")
