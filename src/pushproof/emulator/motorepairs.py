"""Faults of moto that stacks like ours meet, repaired in this process. Each says what fails without it."""

from __future__ import annotations


def repair() -> None:
    """Apply every repair; safe to call again, and harmless once moto has its own."""
    _delete_markers_can_be_disposed_of()


def _delete_markers_can_be_disposed_of() -> None:
    """Without it, emptying a versioned bucket that has delete markers (a state bucket with lock files) ends in a 500."""
    from moto.s3.models import FakeDeleteMarker

    if not hasattr(FakeDeleteMarker, "dispose"):
        setattr(FakeDeleteMarker, "dispose", lambda *_: None)  # noqa: B010
