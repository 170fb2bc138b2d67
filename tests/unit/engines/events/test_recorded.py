"""Event patterns against what EventBridge itself answered, and against AWS's open matcher.

[R] recorded from TestEventPattern by https://github.com/localstack/localstack (tests/aws/services/events,
event_pattern_templates and test_events_patterns.snapshot.json, 2025-10);
[M] decided by https://github.com/aws/event-ruler at 337e8d9 (JsonRuleCompiler, ByteMachine, ACFinder, CIDR, ComparableNumber).
"""

from __future__ import annotations

import contextlib
import json
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pushproof.engines.events import InvalidEventPattern, Number, compile_pattern
from pushproof.engines.events.complexity import complexity
from pushproof.engines.events.document import JsonError
from pushproof.engines.events.texts import wildcard_pieces


def event(text: str) -> Any:
    """An event as TestEventPattern reads it, numbers with their text."""
    return json.loads(text, parse_int=Number, parse_float=Number)


# pattern, event, whether it matches.
MATCHES = [
    # Numbers [R number_comparison_float, numeric-*; M ComparableNumber]
    ('{"n": [300]}', '{"n": 300.0}', True),
    ('{"n": [300.0]}', '{"n": 3e2}', True),
    ('{"n": [300]}', '{"n": "300"}', False),
    ('{"n": [0]}', '{"n": -0.0}', True),
    ('{"n": [123456789012]}', '{"n": 123456789012}', True),
    ('{"n": [12345678901234567891]}', '{"n": 12345678901234567891}', True),
    ('{"n": [12345678901234567891]}', '{"n": 12345678901234567892}', False),
    ('{"n": [0.1]}', '{"n": 0.10}', True),
    ('{"n": [{"numeric": [">", 100]}]}', '{"n": 101.0}', True),
    ('{"n": [{"numeric": [">", 100]}]}', '{"n": "300"}', False),
    ('{"n": [{"numeric": [">", 100]}]}', '{"n": null}', False),
    ('{"n": [{"numeric": [">", 6e9, "<", 1e12]}]}', '{"n": 7000000000}', True),
    ('{"n": [{"numeric": ["=", 301.8]}]}', '{"n": 3.018e2}', True),
    ('{"n": [true]}', '{"n": 1}', False),
    ('{"n": [{"anything-but": 300}]}', '{"n": 3e2}', False),
    ('{"n": [{"anything-but": 300}]}', '{"n": "300"}', True),
    ('{"n": [{"anything-but": 300}]}', '{"n": null}', True),
    ('{"n": [{"anything-but": "300"}]}', '{"n": 300}', True),
    ('{"n": [{"numeric": [">", 100]}, {"anything-but": "101"}]}', '{"n": "42"}', True),
    ('{"n": [{"numeric": [">", 100]}, {"anything-but": "101"}]}', '{"n": "101"}', False),
    ('{"n": [{"numeric": [">", 100]}, {"anything-but": "101"}]}', '{"n": 5}', True),
    # Dots in names [R dot_joining_*]
    ('{"state": {"name": ["a"]}}', '{"state.name": "a"}', True),
    ('{"state.name": ["a"]}', '{"state": {"name": "a"}}', True),
    ('{"state.name": ["a"]}', '{"state.name": "a"}', True),
    ('{"state": {"status": ["a"]}}', '{"state.status": {"status": "a"}}', False),
    ('{"state.status": {"status": ["a"]}}', '{"state": {"status": "a"}}', False),
    ('{"d": {"p.n.deep": {"list": [{"prefix": "q"}]}}}', '{"d": {"p": {"n.deep": {"list": ["x", "qx"]}}}}', True),
    # A repeated name is said last, one way or the other [R complex_multi_key_event_pattern; M testDuplicateKeyLastOneWins]
    ('{"a": [{"prefix": "us-"}], "a": [{"anything-but": "us-east"}]}', '{"a": "eu"}', True),
    ('{"a.b": ["x"], "a": {"b": ["y"]}}', '{"a": {"b": "y"}}', True),
    ('{"$or": [{"a": [1]}, {"b": [1]}], "a": [2]}', '{"a": 2, "b": 1}', True),
    ('{"$or": [{"a": [1]}, {"b": [1]}], "a": [2]}', '{"a": 1}', False),
    # Strings [R content_*]
    ('{"a": [{"prefix": ""}]}', '{"a": "x"}', True),
    ('{"a": [{"prefix": ""}]}', '{"a": 1}', False),
    ('{"a": [{"suffix": ""}]}', '{"a": ""}', True),
    ('{"a": [{"equals-ignore-case": ""}]}', '{"a": "x"}', False),
    ('{"a": [{"wildcard": ""}]}', '{"a": "x"}', False),
    ('{"a": [{"wildcard": "*"}]}', '{"a": ""}', True),
    ('{"a": [{"wildcard": "*"}]}', '{"a": 1}', False),
    ('{"a": [{"exactly": "x"}]}', '{"a": "x"}', True),
    ('{"a": [{"equals-ignore-case": "stra\\u00dfe"}]}', '{"a": "STRASSE"}', True),
    ('{"a": [{"equals-ignore-case": "\\u2c65"}]}', '{"a": "\\u023a"}', True),
    ('{"a": [{"suffix": {"equals-ignore-case": "\\u00c9.PNG"}}]}', '{"a": "x\\u00e9.png"}', True),
    ('{"a": [{"prefix": {"equals-ignore-case": "EventB"}}]}', '{"a": "xeventb"}', False),
    ('{"a": ["x "]}', '{"a": "x"}', False),
    ('{"A": ["x"]}', '{"a": "x"}', False),
    ('{"a": {"b": ["x"]}}', '{"a": "{\\"b\\": \\"x\\"}"}', False),
    # anything-but [R content_anything_*]
    ('{"a": [{"anything-but": ["x"]}]}', '{"a": null}', True),
    ('{"a": [{"anything-but": ["x"]}]}', '{}', False),
    ('{"a": [{"anything-but": ["x"]}]}', '{"a": {"b": "y"}}', False),
    ('{"a": [{"anything-but": {"prefix": ["init", "test"]}}]}', '{"a": 12}', True),
    ('{"a": [{"anything-but": {"prefix": "init"}}]}', '{"a": null}', True),
    ('{"a": [{"anything-but": {"suffix": [".a", ".b"]}}]}', '{"a": "x.b"}', False),
    ('{"a": [{"anything-but": {"wildcard": ""}}]}', '{"a": "x"}', True),
    ('{"a": [{"anything-but": {"wildcard": ["*/a/*", "*/b/*"]}}]}', '{"a": "x/b/y"}', False),
    ('{"a": [{"anything-but": {"equals-ignore-case": ["A", "b"]}}]}', '{"a": "B"}', False),
    ('{"a": [{"anything-but": ["x"]}, {"exists": false}]}', '{}', True),
    ('{"a": [{"anything-but": "x"}, {"anything-but": "y"}]}', '{"a": "x"}', True),
    ('{"a": [{"anything-but": "x"}]}', '{"a": ["x", "y"]}', True),
    # Addresses [R content_ip_address_*; M CIDR]
    ('{"a": [{"cidr": "10.0.0.0/24"}]}', '{"a": "10.0.0.256"}', False),
    ('{"a": [{"cidr": "10.0.0.7/24"}]}', '{"a": "10.0.0.255"}', True),
    ('{"a": [{"cidr": "0.0.0.0/0"}]}', '{"a": "2001:db8::1"}', False),
    ('{"a": [{"cidr": "2001:db8:1234:1a00::/64"}]}', '{"a": "2001:0db8:1234:1a00:0000:0000:0000:0000"}', True),
    ('{"a": [{"cidr": "10.0.0.0/24"}]}', '{"a": 123}', False),
    ('{"a": ["2001:db8::1"]}', '{"a": "2001:DB8:0:0:0:0:0:1"}', True),
    ('{"a": ["10.0.0.1"]}', '{"a": "10.0.0.1"}', True),
    ('{"a": ["10.0.0.300"]}', '{"a": "10.0.0.300"}', True),
    # exists looks at leaves [R exists_*, content_exists*]
    ('{"a": [{"exists": true}]}', '{"a": {"b": 1}}', False),
    ('{"a": [{"exists": true}]}', '{"a": []}', False),
    ('{"a": [{"exists": true}]}', '{"a": null}', True),
    ('{"a": [{"exists": false}]}', '{"a": {"b": 1}}', True),
    ('{"a": [{"exists": false}]}', '{"a": []}', True),
    ('{"a": [null]}', '{"a": []}', False),
    ('{"a": [null]}', '{"a": "null"}', False),
    # Elements of arrays belong together [M arrayEvent1-4, ACMachineTest]
    ('{"m": {"n": ["CPU"], "s": ["ES"]}}', '{"m": [{"n": "CPU", "s": "EC2"}, {"n": "Req", "s": "ES"}]}', False),
    ('{"m": {"n": ["CPU", "R"], "s": ["EC2", "ES"]}}', '{"m": [{"n": "CPU", "s": "ES"}]}', True),
    ('{"m": {"a": [1], "b": {"c": [2]}}}', '{"m": [[{"a": 1}], [{"b": {"c": 2}}]]}', False),
    ('{"m": {"a": [1]}, "k": ["x"]}', '{"m": [{"a": 2}, {"a": 1}], "k": ["y", "x"]}', True),
    # Absence is judged by the elements that earlier names, in alphabetical order, have chosen [M ACFinder]
    ('{"m": {"a": [1], "z": [{"exists": false}]}}', '{"m": [{"a": 1}, {"z": 2}]}', True),
    ('{"m": {"b": [1], "a": [{"exists": false}]}}', '{"m": [{"b": 1}, {"a": 2}]}', False),
    # $or within and beside [R complex_or*; M RuleCompiler]
    ('{"s": ["x"], "$or": [{"a": [1]}, {"b": [1], "c": [2]}]}', '{"s": "x", "b": 1, "c": 2}', True),
    ('{"s": ["x"], "$or": [{"a": [1]}, {"b": [1], "c": [2]}]}', '{"s": "x", "b": 1, "c": 3}', False),
    ('{"$or": [{"a": [1]}, {"$or": [{"b": [1]}, {"c": [1]}]}]}', '{"c": 1}', True),
    ('{"$or": [{"a": {"$or": [{"x": [1]}, {"y": [1]}]}}, {"b": [1]}]}', '{"a": {"y": 1}}', True),
    # What follows the object is not read [M]
    ('{"a": ["x"]} nonsense', '{"a": "x"}', True),
    ('{"": {"a": ["x"]}}', '{"a": "x"}', False),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "text", "expected"), MATCHES)
def test_matching(pattern: str, text: str, expected: bool) -> None:
    """Each pattern matches exactly where EventBridge, or its open matcher, matches."""
    assert compile_pattern(pattern).matches(event(text)) is expected


# pattern, EventBridge's whole answer [R].
REFUSALS = [
    (
        '{"detail": {"state": [{"anything-but": {"equals-ignore-case": 123}}]}}',
        "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.\n at [P; line: 1, column: 66]",
    ),
    (
        '{"detail": {"state": [{"anything-but": ["stopped", null]}]}}',
        "Inside anything but list, start|null|boolean is not supported.\n at [P; line: 1, column: 56]"
        "\n at [P; line: 1, column: 56]",
    ),
    (
        '{"detail": {"state": [{"anything-but": null}]}}',
        "Value of anything-but must be an array or single string/number value.\n at [P; line: 1, column: 44]",
    ),
    (
        '{"detail": {"FileName": [{"anything-but": {"prefix": ""}}]}}',
        "Null prefix/suffix not allowed\n at [P; line: 1, column: 56]",
    ),
    (
        '{"detail": {"FileName": [{"anything-but": {"suffix": {"equals-ignore-case": ".png"}}}]}}',
        "Value of anything-but must be an array or single string/number value.\n at [P; line: 1, column: 55]",
    ),
    (
        '{"detail": {"state": [{"anything-but": {"prefix": [123, "test"]}}]}}',
        "prefix/suffix match pattern must be a string\n at [P; line: 1, column: 55]\n at [P; line: 1, column: 55]",
    ),
    (
        '{"detail": {"FilePath": [{"anything-but": {"wildcard": 123}}]}}',
        "wildcard match pattern must be a string\n at [P; line: 1, column: 59]",
    ),
    (
        '{"detail-type": [{"equals-ignore-case": {"prefix": "ec2"}}]}',
        "equals-ignore-case match pattern must be a string\n at [P; line: 1, column: 42]",
    ),
    ('{"detail": {"sourceIPAddress": [{"cidr": "bad-filter"}]}}', "Malformed CIDR, one '/' required"),
    ('{"detail": {"sourceIPAddress": [{"cidr": "xx.11.xx/8"}]}}', "Nonstandard IP address: xx.11.xx"),
    ('{"detail": {"sourceIPAddress": [{"cidr": "bad-/64filter"}]}}', "Malformed CIDR, mask bits must be an integer"),
    (
        '{"detail": {"sourceIPAddress": [{"cidr": ["bad-type"]}]}}',
        "prefix match pattern must be a string\n at [P; line: 1, column: 43]",
    ),
    (
        '{"detail": {"c-count": [{"numeric": [">", 0, ">", 0]}]}}',
        "Bad numeric range operator: >\n at [P; line: 1, column: 49]",
    ),
    (
        '{"detail": {"c-count": [{"numeric": [">", 0, "<"]}]}}',
        "Value of < must be numeric\n at [P; line: 1, column: 50]",
    ),
    (
        '{"EventBusArn": [{"wildcard": "*:*:*:*:*:event-bus/*"}]}',
        "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a "
        "wildcard character",
    ),
    ('{"int": 42}', '"int" must be an object or an array\n at [P; line: 1, column: 11]'),
    (
        "this is valid json but not a dict",
        "Unrecognized token 'this': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or "
        "'false')\n at [P; line: 1, column: 5]",
    ),
    (
        '{"not": closed mark"',
        "Unrecognized token 'closed': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or "
        "'false')\n at [P; line: 1, column: 15]",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "answer"), REFUSALS)
def test_refusals(pattern: str, answer: str) -> None:
    """Each pattern is refused in EventBridge's own words, places included."""
    with pytest.raises(InvalidEventPattern) as caught:
        compile_pattern(pattern)
    expected = "Event pattern is not valid. Reason: " + answer.replace("[P", f'[Source: (String)"{pattern}"')
    assert caught.value.message == expected


def test_a_long_pattern_is_shown_in_part() -> None:
    """The parser shows the first 500 characters of its source. [M: Jackson's JsonLocation]"""
    with pytest.raises(InvalidEventPattern) as caught:
        compile_pattern('{"' + "a" * 600 + '": 1}')
    assert '"[truncated 107 chars]; line: 1, column: 607]' in caught.value.message


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        ("10.0.0.0/", "Malformed CIDR, one '/' required"),
        ("10.0.0.0/8/8", "Malformed CIDR, one '/' required"),
        ("10.0.0.0/-1", "Malformed CIDR, mask bits must not be negative"),
        ("10.0.0.0/32", "IPv4 mask bits must be < 32"),
        ("::1/128", "IPv6 mask bits must be < 128"),
        ("10.0.0.300/8", "Invalid IP address: 10.0.0.300"),
        ("example.org/8", "Nonstandard IP address: example.org"),
    ],
)
def test_blocks_are_refused_without_a_place(block: str, reason: str) -> None:
    """CIDR blocks are judged as the open matcher judges them. [M: CIDR.java]"""
    with pytest.raises(InvalidEventPattern) as caught:
        compile_pattern({"a": [{"cidr": block}]})
    assert caught.value.message == f"Event pattern is not valid. Reason: {reason}"


@pytest.mark.parametrize(
    ("wildcards", "accepted"),
    [
        # https://github.com/vals-ai/Valkyrie/pull/278 : EventBridge took three of these in one rule, and refused four.
        ([f"*:stack/{name}/*" for name in ("Shared", "Web", "Job")], True),
        ([f"*:stack/{name}/*" for name in ("Shared", "Web", "Job", "Monitoring")], False),
        (["arn:aws:events:us-east-1:*:event-bus/*"], True),
        (["*:*:*:*:*:event-bus/*"], False),
        (["*.bif", "*.tiff", "*.tif", "*.svs"], True),
        (["/Users/*/dir/dir/dir/dir/dir/doc.txt"], True),
    ],
)
def test_complexity(wildcards: list[str], accepted: bool) -> None:
    """Patterns are too complex where EventBridge said so, in one field or in the options of a $or."""
    patterns: list[dict[str, Any]] = [{"a": [{"wildcard": text} for text in wildcards]}]
    if len(wildcards) > 1:
        patterns.append({"$or": [{"a": [{"wildcard": text}]} for text in wildcards]})
    for pattern in patterns:
        expected = (
            contextlib.nullcontext() if accepted else pytest.raises(InvalidEventPattern, match="Rule is too complex")
        )
        with expected:
            compile_pattern(pattern)


def simulated(texts: list[str]) -> int:
    """The most beginnings of wildcard texts that one value matches, by trying all values."""
    patterns = []
    for text in texts:
        first, *rest = wildcard_pieces(text)
        tokens: list[str | None] = ['"', *first]
        for piece in rest:
            tokens += [None, *piece]
        patterns.append([*tokens, '"'])

    def closed(states: set[tuple[int, int]]) -> set[tuple[int, int]]:
        return states | {(p, n + 1) for p, n in states if n < len(patterns[p]) and patterns[p][n] is None}

    start = closed({(p, 0) for p in range(len(patterns))})
    seen, pending, most = set[frozenset[tuple[int, int]]](), [start], 0
    while pending:
        states = pending.pop()
        for character in ('"', "a", "b", "/"):
            following = {(p, n + 1) for p, n in states if n < len(patterns[p]) and patterns[p][n] == character} | {
                (p, n) for p, n in states if n and patterns[p][n - 1] is None
            }
            following = closed(following)
            frozen = frozenset(following)
            if following and frozen not in seen:
                seen.add(frozen)
                most = max(most, len(following))
                pending.append(following)
    return most


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(alphabet="ab*", max_size=5).filter(lambda text: "**" not in text), min_size=1, max_size=2))
def test_complexity_against_trying_all_values(texts: list[str]) -> None:
    """The complexity is the number of beginnings that some value matches at once."""
    texts = list(dict.fromkeys(texts))
    expected = simulated(texts)
    assert complexity([(text,) for text in texts]) == expected or expected > 10


OPERATORS: list[Any] = [
    "x", 1, None, True, {"prefix": "x"}, {"suffix": "x"}, {"equals-ignore-case": "X"}, {"wildcard": "*x"}, {"exists": True},
    {"exists": False}, {"cidr": "10.0.0.0/8"}, {"numeric": [">", 0, "<", 9]}, {"anything-but": "x"}, {"anything-but": [1]},
    {"anything-but": {"prefix": "x"}}, {"anything-but": {"wildcard": ["x*"]}}, {"prefix": {"equals-ignore-case": "X"}},
]  # fmt: skip
VALUES: list[Any] = ["x", "y", "", "10.1.2.3", 1, 1.0, 12, True, False, None, [], ["x", 1], {"b": "x"}, [{"b": 1}]]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_every_operator_beside_every_other(value: Any) -> None:
    """Two alternatives match what one of them matches, whatever their kinds."""
    for event in ({"a": value}, {}):
        for one, other in product(OPERATORS, OPERATORS):
            alone = [compile_pattern({"a": [single]}).matches(event) for single in (one, other)]
            assert compile_pattern({"a": [one, other]}).matches(event) is any(alone), (one, other)


def test_large_arrays_do_not_multiply() -> None:
    """Three arrays of 300 elements, with a field missing, are decided at once."""
    items = [{"x": number} for number in range(300)]
    pattern = compile_pattern({"a": {"x": [{"exists": True}]}, "b": {"x": [{"exists": True}]}, "c": {"y": [1]}})
    assert not pattern.matches({"a": items, "b": items, "c": items})


def test_bad_texts_of_wildcards_never_reach_the_complexity() -> None:
    """Escapes at the end of a text are refused by their position, in bytes. [M: WildcardParser]"""
    with pytest.raises(JsonError, match="Invalid escape character at pos 4"):
        wildcard_pieces("\u00e9a\\")
