"""Regular expressions in filter patterns.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html, "Supported regular expressions".
"""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pushproof.engines.logpatterns import InvalidFilterPattern, compile_pattern


def found(expression: str, text: str) -> bool:
    """Return whether an expression matches in a text."""
    return compile_pattern(f"%{expression}%").match(text) is not None


@pytest.mark.parametrize(
    ("expression", "within", "not_within"),
    [
        ("^[hc]at", ["hat", "cats"], ["a hat", "bat"]),
        ("[hc]at$", ["hat", "a cat", "cat\n"], ["hats", "bat"]),
        ("colou?r", ["color", "a colour"], ["colouur"]),
        ("[abcx-z]", ["b", "y"], ["d"]),
        ("^a{3,5}$", ["aaa", "aaaaa"], ["aa", "aaaaaa"]),
        ("^a{2}$", ["aa"], ["a", "aaa"]),
        ("^a{2,}$", ["aa", "aaaa"], ["a"]),
        ("^a{,2}$", ["", "aa"], ["aaa"]),
        ("^starting|^initializing|^shutting down", ["shutting down."], ["skipping initializing"]),
        ("abcc|ab[^c]$", ["abcc", "aba"], ["aac", "abc"]),
        (r"\[.\]", ["[a]", "[]]", "[ ]"], ["[]", "a"]),
        (r"10\.10\.0\.1", ["at 10.10.0.1"], ["10010,051"]),
        ("10.10.0.1", ["10010,051"], ["10"]),
        ("ab*c", ["ac", "abbbc"], ["bc"]),
        ("ab[0-9]*$", ["ab", "ab129"], ["ab1x"]),
        ("ab+c", ["abc", "abbbc"], ["ac"]),
        (".at", ["#at", " at"], ["at", "\nat"]),
        (r"^\d\D$", ["1a"], ["a1", "11"]),
        (r"^\s\S$", ["\tx", " x"], ["xx"]),
        (r"^\w\W$", ["_-", "a "], ["--", "aa"]),
        (r"\x3A|\x28", [":", "("], [";"]),
        # https://github.com/aws/aws-cdk/issues/36901
        (
            r"Task timed out after|^REPORT\s.+\sStatus: timeout",
            ["REPORT a b Status: timeout"],
            ["REPORT Status: timeout"],
        ),
        ("[Ee]rror|[Ff]ail", ["error", "a Failure"], ["ERROR"]),
        ("[^a-z]", ["A"], ["abc"]),
        (r"^[\d.-]+$", ["1.2-3"], ["1a"]),
        (r"^[^\s]+$", ["ab"], ["a b"]),
        (r"^[\Da]1$", ["b1"], ["21"]),
        ("a+?b", ["aab"], ["b"]),
        ("^$", ["", "\n"], ["a"]),
    ],
)
def test_documented_operators(expression: str, within: list[str], not_within: list[str]) -> None:
    """Operators mean what the documentation says."""
    assert [text for text in within if not found(expression, text)] == []
    assert [text for text in not_within if found(expression, text)] == []


@pytest.mark.parametrize(
    "expression",
    [
        "*a",
        "+",
        "a**",
        "a{",
        "a{2,1}",
        "a{x}",
        "a{}",
        "a{,}",
        "[a",
        "[]",
        "[z-a]",
        r"[a-\d]",
        "[a[b]]",
        "\\",
        r"\q",
        r"\x1",
        "a++",
    ],
)
def test_refusals(expression: str) -> None:
    """Invalid expressions are refused with the pattern, not when an event comes."""
    with pytest.raises(InvalidFilterPattern):
        compile_pattern(f"%{expression}%")


def test_repetitions_beyond_reason() -> None:
    """An expression that would take too long is refused in CloudWatch Logs' words."""
    with pytest.raises(InvalidFilterPattern, match="Regular expression evaluation time exceeded allowed limit"):
        compile_pattern("%" + "[a-z]{1000}" * 9 + "%")
    with pytest.raises(InvalidFilterPattern, match="exceeded"):
        compile_pattern("%a{99999999}%")


def test_long_messages_take_little_time() -> None:
    """Many repetitions in a row take time in proportion to the message, where back-tracking would never end."""
    started = time.monotonic()
    assert not found("a*" * 100 + "b", "a" * 20_000)
    assert time.monotonic() - started < 30


ATOMS = st.sampled_from(["a", "b", "c", ".", "[ab]", "[^a]", r"\d", r"\W", "1", "^", "$"])
TIMES = st.sampled_from(["", "", "?", "*", "+", "{2}", "{1,2}", "{0,1}"])
PIECES = st.tuples(ATOMS, TIMES).map(lambda piece: piece[0] if piece[0] in "^$" else piece[0] + piece[1])
EXPRESSIONS = st.lists(PIECES, min_size=1, max_size=6).map("".join)


@settings(max_examples=300, deadline=None)
@given(st.lists(EXPRESSIONS, min_size=1, max_size=3).map("|".join), st.text("abc1 ", max_size=12))
def test_agrees_with_another_engine(expression: str, text: str) -> None:
    """An expression matches where Python's own engine matches."""
    assert found(expression, text) is (re.search(expression, text, re.ASCII) is not None)
