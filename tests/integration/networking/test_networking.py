"""The networking module, applied: what its network does, and what its one cheaper choice costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pushproof.checks.networking import NetworkingChecks

MODULE = "infrastructure/modules/networking"
NAMES = {"project": "pushproof", "environment": "net", "vpc_cidr": "10.0.0.0/16"}
Applied = Callable[..., Any]
Clients = Callable[[str], Any]


def checks(aws: Clients, module: Any) -> NetworkingChecks:
    """The checks of an applied module's VPC, told which subnets are meant to be private."""
    return NetworkingChecks(
        aws, vpc_id=module["vpc_id"], private_subnet_ids=list(module["private_subnet_ids"].values())
    )


@pytest.fixture(scope="module")
def networking(applied: Applied, aws: Clients, zones: list[str]) -> NetworkingChecks:
    return checks(aws, applied(MODULE, availability_zones=zones, **NAMES))


@pytest.fixture(scope="module")
def zones(target: Any) -> list[str]:
    return [f"{target.region}a", f"{target.region}b"]


def test_every_private_subnet_leaves_by_its_own_zone(networking: NetworkingChecks) -> None:
    """Cliff 1: each private subnet has a NAT gateway in its own zone."""
    assert networking.every_private_subnet_leaves_by_its_own_zone()


def test_it_survives_the_loss_of_any_zone(networking: NetworkingChecks) -> None:
    """Whichever zone is lost, the other still reaches the internet, ECR, S3 and the logs."""
    assert networking.survives_loss_of_any_zone()


def test_nothing_private_is_reachable_from_the_internet(networking: NetworkingChecks) -> None:
    """Private subnets route nowhere near an internet gateway and hand out no public addresses."""
    assert networking.private_subnets_are_private()


def test_every_subnet_has_a_route_table_of_its_own_choosing(networking: NetworkingChecks) -> None:
    """No subnet depends on the VPC's main table."""
    assert networking.every_subnet_has_an_explicit_route_table()


def test_ecr_endpoints_are_reachable_on_443(networking: NetworkingChecks) -> None:
    """Cliff 4: ecr.api and ecr.dkr answer under their own names from every private subnet."""
    assert networking.endpoints_are_reachable_on_443()


def test_s3_gateway_endpoint_is_on_every_private_table(networking: NetworkingChecks) -> None:
    """Cliff 4: layers come from S3 through the gateway endpoint, whichever zone pulls."""
    assert networking.every_private_route_table_has_the_s3_endpoint()


def test_tasks_reach_what_they_need(networking: NetworkingChecks) -> None:
    """Everything a task needs before its containers start is reached."""
    assert networking.tasks_reach_what_they_need()


def test_one_shared_nat_gateway_is_found(applied: Applied, aws: Clients, zones: list[str]) -> None:
    """Cliff 1: the cheaper choice of one NAT gateway shows in both checks that name the mistake."""
    shared = checks(aws, applied(MODULE, availability_zones=zones, single_nat_gateway=True, **NAMES))
    assert shared.every_private_subnet_leaves_by_its_own_zone().findings
    assert shared.survives_loss_of_any_zone().findings
    assert shared.endpoints_are_reachable_on_443()
