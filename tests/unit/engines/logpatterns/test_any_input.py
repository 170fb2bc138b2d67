"""No pattern and no message makes the engine fail."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pushproof.engines.logpatterns import InvalidFilterPattern, check_metric, compile_pattern

WORDS = (
    """{ } [ ] ( ) $ . a $.a $.a[0] $.* * " "x" % %x% \\ = != > && || IS NULL NOT EXISTS ... , ? - 1 1e9999 [' '] é"""
)
PIECES = st.sampled_from([*WORDS.split(" "), " ", "\n", "0" * 5000])
PATTERNS = st.one_of(
    st.text(max_size=30),
    st.lists(PIECES, max_size=12).map("".join),
    st.lists(PIECES, max_size=10).map(lambda pieces: "{" + " ".join(pieces) + "}"),
    st.lists(PIECES, max_size=10).map(lambda pieces: "[" + " ".join(pieces) + "]"),
    st.text("abc[]{}^$?*+.|\\0123456789,-", max_size=20).map(lambda expression: f"%{expression}%"),
)
MESSAGES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(['{"a": 1}', '{"a": ["x", null, 1e999]}', '{"a": ' + "9" * 6000 + "}", "[", "a b"]),
)


@settings(max_examples=500, deadline=None)
@given(PATTERNS, MESSAGES)
def test_any_pattern_and_message(pattern: str, message: str) -> None:
    """A pattern is refused by InvalidFilterPattern or decides every message, the same way each time."""
    try:
        compiled = compile_pattern(pattern)
    except InvalidFilterPattern:
        return
    values = compiled.match(message)
    assert values == compiled.match(message)
    assert values is None or all(name.startswith("$") for name in values)


@settings(max_examples=200, deadline=None)
@given(PATTERNS, st.text(max_size=10), st.dictionaries(st.text(max_size=3), st.text(max_size=8), max_size=4))
def test_any_metric(pattern: str, value: str, dimensions: dict[str, str]) -> None:
    """A metric is accepted or refused, whatever it says."""
    try:
        check_metric(compile_pattern(pattern), namespace="shop", value=value, dimensions=dimensions)
    except InvalidFilterPattern:
        return


@given(st.lists(st.sampled_from("()"), max_size=1000).map("".join))
def test_deep_parentheses(parentheses: str) -> None:
    """Parentheses as deep as a pattern is long are read or refused."""
    try:
        compile_pattern("{" + parentheses + "$.a = 1" + parentheses[::-1].translate(str.maketrans("()", ")(")) + "}")
    except InvalidFilterPattern:
        return
