"""Pages of lists, as every service cuts them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.paging import page_of, place_before, token_after
from pushproof.emulator.world import World

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


def test_a_place_is_read_as_it_was_written() -> None:
    """A token of a place says that place, and nothing else is a token."""
    token = token_after(True, 3, "a/ü")
    assert place_before(token, (bool, int, str), REFUSAL) == [True, 3, "a/ü"]
    for other in (token_after(1, 3, "a"), token_after(True, 3), "!", "bm90IEpTT04=", token_after()[:-2]):
        with pytest.raises(AwsError) as refused:
            place_before(other, (bool, int, str), REFUSAL)
        assert refused.value is REFUSAL


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World.virtual() as world:
        yield world


SIMULATION: dict[str, Any] = {
    "PolicyInputList": [json.dumps({"Version": "2012-10-17", "Statement": []})],
    "ActionNames": ["s3:GetObject"],
}
PAGED: list[tuple[str, str, str, dict[str, Any], str]] = [
    ("sns", "list_subscriptions", "NextToken", {}, "InvalidParameter"),
    ("codeconnections", "list_connections", "NextToken", {}, "ValidationException"),
    ("iam", "simulate_custom_policy", "Marker", SIMULATION, "InvalidInput"),
    ("codebuild", "list_projects", "nextToken", {}, "InvalidInputException"),
    ("ecs", "list_clusters", "nextToken", {}, "InvalidParameterException"),
    ("ecr", "describe_repositories", "nextToken", {}, "InvalidParameterException"),
    ("elbv2", "describe_load_balancers", "Marker", {}, "ValidationError"),
]


@pytest.mark.parametrize("token", ["²", "1" * 20])
@pytest.mark.parametrize(("service", "operation", "member", "request_", "code"), PAGED, ids=[case[0] for case in PAGED])
def test_every_service_refuses_such_a_token_by_its_own_code(
    world: World, service: str, operation: str, member: str, request_: dict[str, Any], code: str, token: str
) -> None:
    """A token other than a number of a few plain digits is refused by every service that counts its pages."""
    with pytest.raises(ClientError) as refused:
        getattr(world.administrator(service), operation)(**request_, **{member: token})
    assert refused.value.response["Error"]["Code"] == code
