"""Inputs of `terraform init`: files that an earlier run has initialised need no other init as long as these are the same.

Terraform itself refuses files that need one, apart from a provider that is attached (`resident.py`): it does not check its version.
Source: https://developer.hashicorp.com/terraform/cli/commands/init
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from pushproof.terraform.configuration import local_modules
from pushproof.terraform.hcl import Block, read_directory
from pushproof.terraform.working_copy import LOCK_FILE, WorkingCopy

# In the directory that an init fills, so that it is kept and removed with it.
_NOTE = ".terraform/pushproof-init"
# Of a module block: what an init installs it by.
_OF_A_MODULE = ("source", "version")


def inputs_of(copy: WorkingCopy, settings: Mapping[str, object] | None) -> str:
    """Return a digest of what an init of a working copy depends on, besides the versions of Terraform and its settings.

    These are the `terraform` blocks, the sources and versions of modules, the repository's lock file, and the backend's `settings`.
    """
    directory = copy.directory
    blocks = {
        os.path.relpath(module, directory): [_plain(block) for block in _decisive(module)]
        for module in sorted(local_modules(directory))
    }
    lock = copy.source / LOCK_FILE
    text = json.dumps(
        [blocks, lock.read_text(encoding="utf-8") if lock.exists() else "", settings], sort_keys=True, default=str
    )
    return hashlib.sha256(text.encode()).hexdigest()


def noted_inputs(copy: WorkingCopy) -> str:
    """Return the digest of the init that a working copy's files come from; empty if there was none."""
    try:
        return (copy.here / _NOTE).read_text(encoding="utf-8")
    except OSError:
        return ""


def note_inputs(copy: WorkingCopy, inputs: str) -> None:
    """Note the digest of an init beside what it has installed."""
    path = copy.here / _NOTE
    path.parent.mkdir(exist_ok=True)
    path.write_text(inputs, encoding="utf-8")


def _decisive(directory: Path) -> Iterator[Block]:
    return (block for block in read_directory(directory) if block.kind in ("terraform", "module"))


def _plain(block: Block) -> list[object]:
    attributes = {
        name: attribute.text
        for name, attribute in block.attributes.items()
        if block.kind != "module" or name in _OF_A_MODULE
    }
    return [block.kind, block.labels, attributes, [_plain(inner) for inner in block.blocks if block.kind != "module"]]
