"""Policy documents, compiled from JSON for fast evaluation.

Grammar: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from pushproof.engines.policy.conditions import Condition
from pushproof.engines.policy.errors import Position
from pushproof.engines.policy.positions import Span, span_of
from pushproof.engines.policy.principals import Grip, Principal, Principals
from pushproof.engines.policy.variables import Context, Template
from pushproof.engines.policy.wildcards import Matcher, resource_glob

SourceType = Literal["user", "group", "role", "aws-managed", "user-managed", "resource", "none"]
"""Kinds of a policy's source, in the words of IAM's PolicySourceType."""

_MEMO_LIMIT = 4096


class Kind(StrEnum):
    """The kind of a policy; the words are those of AWS's access-denied messages."""

    IDENTITY = "identity-based policy"
    RESOURCE = "resource-based policy"
    TRUST = "role trust policy"
    BOUNDARY = "permissions boundary"
    SESSION = "session policy"
    SCP = "service control policy"
    RCP = "resource control policy"
    ENDPOINT = "VPC endpoint policy"

    @property
    def names_principals(self) -> bool:
        """Return whether statements of this kind carry a Principal element."""
        return self in (Kind.RESOURCE, Kind.TRUST, Kind.RCP, Kind.ENDPOINT)

    @property
    def names_resources(self) -> bool:
        """Return whether statements of this kind must carry a Resource element."""
        return self not in (Kind.TRUST, Kind.RESOURCE, Kind.ENDPOINT)


@dataclass(frozen=True, slots=True)
class ResourcePattern:
    """One entry of a Resource element."""

    template: Template
    static: Matcher | None = field(compare=False)
    _memo: dict[str, Matcher] = field(default_factory=dict, compare=False, repr=False, init=False)

    def matches(self, resource: str, context: Context) -> bool:
        if self.static is not None:
            return self.static(resource)
        coded = self.template.resolve(context)
        if coded is None:
            return False
        matcher = self._memo.get(coded)
        if matcher is None:
            matcher = resource_glob(coded)
            if len(self._memo) < _MEMO_LIMIT:
                self._memo[coded] = matcher
        return matcher(resource)


@dataclass(frozen=True, slots=True)
class Statement:
    """One compiled statement.

    ``index`` counts from 0 in the document. ``principals`` is None where the kind of policy carries none.
    """

    index: int
    sid: str
    allow: bool
    actions: tuple[str, ...]
    action_matchers: tuple[Matcher, ...] = field(compare=False)
    not_action: bool
    resources: tuple[ResourcePattern, ...] | None
    not_resource: bool
    principals: Principals | None
    not_principal: bool
    conditions: tuple[Condition, ...]

    def covers_action(self, action: str) -> bool:
        """Return whether the Action (or NotAction) element covers this action, which must be in lower case."""
        return any(matches(action) for matches in self.action_matchers) is not self.not_action

    def covers_resource(self, resource: str, context: Context) -> bool:
        """Return whether the Resource (or NotResource) element covers this ARN. Without the element, every ARN is covered."""
        if self.resources is None:
            return True
        for pattern in self.resources:
            if pattern.matches(resource, context):
                return not self.not_resource
        return self.not_resource

    def grip(self, caller: Principal) -> Grip:
        """Return how closely the Principal (or NotPrincipal) element names the caller."""
        if self.principals is None:
            return Grip.SESSION
        if self.not_principal:
            return Grip.NONE if self.principals.spares(caller) else Grip.SESSION
        return self.principals.grip(caller)

    def unmet(self, context: Context) -> Iterator[Condition]:
        """The conditions that this request does not meet."""
        return (condition for condition in self.conditions if not condition.holds(context))

    def meets(self, context: Context) -> bool:
        """Return whether every condition holds."""
        return not self.conditions or all(condition.holds(context) for condition in self.conditions)

    @property
    def label(self) -> str:
        """The statement's name in messages: its Sid, or its place."""
        return f"statement {self.sid!r}" if self.sid else f"statement {self.index + 1}"


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """A compiled policy. Make one with :func:`pushproof.engines.policy.parse`.

    ``source_type`` is IAM's PolicySourceType (``user``, ``role``, ``aws-managed``, ``user-managed``, ``resource``,
    ``none``), reported by simulations.
    """

    name: str
    kind: Kind
    version: str
    statements: tuple[Statement, ...]
    source_type: SourceType = "none"
    text: str | None = field(default=None, repr=False)
    single: bool = field(default=False, repr=False)
    _memo: dict[str, tuple[tuple[Statement, ...], tuple[Statement, ...]]] = field(
        default_factory=dict, repr=False, init=False
    )

    def denying(self, action: str) -> tuple[Statement, ...]:
        """The denying statements whose action element covers an action (lower case)."""
        return (self._memo.get(action) or self._split(action))[0]

    def allowing(self, action: str) -> tuple[Statement, ...]:
        """The allowing statements whose action element covers an action (lower case)."""
        return (self._memo.get(action) or self._split(action))[1]

    def _split(self, action: str) -> tuple[tuple[Statement, ...], tuple[Statement, ...]]:
        hits = [statement for statement in self.statements if statement.covers_action(action)]
        halves = tuple(hit for hit in hits if not hit.allow), tuple(hit for hit in hits if hit.allow)
        if len(self._memo) < _MEMO_LIMIT:
            self._memo[action] = halves
        return halves

    def span(self, statement: Statement) -> Span:
        """The statement's place in the document's text; line 1, column 1 for a document without text."""
        span = None
        if self.text is not None:
            span = span_of(self.text, ("Statement",) if self.single else ("Statement", statement.index))
        return span or Span(Position(1, 1), Position(1, 1))


def lowered(context: Mapping[str, str | Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """Context keys in lower case with their values as tuples, the form that the engine uses."""
    return {
        key.lower(): (value,) if isinstance(value, str) else tuple(str(item) for item in value)
        for key, value in context.items()
    }
