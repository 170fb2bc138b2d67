"""Evidence of a drill's steps: what each step has shown, in a form that later steps and later processes can use.

No evidence holds a secret: passwords, private keys, webhook addresses and Terraform variables stay where they are.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from typing import Any, TypeVar, Union

from pushproof.drill.delivery import Delivery

E = TypeVar("E", bound="Evidence")


class Unreadable(Exception):
    """A text is not evidence of this version; the message says where it differs."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Base of what a step returns. Fields are texts, numbers, truth values, tuples of texts, and dataclasses of these."""


@dataclass(frozen=True, slots=True)
class Workplace:
    """The working copy in which Terraform ran: its source in the tree, the copy, and the folder that holds the copy."""

    source: str
    directory: str
    root: str


@dataclass(frozen=True, slots=True)
class AppliedStack(Evidence):
    """The environment is applied.

    `delivery` is the path that a push takes; where there is none, `undelivered` says why. `host` and `certificates` (PEM, public)
    are what a client verifies; `there_before` names what was in the account already. `webhook`: the environment has the drill's
    webhook. `bootstrap` is empty where no such module made the state's bucket.
    """

    delivery: Delivery
    undelivered: str
    webhook: bool
    bootstrap: Workplace
    stack: Workplace
    certificate_arn: str
    host: str
    certificates: str
    there_before: tuple[str, ...]
    resources: int
    seconds: float


@dataclass(frozen=True, slots=True)
class PushRefused(Evidence):
    """A push over a connection that nobody has authorised failed at Source."""

    commit: str
    execution: str
    message: str


@dataclass(frozen=True, slots=True)
class SourceReady(Evidence):
    """The source is authorised beforehand, so that no push is refused."""

    reason: str


@dataclass(frozen=True, slots=True)
class Asking:
    """The request that shows what serves: its path, "" where nothing can be requested, and whether the answer tells the commit."""

    path: str = ""
    tells: bool = False


@dataclass(frozen=True, slots=True)
class Deployed(Evidence):
    """A good push serves: its commit, its execution, the task definitions and image digests that run, and how to ask for it."""

    commit: str
    execution: str
    task_definitions: tuple[str, ...]
    digests: tuple[str, ...]
    asking: Asking


@dataclass(frozen=True, slots=True)
class Switched(Evidence):
    """The service deploys by a strategy: its target groups and the rule of its users; "" where no traffic shifts."""

    strategy: str
    group: str
    alternate: str
    production_rule: str


class Fate(StrEnum):
    """The fate of a bad push."""

    ROLLED_BACK = "rolled back"
    STOPPED = "stopped at the build"
    HELD = "stopped before the deployment"
    NOT_SURVIVED = "not survived"
    NOT_APPLICABLE = "does not apply"


@dataclass(frozen=True, slots=True)
class BrokenPush:
    """A bad push and its fate.

    `fate` is a value of Fate. `reason`: the breaker's count, the build's complaint, or why the stack did not survive. `stage`: the
    stage that failed. `undecided`: the execution had not ended when the service was judged.
    """

    breakage: str
    fate: str
    reason: str
    commit: str = ""
    execution: str = ""
    stage: str = ""
    undecided: bool = False

    @property
    def survived(self) -> bool:
        """True when the revision that served before the push serves after it, without help."""
        return self.fate in (Fate.ROLLED_BACK, Fate.STOPPED, Fate.HELD)


@dataclass(frozen=True, slots=True)
class BrokenPushes(Evidence):
    """Bad pushes, each with its fate, in the order in which they were pushed."""

    pushes: tuple[BrokenPush, ...]


@dataclass(frozen=True, slots=True)
class Notified(Evidence):
    """Messages about the pipeline that were heard."""

    messages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NotHeard(Evidence):
    """Nothing on this target hears notifications."""

    reason: str


@dataclass(frozen=True, slots=True)
class EmptyPlan(Evidence):
    """A plan after the deployments wants no changes; the seconds that it took."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Destroyed(Evidence):
    """Nothing of the drill is left; what was swept because no Terraform knows it."""

    swept: tuple[str, ...]


KINDS: dict[str, type[Evidence]] = {
    kind.__name__: kind
    for kind in (
        AppliedStack, PushRefused, SourceReady, Deployed, Switched, BrokenPushes, Notified, NotHeard, EmptyPlan,
        Destroyed,
    )
}  # fmt: skip


class Record:
    """Evidence by the name of the step that showed it, in the order in which it was shown: the newest comes last."""

    def __init__(self, entries: Mapping[str, Evidence] | None = None) -> None:
        self._entries: dict[str, Evidence] = dict(entries or {})

    def add(self, step: str, evidence: Evidence) -> None:
        """Add a step's evidence; it replaces what the step showed before."""
        self._entries.pop(step, None)
        self._entries[step] = evidence

    def latest(self, kind: type[E]) -> E | None:
        """Return the newest evidence of a kind; None when there is none."""
        return next((value for value in reversed(self._entries.values()) if isinstance(value, kind)), None)

    def of(self, step: str) -> Evidence | None:
        """Return what a step showed last; None when it has not been performed."""
        return self._entries.get(step)

    def clear(self) -> None:
        """Forget everything: what it was shown of is gone."""
        self._entries.clear()

    def __contains__(self, step: object) -> bool:
        return step in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and list(self._entries.items()) == list(other._entries.items())

    __hash__ = None  # type: ignore[assignment]


def to_plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    if is_dataclass(value) and not isinstance(value, type):
        plain = {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
        return {"kind": type(value).__name__, **plain} if isinstance(value, Evidence) else plain
    return [to_plain(element) for element in value] if isinstance(value, tuple) else value


def from_plain(plain: Any) -> Evidence:
    """Return the evidence that `to_plain` wrote. Raises Unreadable."""
    kind = KINDS.get(str(plain.get("kind"))) if isinstance(plain, dict) else None
    if kind is None:
        raise Unreadable(f"expected evidence, one of {', '.join(KINDS)}; got {str(plain)[:80]}")
    evidence: Evidence = _read(kind, {key: value for key, value in plain.items() if key != "kind"}, kind.__name__)
    return evidence


def _read(kind: Any, plain: Any, where: str) -> Any:
    if is_dataclass(kind) and isinstance(kind, type):
        expected = {field.name for field in fields(kind)}
        if not isinstance(plain, dict) or set(plain) != expected:
            got = ", ".join(map(str, plain)) if isinstance(plain, dict) else type(plain).__name__
            raise Unreadable(f"{where} has {got or 'nothing'}; expected {', '.join(sorted(expected))}")
        hints = typing.get_type_hints(kind)
        return kind(**{name: _read(hints[name], plain[name], f"{where}.{name}") for name in expected})
    origin = typing.get_origin(kind)
    if origin is tuple:
        if not isinstance(plain, list):
            raise Unreadable(f"{where} is {type(plain).__name__}; expected a list")
        element = typing.get_args(kind)[0]
        return tuple(_read(element, value, f"{where}[{index}]") for index, value in enumerate(plain))
    if origin in (Union, types.UnionType):
        raise TypeError(f"{where}: evidence has no unions")
    if kind is float and type(plain) is int:
        return float(plain)
    if type(plain) is not kind:
        raise Unreadable(f"{where} is {type(plain).__name__}; expected {kind.__name__}")
    return plain
