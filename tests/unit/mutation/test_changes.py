"""Lines that have changed since a revision of git."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pushproof.mutation.changes import changed_lines, parse_diff
from pushproof.mutation.settings import MutationError


def git(root: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.test", *arguments],
        cwd=root,
        check=True,
        capture_output=True,
    )


def test_added_changed_and_removed_lines_are_told(tmp_path: Path) -> None:
    """A pull request's mutants are those in its lines; a new file is changed as a whole, a deleted one is not there."""
    git(tmp_path, "init")
    (tmp_path / "a b.tf").write_text("1\n2\n3\n4\n")
    (tmp_path / "gone.tf").write_text("1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "x")
    (tmp_path / "a b.tf").write_text("1\nzwei\n4\n5\n")
    (tmp_path / "gone.tf").unlink()
    (tmp_path / "new.tf").write_text("1\n2\n")
    lines = changed_lines(tmp_path, "HEAD", tmp_path)
    assert set(lines) == {"a b.tf", "new.tf"}
    assert {line for each in lines["a b.tf"] for line in each} == {2, 4}
    assert lines["new.tf"] == [range(1, 4)]


def test_a_removal_counts_for_the_lines_around_it() -> None:
    """A mistake beside a line that was taken away is in the pull request's reach."""
    assert parse_diff("--- a/x\n+++ b/x\n@@ -3,2 +2,0 @@\n-a\n-b\n") == {"x": [range(2, 4)]}


def test_names_that_git_quotes_are_read() -> None:
    """A file's name is the one it has on disk."""
    assert parse_diff('--- a/x\n+++ "b/\\303\\251.tf"\n@@ -1 +1 @@\n') == {"é.tf": [range(1, 2)]}


def test_a_revision_that_is_none_is_bad_input(tmp_path: Path) -> None:
    """The message names the option, git's reason, and what was expected."""
    git(tmp_path, "init")
    with pytest.raises(MutationError, match=r"--since nowhere: git does not accept it .*expected a revision"):
        changed_lines(tmp_path, "nowhere", tmp_path)
