"""Terraform's files beside a configuration: state, lock file, providers; kept with a world, and put back with it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from pushproof.emulator.keeping.places import Place
from pushproof.terraform.driver import Terraform
from pushproof.terraform.working_copy import (
    ALIASES_FILE,
    LOCAL_BACKEND_FILE,
    LOCK_FILE,
    STATE_FILE,
    VARIABLES_FILE,
)

# What Terraform writes beside a configuration, and what Pushproof does.
_WRITTEN = (STATE_FILE, LOCK_FILE, VARIABLES_FILE, LOCAL_BACKEND_FILE, ALIASES_FILE)


def take_files(terraform: Terraform, target: Path, place: Place) -> None:
    """Copy the files of a configuration to `target`, with marks for the addresses of `place`."""
    source = terraform.copy.directory
    named = [source / name for name in _WRITTEN]
    for path in [*(path for path in named if path.exists()), *_below(source / ".terraform")]:
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            copy.symlink_to(os.readlink(path))
            continue
        try:
            _write(copy, place.marked(path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            # A program of a provider that is no link: `init` fetches it again.
            continue


def put_files(source: Path, terraform: Terraform, place: Place) -> None:
    """Put the files that `take_files` has copied in their place, with the addresses of `place`."""
    for path in _below(source):
        target = terraform.copy.here / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        if path.is_symlink():
            target.symlink_to(os.readlink(path))
        else:
            _write(target, place.filled(path.read_text(encoding="utf-8")))


def remove_files(terraform: Terraform) -> None:
    """Remove what an earlier run has written beside a configuration."""
    for name in (*_WRITTEN, "terraform.tfstate.backup"):
        (terraform.copy.directory / name).unlink(missing_ok=True)
    shutil.rmtree(terraform.copy.directory / ".terraform", ignore_errors=True)
    # A lock file of the repository's own pins the providers of what comes next.
    if (terraform.copy.source / LOCK_FILE).exists():
        shutil.copyfile(terraform.copy.source / LOCK_FILE, terraform.copy.directory / LOCK_FILE)


def _below(directory: Path) -> Iterator[Path]:
    """Yield the files and links below a directory; links are not followed."""
    for root, directories, files in os.walk(directory):
        links = [name for name in directories if (Path(root) / name).is_symlink()]
        yield from (Path(root) / name for name in [*links, *files])


def _write(path: Path, text: str) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
