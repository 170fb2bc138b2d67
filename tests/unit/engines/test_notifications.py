"""SNS's rules for whatever a caller sends: accepted, or refused with a code and words.

https://docs.aws.amazon.com/sns/latest/api/API_Publish.html , API_Subscribe.html, API_CreateTopic.html
"""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from pushproof.engines.notifications import (
    ATTRIBUTES,
    PROTOCOLS,
    Attribute,
    Message,
    NotificationError,
    check_attribute,
    check_batch,
    check_endpoint,
    check_message,
    check_redrive,
    check_topic,
    for_protocol,
)


def judged(check: Callable[[], object]) -> bool:
    """Return whether a check lets pass; anything but a refusal is an error of the test."""
    try:
        check()
    except NotificationError as error:
        return not (error.code and error.message)
    return True


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.just("arn:aws:sqs:eu-west-1:1:q"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["http", "default", "a"]), inner),
    max_leaves=5,
)
TEXTS = st.text(max_size=12) | st.sampled_from(
    ["", "arn:aws:sqs:eu-west-1:1:q", "https://x", "+15551234", "a@b", "{", "[]"]
)
KINDS = st.sampled_from(["String", "Number", "Binary", "String.Array", "Strings", ""])


@given(TEXTS, TEXTS | st.none(), st.sampled_from([None, "json", "x"]), TEXTS, KINDS, TEXTS | st.none(), st.booleans())
def test_any_message_is_judged(
    text: str, subject: str | None, structure: str | None, name: str, kind: str, value: str | None, fifo: bool
) -> None:
    """A message with any members is accepted or refused; an accepted one has a text for each protocol."""
    message = Message(text, subject, structure, {name: Attribute(kind, value)})
    if judged(lambda: check_message(message, fifo=fifo)):
        assert all(isinstance(for_protocol(message, protocol), str) for protocol in PROTOCOLS)


@given(st.sampled_from([*PROTOCOLS, "x"]), TEXTS | st.none(), st.booleans(), st.sampled_from([*ATTRIBUTES, "x"]), TEXTS)
def test_any_subscription_is_judged(protocol: str, endpoint: str | None, fifo: bool, name: str, value: str) -> None:
    """Any endpoint and attributes are accepted or refused."""
    judged(lambda: check_endpoint(protocol, endpoint, topic_is_fifo=fifo))
    judged(lambda: check_attribute(name, value, protocol=protocol, subscribing=fifo))


@given(JSON, TEXTS, st.lists(TEXTS, max_size=12))
def test_any_policy_topic_and_batch_are_judged(policy: object, name: str, ids: list[str]) -> None:
    """Any redrive policy, topic name and ids of a batch are accepted or refused."""
    judged(lambda: check_redrive(policy, endpoint_is_fifo=True, region="eu-west-1", subscribing=True))
    judged(lambda: check_topic(name, {"DeliveryPolicy": name, "DisplayName": name}))
    judged(lambda: check_batch(ids))
