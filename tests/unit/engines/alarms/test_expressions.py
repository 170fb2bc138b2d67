"""Metric math. https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushproof.engines.alarms import UnsupportedExpression, compute, parse

VALUES = {"m1": 6.0, "m2": 3.0, "none": None, "zero": 0.0}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("m1", 6.0),
        ("m1 + m2 * 2", 12.0),
        ("(m1 + m2) * 2", 18.0),
        ("m1 - m2 - 1", 2.0),
        ("-m1 + 10", 4.0),
        ("100*(m1/(m1+m2))", pytest.approx(66.667, abs=0.001)),
        ("m2 ^ 2", 9.0),
        ("m1 / zero", None),
        ("m1 + none", None),
        ("FILL(none, 0) + m1", 6.0),
        ("IF(m1 > 5, m2, 0)", 3.0),
        ("IF(none > 5, m2, 0)", None),
        ("IF(m1 <= 5, m2, none)", None),
        ("max(m1, m2) - MIN(m1, m2)", 3.0),
        ("ABS(m2 - m1)", 3.0),
        ("unknown", None),
    ],
)
def test_expressions(text: str, expected: float | None) -> None:
    """Operators have their usual precedence; what needs a missing point is missing."""
    assert compute(parse(text), VALUES) == expected


@pytest.mark.parametrize(
    "text",
    ["", "m1 +", "(m1", "m1)", "RATE(m1)", "SEARCH('x', 'Sum', 60)", "FILL(m1, REPEAT, 1)", "m1 m2", "[m1]", "(" * 60],
)
def test_what_is_not_computed_is_refused(text: str) -> None:
    """Other functions, searches and broken expressions raise the error, and nothing else."""
    with pytest.raises(UnsupportedExpression):
        parse(text)


@given(st.text(alphabet="m12 +-*/()<>=,.^IFabs", max_size=40), st.floats(-1e9, 1e9), st.none() | st.floats(-1e9, 1e9))
def test_any_text_is_read_or_refused(text: str, first: float, second: float | None) -> None:
    """No text breaks the reader, and whatever was read has a value or none."""
    try:
        expression = parse(text)
    except UnsupportedExpression:
        return
    value = compute(expression, {"m1": first, "m2": second})
    assert value is None or isinstance(value, float)
