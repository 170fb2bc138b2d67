"""A request satisfies the listener's rule that leads to the service."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushproof.drill.discovery.entrances import Listening, accepts, candidate_paths, choose_listening, concrete


@pytest.mark.parametrize(
    ("patterns", "paths"),
    [
        ([], ["/health"]),
        (["/*"], ["/health"]),
        (["/api/*"], ["/api/health", "/api/"]),
        (["/api", "/api/*"], ["/api", "/api/health", "/api/"]),
        (["/exact"], ["/exact"]),
    ],
)
def test_paths_are_tried_best_first(patterns: list[str], paths: list[str]) -> None:
    """The health check's own where the rule takes it, else below the rule's prefix, else the prefix."""
    assert list(candidate_paths(patterns, "/health")) == paths


@given(st.lists(st.text("ab/.-*?", min_size=1, max_size=8).map(lambda text: "/" + text), min_size=1, max_size=3))
def test_every_path_satisfies_a_pattern(patterns: list[str]) -> None:
    """Every candidate path satisfies one of the patterns."""
    paths = list(candidate_paths(patterns, "/health"))
    assert paths
    assert all(any(fnmatchcase(path, pattern) for pattern in patterns) for path in paths)


@given(st.text("abc.-*?", min_size=1, max_size=12))
def test_a_concrete_text_matches_its_pattern(pattern: str) -> None:
    """Wildcards are filled in."""
    assert fnmatchcase(concrete(pattern), pattern)


def listening(protocol: str, *conditions: str, weight: int = 1) -> Listening:
    forward = {"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": "g", "Weight": weight}]}}
    return Listening({"Protocol": protocol}, {"Conditions": [{"Field": c} for c in conditions], "Actions": [forward]})


def test_the_listener_that_users_take_is_chosen() -> None:
    """TLS before plain, a rule that a GET satisfies before one on headers; a weight of zero forwards nothing."""
    plain, tls, header = listening("HTTP"), listening("HTTPS"), listening("HTTPS", "http-header")
    assert choose_listening([plain, header, tls], "g") is tls
    assert choose_listening([header, plain], "g") is plain
    assert choose_listening([listening("HTTPS", weight=0)], "g") is None
    assert choose_listening([tls], "other") is None


@pytest.mark.parametrize(
    ("codes", "status", "accepted"),
    [("200", 200, True), ("200", 204, False), ("200-299", 204, True), ("200,301-302", 302, True), ("", 200, False)],
)
def test_matchers_are_read_as_elb_reads_them(codes: str, status: int, accepted: bool) -> None:
    """Single codes, lists and ranges."""
    assert accepts(codes, status) is accepted
