"""Names of CodeCommit's repositories on a world's git host."""

from __future__ import annotations


def place_of(repository: str, region: str) -> str:
    """Return the `owner/name` under which a world's git host keeps a CodeCommit repository of a region."""
    return f"codecommit.{region}/{repository}"
