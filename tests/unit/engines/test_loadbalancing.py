"""Rules, redirects, weights and headers of an Application Load Balancer."""

from __future__ import annotations

import fnmatch
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushproof.engines.loadbalancing import (
    Condition,
    FixedResponse,
    HostHeader,
    HttpHeader,
    HttpRequest,
    HttpRequestMethod,
    NoRuleError,
    PathPattern,
    QueryString,
    Redirect,
    Rule,
    SourceIp,
    WeightedTargetGroup,
    certificate_for,
    choose_target_group,
    eligible,
    holds,
    matches,
    matching_rule,
    redirect_location,
    trace_id,
)

REQUEST = HttpRequest(
    protocol="HTTP",
    method="GET",
    host="app.example.com",
    port=80,
    path="/img/picture.png",
    query="version=v1&lang=EN",
    source_ip="192.0.2.10",
    headers=(("User-Agent", "Mozilla/5.0 Chrome/1"), ("X-Team", "blue")),
)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html
        (HostHeader(("*.example.com",)), True),
        (HostHeader(("APP.EXAMPLE.COM",)), True),
        (HostHeader(("example.com",)), False),
        (HostHeader((), (r"^app\d*\.",)), True),
        (PathPattern(("/img/*",)), True),
        (PathPattern(("/IMG/*",)), False),
        (PathPattern(("/img/*/pics",)), False),
        (PathPattern(("/img/picture.pn?",)), True),
        (PathPattern(("/img/picture.png?version=v1",)), False),
        (HttpHeader("user-agent", ("*chrome*",)), True),
        (HttpHeader("User-Agent", ("*Safari*", "*Firefox*")), False),
        (HttpHeader("X-Absent", ("*",)), False),
        (HttpRequestMethod(("GET", "HEAD")), True),
        (HttpRequestMethod(("get",)), False),
        (QueryString((("version", "v1"),)), True),
        (QueryString(((None, "en"),)), True),
        (QueryString((("version", "en"),)), False),
        (QueryString((("ver*", "v?"),)), True),
        (SourceIp(("192.0.2.0/24", "198.51.100.10/32")), True),
        (SourceIp(("198.51.100.0/24", "2001:db8::/32")), False),
    ],
)
def test_condition(condition: Condition, expected: bool) -> None:
    """Each condition type matches as the rule condition page says."""
    assert holds(condition, REQUEST) is expected


def test_a_backslash_takes_a_wildcard_literally() -> None:
    """`\\*` and `\\?` match only themselves."""
    assert matches(r"a\*c", "a*c", ignore_case=True)
    assert not matches(r"a\*c", "abc", ignore_case=True)
    assert matches(r"what\?", "what?", ignore_case=True)


def _rule(name: str, priority: int | None, *conditions: Condition) -> Rule:
    return Rule(name, priority, conditions, FixedResponse(200))


def test_rules_are_evaluated_by_priority_and_the_default_comes_last() -> None:
    """The lowest number that matches wins, however the rules were listed."""
    rules = (
        _rule("default", None),
        _rule("second", 20, PathPattern(("/img/*",))),
        _rule("first", 3, PathPattern(("/img/*",)), HttpRequestMethod(("GET",))),
    )
    assert matching_rule(rules, REQUEST).arn == "first"
    assert matching_rule(rules, replace(REQUEST, method="POST")).arn == "second"
    assert matching_rule(rules, replace(REQUEST, path="/")).arn == "default"


def test_rules_without_a_default_are_refused_when_nothing_matches() -> None:
    """A request can never fall through a listener silently."""
    with pytest.raises(NoRuleError, match="default rule"):
        matching_rule((_rule("only", 1, PathPattern(("/other",))),), REQUEST)


@pytest.mark.parametrize(
    ("redirect", "location"),
    [
        # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-listeners.html
        (Redirect(301, protocol="HTTPS", port="443"), "https://app.example.com:443/img/picture.png?version=v1&lang=EN"),
        (Redirect(302, path="/new/#{path}", query=""), "http://app.example.com:80/new/img/picture.png"),
        (
            Redirect(301, host="www.#{host}", query="#{query}&from=#{port}"),
            "http://www.app.example.com:80/img/picture.png?version=v1&lang=EN&from=80",
        ),
        (Redirect(301, host="example.com", path="/", query="was=#{protocol}"), "http://example.com:80/?was=http"),
    ],
)
def test_redirect_location(redirect: Redirect, location: str) -> None:
    """Keywords keep the parts of the request, everything else is replaced."""
    assert redirect_location(redirect, REQUEST) == location


@given(st.text(st.characters(codec="ascii", exclude_characters="#{}?"), max_size=20))
def test_a_keyword_that_a_client_sends_is_never_expanded(text: str) -> None:
    """Keywords in a request are copied, not interpreted."""
    request = replace(REQUEST, path="/" + text + "#{host}", query="")
    assert redirect_location(Redirect(301), request).endswith(text + "#{host}")


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_wildcards_agree_with_shell_patterns(pattern: str, text: str) -> None:
    """`*` and `?` mean what they mean in a shell."""
    assert matches(pattern, text, ignore_case=False) == fnmatch.fnmatchcase(text, pattern)


@given(st.lists(st.integers(0, 999), min_size=1, max_size=5), st.floats(0, 1, exclude_max=True))
def test_a_draw_picks_a_group_with_weight(weights: list[int], draw: float) -> None:
    """A group of weight zero receives nothing; all zero means no group at all."""
    groups = [WeightedTargetGroup(str(index), weight) for index, weight in enumerate(weights)]
    chosen = choose_target_group(groups, draw)
    assert (chosen is None) if not any(weights) else (chosen is not None and weights[int(chosen)] > 0)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=4).filter(any))
def test_shares_follow_the_weights(weights: list[int]) -> None:
    """Over evenly spread draws each group gets exactly its share."""
    groups = [WeightedTargetGroup(str(index), weight) for index, weight in enumerate(weights)]
    total = sum(weights)
    drawn = [choose_target_group(groups, (step + 0.5) / total) for step in range(total)]
    assert [drawn.count(str(index)) for index in range(len(weights))] == weights


def test_only_healthy_targets_are_eligible_while_there_is_one() -> None:
    """Initial and unhealthy targets wait; draining ones get nothing new."""
    targets = [("a", "healthy"), ("b", "initial"), ("c", "unhealthy"), ("d", "draining")]
    assert eligible(targets) == ("a",)


def test_a_group_without_healthy_targets_fails_open() -> None:
    """All registered targets serve when none is healthy, draining ones still not."""
    assert eligible([("b", "initial"), ("c", "unhealthy"), ("d", "draining"), ("e", "unused")]) == ("b", "c")
    assert eligible([("d", "draining"), ("e", "unhealthy.draining")]) == ()


UNIQUE = "12456789abcdef0123456780"


@pytest.mark.parametrize(
    ("incoming", "expected"),
    [
        # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-request-tracing.html
        (None, f"Root=1-67891233-{UNIQUE}"),
        ("Root=1-60000000-a", f"Self=1-67891233-{UNIQUE};Root=1-60000000-a"),
        ("Self=1-x-y;Root=1-60000000-a;Lineage=z", f"Self=1-67891233-{UNIQUE};Root=1-60000000-a;Lineage=z"),
        ("app=1", f"Root=1-67891233-{UNIQUE};app=1"),
    ],
)
def test_trace_id(incoming: str | None, expected: str) -> None:
    """A trace gets a Root once and a Self from every load balancer after that."""
    assert trace_id(incoming, 0x67891233 + 0.9, UNIQUE) == expected


def test_the_certificate_follows_the_server_name() -> None:
    """Exact names win over wildcards, and the default answers for everything else."""
    names = (("example.org",), ("*.example.com",), ("app.example.com",))
    assert certificate_for("APP.example.com", names) == 2
    assert certificate_for("api.example.com", names) == 1
    assert certificate_for("a.b.example.com", names) == 0
    assert certificate_for(None, names) == 0
