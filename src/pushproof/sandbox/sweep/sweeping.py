"""Rounds of listing and removing, until a round lists nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from pushproof.sandbox.naming import RUN_TAG, run_of_name
from pushproof.sandbox.sweep.belonging import KnownRun, Selection, SweepScope, choose
from pushproof.sandbox.sweep.kinds import KINDS
from pushproof.sandbox.sweep.resource import Account, Kind, Resource, StillGoing

Listener = Callable[[str], None]


@dataclass(slots=True)
class Outcome:
    """The result of a sweep.

    `left`: (resource, reason) of what could not be removed. `unknown`: ARNs of resources that a run tagged, of kinds that the
    sweep
    cannot remove. `unlisted`: (kind, reason) of what could not be listed.
    """

    removed: list[Resource] = field(default_factory=list)
    left: list[tuple[Resource, str]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    unlisted: list[tuple[str, str]] = field(default_factory=list)
    selection: Selection = field(default_factory=Selection)
    rounds: int = 0

    @property
    def clean(self) -> bool:
        """Return whether nothing of the runs in scope is left, as far as the sweep could list."""
        return not (self.left or self.unknown or self.unlisted)


@dataclass(slots=True)
class Sweep:
    """Removes from an account what the runs in scope left.

    `patience`: the seconds without any progress after which it gives up; a NAT gateway or a load balancer's network interfaces
    take
    minutes to go. `pause` sleeps; `now` returns the time (seconds since the epoch).
    """

    account: Account
    journal: Sequence[KnownRun] = ()
    scope: SweepScope = field(default_factory=SweepScope)
    listener: Listener = lambda _: None
    kinds: Sequence[Kind] = KINDS
    patience: float = 900.0
    pause: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time

    def look(self) -> Outcome:
        """Select the resources that would be removed, and change nothing."""
        outcome = Outcome()
        outcome.selection = self._select(outcome)
        outcome.unknown = self._unknown(outcome)
        return outcome

    def remove(self) -> Outcome:
        """Remove all of it. Rounds go on while there is progress; a resource that refuses for `patience` seconds is reported, not
        raised.
        """
        outcome = Outcome()
        wait, progress_at, remaining = 1.0, self.now(), None
        while True:
            outcome.rounds += 1
            outcome.unlisted.clear()
            outcome.selection = self._select(outcome)
            items = [item for item, _ in outcome.selection.removable]
            keys = {(item.kind, item.id) for item in items}
            if not items and not outcome.unlisted:
                break
            stuck = remaining is not None and not keys < remaining
            if not stuck:
                progress_at, wait = self.now(), 1.0
            remaining = keys
            outcome.left = self._round(items, outcome)
            if not (stuck or outcome.left or outcome.unlisted):
                continue  # Look again: something may have appeared behind us.
            if self.now() - progress_at > self.patience:
                outcome.left = outcome.left or [(item, "was removed, and is still listed") for item in items]
                return self._finish(outcome)
            self.pause(wait)
            wait = min(wait * 1.7, 20.0)
        outcome.left = []
        return self._finish(outcome)

    def _finish(self, outcome: Outcome) -> Outcome:
        outcome.unknown = self._unknown(outcome)
        return outcome

    def _round(self, items: Sequence[Resource], outcome: Outcome) -> list[tuple[Resource, str]]:
        left: list[tuple[Resource, str]] = []
        for kind in self.kinds:
            for item in items:
                if item.kind != kind.name:
                    continue
                if item.going:
                    left.append((item, "is being deleted by AWS"))
                    continue
                try:
                    kind.remove(self.account, item)
                except (ClientError, BotoCoreError, StillGoing, RuntimeError) as error:
                    left.append((item, str(error)))
                    continue
                if item not in outcome.removed:
                    outcome.removed.append(item)
                    self.listener(f"removed {item}")
        return left

    def _select(self, outcome: Outcome) -> Selection:
        return choose(self._find(outcome), self.journal, self.scope, now=self.now())

    def _find(self, outcome: Outcome) -> Iterable[Resource]:
        for kind in self.kinds:
            try:
                yield from list(kind.find(self.account))
            except (ClientError, BotoCoreError) as error:
                outcome.unlisted.append((kind.name, str(error)))

    def _unknown(self, outcome: Outcome) -> list[str]:
        """Return ARNs of the runs in scope that the tagging API lists and no kind does; a failed call counts as not listed.

        The API lists deleted resources for a while, so only ARNs of kinds that the sweep does not cover are returned.
        """
        runs = {run for _, run in outcome.selection.removable} | ({self.scope.run} if self.scope.run else set())
        runs |= {run.id for run in self.journal if run.ended}
        runs |= {run for run in (run_of_name(item.name) or item.tags.get(RUN_TAG) for item in outcome.removed) if run}
        arns: list[str] = []
        try:
            api = self.account.client("resourcegroupstaggingapi")
            for run in sorted(runs):
                for page in api.get_paginator("get_resources").paginate(TagFilters=[{"Key": RUN_TAG, "Values": [run]}]):
                    arns += [entry["ResourceARN"] for entry in page["ResourceTagMappingList"]]
        except (ClientError, BotoCoreError) as error:
            outcome.unlisted.append(("other resources with a run's tag", str(error)))
        return sorted({arn for arn in arns if not _is_known(arn)})


# ARN service and the first part of its resource, for everything that the kinds list or that is removed with it.
_KNOWN: dict[str, tuple[str, ...]] = {
    "acm": ("certificate/",),
    "codebuild": ("project/", "build/", "report-group/", "report/"),
    "codepipeline": ("",),
    "codestar-connections": ("connection/",),
    "codeconnections": ("connection/",),
    "dynamodb": ("table/",),
    "ec2": (
        "elastic-ip/", "internet-gateway/", "natgateway/", "network-insights-analysis/", "network-insights-path/",
        "network-interface/", "route-table/", "security-group/", "security-group-rule/", "subnet/", "vpc-endpoint/", "vpc/",
    ),
    "ecr": ("repository/",),
    "ecs": ("cluster/", "service/", "task-definition/", "task/", "container-instance/"),
    "elasticloadbalancing": ("listener/", "listener-rule/", "loadbalancer/", "targetgroup/"),
    "events": ("api-destination/", "connection/", "rule/"),
    "iam": ("instance-profile/", "policy/", "role/"),
    "kms": ("alias/", "key/"),
    "logs": ("log-group:",),
    "s3": ("",),
    "secretsmanager": ("secret:",),
    "sns": ("",),
    "sqs": ("",),
}  # fmt: skip


def _is_known(arn: str) -> bool:
    parts: list[Any] = arn.split(":", 5)
    return len(parts) == 6 and str(parts[5]).startswith(_KNOWN.get(str(parts[2]), ("\0",)))
