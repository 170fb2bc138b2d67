"""ECR's lifecycle preview against `engines/lifecycle`.

Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/lpp_creation.html
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from pushproof.engines import lifecycle
from pushproof.sandbox.oracles.case import Case


def ask_lifecycle(
    ecr: Any, repository: str, policy: str, *, patience: float = 300.0, pause: Callable[[float], None] = time.sleep
) -> Case:
    """Which images a policy would expire, and by which rule. Raises TimeoutError when the preview does not end."""
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
    images = [
        lifecycle.Image(
            image["imageDigest"],
            image["imagePushedAt"].timestamp(),
            tuple(sorted(image.get("imageTags") or ())),
            pulled_at=image["lastRecordedPullTime"].timestamp() if image.get("lastRecordedPullTime") else None,
        )
        for page in ecr.get_paginator("describe_images").paginate(repositoryName=repository)
        for image in page["imageDetails"]
    ]
    now = time.time()
    ours = sorted(
        [verdict.image.digest, verdict.rule.priority if verdict.rule else None]
        for verdict in lifecycle.evaluate(lifecycle.parse(policy), images, now).acted
    )
    asked = {
        "policy": policy,
        "now": now,
        "images": [{"digest": i.digest, "pushed_at": i.pushed_at, "tags": list(i.tags)} for i in images],
    }
    return Case("lifecycle", asked, theirs, ours)
