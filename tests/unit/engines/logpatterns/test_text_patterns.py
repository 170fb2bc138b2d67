"""Patterns for unstructured log events.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html, "unstructured log events", unless a
case says otherwise.
"""

from __future__ import annotations

import pytest

from pushproof.engines.logpatterns import InvalidFilterPattern, compile_pattern

EVENTS = [
    "[ERROR 400] BAD REQUEST",
    "[ERROR 401] UNAUTHORIZED REQUEST",
    "[ERROR 419] MISSING ARGUMENTS",
    "[ERROR 420] INVALID ARGUMENTS",
    "[ERROR 500] INTERNAL SERVER ERROR",
    "[INFO] REQUEST FAILED",
]


def let_through(pattern: str, messages: list[str]) -> list[str]:
    """The messages that a pattern matches."""
    compiled = compile_pattern(pattern)
    return [message for message in messages if compiled.match(message) is not None]


@pytest.mark.parametrize(
    ("pattern", "numbers"),
    [
        ("ERROR", [0, 1, 2, 3, 4]),
        ("error", []),
        ("ERROR ARGUMENTS", [2, 3]),
        ("?ERROR ?ARGUMENTS", [0, 1, 2, 3, 4]),
        ("?MISSING ?FAILED", [2, 5]),
        # Optional terms are ignored beside others.
        ("?ERROR ?ARGUMENTS REQUEST", [0, 1, 5]),
        ("?INFO -ARGUMENTS", [0, 1, 4, 5]),
        ('"INTERNAL SERVER ERROR"', [4]),
        ('"BAD" "[ERROR"', [0]),
        ("ERROR -ARGUMENTS", [0, 1, 4]),
        ('"ERROR" - "REQUEST"', [2, 3, 4]),
        # https://docs.aws.amazon.com/lightsail/2016-11-28/api-reference/API_GetContainerLog.html
        ("-ERROR", [5]),
        ("", [0, 1, 2, 3, 4, 5]),
        ('" "', [0, 1, 2, 3, 4, 5]),
        ("%AUTHORIZED%", [1]),
        ("%4[01]. *%", [0, 1, 2]),
        ("ERR", [0, 1, 2, 3, 4]),
    ],
)
def test_terms(pattern: str, numbers: list[int]) -> None:
    """Terms are looked for as they are, anywhere in the message."""
    assert let_through(pattern, EVENTS) == [EVENTS[number] for number in numbers]


def test_a_blank_pattern() -> None:
    """A pattern of spaces matches everything: PutMetricFilter accepts it (localstack tests, recorded 2026-02-05)."""
    assert let_through(" ", ["", "no-space"]) == ["", "no-space"]


def test_a_hyphen_excludes() -> None:
    """A hyphen outside quotes begins a term to leave out (https://github.com/cloudashdev/cloudash/issues/84)."""
    assert let_through("request-id-123", ["request-id-123", "request", "request 12"]) == ["request", "request 12"]
    assert let_through('"request-id-123"', ["request-id-123", "request"]) == ["request-id-123"]


def test_escapes_in_quotes() -> None:
    """Quotes and backslashes in a phrase are written with a backslash."""
    message = '{"log":"{\\"level\\":\\"error\\"}"}'
    assert let_through('"level\\\\\\":\\\\\\"error"', [message]) == [message]
    assert let_through('"\\"log\\""', [message, "log"]) == [message]


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        # Each as CloudWatch Logs words it: the text that begins no term.
        ("?Status: timeout", "Invalid character(s) in term ':'"),
        ("a, b", "Invalid character(s) in term ','"),
        ("failed (again)", "Invalid character(s) in term '('"),
        ("`ERROR", "Invalid character(s) in term '`'"),
        ("@message", "Invalid character(s) in term '@'"),
        ("level\\", "Invalid character(s) in term '\\'"),
        ("ERR*", "Invalid character(s) in term '*'"),
        ("ERROR [x]", "Invalid character(s) in term '['"),
        ('"open', "Invalid character(s) in term '\"open'"),
        ("café", "Invalid character(s) in term 'é'"),
        # https://github.com/newrelic/serverless-newrelic-lambda-layers/issues/36
        ('?"?REPORT ?NR_LAMBDA ?"Task timed out""', None),
        ("?", None),
        ("a -", None),
        ("?-a", None),
        ("%open", None),
        ("%%", None),
        ("%a% %b%", None),
        # "would be rejected since '!' is not supported"
        ("%something!%", "Invalid character(s) in term '!'"),
        ("%a(b)%", "Invalid character(s) in term '('"),
        ("%café%", "Invalid character(s) in term 'é'"),
    ],
)
def test_refusals(pattern: str, said: str | None) -> None:
    """Invalid terms are refused, with the place that CloudWatch Logs names."""
    with pytest.raises(InvalidFilterPattern) as refused:
        compile_pattern(pattern)
    assert refused.value.message == said
