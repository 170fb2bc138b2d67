"""AWS's refusals are refused here, with their code and without a trace; rows that are not refused yet state it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.unit.emulator.refusals.page import PAGE, page, services
from tests.unit.emulator.refusals.rows import Refusal
from tests.unit.emulator.refusals.scene import Scene

from pushproof.emulator.world import World

# What a service shows of what it keeps, for comparing before and after; for EC2 with the filter that keeps it to the row's VPCs.
SHOWN: dict[str, dict[str, str]] = {
    "ec2": {
        "describe_vpcs": "vpc-id",
        "describe_subnets": "vpc-id",
        "describe_security_groups": "vpc-id",
        "describe_route_tables": "vpc-id",
        "describe_internet_gateways": "attachment.vpc-id",
        "describe_nat_gateways": "vpc-id",
        "describe_vpc_endpoints": "vpc-id",
        "describe_network_interfaces": "vpc-id",
        "describe_network_acls": "vpc-id",
        "describe_addresses": "",
        "describe_dhcp_options": "",
    },
}

ROWS = [(service.name, row) for service in services() for row in service.rows]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World.virtual() as made:
        yield made


def shown(scene: Scene, service: str) -> dict[str, Any]:
    client = scene.world.substrate.client(service.replace("_", "-"), scene.region)
    vpcs = [vars(scene)[name] for name in ("vpc", "other_vpc") if name in vars(scene)]
    answers = {}
    for operation, by in SHOWN.get(service, {}).items():
        name = "Filter" if operation == "describe_nat_gateways" else "Filters"
        answer = getattr(client, operation)(**({name: [{"Name": by, "Values": vpcs}]} if by and vpcs else {}))
        answer.pop("ResponseMetadata")
        answers[operation] = answer
    return answers


@pytest.mark.parametrize(
    ("service", "row"), ROWS, ids=[f"{service}-{row.operation}-{row.when}".replace(" ", "_") for service, row in ROWS]
)
def test_refusals(world: World, service: str, row: Refusal) -> None:
    """The call is refused with AWS's code, in AWS's words where they are known, and nothing is changed by it."""
    scene = Scene(world)
    call: Callable[..., Any]
    call, arguments = row.attempt(scene)
    before = shown(scene, service)
    if not row.yet:
        call(**arguments)
        return
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response["Error"]
    assert (error["Code"], row.says in error.get("Message", "")) == (row.code, True), error
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] < 500
    assert shown(scene, service) == before


def test_the_page_is_the_table() -> None:
    """`docs/refusals.md` is what the rows say; `python -m tests.unit.emulator.refusals.page` writes it."""
    root = Path(__file__).parents[4]
    assert (root / PAGE).read_text(encoding="utf-8") == page()
