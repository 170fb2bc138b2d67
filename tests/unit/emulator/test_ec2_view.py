"""What other emulators leave out of their answers is read as EC2's default."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from pushproof.emulator.services.ec2.endpoints import modify_vpc_endpoint
from pushproof.emulator.services.ec2.view import View


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
