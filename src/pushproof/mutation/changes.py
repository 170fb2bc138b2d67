"""Lines that have changed since a revision of git."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from pushproof.mutation.settings import MutationError

_HUNK = re.compile(r"^@@ -\S+ \+(\d+)(?:,(\d+))? @@")


def changed_lines(root: Path, revision: str, snapshot: Path) -> dict[str, list[range]]:
    """Return the changed lines of each file, from 1, by path below the repository; files that git has not heard of change whole.

    Raises MutationError for a revision that is none.
    """
    arguments = ("diff", "--unified=0", "--no-color", "--no-ext-diff", "--relative", "--diff-filter=d", revision, "--")
    diff = _git(root, revision, *arguments)
    lines = parse_diff(diff)
    for name in _git(root, revision, "ls-files", "--others", "--exclude-standard", "-z").split("\0"):
        if name and (snapshot / name).is_file():
            count = (snapshot / name).read_bytes().count(b"\n") + 1
            lines[name] = [range(1, count + 1)]
    return lines


def parse_diff(diff: str) -> dict[str, list[range]]:
    """Return the changed lines of each file of a unified diff without context. A removal counts for the lines around it."""
    lines: dict[str, list[range]] = {}
    name = ""
    for line in diff.splitlines():
        if line.startswith("+++ "):
            name = _name(line.removeprefix("+++ "))
        elif (match := _HUNK.match(line)) and name:
            start, count = int(match[1]), int(match[2] or 1)
            lines.setdefault(name, []).append(range(start, start + count) if count else range(start, start + 2))
    return lines


def _name(text: str) -> str:
    """Return the path of a diff's header line."""
    text = text.rstrip("\t")
    if text.startswith('"'):
        # Git quotes unusual names as C does; octal escapes are bytes of UTF-8.
        text = text.strip('"').encode("latin-1", "replace").decode("unicode_escape").encode("latin-1").decode()
    return "" if text == "/dev/null" else text.removeprefix("b/")


def _git(root: Path, revision: str, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ("git", "-c", "core.quotePath=false", *arguments),
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MutationError(f"--since {revision}: git cannot be run: {error}") from error
    if done.returncode != 0:
        raise MutationError(
            f"--since {revision}: git does not accept it ({done.stderr.strip() or done.returncode}); expected a revision, such "
            "as origin/main or HEAD~1"
        )
    return done.stdout
