"""S3's demands on a bucket policy beyond its grammar, and its definition of public policies.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status
and the answers that S3 was recorded giving to PutBucketPolicy.
"""

from __future__ import annotations

import ipaddress

from pushproof.engines.policy.conditions import Comparison, Quantifier
from pushproof.engines.policy.document import Policy, Statement
from pushproof.engines.policy.validation.flaws import Fault, Flaw
from pushproof.engines.policy.validation.s3_actions import BUCKET, KEYS, OBJECT
from pushproof.engines.policy.wildcards import encode, glob

_NAMES = {name.lower(): name for name in (*BUCKET, *OBJECT)}
# Keys for the origin or the caller of a request: a fixed value of one of them makes a policy non-public.
_CONFINING = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceorgid",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "aws:vpcsourceip",
        "kms:calleraccount",
        "s3:dataaccesspointaccount",
        "s3:dataaccesspointarn",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
    }
)
_BROADEST = {4: 8, 6: 32}


def bucket_flaw(policy: Policy, bucket: str) -> Flaw | None:
    """Return the faults that S3 would find in a policy on this bucket."""
    for statement in policy.statements:
        flaw = _resources(statement, bucket) or _actions(statement)
        if flaw is not None:
            return flaw
    return None


def _resources(statement: Statement, bucket: str) -> Flaw | None:
    for pattern in statement.resources or ():
        fields = pattern.template.written.split(":", 5)
        name = fields[5].split("/", 1)[0] if len(fields) == 6 else ""
        if fields[0] != "arn" or len(fields) < 6 or fields[2] != "s3" or not _may_be(name, bucket):
            return Flaw(Fault.RESOURCE, "Policy has invalid resource")
    return None


def _may_be(pattern: str, bucket: str) -> bool:
    return "${" in pattern or glob(encode(pattern))(bucket)


def _actions(statement: Statement) -> Flaw | None:
    if statement.not_action:
        return None
    possible = _possible(statement)
    for written in statement.actions:
        vendor, _, pattern = written.lower().rpartition(":")
        matches = glob(encode(pattern))
        names = {name for lowered, name in _NAMES.items() if matches(lowered)} if vendor in ("s3", "") else set()
        if not names:
            return Flaw(Fault.ACTION, "Policy has invalid action")
        if not names & possible:
            return Flaw(Fault.RESOURCE, "Action does not apply to any resource(s) in statement")
        for condition in statement.conditions:
            carriers = KEYS.get(condition.key.lower())
            if carriers is not None and not names & possible & carriers:
                words = "Conditions do not apply to combination of actions and resources in statement"
                return Flaw(Fault.CONDITION, words)
    return None


def _possible(statement: Statement) -> frozenset[str]:
    """The actions that fit the statement's resources: the bucket, its objects, or both."""
    if statement.resources is None or statement.not_resource:
        return BUCKET | OBJECT
    names = [pattern.template.written.split(":", 5)[5] for pattern in statement.resources]
    objects = any("/" in name or "*" in name or "${" in name for name in names)
    buckets = any("/" not in name for name in names)
    return (BUCKET if buckets else frozenset()) | (OBJECT if objects else frozenset())


def is_public(policy: Policy) -> bool:
    """Return whether a policy is public, by S3's definition."""
    return any(_lets_anyone_in(statement) for statement in policy.statements)


def _lets_anyone_in(statement: Statement) -> bool:
    if not statement.allow or statement.principals is None:
        return False
    if not statement.principals.everyone and not statement.not_principal:
        return False
    return not any(_confines(condition) for condition in statement.conditions if isinstance(condition, Comparison))


def _confines(condition: Comparison) -> bool:
    """Return whether a condition limits requests to fixed values of their origin."""
    if condition.operator.negated or condition.if_exists or condition.quantifier is Quantifier.ALL:
        return False
    values = [value.written for value in condition.values]
    if condition.lowered == "aws:sourceip":
        return all(_narrow(value) for value in values)
    wild = any("*" in value or "?" in value or "${" in value for value in values)
    return condition.lowered in _CONFINING and bool(values) and not wild


def _narrow(cidr: str) -> bool:
    try:
        network = ipaddress.ip_network(cidr.strip(), strict=False)
    except ValueError:
        return False
    return network.prefixlen >= _BROADEST[network.version]
