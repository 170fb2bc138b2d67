"""The cost of a run: estimated before anything is created, and held under a ceiling."""

from __future__ import annotations

import datetime
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from importlib.resources import files
from typing import Any

from pushproof.aws.types import canonical_type

# AWS seldom changes these prices, and mostly downwards; one comparison a year is enough.
STALE_AFTER_DAYS = 365


class TooExpensive(Exception):
    """The estimate is above the ceiling; the message states the difference and the remedy."""


@dataclass(frozen=True, slots=True)
class Quantities:
    """Quantities of everything that is billed. `vcpus` and `memory_gb` are those of all tasks that run at once."""

    nat_gateways: int = 0
    load_balancers: int = 0
    endpoint_zones: int = 0
    vcpus: float = 0.0
    memory_gb: float = 0.0
    public_addresses: int = 0
    secrets: int = 0
    keys: int = 0
    build_minutes: float = 0.0
    action_minutes: float = 0.0

    def __add__(self, other: Quantities) -> Quantities:
        return Quantities(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})


# Defaults: the reference environment in two zones. A rollout doubles the tasks; a drill builds four times.
REFERENCE = Quantities(
    nat_gateways=2,
    load_balancers=1,
    endpoint_zones=4,
    vcpus=1.0,
    memory_gb=2.0,
    public_addresses=4,
    secrets=1,
    build_minutes=40,
    action_minutes=120,
)


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices of a region. `exact` is false when the table lacks the region: these are then the dearest region's prices."""

    as_of: str
    region: str
    exact: bool
    of: Mapping[str, float] = field(default_factory=dict)

    def warning(self, today: datetime.date) -> str | None:
        """Return a warning when the price table was last compared with AWS's prices long ago; None while it is recent enough."""
        days = (today - datetime.date.fromisoformat(self.as_of)).days
        if days <= STALE_AFTER_DAYS:
            return None
        return (
            f"the price table is {days} days old: compare it (`python -m pushproof.sandbox.pricelist` prints AWS's "
            f"current prices for src/pushproof/sandbox/prices.json)"
        )


@dataclass(frozen=True, slots=True)
class Line:
    """One position of an estimate: its name, quantity, unit, and dollars."""

    what: str
    amount: float
    unit: str
    usd: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """The positions of a run of `hours`, and the date of the prices."""

    lines: tuple[Line, ...]
    hours: float
    prices: Prices
    warning: str | None = None

    @property
    def usd(self) -> float:
        return sum(line.usd for line in self.lines)

    def __str__(self) -> str:
        rows = [f"  {line.what:<28} {line.amount:>9.2f} {line.unit:<12} {line.usd:>8.3f} USD" for line in self.lines]
        standing_in = (
            ""
            if self.prices.exact
            else f"; {self.prices.region} is not in the table, so the dearest region in it is used"
        )
        head = f"Estimated cost of {self.hours:g} h at the prices of {self.prices.as_of}{standing_in}:"
        lines = [head, *rows, f"  {'in all':<28} {'':>9} {'':<12} {self.usd:>8.3f} USD"]
        return "\n".join([*lines, f"  warning: {self.warning}"] if self.warning else lines)


def prices(region: str) -> Prices:
    """Return a region's prices from the dated price table."""
    table = json.loads(files("pushproof.sandbox").joinpath("prices.json").read_text(encoding="utf-8"))
    regions: dict[str, dict[str, float]] = table["regions"]
    exact = region in regions
    dearest = {name: max(of[name] for of in regions.values()) for name in next(iter(regions.values()))}
    return Prices(table["as_of"], region, exact, {**(regions[region] if exact else dearest), **table["everywhere"]})


def estimate(quantities: Quantities, *, hours: float, prices: Prices, today: datetime.date | None = None) -> Estimate:
    """Estimate the cost of `quantities` for `hours`. Positions with a quantity of zero are left out.

    `today`: the day on which the age of the prices is judged; None means today.
    """
    of = prices.of
    positions = (
        ("NAT gateways", quantities.nat_gateways * hours, "hours", of["nat_hour"]),
        ("load balancers", quantities.load_balancers * hours, "hours", of["alb_hour"]),
        # The traffic of a test is far below what one capacity unit serves (25 new connections a second, 1 GB an hour).
        ("their capacity units", quantities.load_balancers * hours, "LCU-hours", of["lcu_hour"]),
        ("interface endpoints", quantities.endpoint_zones * hours, "zone-hours", of["endpoint_zone_hour"]),
        ("Fargate CPU", quantities.vcpus * hours, "vCPU-hours", of["vcpu_hour"]),
        ("Fargate memory", quantities.memory_gb * hours, "GB-hours", of["memory_gb_hour"]),
        ("public IPv4 addresses", quantities.public_addresses * hours, "hours", of["public_address_hour"]),
        ("secrets", quantities.secrets * hours, "hours", of["secret_hour"]),
        ("KMS keys", quantities.keys * hours, "hours", of["key_hour"]),
        ("CodeBuild", quantities.build_minutes, "minutes", of["build_minute"]),
        ("CodePipeline", quantities.action_minutes, "minutes", of["action_minute"]),
    )
    lines = tuple(Line(what, amount, unit, amount * price) for what, amount, unit, price in positions if amount)
    return Estimate(lines, hours, prices, prices.warning(today or datetime.date.today()))


def require_affordable(estimate: Estimate, ceiling: float) -> None:
    """Raise TooExpensive when an estimate is above the ceiling, in US dollars."""
    if estimate.usd > ceiling:
        dearest = max(estimate.lines, key=lambda line: line.usd)
        raise TooExpensive(
            f"the run is estimated at {estimate.usd:.2f} USD, above the ceiling of {ceiling:.2f} USD; the dearest is "
            f"{dearest.what} with {dearest.usd:.2f} USD. Plan fewer hours (PUSHPROOF_SANDBOX_HOURS, now "
            f"{estimate.hours:g}), "
            "or raise PUSHPROOF_SANDBOX_MAX_USD."
        )


def of_plan(changes: Iterable[Mapping[str, Any]]) -> Quantities:
    """Count the resources paid by the hour that a Terraform plan creates (`resource_changes` of `terraform show -json`)."""
    created = [c for c in changes if "create" in c["change"]["actions"]]
    count = Counter(canonical_type(str(c["type"])) for c in created)
    endpoint_zones, vcpus, memory = 0, 0.0, 0.0
    # Terraform may learn an endpoint's subnets only during apply. The count is then that of the plan's private subnets, or two.
    zones = len({c["change"]["after"].get("availability_zone") for c in created if c["type"] == "aws_subnet"}) or 2
    desired = max((int(_after(c, "desired_count") or 0) for c in created if c["type"] == "aws_ecs_service"), default=0)
    for change in created:
        if change["type"] == "aws_vpc_endpoint" and _after(change, "vpc_endpoint_type") == "Interface":
            endpoint_zones += len(_after(change, "subnet_ids") or ()) or zones
        if change["type"] == "aws_ecs_task_definition":
            # Twice: a rollout at 200 % runs the old tasks and the new tasks.
            vcpus += float(_after(change, "cpu") or 0) / 1024 * desired * 2
            memory += float(_after(change, "memory") or 0) / 1024 * desired * 2
    load_balancers = count["aws_lb"]
    return Quantities(
        nat_gateways=count["aws_nat_gateway"],
        load_balancers=load_balancers,
        endpoint_zones=endpoint_zones,
        vcpus=vcpus,
        memory_gb=memory,
        public_addresses=count["aws_eip"] + load_balancers * zones,
        secrets=count["aws_secretsmanager_secret"],
        keys=count["aws_kms_key"],
        build_minutes=40.0 * count["aws_codebuild_project"],
        action_minutes=120.0 * count["aws_codepipeline"],
    )


def _after(change: Mapping[str, Any], name: str) -> Any:
    return (change["change"].get("after") or {}).get(name)
