"""SimulatePrincipalPolicy against `engines/policy`.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from pushproof.engines import policy as engine
from pushproof.sandbox.oracles.case import Case

if TYPE_CHECKING:
    from types_boto3_iam.client import IAMClient
    from types_boto3_iam.type_defs import ContextEntryTypeDef


@dataclass(frozen=True, slots=True)
class Question:
    """May a role perform an action on a resource, under these condition keys?"""

    action: str
    resource: str = "*"
    context: Mapping[str, str] = field(default_factory=dict)


def ask_permissions(iam: IAMClient, role_arn: str, questions: Iterable[Question]) -> list[Case]:
    """Get AWS's decision on each question (allowed, implicitDeny, explicitDeny), and the engine's from the role's policies."""
    documents = _documents(iam, role_arn.rpartition("/")[2])
    cases = []
    for question in questions:
        keys: list[ContextEntryTypeDef] = [
            {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
            for key, value in question.context.items()
        ]
        theirs = iam.simulate_principal_policy(
            PolicySourceArn=role_arn,
            ActionNames=[question.action],
            ResourceArns=[question.resource],
            ContextEntries=keys,
        )["EvaluationResults"][0]
        inquiry = {
            "role": role_arn,
            "policies": documents,
            "action": question.action,
            "resource": question.resource,
            "context": dict(question.context),
        }
        cases.append(Case("permissions", inquiry, theirs["EvalDecision"], answer(inquiry)))
    return cases


def answer(inquiry: Mapping[str, Any]) -> str:
    """Return the engine's decision on the question of a fixture."""
    identity = tuple(engine.parse(json.dumps(document), name=name) for name, document in inquiry["policies"].items())
    principal = engine.principal_of(inquiry["role"])
    decided = engine.simulate(
        engine.Policies(identity=identity), principal, [inquiry["action"]], [inquiry["resource"]], inquiry["context"]
    )
    return str(decided[0]["EvalDecision"])


def _documents(iam: IAMClient, role: str) -> dict[str, Any]:
    documents: dict[str, Any] = {}
    for page in iam.get_paginator("list_role_policies").paginate(RoleName=role):
        for name in page["PolicyNames"]:
            documents[name] = _decoded(iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])
    for listed in iam.get_paginator("list_attached_role_policies").paginate(RoleName=role):
        for attached in listed["AttachedPolicies"]:
            version = iam.get_policy(PolicyArn=attached["PolicyArn"])["Policy"]["DefaultVersionId"]
            version_document = iam.get_policy_version(PolicyArn=attached["PolicyArn"], VersionId=version)[
                "PolicyVersion"
            ]
            documents[attached["PolicyName"]] = _decoded(version_document["Document"])
    return documents


def _decoded(document: Any) -> Any:
    return json.loads(unquote(document)) if isinstance(document, str) else document
