"""The command line: doctor, drill, up, serve, env, example, sweep.

Exit codes: 0 what was asked for holds; 1 the proof failed; 2 bad usage or input; 3 something this machine lacks;
4 Terraform failed; 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if words[:1] == ["test"] and words[1:2] not in (["-h"], ["--help"]):
        # Everything behind it is pytest's. The other commands would have to be imported first, for a quarter of a second.
        from pushproof.runhost.client import run_tests

        return run_tests(words[1:])
    from pushproof.cli.app import run

    return run(arguments)
