"""What a run costs is told before it is spent."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushproof.sandbox.cost import REFERENCE, Quantities, TooExpensive, estimate, of_plan, prices, require_affordable


def created(type: str, **after: object) -> dict[str, object]:
    return {"type": type, "address": f"{type}.this", "change": {"actions": ["create"], "after": after}}


def test_a_nat_gateway_for_two_hours() -> None:
    """Two hours of one NAT gateway in Ireland: 0.096 USD (https://aws.amazon.com/vpc/pricing/)."""
    assert estimate(Quantities(nat_gateways=1), hours=2, prices=prices("eu-west-1")).usd == pytest.approx(0.096)


def test_the_reference_environment_stays_under_the_usual_ceiling() -> None:
    """A run of three hours is well below five dollars, and is told position by position with the prices' date."""
    told = estimate(REFERENCE, hours=3, prices=prices("eu-west-1"))
    require_affordable(told, 5.0)
    assert 0.5 < told.usd < 5.0
    for word in (
        "NAT gateways",
        "load balancers",
        "interface endpoints",
        "Fargate CPU",
        "CodeBuild",
        told.prices.as_of,
    ):
        assert word in str(told)


def test_the_ceiling_holds() -> None:
    """Above the ceiling nothing is started, and the message says what to change."""
    with pytest.raises(TooExpensive, match="PUSHPROOF_SANDBOX_MAX_USD"):
        require_affordable(estimate(REFERENCE, hours=3, prices=prices("eu-west-1")), 0.5)


def test_an_unknown_region_is_priced_as_the_dearest_known() -> None:
    """No price is ever guessed lower than one that is known, and the estimate says so."""
    unknown = prices("ap-south-2")
    assert not unknown.exact
    assert all(unknown.of[name] >= price for name, price in prices("us-east-1").of.items())
    assert "not in the table" in str(estimate(REFERENCE, hours=1, prices=unknown))


def test_the_table_is_dated() -> None:
    """The date is one, and not in the future."""
    assert datetime.date.fromisoformat(prices("eu-west-1").as_of) <= datetime.date.today()


def test_a_plan_is_counted() -> None:
    """Hourly resources are counted from what the plan creates; what it merely changes costs nothing new."""
    plan = [
        created("aws_nat_gateway"),
        created("aws_eip"),
        created("aws_lb"),
        created("aws_subnet", availability_zone="eu-west-1a"),
        created("aws_subnet", availability_zone="eu-west-1b"),
        created("aws_vpc_endpoint", vpc_endpoint_type="Interface"),
        created("aws_vpc_endpoint", vpc_endpoint_type="Gateway"),
        created("aws_ecs_task_definition", cpu="256", memory="512"),
        created("aws_ecs_service", desired_count=2),
        {"type": "aws_nat_gateway", "address": "x", "change": {"actions": ["update"], "after": {}}},
    ]
    assert of_plan(plan) == Quantities(
        nat_gateways=1, load_balancers=1, endpoint_zones=2, vcpus=1.0, memory_gb=2.0, public_addresses=3
    )


@given(st.floats(0.1, 100), st.integers(0, 50), st.integers(0, 50))
def test_more_never_costs_less(hours: float, gateways: int, more: int) -> None:
    """Adding to a run never lowers its estimate."""
    of = prices("eu-west-1")
    some = Quantities(nat_gateways=gateways)
    assert (
        estimate(some + Quantities(nat_gateways=more), hours=hours, prices=of).usd
        >= estimate(some, hours=hours, prices=of).usd
    )
