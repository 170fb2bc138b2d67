"""Terraform reads what it wrote: moto's gaps in plans, waits and destroys of network stacks."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.unit.emulator.refusals.scene import Scene

from pushproof.emulator.world import World


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World.virtual() as made:
        yield made


@pytest.fixture
def scene(world: World) -> Scene:
    return Scene(world)


def test_dhcp_options_keep_their_tags(scene: Scene) -> None:
    """DescribeDhcpOptions shows the tags of CreateDhcpOptions."""
    made = scene.ec2.create_dhcp_options(
        DhcpConfigurations=[{"Key": "domain-name", "Values": ["example.internal"]}],
        TagSpecifications=[{"ResourceType": "dhcp-options", "Tags": [{"Key": "Name", "Value": "x"}]}],
    )["DhcpOptions"]["DhcpOptionsId"]
    [options] = scene.ec2.describe_dhcp_options(DhcpOptionsIds=[made])["DhcpOptions"]
    assert options["Tags"] == [{"Key": "Name", "Value": "x"}]


def test_customer_gateways_keep_their_device(scene: Scene) -> None:
    """DescribeCustomerGateways shows the device's name."""
    made = scene.ec2.create_customer_gateway(BgpAsn=65000, IpAddress="192.0.2.1", Type="ipsec.1", DeviceName="some")
    identifier = made["CustomerGateway"]["CustomerGatewayId"]
    [gateway] = scene.ec2.describe_customer_gateways(CustomerGatewayIds=[identifier])["CustomerGateways"]
    assert gateway["DeviceName"] == "some"


@pytest.mark.parametrize(
    ("sent", "path", "expected"),
    [
        ({"EnableDns64": {"Value": True}}, ("EnableDns64",), True),
        (
            {"PrivateDnsHostnameTypeOnLaunch": "resource-name"},
            ("PrivateDnsNameOptionsOnLaunch", "HostnameType"),
            "resource-name",
        ),
        (
            {"EnableResourceNameDnsAAAARecordOnLaunch": {"Value": True}},
            ("PrivateDnsNameOptionsOnLaunch", "EnableResourceNameDnsAAAARecord"),
            True,
        ),
        (
            {"EnableResourceNameDnsARecordOnLaunch": {"Value": True}},
            ("PrivateDnsNameOptionsOnLaunch", "EnableResourceNameDnsARecord"),
            True,
        ),
        ({"MapPublicIpOnLaunch": {"Value": True}}, ("MapPublicIpOnLaunch",), True),
    ],
)
def test_subnets_keep_their_attributes(
    scene: Scene, sent: dict[str, Any], path: tuple[str, ...], expected: Any
) -> None:
    """DescribeSubnets shows each attribute that ModifySubnetAttribute takes."""
    scene.ec2.modify_subnet_attribute(SubnetId=scene.subnet, **sent)
    value: Any = scene.ec2.describe_subnets(SubnetIds=[scene.subnet])["Subnets"][0]
    for name in path:
        value = value[name]
    assert value == expected


def test_a_subnet_with_ipv6_is_found_by_its_association(scene: Scene) -> None:
    """Terraform waits for a subnet's IPv6 block by its association, until its state is `associated`."""
    vpc = scene.ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
    [described] = scene.ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"]
    block = described["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"].replace("/56", "/64")
    made = scene.ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24", Ipv6CidrBlock=block)["Subnet"]
    association = made["Ipv6CidrBlockAssociationSet"][0]["AssociationId"]
    filters = [{"Name": "ipv6-cidr-block-association.association-id", "Values": [association]}]
    [subnet] = scene.ec2.describe_subnets(Filters=filters)["Subnets"]
    assert subnet["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlockState"] == {"State": "associated"}
    with pytest.raises(ClientError, match=r"InvalidSubnet\.Conflict"):
        scene.ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.2.0/24", Ipv6CidrBlock=block)


def test_an_endpoint_has_the_addresses_it_was_given(scene: Scene) -> None:
    """An interface endpoint's interfaces are in its subnets, at the requested addresses, with its security groups."""
    second = scene.new_subnet("10.0.2.0/24", zone=1)
    endpoint = scene.endpoint(
        SubnetIds=[scene.subnet, second],
        SubnetConfigurations=[{"SubnetId": scene.subnet, "Ipv4": "10.0.1.10"}],
        SecurityGroupIds=[scene.group],
        DnsOptions={"DnsRecordIpType": "ipv4"},
        IpAddressType="ipv4",
    )
    [described] = scene.ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint])["VpcEndpoints"]
    assert described["DnsOptions"]["DnsRecordIpType"] == described["IpAddressType"] == "ipv4"
    interfaces = {
        interface["SubnetId"]: interface
        for interface in scene.ec2.describe_network_interfaces(NetworkInterfaceIds=described["NetworkInterfaceIds"])[
            "NetworkInterfaces"
        ]
    }
    assert interfaces[scene.subnet]["PrivateIpAddress"] == "10.0.1.10"
    assert ipaddress.ip_address(interfaces[second]["PrivateIpAddress"]) in ipaddress.ip_network("10.0.2.0/24")
    assert [group["GroupId"] for group in interfaces[second]["Groups"]] == [scene.group]
    scene.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, RemoveSubnetIds=[second])
    [described] = scene.ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint])["VpcEndpoints"]
    assert described["SubnetIds"] == [scene.subnet]
    assert described["NetworkInterfaceIds"] == [interfaces[scene.subnet]["NetworkInterfaceId"]]
    scene.ec2.delete_subnet(SubnetId=second)


def test_a_nat_gateway_leaves_nothing(scene: Scene) -> None:
    """The address can be released, the subnet deleted and the internet gateway detached after DeleteNatGateway."""
    nat = scene.new_nat()
    [described] = scene.ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"]
    scene.ec2.delete_nat_gateway(NatGatewayId=nat)
    scene.ec2.release_address(AllocationId=described["NatGatewayAddresses"][0]["AllocationId"])
    scene.ec2.delete_subnet(SubnetId=scene.subnet)
    scene.ec2.detach_internet_gateway(InternetGatewayId=scene.gateway, VpcId=scene.vpc)
    scene.ec2.delete_internet_gateway(InternetGatewayId=scene.gateway)
    scene.ec2.delete_vpc(VpcId=scene.vpc)


def test_a_nat_gateway_on_an_address_in_use_fails(scene: Scene) -> None:
    """A NAT gateway on an address in use is accepted, has failed at the next look, and leaves the address where it was
    (https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html).
    """
    first = scene.new_nat()
    [described] = scene.ec2.describe_nat_gateways(NatGatewayIds=[first])["NatGateways"]
    allocation = described["NatGatewayAddresses"][0]["AllocationId"]
    second = scene.ec2.create_nat_gateway(SubnetId=scene.subnet, AllocationId=allocation)["NatGateway"]["NatGatewayId"]
    [failed] = scene.ec2.describe_nat_gateways(NatGatewayIds=[second])["NatGateways"]
    assert (failed["State"], failed["FailureCode"]) == ("failed", "Resource.AlreadyAssociated")
    assert failed["FailureMessage"] == f"Elastic IP address [{allocation}] is already associated"
    scene.ec2.delete_nat_gateway(NatGatewayId=second)
    [standing] = scene.ec2.describe_nat_gateways(NatGatewayIds=[first])["NatGateways"]
    assert standing["State"] == "available"
    with pytest.raises(ClientError, match=r"InvalidIPAddress\.InUse"):
        scene.ec2.release_address(AllocationId=allocation)


def test_a_nat_gateway_without_an_internet_gateway_fails(scene: Scene) -> None:
    """A public NAT gateway fails in a VPC without an internet gateway; a private one does not."""
    made = scene.ec2.create_nat_gateway(SubnetId=scene.subnet, AllocationId=scene.new_address())["NatGateway"]
    [failed] = scene.ec2.describe_nat_gateways(NatGatewayIds=[made["NatGatewayId"]])["NatGateways"]
    assert (failed["State"], failed["FailureCode"]) == ("failed", "Gateway.NotAttached")
    scene.ec2.delete_subnet(SubnetId=scene.subnet)
    private = Scene(scene.world)
    made = private.ec2.create_nat_gateway(SubnetId=private.subnet, ConnectivityType="private")["NatGateway"]
    [standing] = private.ec2.describe_nat_gateways(NatGatewayIds=[made["NatGatewayId"]])["NatGateways"]
    assert standing["State"] == "available"


def test_the_default_vpc_reaches_the_internet(scene: Scene) -> None:
    """The default VPC of every region has an internet gateway and a default route to it
    (https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc.html)."""
    for region in ("eu-west-1", "us-east-1"):
        ec2 = scene.world.administrator("ec2", region=region)
        vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
        filters = [{"Name": "attachment.vpc-id", "Values": [vpc]}]
        [gateway] = ec2.describe_internet_gateways(Filters=filters)["InternetGateways"]
        [table] = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
        routes = {route["DestinationCidrBlock"]: route["GatewayId"] for route in table["Routes"]}
        assert routes == {"172.31.0.0/16": "local", "0.0.0.0/0": gateway["InternetGatewayId"]}


def test_log_groups_have_a_class(scene: Scene) -> None:
    """DescribeLogGroups shows the class of a group; the default is STANDARD."""
    name = scene.name("/class")
    scene.logs.create_log_group(logGroupName=f"{name}/a", logGroupClass="INFREQUENT_ACCESS")
    scene.logs.create_log_group(logGroupName=f"{name}/b")
    groups = scene.logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    assert [group["logGroupClass"] for group in groups] == ["INFREQUENT_ACCESS", "STANDARD"]


def test_a_subnet_group_of_caches_can_be_deleted(scene: Scene) -> None:
    """DeleteCacheSubnetGroup removes the group; a second time it is not there."""
    name = scene.name("caches")
    scene.elasticache.create_cache_subnet_group(
        CacheSubnetGroupName=name, CacheSubnetGroupDescription="d", SubnetIds=[scene.subnet]
    )
    scene.elasticache.delete_cache_subnet_group(CacheSubnetGroupName=name)
    with pytest.raises(ClientError, match="CacheSubnetGroupNotFound"):
        scene.elasticache.delete_cache_subnet_group(CacheSubnetGroupName=name)


def test_a_user_can_be_destroyed_by_force(scene: Scene) -> None:
    """ListServiceSpecificCredentials, which Terraform calls before deleting a user, lists none; it fails for a missing user."""
    name = scene.name("user")
    scene.iam.create_user(UserName=name)
    assert scene.iam.list_service_specific_credentials(UserName=name)["ServiceSpecificCredentials"] == []
    with pytest.raises(ClientError, match="NoSuchEntity"):
        scene.iam.list_service_specific_credentials(UserName="nobody")


def test_permission_sets_show_their_tags(scene: Scene) -> None:
    """ListTagsForResource shows the tags of CreatePermissionSet."""
    instance = "arn:aws:sso:::instance/ssoins-1234567890123456"
    made = scene.sso_admin.create_permission_set(
        Name=scene.name("set"), InstanceArn=instance, Tags=[{"Key": "a", "Value": "b"}]
    )
    arn = made["PermissionSet"]["PermissionSetArn"]
    answer = scene.sso_admin.list_tags_for_resource(InstanceArn=instance, ResourceArn=arn)
    assert answer["Tags"] == [{"Key": "a", "Value": "b"}]


def test_recommended_machine_images_are_json(scene: Scene) -> None:
    """The parameter that recommends an image for ECS holds JSON, the one below it the id in that JSON.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/retrieve-ecs-optimized_AMI.html
    """
    name = "/aws/service/ecs/optimized-ami/amazon-linux-2/recommended"
    recommended = json.loads(scene.ssm.get_parameter(Name=name)["Parameter"]["Value"])
    assert recommended["image_id"] == scene.ssm.get_parameter(Name=f"{name}/image_id")["Parameter"]["Value"]


def test_the_image_of_fluent_bit_is_known(scene: Scene) -> None:
    """The public parameter that FireLens stacks read names an image, by GetParameter and GetParameters alike."""
    name = "/aws/service/aws-for-fluent-bit/stable"
    value = scene.ssm.get_parameter(Name=name)["Parameter"]["Value"]
    assert value.startswith("public.ecr.aws/aws-observability/aws-for-fluent-bit:")
    assert [p["Value"] for p in scene.ssm.get_parameters(Names=[name])["Parameters"]] == [value]
    with pytest.raises(ClientError, match="ParameterNotFound"):
        scene.ssm.get_parameter(Name="/aws/service/aws-for-fluent-bit/no-such-tag")
