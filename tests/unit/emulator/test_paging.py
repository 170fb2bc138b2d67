"""Pages of lists, as every service cuts them."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.paging import page_of

REFUSAL = AwsError("InvalidNextTokenException", "The next token is not valid.")


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.integers(), max_size=40),
    st.none() | st.integers(1, 50),
    st.integers(1, 20),
    st.none() | st.integers(1, 9),
)
def test_pages_together_are_the_list(items: list[int], size: int | None, default: int, most: int | None) -> None:
    """Page after page, nothing is lost or repeated; no page but the last is short, and none is larger than may be."""
    token, pages = None, []
    while True:
        page, token = page_of(items, token, REFUSAL, size=size, default=default, most=most)
        pages.append(page)
        if token is None:
            break
    assert [item for page in pages for item in page] == items
    expected = min(size or default, most or 50)
    assert all(len(page) == expected for page in pages[:-1])
    assert len(pages[-1]) <= expected


@pytest.mark.parametrize("token", ["x", "-1", "1.5", " 1", "٣", "²", "1" * 10, "1" * 5000])
def test_a_token_that_was_never_answered_is_refused(token: str) -> None:
    """Words, signs, foreign digits, and numbers of any length raise the service's error."""
    with pytest.raises(AwsError) as refused:
        page_of([1, 2, 3], token, REFUSAL)
    assert refused.value is REFUSAL


def test_a_token_beyond_the_list_answers_an_empty_last_page() -> None:
    """The list may have become shorter since the token was answered."""
    assert page_of([1, 2, 3], "7", REFUSAL) == ([], None)
