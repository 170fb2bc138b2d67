"""Instructions instead of seconds: the work of an algorithm, without the effects of caches, the collector and other programs."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Iterable

_COMMAND = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")


def instructions(script: str, *arguments: str) -> int:
    """Return the instructions of a script's work: those of a run that does it once, without those of a run that only prepares it.

    The script gets its arguments and, last, the number of repetitions. Raises CalledProcessError, and FileNotFoundError without
    Valgrind.
    """
    counted = []
    for times in ("0", "1"):
        done = subprocess.run(
            [*_COMMAND, sys.executable, script, *arguments, times],
            capture_output=True,
            text=True,
            check=True,
            # The same hashes in both runs; otherwise their dictionaries differ.
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )
        counted.append(int(done.stderr.rpartition("refs:")[2].split()[0].replace(",", "")))
    return counted[1] - counted[0]


def count(script: str, what: str, sizes: Iterable[int], *arguments: str) -> None:
    """Print a script's instructions at some sizes, and their growth against n log n."""
    first = None
    for size in sizes:
        made = instructions(script, "once", str(size), *arguments)
        per = made / (size * math.log2(size))
        first = first or per
        print(f"  {size:>7,} {what}  {made:>15,} instructions  n log n x {per / first:.2f}", flush=True)
