"""Rows of the table of refusals: calls that AWS refuses, each with the code it answers and where that is written down.

A module here has `SERVICES`; add rows to one, or a module to `MODULES` in `page.py`. `docs/refusals.md` is made of
them (`python -m tests.unit.emulator.refusals.page`), and a test makes each call: a row that is refused is refused with its code
and changes nothing, and a row that is not yet refused is still accepted, so that the table cannot rot.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.unit.emulator.refusals.scene import Scene

# A bound method of a boto3 client, and its arguments. What must exist first is made while the pair is made.
Attempt = tuple[Callable[..., Any], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call that AWS refuses.

    Args:
        operation: AWS's name of it, `CreateSubnet`.
        when: what is wrong, in a few words: "a CIDR outside the VPC".
        code: AWS's error code.
        attempt: makes what the call needs, and returns the call.
        says: a part of AWS's message, where it is known.
        source: the page or record that says so; the service's own (see `Service.source`) where left out.
        yet: whether the emulated account refuses it too. False: known, and accepted so far.
    """

    operation: str
    when: str
    code: str
    attempt: Callable[[Scene], Attempt]
    says: str = ""
    source: str = ""
    yet: bool = True


@dataclass(frozen=True, slots=True)
class Service:
    """A service's rows, and where AWS lists its errors."""

    name: str
    title: str
    source: str
    rows: tuple[Refusal, ...]
