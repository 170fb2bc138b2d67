"""Expressions from outside match as Python's engine says, in time that grows with the text alone."""

from __future__ import annotations

import re
import time
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pushproof.base import expressions
from pushproof.engines.buildspec import Artifacts, select
from pushproof.engines.loadbalancing import HttpRequest, PathPattern, holds, matches

ATOMS = [
    "a",
    "b",
    ".",
    "[ab]",
    "[^a]",
    r"\d",
    r"\W",
    "(ab|c)",
    "(?:a|b|)",
    "^",
    "$",
    r"\b",
    "A",
    "[a-c]",
    r"\.",
    "(?i:a)",
]
TIMES = ["", "", "", "*", "+", "?", "{2}", "{1,3}", "*?", "+?"]
EXPRESSIONS = st.lists(st.tuples(st.sampled_from(ATOMS), st.sampled_from(TIMES)), max_size=6).map(
    lambda parts: "".join(atom + ("" if atom in ("^", "$", r"\b") else times) for atom, times in parts)
)


@settings(max_examples=300, deadline=None)
@given(source=EXPRESSIONS, text=st.text("abcABC01. \n", max_size=8), ignore_case=st.booleans())
def test_an_expression_matches_as_pythons_engine_says(source: str, text: str, ignore_case: bool) -> None:
    """Searching and matching the whole text agree with `re`."""
    flags = re.IGNORECASE if ignore_case else 0
    expression = expressions.compiled(source, ignore_case=ignore_case)
    assert expression.is_in(text) is (re.search(source, text, flags) is not None)
    if "$" not in source:
        assert expression.is_in(text, whole=True) is (re.fullmatch(source, text, flags) is not None)


SETS = st.text(r"[]^-&~|\ab09d", max_size=9)


@settings(max_examples=1000, deadline=None)
@given(source=SETS, text=st.text("[]^-&~|\\ab09", max_size=4))
def test_what_python_warns_of_is_escaped_and_means_the_same(source: str, text: str) -> None:
    """An expression without ambiguous signs matches alike, is refused alike, and causes no warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            expected = re.search(source, text) is not None
        except re.error:
            with pytest.raises(re.error):
                expressions.pythons(source)
            return
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (expressions.pythons(source).search(text) is not None) is expected
        assert expressions.matches(source, text) is expected


def test_an_expression_that_is_not_regular_still_matches() -> None:
    """An expression that looks ahead runs on Python's engine, whole or in part."""
    assert expressions.matches("(?!main).*", "release", whole=True)
    assert not expressions.matches("(?!main).*", "main", whole=True)
    assert expressions.matches("(?=b)b", "abc")


@pytest.mark.parametrize("source", ["(a+)+$", "(a|a)*b", "(.*a){12}b", "(a?){40}a{40}b", "([a-z]+)*0"])
def test_no_expression_takes_long(source: str) -> None:
    """Expressions that keep a backtracking engine busy for hours take less than two seconds."""
    begun = time.process_time()
    expressions.compiled(source).is_in("a" * 4000 + "!")
    assert time.process_time() - begun < 2


@pytest.mark.parametrize("source", [r"(a)\1", "(?=a)", "(?<!a)b", "(?:a{1,1000}){1,1000}", "(?>a)b", "(?m)^a"])
def test_what_is_not_regular_is_refused(source: str) -> None:
    """Look-arounds, references back and expressions of too many states are refused when they are compiled."""
    with pytest.raises(expressions.UnsupportedExpression):
        expressions.compiled(source)


def test_no_rule_of_a_load_balancer_takes_long() -> None:
    """Stars and regular expressions in a rule are decided in less than two seconds, whatever the path."""
    request = HttpRequest("HTTP", "GET", "h", 80, "/" + "a" * 8000, "", "10.0.0.1", ())
    begun = time.process_time()
    assert not holds(PathPattern(("/*a*a*a*a*a*b",)), request)
    assert not holds(PathPattern(regexes=("^/(a+)+!$",)), request)
    assert not matches("*a?*a?*a?*a?*b", "a" * 8000, ignore_case=True)
    assert time.process_time() - begun < 2


def test_no_glob_of_a_buildspec_takes_long() -> None:
    """A glob with many stars selects, or does not, in less than two seconds."""
    begun = time.process_time()
    chosen = select(["a" * 200 + "c", "a/" * 60 + "b"], Artifacts(("*a*a*a*a*a*a*a*a*c", "**/*a*a*a*a*a*a*x/**/**/b")))
    assert [file.source for file in chosen.files] == ["a" * 200 + "c"]
    assert time.process_time() - begun < 2
