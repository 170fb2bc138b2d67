"""Selection of the resources that a sweep may remove. Pure: resources, recorded runs and the time in; a selection out.

A resource belongs to a run by its tag; without that tag, by the run id in its name; without that, because it is part of something
that belongs to the run (a network interface in a run's VPC); last, because the run's journal announced a resource of its type and
name and it is no older than the run. A tag of another run overrides all of these: the resource belongs to that run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pushproof.sandbox.naming import RUN_TAG, expiry, run_of_name
from pushproof.sandbox.sweep.resource import Resource

# Terraform types by kind, for the names that the run's journal announced.
ANNOUNCED = {
    "aws_acm_certificate": "acm certificate",
    "aws_cloudwatch_event_api_destination": "events api-destination",
    "aws_cloudwatch_event_connection": "events connection",
    "aws_cloudwatch_event_rule": "events rule",
    "aws_cloudwatch_log_group": "logs log-group",
    "aws_codebuild_project": "codebuild project",
    "aws_codebuild_report_group": "codebuild report-group",
    "aws_codepipeline": "codepipeline pipeline",
    "aws_codestarconnections_connection": "codestar-connections connection",
    "aws_dynamodb_table": "dynamodb table",
    "aws_ecr_repository": "ecr repository",
    "aws_ecs_cluster": "ecs cluster",
    "aws_iam_instance_profile": "iam instance-profile",
    "aws_iam_policy": "iam policy",
    "aws_iam_role": "iam role",
    "aws_kms_alias": "kms alias",
    "aws_lb": "elbv2 load-balancer",
    "aws_lb_target_group": "elbv2 target-group",
    "aws_s3_bucket": "s3 bucket",
    "aws_secretsmanager_secret": "secretsmanager secret",
    "aws_sns_topic": "sns topic",
    "aws_sqs_queue": "sqs queue",
}
_GOES_ALONG = frozenset(
    {"ec2 network-insights-analysis", "ec2 network-interface", "ecs service", "ecs task", "kms alias"}
)


@dataclass(frozen=True, slots=True)
class KnownRun:
    """A run on record. `ended`: its process has ended, according to this machine's journal (None: the journal lacks the run).

    `announced`: (kind, name) of the resources that its plans were about to create.
    """

    id: str
    expires_at: float | None = None
    opened_at: float | None = None
    ended: bool | None = None
    announced: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class SweepScope:
    """The scope of a sweep: one run by its id, or the expired ones only, or (neither) those that ended or expired."""

    run: str | None = None
    expired_only: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """A run's resource that the sweep leaves alone, with the reason."""

    resource: Resource
    run: str
    why: str


@dataclass(frozen=True, slots=True)
class Selection:
    """The resources that a sweep removes (each with its run), and the resources of runs that it leaves."""

    removable: tuple[tuple[Resource, str], ...] = ()
    kept: tuple[Kept, ...] = ()
    runs: Mapping[str, KnownRun] = field(default_factory=dict)


def run_of(
    resource: Resource, by_key: Mapping[tuple[str, str], Resource], journal: Sequence[KnownRun] = ()
) -> str | None:
    """Return the run that a resource belongs to; None if Pushproof cannot tell that it belongs to any run."""
    if RUN_TAG in resource.tags:
        return resource.tags[RUN_TAG]
    by_name = run_of_name(resource.name)
    if by_name is not None:
        return by_name
    # Only what AWS or a service puts there by itself: a subnet that a person created in a run's VPC is not the run's.
    whole = by_key.get(resource.part_of) if resource.part_of and resource.kind in _GOES_ALONG else None
    if whole is not None and whole is not resource:
        return run_of(whole, by_key, journal)
    for run in journal:
        if (
            (resource.kind, resource.name) in run.announced
            and run.opened_at is not None
            and resource.created_at is not None
            # Clocks differ. A resource that existed long before the run is another one of the same name.
            and resource.created_at >= run.opened_at - 5
        ):
            return run.id
    return None


def choose(resources: Iterable[Resource], journal: Iterable[KnownRun], scope: SweepScope, *, now: float) -> Selection:
    """Select the resources to remove. `now` in seconds since the epoch."""
    everything = list(resources)
    by_id = {run.id: run for run in journal}
    by_key = {(f.kind, f.id): f for f in everything}
    owned = [(f, run) for f in everything if (run := run_of(f, by_key, list(by_id.values()))) is not None]
    expiries: dict[str, float] = {}
    for item, run in owned:
        at = expiry(item.tags) if item.tags.get(RUN_TAG) == run else None
        if at is not None:
            expiries[run] = max(at, expiries.get(run, 0.0))
    runs = {
        run: KnownRun(
            id=run,
            expires_at=_latest(expiries.get(run), by_id[run].expires_at if run in by_id else None),
            opened_at=by_id[run].opened_at if run in by_id else None,
            ended=by_id[run].ended if run in by_id else None,
            announced=by_id[run].announced if run in by_id else frozenset(),
        )
        for run in {run for _, run in owned} | set(by_id)
    }
    doomed: list[tuple[Resource, str]] = []
    spared: list[Kept] = []
    for item, run in owned:
        why = _why_not(runs[run], scope, now)
        if why is None:
            doomed.append((item, run))
        else:
            spared.append(Kept(item, run, why))
    return Selection(tuple(doomed), tuple(spared), runs)


def _why_not(run: KnownRun, scope: SweepScope, now: float) -> str | None:
    if scope.run is not None:
        if run.id != scope.run:
            return "another run"
        return "its process still runs on this machine; stop it first" if run.ended is False else None
    if run.ended is False:
        return "its process still runs on this machine"
    expired = run.expires_at is not None and run.expires_at <= now
    if expired:
        return None
    if scope.expired_only:
        return "not expired" if run.expires_at is not None else "it has no expiry; remove it with --run"
    if run.ended:
        return None
    if run.expires_at is None:
        return "only its name points to a run, and no journal has that run; remove it with --run"
    return "may still be running on another machine until it expires; remove it with --run"


def _latest(*times: float | None) -> float | None:
    instants = [t for t in times if t is not None]
    return max(instants) if instants else None
