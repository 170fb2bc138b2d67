"""Finds the Terraform to run."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
from dataclasses import dataclass

from pushproof.base.environment import clean_environment
from pushproof.terraform.errors import TerraformMissing

OLDEST = (1, 5, 0)
OLDEST_WITH_LOCKFILE = (1, 10, 0)


@dataclass(frozen=True, slots=True)
class TerraformBinary:
    """A `terraform` or `tofu` that answers; `version` as numbers."""

    path: str
    product: str
    version: tuple[int, int, int]

    @property
    def native_locking(self) -> bool:
        """Return whether the S3 backend can lock by itself (`use_lockfile`).

        Source: https://developer.hashicorp.com/terraform/language/backend/s3
        """
        return self.version >= OLDEST_WITH_LOCKFILE

    def __str__(self) -> str:
        return f"{self.product} {'.'.join(map(str, self.version))}"


@functools.cache
def _ask(path: str, _modified: int) -> TerraformBinary:
    """Ask a binary for its version, once for each state of the file (its time of change is part of the cache's key)."""
    done = subprocess.run(
        [path, "version", "-json"], capture_output=True, text=True, env=clean_environment(), timeout=60, check=False
    )
    try:
        text = json.loads(done.stdout)["terraform_version"]
        major, minor, patch = (int(part) for part in text.split("-")[0].split(".")[:3])
    except (ValueError, KeyError) as error:
        raise TerraformMissing(
            f"{path} does not answer `version -json` as Terraform does: {done.stdout or done.stderr}"
        ) from error
    product = "OpenTofu" if "tofu" in os.path.basename(path) else "Terraform"
    return TerraformBinary(path, product, (major, minor, patch))


def find_terraform(path: str | None = None) -> TerraformBinary:
    """The binary to use: `path`, `$PUSHPROOF_TERRAFORM`, `terraform`, or `tofu`, the first there is.

    Raises TerraformMissing when there is none, or it is older than 1.5.
    """
    choice = path or os.environ.get("PUSHPROOF_TERRAFORM")
    candidates = [choice] if choice else ["terraform", "tofu"]
    executable = next((p for c in candidates if c and (p := shutil.which(c))), None)
    if executable is None:
        missing = f"{choice!r} (from PUSHPROOF_TERRAFORM)" if choice else "`terraform` or `tofu`"
        raise TerraformMissing(
            f"{missing} is not on PATH. Install Terraform 1.10 or later (https://developer.hashicorp.com/terraform/install) or "
            "OpenTofu 1.10 or later, or set PUSHPROOF_TERRAFORM to its path."
        )
    binary = _ask(executable, os.stat(executable).st_mtime_ns)
    if binary.version < OLDEST:
        raise TerraformMissing(
            f"{executable} is {binary}; Pushproof needs 1.5 or later (1.10 or later for native S3 state locking)."
        )
    return binary
