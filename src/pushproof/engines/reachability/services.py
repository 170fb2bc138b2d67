"""Names of AWS services in VPC endpoints, and the plain reading of an endpoint policy.

https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterable, Mapping
from typing import Any

from pushproof.engines.reachability.resources import Document
from pushproof.engines.reachability.space import Block, NetworkModelError

# Host names that do not follow <service>.<region>.amazonaws.com.
_HOSTS = {
    "ecr.api": "api.ecr.{region}.amazonaws.com",
    "ecr.dkr": "<account>.dkr.ecr.{region}.amazonaws.com",
    "execute-api": "<api>.execute-api.{region}.amazonaws.com",
}

# IAM prefixes that are not the first word of the endpoint's name.
_PREFIXES = {"email-smtp": "ses", "ecs-agent": "ecs", "ecs-telemetry": "ecs"}

# A public address of AWS services for when their prefix list is not known. It is from the ranges
# that AWS publishes (https://docs.aws.amazon.com/vpc/latest/userguide/aws-ip-ranges.html).
AWS_ADDRESS = Block.parse("52.94.5.17")


def host_of(service: str, region: str) -> str:
    """The host name of a service: ``api.ecr.eu-west-1.amazonaws.com`` for ``ecr.api``."""
    return _HOSTS.get(service, "{service}.{region}.amazonaws.com").format(service=service, region=region)


def action_prefix(service: str) -> str:
    """The IAM prefix of a service's actions: ``ecr`` for ``ecr.dkr``."""
    word = service.partition(".")[0]
    return _PREFIXES.get(service, _PREFIXES.get(word, word))


def layer_bucket(region: str) -> str:
    """ARN of the objects of the bucket in which ECR keeps image layers.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html#ecr-minimum-s3-perms
    """
    return f"arn:aws:s3:::prod-{region}-starport-layer-bucket/*"


def task_calls(service: str, region: str) -> tuple[tuple[str, str], ...]:
    """The (action, resource) pairs by which a Fargate task uses a service before its containers run; none if unknown.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html
    """
    return {
        "ecr.api": (("ecr:GetAuthorizationToken", "*"),),
        "ecr.dkr": (("ecr:BatchGetImage", "*"), ("ecr:GetDownloadUrlForLayer", "*")),
        "s3": (("s3:GetObject", layer_bucket(region)),),
        "logs": (("logs:CreateLogStream", "*"), ("logs:PutLogEvents", "*")),
        "secretsmanager": (("secretsmanager:GetSecretValue", "*"),),
        "ssm": (("ssm:GetParameters", "*"),),
    }.get(service, ())


def plainly_allows(document: Document, action: str, resource: str) -> bool:
    """Return whether an endpoint policy allows a call for every caller, read without conditions.

    An Allow under a Condition, or for named principals, does not count; a Deny counts even under a Condition. The result
    errs on the strict side. For an exact one, set `Circumstances.policy_allows` to an evaluator for the caller.

    Raises:
        NetworkModelError: the document is no JSON object.
    """
    try:
        parsed = json.loads(document) if isinstance(document, str) else document
    except ValueError as problem:
        raise NetworkModelError(f"an endpoint policy is not JSON ({problem}): {str(document)[:80]!r}") from problem
    if not isinstance(parsed, Mapping):
        raise NetworkModelError(f"an endpoint policy is no JSON object but {parsed!r}")
    statements = parsed.get("Statement", ())
    if isinstance(statements, Mapping):
        statements = (statements,)
    allowed = False
    for statement in statements:
        if not _speaks_of(statement, action, resource):
            continue
        if statement.get("Effect") == "Deny":
            return False
        allowed = allowed or (not statement.get("Condition") and _everyone(statement.get("Principal", "*")))
    return allowed


def _everyone(principal: Any) -> bool:
    if isinstance(principal, Mapping):
        return any("*" in _several(value) for value in principal.values())
    return bool(principal == "*")


def _speaks_of(statement: Mapping[str, Any], action: str, resource: str) -> bool:
    if "NotAction" in statement:
        actions = not _any_matches(statement["NotAction"], action.lower(), lower=True)
    else:
        actions = _any_matches(statement.get("Action", ()), action.lower(), lower=True)
    if "NotResource" in statement:
        resources = not _any_matches(statement["NotResource"], resource)
    else:
        resources = _any_matches(statement.get("Resource", ()), resource)
    return actions and resources


def _any_matches(patterns: Any, value: str, *, lower: bool = False) -> bool:
    return any(
        fnmatch.fnmatchcase(value, (pattern.lower() if lower else pattern).replace("[", "[[]"))
        for pattern in _several(patterns)
    )


def _several(value: Any) -> Iterable[str]:
    return (value,) if isinstance(value, str) else tuple(value)
