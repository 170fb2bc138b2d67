"""CloudWatch Logs: searching events, metric filters and subscription filters.

Refusals and shapes recorded by https://github.com/localstack/localstack (tests/aws/services/logs), unless a test says otherwise.
"""

from __future__ import annotations

import base64
import gzip
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pushproof.base.clock import VirtualClock
from pushproof.emulator.kernel.loop import VirtualLoop
from pushproof.emulator.world import World

GROUP = "/shop/web"
# A minute ago, in milliseconds.
START = int(time.time() * 1000) - 60_000
MISSING_GROUP = ("ResourceNotFoundException", "The specified log group does not exist.")
SECOND_METRIC = (
    "1 validation error detected: Value '["
    "MetricTransformation(metricName=metric1, metricNamespace=shop, metricValue=1, defaultValue=null, unit=null, dimensions=null), "
    "MetricTransformation(metricName=metric2, metricNamespace=shop, metricValue=1, defaultValue=null, unit=null, dimensions=null)"
    "]' at 'metricTransformations' failed to satisfy constraint: Member must have length less than or equal to 1"
)
METRIC = {"metricName": "errors", "metricNamespace": "shop", "metricValue": "1"}


@pytest.fixture
def world() -> Iterator[World]:
    with World(loop=VirtualLoop(VirtualClock(time.time()))) as opened:
        yield opened


@pytest.fixture
def logs(world: World) -> Any:
    client = world.administrator("logs")
    client.create_log_group(logGroupName=GROUP)
    for stream in ("web-1", "web-2", "jobs"):
        client.create_log_stream(logGroupName=GROUP, logStreamName=stream)
    return client


def put(logs: Any, stream: str, *events: tuple[int, str]) -> None:
    """Put events, each so many milliseconds after the start."""
    logs.put_log_events(
        logGroupName=GROUP,
        logStreamName=stream,
        logEvents=[{"timestamp": START + after, "message": message} for after, message in events],
    )


def found(logs: Any, **request: Any) -> list[str]:
    """The messages that FilterLogEvents answers."""
    return [event["message"] for event in logs.filter_log_events(**{"logGroupName": GROUP, **request})["events"]]


def refused(call: Any, **request: Any) -> tuple[str, str]:
    """The code and the text of a refusal."""
    with pytest.raises(ClientError) as caught:
        call(**request)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    ("pattern", "messages"),
    [
        ("ERROR", ["ERROR a", '{"level": "ERROR", "ms": 700}']),
        ("?ERROR ?WARN", ["ERROR a", "WARN b", '{"level": "ERROR", "ms": 700}']),
        ("ERROR -level", ["ERROR a"]),
        ('"WARN b"', ["WARN b"]),
        ('{ $.level = "ERROR" && $.ms > 500 }', ['{"level": "ERROR", "ms": 700}']),
        ("[level = ERROR || level = WARN, ...]", ["ERROR a", "WARN b"]),
        ("%^(WARN)%", None),
        ("%^WARN% ", ["WARN b"]),
        ("", ["ERROR a", "WARN b", '{"level": "ERROR", "ms": 700}', "INFO c"]),
    ],
)
def test_patterns_choose_events(logs: Any, pattern: str, messages: list[str] | None) -> None:
    """FilterLogEvents answers the events that the pattern matches, and refuses what is no pattern."""
    put(logs, "web-1", (1, "ERROR a"), (2, "WARN b"), (3, '{"level": "ERROR", "ms": 700}'), (4, "INFO c"))
    if messages is None:
        said = refused(logs.filter_log_events, logGroupName=GROUP, filterPattern=pattern)
        assert said == ("InvalidParameterException", "Invalid character(s) in term '('")
    else:
        assert found(logs, filterPattern=pattern) == messages


def test_events_come_by_time(logs: Any) -> None:
    """Events of all streams are interleaved, whatever `interleaved` says; the first and the last millisecond count."""
    put(logs, "web-1", (1, "a"), (4, "d"))
    put(logs, "web-2", (2, "b"), (3, "c"))
    assert found(logs) == found(logs, interleaved=False) == ["a", "b", "c", "d"]
    assert found(logs, startTime=START + 2, endTime=START + 3) == ["b", "c"]
    assert found(logs, startFromHead=False, startTime=START) == ["d", "c", "b", "a"]
    answer = logs.filter_log_events(logGroupName=GROUP)
    assert answer["searchedLogStreams"] == []
    assert answer["events"][0].keys() == {"logStreamName", "timestamp", "message", "ingestionTime", "eventId"}


def test_streams_and_groups(logs: Any) -> None:
    """Streams are chosen by name or prefix, and the group by name or ARN."""
    put(logs, "web-1", (1, "a"))
    put(logs, "web-2", (2, "b"))
    put(logs, "jobs", (3, "c"))
    assert found(logs, logStreamNames=["web-2", "jobs"]) == ["b", "c"]
    assert found(logs, logStreamNamePrefix="web-") == ["a", "b"]
    arn = logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"][0]["logGroupArn"]
    for identifier in (GROUP, arn):
        assert len(logs.filter_log_events(logGroupIdentifier=identifier)["events"]) == 3


@pytest.mark.parametrize("limit", [1, 2, 3])
@pytest.mark.parametrize("ascending", [True, False])
def test_pages(logs: Any, limit: int, ascending: bool) -> None:
    """Pages hold matches only, follow each other without a gap, and are not put off by events that come in between."""
    put(logs, "web-1", *((after, f"ERROR {after}") for after in (1, 3, 3, 5)))
    put(logs, "web-2", (2, "INFO"), (3, "ERROR other"), (4, "ERROR 4"))
    request: dict[str, Any] = {"logGroupName": GROUP, "filterPattern": "ERROR", "limit": limit, "startTime": START}
    messages: list[str] = []
    answer = logs.filter_log_events(**request, startFromHead=ascending)
    while True:
        messages += [event["message"] for event in answer["events"]]
        assert len(answer["events"]) <= limit
        if "nextToken" not in answer:
            break
        if len(messages) == limit:
            # Before the first page, in its direction: a later page does not tell of it.
            put(logs, "jobs", (0 if ascending else 9, "ERROR late"))
        answer = logs.filter_log_events(**request, nextToken=answer["nextToken"])
    expected = ["ERROR 1", "ERROR 3", "ERROR 3", "ERROR other", "ERROR 4", "ERROR 5"]
    assert messages == (expected if ascending else expected[::-1])


def test_pages_hold_a_megabyte(logs: Any) -> None:
    """A page ends before 1 MB, even without a limit in the request."""
    for number in range(6):
        put(logs, "web-1", (number, str(number) * 250_000))
    answer = logs.filter_log_events(logGroupName=GROUP)
    assert [event["message"][0] for event in answer["events"]] == ["0", "1", "2", "3"]
    rest = logs.filter_log_events(logGroupName=GROUP, nextToken=answer["nextToken"])
    assert [event["message"][0] for event in rest["events"]] == ["4", "5"]


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (
            {"limit": 10001},
            "1 validation error detected: Value '10001' at 'limit' failed to satisfy constraint: "
            "Member must have value less than or equal to 10000",
        ),
        ({"nextToken": "invalid-token"}, "The specified nextToken is invalid."),
        ({"nextToken": "bm90IEpTT04="}, "The specified nextToken is invalid."),
        ({"nextToken": "WzFd"}, "The specified nextToken is invalid."),
        # https://github.com/aws/aws-toolkit-jetbrains/issues/3219
        ({"filterPattern": '""""'}, "Invalid filter pattern"),
        ({"filterPattern": "{ $.a"}, "If a filter pattern starts with '{' it must end with '}'"),
        # API_FilterLogEvents: not both, and no descending order before 2024.
        (
            {"logStreamNames": ["web-1"], "logStreamNamePrefix": "web"},
            "LogStreamNames and LogStreamNamePrefix are mutually exclusive parameters.",
        ),
        ({"logGroupIdentifier": GROUP}, "Exactly one of logGroupName and logGroupIdentifier must be specified."),
        ({"startFromHead": False}, "startFromHead can only be false for a startTime on or after 2024-01-01T00:00:00Z."),
    ],
)
def test_refused_searches(logs: Any, request_: dict[str, Any], said: str) -> None:
    """FilterLogEvents refuses what Logs refuses."""
    assert refused(logs.filter_log_events, **{"logGroupName": GROUP, **request_}) == ("InvalidParameterException", said)


def test_missing_groups_and_streams(logs: Any) -> None:
    """A group, or a named stream, that does not exist is not found (https://github.com/percona/rds_exporter/issues/81)."""
    assert refused(logs.filter_log_events, logGroupName="none") == MISSING_GROUP
    assert refused(logs.filter_log_events, logGroupName=GROUP, logStreamNames=["web-1", "web"]) == (
        "ResourceNotFoundException",
        "The specified log stream does not exist.",
    )


def metric_filter(name: str = "errors", pattern: str = "ERROR", **metric: Any) -> dict[str, Any]:
    """The arguments of PutMetricFilter."""
    return {
        "logGroupName": GROUP,
        "filterName": name,
        "filterPattern": pattern,
        "metricTransformations": [{**METRIC, **metric}],
    }


def test_metric_filters(logs: Any) -> None:
    """A metric filter is shown as it was put, replaced by one of its name, counted, and gone with its group."""
    for name in ("b", "a"):
        logs.put_metric_filter(**metric_filter(name, " ", defaultValue=0))
    logs.put_metric_filter(**metric_filter("a", "{ $.level = * }", unit="Count", dimensions={"Level": "$.level"}))
    shown = logs.describe_metric_filters(logGroupName=GROUP)["metricFilters"]
    assert [kept.pop("creationTime") > 0 for kept in shown] == [True, True]
    assert shown == [
        {
            **metric_filter("a", "{ $.level = * }", unit="Count", dimensions={"Level": "$.level"}),
            "applyOnTransformedLogs": False,
        },
        {**metric_filter("b", " ", defaultValue=0.0), "applyOnTransformedLogs": False},
    ]
    assert logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"][0]["metricFilterCount"] == 2
    assert [kept["filterName"] for kept in logs.describe_metric_filters(filterNamePrefix="b")["metricFilters"]] == ["b"]
    assert len(logs.describe_metric_filters(metricName="errors", metricNamespace="shop")["metricFilters"]) == 2
    assert logs.describe_metric_filters(metricName="errors", metricNamespace="other")["metricFilters"] == []
    pages = logs.get_paginator("describe_metric_filters").paginate(PaginationConfig={"PageSize": 1})
    assert [kept["filterName"] for page in pages for kept in page["metricFilters"]] == ["a", "b"]

    logs.delete_metric_filter(logGroupName=GROUP, filterName="a")
    assert refused(logs.delete_metric_filter, logGroupName=GROUP, filterName="a")[0] == "ResourceNotFoundException"
    logs.delete_log_group(logGroupName=GROUP)
    assert refused(logs.describe_metric_filters, logGroupName=GROUP) == MISSING_GROUP
    logs.create_log_group(logGroupName=GROUP)
    assert logs.describe_metric_filters(logGroupName=GROUP)["metricFilters"] == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"filterPattern": "{ $.a }"}, "Invalid metric filter pattern"),
        ({"filterPattern": "failed: x"}, "Invalid character(s) in term ':'"),
        ({"filterName": "a:b"}, "regular expression pattern: [^:*]*"),
        (
            {"filterName": "x" * 513},
            "at 'filterName' failed to satisfy constraint: Member must have length less than or equal to 512",
        ),
        (
            {"filterPattern": "x" * 1025},
            "'filterPattern' failed to satisfy constraint: Member must have length less than or equal to 1024",
        ),
        (
            {"logGroupName": "x" * 513},
            "Invalid LogGroup or LogStream, both must have length less than or equal to 512.",
        ),
        ({"metricTransformations": [{**METRIC, "metricName": f"metric{number}"} for number in (1, 2)]}, SECOND_METRIC),
        ({"metricTransformations": [{**METRIC, "metricNamespace": "AWS/Web"}]}, "reserved for AWS."),
        ({"metricTransformations": [{**METRIC, "dimensions": {"a": "$.a"}}]}, "does not support dimensions"),
        ({"metricTransformations": [{**METRIC, "unit": "Errors"}]}, "Terabits/Second, Count/Second, None]"),
    ],
)
def test_refused_metric_filters(logs: Any, changed: dict[str, Any], said: str) -> None:
    """PutMetricFilter refuses a pattern that is none, and a metric that cannot be made; the filter that stood stays."""
    logs.put_metric_filter(**metric_filter())
    standing = logs.describe_metric_filters()["metricFilters"]
    code, message = refused(logs.put_metric_filter, **{**metric_filter(), **changed})
    assert code == "InvalidParameterException"
    assert message.endswith(said)
    assert logs.describe_metric_filters()["metricFilters"] == standing


def test_limits_of_metric_filters(logs: Any) -> None:
    """A group has room for 100 metric filters, and for five patterns with regular expressions."""
    for number in range(5):
        logs.put_metric_filter(**metric_filter(f"regex{number}", "%ERROR%"))
    limit = ("LimitExceededException", "Resource limit exceeded.")
    assert refused(logs.put_metric_filter, **metric_filter("regex5", "[level=%ERROR%, rest]")) == limit
    logs.put_metric_filter(**metric_filter("regex4", "%WARN%"))
    for number in range(95):
        logs.put_metric_filter(**metric_filter(f"word{number}"))
    assert refused(logs.put_metric_filter, **metric_filter("word95")) == limit
    assert refused(logs.put_metric_filter, **{**metric_filter(), "logGroupName": "none"}) == MISSING_GROUP


def test_trying_a_metric_filter(logs: Any) -> None:
    """TestMetricFilter returns the messages that match, and the values that a pattern extracts from each.

    https://docs.aws.amazon.com/cli/latest/reference/logs/test-metric-filter.html#examples
    """
    messages = ["[ERROR] 400 BAD REQUEST", "[ERROR] 400 BAD REQUEST", "[INFO] 200 OK"]
    answer = logs.test_metric_filter(filterPattern="ERROR", logEventMessages=messages)
    assert answer["matches"] == [
        {"eventNumber": 1, "eventMessage": messages[0], "extractedValues": {}},
        {"eventNumber": 2, "eventMessage": messages[1], "extractedValues": {}},
    ]
    answer = logs.test_metric_filter(filterPattern="[level, status=2*, ...]", logEventMessages=messages)
    assert answer["matches"] == [
        {
            "eventNumber": 3,
            "eventMessage": messages[2],
            "extractedValues": {"$level": "INFO", "$status": "200", "$3": "OK"},
        }
    ]
    said = refused(logs.test_metric_filter, filterPattern="{ $.a IS NOT NULL }", logEventMessages=messages)
    assert said == ("InvalidParameterException", "Invalid metric filter pattern")


def kinesis(world: World, name: str) -> str:
    """The ARN of a new stream."""
    client = world.administrator("kinesis")
    client.create_stream(StreamName=name, ShardCount=1)
    return str(client.describe_stream(StreamName=name)["StreamDescription"]["StreamARN"])


def role(world: World) -> str:
    """The ARN of a role that Logs may take."""
    trust = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",'
        '"Principal":{"Service":"logs.amazonaws.com"}}]}'
    )
    created = world.administrator("iam").create_role(RoleName="logs", AssumeRolePolicyDocument=trust)
    return str(created["Role"]["Arn"])


def test_subscription_filters(world: World, logs: Any) -> None:
    """A subscription is sent what its pattern matches; there are two, and either can be changed."""
    stream, by = kinesis(world, "errors"), role(world)
    common = {"logGroupName": GROUP, "destinationArn": stream, "roleArn": by}
    logs.put_subscription_filter(filterName="one", filterPattern="ERROR", **common)
    logs.put_subscription_filter(filterName="two", filterPattern="-ERROR -INFO", **common)
    assert refused(logs.put_subscription_filter, filterName="three", filterPattern="", **common) == (
        "LimitExceededException",
        "Resource limit exceeded.",
    )
    logs.put_subscription_filter(filterName="two", filterPattern="NOTHING", **common)
    shown = logs.describe_subscription_filters(logGroupName=GROUP)["subscriptionFilters"]
    assert [(kept["filterName"], kept["filterPattern"]) for kept in shown] == [("one", "ERROR"), ("two", "NOTHING")]

    put(logs, "web-1", (1, "INFO a"), (2, "ERROR b"), (3, "INFO c"))
    put(logs, "web-1", (4, "INFO d"))
    client = world.administrator("kinesis")
    shard = client.describe_stream(StreamName="errors")["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = client.get_shard_iterator(StreamName="errors", ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    records = client.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
    assert [event["message"] for record in records for event in unpacked(record["Data"])] == ["ERROR b"]


def unpacked(data: bytes) -> list[dict[str, Any]]:
    """The events of a record."""
    packed = data if data[:2] == b"\x1f\x8b" else base64.b64decode(data)
    events: list[dict[str, Any]] = json.loads(gzip.decompress(packed))["logEvents"]
    return events


@pytest.mark.parametrize(
    ("changed", "code", "said"),
    [
        (
            {"filterPattern": "{"},
            "InvalidParameterException",
            "If a filter pattern starts with '{' it must end with '}'",
        ),
        # https://github.com/newrelic/serverless-newrelic-lambda-layers/issues/36
        ({"filterPattern": '?"?A ?"B""'}, "InvalidParameterException", "Invalid subscription filter pattern"),
        (
            {"destinationArn": "arn:aws:kinesis:us-east-1:123456789012:stream/unknown-stream"},
            "InvalidParameterException",
            "destinationArn for vendor kinesis cannot be used without roleArn",
        ),
        (
            {"destinationArn": "arn:aws:firehose:us-east-1:123456789012:deliverystream/d"},
            "InvalidParameterException",
            "destinationArn for vendor firehose cannot be used without roleArn",
        ),
        # https://github.com/badmintoncryer/cdk-preflight
        (
            {"roleArn": "arn:aws:iam::123456789012:role/r"},
            "InvalidParameterException",
            "destinationArn for vendor lambda cannot be used with roleArn",
        ),
        (
            {"destinationArn": "arn:aws:lambda:us-east-1:210987654321:function:test", "logGroupName": "none"},
            "AccessDeniedException",
            "Cross-account lambda invocation passing is not allowed. You must use DestinationPolicies to create cross account "
            "lambda triggers.",
        ),
        (
            {"destinationArn": "arn:aws:sqs:us-east-1:123456789012:q"},
            "InvalidParameterException",
            "PutSubscriptionFilter operation cannot work with destinationArn for vendor sqs",
        ),
        ({"logGroupName": "none"}, *MISSING_GROUP),
    ],
)
def test_refused_subscription_filters(logs: Any, changed: dict[str, Any], code: str, said: str) -> None:
    """PutSubscriptionFilter refuses a pattern, a destination or a role that does not fit, and keeps nothing."""
    request = {
        "logGroupName": GROUP,
        "filterName": "test",
        "filterPattern": "",
        "destinationArn": "arn:aws:lambda:us-east-1:123456789012:function:test",
        **changed,
    }
    assert refused(logs.put_subscription_filter, **request) == (code, said)
    assert logs.describe_subscription_filters(logGroupName=GROUP)["subscriptionFilters"] == []
