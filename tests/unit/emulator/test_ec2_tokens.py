"""EC2's client tokens: https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html"""

from __future__ import annotations

from pushproof.emulator.world import World


def test_a_repeated_call_with_its_token_makes_nothing_anew() -> None:
    """One endpoint and one NAT gateway, however often the answer was lost; another token makes another."""
    with World.virtual() as world:
        ec2 = world.administrator("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
        address = ec2.allocate_address(Domain="vpc")["AllocationId"]
        service = f"com.amazonaws.{world.region}.dynamodb"
        endpoints = [
            ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=service, ClientToken=token)["VpcEndpoint"]["VpcEndpointId"]
            for token in ("one", "one", "two")
        ]
        assert endpoints[0] == endpoints[1] != endpoints[2]
        assert {e["VpcEndpointId"] for e in ec2.describe_vpc_endpoints()["VpcEndpoints"]} == set(endpoints)
        gateways = [
            ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address, ClientToken="one")["NatGateway"][
                "NatGatewayId"
            ]
            for _ in range(2)
        ]
        assert gateways[0] == gateways[1]
        assert len(ec2.describe_nat_gateways()["NatGateways"]) == 1


def test_a_lost_answer_leaves_no_second_route_table_or_interface() -> None:
    """A call that is repeated with the same token creates one resource: a second route table would block its VPC's deletion."""
    with World.virtual() as world:
        ec2 = world.administrator("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
        tags = [{"ResourceType": "route-table", "Tags": [{"Key": "Name", "Value": "private"}]}]
        tables = [
            ec2.create_route_table(VpcId=vpc, ClientToken=token, TagSpecifications=tags)["RouteTable"]
            for token in ("one", "one", "two")
        ]
        assert tables[0] == tables[1]
        assert tables[0]["Tags"] == [{"Key": "Name", "Value": "private"}]
        assert tables[0]["RouteTableId"] != tables[2]["RouteTableId"]
        assert len(ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]) == 3
        interfaces = [ec2.create_network_interface(SubnetId=subnet, ClientToken="one") for _ in range(2)]
        assert len({interface["NetworkInterface"]["NetworkInterfaceId"] for interface in interfaces}) == 1
        assert len(ec2.describe_network_interfaces()["NetworkInterfaces"]) == 1
