"""The evaluation as GetLifecyclePolicyPreview answers it.

Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetLifecyclePolicyPreview.html
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from pushproof.engines.lifecycle.evaluate import Evaluation, Verdict
from pushproof.engines.lifecycle.model import ActionType, StorageClass

if TYPE_CHECKING:
    from types_boto3_ecr.type_defs import (
        LifecyclePolicyPreviewResultTypeDef,
        LifecyclePolicyPreviewSummaryTypeDef,
        LifecyclePolicyRuleActionTypeDef,
    )


def preview_results(
    evaluation: Evaluation, stamp: Callable[[float], datetime]
) -> list[LifecyclePolicyPreviewResultTypeDef]:
    """`previewResults`: the images acted on. `stamp` makes a date of seconds of the caller's clock."""
    return [_result(verdict, stamp) for verdict in evaluation.acted]


def preview_summary(evaluation: Evaluation) -> LifecyclePolicyPreviewSummaryTypeDef:
    """`summary`; counts of transitions appear only if there are transitions."""
    summary: LifecyclePolicyPreviewSummaryTypeDef = {"expiringImageTotalCount": len(evaluation.expiring)}
    moving = len(evaluation.transitioning)
    if moving:
        summary["transitioningImageTotalCounts"] = [{"targetStorageClass": "ARCHIVE", "imageTotalCount": moving}]
    return summary


def _result(verdict: Verdict, stamp: Callable[[float], datetime]) -> LifecyclePolicyPreviewResultTypeDef:
    image = verdict.image
    action: LifecyclePolicyRuleActionTypeDef = {"type": "EXPIRE"}
    if verdict.action is ActionType.TRANSITION:
        action = {"type": "TRANSITION", "targetStorageClass": "ARCHIVE"}
    result: LifecyclePolicyPreviewResultTypeDef = {
        "imageDigest": image.digest,
        "imagePushedAt": stamp(image.pushed_at),
        "action": action,
        "storageClass": "ARCHIVE" if image.storage_class is StorageClass.ARCHIVE else "STANDARD",
    }
    if verdict.rule is not None:
        result["appliedRulePriority"] = verdict.rule.priority
    if image.tags:
        result["imageTags"] = list(image.tags)
    return result
