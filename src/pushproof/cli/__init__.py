"""The command line: doctor, drill, up, serve, env, example, sweep.

Exit codes: 0 what was asked for holds; 1 the proof failed; 2 bad usage or input; 3 something this machine lacks;
4 Terraform failed; 130 interrupted.
"""

from __future__ import annotations

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code."""
    from pushproof.cli.app import run

    return run(arguments)
