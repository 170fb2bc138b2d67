"""IAM's policy simulator: results in the shape of SimulateCustomPolicy and SimulatePrincipalPolicy.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html and
https://docs.aws.amazon.com/IAM/latest/APIReference/API_EvaluationResult.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from pushproof.engines.policy.document import Policy
from pushproof.engines.policy.errors import Position
from pushproof.engines.policy.evaluation import Decision, Effect, Match, Policies, Request, decide, matching, request
from pushproof.engines.policy.principals import Principal

if TYPE_CHECKING:
    from types_boto3_iam.literals import PolicyEvaluationDecisionTypeType
    from types_boto3_iam.type_defs import (
        EvaluationResultTypeDef,
        PositionTypeDef,
        ResourceSpecificResultTypeDef,
        StatementTypeDef,
    )

_DECISIONS: dict[Effect, PolicyEvaluationDecisionTypeType] = {
    Effect.ALLOWED: "allowed",
    Effect.EXPLICIT_DENY: "explicitDeny",
    Effect.IMPLICIT_DENY: "implicitDeny",
}


def simulate(
    policies: Policies,
    principal: Principal,
    actions: Iterable[str],
    resources: Sequence[str] = ("*",),
    context: Mapping[str, str | Iterable[str]] | None = None,
    *,
    resource_owner: str | None = None,
) -> list[EvaluationResultTypeDef]:
    """Decide each action on each resource.

    Args:
        policies: the policies that apply to the caller; a boundary is reported as PermissionsBoundaryDecisionDetail.
        principal: the caller to simulate.
        actions: ``service:Action`` names. resources: ARNs; ``*`` for no resource.
        context: the simulated request context.
        resource_owner: account that owns the resources, if their ARNs do not say.

    Returns:
        One EvaluationResult for each pair of action and resource, in the order of the arguments.

    Raises:
        PolicyError: an action without service prefix.
    """
    out = []
    for action in actions:
        for resource in resources:
            call = request(principal, action, resource, context, resource_account=resource_owner)
            out.append(_result(call, decide(call, policies), policies))
    return out


def missing_context(call: Request, policies: Iterable[Policy]) -> list[str]:
    """Context keys that statements for this action read, in conditions or variables, and that the request lacks."""
    spellings: dict[str, str] = {}
    for policy in policies:
        action = call.action.lower()
        for statement in (*policy.denying(action), *policy.allowing(action)):
            for condition in statement.conditions:
                for key in condition.needs:
                    spellings.setdefault(key, condition.key if key == condition.key.lower() else key)
            for pattern in statement.resources or ():
                for key in pattern.template.keys:
                    spellings.setdefault(key.lower(), key)
    return [spelling for key, spelling in sorted(spellings.items()) if key not in call.context]


def _result(call: Request, decision: Decision, policies: Policies) -> EvaluationResultTypeDef:
    grants = [*policies.identity, *([policies.resource] if policies.resource else [])]
    everything = [*grants, *([policies.boundary] if policies.boundary else [])]
    missing = missing_context(call, everything)
    matched = [_statement(match) for match in matching(call, grants) if _tells(match, decision)]
    result: EvaluationResultTypeDef = {
        "EvalActionName": call.action,
        "EvalResourceName": call.resource,
        "EvalDecision": _DECISIONS[decision.effect],
        "MatchedStatements": matched,
        "MissingContextValues": missing if call.resource == "*" else [],
    }
    if policies.boundary is not None:
        allows = any(m.statement.allow for m in matching(call, [policies.boundary])) and not any(
            not m.statement.allow for m in matching(call, [policies.boundary])
        )
        result["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": allows}
    if call.resource != "*":
        specific: ResourceSpecificResultTypeDef = {
            "EvalResourceName": call.resource,
            "EvalResourceDecision": _DECISIONS[decision.effect],
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


def _statement(match: Match) -> StatementTypeDef:
    span = match.policy.span(match.statement)
    return {
        "SourcePolicyId": match.policy.name,
        "SourcePolicyType": match.policy.source_type,
        "StartPosition": _position(span.start),
        "EndPosition": _position(span.end),
    }


def _position(position: Position) -> PositionTypeDef:
    return {"Line": position.line, "Column": position.column}
