"""Judgement of what serves: images, revisions, and the answers that users got meanwhile."""

from __future__ import annotations

import http.client

from pushproof.drill.context import Context
from pushproof.drill.evidence import Deployed
from pushproof.drill.observation import Serving
from pushproof.drill.prober import ProbeReport
from pushproof.drill.settings import BadInput, ProofFailed

FEWEST_REQUESTS = 50


def claim_serving(context: Context, commit: str) -> Serving:
    """Claim that the running tasks have exactly the image that was pushed for a commit. Raises ProofFailed."""
    serving = context.observer.serving()
    repository = context.outputs.repository_name
    images = context.target.client("ecr").describe_images(repositoryName=repository)["imageDetails"]
    pushed = {image["imageDigest"] for image in images if any(commit[:7] in tag for tag in image.get("imageTags", []))}
    if not pushed:
        raise ProofFailed(f"no image in {repository} carries a tag with {commit[:7]}")
    if serving.digests != pushed:
        raise ProofFailed(f"{serving} serves; expected the image of {commit[:7]}, {', '.join(pushed)}")
    context.narrator.claim(f"{serving} serves: the image that was pushed for {commit[:7]}")
    return serving


def judge_requests(context: Context, report: ProbeReport, allowed: set[str]) -> None:
    """Claim that no request failed and that only the allowed commits answered. Raises ProofFailed."""
    if report.failed:
        first = report.failed[0]
        raise ProofFailed(
            f"{len(report.failed)} of {report.sent} requests failed; the first: {first.status or first.error}"
        )
    strangers = report.strangers(allowed)
    if strangers:
        raise ProofFailed(f"commits answered that should not have: {strangers}")
    if report.sent < FEWEST_REQUESTS:
        raise ProofFailed(f"only {report.sent} requests were sent: that proves nothing")
    answered = ", ".join(sorted(commit[:7] for commit in report.commits))
    context.narrator.claim(f"{report.sent} requests sent meanwhile, 0 failed, answered by {answered}")


def require_still_serving(context: Context, deployed: Deployed) -> None:
    """Make sure, in a resumed drill, that the evidence still holds: the deployed commit answers, and no rollout goes on.

    Raises BadInput that names the step to begin with instead.
    """
    if not context.resumed:
        return
    try:
        version = context.front().version()
    except (OSError, http.client.HTTPException) as error:
        version = f"nothing ({type(error).__name__})"
    deployments = context.observer.service()["deployments"]
    if version != deployed.commit or len(deployments) != 1:
        rollout = f", and {len(deployments)} deployments are on their way" if len(deployments) != 1 else ""
        raise BadInput(
            f"{version[:40]} answers now{rollout}; the evidence says that {deployed.commit[:7]} serves. "
            "Begin with --from first-deployment"
        )
