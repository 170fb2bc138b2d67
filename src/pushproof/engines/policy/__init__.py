"""IAM policy evaluation: parse documents, decide requests, explain decisions.

>>> from pushproof.engines.policy import Policies, decide, parse, principal_of, request
>>> policy = parse({"Version": "2012-10-17", "Statement": [
...     {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::photos/*"}]}, name="read")
>>> alice = principal_of("arn:aws:iam::123456789012:user/alice")
>>> decide(request(alice, "s3:GetObject", "arn:aws:s3:::photos/cat.jpg"), Policies(identity=(policy,))).allowed
True
"""

from __future__ import annotations

from pushproof.engines.policy.document import Kind, Policy, SourceType, Statement
from pushproof.engines.policy.errors import PolicyError, Position
from pushproof.engines.policy.evaluation import (
    Decision,
    Effect,
    Levels,
    Match,
    Policies,
    Request,
    decide,
    matching,
    request,
)
from pushproof.engines.policy.parsing import parse
from pushproof.engines.policy.principals import ANONYMOUS, Principal, principal_of, service_principal
from pushproof.engines.policy.simulation import missing_context, simulate

__all__ = [
    "ANONYMOUS",
    "Decision",
    "Effect",
    "Kind",
    "Levels",
    "Match",
    "Policies",
    "Policy",
    "PolicyError",
    "Position",
    "Principal",
    "Request",
    "SourceType",
    "Statement",
    "decide",
    "matching",
    "missing_context",
    "parse",
    "principal_of",
    "request",
    "service_principal",
    "simulate",
]
