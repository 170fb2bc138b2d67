"""The evaluation as GetLifecyclePolicyPreview answers it.

Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetLifecyclePolicyPreview.html
"""

from __future__ import annotations

from typing import Any

from pushproof.engines.lifecycle.evaluate import Evaluation, Verdict
from pushproof.engines.lifecycle.model import ActionType


def preview_results(evaluation: Evaluation) -> list[dict[str, Any]]:
    """`previewResults`: the images acted on. `imagePushedAt` is in seconds of the caller's clock."""
    return [_result(verdict) for verdict in evaluation.acted]


def preview_summary(evaluation: Evaluation) -> dict[str, Any]:
    """`summary`; the counts of transitions are there only when there are any."""
    summary: dict[str, Any] = {"expiringImageTotalCount": len(evaluation.expiring)}
    moving = len(evaluation.transitioning)
    if moving:
        summary["transitioningImageTotalCounts"] = [{"targetStorageClass": "ARCHIVE", "imageTotalCount": moving}]
    return summary


def _result(verdict: Verdict) -> dict[str, Any]:
    image = verdict.image
    action = {"type": str(verdict.action).upper()}
    if verdict.action is ActionType.TRANSITION:
        action["targetStorageClass"] = "ARCHIVE"
    result: dict[str, Any] = {
        "imageDigest": image.digest,
        "imagePushedAt": image.pushed_at,
        "action": action,
        "appliedRulePriority": verdict.rule.priority if verdict.rule else None,
        "storageClass": image.storage_class.upper(),
    }
    if image.tags:
        result["imageTags"] = list(image.tags)
    return result
