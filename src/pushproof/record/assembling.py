"""A record out of what a run observed: pure, so that any run can be put together again in a test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pushproof.record import delivering, serving
from pushproof.record.cause import paragraph
from pushproof.record.model import (
    Finding,
    Kept,
    Moment,
    Mutation,
    Record,
    Refusal,
    Requests,
    Run,
    Skip,
    Step,
    SuiteTest,
    Verdict,
    Versions,
)
from pushproof.record.networks import networks
from pushproof.record.observing import Observations
from pushproof.record.redaction import Redactor
from pushproof.record.roles import roles
from pushproof.record.since import Since


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Account that a run gives of itself, beside what was observed of AWS."""

    run: Run
    versions: Versions
    passed: bool
    title: str
    error: str = ""
    steps: tuple[Step, ...] = ()
    moments: tuple[Moment, ...] = ()
    requests: tuple[Requests, ...] = ()
    findings: tuple[Finding, ...] = ()
    tests: tuple[SuiteTest, ...] = ()
    mutations: tuple[Mutation, ...] = ()
    kept: tuple[Kept, ...] = ()
    skipped: tuple[Skip, ...] = ()
    watched: bool = False
    began: float = 0.0
    secrets: tuple[str, ...] = field(default=(), repr=False)


def assemble(told: Told, seen: Observations) -> Record:
    """Return the record of a run, without secrets."""
    since = Since(told.began)
    executions = tuple(delivering.executions(seen.executions, seen.actions.values(), since))
    builds = tuple(delivering.builds(seen.builds, since))
    commits = serving.Commits((*(e.commit for e in executions), *_answered(told.requests)), seen.images)
    states = [*seen.task_states, *serving.states_in(seen.events)]
    tasks = tuple(serving.tasks(seen.tasks, states, seen.task_definitions, commits, since))
    record = Record(
        run=told.run,
        versions=told.versions,
        verdict=Verdict(passed=told.passed, title=told.title, why="", error=told.error),
        steps=told.steps,
        moments=tuple(sorted(told.moments, key=lambda moment: moment.at)),
        executions=executions,
        builds=builds,
        services=tuple(serving.services(seen.services, seen.task_definitions, tasks)),
        deployments=tuple(
            serving.deployments(seen.service_deployments, seen.service_revisions, seen.task_definitions, commits, since)
        ),
        tasks=tasks,
        targets=tuple(serving.target_states(seen.target_states, since)),
        counts=tuple(serving.counts(seen.counts, since)),
        requests=told.requests,
        service_events=tuple(serving.service_events(seen.service_events.values(), since)),
        events=tuple(serving.bus_events(seen.events, since)),
        findings=told.findings,
        tests=told.tests,
        mutations=told.mutations,
        networks=tuple(networks(seen.vpcs, seen.services)),
        roles=tuple(roles(seen.roles, seen.uses, watched=told.watched)),
        refusals=tuple(_refusals(seen.calls, since)),
        kept=told.kept,
        cached_builds=sum(build.cache not in ("NO_CACHE", "") for build in builds[1:]),
        skipped=(*told.skipped, *(Skip(what=what, why=why) for what, why in sorted(seen.unread.items()))),
        commits={execution.commit: execution.message for execution in executions if execution.commit},
    )
    names = set(_names(record))
    record = Redactor(secret for secret in told.secrets if secret not in names).record(record)
    return replace(record, verdict=replace(record.verdict, why=paragraph(record)))


def _names(record: Record) -> Iterator[str]:
    """Yield the names of what AWS showed: a variable that holds one is no secret, and without names a record says nothing."""
    for execution in record.executions:
        yield execution.pipeline
    for service in record.services:
        yield from (service.name, service.cluster)
    for task in record.tasks:
        yield from (task.task_definition.partition(":")[0], *(container.name for container in task.containers))
    yield from (role.name for role in record.roles)
    yield from (build.project for build in record.builds)


def _answered(requests: Iterable[Requests]) -> Iterator[str]:
    for during in requests:
        yield from during.commits


def _refusals(calls: Iterable[Mapping[str, Any]], since: Since) -> Iterator[Refusal]:
    """Yield the calls that were refused for want of a permission, counted by caller and operation."""
    counted: Counter[tuple[str, str, str]] = Counter()
    first: dict[tuple[str, str, str], float] = {}
    for call in calls:
        code = str(call["error"] or "")
        if code.startswith(("AccessDenied", "UnauthorizedOperation", "AuthorizationError", "NotAuthorized")):
            key = (str(call["call"]), str(call["principal"]), code)
            counted[key] += 1
            first.setdefault(key, since.sure(call["at"]))
    for key, count in counted.items():
        yield Refusal(at=first[key], call=key[0], principal=key[1], code=key[2], count=count)
