"""A breakage as a patch file of the team's own, applied with `git apply`."""

from __future__ import annotations

import subprocess
from pathlib import Path

from pushproof.drill.breakages.breakage import Breakage, Ending, NotApplicable, Tree

_ENDINGS = {".build.patch": Ending.STOPPED, ".before.patch": Ending.HELD}


class Patch(Breakage):
    """A breakage that a patch file makes. Its push is expected to be rolled back, unless the name says otherwise.

    A name that ends in `.build.patch` stands for a breakage that the build must stop; one in `.before.patch`, for one that the
    task before the deployment must stop.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.name = path.name.removesuffix(".patch").removesuffix(".build").removesuffix(".before")
        self.title = f"the patch {path.name}"
        self.ending = next((ending for end, ending in _ENDINGS.items() if path.name.endswith(end)), Ending.ROLLED_BACK)

    def break_in(self, tree: Tree) -> None:
        done = subprocess.run(
            ["git", "apply", "--whitespace=nowarn", str(self.path)],
            cwd=tree.directory, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        if done.returncode:
            raise NotApplicable(f"{self.path} does not apply: {done.stderr.strip().splitlines()[0]}")
