"""The emulated network path of a task, in a world of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError

from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.world import World
from pushproof.engines.reachability import Circumstances

REGION = "eu-west-1"


class Site:
    """A world with a private subnet in each of two zones, both leaving by one NAT gateway in the first."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ec2: Any = world.administrator("ec2")
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.ec2.modify_vpc_attribute(VpcId=self.vpc, EnableDnsHostnames={"Value": True})
        igw = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=igw, VpcId=self.vpc)
        self.public = self.subnet(0, "a")
        self.private = {zone: self.subnet(n, zone) for n, zone in enumerate("ab", 1)}
        self.table([self.public], GatewayId=igw)
        address = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        nat = self.ec2.create_nat_gateway(SubnetId=self.public, AllocationId=address)["NatGateway"]["NatGatewayId"]
        self.private_table = self.table(list(self.private.values()), NatGatewayId=nat)
        self.group = self.ec2.create_security_group(GroupName="t", Description="t", VpcId=self.vpc)["GroupId"]

    def subnet(self, number: int, zone: str) -> str:
        made = self.ec2.create_subnet(
            VpcId=self.vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{REGION}{zone}"
        )
        return str(made["Subnet"]["SubnetId"])

    def table(self, subnets: list[str], **target: str) -> str:
        identifier = self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        self.ec2.create_route(RouteTableId=identifier, DestinationCidrBlock="0.0.0.0/0", **target)
        for subnet in subnets:
            self.ec2.associate_route_table(RouteTableId=identifier, SubnetId=subnet)
        return str(identifier)

    def refusal(self, to: str, zone: str = "a", **how: Any) -> str | None:
        return self.world.paths.refusal(
            region=REGION, subnet_id=self.private[zone], security_group_ids=[self.group], to=to, **how
        )


@pytest.fixture
def site() -> Iterator[Site]:
    with World.virtual() as world:
        yield Site(world)


def test_a_task_behind_nat_reaches_what_it_needs(site: Site) -> None:
    """Every service and the internet are reachable with a NAT gateway."""
    assert [site.refusal(to) for to in ("ecr.api", "ecr.dkr", "s3", "logs", "secretsmanager", "internet")] == [None] * 6


def test_a_change_in_ec2_counts_at_once(site: Site) -> None:
    """A change through the gateway counts for the next question, and only then is EC2 read again."""
    assert site.refusal("ecr.dkr") is None
    site.ec2.delete_route(RouteTableId=site.private_table, DestinationCidrBlock="0.0.0.0/0")
    refused = site.refusal("ecr.dkr")
    assert refused is not None
    assert f"Route table {site.private_table} of {site.private['a']} has no route" in refused


def test_the_network_is_read_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Questions between two changes are answered from what was read, for all subnets of the VPC."""
    read: list[str] = []
    client = site.world.substrate.client

    def counting(service: str, region: str) -> Any:
        read.append(service)
        return client(service, region)

    monkeypatch.setattr(site.world.substrate, "client", counting)
    for zone in "abab":
        assert site.refusal("logs", zone) is None
    assert read == ["ec2"]
    site.ec2.describe_vpcs()
    assert site.refusal("logs") is None
    assert read == ["ec2"]
    site.ec2.create_vpc(CidrBlock="10.9.0.0/16")
    assert site.refusal("logs") is None
    assert read == ["ec2", "ec2"]


def test_a_lost_zone_takes_the_shared_nat_gateway_with_it(site: Site) -> None:
    """Cliff 1: with one NAT gateway for all zones, losing its zone cuts off the other; bringing it back mends it."""
    site.world.paths.set_zone_down("eu-west-1a")
    refused = site.refusal("ecr.api", "b")
    assert refused is not None
    assert "is in eu-west-1a, which is down" in refused
    site.world.paths.set_zone_down("eu-west-1a", down=False)
    assert site.refusal("ecr.api", "b") is None


def test_where_endpoints_are_demanded_nat_does_not_do(site: Site) -> None:
    """Cliff 4: under an organisation's demand for VPC endpoints each missing one is refused, until it is there."""
    site.world.paths.require_vpc_endpoints()
    for service in ("ecr.api", "ecr.dkr", "s3"):
        refused = site.refusal(service)
        assert refused is not None
        assert "does not do" in refused
    assert site.refusal("internet") is None
    site.ec2.create_vpc_endpoint(
        VpcId=site.vpc,
        VpcEndpointType="Gateway",
        ServiceName=f"com.amazonaws.{REGION}.s3",
        RouteTableIds=[site.private_table],
    )
    guard = site.ec2.create_security_group(GroupName="e", Description="e", VpcId=site.vpc)["GroupId"]
    site.ec2.create_vpc_endpoint(
        VpcId=site.vpc,
        VpcEndpointType="Interface",
        ServiceName=f"com.amazonaws.{REGION}.ecr.dkr",
        SubnetIds=list(site.private.values()),
        SecurityGroupIds=[guard],
        PrivateDnsEnabled=True,
    )
    assert site.refusal("s3") is None
    closed = site.refusal("ecr.dkr")
    assert closed is not None
    assert f"No ingress rule of {guard}" in closed
    permission = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.0.0.0/16"}]}
    site.ec2.authorize_security_group_ingress(GroupId=guard, IpPermissions=[permission])
    assert site.refusal("ecr.dkr") is None
    site.world.paths.require_vpc_endpoints(False)
    assert site.refusal("ecr.api") is None


def test_a_public_subnet_needs_a_public_address(site: Site) -> None:
    """A task in a public subnet reaches nothing without a public address, and everything with one."""
    site.private["p"] = site.public
    refused = site.refusal("ecr.api", "p")
    assert refused is not None
    assert "has no public address" in refused
    assert site.refusal("ecr.api", "p", public_ip=True) is None


def test_what_ec2_does_not_know_is_refused_in_its_words(site: Site) -> None:
    """A subnet or security group that does not exist is a refusal that names it, not an exception."""
    site.private["x"] = "subnet-0123456789abcdef0"
    assert "subnet-0123456789abcdef0" in (site.refusal("s3", "x") or "")
    site.group = "sg-0123456789abcdef0"
    assert "sg-0123456789abcdef0" in (site.refusal("s3") or "")


def test_a_world_may_begin_in_trouble_or_not_enforce_paths() -> None:
    """Settings decide with which circumstances a world begins, and whether the network is enforced at all."""
    settings = {"circumstances": Circumstances(require_vpc_endpoints=True)}
    with World.virtual(WorldSettings(**settings)) as world:
        assert Site(world).refusal("logs") is not None
    with World.virtual(WorldSettings(enforce_network=False, **settings)) as world:
        assert Site(world).refusal("logs") is None


@pytest.fixture
def inside(site: Site) -> Callable[[str], Any]:
    """Makes clients that call from a private subnet, over the wire and once."""
    site.world.serve()
    iam = site.world.administrator("iam")
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
    iam.create_role(RoleName="task", AssumeRolePolicyDocument=json.dumps(trust))
    iam.attach_role_policy(RoleName="task", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    arn = iam.get_role(RoleName="task")["Role"]["Arn"]
    keys = site.world.administrator("sts").assume_role(RoleArn=arn, RoleSessionName="task")["Credentials"]
    site.world.paths.settle(
        keys["AccessKeyId"],
        region=REGION,
        subnet_id=site.private["a"],
        security_group_ids=[site.group],
        public_ip=False,
    )

    def make(service: str) -> Any:
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=site.world.endpoint,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
            config=Config(retries={"total_max_attempts": 1}),
        )

    return make


def test_a_call_from_a_task_needs_a_way(site: Site, inside: Callable[[str], Any]) -> None:
    """Calls pass by the NAT gateway; without it the connection ends, and the call is not carried out."""
    topics = inside("sns")
    topics.create_topic(Name="first")
    site.ec2.delete_route(RouteTableId=site.private_table, DestinationCidrBlock="0.0.0.0/0")
    with pytest.raises(ConnectionClosedError):
        topics.create_topic(Name="second")
    listed = site.world.administrator("sns").list_topics()["Topics"]
    assert [topic["TopicArn"].rpartition(":")[2] for topic in listed] == ["first"]


def test_an_endpoint_is_a_way_to_its_service_only(site: Site, inside: Callable[[str], Any]) -> None:
    """S3 answers by its gateway endpoint, ECR by an interface endpoint that lets the task in, and nothing else answers."""
    site.ec2.delete_route(RouteTableId=site.private_table, DestinationCidrBlock="0.0.0.0/0")
    site.ec2.create_vpc_endpoint(
        VpcId=site.vpc,
        VpcEndpointType="Gateway",
        ServiceName=f"com.amazonaws.{REGION}.s3",
        RouteTableIds=[site.private_table],
    )
    assert inside("s3").list_buckets()["Buckets"] == []
    with pytest.raises(ConnectionClosedError):
        inside("ecr").get_authorization_token()
    guard = site.ec2.create_security_group(GroupName="e", Description="e", VpcId=site.vpc)["GroupId"]
    site.ec2.create_vpc_endpoint(
        VpcId=site.vpc,
        VpcEndpointType="Interface",
        ServiceName=f"com.amazonaws.{REGION}.ecr.api",
        SubnetIds=list(site.private.values()),
        SecurityGroupIds=[guard],
        PrivateDnsEnabled=True,
    )
    with pytest.raises(ConnectionClosedError):
        inside("ecr").get_authorization_token()
    permission = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.0.0.0/16"}]}
    site.ec2.authorize_security_group_ingress(GroupId=guard, IpPermissions=[permission])
    assert inside("ecr").get_authorization_token()["authorizationData"]


def test_a_call_from_nowhere_in_particular_is_not_judged(site: Site) -> None:
    """Terraform, the tests and people are not in the VPC: their calls pass whatever its routes are."""
    site.ec2.delete_route(RouteTableId=site.private_table, DestinationCidrBlock="0.0.0.0/0")
    assert site.world.paths.call_refusal("AKIANOBODY", "sns", REGION) is None
