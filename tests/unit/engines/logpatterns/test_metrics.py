"""Metrics that a filter makes of events."""

from __future__ import annotations

from typing import Any

import pytest

from pushproof.engines.logpatterns import InvalidFilterPattern, check_metric, compile_pattern


def refusal(pattern: str, **metric: Any) -> str | None:
    """The words that a metric is refused with; None when it is not."""
    try:
        check_metric(compile_pattern(pattern), **{"namespace": "shop", "value": "1", **metric})
    except InvalidFilterPattern as refused:
        return refused.message
    return None


@pytest.mark.parametrize(
    ("pattern", "metric"),
    [
        ("ERROR", {}),
        ("ERROR", {"value": "-2.5e3", "default": 0.0}),
        # Recorded 2026-02-05: the metric may take a property that the pattern does not name.
        ("{ $.val = * }", {"value": "$.value"}),
        ("{ $.latency = * }", {"value": "$.latency", "dimensions": {"Zone": "$.zone", "Host": "$.['host.name']"}}),
        ("[ip, status, bytes]", {"value": "$bytes", "dimensions": {"Status": "$status", "Second": "$2"}}),
        ("ERROR", {"namespace": "A.B-c_d/1#2:metricNamespace"}),
        ("ERROR", {"namespace": "AWSome"}),
        ("ERROR", {"dimensions": {}, "default": 0.0}),
    ],
)
def test_accepted(pattern: str, metric: dict[str, Any]) -> None:
    """Numbers, and fields of events, are values; fields are dimensions."""
    assert refusal(pattern, **metric) is None


@pytest.mark.parametrize(
    ("pattern", "metric", "said"),
    [
        ("ERROR", {"namespace": "AWS/ApiGateway"}, "Metric namespaces starting with AWS/ are reserved for AWS."),
        ("ERROR", {"value": "one"}, "Invalid metric transformation: metric value one must be a valid number"),
        ("ERROR", {"value": ""}, "Invalid metric transformation: metric value  must be a valid number"),
        ("{ $.a = 1 }", {"value": "$a"}, "Invalid metric transformation: metric value $a must be a valid number"),
        (
            "?ERROR ?WARN",
            {"dimensions": {"Level": "$.level"}},
            "The specified filter pattern does not support dimensions",
        ),
        ("%ERROR%", {"dimensions": {"Level": "$level"}}, "The specified filter pattern does not support dimensions"),
        (
            "{ $.a = 1 }",
            {"dimensions": {"Zone": "$.zone"}, "default": 0.0},
            "Invalid metric transformation: dimensions and default value are mutually exclusive properties",
        ),
        (
            "{ $.a = 1 }",
            {"dimensions": {"Zone": "eu-west-1a"}},
            "Invalid metric transformation: dimension value must be valid selector",
        ),
        (
            "[a]",
            {"dimensions": {"Zone": "$.a"}},
            "Invalid metric transformation: dimension value must be valid selector",
        ),
        (
            "{ $.a = 1 }",
            {"dimensions": dict.fromkeys("abcd", "$.a")},
            "Invalid metric transformation: at most 3 dimensions are allowed",
        ),
    ],
)
def test_refused(pattern: str, metric: dict[str, Any], said: str) -> None:
    """Invalid metrics are refused in PutMetricFilter's words."""
    assert refusal(pattern, **metric) == said
