"""Subscriptions that have to be confirmed: https://docs.aws.amazon.com/sns/latest/dg/SendMessageToHttp.confirm.html

Answers: https://github.com/localstack/localstack tests/aws/services/sns/test_sns.snapshot.json (TestSNSSubscriptionHttp,
test_sns_confirm_subscription_wrong_token, test_unsubscribe_*).
"""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from moto.core.request import Request
from tests.unit.emulator.sns.conftest import ACCOUNT, Endpoint, advance, queue, refused

from pushproof.emulator.world import World
from pushproof.engines.notifications import string_to_sign

TOPIC = f"arn:aws:sns:eu-west-1:{ACCOUNT}:alerts"


@pytest.fixture
def sns(world: World) -> Any:
    client = world.administrator("sns")
    client.create_topic(Name="alerts")
    return client


def visit(world: World, url: str) -> tuple[int, str]:
    """Return the answer to a GET of a posted URL."""
    answer = world.gateway.handle(Request.from_values(url, method="GET"))
    return answer.status_code, answer.get_data(as_text=True)


def test_nothing_is_delivered_before_the_token_comes_back(world: World, sns: Any, endpoint: Endpoint) -> None:
    """The endpoint is posted a token, and nothing else; after ConfirmSubscription it receives notifications."""
    answer = sns.subscribe(TopicArn=TOPIC, Protocol="http", Endpoint=endpoint.url)
    assert answer["SubscriptionArn"] == "pending confirmation"
    advance(world)
    ((headers, body),) = endpoint.requests
    document = json.loads(body)
    assert list(document) == [
        "Type", "MessageId", "Token", "TopicArn", "Message", "SubscribeURL", "Timestamp", "SignatureVersion", "Signature",
        "SigningCertURL",
    ]  # fmt: skip
    assert document["Message"] == (
        f"You have chosen to subscribe to the topic {TOPIC}.\n"
        "To confirm the subscription, visit the SubscribeURL included in this message."
    )
    assert headers["content-type"] == "text/plain; charset=UTF-8"
    assert headers["user-agent"] == "Amazon Simple Notification Service Agent"
    assert headers["x-amz-sns-message-type"] == "SubscriptionConfirmation"
    assert headers["x-amz-sns-message-id"] == document["MessageId"]
    assert headers["x-amz-sns-topic-arn"] == TOPIC
    assert "x-amz-sns-subscription-arn" not in headers

    sns.publish(TopicArn=TOPIC, Message="before")
    advance(world)
    assert len(endpoint.requests) == 1
    (listed,) = sns.list_subscriptions_by_topic(TopicArn=TOPIC)["Subscriptions"]
    assert listed["SubscriptionArn"] == "PendingConfirmation"
    counts = sns.get_topic_attributes(TopicArn=TOPIC)["Attributes"]
    assert (counts["SubscriptionsPending"], counts["SubscriptionsConfirmed"]) == ("1", "0")

    arn = sns.confirm_subscription(TopicArn=TOPIC, Token=document["Token"])["SubscriptionArn"]
    sns.publish(TopicArn=TOPIC, Message="after", Subject="s")
    advance(world)
    (notification,) = endpoint.documents("Notification")
    assert (notification["Message"], notification["Subject"]) == ("after", "s")
    assert endpoint.requests[-1][0]["x-amz-sns-subscription-arn"] == arn
    attributes = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert (attributes["PendingConfirmation"], attributes["ConfirmationWasAuthenticated"]) == ("false", "true")
    assert sns.confirm_subscription(TopicArn=TOPIC, Token=document["Token"])["SubscriptionArn"] == arn


def test_the_url_confirms_too(world: World, sns: Any, endpoint: Endpoint) -> None:
    """A GET of SubscribeURL confirms without a signature; a GET of UnsubscribeURL ends it, and the endpoint is notified."""
    arn = sns.subscribe(TopicArn=TOPIC, Protocol="http", Endpoint=endpoint.url, ReturnSubscriptionArn=True)[
        "SubscriptionArn"
    ]
    advance(world)
    (asked,) = endpoint.documents("SubscriptionConfirmation")
    status, text = visit(world, asked["SubscribeURL"])
    assert status == 200, text
    assert f"<SubscriptionArn>{arn}</SubscriptionArn>" in text
    attributes = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert (attributes["PendingConfirmation"], attributes["ConfirmationWasAuthenticated"]) == ("false", "false")
    sns.publish(TopicArn=TOPIC, Message="x")
    advance(world)
    (notification,) = endpoint.documents("Notification")
    assert visit(world, notification["UnsubscribeURL"])[0] == 200
    advance(world)
    assert sns.list_subscriptions()["Subscriptions"] == []
    (told,) = endpoint.documents("UnsubscribeConfirmation")
    assert told["Message"].startswith(f"You have chosen to deactivate subscription {arn}.\n")


def test_only_its_owner_ends_a_held_subscription(world: World, sns: Any, endpoint: Endpoint) -> None:
    """AuthenticateOnUnsubscribe: UnsubscribeURL no longer ends the subscription. API_ConfirmSubscription.html"""
    sns.subscribe(TopicArn=TOPIC, Protocol="http", Endpoint=endpoint.url)
    advance(world)
    (asked,) = endpoint.documents("SubscriptionConfirmation")
    arn = sns.confirm_subscription(TopicArn=TOPIC, Token=asked["Token"], AuthenticateOnUnsubscribe="true")[
        "SubscriptionArn"
    ]
    status, text = visit(world, f"{world.endpoint}/?Action=Unsubscribe&SubscriptionArn={arn}")
    assert (status, "AuthorizationError" in text) == (403, True)
    sns.unsubscribe(SubscriptionArn=arn)
    assert sns.list_subscriptions()["Subscriptions"] == []


def test_wrong_tokens(world: World, sns: Any, endpoint: Endpoint) -> None:
    """A token that is none, or another's, and a topic that is none, are refused; the subscription stays pending."""
    sns.subscribe(TopicArn=TOPIC, Protocol="http", Endpoint=endpoint.url)
    advance(world)
    (asked,) = endpoint.documents("SubscriptionConfirmation")
    wrong = "51b2ff3e" * 36
    confirm = sns.confirm_subscription
    assert refused(confirm, TopicArn=TOPIC, Token="randomtoken") == ("InvalidParameter", "Invalid token")
    assert refused(confirm, TopicArn=TOPIC, Token=wrong) == ("InvalidParameter", "Invalid parameter: Token")
    assert refused(confirm, TopicArn=TOPIC[:-1] + "i", Token=wrong)[1] == "Invalid parameter: Token"
    elsewhere = TOPIC.replace("eu-west-1", "us-west-2")
    assert refused(confirm, TopicArn=elsewhere, Token=asked["Token"])[1] == "Invalid parameter: Topic"
    assert refused(confirm, TopicArn="fake-arn", Token=asked["Token"])[1] == "Invalid parameter: Topic"
    status, text = visit(world, asked["SubscribeURL"].replace(asked["Token"], "abc123"))
    assert (status, "Invalid parameter: Token" in text) == (400, True)
    assert sns.list_subscriptions()["Subscriptions"][0]["SubscriptionArn"] == "PendingConfirmation"


def test_an_unconfirmed_subscription_cannot_be_ended(world: World, sns: Any, endpoint: Endpoint) -> None:
    """Unsubscribe is refused until the endpoint has confirmed; the subscription ends by itself after two days.

    The text is what Terraform's provider and CloudFormation wait for; "48 hours" is in SendMessageToHttp.confirm.html.
    """
    arn = sns.subscribe(TopicArn=TOPIC, Protocol="http", Endpoint=endpoint.url, ReturnSubscriptionArn=True)[
        "SubscriptionArn"
    ]
    assert refused(sns.unsubscribe, SubscriptionArn=arn) == (
        "InvalidParameter",
        "Invalid parameter: SubscriptionArn Reason: Cannot unsubscribe a subscription that is pending confirmation",
    )
    assert refused(sns.unsubscribe, SubscriptionArn="PendingConfirmation")[1] == (
        "Invalid parameter: SubscriptionArn Reason: An ARN must have at least 6 elements, not 1"
    )
    advance(world, 47 * 3600)
    assert len(sns.list_subscriptions()["Subscriptions"]) == 1
    advance(world, 2 * 3600)
    assert sns.list_subscriptions()["Subscriptions"] == []
    assert refused(sns.get_subscription_attributes, SubscriptionArn=arn) == ("NotFound", "Subscription does not exist")


def test_subscribing_again_asks_again(world: World, sns: Any, endpoint: Endpoint) -> None:
    """A second Subscribe makes no second subscription; a pending endpoint is posted a new token, and the old is void."""
    first = sns.subscribe(TopicArn=TOPIC, Protocol="http", Endpoint=endpoint.url, ReturnSubscriptionArn=True)
    second = sns.subscribe(TopicArn=TOPIC, Protocol="http", Endpoint=endpoint.url, ReturnSubscriptionArn=True)
    advance(world)
    assert first["SubscriptionArn"] == second["SubscriptionArn"]
    old, new = (document["Token"] for document in endpoint.documents("SubscriptionConfirmation"))
    assert refused(sns.confirm_subscription, TopicArn=TOPIC, Token=old)[1] == "Invalid parameter: Token"
    assert sns.confirm_subscription(TopicArn=TOPIC, Token=new)["SubscriptionArn"] == first["SubscriptionArn"]


def test_mail_stays_pending(world: World, sns: Any) -> None:
    """A mail subscription stays pending: nothing is delivered, and nothing fails."""
    for protocol in ("email", "email-json"):
        answer = sns.subscribe(TopicArn=TOPIC, Protocol=protocol, Endpoint="ops@example.org")
        assert answer["SubscriptionArn"] == "pending confirmation"
    sns.publish(TopicArn=TOPIC, Message="x")
    advance(world, 60)
    assert list(world.services["sns"].deliveries.notices) == []
    assert sns.get_topic_attributes(TopicArn=TOPIC)["Attributes"]["SubscriptionsPending"] == "2"


def test_a_queue_is_confirmed_at_once(world: World, sns: Any) -> None:
    """Queues of the account need not confirm. Recorded: test_sqs_topic_subscription_confirmation"""
    inbox = queue(world)
    arn = sns.subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=inbox.arn)["SubscriptionArn"]
    attributes = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert attributes == {
        "ConfirmationWasAuthenticated": "true",
        "Endpoint": inbox.arn,
        "Owner": ACCOUNT,
        "PendingConfirmation": "false",
        "Protocol": "sqs",
        "RawMessageDelivery": "false",
        "SubscriptionArn": arn,
        "SubscriptionPrincipal": attributes["SubscriptionPrincipal"],
        "TopicArn": TOPIC,
    }


def test_an_endpoint_that_fails_is_asked_again(world: World, sns: Any, endpoint: Endpoint) -> None:
    """The confirmation is posted again after 20 seconds, three times; a 4xx ends it. sns-message-delivery-retries.html"""
    endpoint.statuses = [500, 503, 429]
    sns.subscribe(TopicArn=TOPIC, Protocol="http", Endpoint=endpoint.url)
    counts = []
    for seconds in (0, 19, 1, 20, 20, 60):
        advance(world, seconds)
        counts.append(len(endpoint.requests))
    assert counts == [1, 1, 2, 3, 4, 4]
    endpoint.statuses = [404]
    endpoint.requests.clear()
    sns.subscribe(TopicArn=TOPIC, Protocol="http", Endpoint=endpoint.url)
    advance(world, 300)
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize("version", ["1", "2"])
def test_documents_are_signed(world: World, sns: Any, endpoint: Endpoint, version: str) -> None:
    """The signature is over the members that AWS signs, by the certificate at SigningCertURL.

    https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
    """
    sns.set_topic_attributes(TopicArn=TOPIC, AttributeName="SignatureVersion", AttributeValue=version)
    sns.subscribe(TopicArn=TOPIC, Protocol="http", Endpoint=endpoint.url)
    advance(world)
    (asked,) = endpoint.documents("SubscriptionConfirmation")
    sns.confirm_subscription(TopicArn=TOPIC, Token=asked["Token"])
    sns.publish(TopicArn=TOPIC, Message="m\u00fc", Subject="s")
    advance(world)
    certificate = world.services["sns"].signing_certificate(asked["SigningCertURL"].rsplit("/", 1)[1])
    key = x509.load_pem_x509_certificate(certificate).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    for document in (asked, *endpoint.documents("Notification")):
        assert document["SignatureVersion"] == version
        algorithm = hashes.SHA256() if version == "2" else hashes.SHA1()
        key.verify(
            base64.b64decode(document["Signature"]), string_to_sign(document).encode(), padding.PKCS1v15(), algorithm
        )
