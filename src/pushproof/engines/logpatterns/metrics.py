"""Metrics of a metric filter: the rules by which PutMetricFilter accepts them.

Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_MetricTransformation.html ; refusals measured by
https://github.com/badmintoncryer/cdk-preflight (rules/logs), dimensions of text patterns by
https://github.com/hashicorp/terraform-provider-aws/issues/28881
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pushproof.engines.logpatterns.errors import InvalidFilterPattern
from pushproof.engines.logpatterns.pattern import FilterPattern
from pushproof.engines.logpatterns.tokens import Selector, tokens_of
from pushproof.engines.logpatterns.values import number_of

_MOST_DIMENSIONS = 3
_FIELD = re.compile(r"\$[A-Za-z0-9_-]+")
_RESERVED = "AWS/"


def check_metric(
    pattern: FilterPattern,
    *,
    namespace: str,
    value: str,
    default: float | None = None,
    dimensions: Mapping[str, str] | None = None,
) -> None:
    """Raise InvalidFilterPattern unless a pattern may make such a metric."""
    if namespace.startswith(_RESERVED):
        raise InvalidFilterPattern("Metric namespaces starting with AWS/ are reserved for AWS.")
    if number_of(value) is None and not _selects(pattern, value):
        raise InvalidFilterPattern(f"Invalid metric transformation: metric value {value} must be a valid number")
    if not dimensions:
        return
    if pattern.kind not in ("json", "delimited"):
        raise InvalidFilterPattern("The specified filter pattern does not support dimensions")
    if default is not None:
        raise InvalidFilterPattern(
            "Invalid metric transformation: dimensions and default value are mutually exclusive properties"
        )
    if len(dimensions) > _MOST_DIMENSIONS:
        raise InvalidFilterPattern(f"Invalid metric transformation: at most {_MOST_DIMENSIONS} dimensions are allowed")
    if not all(_selects(pattern, selector) for selector in dimensions.values()):
        raise InvalidFilterPattern("Invalid metric transformation: dimension value must be valid selector")


def _selects(pattern: FilterPattern, text: str) -> bool:
    if pattern.kind != "json":
        return bool(_FIELD.fullmatch(text))
    try:
        tokens = list(tokens_of(text, delimited=False))
    except InvalidFilterPattern:
        return False
    return len(tokens) == 1 and isinstance(tokens[0], Selector) and tokens[0].text == text
