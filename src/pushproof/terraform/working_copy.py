"""A copy of a configuration to run in, so that nothing is ever written into the source tree."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from pushproof.terraform.configuration import local_modules
from pushproof.terraform.errors import NoConfiguration

_LEFT_OUT = shutil.ignore_patterns(".terraform", "*.tfstate", "*.tfstate.*", ".git", "__pycache__", "*.tfplan")


@dataclass(frozen=True, slots=True)
class WorkingCopy:
    """`source` as it stands in the tree; `directory`, its copy to run in, with the local modules it uses beside it."""

    source: Path
    directory: Path
    root: Path


def require_configuration(directory: Path) -> Path:
    """The directory, absolute. Raises NoConfiguration when it is missing or has no Terraform files."""
    path = directory.resolve()
    if not path.is_dir():
        raise NoConfiguration(f"{directory} is not a directory; expected one with Terraform files (*.tf)")
    if not any(path.glob("*.tf")) and not any(path.glob("*.tf.json")):
        raise NoConfiguration(
            f"{directory} holds no Terraform files (*.tf); name the directory of a root module or module"
        )
    return path


def copy_configuration(source: Path, target: Path) -> WorkingCopy:
    """Copy a configuration, and the local modules it uses, below `target`, keeping their places relative to each other."""
    absolute = require_configuration(source)
    directories = local_modules(absolute)
    root = Path(os.path.commonpath([str(d) for d in directories]))
    for directory in sorted(directories):
        destination = target / directory.relative_to(root)
        shutil.copytree(directory, destination, ignore=_LEFT_OUT, dirs_exist_ok=True)
    return WorkingCopy(absolute, target / absolute.relative_to(root), target)
