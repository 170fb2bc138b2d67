"""`pushproof example`: the reference infrastructure and application, as a start of one's own."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

from pushproof.base.shipped import shipped
from pushproof.cli.outcome import OK, bad_input, console

_FOLDERS = ("infrastructure", "app")
# What Terraform and Python leave in a checkout that somebody works in.
_LEFT_OUT = shutil.ignore_patterns(".terraform", "*.tfstate", "*.tfstate.*", "*.tfplan", "__pycache__")


def copy_example(directory: Path) -> int:
    """Copy `infrastructure/` and `app/` into a new or empty directory and print the next commands."""
    if directory.exists() and not directory.is_dir():
        return bad_input(f"{directory} is a file; name a directory that is new or empty")
    try:
        if directory.is_dir() and any(directory.iterdir()):
            return bad_input(
                f"{directory} is not empty; name a directory that is new or empty, so that nothing is overwritten"
            )
        for name in _FOLDERS:
            shutil.copytree(shipped(name), directory / name, ignore=_LEFT_OUT)
        _let_the_owner_write(directory)
    except OSError as error:
        return bad_input(f"the example cannot be copied to {directory}: {error}")
    console.print(f"infrastructure/ and app/ are in {directory}. Next:", markup=False)
    for command in (
        f"cd {directory}",
        "pushproof doctor    # what is present on this machine, what is missing, what to do about it",
        "pushproof drill     # a push deploys, a bad push rolls back: about five minutes",
    ):
        console.print(f"  {command}", markup=False)
    return OK


def _let_the_owner_write(directory: Path) -> None:
    """Make copies of a read-only installation writable."""
    for path in (directory, *directory.rglob("*")):
        path.chmod(path.stat().st_mode | stat.S_IWUSR)
