"""The summary of a source revision is JSON, however long the commit's message is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushproof.emulator.services.codepipeline.actions.connection import SUMMARY_LIMIT, revision_summary


@pytest.mark.parametrize("message", ["short", "x" * 3000, '"' * 1500, "\n" * 2000, "\x00" * 500, "é\\" * 1200, ""])
def test_a_long_message_is_cut_and_the_summary_stays_json(message: str) -> None:
    """API_SourceRevision.html: 2,048 characters at most; as much of the message as fits is kept."""
    summary = revision_summary("GitHub", message)
    assert len(summary) <= SUMMARY_LIMIT
    read = json.loads(summary)
    assert read["ProviderType"] == "GitHub"
    assert message.startswith(read["CommitMessage"])
    if read["CommitMessage"] != message:
        longer = message[: len(read["CommitMessage"]) + 1]
        assert len(json.dumps({"ProviderType": "GitHub", "CommitMessage": longer}, ensure_ascii=False)) > SUMMARY_LIMIT


@given(st.text(max_size=20), st.integers(1, 400))
def test_any_message_fits(piece: str, times: int) -> None:
    """Any message fits, whatever has to be escaped, and however often."""
    summary = revision_summary("GitHub", piece * times)
    assert len(summary) <= SUMMARY_LIMIT
    assert (piece * times).startswith(json.loads(summary)["CommitMessage"])
