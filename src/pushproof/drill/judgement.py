"""Judgement of what serves: images, revisions, and the answers that users got meanwhile."""

from __future__ import annotations

import http.client
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

from pushproof.drill.badinput import BadInput
from pushproof.drill.context import Context
from pushproof.drill.evidence import Deployed, Switched
from pushproof.drill.faultplan import Tolerance
from pushproof.drill.observation import Serving, wait_for
from pushproof.drill.prober import Prober, ProbeReport, is_commit
from pushproof.drill.settings import ProofFailed
from pushproof.drill.shifting.shares import Weights, WeightWatch, require_shares, shares

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


@contextmanager
def watching(context: Context) -> Iterator[Weights]:
    """Follow the traffic's weights meanwhile, where deployments shift traffic; they are whole at the end."""
    if context.delivery.guard.strategy == "rolling" or not context.deployed().asking.path:
        yield Weights()
        return
    rollouts = context.rollouts
    earlier = rollouts.newest()
    watch = WeightWatch(
        lambda: rollouts.weight(earlier), interval=min(2.0, max(0.1, context.target.clock.real_delay(3.0)))
    )
    with watch:
        yield watch.weights


def judge_shares(context: Context, report: ProbeReport, weights: Weights, commit: str) -> None:
    """Claim that the new revision got the share of the requests that each step gave it. Raises ProofFailed."""
    asking = context.deployed().asking
    if not asking.path:
        return
    claim_course(context, weights)
    if asking.tells:
        split = shares(report.answers, weights, lambda answer: is_commit(answer.commit or "", commit))
        require_shares(split)
        context.narrator.claim(f"the load balancer gave the new revision its share: {'; '.join(map(str, split))}")


def claim_course(context: Context, weights: Weights) -> None:
    """Claim the steps in which the traffic moved."""
    course = " → ".join(f"{weight:g} %" for weight in weights.course)
    context.narrator.claim(f"traffic of the new revision by {context.delivery.guard.strategy}: {course}")


def judge_broken_share(
    context: Context, report: ProbeReport, weights: Weights, allowed: set[str], before: Mapping[str, int] | None
) -> None:
    """Claim that users met the broken revision only as far as the strategy lets it have requests. Raises ProofFailed.

    `before`: the errors that the load balancer had counted by target group.
    """
    asking = context.deployed().asking
    if not asking.path:
        judge_requests(context, report, allowed)
        return
    own = [answer for answer in report.failed if not answer.broken]
    if own:
        raise ProofFailed(
            f"{len(own)} of {report.sent} requests failed that the broken revision did not answer; the first: "
            f"{own[0].status or own[0].error}"
        )
    require_telling(report, allowed if asking.tells else None)
    strategy, failed = context.delivery.guard.strategy, len(report.failed)
    if not failed:
        raise ProofFailed("the broken revision answered no request: the alarm was not what stopped it")
    if strategy != "rolling":
        claim_course(context, weights)
        require_shares(split := shares(report.answers, weights, lambda answer: answer.broken))
        context.narrator.claim(f"errors stayed within the share of the broken revision: {'; '.join(map(str, split))}")
        if before:
            _claim_counted(context, before)
    context.narrator.claim(
        f"{report.sent} requests sent meanwhile, {failed} of them ({100.0 * failed / report.sent:.1f} %) answered by the broken "
        f"revision, 0 others failed: {_steps(context)}"
    )


def _steps(context: Context) -> str:
    guard = context.delivery.guard
    if guard.strategy == "rolling":
        return "as tasks were replaced"
    return guard.steps or context.settings.shift.steps


def group_counts(context: Context) -> dict[str, int]:
    """Return the 5xx answers of each of the service's two target groups, as the load balancer has counted them; {} without two.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
    """
    switched = context.record.latest(Switched)
    pair = context.rollouts.groups()
    if not pair and switched is not None and switched.alternate:
        pair = (switched.group, switched.alternate)
    if not pair:
        return {}
    client, clock = context.target.client, context.target.clock
    found = client("elbv2").describe_target_groups(TargetGroupArns=list(pair))["TargetGroups"]
    balancers = [arn for group in found for arn in group["LoadBalancerArns"]]
    now = clock.stamp(clock.now())
    counts = {}
    for arn in pair:
        dimensions = [
            {"Name": "LoadBalancer", "Value": balancers[0].partition(":loadbalancer/")[2]},
            {"Name": "TargetGroup", "Value": arn.rsplit(":", 1)[-1]},
        ]
        points = client("cloudwatch").get_metric_statistics(
            Namespace="AWS/ApplicationELB",
            MetricName="HTTPCode_Target_5XX_Count",
            Dimensions=dimensions,
            StartTime=now - timedelta(hours=3),
            EndTime=now + timedelta(minutes=1),
            Period=60,
            Statistics=["Sum"],
        )["Datapoints"]
        counts[arn] = int(sum(point["Sum"] for point in points))
    return counts


def _claim_counted(context: Context, before: Mapping[str, int]) -> None:
    """Claim that the load balancer counted errors in the target group of the broken revision alone. Raises ProofFailed."""

    def counted() -> dict[str, int] | None:
        now = group_counts(context)
        more = {arn: now[arn] - before.get(arn, 0) for arn in now}
        return more if any(more.values()) else None

    more = wait_for(counted, what="the load balancer's count of errors", clock=context.target.clock, within=600.0)
    erring = {arn.rsplit("/", 2)[-2]: count for arn, count in more.items() if count}
    if len(erring) != 1:
        raise ProofFailed(f"the load balancer counted errors in both target groups: {erring}")
    ((name, count),) = erring.items()
    context.narrator.claim(f"the load balancer counted {count} errors in target group {name}, and 0 in the other")


def require_telling(report: ProbeReport, allowed: set[str] | None) -> None:
    """Require that requests prove something: enough of them, answered by the allowed commits if answers name one.

    Raises ProofFailed.
    """
    strangers = report.strangers(allowed) if allowed is not None else {}
    if strangers:
        raise ProofFailed(f"commits answered that should not have: {strangers}")
    if report.sent < FEWEST_REQUESTS:
        raise ProofFailed(f"only {report.sent} requests were sent: that proves nothing")


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
    require_telling(report, allowed if asking.tells else None)
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
    underway = context.rollouts.underway()
    if not serves or underway != 1:
        rollout = f", and {underway} deployments are on their way" if underway != 1 else ""
        raise BadInput(
            f"{version[:40]} answers now{rollout}; the evidence says that {deployed.commit[:7]} serves. "
            "Begin with --from first-deployment"
        )
