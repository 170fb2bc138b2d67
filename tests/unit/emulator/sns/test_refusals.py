"""Topics and subscriptions that SNS refuses, in its words, and that a refusal leaves no trace.

[R] https://github.com/localstack/localstack tests/aws/services/sns/*.snapshot.json ;
[M] https://github.com/badmintoncryer/cdk-preflight rules/sns .
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.emulator.sns.conftest import ACCOUNT, queue, refused

from pushproof.emulator.world import World

TOPIC = f"arn:aws:sns:eu-west-1:{ACCOUNT}:alerts"
QUEUE = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:inbox"
URL = "https://example.org/hook"


@pytest.fixture
def sns(world: World) -> Any:
    client = world.administrator("sns")
    client.create_topic(Name="alerts")
    return client


SUBSCRIPTIONS: list[tuple[dict[str, Any], str]] = [
    ({"TopicArn": "randomstring"}, "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1"),
    ({"TopicArn": "arn:aws:sns:eu-west-1:1"}, "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 5"),
    ({"TopicArn": TOPIC.replace("eu-west-1", "us-east-1")}, "Invalid parameter: TopicArn"),
    ({"TopicArn": TOPIC + "x"}, "Topic does not exist"),
    ({"Protocol": "test-protocol"}, "Invalid parameter: Amazon SNS does not support this protocol string: test-protocol"),
    ({"Endpoint": "https://queue.example.org/inbox"}, "Invalid parameter: SQS endpoint ARN"),
    ({"Endpoint": QUEUE + ".fifo"},
     "Invalid parameter: Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics"),
    ({"Protocol": "https", "Endpoint": "http://x"}, "Invalid parameter: Endpoint must match the specified protocol"),
    ({"Protocol": "email", "Endpoint": "x"}, "Invalid parameter: Email address"),
    ({"Protocol": "lambda", "Endpoint": QUEUE}, "Invalid parameter: Lambda endpoint ARN"),
    ({"Protocol": "firehose", "Endpoint": QUEUE}, "Invalid parameter: Firehose endpoint ARN"),
    ({"Protocol": "firehose", "Endpoint": f"arn:aws:firehose:eu-west-1:{ACCOUNT}:deliverystream/s"},
     "Invalid parameter: Delivery protocol firehose can only be subscribed with subscription role arn"),
    ({"Protocol": "sms", "Endpoint": "NAA+15551234567"}, "Invalid SMS endpoint: NAA+15551234567"),
    ({"Protocol": "sms", "Endpoint": "+15--551234567"}, "Invalid SMS endpoint: +15--551234567"),
    ({"Protocol": "sms", "Endpoint": "+15551234567."}, "Invalid SMS endpoint: +15551234567."),
    ({"Attributes": {"RawMessageDelivery": "wrongvalue"}},
     "Invalid parameter: Attributes Reason: RawMessageDelivery: Invalid value [wrongvalue]. Must be true or false."),
    ({"Protocol": "email", "Endpoint": "a@b", "Attributes": {"RawMessageDelivery": "true"}},
     "Invalid parameter: Attributes Reason: Delivery protocol [email] does not support raw message delivery."),
    ({"Attributes": {"Nonsense": "x"}}, "Invalid parameter: Attributes Reason: Unknown attribute Nonsense"),
    ({"Attributes": {"FilterPolicyScope": "RandomValue"}},
     "Invalid parameter: Attributes Reason: FilterPolicyScope: Invalid value [RandomValue]. Please use either MessageBody or "
     "MessageAttributes"),
    ({"Attributes": {"FilterPolicy": '{"a": {"b": ["c"]}}'}},
     "Invalid parameter: Attributes Reason: Filter policy scope MessageAttributes does not support nested filter policy"),
    ({"Attributes": {"FilterPolicy": "{invalidjson}"}},
     "Invalid parameter: Attributes Reason: FilterPolicy: failed to parse JSON. Unexpected character ('i' (code 105)): was "
     "expecting double-quote to start field name\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` "
     "disabled); line: 1, column: 2]"),
    ({"Attributes": {"RedrivePolicy": "{}"}},
     "Invalid parameter: Attributes Reason: RedrivePolicy: Missing deadLetterTargetArn attribute"),
    ({"Attributes": {"RedrivePolicy": '{"deadLetterTargetArn": "fake-arn"}'}},
     "Invalid parameter: Attributes Reason: RedrivePolicy: deadLetterTargetArn is an invalid arn"),
    ({"Attributes": {"RedrivePolicy": json.dumps({"deadLetterTargetArn": TOPIC})}},
     "Invalid parameter: Attributes Reason: RedrivePolicy: deadLetterTargetArn must be a SQS queue"),
    ({"Attributes": {"RedrivePolicy": json.dumps({"deadLetterTargetArn": QUEUE.replace("eu-west-1", "us-east-1")})}},
     "Invalid parameter: Attributes Reason: RedrivePolicy: deadLetterTargetArn must be in the same region as the subscription"),
    ({"Protocol": "https", "Endpoint": URL,
      "Attributes": {"DeliveryPolicy": '{"healthyRetryPolicy": {"numRetries": 101, "minDelayTarget": 1}}'}},
     "Invalid parameter: Attributes Reason: DeliveryPolicy: healthyRetryPolicy.numRetries must be less than or equal to 100"),
    ({"Protocol": "https", "Endpoint": URL,
      "Attributes": {"DeliveryPolicy": '{"throttlePolicy": {"maxReceivesPerSecond": 0}}'}},
     "Invalid parameter: Attributes Reason: DeliveryPolicy: throttlePolicy.maxReceivesPerSecond must be >= 1"),
]  # fmt: skip


def test_refused_subscriptions(sns: Any) -> None:
    """Each is refused, and none is there afterwards. [R, M]"""
    for request, text in SUBSCRIPTIONS:
        whole = {"TopicArn": TOPIC, "Protocol": "sqs", "Endpoint": QUEUE, **request}
        assert refused(sns.subscribe, **whole)[1] == text, request
    assert sns.list_subscriptions()["Subscriptions"] == []


def test_refused_changes_of_a_subscription(sns: Any) -> None:
    """SetSubscriptionAttributes refuses by the same rules, in words of its own, and changes nothing. [R]"""
    arn = sns.subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=QUEUE)["SubscriptionArn"]
    before = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    for name, value, text in (
        ("FakeAttribute", "x", "Invalid parameter: AttributeName"),
        ("RawMessageDelivery", "test-ValUe",
         "Invalid parameter: RawMessageDelivery: Invalid value [test-ValUe]. Must be true or false."),
        ("RawMessageDelivery", "", "Invalid parameter: RawMessageDelivery: Invalid value []. Must be true or false."),
        ("RedrivePolicy", '{"deadLetterTargetArn": "fake-arn"}',
         "Invalid parameter: RedrivePolicy: deadLetterTargetArn is an invalid arn"),
        ("FilterPolicyScope", "RandomValue",
         "Invalid parameter: FilterPolicyScope: Invalid value [RandomValue]. Please use either MessageBody or MessageAttributes"),
        ("FilterPolicy", '{"key_a": "value_one"}',
         'Invalid parameter: FilterPolicy: "key_a" must be an object or an array\n at [Source: (String)"{"key_a":"value_one"}"; '
         "line: 1, column: 11]"),
        ("FilterPolicy", json.dumps({f"k{number}": ["x"] for number in range(6)}),
         "Invalid parameter: FilterPolicy: Filter policy can not have more than 5 keys"),
        ("FilterPolicy", json.dumps({"a": list(range(100)), "b": [1, 2]}),
         "Invalid parameter: FilterPolicy: Filter policy is too complex"),
        ("FilterPolicy", '{"key_a": {"key_b": ["x"]}}',
         "Invalid parameter: Filter policy scope MessageAttributes does not support nested filter policy"),
    ):  # fmt: skip
        request = {"SubscriptionArn": arn, "AttributeName": name, "AttributeValue": value}
        assert refused(sns.set_subscription_attributes, **request)[1] == text
    assert sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"] == before
    assert refused(
        sns.set_subscription_attributes,
        SubscriptionArn=arn + "x",
        AttributeName="RawMessageDelivery",
        AttributeValue="true",
    ) == ("NotFound", "Subscription does not exist")


def test_attributes_are_read_back(sns: Any) -> None:
    """Set attributes are shown, the scope only with a policy; an empty policy removes it."""
    arn = sns.subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=QUEUE)["SubscriptionArn"]

    def shown(name: str, value: str) -> dict[str, str]:
        sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName=name, AttributeValue=value)
        attributes: dict[str, str] = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        return attributes

    assert "FilterPolicyScope" not in shown("FilterPolicyScope", "MessageBody")
    assert shown("FilterPolicy", '{"a": {"b": [1]}}')["FilterPolicyScope"] == "MessageBody"
    assert refused(
        sns.set_subscription_attributes,
        SubscriptionArn=arn,
        AttributeName="FilterPolicyScope",
        AttributeValue="MessageAttributes",
    )[1].endswith("does not support nested filter policy")
    assert not {"FilterPolicy", "FilterPolicyScope"} & shown("FilterPolicy", "{}").keys()
    assert shown("RawMessageDelivery", "TRUE")["RawMessageDelivery"] == "true"


def test_a_second_subscription_of_an_endpoint(sns: Any) -> None:
    """Subscribe may be repeated, with the same attributes only. [R test_subscribe_idempotency]"""
    first = sns.subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=QUEUE, Attributes={"RawMessageDelivery": "true"})
    assert sns.subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=QUEUE)["SubscriptionArn"] == first["SubscriptionArn"]
    assert (
        refused(
            sns.subscribe, TopicArn=TOPIC, Protocol="sqs", Endpoint=QUEUE, Attributes={"RawMessageDelivery": "false"}
        )[1]
        == "Invalid parameter: Attributes Reason: Subscription already exists with different attributes"
    )
    assert len(sns.list_subscriptions()["Subscriptions"]) == 1


def test_fifo_topics_take_queues_only(world: World) -> None:
    """A FIFO topic has queues for subscribers, and FIFO dead-letter queues. [R test_validations_for_fifo; M]"""
    sns = world.administrator("sns")
    arn = sns.create_topic(Name="t.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    assert refused(sns.subscribe, TopicArn=arn, Protocol="https", Endpoint=URL)[1] == (
        "Invalid parameter: Invalid protocol type: https"
    )
    redrive = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": QUEUE})}
    assert refused(sns.subscribe, TopicArn=arn, Protocol="sqs", Endpoint=QUEUE + ".fifo", Attributes=redrive)[1] == (
        "Invalid parameter: Attributes Reason: RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic."
    )


@pytest.mark.parametrize(
    ("name", "attributes", "text"),
    [
        ("", {}, "Topic Name"),
        ("a" * 257, {}, "Topic Name"),
        ("a.b", {}, "Topic Name"),
        ("a.fifo", {}, "Topic Name"),
        ("a", {"FifoTopic": "true"}, "Topic Name"),
        ("a", {"DisplayName": "d" * 101}, "Attributes Reason: DisplayName"),
        ("a", {"SignatureVersion": "3"}, "Attributes Reason: SignatureVersion: Invalid value. Must be 1 or 2."),
        ("a", {"TracingConfig": "On"}, "Attributes Reason: Invalid tracing config value: On"),
        ("a", {"ContentBasedDeduplication": "true"}, "Attributes Reason: Unknown attribute ContentBasedDeduplication"),
        ("a", {"Nonsense": "true"}, "Attributes Reason: Unknown attribute Nonsense"),
        (
            "a.fifo",
            {"FifoTopic": "true", "ArchivePolicy": '{"MessageRetentionPeriod": "366"}'},
            "Attributes Reason: ArchivePolicy: MessageRetentionPeriod value is invalid",
        ),
        ("alerts", {"DisplayName": "other"}, "Attributes Reason: Topic already exists with different attributes"),
    ],
)
def test_refused_topics(sns: Any, name: str, attributes: dict[str, str], text: str) -> None:
    """Names and attributes that SNS refuses; no topic is made. [R test_create_topic_name_constraints, ..._different_attrs; M]"""
    assert refused(sns.create_topic, Name=name, Attributes=attributes) == (
        "InvalidParameter",
        f"Invalid parameter: {text}",
    )
    assert [topic["TopicArn"] for topic in sns.list_topics()["Topics"]] == [TOPIC]


def test_topics_are_made_once(sns: Any) -> None:
    """CreateTopic may be repeated, without new tags, and never with a tag twice. [R test_create_duplicate_topic_*, test_tags]"""
    assert sns.create_topic(Name="alerts", Attributes={"DisplayName": "", "FifoTopic": "false"})["TopicArn"] == TOPIC
    assert refused(sns.create_topic, Name="alerts", Tags=[{"Key": "a", "Value": "b"}])[1] == (
        "Invalid parameter: Tags Reason: Topic already exists with different tags"
    )
    assert refused(sns.create_topic, Name="b", Tags=[{"Key": "a", "Value": "b"}, {"Key": "a", "Value": "c"}])[1] == (
        "Invalid parameter: Duplicated keys are not allowed."
    )


def test_topic_attributes_are_read_back(sns: Any) -> None:
    """Attributes that the substrate forgets are shown too; FifoTopic is not changed afterwards. [R]"""
    role = f"arn:aws:iam::{ACCOUNT}:role/feedback"
    for name, value in (("SignatureVersion", "2"), ("TracingConfig", "Active"), ("HTTPSuccessFeedbackRoleArn", role)):
        sns.set_topic_attributes(TopicArn=TOPIC, AttributeName=name, AttributeValue=value)
        assert sns.get_topic_attributes(TopicArn=TOPIC)["Attributes"][name] == value
    assert refused(sns.set_topic_attributes, TopicArn=TOPIC, AttributeName="FifoTopic", AttributeValue="false")[1] == (
        "Invalid parameter: AttributeName"
    )
    assert refused(sns.get_topic_attributes, TopicArn="x")[1].endswith("at least 6 elements, not 1")
    assert refused(sns.get_topic_attributes, TopicArn=TOPIC + "x") == ("NotFound", "Topic does not exist")


def test_unsubscribe(world: World, sns: Any) -> None:
    """Unsubscribe may be repeated; ARNs that are none are refused. [R test_unsubscribe_*]"""
    inbox = queue(world)
    arn = sns.subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=inbox.arn)["SubscriptionArn"]
    assert refused(sns.unsubscribe, SubscriptionArn="")[1] == (
        "Invalid parameter: SubscriptionArn Reason: no value for required parameter"
    )
    assert refused(sns.unsubscribe, SubscriptionArn=TOPIC)[1] == "Invalid parameter: SubscriptionId"
    sns.unsubscribe(SubscriptionArn=arn)
    sns.unsubscribe(SubscriptionArn=arn)
    sns.publish(TopicArn=TOPIC, Message="m")
    assert inbox.messages() == []
    assert sns.get_topic_attributes(TopicArn=TOPIC)["Attributes"]["SubscriptionsDeleted"] == "1"


def test_lists_have_pages_of_a_hundred(sns: Any) -> None:
    """ListSubscriptions and ListSubscriptionsByTopic: 100 at a time. API_ListSubscriptions.html"""
    for number in range(101):
        sns.subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=f"{QUEUE}{number}")
    page = sns.list_subscriptions_by_topic(TopicArn=TOPIC)
    assert len(page["Subscriptions"]) == 100
    rest = sns.list_subscriptions_by_topic(TopicArn=TOPIC, NextToken=page["NextToken"])
    assert [entry["Endpoint"] for entry in rest["Subscriptions"]] == [f"{QUEUE}100"]
    assert "NextToken" not in rest
    assert len(list(sns.get_paginator("list_subscriptions").paginate())) == 2
