"""The application's repository as a developer has it: a checkout to commit to and push from."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from pushproof.drill.badinput import BadInput
from pushproof.drill.breakages import dockerfiles
from pushproof.drill.breakages.breakage import Breakage, Tree
from pushproof.drill.breakages.variants import FOLDER
from pushproof.drill.delivery import Delivery

_LEFT_OUT = shutil.ignore_patterns("__pycache__", ".git", ".terraform", "node_modules", ".venv", "*.tfstate*")


class Checkout:
    """A git checkout of the application in a directory of its own; `reopened`, one that another process has made there.

    `images`: base images to replace in every Dockerfile.
    """

    def __init__(
        self,
        application: Path,
        directory: Path,
        *,
        remote: str,
        branch: str,
        environment: dict[str, str],
        reopened: bool = False,
        images: Mapping[str, str] | None = None,
    ) -> None:
        if not application.is_dir():
            raise BadInput(f"{application} is no application repository: it is not a directory. Name one with --app")
        self.directory = directory
        self.branch = branch
        self._application = application
        self._images = images or {}
        self._environment = {
            **environment,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
        }
        if reopened:
            return
        directory.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", f"--initial-branch={branch}")
        self.git("config", "user.name", "A Developer")
        self.git("config", "user.email", "developer@example.com")
        self.git("remote", "add", "origin", remote)

    def commit(
        self,
        message: str,
        *,
        breakage: Breakage | None = None,
        delivery: Delivery | None = None,
        dockerfile: Path | None = None,
        files: Mapping[str, str] | None = None,
    ) -> str:
        """Commit the application, broken by a breakage, with `files` (path -> text) on top; returns the full hash.

        Raises NotApplicable, and commits nothing, when the breakage does not apply to it.
        """
        self._restore()
        if breakage is not None:
            breakage.break_in(Tree(self.directory, delivery or Delivery("", "", "", ""), dockerfile))
        for path, text in (files or {}).items():
            (self.directory / path).write_text(text, encoding="utf-8")
        # What a .gitignore names is in nobody's checkout; what a breakage adds is meant.
        self.git("add", "--all", "--force")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD").strip()

    def _restore(self) -> None:
        """Make the checkout the application as it is: nothing of an earlier breakage stays."""
        for path in self.directory.iterdir():
            if path.name == ".git":
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        tracked = tracked_files(self._application)
        if not tracked:
            shutil.copytree(self._application, self.directory, ignore=_LEFT_OUT, dirs_exist_ok=True, symlinks=True)
        for file in tracked:
            destination = self.directory / file
            destination.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self._application / file, destination, follow_symlinks=False)
        if (self._application / FOLDER / "variants.json").is_file():
            shutil.rmtree(self.directory / FOLDER, ignore_errors=True)
        for path in sorted(self.directory.rglob("*Dockerfile*")) if self._images else ():
            if path.is_file() and ".git" not in path.relative_to(self.directory).parts:
                text = path.read_text(encoding="utf-8", errors="surrogateescape")
                path.write_text(dockerfiles.map_images(text, self._images), encoding="utf-8", errors="surrogateescape")

    def push(self, branch: str | None = None) -> str:
        """Push the newest commit; returns the remote's messages. Raises BadInput when the remote refuses it."""
        done = self._run("push", "--force", "origin", f"HEAD:refs/heads/{branch or self.branch}")
        return "\n".join(
            line.removeprefix("remote: ").rstrip() for line in done.stderr.splitlines() if line.startswith("remote:")
        )

    def git(self, *arguments: str) -> str:
        """Run a git command in the checkout; returns its output."""
        return self._run(*arguments).stdout

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.directory,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        if done.returncode:
            raise BadInput(f"`git {' '.join(arguments)}` failed:\n{done.stderr.strip()}")
        return done


def tracked_files(directory: Path) -> list[Path]:
    """Return the files of a directory that git tracks or would track, relative to it; none outside a git work tree."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", "."],
        cwd=directory,
        capture_output=True,
        check=False,
        timeout=120,
    )
    if listed.returncode:
        return []
    paths = [Path(os.fsdecode(name)) for name in listed.stdout.split(b"\0") if name]
    return [path for path in paths if (directory / path).is_file() or (directory / path).is_symlink()]
