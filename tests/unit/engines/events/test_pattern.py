"""Event patterns against the examples that AWS publishes.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html ,
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern.html . What EventBridge answered where the pages are
silent, or wrong, is in test_recorded.py.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.engines.damage import damaged

from pushproof.engines.events import InvalidEventPattern, compile_pattern

EC2 = {
    "version": "0",
    "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
    "detail-type": "EC2 Instance State-change Notification",
    "source": "aws.ec2",
    "account": "111122223333",
    "time": "2017-12-22T18:43:48Z",
    "region": "us-west-1",
    "resources": ["arn:aws:ec2:us-west-1:123456789012:instance/i-1234567890abcdef0"],
    "detail": {"instance-id": "i-1234567890abcdef0", "state": "terminated"},
}

# pattern, event, whether it matches; in the order of the page.
PUBLISHED: list[tuple[str, Any, bool]] = [
    ('{"source": ["aws.ec2"]}', EC2, True),
    (
        '{"source": ["aws.ec2"], "detail-type": ["EC2 Instance State-change Notification"], "detail": {"state": ["terminated"]}}',
        EC2,
        True,
    ),
    ('{"source": ["aws.ec2"], "detail": {"state": ["running"]}}', EC2, False),
    ('{"resources": ["arn:aws:ec2:us-west-1:123456789012:instance/i-1234567890abcdef0", "x"]}', EC2, True),
    ('{"source": ["aws.ec2", "aws.fargate"]}', {"source": "aws.fargate"}, True),
    ('{"time": [{"prefix": "2017-10-02"}]}', {"time": "2017-10-02T18:43:48Z"}, True),
    ('{"time": [{"prefix": "2017-10-02"}]}', EC2, False),
    (
        '{"detail": {"service": [{"prefix": {"equals-ignore-case": "EventB"}}]}}',
        {"detail": {"service": "EVENTBRIDGE"}},
        True,
    ),
    ('{"FileName": [{"suffix": ".png"}]}', {"FileName": "a.png"}, True),
    ('{"FileName": [{"suffix": ".png"}]}', {"FileName": "a.PNG"}, False),
    ('{"FileName": [{"suffix": {"equals-ignore-case": ".png"}}]}', {"FileName": "a.PNG"}, True),
    ('{"detail": {"state": [{"anything-but": "initializing"}]}}', EC2, True),
    ('{"detail": {"state": [{"anything-but": "initializing"}]}}', {"detail": {"state": "initializing"}}, False),
    ('{"detail": {"x-limit": [{"anything-but": 123}]}}', {"detail": {"x-limit": 123}}, False),
    ('{"detail": {"x-limit": [{"anything-but": 123}]}}', {"detail": {"x-limit": 124}}, True),
    ('{"detail": {"state": [{"anything-but": ["stopped", "overloaded"]}]}}', {"detail": {"state": "stopped"}}, False),
    ('{"detail": {"x-limit": [{"anything-but": [100, 200, 300]}]}}', {"detail": {"x-limit": 150}}, True),
    (
        '{"detail": {"state": [{"anything-but": {"equals-ignore-case": "initializing"}}]}}',
        {"detail": {"state": "INITIALIZING"}},
        False,
    ),
    (
        '{"detail": {"state": [{"anything-but": {"equals-ignore-case": ["initializing", "stopped"]}}]}}',
        {"detail": {"state": "Stopped"}},
        False,
    ),
    ('{"detail": {"state": [{"anything-but": {"prefix": "init"}}]}}', {"detail": {"state": "initializing"}}, False),
    ('{"detail": {"state": [{"anything-but": {"prefix": ["init", "stop"]}}]}}', {"detail": {"state": "running"}}, True),
    ('{"detail": {"FileName": [{"anything-but": {"suffix": ".txt"}}]}}', {"detail": {"FileName": "a.txt"}}, False),
    (
        '{"detail": {"FileName": [{"anything-but": {"suffix": [".txt", ".rtf"]}}]}}',
        {"detail": {"FileName": "a.png"}},
        True,
    ),
    (
        '{"detail": {"FilePath": [{"anything-but": {"wildcard": "*/lib/*"}}]}}',
        {"detail": {"FilePath": "/a/lib/b"}},
        False,
    ),
    (
        '{"detail": {"FilePath": [{"anything-but": {"wildcard": ["*/lib/*", "*/bin/*"]}}]}}',
        {"detail": {"FilePath": "/a/b"}},
        True,
    ),
    (
        '{"detail": {"c-count": [{"numeric": [">", 0, "<=", 5]}], "d-count": [{"numeric": ["<", 10]}], '
        '"x-limit": [{"numeric": ["=", 301.8]}]}}',
        {"detail": {"c-count": 5, "d-count": 9, "x-limit": 301.8}},
        True,
    ),
    ('{"detail": {"c-count": [{"numeric": [">", 0, "<=", 5]}]}}', {"detail": {"c-count": 0}}, False),
    ('{"detail": {"sourceIPAddress": [{"cidr": "10.0.0.0/24"}]}}', {"detail": {"sourceIPAddress": "10.0.0.255"}}, True),
    ('{"detail": {"sourceIPAddress": [{"cidr": "10.0.0.0/24"}]}}', {"detail": {"sourceIPAddress": "10.0.1.0"}}, False),
    ('{"detail": {"state": [{"exists": true}]}}', EC2, True),
    ('{"detail": {"c-count": [{"exists": false}]}}', EC2, True),
    ('{"detail": {"state": [{"exists": false}]}}', EC2, False),
    ('{"detail": [{"exists": true}]}', EC2, False),  # "Exists matching only works on leaf nodes."
    ('{"detail-type": [{"equals-ignore-case": "ec2 instance state-change notification"}]}', EC2, True),
    (
        '{"detail": {"eventSource": [{"wildcard": "s3.*.amazonaws.com"}]}}',
        {"detail": {"eventSource": "s3.eu.amazonaws.com"}},
        True,
    ),
    ('{"source": [{"wildcard": "Simple*Service"}]}', {"source": "SimpleQueueService"}, True),
    ('{"source": [{"wildcard": "Simple*Service"}]}', {"source": "SimpleQueue"}, False),
    (r'{"source": [{"wildcard": "a\\*b"}]}', {"source": "a*b"}, True),
    (r'{"source": [{"wildcard": "a\\*b"}]}', {"source": "axb"}, False),
    (r'{"source": [{"wildcard": "a\\\\b*"}]}', {"source": "a\\bc"}, True),
    (
        '{"source": ["aws.cloudwatch"], "$or": [{"metricName": ["CPUUtilization", "ReadLatency"]}, '
        '{"namespace": ["AWS/EC2", "AWS/ES"]}]}',
        {"source": "aws.cloudwatch", "namespace": "AWS/ES"},
        True,
    ),
    (
        '{"$or": [{"metricName": ["CPUUtilization"]}, {"namespace": ["AWS/EC2"]}]}',
        {"metricName": "x", "namespace": "y"},
        False,
    ),
    (
        '{"detail": {"$or": [{"c-count": [{"numeric": [">", 0, "<=", 5]}]}, {"d-count": [{"numeric": ["<", 10]}]}, '
        '{"x-limit": [{"numeric": ["=", 3.018e2]}]}]}}',
        {"detail": {"d-count": 9}},
        True,
    ),
    ('{"detail": {"eventVersion": [""]}}', {"detail": {"eventVersion": ""}}, True),
    ('{"detail": {"responseElements": [null]}}', {"detail": {"responseElements": None}}, True),
    ('{"detail": {"responseElements": [null]}}', {"detail": {}}, False),
    ('{"detail": {"n": [300]}}', {"detail": {"n": 300.0}}, True),
    ('{"detail": {"n": [1]}}', {"detail": {"n": True}}, False),
    ('{"detail": {"n": ["1"]}}', {"detail": {"n": 1}}, False),
]


@pytest.mark.parametrize(("pattern", "event", "expected"), PUBLISHED)
def test_published_operators(pattern: str, event: dict[str, Any], expected: bool) -> None:
    """Each operator matches and refuses as the operators page shows."""
    assert compile_pattern(pattern).matches(event) is expected


def test_arrays_intersect() -> None:
    """eb-event-patterns-arrays: an array in the event matches when it shares a value with the pattern's."""
    pattern = compile_pattern('{"resources": ["a", "b"]}')
    assert pattern.matches({"resources": ["x", "b"]})
    assert not pattern.matches({"resources": ["x", "y"]})
    assert not pattern.matches({"resources": []})


def test_fields_of_one_array_element_belong_together() -> None:
    """Two fields under an array must be met by the same element."""
    pattern = compile_pattern('{"detail": {"items": {"name": ["a"], "state": ["bad"]}}}')
    assert pattern.matches({"detail": {"items": [{"name": "b"}, {"name": "a", "state": "bad"}]}})
    assert not pattern.matches({"detail": {"items": [{"name": "a", "state": "good"}, {"name": "b", "state": "bad"}]}})


def test_absence_looks_at_the_whole_event() -> None:
    """A field that any element of an array has is not absent."""
    pattern = compile_pattern('{"detail": {"items": {"error": [{"exists": false}]}}}')
    assert pattern.matches({"detail": {"items": [{"name": "a"}]}})
    assert pattern.matches({"detail": {}})
    assert not pattern.matches({"detail": {"items": [{"name": "a"}, {"error": "x"}]}})


def test_pipeline_notification_pattern() -> None:
    """The rule of the reference infrastructure matches its pipeline's final states and no others."""
    pattern = compile_pattern(
        {
            "source": ["aws.codepipeline"],
            "detail-type": ["CodePipeline Pipeline Execution State Change"],
            "detail": {"pipeline": ["web"], "state": ["STARTED", "SUCCEEDED", "FAILED"]},
        }
    )
    event = {
        "source": "aws.codepipeline",
        "detail-type": "CodePipeline Pipeline Execution State Change",
        "detail": {"pipeline": "web", "state": "FAILED", "version": 1.0},
    }
    assert pattern.matches(event)
    assert not pattern.matches(event | {"detail": {"pipeline": "web", "state": "SUPERSEDED"}})


@pytest.mark.parametrize(
    ("pattern", "reason", "line", "column"),
    [
        ("", "No content to map due to end-of-input", 1, 1),
        ("[]", "Filter is not an object", 1, 2),
        ("{}", "Empty objects are not allowed", 1, 3),
        ('{"source": "aws.ec2"}', '"source" must be an object or an array', 1, 13),
        ('{\n  "source": []\n}', "Empty arrays are not allowed", 2, 15),
        ('{"a": [[1]]}', "Match value must be String, number, true, false, or null", 1, 9),
        ('{"a": [{"foo": 1}]}', "Unrecognized match type foo", 1, 17),
        ('{"a": [{}]}', "Match expression name not found", 1, 10),
        ('{"a": [{"prefix": "x", "suffix": "y"}]}', "Only one key allowed in match expression", 1, 35),
        ('{"a": [{"exists": "yes"}]}', "exists match pattern must be either true or false.", 1, 20),
        ('{"a": [{"numeric": []}]}', "Invalid member in numeric match: ]", 1, 22),
        ('{"a": [{"numeric": [">", "5"]}]}', "Value of > must be numeric", 1, 27),
        ('{"a": [{"numeric": ["=", 1, "<", 2]}]}', "Too many elements in numeric expression", 1, 30),
        ('{"a": [{"numeric": [">", 1, 2]}]}', "Bad value in numeric range: 2", 1, 30),
        ('{"a": [{"numeric": [">", 1, "<", 2, 3]}]}', "Too many terms in numeric range expression", 1, 38),
        ('{"a": [{"numeric": ["!", 5]}]}', "Unrecognized numeric range operator: !", 1, 27),
        ('{"a": [{"numeric": [">", 5, "<", 5]}]}', "Bottom must be less than top", 1, 36),
        ('{"a": [{"numeric": [">", 1e999]}]}', "Cannot compare number : 1e999", 1, 32),
        ('{"a": [{"wildcard": "a**b"}]}', "Consecutive wildcard characters at pos 2", 1, 27),
        (r'{"a": [{"wildcard": "a\\b"}]}', "Invalid escape character at pos 2", 1, 27),
        ('{"a": [{"anything-but": [1, "x"]}]}', "Inside anything but list, either all values are number or", 1, 33),
        ('{"a": [{"anything-but": []}]}', "Inside anything but list, either all values are number or", 1, 27),
        ('{"a": [{"anything-but": {"numeric": []}}]}', "Unsupported anything-but pattern: numeric", 1, 38),
        ('{"a": [{"anything-but": {}}]}', "Anything-But expression name not found", 1, 27),
        ('{"a": [{"prefix": {}}]}', "Prefix expression name not found", 1, 21),
        ('{"a": [{"suffix": {"prefix": "x"}}]}', "Unsupported suffix pattern: prefix", 1, 31),
        ('{"a": [1],}', "Unexpected character ('}' (code 125)): was expecting double-quote to start field name", 1, 11),
        ('{"$or": [{"a": [1]}]}', "There must have at least 2 Objects in $or relationship.", 1, 21),
        ('{"$or": [{"a": [1]}, 2]}', "Only JSON object is allowed in array of $or relationship.", 1, 23),
        ('{"$or": {"a": [1]}}', "It must be an Array followed with $or.", 1, 10),
        ('{"$or": [{"numeric": [1]}, {"b": [1]}]}', "numeric is Ruler reserved fieldName which cannot be used", 1, 23),
        ("[" * 5000, "Filter is not an object", 1, 2),
        ('{"a":' * 200, "Document nesting depth (101) exceeds the maximum allowed (100)", 1, 506),
    ],
)
def test_errors_name_the_place(pattern: str, reason: str, line: int, column: int) -> None:
    """A malformed pattern is refused with the matcher's reason and the parser's line and column.

    Source: JsonRuleCompiler of https://github.com/aws/event-ruler
    """
    with pytest.raises(InvalidEventPattern) as caught:
        compile_pattern(pattern)
    assert caught.value.reason.startswith(reason)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert f"line: {line}, column: {column}]" in caught.value.message


def test_a_thousand_combinations_and_no_more() -> None:
    """A pattern whose $or alternatives multiply to more than 1000 combinations is refused."""
    ten = [{f"f{n}": ["x"]} for n in range(10)]
    allowed = {f"k{n}": {"$or": ten} for n in range(3)}
    assert compile_pattern(allowed).matches({f"k{n}": {"f3": "x"} for n in range(3)})
    with pytest.raises(InvalidEventPattern, match="1000"):
        compile_pattern(allowed | {"k3": {"$or": ten[:2]}})


SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | st.text(max_size=4)
OPERATORS = st.sampled_from(
    ["prefix", "suffix", "anything-but", "numeric", "exists", "wildcard", "equals-ignore-case", "cidr", "$or", "a", "b"]
)
ANY_JSON = st.recursive(
    SCALARS | st.sampled_from(["*", "\\*", "<", ">=", "10.0.0.0/8"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(OPERATORS, inner, max_size=3),
    max_leaves=12,
)


TEXTS = ANY_JSON.map(json.dumps) | st.text(max_size=40) | st.dictionaries(OPERATORS, ANY_JSON).map(json.dumps)


@settings(max_examples=1_000, deadline=None)
@given(TEXTS, st.integers(0), st.dictionaries(st.sampled_from(["a", "b"]), ANY_JSON, max_size=2))
def test_any_text_compiles_or_is_refused_with_its_place(whole: str, seed: int, event: dict[str, Any]) -> None:
    """Any pattern compiles and can be matched, or is refused at a place within it: 10,000 of them."""
    for text in damaged(whole, seed, 10, '{}[]",:\\0e.-u\n'):
        try:
            pattern = compile_pattern(text)
        except InvalidEventPattern as error:
            line, column = error.line, error.column
        else:
            assert pattern.matches(event) in (True, False), text
            continue
        assert 1 <= line <= text.count("\n") + 1, text
        assert 1 <= column <= len(text) + 1, text


@settings(max_examples=1000, deadline=None)
@given(st.text(alphabet="ab*", max_size=8).filter(lambda text: "**" not in text), st.text(alphabet="ab", max_size=10))
def test_wildcard_against_an_oracle(pattern: str, value: str) -> None:
    """Wildcards match exactly what the shell's own * matches."""
    import fnmatch

    compiled = compile_pattern({"a": [{"wildcard": pattern}]})
    assert compiled.matches({"a": value}) == fnmatch.fnmatchcase(value, pattern)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(["x", "y", "z"]), min_size=1), st.sampled_from(["x", "y", "z"]))
def test_anything_but_is_the_complement_for_one_value(excluded: list[str], value: str) -> None:
    """The operator anything-but matches a single value exactly where the plain list does not."""
    positive, negative = compile_pattern({"a": excluded}), compile_pattern({"a": [{"anything-but": excluded}]})
    assert positive.matches({"a": value}) is not negative.matches({"a": value})
