"""Patterns for space-delimited log events.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html, "space-delimited log events".
"""

from __future__ import annotations

import pytest

from pushproof.engines.logpatterns import InvalidFilterPattern, compile_pattern

REQUEST = '127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'

LINES = [
    "INFO 09/25/2014 12:00:00 GET /service/resource/67 1200",
    "INFO 09/25/2014 12:00:01 POST /service/resource/67/part/111 1310",
    "WARNING 09/25/2014 12:00:02 Invalid user request",
    "ERROR 09/25/2014 12:00:02 Failed to process request",
]


@pytest.mark.parametrize(
    ("pattern", "numbers"),
    [
        ("[w1=ERROR, w2]", [3]),
        ("[w1=ERROR || w1=WARNING, w2]", [2, 3]),
        ("[w1!=ERROR && w1!=WARNING, w2]", [0, 1]),
        ("[w1!=%ERROR%&&w1!=%WARN%, w2]", [0, 1]),
        ("[logLevel, date, time, method, url=%/service/resource/[0-9]+$%, response_time]", [0]),
        ("[logLevel, date, time, method, url=%/service/resource/[0-9]+/part/[0-9]+$%, response_time]", [1]),
        ("[..., response_time > 1250]", [1]),
        ("[..., method = GET, url, time]", [0]),
        ("[level, ..., last = request]", [2, 3]),
        # The last field takes the rest of the line.
        ("[w1=ERROR]", []),
        ('[level, date, rest="*process*"]', [3]),
        ("[a, b, c, d, e, f, g]", [3]),
        ("[a, b, c, d, e, f, g, h]", []),
        ("[]", [0, 1, 2, 3]),
        ("[...]", [0, 1, 2, 3]),
        ("[(w1=ERROR || w1=INFO) && w1!=INFO, w2]", [3]),
    ],
)
def test_lines(pattern: str, numbers: list[int]) -> None:
    """The documentation's patterns choose its lines."""
    compiled = compile_pattern(pattern)
    assert [line for line in LINES if compiled.match(line) is not None] == [LINES[number] for number in numbers]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"[ip=%127\.0\.0\.[1-9]%, user, username, timestamp, request =*.html*, status_code = 4*, bytes]", True),
        ("[..., request =*.html*, status_code = 4*, bytes]", True),
        ("[ip, user, username, timestamp, request =*.html*, status_code = 404 || status_code = 410, bytes]", True),
        ("[ip, user, username, timestamp, request =*.html*, status_code = 403 || status_code = 410, bytes]", False),
        ("[ip, user, username, timestamp, request, status_code = 404.0, bytes]", True),
        ('[ip, user, username, timestamp, request, status_code = "404.0", bytes]', False),
        ("[ip, user, username, timestamp, request, status_code, bytes > 1000]", True),
        ("[ip, user, username, timestamp, request, status_code, bytes > 2000]", False),
        ("[ip > 1, ...]", False),
        ("[ip, user, ..., status_code, bytes]", True),
        ("[ip, user, ...]", True),
    ],
)
def test_requests(pattern: str, expected: bool) -> None:
    """Text between quotes or brackets is one field, and conditions are about fields."""
    assert (compile_pattern(pattern).match(REQUEST) is not None) is expected


def test_lambda_lines() -> None:
    """The pattern that forwards a function's own lines leaves out those of Lambda, whatever the lines' length."""
    pattern = compile_pattern('[timestamp=*Z, request_id="*-*", event]')
    line = '2026-01-31T10:00:00.000Z\t0f1e-2d3c\t{"message": "out of stock", "level": 3}\n'
    assert pattern.match(line) == {
        "$timestamp": "2026-01-31T10:00:00.000Z",
        "$request_id": "0f1e-2d3c",
        "$event": '{"message": "out of stock", "level": 3}',
    }
    assert pattern.match("START RequestId: 0f1e-2d3c Version: $LATEST\n") is None


def test_extracted_values() -> None:
    """Fields without a name are numbered; a comma at the end leaves one."""
    assert compile_pattern("[..., request=*.html*, status_code=4*,]").match(REQUEST) == {
        "$1": "127.0.0.1",
        "$2": "Prod",
        "$3": "frank",
        "$4": "10/Oct/2000:13:25:15 -0700",
        "$request": "GET /index.html HTTP/1.0",
        "$status_code": "404",
        "$7": "1534",
    }


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        ("a  b\tc\n", ["a", "b", "c"]),
        ("[ERROR] b", ["ERROR", "b"]),
        ("[ERROR]: b", ["[ERROR]:", "b"]),
        ('"open b', ['"open', "b"]),
        ('"" []', ["", ""]),
        ("[a [b] c]", ["a [b", "c]"]),
        ("", []),
    ],
)
def test_fields_of_a_message(message: str, fields: list[str]) -> None:
    """White space parts fields, and only a closed pair of quotes or brackets makes one of several words."""
    assert list((compile_pattern("[...]").match(message) or {}).values()) == fields


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        # https://github.com/badmintoncryer/cdk-preflight (pf-logs-filter-pattern-bracket), measured
        ("[time, level=ERROR, msg", "If a filter pattern starts with '[' it must end with ']'"),
        ("[...fields, status=FAILED]", "Invalid character(s) in term '...fields'"),
        ("[timestamp=*Z, request_id=\u201c*-*\u201c]", "Invalid character(s) in term '\u201c'"),
        ("[a > high]", "Invalid character(s) in term 'high'"),
        # https://github.com/awsdocs/amazon-cloudwatch-logs-user-guide/issues/21
        ("[ip, user, username, timestamp, request, status_code = 4* && bytes > 1000]", None),
        ("[a, ..., b, ...]", None),
        ("[a b]", None),
        ("[a =]", None),
        ("[= a]", None),
        ("[a=1 &&]", None),
        ("[(a=1]", None),
        ("[a=%x%, b=%y%, c=%z%]", None),
    ],
)
def test_refusals(pattern: str, said: str | None) -> None:
    """Invalid lists of fields are refused, with the place that CloudWatch Logs names."""
    with pytest.raises(InvalidFilterPattern) as refused:
        compile_pattern(pattern)
    assert refused.value.message == said
