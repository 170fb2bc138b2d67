"""Patterns for JSON log events.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html, "JSON log events"; comparisons of
strings, numbers and wildcards as TestMetricFilter has been measured to decide them.
"""

from __future__ import annotations

import pytest

from pushproof.engines.logpatterns import InvalidFilterPattern, compile_pattern

MEASURED = r"""
{
    "eventType": "UpdateTrail",
    "someString": "111.111.111.111",
    "emptyString": "",
    "someInt": 123,
    "someFloat": 12.34,
    "someFloat2": 12.0,
    "someObject": {},
    "someArray": [],
    "someNull": null
}
"""

DOCUMENTED = """
{ "eventType": "UpdateTrail", "sourceIPAddress": "111.111.111.111", "arrayKey": ["value", "another value"],
  "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}], "SomeObject": null, "ThisFlag": true, "cluster.name": "c",
  "number": [1000], "errorCode": 400, "latency": 600, "detail-type": "x" }
"""

COMPOUND = """
{ "user": {"id": 1, "email": "John.Stiles@example.com"},
  "users": [{"id": 2, "email": "John.Doe@example.com"}, {"id": 3, "email": "Jane.Doe@example.com"}],
  "actions": ["GET", "PUT", "DELETE"], "coordinates": [[0, 1, 2], [4, 5, 6], [7, 8, 9]] }
"""


def matches(pattern: str, message: str) -> bool:
    """Return whether a pattern matches a message."""
    return compile_pattern(pattern).match(message) is not None


@pytest.mark.parametrize(
    "condition",
    [
        '$.someString = "111.111.111.111"',
        "$.someString = 111.111.111.111",
        "$.someString != 111*111",
        '$.someString = "*"',
        "$.someString = *",
        '$.emptyString = "*"',
        '$.someString = "*.111.111.111"',
        "$.someString = 111*",
        '$.someString != "222"',
        "$.someString != *222",
        "$.someString != 111",
        '$.someInt = "123"',
        "$.someInt = 123",
        "$.someInt = 123.0",
        '$.someInt != "123.0"',
        "$.someInt = *",
        "$.someInt = 1*",
        '$.someInt = "*23"',
        "$.someInt = 123*",
        "$.someInt = *123",
        "$.someInt != 321*",
        "$.someInt != *1",
        "$.someFloat = 12.34",
        '$.someFloat = "12.34"',
        "$.someFloat2 = 12",
        '$.someFloat2 != "12"',
        "$.someFloat = 12.*",
        "$.someFloat = *.34",
        "$.someFloat = *4",
        "$.someFloat != 4*1",
        "$.someFloat != *21",
    ],
)
def test_measured_matches(condition: str) -> None:
    """Strings and numbers equal what TestMetricFilter says they do."""
    assert matches(f"{{ {condition} }}", MEASURED)


@pytest.mark.parametrize(
    "condition",
    [
        # A wildcard takes the first place where the text after it occurs.
        '$.someString = "*111.111.111"',
        "$.someString = *111.111.111",
        '$.someInt != "1*3"',
        "$.someFloat != 1*4",
        "$.someString > 123",
        "$.someString <= 123",
        "$.someString = 123",
        "$.someObject = 123",
        "$.someObject != 123",
        "$.someObject > 123",
        '$.someObject != "non-number-like"',
        '$.someArray != "someString"',
        '$.notExisted != "UpdateTrail"',
        "$.notExisted = UpdateTrail",
        "$.someInt != 123",
        '$.someInt != "123"',
        '$.someInt = "123.00"',
    ],
)
def test_measured_mismatches(condition: str) -> None:
    """Objects, arrays and absent properties compare with nothing, and strings in no order."""
    assert not matches(f"{{ {condition} }}", MEASURED)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("$.sourceIPAddress != 123.123.*", True),
        ('$.arrayKey[0] = "value"', True),
        ('$.arrayKey[1] = "value"', False),
        ('$.ThisFlag[0] = "value"', False),
        ("$.objectList[1].id = 2", True),
        ("$.objectList[1].number = 2", False),
        ("$.eventType = %Trail%", True),
        ("$.eventType != %Trail%", False),
        ("$.arrayKey[*] = %val.{2}%", True),
        ("$.arrayKey = value", False),
        (r"$.* = %111\.111\.111\.1[0-9]{1,2}%", True),
        ("$.objectList[*].id > 1", True),
        ("$.objectList[*].id > 2", False),
        ("$.['cluster.name'] = \"c\"", True),
        ("$['cluster.name'] = c", None),
        ("$.SomeObject IS NULL", True),
        ("$.eventType IS NULL", False),
        ("$.ThisFlag IS TRUE", True),
        ("$.ThisFlag IS FALSE", False),
        ("$.SomeOtherObject NOT EXISTS", True),
        ("$.SomeObject NOT EXISTS", False),
        ("$.number[0] = 1e+3", True),
        ("$.number[0] != 1e-3", True),
        ("$.errorCode = 400", True),
        ("$.latency > +500", True),
        ("$.latency >= 600", True),
        ("$.latency < -1", False),
        ("$.detail-type = x", True),
    ],
)
def test_documented_conditions(condition: str, expected: bool | None) -> None:
    """The documentation's conditions hold for its event; None: refused."""
    if expected is None:
        with pytest.raises(InvalidFilterPattern):
            compile_pattern(f"{{ {condition} }}")
        return
    for pattern in (f"{{ {condition} }}", f"{{{condition}}}", f"\n{{\n  {condition}\n}}\n"):
        assert matches(pattern, DOCUMENTED) is expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ('{ ($.user.id = 1) && ($.users[0].email = "John.Doe@example.com") }', True),
        (
            '{ $.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = nonmatch && $.actions[2] = nomatch }',
            True,
        ),
        (
            '{ ($.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = nonmatch) && $.actions[2] = nomatch }',
            False,
        ),
        ('{ ($.user.id = 2 && $.users[0].email = "nonmatch") || $.actions[2] = "GET" }', False),
        ("{ $.coordinates[1][2] = 6 }", True),
        ("{ $.user.id = 2 || $.user.id = 3 || (($.user.id = 1)) }", True),
    ],
)
def test_compound_expressions(pattern: str, expected: bool) -> None:
    """Parentheses bind before &&, and && before ||."""
    assert matches(pattern, COMPOUND) is expected


@pytest.mark.parametrize("message", ["no JSON", "", "[1]", "5", "{", '{"a": NaN}', "[" * 50_000, '{"a":' * 50_000])
def test_other_messages(message: str) -> None:
    """A message that is no JSON object is not matched, not even by what must not exist."""
    assert not matches("{ $.a NOT EXISTS }", message)


def test_extracted_values() -> None:
    """A match returns the values of the properties in the pattern."""
    pattern = compile_pattern('{ $.user.id = 1 && $.users[1].email = "*" && $.gone NOT EXISTS }')
    assert pattern.match(COMPOUND) == {"$.user.id": "1", "$.users[1].email": "Jane.Doe@example.com"}


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        # https://github.com/jorgebastida/awslogs/issues/210
        ('{$.name="abc" && $.other="def"', "If a filter pattern starts with '{' it must end with '}'"),
        # Measured with TestMetricFilter and FilterLogEvents.
        ('{ $.someInt >= "123" }', "Invalid character(s) in term '\"123\"'"),
        ("{ $.someInt < abc }", "Invalid character(s) in term 'abc'"),
        ('{ $."sc-status" = 5* }', "Invalid character(s) in term '$.\"'"),
        ('{ $.message = "error", $.path = "/authenticate" }', "Invalid character(s) in term ','"),
        # https://github.com/hashicorp/terraform-provider-aws/issues/2945
        ("{ $.type = 'Root' }", "Invalid character(s) in term '''"),
        ("{ $.arn = arn:aws:iam }", "Invalid character(s) in term ':'"),
        ("{ $ = 1 }", "Invalid character(s) in term '$ '"),
        # "IS NOT and EXISTS currently aren't supported."
        ("{ $.a IS NOT NULL }", None),
        ("{ $.a EXISTS }", None),
        ("{ $.a IS MAYBE }", None),
        ("{ status = 401 }", None),
        ("{ $.a }", None),
        ("{ $.a = }", None),
        ("{ }", None),
        ("{ ($.a = 1 }", None),
        ("{ $.a = 1) }", None),
        ("{ $.a = 1 && }", None),
        ("{ $.a = 1 $.b = 2 }", None),
        ("{ $.a = $.b }", None),
        ("{ $.a > %1% }", None),
        ("{ $.a = %open }", None),
        # "only use up to one wildcard selector in a property selector, and up to three … in a filter pattern"
        ("{ $.a[*].b[*] = 1 }", None),
        ("{ $.a[*] = 1 || $.b[*] = 1 || $.c[*] = 1 || $.d[*] = 1 }", None),
        # "a limit of 2 regex for each filter pattern"
        ("{ $.a = %x% || $.b = %y% || $.c = %z% }", None),
    ],
)
def test_refusals(pattern: str, said: str | None) -> None:
    """Invalid conditions are refused, with the place that CloudWatch Logs names."""
    with pytest.raises(InvalidFilterPattern) as refused:
        compile_pattern(pattern)
    assert refused.value.message == said
