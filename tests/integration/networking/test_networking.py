"""The networking module, applied: what its network does, and what its one cheaper choice costs."""

from __future__ import annotations

from typing import Any

import pytest

from pushproof import AppliedModule, Apply, NetworkingChecks, NetworkingFactory, StateFactory

MODULE = "infrastructure/modules/networking"
NAMES = {"project": "pushproof", "environment": "net"}


def checks(networking_checks: NetworkingFactory, module: AppliedModule) -> NetworkingChecks:
    """The checks of an applied module's VPC, with the subnets that are meant to be private."""
    return networking_checks(
        module, vpc_id=module["vpc_id"], private_subnet_ids=list(module["private_subnet_ids"].values())
    )


# As the environments use it, and as right with another number of zones and another block of addresses.
@pytest.fixture(
    scope="module", params=[("ab", "10.0.0.0/16"), ("abc", "10.44.0.0/20")], ids=["two zones", "three zones"]
)
def module(request: pytest.FixtureRequest, applied: Apply, target: Any) -> AppliedModule:
    letters, cidr = request.param
    zones = [f"{target.region}{letter}" for letter in letters]
    return applied(MODULE, availability_zones=zones, vpc_cidr=cidr, **NAMES)


@pytest.fixture(scope="module")
def networking(networking_checks: NetworkingFactory, module: AppliedModule) -> NetworkingChecks:
    return checks(networking_checks, module)


def test_every_private_subnet_leaves_by_its_own_zone(networking: NetworkingChecks) -> None:
    """Cliff 1: each private subnet has a NAT gateway in its own zone."""
    assert networking.every_private_subnet_leaves_by_its_own_zone()


def test_it_survives_the_loss_of_any_zone(networking: NetworkingChecks) -> None:
    """The other zone still reaches the internet, ECR, S3 and the logs after the loss of either."""
    assert networking.survives_loss_of_any_zone()


def test_private_subnets_are_private(networking: NetworkingChecks) -> None:
    """Private subnets route nowhere near an internet gateway and hand out no public addresses."""
    assert networking.private_subnets_are_private()


def test_every_subnet_has_an_explicit_route_table(networking: NetworkingChecks) -> None:
    """No subnet depends on the VPC's main table."""
    assert networking.every_subnet_has_an_explicit_route_table()


def test_subnets_have_room(networking: NetworkingChecks) -> None:
    """A load balancer and a rolling deployment find addresses."""
    assert networking.subnets_have_room()


def test_ecr_endpoints_are_reachable_on_443(networking: NetworkingChecks) -> None:
    """Cliff 4: ecr.api and ecr.dkr answer under their own names from every private subnet."""
    assert networking.endpoints_are_reachable_on_443()


def test_endpoints_admit_only_the_vpc(networking: NetworkingChecks) -> None:
    """The endpoints' group lets in HTTPS from the VPC, and nothing else."""
    assert networking.endpoints_admit_only_the_vpc()


def test_s3_gateway_endpoint_is_on_every_private_table(networking: NetworkingChecks) -> None:
    """Cliff 4: layers come from S3 through the gateway endpoint, whichever zone pulls."""
    assert networking.every_private_route_table_has_the_s3_endpoint()


def test_tasks_reach_what_they_need(networking: NetworkingChecks) -> None:
    """Tasks reach everything that they need before their containers start."""
    assert networking.tasks_reach_what_they_need()


def test_the_plan_is_empty(state_checks: StateFactory, module: AppliedModule) -> None:
    """A plan after the apply is empty."""
    assert state_checks(module).plan_is_empty(module)


def test_one_shared_nat_gateway_is_found(
    applied: Apply, networking_checks: NetworkingFactory, zones: list[str]
) -> None:
    """Cliff 1: the cheaper choice of one NAT gateway shows in both checks that name the mistake, with its address."""
    module = applied(MODULE, availability_zones=zones, vpc_cidr="10.0.0.0/16", single_nat_gateway=True, **NAMES)
    shared = checks(networking_checks, module)
    assert "aws_route_table.private" in str(shared.every_private_subnet_leaves_by_its_own_zone())
    assert "One lost zone takes down what runs in the others" in " ".join(
        str(shared.survives_loss_of_any_zone()).split()
    )
    assert shared.endpoints_are_reachable_on_443()
