"""Finds the Terraform to run: a binary, or a command that stands before it, such as a wrapper."""

from __future__ import annotations

import functools
import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from pushproof.base.environment import clean_environment
from pushproof.terraform.errors import TerraformMissing

OLDEST = (1, 5, 0)
OLDEST_WITH_LOCKFILE = (1, 10, 0)


@dataclass(frozen=True, slots=True)
class TerraformBinary:
    """A `terraform`, a `tofu` or a wrapper that answers; `version` as numbers.

    `arguments`: the words of a wrapper's command between its path and Terraform's own.
    """

    path: str
    product: str
    version: tuple[int, int, int]
    arguments: tuple[str, ...] = ()

    @property
    def command(self) -> tuple[str, ...]:
        """The words that stand before Terraform's own."""
        return self.path, *self.arguments

    @property
    def native_locking(self) -> bool:
        """Return whether the S3 backend can lock by itself (`use_lockfile`).

        Source: https://developer.hashicorp.com/terraform/language/backend/s3
        """
        return self.version >= OLDEST_WITH_LOCKFILE

    def __str__(self) -> str:
        return f"{self.product} {'.'.join(map(str, self.version))}"


@functools.cache
def _ask(path: str, arguments: tuple[str, ...], _modified: int) -> TerraformBinary:
    """Ask a binary for its version, once for each state of the file (its time of change is part of the cache's key)."""
    done = subprocess.run(
        [path, *arguments, "version", "-json"],
        capture_output=True,
        text=True,
        env=clean_environment(),
        timeout=60,
        check=False,
    )
    try:
        text = json.loads(done.stdout)["terraform_version"]
        major, minor, patch = (int(part) for part in text.split("-")[0].split(".")[:3])
    except (ValueError, KeyError) as error:
        raise TerraformMissing(
            f"{shlex.join([path, *arguments])} does not answer `version -json` as Terraform does: {done.stdout or done.stderr}"
        ) from error
    product = "OpenTofu" if "tofu" in os.path.basename(path) else "Terraform"
    return TerraformBinary(path, product, (major, minor, patch), arguments)


def find_terraform(command: str | Sequence[str] | None = None) -> TerraformBinary:
    """The Terraform to use: `command`, `$PUSHPROOF_TERRAFORM`, `terraform`, or `tofu`, the first there is.

    A command is a path or a name, with words after it for a wrapper (`terragrunt run --`); a text is split as a shell splits it.
    Raises TerraformMissing when there is none, or it is older than 1.5.
    """
    chosen = _words(command) or _words(os.environ.get("PUSHPROOF_TERRAFORM"))
    candidates = [chosen] if chosen else [["terraform"], ["tofu"]]
    executable, arguments = next(
        ((path, tuple(rest)) for name, *rest in candidates if (path := shutil.which(name))), (None, ())
    )
    if executable is None:
        origin = "from the settings" if command else "from PUSHPROOF_TERRAFORM"
        missing = f"{chosen[0]!r} ({origin})" if chosen else "`terraform` or `tofu`"
        raise TerraformMissing(
            f"{missing} is not on PATH. Install Terraform 1.10 or later (https://developer.hashicorp.com/terraform/install) or "
            "OpenTofu 1.10 or later, or set PUSHPROOF_TERRAFORM to its path."
        )
    binary = _ask(executable, arguments, os.stat(executable).st_mtime_ns)
    if binary.version < OLDEST:
        raise TerraformMissing(
            f"{executable} is {binary}; Pushproof needs 1.5 or later (1.10 or later for native S3 state locking)."
        )
    return binary


def _words(command: str | Sequence[str] | None) -> list[str]:
    """Return the words of a command; a path with spaces in it, when it is there, is one."""
    if isinstance(command, str):
        return [command] if shutil.which(command) else shlex.split(command)
    return list(command or ())
