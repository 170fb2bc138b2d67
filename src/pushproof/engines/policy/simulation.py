"""IAM's policy simulator: results in the shape of SimulateCustomPolicy and SimulatePrincipalPolicy.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html and
https://docs.aws.amazon.com/IAM/latest/APIReference/API_EvaluationResult.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pushproof.engines.policy.document import Policy
from pushproof.engines.policy.errors import Position
from pushproof.engines.policy.evaluation import Decision, Effect, Match, Policies, Request, decide, matching, request
from pushproof.engines.policy.principals import Principal


def simulate(
    policies: Policies,
    principal: Principal,
    actions: Iterable[str],
    resources: Sequence[str] = ("*",),
    context: Mapping[str, str | Iterable[str]] | None = None,
    *,
    resource_owner: str | None = None,
) -> list[dict[str, Any]]:
    """Decide each action on each resource.

    Args:
        policies: what bears on the caller; a boundary is reported as PermissionsBoundaryDecisionDetail.
        principal: the caller to simulate.
        actions: ``service:Action`` names. resources: ARNs; ``*`` where none is meant.
        context: the simulated request context.
        resource_owner: account that owns the resources, if their ARNs do not say.

    Returns:
        One EvaluationResult a pair of action and resource, in the order given.

    Raises:
        PolicyError: an action without service prefix.
    """
    out = []
    for action in actions:
        for resource in resources:
            asked = request(principal, action, resource, context, resource_account=resource_owner)
            out.append(_result(asked, decide(asked, policies), policies))
    return out


def missing_context(asked: Request, policies: Iterable[Policy]) -> list[str]:
    """Context keys that conditions and variables of statements for this action look at and the request lacks."""
    found: dict[str, str] = {}
    for policy in policies:
        action = asked.action.lower()
        for statement in (*policy.denying(action), *policy.allowing(action)):
            for condition in statement.conditions:
                for key in condition.needs:
                    found.setdefault(key, condition.key if key == condition.key.lower() else key)
            for pattern in statement.resources or ():
                for key in pattern.template.keys:
                    found.setdefault(key.lower(), key)
    return [written for key, written in sorted(found.items()) if key not in asked.context]


def _result(asked: Request, decision: Decision, policies: Policies) -> dict[str, Any]:
    given = [*policies.identity, *([policies.resource] if policies.resource else [])]
    everything = [*given, *([policies.boundary] if policies.boundary else [])]
    missing = missing_context(asked, everything)
    matched = [_statement(match) for match in matching(asked, given) if _tells(match, decision)]
    result: dict[str, Any] = {
        "EvalActionName": asked.action,
        "EvalResourceName": asked.resource,
        "EvalDecision": str(decision.effect),
        "MatchedStatements": matched,
        "MissingContextValues": missing if asked.resource == "*" else [],
    }
    if policies.boundary is not None:
        allows = any(m.statement.allow for m in matching(asked, [policies.boundary])) and not any(
            not m.statement.allow for m in matching(asked, [policies.boundary])
        )
        result["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": allows}
    if asked.resource != "*":
        specific = {
            "EvalResourceName": asked.resource,
            "EvalResourceDecision": str(decision.effect),
            "MatchedStatements": matched,
            "MissingContextValues": missing,
        }
        if "PermissionsBoundaryDecisionDetail" in result:
            specific["PermissionsBoundaryDecisionDetail"] = result["PermissionsBoundaryDecisionDetail"]
        result["ResourceSpecificResults"] = [specific]
    return result


def _tells(match: Match, decision: Decision) -> bool:
    """An explicit deny is explained by the denying statements, anything else by the allowing ones."""
    return match.statement.allow is not (decision.effect is Effect.EXPLICIT_DENY)


def _statement(match: Match) -> dict[str, Any]:
    span = match.policy.span(match.statement)
    return {
        "SourcePolicyId": match.policy.name,
        "SourcePolicyType": match.policy.source_type,
        "StartPosition": _position(span.start),
        "EndPosition": _position(span.end),
    }


def _position(position: Position) -> dict[str, int]:
    return {"Line": position.line, "Column": position.column}
