"""Expressions of workflows, by the examples of GitHub's documentation.

https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
"""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushproof.engines.workflow import (
    ExpressionError,
    Scope,
    Value,
    WorkflowError,
    assignments,
    command_of,
    evaluate,
    holds,
    interpolate,
    value_of,
)

SCOPE = Scope(
    {
        "github": value_of({"ref": "refs/heads/main", "event": {"labels": [{"name": "bug"}, {"name": "urgent"}]}}),
        "vars": {"Region": "eu-west-1", "EMPTY": ""},
        "steps": value_of({"build": {"outputs": {"image": "shop:1"}, "outcome": "success"}}),
    },
    {"always": lambda _: True, "success": lambda _: True, "failure": lambda _: False},
)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("github.ref == 'refs/heads/main'", True),
        ("github.REF == 'REFS/heads/main'", True),
        ("vars.region", "eu-west-1"),
        ("vars['region']", "eu-west-1"),
        ("vars.MISSING", None),
        ("vars.MISSING || 'fallback'", "fallback"),
        ("vars.EMPTY && 'x'", ""),
        ("steps.build.outputs.image", "shop:1"),
        ("steps.nothing.outputs.image", None),
        ("github.event.labels.*.name", ["bug", "urgent"]),
        ("contains(github.event.labels.*.name, 'URGENT')", True),
        ("contains('Hello world', 'llo')", True),
        ("startsWith('Hello world', 'He')", True),
        ("endsWith('Hello world', 'ld')", True),
        ("format('Hello {0} {1} {2}', 'Mona', 'the', 'Octocat')", "Hello Mona the Octocat"),
        ("format('{{Hello {0}}}', 'Mona')", "{Hello Mona}"),
        ("join(github.event.labels.*.name, ', ')", "bug, urgent"),
        ("fromJSON('{\"a\": [1, 2]}').a[1]", 2.0),
        ("'It''s'", "It's"),
        ("1 == '1'", True),
        ("null == ''", True),
        ("null == 0", True),
        ("'a' == 1", False),
        ("true && !false", True),
        ("(1 < 2) == (3 >= 3)", True),
        ("0x1F == 31", True),
        ("-1.5 < 0", True),
    ],
)
def test_values_are_githubs(expression: str, value: Value) -> None:
    """Contexts, operators and functions give what GitHub documents, without case, and null for what is missing."""
    assert evaluate(expression, SCOPE) == value


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("secretz.KEY", "there is no context secretz; there are github, steps, vars"),
        ("nothing()", "there is no function nothing"),
        ("github.ref ==", "where a value is expected"),
        ("github.ref 'x'", "expected its end"),
        ("contains('a')", "contains has too few arguments"),
        ("#", "cannot be read from '#' on"),
        ("", "is empty"),
        ("fromJSON('{')", "fromJSON got no JSON"),
        ("(1", r"lacks '\)'"),
    ],
)
def test_what_is_no_expression_is_refused_by_name(expression: str, says: str) -> None:
    """An unknown name and a form that GitHub refuses are errors, and never an empty text."""
    with pytest.raises(ExpressionError, match=says):
        evaluate(expression, SCOPE)


@pytest.mark.parametrize(
    ("condition", "succeeded", "runs"),
    [
        ("", True, True),
        ("", False, False),
        ("github.ref == 'refs/heads/main'", False, False),
        ("${{ github.ref == 'refs/heads/other' }}", True, False),
        ("always()", False, True),
        ("failure()", False, False),
        ("always() && vars.EMPTY", True, False),
    ],
)
def test_conditions_count_only_after_success_unless_they_ask_for_the_status(
    condition: str, succeeded: bool, runs: bool
) -> None:
    """A condition without a function of the status has success() before it."""
    assert holds(condition, SCOPE, succeeded=succeeded) is runs


def test_texts_take_in_values() -> None:
    """Every place of a text becomes its value; null becomes nothing."""
    assert interpolate("${{ vars.Region }}/${{vars.NONE}}${{ 1 == 1 }}", SCOPE) == "eu-west-1/true"


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=40))
def test_any_text_is_a_literal(text: str) -> None:
    """A text in quotes, with its quotes doubled, is itself."""
    assert evaluate("'" + text.replace("'", "''") + "'", SCOPE) == text


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(PLAIN)
def test_json_goes_both_ways(plain: object) -> None:
    """The functions fromJSON and toJSON undo each other."""
    scope = Scope({"env": {"x": value_of(plain)}})
    assert json.loads(str(evaluate("toJSON(env.x)", scope))) == plain
    assert evaluate("fromJSON(toJSON(env.x))", scope) == value_of(plain)


@given(st.text(max_size=30))
def test_no_text_is_an_unnamed_failure(text: str) -> None:
    """Damaged expressions end in an ExpressionError, or in a value."""
    with contextlib.suppress(ExpressionError):
        evaluate(text, SCOPE)


def test_environment_files_assign() -> None:
    """Lines, and blocks up to their delimiter, are read as the runner reads them."""
    text = "a=1\nb=x=y\n\nc<<END\none\n\ntwo\nEND\nd=<<no\n"
    assert assignments(text, "output") == {"a": "1", "b": "x=y", "c": "one\n\ntwo", "d": "<<no"}


@pytest.mark.parametrize(
    ("text", "says"),
    [("nothing\n", "Invalid format 'nothing'"), ("a<<END\nx\n", "Matching delimiter not found 'END'")],
)
def test_a_broken_environment_file_fails_its_step(text: str, says: str) -> None:
    """A line that assigns nothing, and a block without its end, are GitHub's errors."""
    with pytest.raises(WorkflowError, match=says):
        assignments(text, "output")


def test_commands_are_read_from_lines() -> None:
    """Commands with and without properties are read, with their encodings; other lines are none."""
    error = command_of("::error file=app.js,line=1::Missing%0Asemicolon")
    assert error is not None
    assert (error.name, error.value) == ("error", "Missing\nsemicolon")
    mask = command_of("::add-mask::secret")
    assert mask is not None
    assert (mask.name, mask.value) == ("add-mask", "secret")
    assert command_of("a :: b") is None
