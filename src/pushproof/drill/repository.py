"""The application's repository as a developer has it: a checkout to commit to and push from."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pushproof.drill.settings import BadInput


@dataclass(frozen=True, slots=True)
class Variant:
    """A breakage to push: files laid over the application, and the stage where it is expected to show."""

    name: str
    title: str
    stage: str
    rolls_back: bool
    symptom: str
    overlay: Path
    files: tuple[str, ...]


def variants(application: Path) -> dict[str, Variant]:
    """Return the breakages that an application offers in `variants/variants.json`. Raises BadInput when it cannot be read."""
    manifest = application / "variants" / "variants.json"
    try:
        entries: Any = json.loads(manifest.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(f"{manifest} is missing; it lists the breakages that can be pushed") from None
    except ValueError as error:
        raise BadInput(f"{manifest} is not JSON: {error}") from error
    try:
        return {
            entry["name"]: Variant(
                name=entry["name"],
                title=entry["title"],
                stage=entry["stage"],
                rolls_back=bool(entry["rollback"]),
                symptom=entry["symptom"],
                overlay=application / "variants" / entry["name"] / "files",
                files=tuple(entry["files"]),
            )
            for entry in entries
        }
    except (KeyError, TypeError) as error:
        raise BadInput(
            f"{manifest}: an entry lacks {error}; expected name, title, stage, rollback, symptom, files"
        ) from error


class Checkout:
    """A git checkout of the application in a directory of its own; `reopened`, one that another process has made there."""

    def __init__(
        self,
        application: Path,
        directory: Path,
        *,
        remote: str,
        branch: str,
        environment: dict[str, str],
        reopened: bool = False,
    ) -> None:
        if not (application / "buildspec.yml").is_file():
            raise BadInput(f"{application} is no application repository: it has no buildspec.yml")
        self.directory = directory
        self.branch = branch
        self._application = application
        self._environment = {
            **environment,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
        }
        if reopened:
            return
        shutil.copytree(application, directory, ignore=shutil.ignore_patterns("variants", "__pycache__", ".git"))
        self.git("init", "--quiet", f"--initial-branch={branch}")
        self.git("config", "user.name", "A Developer")
        self.git("config", "user.email", "developer@example.com")
        self.git("remote", "add", "origin", remote)

    def commit(self, message: str, *, variant: Variant | None = None, files: Mapping[str, str] | None = None) -> str:
        """Commit the application, broken as a variant breaks it, with `files` (path -> text) on top; returns the full hash."""
        shutil.copytree(
            self._application,
            self.directory,
            ignore=shutil.ignore_patterns("variants", "__pycache__", ".git"),
            dirs_exist_ok=True,
        )
        for file in variant.files if variant is not None else ():
            shutil.copy(variant.overlay / file, self.directory / file)  # type: ignore[union-attr]
        for path, text in (files or {}).items():
            (self.directory / path).write_text(text, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD").strip()

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
