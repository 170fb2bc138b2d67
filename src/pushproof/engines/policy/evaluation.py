"""Policy evaluation: the decision on a caller's action on a resource, and the statement that makes it.

The order is AWS's: an explicit deny anywhere ends it; resource control policies and service control policies must
allow; then the resource-based policy, the identity-based policies, the permissions boundary and the session
policies. Within one account an identity-based or a resource-based permission is enough; across accounts both are
needed.

Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html and, of its parts,
reference_policies_evaluation-logic_policy-eval-denyallow.html,
reference_policies_evaluation-logic-cross-account.html and access_policies_boundaries.html. For KMS keys and roles, their
own policy decides first: https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html
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
    """Build a request.

    Args:
        principal: the caller.
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
        resource_decides: the resource's own policy must allow the caller, even in the same account: KMS keys and
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
    """A statement that applies to a request, and its policy."""

    policy: Policy
    statement: Statement

    def __str__(self) -> str:
        return f"{self.statement.label} of {self.policy.kind} {self.policy.name!r}"


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to a request.

    Attributes:
        request: the request decided.
        effect: allowed, explicitDeny or implicitDeny.
        deciding: the statement that decided; None if the account's root user is allowed, or no statement allows the request.
        lacking: for an implicit deny, the kind of policy in which an Allow was missing.
        considered: for an implicit deny, the policies of that kind.
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
        request = self.request
        caller = request.principal.arn if request.principal.kind != "anonymous" else "anonymous"
        where = f" on resource: {request.resource}" if request.resource != "*" else " on resource: *"
        return f"User: {caller} is not authorized to perform: {request.action}{where} {self.because}".rstrip()

    @property
    def missing(self) -> tuple[str, ...]:
        """For an implicit deny: the nearest statements and why they do not apply, one sentence each."""
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
        """The decision and its reasons, as text."""
        request = self.request
        what = f"{request.principal.arn or 'The caller'} may {request.action} on {request.resource}"
        if self.allowed:
            return (
                f"{what}: allowed by {self.deciding}." if self.deciding else f"{what}: it is the account's root user."
            )
        refusal = what.replace(" may ", " may not ", 1)
        if self.deciding is not None:
            return f"{refusal}: explicitly denied by {self.deciding}."
        return f"{refusal}: {self.because}; {'; '.join(self.missing)}."


def decide(request: Request, policies: Policies) -> Decision:
    """Evaluate a request against every policy that bears on it."""
    principal = request.principal
    action = request.action.lower()
    for policy in _all(policies, principal):
        hit = _denying(policy, request, action)
        if hit is not None:
            return Decision(request, Effect.EXPLICIT_DENY, Match(policy, hit))
    refusal = _ceilings(request, action, policies)
    if refusal is not None:
        return refusal
    match, grip = (None, Grip.NONE) if policies.resource is None else _granting(policies.resource, request, action)
    if principal.kind in ("service", "anonymous"):
        return _allowed(request, match) if match else _refused(request, _kind(policies), _as_tuple(policies.resource))
    crosses = request.resource_account != principal.account
    if (crosses or policies.resource_decides) and match is None:
        return _refused(request, _kind(policies), _as_tuple(policies.resource))
    if not crosses and grip is Grip.SESSION:
        return _allowed(request, match)
    if principal.kind == "root":
        return _allowed(request, match)
    if crosses or grip is not Grip.ENTITY:
        identity = _first(policies.identity, request, action)
        if identity is None:
            return _refused(request, Kind.IDENTITY, policies.identity)
        match = identity
    if policies.boundary is not None and _first((policies.boundary,), request, action) is None:
        return _refused(request, Kind.BOUNDARY, (policies.boundary,))
    if policies.session is not None and _first(policies.session, request, action) is None:
        return _refused(request, Kind.SESSION, policies.session)
    return _allowed(request, match)


def matching(request: Request, policies: Iterable[Policy]) -> Iterator[Match]:
    """Every statement, allowing or denying, that applies to the request."""
    action = request.action.lower()
    for policy in policies:
        for statement in (*policy.denying(action), *policy.allowing(action)):
            if _applies(statement, request):
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


def _ceilings(request: Request, action: str, policies: Policies) -> Decision | None:
    """Apply policies that only limit and never grant: the organization's and the VPC endpoint's."""
    for level in policies.rcps:
        if _first(level, request, action) is None:
            return _refused(request, Kind.RCP, level)
    if request.principal.kind not in ("service", "anonymous"):
        for level in policies.scps:
            if _first(level, request, action) is None:
                return _refused(request, Kind.SCP, level)
    if policies.endpoint is not None and _first((policies.endpoint,), request, action) is None:
        return _refused(request, Kind.ENDPOINT, (policies.endpoint,))
    return None


def _denying(policy: Policy, request: Request, action: str) -> Statement | None:
    for statement in policy.denying(action):
        if _applies(statement, request):
            return statement
    return None


def _first(policies: Iterable[Policy], request: Request, action: str) -> Match | None:
    for policy in policies:
        match, _ = _granting(policy, request, action)
        if match is not None:
            return match
    return None


def _granting(policy: Policy, request: Request, action: str) -> tuple[Match | None, Grip]:
    """The allowing statement that names the caller most closely."""
    best: Statement | None = None
    best_grip = Grip.NONE
    for statement in policy.allowing(action):
        grip = Grip.SESSION if statement.principals is None else statement.grip(request.principal)
        if grip > best_grip and _applies_to_target(statement, request):
            best, best_grip = statement, grip
            if grip is Grip.SESSION:
                break
    return (None, Grip.NONE) if best is None else (Match(policy, best), best_grip)


def _applies(statement: Statement, request: Request) -> bool:
    addressed = statement.principals is None or statement.grip(request.principal) is not Grip.NONE
    return addressed and _applies_to_target(statement, request)


def _applies_to_target(statement: Statement, request: Request) -> bool:
    return statement.covers_resource(request.resource, request.context) and statement.meets(request.context)


def _allowed(request: Request, match: Match | None) -> Decision:
    return Decision(request, Effect.ALLOWED, match)


def _refused(request: Request, lacking: Kind, considered: tuple[Policy, ...]) -> Decision:
    return Decision(request, Effect.IMPLICIT_DENY, None, lacking, considered)


def _kind(policies: Policies) -> Kind:
    return policies.resource.kind if policies.resource is not None else Kind.RESOURCE


def _as_tuple(policy: Policy | None) -> tuple[Policy, ...]:
    return () if policy is None else (policy,)


def _article(kind: Kind) -> str:
    return "the" if kind is Kind.TRUST else "an" if kind is Kind.IDENTITY else "a"


def _near_misses(policy: Policy, request: Request) -> Iterator[str]:
    for statement in policy.allowing(request.action.lower()):
        start = f"{Match(policy, statement)} allows {request.action}, but"
        if statement.grip(request.principal) is Grip.NONE:
            yield f"{start} not to {request.principal.arn or 'this caller'}"
        elif not statement.covers_resource(request.resource, request.context):
            listed = ", ".join(pattern.template.written for pattern in statement.resources or ())
            yield f"{start} {'not on' if statement.not_resource else 'only on'} {listed}"
        else:
            for condition in statement.unmet(request.context):
                values = request.context.get(condition.key.lower())
                actual = "the request does not have it" if values is None else f"the request has {', '.join(values)!r}"
                yield f"{start} under the condition {condition.written} on {condition.key}: {actual}"
