"""ECR's lifecycle preview against `engines/lifecycle`.

Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/lpp_creation.html
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from pushproof.engines import lifecycle
from pushproof.sandbox.oracles.case import Case


def ask_lifecycle(
    ecr: Any, repository: str, policy: str, *, patience: float = 300.0, pause: Callable[[float], None] = time.sleep
) -> Case:
    """Get AWS's preview of the images that a policy would expire, each with its rule.

    Raises TimeoutError when the preview does not end.
    """
    ecr.start_lifecycle_policy_preview(repositoryName=repository, lifecyclePolicyText=policy)
    waited = 0.0
    while (first := ecr.get_lifecycle_policy_preview(repositoryName=repository))["status"] == "IN_PROGRESS":
        if waited >= patience:
            raise TimeoutError(
                f"the lifecycle preview of {repository} is in progress after {patience:.0f} s; try again"
            )
        pause(2.0)
        waited += 2.0
    if first["status"] != "COMPLETE":
        raise RuntimeError(f"the lifecycle preview of {repository} ended as {first['status']}; expected COMPLETE")
    pages = ecr.get_paginator("get_lifecycle_policy_preview").paginate(repositoryName=repository)
    theirs = sorted(
        [r["imageDigest"], r["appliedRulePriority"]] for page in pages for r in page.get("previewResults") or []
    )
    question = {
        "policy": policy,
        "now": time.time(),
        "images": [
            _image(image)
            for page in ecr.get_paginator("describe_images").paginate(repositoryName=repository)
            for image in page["imageDetails"]
        ],
    }
    return Case("lifecycle", question, theirs, answer(question))


def answer(question: Mapping[str, Any]) -> list[list[Any]]:
    """Return the engine's answer to the question of a fixture: `[digest, priority of the rule]`, sorted."""
    images = [
        lifecycle.Image(
            image["digest"],
            image["pushed_at"],
            tuple(image["tags"]),
            lifecycle.StorageClass(image.get("storage_class", "standard")),
            image.get("pulled_at"),
            image.get("archived_at"),
            image.get("activated_at"),
            subject=image.get("subject"),
        )
        for image in question["images"]
    ]
    acted = lifecycle.evaluate(lifecycle.parse(question["policy"]), images, question["now"]).acted
    return sorted([verdict.image.digest, verdict.rule.priority if verdict.rule else None] for verdict in acted)


def _image(detail: Mapping[str, Any]) -> dict[str, Any]:
    times = {"pulled_at": "lastRecordedPullTime", "archived_at": "lastArchivedAt", "activated_at": "lastActivatedAt"}
    fields: dict[str, Any] = {
        "digest": detail["imageDigest"],
        "pushed_at": detail["imagePushedAt"].timestamp(),
        "tags": sorted(detail.get("imageTags") or ()),
        **{name: detail[key].timestamp() for name, key in times.items() if detail.get(key)},
    }
    if detail.get("subjectManifestDigest"):
        fields["subject"] = detail["subjectManifestDigest"]
    if detail.get("imageStatus") == "ARCHIVED":
        fields["storage_class"] = "archive"
    return fields
