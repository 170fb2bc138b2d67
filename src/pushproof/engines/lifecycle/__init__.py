"""ECR lifecycle policies: which images expire or move to archive storage, by which rule, and why.

`parse` turns a policy text into a `Policy` or raises `LifecyclePolicyError`; `evaluate` applies it to images.

Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
"""

from __future__ import annotations

from pushproof.engines.lifecycle.errors import LifecyclePolicyError, Position
from pushproof.engines.lifecycle.evaluate import Evaluation, Verdict, evaluate
from pushproof.engines.lifecycle.model import (
    DAY,
    ActionType,
    CountType,
    Image,
    LifecycleSettings,
    Policy,
    Rule,
    StorageClass,
    TagStatus,
)
from pushproof.engines.lifecycle.parse import parse
from pushproof.engines.lifecycle.preview import preview_results, preview_summary

__all__ = [
    "DAY",
    "ActionType",
    "CountType",
    "Evaluation",
    "Image",
    "LifecyclePolicyError",
    "LifecycleSettings",
    "Policy",
    "Position",
    "Rule",
    "StorageClass",
    "TagStatus",
    "Verdict",
    "evaluate",
    "parse",
    "preview_results",
    "preview_summary",
]
