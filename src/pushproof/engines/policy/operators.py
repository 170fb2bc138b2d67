"""Condition operators: how one value of the request is compared with one value of the policy.

Each operator turns a policy value into a predicate on a request value. A request value that cannot be read as the
operator's type matches nothing; a policy value that cannot be read is an error in the policy.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import eq, ge, gt, le, lt

from pushproof.engines.policy.wildcards import Matcher, arn_glob, decode, glob

Compile = Callable[[str], Matcher]
"""From a coded policy value to a predicate. Raises ValueError if the value is not of the operator's type."""

_EPOCH = re.compile(r"[+-]?\d{1,13}(?:\.\d{1,9})?")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")
_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?([Zz]|[+-]\d\d:?\d\d)?)?)?)?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Operator:
    """A condition operator without its qualifiers.

    ``negated`` operators hold when no policy value matches, and hold when the key is absent.
    """

    name: str
    compile: Compile
    negated: bool = False


def _equals(coded: str) -> Matcher:
    return decode(coded).__eq__


def _equals_ignore_case(coded: str) -> Matcher:
    expected = decode(coded).casefold()
    return lambda text: text.casefold() == expected


def _bool(coded: str) -> Matcher:
    expected = decode(coded).strip().lower()
    if expected not in ("true", "false"):
        raise ValueError(f"A Boolean is expected ('true' or 'false'), found {decode(coded)!r}.")
    return lambda text: text.strip().lower() == expected


def _binary(coded: str) -> Matcher:
    expected = _bytes(decode(coded))
    if expected is None:
        raise ValueError(f"A base-64 encoded binary value is expected, found {decode(coded)!r}.")
    return lambda text: _bytes(text) == expected


def _bytes(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _number(text: str) -> float | None:
    if len(text) > 400 or not _NUMBER.fullmatch(text.strip()):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def _date(text: str) -> float | None:
    """Seconds since the epoch, from ISO 8601 (W3C profile) or from a number of seconds."""
    text = text.strip()
    # A bare year is a date to people but epoch seconds to IAM's number form; W3C dates here need at least year-month.
    if _EPOCH.fullmatch(text):
        return float(text)
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        moment = datetime(
            int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=UTC
        )
    except ValueError:
        return None
    offset = 0
    if zone and zone not in "Zz":
        offset = (int(zone[1:3]) * 60 + int(zone[-2:])) * (60 if zone[0] == "+" else -60)
    return moment.timestamp() - offset + float(fraction or 0)


def _ordered(read: Callable[[str], float | None], what: str, compare: Callable[[float, float], bool]) -> Compile:
    def compile_value(coded: str) -> Matcher:
        bound = read(decode(coded))
        if bound is None:
            raise ValueError(f"{what} is expected, found {decode(coded)!r}.")

        def matches(text: str) -> bool:
            value = read(text)
            return value is not None and compare(value, bound)

        return matches

    return compile_value


def _address(coded: str) -> Matcher:
    text = decode(coded)
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise ValueError(f"An IP address or CIDR range is expected, found {text!r}.") from None

    def matches(value: str) -> bool:
        try:
            return ipaddress.ip_address(value.strip()) in network
        except ValueError:
            return False

    return matches


def _arn(coded: str) -> Matcher:
    return arn_glob(coded)


def _family(prefix: str, read: Callable[[str], float | None], what: str) -> list[Operator]:
    return [
        Operator(prefix + "Equals", _ordered(read, what, eq)),
        Operator(prefix + "NotEquals", _ordered(read, what, eq), negated=True),
        Operator(prefix + "LessThan", _ordered(read, what, lt)),
        Operator(prefix + "LessThanEquals", _ordered(read, what, le)),
        Operator(prefix + "GreaterThan", _ordered(read, what, gt)),
        Operator(prefix + "GreaterThanEquals", _ordered(read, what, ge)),
    ]


OPERATORS: dict[str, Operator] = {
    operator.name.lower(): operator
    for operator in (
        Operator("StringEquals", _equals),
        Operator("StringNotEquals", _equals, negated=True),
        Operator("StringEqualsIgnoreCase", _equals_ignore_case),
        Operator("StringNotEqualsIgnoreCase", _equals_ignore_case, negated=True),
        Operator("StringLike", glob),
        Operator("StringNotLike", glob, negated=True),
        *_family("Numeric", _number, "A number"),
        *_family("Date", _date, "A date (ISO 8601, or seconds since the epoch)"),
        Operator("Bool", _bool),
        Operator("BinaryEquals", _binary),
        Operator("IpAddress", _address),
        Operator("NotIpAddress", _address, negated=True),
        Operator("ArnEquals", _arn),
        Operator("ArnLike", _arn),
        Operator("ArnNotEquals", _arn, negated=True),
        Operator("ArnNotLike", _arn, negated=True),
    )
}
"""Every operator but ``Null``, by lower-case name."""
