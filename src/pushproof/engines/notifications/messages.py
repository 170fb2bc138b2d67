"""Messages: the rules of Publish and PublishBatch.

Sources: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html , API_PublishBatch.html,
https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html ; answers recorded as in topics.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pushproof.engines.notifications.errors import NotificationError

#: "Messages can contain up to 256 KB of text data", attributes included.
MAXIMUM_MESSAGE = 262_144
MAXIMUM_BATCH = 10

_KIND = re.compile(r"(String|Number|Binary)(\..+)?")
_ENTRY = re.compile(r"[a-zA-Z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Attribute:
    """A message attribute: its type, and its text or its bytes."""

    kind: str
    text: str | None = None
    binary: bytes | None = None

    @property
    def size(self) -> int:
        return len(self.kind.encode()) + len((self.text or "").encode(errors="surrogatepass")) + len(self.binary or b"")


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it was published."""

    text: str
    subject: str | None = None
    structure: str | None = None
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    group: str | None = None
    deduplication: str | None = None

    @property
    def size(self) -> int:
        attributes = sum(len(name.encode()) + attribute.size for name, attribute in self.attributes.items())
        return len(self.text.encode(errors="surrogatepass")) + attributes


def check_message(message: Message, *, fifo: bool, deduplicates: bool = False) -> None:
    """Raise NotificationError for a message that a topic refuses (a FIFO topic, if `fifo`)."""
    for name, attribute in message.attributes.items():
        _check_name(name)
        _check_attribute(name, attribute)
    if not message.text:
        raise NotificationError("Invalid parameter: Empty message")
    subject = message.subject
    if subject is not None and (not subject or len(subject) > 100 or not subject.isprintable() or subject[0].isspace()):
        raise NotificationError("Invalid parameter: Subject")
    if message.size > MAXIMUM_MESSAGE:
        raise NotificationError("Invalid parameter: Message too long")
    if message.structure == "json":
        _structured(message.text)
    elif message.structure:
        raise NotificationError("Invalid parameter: MessageStructure")
    if fifo and not message.group:
        raise NotificationError("Invalid parameter: The MessageGroupId parameter is required for FIFO topics")
    if fifo and not message.deduplication and not deduplicates:
        raise NotificationError(
            "Invalid parameter: The topic should either have ContentBasedDeduplication enabled or "
            "MessageDeduplicationId provided explicitly"
        )
    if not fifo and message.deduplication:
        raise NotificationError(
            "Invalid parameter: MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter "
            "that is not valid for this topic type"
        )


def check_batch(identifiers: Sequence[str]) -> None:
    """Raise NotificationError for the ids of a batch that PublishBatch refuses as a whole."""
    if not identifiers:
        raise NotificationError("The batch request doesn't contain any entries.", "EmptyBatchRequest")
    if len(identifiers) > MAXIMUM_BATCH:
        raise NotificationError(
            "The batch request contains more entries than permissible.", "TooManyEntriesInBatchRequest"
        )
    for identifier in identifiers:
        if len(identifier) > 80:
            raise NotificationError(
                f"The Id of a batch entry in the batch request is too long: {identifier}", "InvalidBatchEntryId"
            )
        if not _ENTRY.fullmatch(identifier):
            raise NotificationError(
                f"The Id of a batch entry in the batch request contains an impermissible character: {identifier}",
                "InvalidBatchEntryId",
            )
    if len(set(identifiers)) < len(identifiers):
        raise NotificationError(
            "Two or more batch entries in the request have the same Id.", "BatchEntryIdsNotDistinct"
        )


def for_protocol(message: Message, protocol: str) -> str:
    """The text that subscribers of a protocol receive."""
    if message.structure != "json":
        return message.text
    content = _structured(message.text)
    text = content.get(protocol)
    return text if isinstance(text, str) else str(content["default"])


def _structured(text: str) -> dict[str, object]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise NotificationError("Invalid parameter: Message Structure - JSON message body failed to parse")
    if not isinstance(content.get("default"), str):
        raise NotificationError("Invalid parameter: Message Structure - No default entry in JSON message body")
    return content


def _check_name(name: str) -> None:
    if len(name.encode()) > 256:
        raise _invalid("Length of message attribute name must be less than 256 bytes.")
    if name.startswith("."):
        raise _invalid("Invalid message attribute name starting with character '.' was found.")
    if name.endswith("."):
        raise _invalid("Invalid message attribute name ending with character '.' was found.")
    for character in name:
        if not (character.isascii() and (character.isalnum() or character in "-_.")):
            raise _invalid(
                f"Invalid non-alphanumeric character '#x{ord(character):X}' was found in the message attribute name. "
                "Can only include alphanumeric characters, hyphens, underscores, or dots."
            )
    if ".." in name:
        raise _invalid("Message attribute name can not have successive '.' character.")


def _check_attribute(name: str, attribute: Attribute) -> None:
    match = _KIND.fullmatch(attribute.kind)
    if match is None:
        raise _invalid(
            f"The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes "
            "is Binary, Number, and String."
        )
    value, other, member = (
        (attribute.binary, attribute.text, "Binary")
        if match[1] == "Binary"
        else (attribute.text, attribute.binary, "String")
    )
    if not value and other:
        raise _invalid(f"The message attribute '{name}' with type '{attribute.kind}' must use field '{member}'.")
    if not value:
        raise _invalid(
            f"The message attribute '{name}' must contain non-empty message attribute value for message attribute type "
            f"'{attribute.kind}'."
        )
    if match[1] == "Number":
        try:
            float(attribute.text or "")
        except ValueError:
            raise _invalid(f"Could not cast message attribute '{name}' value to number.") from None


def _invalid(message: str) -> NotificationError:
    return NotificationError(message, "ParameterValueInvalid")
