"""Validation of policy documents, as AWS validates them before it stores them.

>>> from pushproof.engines.policy.validation import IDENTITY, examine
>>> examine('{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*"}}', IDENTITY).message
'Policy statement must contain resources.'
"""

from __future__ import annotations

from pushproof.engines.policy.validation.buckets import bucket_flaw, is_public
from pushproof.engines.policy.validation.flaws import Fault, Flaw
from pushproof.engines.policy.validation.reading import (
    Directory,
    Everyone,
    aws_principals,
    examine,
    principals_of,
    renamed,
)
from pushproof.engines.policy.validation.rules import (
    BUCKET,
    BUS,
    ENDPOINT,
    IDENTITY,
    KEY,
    LOGS,
    QUEUE,
    REGISTRY,
    REPOSITORY,
    SECRET,
    SESSION,
    TOPIC,
    TRUST,
    Rules,
)

__all__ = [
    "BUCKET",
    "BUS",
    "ENDPOINT",
    "IDENTITY",
    "KEY",
    "LOGS",
    "QUEUE",
    "REGISTRY",
    "REPOSITORY",
    "SECRET",
    "SESSION",
    "TOPIC",
    "TRUST",
    "Directory",
    "Everyone",
    "Fault",
    "Flaw",
    "Rules",
    "aws_principals",
    "bucket_flaw",
    "examine",
    "is_public",
    "principals_of",
    "renamed",
]
