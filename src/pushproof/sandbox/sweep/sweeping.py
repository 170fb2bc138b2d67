"""Rounds of finding and removing, until a round finds nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from pushproof.sandbox.naming import RUN_TAG, run_of_name
from pushproof.sandbox.sweep.belonging import KnownRun, Selection, Wanted, choose
from pushproof.sandbox.sweep.found import Account, Found, Kind, StillGoing
from pushproof.sandbox.sweep.kinds import KINDS

Listener = Callable[[str], None]


@dataclass(slots=True)
class Outcome:
    """The result of a sweep. `left`: (resource, why) of what could not be removed. `unknown`: ARNs tagged by a run, of kinds that
    the sweep does not know how to remove. `unlisted`: (kind, why) of what could not be looked at.
    """

    removed: list[Found] = field(default_factory=list)
    left: list[tuple[Found, str]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    unlisted: list[tuple[str, str]] = field(default_factory=list)
    selection: Selection = field(default_factory=Selection)
    rounds: int = 0

    @property
    def clean(self) -> bool:
        """Return whether nothing of the wanted runs is left, as far as one could look."""
        return not (self.left or self.unknown or self.unlisted)


@dataclass(slots=True)
class Sweep:
    """Removes what the wanted runs left in an account.

    `patience`: the seconds without any progress after which it gives up; a NAT gateway or a load balancer's network interfaces take
    minutes to go. `pause` sleeps; `now` tells the time (seconds since the epoch).
    """

    account: Account
    journal: Sequence[KnownRun] = ()
    wanted: Wanted = field(default_factory=Wanted)
    listener: Listener = lambda _: None
    kinds: Sequence[Kind] = KINDS
    patience: float = 900.0
    pause: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time

    def look(self) -> Outcome:
        """Select the resources that would be removed; nothing is changed."""
        outcome = Outcome()
        outcome.selection = self._select(outcome)
        outcome.unknown = self._unknown(outcome)
        return outcome

    def remove(self) -> Outcome:
        """Remove it all. Rounds go on while there is progress; what refuses for `patience` seconds is reported, not raised."""
        outcome = Outcome()
        wait, progress_at, remaining = 1.0, self.now(), None
        while True:
            outcome.rounds += 1
            outcome.unlisted.clear()
            outcome.selection = self._select(outcome)
            items = [item for item, _ in outcome.selection.taken]
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

    def _round(self, items: Sequence[Found], outcome: Outcome) -> list[tuple[Found, str]]:
        left: list[tuple[Found, str]] = []
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
        return choose(self._find(outcome), self.journal, self.wanted, now=self.now())

    def _find(self, outcome: Outcome) -> Iterable[Found]:
        for kind in self.kinds:
            try:
                yield from list(kind.find(self.account))
            except (ClientError, BotoCoreError) as error:
                outcome.unlisted.append((kind.name, str(error)))

    def _unknown(self, outcome: Outcome) -> list[str]:
        """Return ARNs of the wanted runs that the tagging API knows and no kind finds; a failed call counts as not having looked.

        It forgets deleted resources late, so only kinds that the sweep has no word for are told.
        """
        runs = {run for _, run in outcome.selection.taken} | ({self.wanted.run} if self.wanted.run else set())
        runs |= {run.id for run in self.journal if run.ended}
        runs |= {run for run in (run_of_name(item.name) or item.tags.get(RUN_TAG) for item in outcome.removed) if run}
        arns: list[str] = []
        try:
            api = self.account.client("resourcegroupstaggingapi")
            for run in sorted(runs):
                for page in api.get_paginator("get_resources").paginate(TagFilters=[{"Key": RUN_TAG, "Values": [run]}]):
                    arns += [entry["ResourceARN"] for entry in page["ResourceTagMappingList"]]
        except (ClientError, BotoCoreError) as error:
            outcome.unlisted.append(("whatever else carries a run's tag", str(error)))
        return sorted({arn for arn in arns if not _is_known(arn)})


# ARN service and the beginnings of its resource part, of all that the kinds look for or that goes with it.
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
