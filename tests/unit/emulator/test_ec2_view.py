"""Members that other emulators leave out are read as EC2's defaults."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pushproof.emulator.services.ec2.endpoints import modify_vpc_endpoint
from pushproof.emulator.services.ec2.view import View
from pushproof.emulator.world import World


def test_an_endpoint_without_a_type_is_a_gateway_endpoint() -> None:
    """LocalStack describes a gateway endpoint without its type; it may be changed all the same."""
    endpoint = {
        "VpcEndpointId": "vpce-1",
        "VpcId": "vpc-1",
        "ServiceName": "com.amazonaws.eu-west-1.s3",
        "State": "available",
    }
    table = {"RouteTableId": "rtb-1", "VpcId": "vpc-1", "Routes": []}
    client: Any = SimpleNamespace(
        describe_vpc_endpoints=lambda **_: {"VpcEndpoints": [endpoint]},
        describe_route_tables=lambda **_: {"RouteTables": [table]},
        describe_prefix_lists=lambda **_: {"PrefixLists": []},
    )
    view = View(lambda *_: client, "eu-west-1")
    described = view.endpoint("vpce-1")
    assert described is not None
    assert described["VpcEndpointType"] == "Gateway"
    modify_vpc_endpoint(view, {"VpcEndpointId": "vpce-1", "AddRouteTableIds": ["rtb-1"]})


def test_a_nat_gateway_that_is_not_there_is_not_found() -> None:
    """Deleting it is refused as EC2 refuses it; nothing fails inside."""
    with World.virtual() as world:
        ec2: Any = world.administrator("ec2")
        with pytest.raises(ClientError) as caught:
            ec2.delete_nat_gateway(NatGatewayId="nat-0123456789abcdef0")
    assert caught.value.response["Error"]["Code"] == "NatGatewayNotFound"
