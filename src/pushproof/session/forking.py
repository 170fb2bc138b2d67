"""A module in a fork of its world: the same state, plans and applies of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pushproof.terraform.applied import AppliedModule, reopen_in
from pushproof.terraform.working_copy import STATE_FILE, VARIABLES_FILE, WorkingCopy

if TYPE_CHECKING:
    from pushproof.targets.forks import Fork
    from pushproof.targets.worldtarget import WorldTarget

# Files in which Terraform keeps addresses of the world. Others are the user's own.
_STATES = (STATE_FILE, f"{STATE_FILE}.backup", VARIABLES_FILE)


def forked_module(module: AppliedModule, target: WorldTarget, fork: Fork) -> AppliedModule:
    """Return a module like `module`, of which the world of `target` has been forked. It ends the fork when it is closed."""
    copy = module.terraform.copy
    root = fork.directory(f"terraform/{copy.here.parts[-1]}")
    source = copy.root
    shutil.copytree(source, root, symlinks=True, dirs_exist_ok=True)
    here = root / copy.here.relative_to(source)
    for path in _states(here):
        text = target.place.marked(path.read_text(encoding="utf-8"))
        path.write_text(fork.place.filled(text), encoding="utf-8")
    terraform = reopen_in(fork, WorkingCopy(copy.source, here, root), module.terraform)
    forked = AppliedModule(terraform, terraform.outputs(), client=fork.client, control=(fork.endpoint, fork.keys))
    forked.on_close(fork.close)
    return forked


def _states(directory: Path) -> Iterator[Path]:
    yield from (directory / name for name in _STATES if (directory / name).exists())
    backend = directory / ".terraform/terraform.tfstate"
    if backend.exists():
        yield backend
