"""Annotations in GitHub's pull requests: a command in the log for each finding, at the user's own file and line.

Source: https://docs.github.com/actions/reference/workflow-commands-for-github-actions#setting-an-error-message
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from pushproof.session.failures import ANNOTATIONS


def commands(reports: Iterable[object], root: Path, environment: Mapping[str, str] = os.environ) -> Iterator[str]:
    """Return an error command for each finding and each error of Terraform's in failed reports, each once."""
    workspace = environment.get("GITHUB_WORKSPACE")
    seen: set[str] = set()
    for report in reports:
        for entry in getattr(report, ANNOTATIONS, ()):
            path = root / str(entry["file"])
            if workspace and path.is_relative_to(workspace):
                path = path.relative_to(workspace)
            elif path.is_relative_to(root):
                path = path.relative_to(root)
            properties = {"file": path.as_posix(), "line": entry["line"] or 1, "title": entry["title"]}
            listed = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
            command = f"::error {listed}::{_data(str(entry['text']))}"
            if command not in seen:
                seen.add(command)
                yield command


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def write_commands(reporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Write the commands of a session at the beginning of lines, where GitHub reads them."""
    reports = [report for kind in ("failed", "error") for report in reporter.stats.get(kind, [])]
    for command in commands(reports, config.rootpath):
        reporter.ensure_newline()
        reporter.write_line(command)
