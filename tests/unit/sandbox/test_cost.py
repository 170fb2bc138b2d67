"""The cost of a run is shown before it is spent."""

from __future__ import annotations

import datetime
import json
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushproof.sandbox.cost import REFERENCE, Quantities, TooExpensive, estimate, of_plan, prices, require_affordable
from pushproof.sandbox.pricelist import POSITIONS, PriceUnclear, current


def created(type: str, **after: object) -> dict[str, object]:
    return {"type": type, "address": f"{type}.this", "change": {"actions": ["create"], "after": after}}


def test_a_nat_gateway_for_two_hours() -> None:
    """Two hours of one NAT gateway in Ireland: 0.096 USD (https://aws.amazon.com/vpc/pricing/)."""
    assert estimate(Quantities(nat_gateways=1), hours=2, prices=prices("eu-west-1")).usd == pytest.approx(0.096)


def test_the_reference_environment_stays_under_the_usual_ceiling() -> None:
    """A run of three hours is well below five dollars, and listed position by position with the prices' date."""
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
    """A price is never estimated lower than a known one, and the estimate states this."""
    unknown = prices("ap-south-2")
    assert not unknown.exact
    assert all(unknown.of[name] >= price for name, price in prices("us-east-1").of.items())
    assert "not in the table" in str(estimate(REFERENCE, hours=1, prices=unknown))


def test_the_table_is_dated() -> None:
    """Its date is the earliest on which one of its prices was seen; every price names AWS's page of it."""
    table = json.loads(files("pushproof.sandbox").joinpath("prices.json").read_text(encoding="utf-8"))
    sources = table["sources"]
    assert min(source["seen"] for source in sources.values()) == table["as_of"] == prices("eu-west-1").as_of
    assert datetime.date.fromisoformat(table["as_of"]) <= datetime.date.today()
    assert set(sources) == set(prices("eu-west-1").of)
    assert all(source["page"].startswith("https://aws.amazon.com/") for source in sources.values())
    assert all(set(of) == set(table["regions"]["us-east-1"]) for of in table["regions"].values())


def test_an_old_table_says_so() -> None:
    """A year after its date the estimate warns, with what to do; the day before it does not."""
    of = prices("eu-west-1")
    year = datetime.date.fromisoformat(of.as_of) + datetime.timedelta(days=365)
    assert "warning" not in str(estimate(REFERENCE, hours=3, prices=of, today=year))
    told = str(estimate(REFERENCE, hours=3, prices=of, today=year + datetime.timedelta(days=1)))
    assert "warning: the price table is 366 days old" in told
    assert "pushproof.sandbox.pricelist" in told


class Pricing:
    """A Price List API with the rows of one region."""

    def __init__(self, rows: list[tuple[str, str, dict[str, str], list[tuple[str, str]]]]) -> None:
        self._rows = rows

    def get_paginator(self, name: str) -> Any:
        assert name == "get_products"
        return self

    def paginate(self, ServiceCode: str, Filters: list[dict[str, str]]) -> list[dict[str, Any]]:
        wanted = {f["Field"]: f["Value"] for f in Filters}
        assert all(f["Type"] == "TERM_MATCH" for f in Filters)
        return [
            {"PriceList": [json.dumps(self._product(usage, tiers))]}
            for service, usage, attributes, tiers in self._rows
            if service == ServiceCode and all(wanted[field] == value for field, value in attributes.items())
        ]

    @staticmethod
    def _product(usage: str, tiers: list[tuple[str, str]]) -> dict[str, Any]:
        dimensions = {str(n): {"beginRange": at, "pricePerUnit": {"USD": usd}} for n, (at, usd) in enumerate(tiers)}
        return {
            "product": {"attributes": {"usagetype": usage}},
            "terms": {"OnDemand": {"x": {"priceDimensions": dimensions}}},
        }


IRELAND = {"regionCode": "eu-west-1"}
ROWS = [
    ("AmazonEC2", "EU-NatGateway-Hours", IRELAND, [("0", "0.048")]),
    ("AmazonEC2", "EU-NatGateway-Bytes", IRELAND, [("0", "0.048")]),
    ("AmazonEC2", "EU-RegionalNatGateway-Hours", IRELAND, [("0", "0.048")]),
    ("AWSELB", "EU-LoadBalancerUsage", IRELAND, [("0", "0.0252")]),
    ("AWSELB", "EU-LCUUsage", IRELAND, [("0", "0.008")]),
    ("AmazonVPC", "EU-VpcEndpoint-Hours", IRELAND, [("0", "0.011"), ("1000", "0.001")]),
    ("AmazonECS", "EU-Fargate-vCPU-Hours:perCPU", IRELAND, [("0", "0.04048")]),
    ("AmazonECS", "EU-Fargate-ARM-vCPU-Hours:perCPU", IRELAND, [("0", "0.03238")]),
    ("AmazonECS", "EU-Fargate-GB-Hours", IRELAND, [("0", "0.004445")]),
]


def test_the_price_list_is_read_into_the_tables_form() -> None:
    """The price list gives each position's own price, first tier; the rows above give the table's values for Ireland."""
    found = current(Pricing(ROWS), ["eu-west-1"])["eu-west-1"]
    assert found == {name: prices("eu-west-1").of[name] for name in found}
    assert set(found) == {position.name for position in POSITIONS}


def test_a_price_that_is_not_clear_is_not_guessed() -> None:
    """No row, or two with different prices: refused, with the position and what to do."""
    with pytest.raises(PriceUnclear, match="AmazonEC2 NatGateway-Hours in eu-west-1: AWS lists no price"):
        current(Pricing(ROWS[1:]), ["eu-west-1"])
    with pytest.raises(PriceUnclear, match="by hand"):
        current(Pricing([*ROWS, ("AmazonEC2", "NatGateway-Hours", IRELAND, [("0", "0.05")])]), ["eu-west-1"])


def test_a_plan_is_counted() -> None:
    """Hourly resources are counted from the plan's creations; changes cost nothing new."""
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
