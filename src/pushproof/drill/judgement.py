"""Judgement of what serves: images, revisions, and the answers that users got meanwhile."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager

from pushproof.drill.badinput import BadInput
from pushproof.drill.context import Context
from pushproof.drill.evidence import Deployed
from pushproof.drill.faultplan import Tolerance
from pushproof.drill.observation import Serving
from pushproof.drill.prober import Prober, ProbeReport, is_commit
from pushproof.drill.settings import ProofFailed

FEWEST_REQUESTS = 50
#: Seconds of the machine's own delay that are worth a word.
_NOTABLE = 1.0


def images(context: Context) -> dict[str, tuple[str, ...]]:
    """Return the images of the repository: digest -> tags."""
    pages = context.target.client("ecr").get_paginator("describe_images")
    return {
        image["imageDigest"]: tuple(image.get("imageTags", ()))
        for page in pages.paginate(repositoryName=context.delivery.repository)
        for image in page["imageDetails"]
    }


def pushed_for(commit: str, before: dict[str, tuple[str, ...]], now: dict[str, tuple[str, ...]]) -> set[str]:
    """Return the digests that were pushed for a commit: those with a tag that has its seven characters, else those that are new.

    `before` and `now` are the repository's images before and after the push.
    """
    tagged = {digest for digest, tags in now.items() if any(commit[:7] in tag for tag in tags)}
    return tagged or {
        digest for digest, tags in now.items() if set(tags) - set(before.get(digest, ())) or digest not in before
    }


def claim_serving(
    context: Context, commit: str, before: dict[str, tuple[str, ...]], *, earlier: tuple[str, ...] = ()
) -> Serving:
    """Claim that the running tasks have exactly the image that was pushed for a commit. Raises ProofFailed.

    `earlier`: the digests of the push before, which a reproducible build makes again.
    """
    serving = context.observer.serving()
    pushed = pushed_for(commit, before, images(context)) or set(earlier)
    repository = context.delivery.repository
    if not pushed:
        raise ProofFailed(
            f"no image came to {repository} with the push of {commit[:7]}: none carries a tag with {commit[:7]}, and none is new"
        )
    if not serving.digests <= pushed or not serving.digests:
        raise ProofFailed(f"{serving} serves; expected the image of {commit[:7]}, {', '.join(sorted(pushed))}")
    context.narrator.claim(f"{serving} serves: the image that was pushed for {commit[:7]}")
    return serving


@contextmanager
def probing(context: Context) -> Iterator[ProbeReport]:
    """Send requests meanwhile, where there is a load balancer; the report is whole at the end."""
    if not context.deployed().asking.path:
        yield ProbeReport()
        return
    with Prober(context.front()) as prober:
        yield prober.report


def judge_requests(context: Context, report: ProbeReport, allowed: set[str]) -> None:
    """Claim that no request failed or waited, and that only the allowed commits answered. Raises ProofFailed."""
    asking = context.deployed().asking
    if not asking.path:
        context.narrator.claim("no load balancer, so no requests: the tasks that run are judged alone")
        return
    bounds = context.settings.bounds
    borne = context.plan.tolerance()
    failed = [answer for answer in report.failed if not borne.covers(answer.at)]
    if failed:
        first = failed[0]
        after = f", beyond {borne}" if borne.windows else ""
        raise ProofFailed(
            f"{len(failed)} of {report.sent} requests failed{after}; the first: {first.status or first.error}"
        )
    strangers = report.strangers(allowed) if asking.tells else {}
    if strangers:
        raise ProofFailed(f"commits answered that should not have: {strangers}")
    if report.sent < FEWEST_REQUESTS:
        raise ProofFailed(f"only {report.sent} requests were sent: that proves nothing")
    if slowest_of(report, borne) > bounds.slowest + report.stall + borne.slower:
        raise ProofFailed(
            f"a request took {report.slowest:.1f} s; at most {bounds.slowest:g} s are allowed ([drill.probe] slowest)"
        )
    if report.longest_gap > bounds.longest_gap + report.stall + borne.gap + borne.slower:
        raise ProofFailed(
            f"no request was answered for {report.longest_gap:.1f} s; at most {bounds.longest_gap:g} s are allowed "
            "([drill.probe] longest-gap)"
        )
    answered = ", ".join(sorted(commit[:7] for commit in report.commits)) if asking.tells else asking.path
    if report.stall > _NOTABLE:
        context.narrator.claim(f"this machine held the prober up for {report.stall:.1f} s: bounds are that much wider")
    if report.reopened:
        context.narrator.claim(
            f"a kept connection ended with its target {report.reopened} times, and its request was sent on another one: a "
            "Network Load Balancer passes connections on"
        )
    context.narrator.claim(
        f"{report.sent} requests sent meanwhile, {_failures(report, borne)}, the slowest {report.slowest:.2f} s, "
        f"the longest gap {report.longest_gap:.2f} s, answered by {answered}"
    )


def slowest_of(report: ProbeReport, borne: Tolerance) -> float:
    """Return the seconds of the slowest answer, without failures that a fault explains."""
    if not borne.windows:
        return report.slowest
    return max((answer.seconds for answer in report.answers if answer.good or not borne.covers(answer.at)), default=0.0)


def _failures(report: ProbeReport, borne: Tolerance) -> str:
    if not report.failed:
        return "0 failed"
    times = [answer.at for answer in report.failed]
    begun = min(window.begun for window in borne.windows)
    return f"{len(times)} failed, all within {max(times) - begun:.1f} s (health checks and DNS explain {borne})"


def require_still_serving(context: Context, deployed: Deployed) -> None:
    """Make sure, in a resumed drill, that the evidence still holds: the deployed revision serves, and no rollout goes on.

    Raises BadInput that names the step to begin with instead.
    """
    if not context.resumed:
        return
    serves = True
    if deployed.asking.tells:
        try:
            version = context.front().version()
        except (OSError, http.client.HTTPException) as error:
            version = f"nothing ({type(error).__name__})"
        serves = is_commit(version, deployed.commit)
    else:
        version = str(context.observer.serving())
        serves = context.observer.serving().task_definitions == frozenset(deployed.task_definitions)
    deployments = context.observer.service()["deployments"]
    if not serves or len(deployments) != 1:
        rollout = f", and {len(deployments)} deployments are on their way" if len(deployments) != 1 else ""
        raise BadInput(
            f"{version[:40]} answers now{rollout}; the evidence says that {deployed.commit[:7]} serves. "
            "Begin with --from first-deployment"
        )
