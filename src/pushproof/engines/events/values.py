"""The scalars of an event, as EventBridge compares them: texts, where strings keep their quotes.

`"x"` is a string, `300.0`, `true` and `null` are themselves. Two numbers are equal when they are the same double; a number that
no double holds exactly is compared by its text. Source: ComparableNumber and CIDR of https://github.com/aws/event-ruler
"""

from __future__ import annotations

import ipaddress
import re
from decimal import Decimal, InvalidOperation

_IPV4 = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+")
_IPV6 = re.compile(r"[0-9a-fA-F:]*:[0-9a-fA-F:]*")


def quoted(text: str) -> str:
    """The scalar that a string is."""
    return f'"{text}"'


def content(scalar: str) -> str | None:
    """A string's content; None for numbers, true, false and null."""
    return scalar[1:-1] if scalar.startswith('"') else None


def comparable(text: str) -> float | None:
    """The double that equals a number's text exactly; None if there is none or the text is no number."""
    if not text or text[0] not in "-0123456789":
        return None
    try:
        number = float(text)
        exact = Decimal(text)
        if number in (float("inf"), float("-inf")) or Decimal(repr(number)) != exact:
            return None
    except (ValueError, InvalidOperation):
        return None
    return number + 0.0 if number else 0.0


def address(text: str) -> bytes | None:
    """The bytes of an IP address; None for anything else."""
    if _IPV4.fullmatch(text):
        octets = [int(part) if len(part) < 10 else 256 for part in text.split(".")]
        return bytes(octets) if max(octets) < 256 else None
    if not _IPV6.fullmatch(text):
        return None
    try:
        return ipaddress.IPv6Address(text).packed
    except ValueError:
        return None


def looks_like_address(text: str) -> bool:
    """Return whether a text is written as an IP address, valid or not."""
    return bool(_IPV4.fullmatch(text) or _IPV6.fullmatch(text))
