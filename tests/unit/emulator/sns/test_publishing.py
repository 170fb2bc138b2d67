"""Messages that Publish accepts, and the copies that each subscription receives.

Answers: https://github.com/localstack/localstack tests/aws/services/sns/test_sns.snapshot.json .
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.unit.emulator.sns.conftest import ACCOUNT, Endpoint, advance, queue, refused

from pushproof.emulator.world import World

TOPIC = f"arn:aws:sns:eu-west-1:{ACCOUNT}:alerts"


@pytest.fixture
def sns(world: World) -> Any:
    client = world.administrator("sns")
    client.create_topic(Name="alerts")
    return client


def subscribe(sns: Any, endpoint: str, **attributes: str) -> str:
    arn: str = sns.subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=endpoint, Attributes=attributes)[
        "SubscriptionArn"
    ]
    return arn


def test_a_queue_receives_the_document(world: World, sns: Any) -> None:
    """A queue receives the document with its attributes. Recorded: test_subscribe_sqs_queue"""
    inbox = queue(world)
    arn = subscribe(sns, inbox.arn)
    answer = sns.publish(
        TopicArn=TOPIC,
        Message="hello",
        MessageAttributes={
            "n": {"DataType": "Number", "StringValue": "99.12"},
            "b": {"DataType": "Binary", "BinaryValue": b"\x02\x03\x04"},
        },
    )
    (body,) = inbox.bodies()
    assert '"Type" : "Notification",\n' in body
    document = json.loads(body)
    assert list(document) == [
        "Type", "MessageId", "TopicArn", "Message", "Timestamp", "SignatureVersion", "Signature", "SigningCertURL",
        "UnsubscribeURL", "MessageAttributes",
    ]  # fmt: skip
    assert document["MessageId"] == answer["MessageId"]
    assert document["MessageAttributes"] == {
        "n": {"Type": "Number", "Value": "99.12"},
        "b": {"Type": "Binary", "Value": "AgME"},
    }
    assert document["UnsubscribeURL"].endswith(f"/?Action=Unsubscribe&SubscriptionArn={arn}")


def test_raw_delivery(world: World, sns: Any, endpoint: Endpoint) -> None:
    """A raw message is the body and its attributes are the queue's; HTTP endpoints get a header that marks it."""
    inbox = queue(world)
    subscribe(sns, inbox.arn, RawMessageDelivery="True")
    sns.subscribe(TopicArn=TOPIC, Protocol="http", Endpoint=endpoint.url, Attributes={"RawMessageDelivery": "true"})
    advance(world)
    (asked,) = endpoint.documents("SubscriptionConfirmation")
    sns.confirm_subscription(TopicArn=TOPIC, Token=asked["Token"])
    store = {"DataType": "Binary", "BinaryValue": b"\x02\x03\x04"}
    sns.publish(TopicArn=TOPIC, Message="hello", MessageAttributes={"store": store})
    advance(world)
    (message,) = inbox.messages()
    assert message["Body"] == "hello"
    assert message["MessageAttributes"] == {"store": store}
    headers, body = endpoint.requests[-1]
    assert (body, headers["x-amz-sns-rawdelivery"]) == ("hello", "true")


def test_a_queue_must_let_sns_in(world: World, sns: Any) -> None:
    """A message goes to the dead-letter queue, if any, unless the queue's policy admits sns.amazonaws.com.

    https://docs.aws.amazon.com/sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html
    """
    shut, dead = queue(world, "shut", admits=False), queue(world, "dead")
    arn = subscribe(sns, shut.arn)
    sns.publish(TopicArn=TOPIC, Message="one")
    notices = world.services["sns"].deliveries.notices
    assert notices[-1].status == "failed"
    assert "sqs:SendMessage" in notices[-1].reason
    redrive = json.dumps({"deadLetterTargetArn": dead.arn})
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="RedrivePolicy", AttributeValue=redrive)
    sns.publish(TopicArn=TOPIC, Message="two")
    assert notices[-1].status == "dead-lettered"
    assert [json.loads(body)["Message"] for body in dead.bodies()] == ["two"]
    assert shut.messages() == []


def test_an_endpoint_that_fails_for_good_is_dead_lettered(world: World, sns: Any, endpoint: Endpoint) -> None:
    """A notification goes to the dead-letter queue after three more attempts. sns-dead-letter-queues.html"""
    dead = queue(world, "dead")
    sns.subscribe(
        TopicArn=TOPIC,
        Protocol="http",
        Endpoint=endpoint.url,
        Attributes={"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead.arn})},
    )
    advance(world)
    sns.confirm_subscription(TopicArn=TOPIC, Token=endpoint.documents("SubscriptionConfirmation")[0]["Token"])
    endpoint.statuses = [500] * 4
    sns.publish(TopicArn=TOPIC, Message="lost")
    advance(world, 120)
    assert len(endpoint.documents("Notification")) == 4
    assert [json.loads(body)["Message"] for body in dead.bodies()] == ["lost"]


def test_filter_policies_decide(world: World, sns: Any) -> None:
    """Each queue receives the messages that match its policy, by attributes or by the body."""
    by_attribute, by_body = queue(world, "attribute"), queue(world, "body")
    subscribe(
        sns, by_attribute.arn, RawMessageDelivery="true", FilterPolicy='{"state": ["FAILED", {"prefix": "STOP"}]}'
    )
    subscribe(
        sns,
        by_body.arn,
        RawMessageDelivery="true",
        FilterPolicyScope="MessageBody",
        FilterPolicy='{"detail": {"state": [{"anything-but": "OK"}]}}',
    )
    for text, state in (
        ('{"detail": {"state": "FAILED"}}', "OK"),
        ('{"detail.state": "BAD"}', "STOPPED"),
        ("no json", "FAILED"),
        ('{"detail": {"state": "OK"}}', None),
    ):
        attributes = {"state": {"DataType": "String", "StringValue": state}} if state else {}
        sns.publish(TopicArn=TOPIC, Message=text, MessageAttributes=attributes)
    assert sorted(by_attribute.bodies()) == ["no json", '{"detail.state": "BAD"}']
    assert sorted(by_body.bodies()) == ['{"detail": {"state": "FAILED"}}', '{"detail.state": "BAD"}']


def test_a_message_for_each_protocol(world: World, sns: Any) -> None:
    """MessageStructure json: the entry of the protocol, or the default. Recorded: test_message_structure_json_exc"""
    inbox = queue(world)
    subscribe(sns, inbox.arn, RawMessageDelivery="true")
    for text in ('{"default": "d", "sqs": "q"}', '{"default": "d", "email": "e"}', '{"default": "d", "sqs": {}}'):
        sns.publish(TopicArn=TOPIC, Message=text, MessageStructure="json")
    assert sorted(inbox.bodies()) == ["d", "d", "q"]


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"Message": ""}, "InvalidParameter", "Invalid parameter: Empty message"),
    ({"Subject": ""}, "InvalidParameter", "Invalid parameter: Subject"),
    ({"Subject": "a\nb"}, "InvalidParameter", "Invalid parameter: Subject"),
    ({"Subject": "s" * 101}, "InvalidParameter", "Invalid parameter: Subject"),
    ({"Message": "m" * 262_145}, "InvalidParameter", "Invalid parameter: Message too long"),
    (
        {"Message": "m" * 262_140, "MessageAttributes": {"abc": {"DataType": "String", "StringValue": "x"}}},
        "InvalidParameter",
        "Invalid parameter: Message too long",
    ),
    (
        {"Message": "{}", "MessageStructure": "json"},
        "InvalidParameter",
        "Invalid parameter: Message Structure - No default entry in JSON message body",
    ),
    (
        {"Message": '{"default": {"a": 1}}', "MessageStructure": "json"},
        "InvalidParameter",
        "Invalid parameter: Message Structure - No default entry in JSON message body",
    ),
    (
        {"Message": "x", "MessageStructure": "json"},
        "InvalidParameter",
        "Invalid parameter: Message Structure - JSON message body failed to parse",
    ),
    (
        {"TopicArn": "x"},
        "InvalidParameter",
        "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1",
    ),
    ({"TopicArn": TOPIC.replace("eu-", "us-")}, "InvalidParameter", "Invalid parameter: TopicArn"),
    ({"TopicArn": TOPIC + "x"}, "NotFound", "Topic does not exist"),
    (
        {"MessageDeduplicationId": "1"},
        "InvalidParameter",
        "Invalid parameter: MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is "
        "not valid for this topic type",
    ),
    (
        {"MessageAttributes": {"a": {"DataType": "String"}}},
        "ParameterValueInvalid",
        "The message attribute 'a' must contain non-empty message attribute value for message attribute type 'String'.",
    ),
    (
        {"MessageAttributes": {"a": {"DataType": "Number", "BinaryValue": b"1"}}},
        "ParameterValueInvalid",
        "The message attribute 'a' with type 'Number' must use field 'String'.",
    ),
    (
        {"MessageAttributes": {"a": {"DataType": "Binary", "StringValue": "1"}}},
        "ParameterValueInvalid",
        "The message attribute 'a' with type 'Binary' must use field 'Binary'.",
    ),
    (
        {"MessageAttributes": {"a": {"DataType": "Stringy", "StringValue": "1"}}},
        "ParameterValueInvalid",
        "The message attribute 'a' has an invalid message attribute type, the set of supported type prefixes is Binary, "
        "Number, and String.",
    ),
    (
        {"MessageAttributes": {"a^": {"DataType": "String", "StringValue": "1"}}},
        "ParameterValueInvalid",
        "Invalid non-alphanumeric character '#x5E' was found in the message attribute name. Can only include alphanumeric "
        "characters, hyphens, underscores, or dots.",
    ),
    (
        {"MessageAttributes": {".a": {"DataType": "String", "StringValue": "1"}}},
        "ParameterValueInvalid",
        "Invalid message attribute name starting with character '.' was found.",
    ),
    (
        {"MessageAttributes": {"a..b": {"DataType": "String", "StringValue": "1"}}},
        "ParameterValueInvalid",
        "Message attribute name can not have successive '.' character.",
    ),
    (
        {"MessageAttributes": {"a" * 257: {"DataType": "String", "StringValue": "1"}}},
        "ParameterValueInvalid",
        "Length of message attribute name must be less than 256 bytes.",
    ),
]


def test_refused_messages(world: World, sns: Any) -> None:
    """Each refusal is SNS's, of one message and of a batch with one; nothing is delivered."""
    inbox = queue(world)
    subscribe(sns, inbox.arn)
    for request, code, text in REFUSED:
        assert refused(sns.publish, **{"TopicArn": TOPIC, "Message": "m", **request}) == (code, text)
        topic = request.get("TopicArn", TOPIC)
        entry = {"Id": "1", "Message": "m", **{name: value for name, value in request.items() if name != "TopicArn"}}
        if text != "Invalid parameter: Message too long":
            good = {"Id": "0", "Message": "good"}
            entries = [good, entry]
            assert refused(sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=entries) == (code, text)
    assert refused(sns.publish, Message="m")[1] == (
        "Invalid parameter: TopicArn or TargetArn Reason: no value for required parameter"
    )
    assert inbox.messages() == []


def test_batches(world: World, sns: Any) -> None:
    """A batch has one to ten entries with ids of their own. Recorded: test_publish_batch_exceptions, ..._invalid_entry_id"""
    inbox = queue(world)
    subscribe(sns, inbox.arn, RawMessageDelivery="true")

    def batch(*ids: str, text: str = "m") -> tuple[str, str]:
        entries = [{"Id": identifier, "Message": text} for identifier in ids]
        return refused(sns.publish_batch, TopicArn=TOPIC, PublishBatchRequestEntries=entries)

    assert batch(*map(str, range(11))) == (
        "TooManyEntriesInBatchRequest",
        "The batch request contains more entries than permissible.",
    )
    assert batch("1", "1") == (
        "BatchEntryIdsNotDistinct",
        "Two or more batch entries in the request have the same Id.",
    )
    assert batch("message.id") == (
        "InvalidBatchEntryId",
        "The Id of a batch entry in the batch request contains an impermissible character: message.id",
    )
    assert batch("a" * 81)[1] == f"The Id of a batch entry in the batch request is too long: {'a' * 81}"
    assert batch("1", "2", text="m" * 200_000) == (
        "BatchRequestTooLong",
        "The length of all the messages put together is more than the limit.",
    )
    assert inbox.messages() == []
    entries = [{"Id": "a", "Message": "one"}, {"Id": "b", "Message": "two"}]
    answer = sns.publish_batch(TopicArn=TOPIC, PublishBatchRequestEntries=entries)
    assert [entry["Id"] for entry in answer["Successful"]] == ["a", "b"]
    assert sorted(inbox.bodies()) == ["one", "two"]


def test_fifo_topics(world: World) -> None:
    """Groups are required, repeated messages are accepted once, order is kept. Recorded: test_validations_for_fifo"""
    sns = world.administrator("sns")
    arn = sns.create_topic(Name="t.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    inbox = queue(world, "q.fifo")
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=inbox.arn, Attributes={"RawMessageDelivery": "true"})
    assert refused(sns.publish, TopicArn=arn, Message="m")[1] == (
        "Invalid parameter: The MessageGroupId parameter is required for FIFO topics"
    )
    assert refused(sns.publish, TopicArn=arn, Message="m", MessageGroupId="g")[1] == (
        "Invalid parameter: The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId "
        "provided explicitly"
    )
    first = sns.publish(TopicArn=arn, Message="one", MessageGroupId="g", MessageDeduplicationId="1")
    again = sns.publish(TopicArn=arn, Message="one", MessageGroupId="g", MessageDeduplicationId="1")
    second = sns.publish(TopicArn=arn, Message="two", MessageGroupId="g", MessageDeduplicationId="2")
    assert first["MessageId"] == again["MessageId"]
    assert int(first["SequenceNumber"]) < int(second["SequenceNumber"])
    assert len(first["SequenceNumber"]) == 20
    assert inbox.bodies() == ["one", "two"]
    advance(world, 301)
    assert sns.publish(TopicArn=arn, Message="one", MessageGroupId="g", MessageDeduplicationId="1") != first


def test_a_refused_subscriber_hears_nothing_of_a_deleted_topic(world: World, sns: Any) -> None:
    """DeleteTopic takes the subscriptions along, may be repeated, and leaves nothing to publish to."""
    inbox = queue(world)
    subscribe(sns, inbox.arn)
    sns.delete_topic(TopicArn=TOPIC)
    sns.delete_topic(TopicArn=TOPIC)
    with pytest.raises(ClientError, match="Topic does not exist"):
        sns.publish(TopicArn=TOPIC, Message="m")
    assert sns.list_subscriptions()["Subscriptions"] == []
    sns.create_topic(Name="alerts")
    sns.publish(TopicArn=TOPIC, Message="m")
    assert inbox.messages() == []
