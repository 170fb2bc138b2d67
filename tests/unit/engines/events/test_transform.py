"""Input transformers against the examples that AWS publishes.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pushproof.engines.events import InvalidTarget, NoResult, RuleFacts, compile_path, compile_transformer

EVENT = {
    "version": "0",
    "id": "7bf73129-1428-4cd3-a780-95db273d1602",
    "detail-type": "EC2 Instance State-change Notification",
    "source": "aws.ec2",
    "account": "123456789012",
    "time": "2015-11-11T21:29:54Z",
    "region": "us-east-1",
    "resources": ["arn:aws:ec2:us-east-1:123456789012:instance/i-abcd1111"],
    "detail": {"instance-id": "i-0123456789", "state": "RUNNING"},
}
PATHS = {
    "timestamp": "$.time",
    "instance": "$.detail.instance-id",
    "state": "$.detail.state",
    "resource": "$.resources[0]",
}
RULE = RuleFacts("arn:aws:events:us-east-1:123456789012:rule/example", "example", "2015-11-11T21:29:55Z")

PUBLISHED = [
    ('"instance <instance> is in <state>"', '"instance i-0123456789 is in RUNNING"'),
    (r'"instance \"<instance>\" is in <state>"', r'"instance \"i-0123456789\" is in RUNNING"'),
    ('{"instance" : <instance>, "state": <state>}', '{"instance" : "i-0123456789", "state": "RUNNING"}'),
    (
        '{"instance" : <instance>, "state": "<state>", "instanceStatus": "instance \\"<instance>\\" is in <state>"}',
        '{"instance" : "i-0123456789", "state": "RUNNING", "instanceStatus": "instance \\"i-0123456789\\" is in RUNNING"}',
    ),
    (
        '{"instance" : <instance>, "state": [9, <state>, true], "Transformed" : "Yes"}',
        '{"instance" : "i-0123456789", "state": [9, "RUNNING", true], "Transformed" : "Yes"}',
    ),
    (
        '{"ruleArn" : <aws.events.rule-arn>, "ruleName" : <aws.events.rule-name>, "at": <aws.events.event.ingestion-time>}',
        '{"ruleArn" : "arn:aws:events:us-east-1:123456789012:rule/example", "ruleName" : "example", '
        '"at": "2015-11-11T21:29:55Z"}',
    ),
    ('"<aws.events.rule-name> triggered"', '"example triggered"'),
]


@pytest.mark.parametrize(("template", "expected"), PUBLISHED)
def test_published_examples(template: str, expected: str) -> None:
    """Each template of the page gives the output that the page shows."""
    assert compile_transformer(PATHS, template).apply(EVENT, RULE) == expected


def test_original_event() -> None:
    """aws.events.event.json is the event with its detail; aws.events.event is without, and spells detailType.

    Recorded from EventBridge: https://github.com/localstack/localstack test_events_inputs.snapshot.json,
    test_input_transformer_predefined_variables.
    """
    template = '{"all": <aws.events.event.json>, "short": <aws.events.event>}'
    output = json.loads(compile_transformer(PATHS, template).apply(EVENT, RULE))
    assert output["all"] == EVENT
    short = {key: value for key, value in EVENT.items() if key not in ("detail", "detail-type")}
    assert output["short"] == short | {"detailType": EVENT["detail-type"]}
    assert list(output["short"]) == ["id", "account", "detailType", "time", "source", "region", "resources", "version"]


DETAIL = {
    "command": "update-account",
    "payload": {"acc_id": "0a787ecb-4015", "sf_id": "baz"},
    "one": ["HIGH"],
    "many": ["ACTIVE", "INACTIVE"],
    "valid": True,
    "said": 'a "word"',
    "numbers": [1, 2],
}
MAPPED = {"user": "$.detail.payload.acc_id", "gone": "$.detail.awsAccountId"} | {
    name: f"$.detail.{name}" for name in ("payload", "one", "many", "valid", "said", "numbers")
}

# template, what arrives; None where EventBridge delivers nothing.
RECORDED = [
    (
        '{"method": "PUT", "path": "users-service/users/<user>", "bod": <payload>}',
        '{"method": "PUT", "path": "users-service/users/0a787ecb-4015", "bod": {"acc_id":"0a787ecb-4015","sf_id":"baz"}}',
    ),
    ('"Payload of <payload> with <user>"', '"Payload of {acc_id:0a787ecb-4015,sf_id:baz} with 0a787ecb-4015"'),
    ('{"id" : [<user>, "hardcoded"]}', '{"id" : ["0a787ecb-4015", "hardcoded"]}'),
    ('"<one> single list item"', '"[HIGH] single list item"'),
    ('"<many> items"\n"<gone> none"\n"<user> user"', '"[ACTIVE,INACTIVE] items"\n" none"\n"0a787ecb-4015 user"'),
    ('{"item": <one>}', '{"item": ["HIGH"]}'),
    ('{"command": <gone>}', '{"command": ""}'),
    ('"Command is <valid>!"', '"Command is true!"'),
    ('{"twice": "users/<user>/second/<user>"}', '{"twice": "users/0a787ecb-4015/second/0a787ecb-4015"}'),
    # Between the quotes of a JSON template an object keeps its own, and the result is no JSON any more.
    ('{"not_valid": "users/<payload>", "bod": <payload>}', None),
    ('{"payload": "<payload>"}', None),
    ('{"item": "<one>"}', None),
    # By the same rule, which the records do not reach:
    ('{"said": "<said>"}', None),
    ('{"said": <said>}', '{"said": "a \\"word\\""}'),
    ('{"numbers": "<numbers>"}', '{"numbers": "[1,2]"}'),
]


@pytest.mark.parametrize(("template", "expected"), RECORDED)
def test_recorded_results(template: str, expected: str | None) -> None:
    """Each template gives what EventBridge delivered, or nothing where it delivered nothing.

    Recorded: https://github.com/localstack/localstack test_events_inputs.py (test_input_transformer_nested_keys_replacement,
    ..._not_valid, test_put_events_with_input_transformer_input_template_json).
    """
    transformer = compile_transformer(MAPPED, template)
    if expected is None:
        with pytest.raises(NoResult):
            transformer.apply({"detail": DETAIL})
    else:
        assert transformer.apply({"detail": DETAIL}) == expected


def test_several_lines_of_text() -> None:
    """Common issues: each line of a text of several lines has quotes of its own."""
    template = '"<state> instance"\n"The instance is <instance>."'
    assert compile_transformer(PATHS, template).apply(EVENT) == '"RUNNING instance"\n"The instance is i-0123456789."'


def test_object_in_a_string_loses_its_quotes() -> None:
    """Common issues: "EventBridge removes any internal quotes to ensure a valid string"."""
    output = compile_transformer({"detail": "$.detail"}, '"Detail is <detail>"').apply(EVENT)
    assert output == '"Detail is {instance-id:i-0123456789,state:RUNNING}"'


def test_missing_values_leave_an_empty_string() -> None:
    """A path that finds nothing leaves the output valid JSON."""
    template = '{"a": <gone>, "b": "x<gone>y"}'
    assert json.loads(compile_transformer({"gone": "$.detail.nope"}, template).apply(EVENT)) == {"a": "", "b": "xy"}


def test_slack_message_of_a_pipeline() -> None:
    """The message of the reference infrastructure: a pipeline's state for a chat webhook."""
    transformer = compile_transformer(
        {"pipeline": "$.detail.pipeline", "state": "$.detail.state", "time": "$.time"},
        '{"text": "Pipeline <pipeline> changed state to <state> at <time>"}',
    )
    event = {"time": "2026-01-02T03:04:05Z", "detail": {"pipeline": "web", "state": "FAILED"}}
    assert json.loads(transformer.apply(event)) == {
        "text": "Pipeline web changed state to FAILED at 2026-01-02T03:04:05Z"
    }


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", EVENT),
        ("$.detail.state", "RUNNING"),
        ("$.resources[0]", "arn:aws:ec2:us-east-1:123456789012:instance/i-abcd1111"),
        ("$.resources[*]", ["arn:aws:ec2:us-east-1:123456789012:instance/i-abcd1111"]),
        ("$.detail.*", ["i-0123456789", "RUNNING"]),
    ],
)
def test_paths(path: str, found: Any) -> None:
    """Dots, dashes, indices and wildcards find what is there."""
    assert compile_path(path).find(EVENT) == found


@pytest.mark.parametrize(
    ("paths", "template", "answer"),
    [
        # Recorded: test_put_events_with_input_transformer_missing_keys
        ({"name": "$.x"}, '"Pipeline <nmae>"', "InputTemplate for target t1 contains invalid placeholder nmae."),
        # Measured: https://github.com/badmintoncryer/cdk-preflight, rules/events
        (
            {},
            "[<aws.events.event.json>]",
            "InputTemplate for target t1 contains placeholder aws.events.event.json valid only for JSON template.",
        ),
        (
            {},
            '"<aws.events.event.json>"',
            "InputTemplate for target t1 contains placeholder aws.events.event.json valid only for JSON template.",
        ),
        ({"x": "detail"}, '"<x>"', "InputPath for target t1 is invalid."),
        ({"x": "$['detail']"}, '"<x>"', "InputPath for target t1 is invalid."),
        ({"x": "$.a[?(@.b)]"}, '"<x>"', "InputPath for target t1 is invalid."),
        ({}, "", "InputTemplate for target t1 is empty."),
        ({"aws.events.event": "$.x"}, '"x"', "InputPathsMap key aws.events.event for target t1 is invalid."),
        ({f"v{n}": "$" for n in range(101)}, '"x"', "InputPathsMap for target t1 has more than 100 entries."),
    ],
)
def test_refusals(paths: dict[str, str], template: str, answer: str) -> None:
    """PutTargets refuses placeholders without a path, and invalid paths, by the target's name."""
    with pytest.raises(InvalidTarget) as caught:
        compile_transformer(paths, template)
    assert caught.value.answer("t1") == answer


def test_a_variable_may_begin_with_aws() -> None:
    """Reserved names are those within aws.events only. Measured: cdk-preflight, pf-events-input-transformer-limits."""
    assert compile_transformer({"AWSx": "$.source"}, '"<AWSx>"').apply(EVENT) == '"aws.ec2"'


@pytest.mark.parametrize(
    ("paths", "template", "line", "column"),
    [
        (PATHS, "Pipeline <state> failed", 1, 9),
        (PATHS, '{"a": <state>', 1, 14),
        (PATHS, '{"a": 1,\n <state>: 2}', 2, 2),
        (PATHS, '"open <state>', 1, 14),
    ],
)
def test_errors_name_the_place(paths: dict[str, str], template: str, line: int, column: int) -> None:
    """A template that is no JSON is refused with its place."""
    with pytest.raises(InvalidTarget) as caught:
        compile_transformer(paths, template)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert "Invalid InputTemplate for target Id1" in caught.value.answer("Id1")


PIECES = st.lists(
    st.sampled_from(
        ['"', "{", "}", "<a>", "<b>", "<aws.events.event.json>", "\\", ":", ",", "x", "1", "\n", " ", '"k":']
    ),
    max_size=14,
)


@settings(max_examples=2_000, deadline=None)
@given(PIECES.map("".join), st.dictionaries(st.sampled_from(["a", "b"]), st.text(alphabet="$.[]*ab0'", max_size=8)))
def test_any_transformer_compiles_or_is_refused(template: str, paths: dict[str, str]) -> None:
    """Any paths and template compile and can be applied, or are refused with a place."""
    try:
        transformer = compile_transformer(paths, template)
    except InvalidTarget as error:
        place = (error.line, error.column)
    else:
        with contextlib.suppress(NoResult):
            assert isinstance(transformer.apply(EVENT, RULE), str)
        return
    assert place >= (1, 1)


@settings(max_examples=500, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_unquoted_values_arrive_unchanged(value: Any) -> None:
    """Outside of strings, whatever a path finds arrives as the same JSON value."""
    output = compile_transformer({"v": "$.v"}, '{"v": <v>}').apply({"v": value})
    assert json.loads(output) == {"v": value}
