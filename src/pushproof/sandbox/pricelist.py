"""AWS's current prices, in the form of prices.json: `python -m pushproof.sandbox.pricelist [region …]`.

Calls the Price List Query API with the caller's own credentials (`pricing:GetProducts`, free of charge); changes nothing.
Source: https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html
"""

from __future__ import annotations

import datetime
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import boto3


class PriceUnclear(Exception):
    """AWS lists no price, or several different prices, for a position."""


@dataclass(frozen=True, slots=True)
class Position:
    """The place of a price in AWS's list: the service, the end of the usage type, and attributes that must match."""

    name: str
    service: str
    usage: str
    attributes: Mapping[str, str]


POSITIONS = (
    Position("nat_hour", "AmazonEC2", "NatGateway-Hours", {"productFamily": "NAT Gateway", "operation": "NatGateway"}),
    Position("alb_hour", "AWSELB", "LoadBalancerUsage", {"productFamily": "Load Balancer-Application"}),
    Position("lcu_hour", "AWSELB", "LCUUsage", {"productFamily": "Load Balancer-Application"}),
    Position("endpoint_zone_hour", "AmazonVPC", "VpcEndpoint-Hours", {"productFamily": "VpcEndpoint"}),
    Position("vcpu_hour", "AmazonECS", "Fargate-vCPU-Hours:perCPU", {"productFamily": "Compute"}),
    Position("memory_gb_hour", "AmazonECS", "Fargate-GB-Hours", {"productFamily": "Compute"}),
)


def price(pricing: Any, position: Position, region: str) -> float:
    """The on-demand price in US dollars of one position in a region. Raises PriceUnclear."""
    attributes = {"regionCode": region, **position.attributes}
    filters = [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in attributes.items()]
    listing: dict[str, float] = {}
    for page in pricing.get_paginator("get_products").paginate(ServiceCode=position.service, Filters=filters):
        for text in page["PriceList"]:
            product = json.loads(text)
            usage = str(product["product"]["attributes"].get("usagetype", ""))
            # Example: `EU-NatGateway-Hours`; without a prefix in us-east-1. `EU-RegionalNatGateway-Hours` is a different product.
            if usage != position.usage and usage.partition("-")[2] != position.usage:
                continue
            for term in product.get("terms", {}).get("OnDemand", {}).values():
                for dimension in term["priceDimensions"].values():
                    # The first tier: a test does not reach the second.
                    if dimension.get("beginRange", "0") == "0" and float(dimension["pricePerUnit"].get("USD", 0)):
                        listing[usage] = float(dimension["pricePerUnit"]["USD"])
    if len(set(listing.values())) != 1:
        raise PriceUnclear(
            f"{position.service} {position.usage} in {region}: AWS lists {listing or 'no price'}; expected one "
            f"price. Look it up on the page that prices.json names, and enter it there by hand."
        )
    return next(iter(listing.values()))


def current(pricing: Any, regions: Iterable[str]) -> dict[str, dict[str, float]]:
    """Return today's prices of regions, in the form of `regions` in prices.json."""
    return {region: {p.name: price(pricing, p, region) for p in POSITIONS} for region in regions}


def main(arguments: list[str]) -> int:
    table = json.loads(files("pushproof.sandbox").joinpath("prices.json").read_text(encoding="utf-8"))
    # Only a few regions offer the API; each answers for all regions.
    pricing = boto3.client("pricing", region_name="us-east-1")
    try:
        regions = current(pricing, arguments or table["regions"])
    except PriceUnclear as unclear:
        print(unclear, file=sys.stderr)
        return 1
    for region, prices in regions.items():
        for name, now in prices.items():
            earlier = table["regions"].get(region, {}).get(name)
            if earlier != now:
                print(f"{region} {name}: {earlier} in the table, {now} now", file=sys.stderr)
    print(json.dumps({"seen": datetime.date.today().isoformat(), "regions": regions}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
