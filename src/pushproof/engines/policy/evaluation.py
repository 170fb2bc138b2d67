"""Policy evaluation: may this caller take this action on this resource, and which statement says so?

The order is AWS's: an explicit deny anywhere ends it; resource control policies and service control policies must
allow; then the resource-based policy, the identity-based policies, the permissions boundary and the session
policies. Within one account an identity-based or a resource-based permission is enough; across accounts both are
needed.

Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html and, of its parts,
reference_policies_evaluation-logic_policy-eval-denyallow.html,
reference_policies_evaluation-logic-cross-account.html and access_policies_boundaries.html. KMS keys and roles answer to
their own policy first: https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pushproof.engines.policy.document import Kind, Policy, Statement, lowered
from pushproof.engines.policy.errors import PolicyError
from pushproof.engines.policy.principals import Grip, Principal
from pushproof.engines.policy.variables import Context

Levels = tuple[tuple[Policy, ...], ...]
"""Organization policies by level (root, organizational units, account): every level must allow."""


@dataclass(frozen=True, slots=True)
class Request:
    """One action on one resource by one caller. Make it with :func:`request`."""

    principal: Principal
    action: str
    resource: str
    context: Context
    resource_account: str


def request(
    principal: Principal,
    action: str,
    resource: str = "*",
    context: Mapping[str, str | Iterable[str]] | None = None,
    *,
    resource_account: str | None = None,
) -> Request:
    """Put together what is to be decided.

    Args:
        principal: who calls.
        action: ``service:Action``.
        resource: the ARN acted on, ``*`` for actions without resource-level permissions.
        context: condition keys of the request. Those AWS derives from the caller and the resource are added.
        resource_account: owner of the resource; read from the ARN if it names one, else the caller's account.

    Raises:
        PolicyError: the action has no service prefix.
    """
    if ":" not in action:
        raise PolicyError(f"An action is written service:Action, found {action!r}.", path="action", code="InvalidInput")
    if resource_account is None:
        parts = resource.split(":", 5)
        owner = parts[4] if len(parts) == 6 else ""
        resource_account = owner if owner.isdigit() else principal.account
    keys = principal.facts
    if resource_account:
        keys["aws:resourceaccount"] = (resource_account,)
    if context:
        keys.update(lowered(context))
    return Request(principal, action, resource, keys, resource_account)


@dataclass(frozen=True, slots=True)
class Policies:
    """Every policy that bears on a request.

    Attributes:
        identity: attached to the user or role, managed and inline, and to the user's groups.
        resource: attached to the resource.
        boundary: the permissions boundary of the user or role.
        session: policies passed when the session was made; None if none were passed (an empty tuple allows nothing).
        scps, rcps: organization policies by level; empty where no organization applies.
        endpoint: policy of the VPC endpoint the request came through.
        resource_decides: the resource's own policy must let the caller in, even in the same account: KMS keys and
            role trust policies.
    """

    identity: tuple[Policy, ...] = ()
    resource: Policy | None = None
    boundary: Policy | None = None
    session: tuple[Policy, ...] | None = None
    scps: Levels = ()
    rcps: Levels = ()
    endpoint: Policy | None = None
    resource_decides: bool = False


class Effect(StrEnum):
    """The outcome, in the words of IAM's simulator."""

    ALLOWED = "allowed"
    EXPLICIT_DENY = "explicitDeny"
    IMPLICIT_DENY = "implicitDeny"


@dataclass(frozen=True, slots=True)
class Match:
    """A statement that applies to a request, and the policy it stands in."""

    policy: Policy
    statement: Statement

    def __str__(self) -> str:
        return f"{self.statement.label} of {self.policy.kind} {self.policy.name!r}"


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to a request.

    Attributes:
        request: what was asked.
        effect: allowed, explicitDeny or implicitDeny.
        deciding: the statement that decided; None if the account's root user was let in, or nothing allowed it.
        lacking: for an implicit deny, the kind of policy in which an Allow was missing.
        considered: for an implicit deny, the policies of that kind that were looked at.
    """

    request: Request
    effect: Effect
    deciding: Match | None = None
    lacking: Kind | None = None
    considered: tuple[Policy, ...] = ()

    @property
    def allowed(self) -> bool:
        """Return whether the request goes through."""
        return self.effect is Effect.ALLOWED

    @property
    def because(self) -> str:
        """The clause AWS appends to its access-denied messages; empty when allowed.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
        """
        if self.effect is Effect.EXPLICIT_DENY and self.deciding is not None:
            kind = self.deciding.policy.kind
            return f"with an explicit deny in {_article(kind)} {kind}"
        if self.lacking is not None:
            return f"because no {self.lacking} allows the {self.request.action} action"
        return ""

    @property
    def message(self) -> str:
        """AWS's access-denied sentence."""
        asked = self.request
        caller = asked.principal.arn if asked.principal.kind != "anonymous" else "anonymous"
        where = f" on resource: {asked.resource}" if asked.resource != "*" else " on resource: *"
        return f"User: {caller} is not authorized to perform: {asked.action}{where} {self.because}".rstrip()

    @property
    def missing(self) -> tuple[str, ...]:
        """For an implicit deny: what came close and why it did not apply, one sentence each."""
        if self.lacking is None:
            return ()
        close = [line for policy in self.considered for line in _near_misses(policy, self.request)]
        if close:
            return tuple(close)
        if not self.considered:
            return (f"there is no {self.lacking}",)
        names = ", ".join(repr(policy.name) for policy in self.considered)
        return (f"no statement of {names} allows {self.request.action}",)

    @property
    def reason(self) -> str:
        """The whole answer, for a person."""
        asked = self.request
        what = f"{asked.principal.arn or 'The caller'} may {asked.action} on {asked.resource}"
        if self.allowed:
            return (
                f"{what}: allowed by {self.deciding}." if self.deciding else f"{what}: it is the account's root user."
            )
        refused = what.replace(" may ", " may not ", 1)
        if self.deciding is not None:
            return f"{refused}: explicitly denied by {self.deciding}."
        return f"{refused}: {self.because}; {'; '.join(self.missing)}."


def decide(asked: Request, policies: Policies) -> Decision:
    """Evaluate a request against every policy that bears on it."""
    principal = asked.principal
    action = asked.action.lower()
    for policy in _all(policies, principal):
        hit = _denying(policy, asked, action)
        if hit is not None:
            return Decision(asked, Effect.EXPLICIT_DENY, Match(policy, hit))
    refusal = _ceilings(asked, action, policies)
    if refusal is not None:
        return refusal
    match, grip = (None, Grip.NONE) if policies.resource is None else _granting(policies.resource, asked, action)
    if principal.kind in ("service", "anonymous"):
        return _allowed(asked, match) if match else _refused(asked, _kind(policies), _given(policies.resource))
    crosses = asked.resource_account != principal.account
    if (crosses or policies.resource_decides) and match is None:
        return _refused(asked, _kind(policies), _given(policies.resource))
    if not crosses and grip is Grip.SESSION:
        return _allowed(asked, match)
    if principal.kind == "root":
        return _allowed(asked, match)
    if crosses or grip is not Grip.ENTITY:
        found = _first(policies.identity, asked, action)
        if found is None:
            return _refused(asked, Kind.IDENTITY, policies.identity)
        match = found
    if policies.boundary is not None and _first((policies.boundary,), asked, action) is None:
        return _refused(asked, Kind.BOUNDARY, (policies.boundary,))
    if policies.session is not None and _first(policies.session, asked, action) is None:
        return _refused(asked, Kind.SESSION, policies.session)
    return _allowed(asked, match)


def matching(asked: Request, policies: Iterable[Policy]) -> Iterator[Match]:
    """Every statement, allowing or denying, that applies to the request."""
    action = asked.action.lower()
    for policy in policies:
        for statement in (*policy.denying(action), *policy.allowing(action)):
            if _applies(statement, asked):
                yield Match(policy, statement)


def _all(policies: Policies, principal: Principal) -> Iterator[Policy]:
    """The policies whose explicit denies count, those nearest the caller first."""
    if principal.kind not in ("service", "anonymous"):
        yield from policies.identity
        if policies.boundary is not None and principal.kind != "root":
            yield policies.boundary
        yield from policies.session or ()
        for level in policies.scps:
            yield from level
    if policies.resource is not None:
        yield policies.resource
    if policies.endpoint is not None:
        yield policies.endpoint
    for level in policies.rcps:
        yield from level


def _ceilings(asked: Request, action: str, policies: Policies) -> Decision | None:
    """Apply policies that only limit and never grant: the organization's and the VPC endpoint's."""
    for level in policies.rcps:
        if _first(level, asked, action) is None:
            return _refused(asked, Kind.RCP, level)
    if asked.principal.kind not in ("service", "anonymous"):
        for level in policies.scps:
            if _first(level, asked, action) is None:
                return _refused(asked, Kind.SCP, level)
    if policies.endpoint is not None and _first((policies.endpoint,), asked, action) is None:
        return _refused(asked, Kind.ENDPOINT, (policies.endpoint,))
    return None


def _denying(policy: Policy, asked: Request, action: str) -> Statement | None:
    for statement in policy.denying(action):
        if _applies(statement, asked):
            return statement
    return None


def _first(policies: Iterable[Policy], asked: Request, action: str) -> Match | None:
    for policy in policies:
        match, _ = _granting(policy, asked, action)
        if match is not None:
            return match
    return None


def _granting(policy: Policy, asked: Request, action: str) -> tuple[Match | None, Grip]:
    """The allowing statement that names the caller most closely."""
    best: Statement | None = None
    best_grip = Grip.NONE
    for statement in policy.allowing(action):
        grip = Grip.SESSION if statement.principals is None else statement.grip(asked.principal)
        if grip > best_grip and _applies_to_target(statement, asked):
            best, best_grip = statement, grip
            if grip is Grip.SESSION:
                break
    return (None, Grip.NONE) if best is None else (Match(policy, best), best_grip)


def _applies(statement: Statement, asked: Request) -> bool:
    named = statement.principals is None or statement.grip(asked.principal) is not Grip.NONE
    return named and _applies_to_target(statement, asked)


def _applies_to_target(statement: Statement, asked: Request) -> bool:
    return statement.covers_resource(asked.resource, asked.context) and statement.meets(asked.context)


def _allowed(asked: Request, match: Match | None) -> Decision:
    return Decision(asked, Effect.ALLOWED, match)


def _refused(asked: Request, lacking: Kind, considered: tuple[Policy, ...]) -> Decision:
    return Decision(asked, Effect.IMPLICIT_DENY, None, lacking, considered)


def _kind(policies: Policies) -> Kind:
    return policies.resource.kind if policies.resource is not None else Kind.RESOURCE


def _given(policy: Policy | None) -> tuple[Policy, ...]:
    return () if policy is None else (policy,)


def _article(kind: Kind) -> str:
    return "the" if kind is Kind.TRUST else "an" if kind is Kind.IDENTITY else "a"


def _near_misses(policy: Policy, asked: Request) -> Iterator[str]:
    for statement in policy.allowing(asked.action.lower()):
        start = f"{Match(policy, statement)} allows {asked.action}, but"
        if statement.grip(asked.principal) is Grip.NONE:
            yield f"{start} not to {asked.principal.arn or 'this caller'}"
        elif not statement.covers_resource(asked.resource, asked.context):
            listed = ", ".join(pattern.template.written for pattern in statement.resources or ())
            yield f"{start} {'not on' if statement.not_resource else 'only on'} {listed}"
        else:
            for condition in statement.unmet(asked.context):
                found = asked.context.get(condition.key.lower())
                shown = "the request does not have it" if found is None else f"the request has {', '.join(found)!r}"
                yield f"{start} under the condition {condition.written} on {condition.key}: {shown}"
