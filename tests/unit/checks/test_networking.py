"""The networking checks against a VPC laid out as the reference is, whole and with each mistake in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from pushproof.checks.check import UnknownName
from pushproof.checks.networking import NetworkingChecks
from pushproof.checks.verdict import Verdict
from pushproof.terraform.addresses import TerraformAddresses

REGION = "eu-west-1"
ZONES = ("eu-west-1a", "eu-west-1b")


class Vpc:
    """A VPC as the reference infrastructure makes it, with handles to break it by."""

    def __init__(self, session: boto3.Session) -> None:
        self.session = session
        self.ec2: Any = session.client("ec2")
        self.id = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.ec2.modify_vpc_attribute(VpcId=self.id, EnableDnsHostnames={"Value": True})
        self.igw = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=self.igw, VpcId=self.id)
        self.public = [self.subnet(n, zone) for n, zone in enumerate(ZONES)]
        self.private = [self.subnet(n + 2, zone) for n, zone in enumerate(ZONES)]
        self.public_table = self.table(self.public, GatewayId=self.igw)
        self.nats = [self.nat(subnet) for subnet in self.public]
        self.tables = [self.table([s], NatGatewayId=n) for s, n in zip(self.private, self.nats, strict=True)]
        self.alb_group = self.group("alb", 443, IpRanges=[{"CidrIp": "0.0.0.0/0"}])
        self.task_group = self.group("task", 8080, UserIdGroupPairs=[{"GroupId": self.alb_group}])
        self.endpoint_group = self.group("endpoint", 443, IpRanges=[{"CidrIp": "10.0.0.0/16"}])
        self.endpoints = {name: self.interface_endpoint(name) for name in ("ecr.api", "ecr.dkr")}
        self.s3 = self.ec2.create_vpc_endpoint(
            VpcId=self.id,
            VpcEndpointType="Gateway",
            ServiceName=f"com.amazonaws.{REGION}.s3",
            RouteTableIds=self.tables,
        )["VpcEndpoint"]["VpcEndpointId"]

    def subnet(self, number: int, zone: str) -> str:
        made = self.ec2.create_subnet(VpcId=self.id, CidrBlock=f"10.0.{number * 16}.0/20", AvailabilityZone=zone)
        return str(made["Subnet"]["SubnetId"])

    def table(self, subnets: list[str], **target: str) -> str:
        identifier = self.ec2.create_route_table(VpcId=self.id)["RouteTable"]["RouteTableId"]
        self.ec2.create_route(RouteTableId=identifier, DestinationCidrBlock="0.0.0.0/0", **target)
        for subnet in subnets:
            self.ec2.associate_route_table(RouteTableId=identifier, SubnetId=subnet)
        return str(identifier)

    def nat(self, subnet: str) -> str:
        address = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        made = self.ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)
        return str(made["NatGateway"]["NatGatewayId"])

    def group(self, name: str, port: int, **peers: Any) -> str:
        identifier = self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.id)["GroupId"]
        self.admit(identifier, port, **peers)
        return str(identifier)

    def admit(self, group: str, port: int, **peers: Any) -> None:
        permission = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **peers}
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])

    def interface_endpoint(self, name: str, *, private_dns: bool = True, subnets: list[str] | None = None) -> str:
        made = self.ec2.create_vpc_endpoint(
            VpcId=self.id,
            VpcEndpointType="Interface",
            ServiceName=f"com.amazonaws.{REGION}.{name}",
            SubnetIds=subnets or self.private,
            SecurityGroupIds=[self.endpoint_group],
            PrivateDnsEnabled=private_dns,
        )
        return str(made["VpcEndpoint"]["VpcEndpointId"])

    def reroute(self, table: str, **target: str) -> None:
        self.ec2.replace_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", **target)

    def service(
        self,
        *,
        public_ip: str = "DISABLED",
        subnets: list[str] | None = None,
        balanced: bool = True,
        image: str = "i",
    ) -> None:
        ecs: Any = self.session.client("ecs")
        elbv2: Any = self.session.client("elbv2")
        ecs.create_cluster(clusterName="c")
        ecs.register_task_definition(
            family="f", networkMode="awsvpc", containerDefinitions=[{"name": "app", "image": image, "memory": 128}]
        )
        balancer = elbv2.create_load_balancer(
            Name="alb", Subnets=self.public, SecurityGroups=[self.alb_group], Scheme="internet-facing"
        )["LoadBalancers"][0]["LoadBalancerArn"]
        target = elbv2.create_target_group(Name="t", Protocol="HTTP", Port=8080, VpcId=self.id, TargetType="ip")
        arn = target["TargetGroups"][0]["TargetGroupArn"]
        elbv2.create_listener(
            LoadBalancerArn=balancer,
            Protocol="HTTP",
            Port=443,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": arn}],
        )
        wiring = {
            "awsvpcConfiguration": {
                "subnets": subnets or self.private,
                "securityGroups": [self.task_group],
                "assignPublicIp": public_ip,
            }
        }
        behind = [{"targetGroupArn": arn, "containerName": "app", "containerPort": 8080}] if balanced else []
        ecs.create_service(
            cluster="c",
            serviceName="s",
            taskDefinition="f",
            desiredCount=0,
            launchType="FARGATE",
            networkConfiguration=wiring,
            loadBalancers=behind,
        )

    def checks(self, **settings: Any) -> NetworkingChecks:
        return NetworkingChecks(self.session.client, vpc_id=self.id, **settings)


@pytest.fixture
def vpc() -> Iterator[Vpc]:
    with mock_aws():
        yield Vpc(boto3.Session("testing", "testing", region_name=REGION))


def told(verdict: Verdict) -> str:
    """The findings, of which there must be some, as they print."""
    assert verdict.findings
    with pytest.raises(AssertionError) as failure:
        verdict.require()
    for finding in verdict.findings:
        for part in (finding.resource, finding.expected, finding.found, finding.why, finding.change):
            assert part
    return str(failure.value)


def test_the_reference_network_has_no_findings(vpc: Vpc) -> None:
    """A network laid out as the reference passes every check, with a service in it and without."""
    assert vpc.checks().is_sound()
    vpc.service()
    networking = vpc.checks()
    assert networking.is_sound()
    assert networking.tasks_have_only_private_addresses()
    assert networking.tasks_admit_only_the_load_balancer()
    assert networking.load_balancers_are_in_public_subnets()


def test_one_nat_gateway_for_all_zones_is_found(vpc: Vpc) -> None:
    """Cliff 1: a NAT gateway shared by two zones is named, with the zone whose loss takes the other's way out."""
    vpc.reroute(vpc.tables[1], NatGatewayId=vpc.nats[0])
    text = told(vpc.checks().every_private_subnet_leaves_by_its_own_zone())
    assert f"{vpc.private[1]} leaves by {vpc.nats[0]}, which is in eu-west-1a" in " ".join(text.split())
    assert vpc.tables[1] in text
    lost = told(vpc.checks().survives_loss_of_any_zone())
    assert "while eu-west-1a is down" in " ".join(lost.split())


def test_a_private_subnet_without_a_way_out_is_found(vpc: Vpc) -> None:
    """A private subnet whose NAT gateway is gone does not pass as one that leaves by its own zone."""
    vpc.ec2.delete_nat_gateway(NatGatewayId=vpc.nats[1])
    verdict = vpc.checks().every_private_subnet_leaves_by_its_own_zone()
    assert [finding.resource for finding in verdict.findings] == [vpc.private[1]]


def test_a_single_zone_is_found(vpc: Vpc) -> None:
    """Private subnets in one zone do not survive the loss of any zone."""
    assert "at least two availability zones" in told(
        vpc.checks(private_subnet_ids=vpc.private[:1]).survives_loss_of_any_zone()
    )


def test_endpoints_in_one_zone_only_are_found(vpc: Vpc) -> None:
    """An interface endpoint with an address in one zone only is lost with that zone, for the other zone too."""
    vpc.ec2.delete_vpc_endpoints(VpcEndpointIds=[vpc.endpoints["ecr.dkr"]])
    single = vpc.interface_endpoint("ecr.dkr", subnets=vpc.private[:1])
    verdict = vpc.checks().survives_loss_of_any_zone()
    assert {finding.resource for finding in verdict.findings} == {single}


def test_missing_ecr_endpoint_is_found(vpc: Vpc) -> None:
    """Cliff 4: where endpoints are demanded a NAT gateway is no way to ECR, and the symptom is named."""
    vpc.ec2.delete_vpc_endpoints(VpcEndpointIds=[vpc.endpoints["ecr.dkr"]])
    assert vpc.checks().tasks_reach_what_they_need(("ecr.dkr",)), "NAT does where nothing demands endpoints"
    text = told(vpc.checks().endpoints_are_reachable_on_443())
    assert "CannotPullContainerError" in text
    assert f"Create a VPC endpoint (Interface) for ecr.dkr in {vpc.id}" in " ".join(text.split())
    assert vpc.checks().tasks_reach_what_they_need(("ecr.dkr",), require_vpc_endpoints=True).findings


def test_private_dns_off_is_found(vpc: Vpc) -> None:
    """Cliff 4: an endpoint without private DNS is bypassed, and the finding says by what."""
    vpc.ec2.delete_vpc_endpoints(VpcEndpointIds=[vpc.endpoints["ecr.api"]])
    plain = vpc.interface_endpoint("ecr.api", private_dns=False)
    text = told(vpc.checks().endpoints_are_reachable_on_443())
    assert f"{plain} has private DNS off" in text
    assert "ResourceInitializationError" in text


def test_dns_hostnames_off_is_found(vpc: Vpc) -> None:
    """Cliff 4: private DNS does nothing in a VPC without DNS hostnames."""
    vpc.ec2.modify_vpc_attribute(VpcId=vpc.id, EnableDnsHostnames={"Value": False})
    assert "enableDnsHostnames" in told(vpc.checks().endpoints_are_reachable_on_443())


def test_a_closed_endpoint_group_is_found(vpc: Vpc) -> None:
    """Cliff 4: the check reports an endpoint that does not admit 443 from the tasks, even with a NAT gateway."""
    permission = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.0.0.0/16"}]}
    vpc.ec2.revoke_security_group_ingress(GroupId=vpc.endpoint_group, IpPermissions=[permission])
    verdict = vpc.checks().endpoints_are_reachable_on_443()
    assert {finding.resource for finding in verdict.findings} == {vpc.endpoint_group}
    assert vpc.checks().tasks_reach_what_they_need(("ecr.api",)).findings


def test_a_private_table_without_the_s3_endpoint_is_found(vpc: Vpc) -> None:
    """Cliff 4: the check reports a gateway endpoint that is missing on one private table, or missing at all."""
    vpc.ec2.delete_vpc_endpoints(VpcEndpointIds=[vpc.s3])
    for table in vpc.tables:
        routes = vpc.ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
        for route in routes:
            if "DestinationPrefixListId" in route:
                vpc.ec2.delete_route(RouteTableId=table, DestinationPrefixListId=route["DestinationPrefixListId"])
    assert {f.resource for f in vpc.checks().every_private_route_table_has_the_s3_endpoint().findings} == set(
        vpc.tables
    )
    vpc.ec2.create_vpc_endpoint(VpcId=vpc.id, ServiceName=f"com.amazonaws.{REGION}.s3", RouteTableIds=vpc.tables[:1])
    verdict = vpc.checks().every_private_route_table_has_the_s3_endpoint()
    assert [finding.resource for finding in verdict.findings] == [vpc.tables[1]]
    assert "CannotPullContainerError although ecr.api and ecr.dkr answer" in " ".join(told(verdict).split())


def test_an_endpoint_policy_without_the_layer_bucket_is_found(vpc: Vpc) -> None:
    """Cliff 4: an S3 endpoint policy that admits one's own bucket only keeps image layers out."""
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::mine/*"}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    vpc.ec2.modify_vpc_endpoint(VpcEndpointId=vpc.s3, PolicyDocument=json.dumps(document))
    verdict = vpc.checks().tasks_reach_what_they_need(("s3",))
    assert {finding.resource for finding in verdict.findings} == {vpc.s3}
    assert "starport-layer-bucket" in told(verdict)


def test_a_private_subnet_on_the_public_table_is_found(vpc: Vpc) -> None:
    """The check reports a private subnet that routes to the internet gateway, whether or not it is declared private."""
    vpc.reroute(vpc.tables[0], GatewayId=vpc.igw)
    networking = vpc.checks(private_subnet_ids=vpc.private)
    verdict = networking.private_subnets_are_private()
    assert [finding.resource for finding in verdict.findings] == [vpc.tables[0]]
    assert networking.every_private_subnet_leaves_by_its_own_zone().findings


def test_public_addresses_on_launch_are_found(vpc: Vpc) -> None:
    """The check reports a private subnet that hands out public addresses."""
    vpc.ec2.modify_subnet_attribute(SubnetId=vpc.private[0], MapPublicIpOnLaunch={"Value": True})
    assert "map_public_ip_on_launch" in told(vpc.checks().private_subnets_are_private())


def test_a_subnet_without_association_is_found(vpc: Vpc) -> None:
    """The check reports a subnet that falls back to the main table."""
    extra = vpc.subnet(5, "eu-west-1a")
    assert [finding.resource for finding in vpc.checks().every_subnet_has_an_explicit_route_table().findings] == [extra]


def test_public_tasks_are_found(vpc: Vpc) -> None:
    """The check reports a service with public addresses in public subnets, and an open port of its tasks as an exposure."""
    vpc.service(public_ip="ENABLED", subnets=vpc.public)
    text = told(vpc.checks().tasks_have_only_private_addresses())
    assert "assignPublicIp ENABLED" in text
    assert "which is public" in text
    assert vpc.checks().private_subnets_are_private()
    vpc.admit(vpc.task_group, 8080, IpRanges=[{"CidrIp": "0.0.0.0/0"}])
    assert "tcp 8080 is open to the internet" in told(vpc.checks().private_subnets_are_private())


def test_tasks_that_admit_more_than_the_load_balancer_are_found(vpc: Vpc) -> None:
    """The check reports a task group that is open to the VPC or on another port, or that shuts out the load balancer."""
    vpc.service()
    vpc.admit(vpc.task_group, 8080, IpRanges=[{"CidrIp": "10.0.0.0/16"}])
    vpc.admit(vpc.task_group, 22, UserIdGroupPairs=[{"GroupId": vpc.alb_group}])
    text = told(vpc.checks().tasks_admit_only_the_load_balancer())
    assert "it admits 10.0.0.0/16 on tcp 8080" in text
    assert "on tcp 22" in text
    udp = {"IpProtocol": "udp", "FromPort": 8080, "ToPort": 8080, "UserIdGroupPairs": [{"GroupId": vpc.alb_group}]}
    vpc.ec2.authorize_security_group_ingress(GroupId=vpc.task_group, IpPermissions=[udp])
    assert f"it admits {vpc.alb_group} on udp 8080" in told(vpc.checks().tasks_admit_only_the_load_balancer())
    permission = {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080}
    peers: list[dict[str, Any]] = [
        {"UserIdGroupPairs": [{"GroupId": vpc.alb_group}]},
        {"IpRanges": [{"CidrIp": "10.0.0.0/16"}]},
    ]
    for peer in peers:
        vpc.ec2.revoke_security_group_ingress(GroupId=vpc.task_group, IpPermissions=[permission | peer])
    assert "Target.Timeout" in told(vpc.checks().tasks_admit_only_the_load_balancer())


def test_a_load_balancer_nobody_reaches_is_found(vpc: Vpc) -> None:
    """The check reports an internet-facing load balancer whose group does not admit its listener's port."""
    vpc.service()
    permission = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    vpc.ec2.revoke_security_group_ingress(GroupId=vpc.alb_group, IpPermissions=[permission])
    assert "clients reach its listener on 443" in told(vpc.checks().load_balancers_are_in_public_subnets())


def test_nothing_to_look_at_is_a_finding(vpc: Vpc) -> None:
    """An empty VPC, no private subnets, no service, no load balancer: none of it passes in silence."""
    networking = vpc.checks()
    for check in (
        networking.tasks_have_only_private_addresses,
        networking.tasks_admit_only_the_load_balancer,
        networking.load_balancers_are_in_public_subnets,
    ):
        assert "proves nothing" in told(check())
    assert "private subnets" in told(vpc.checks(private_subnet_ids=()).endpoints_are_reachable_on_443())
    empty = vpc.ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    bare = NetworkingChecks(vpc.session.client, vpc_id=empty)
    assert len(bare.is_sound().findings) == 5
    with pytest.raises(UnknownName, match="InvalidVpcID"):
        NetworkingChecks(vpc.session.client, vpc_id="vpc-0").is_sound()


def test_findings_carry_the_terraform_address(vpc: Vpc) -> None:
    """A finding names the resource's Terraform address if a state is available."""
    vpc.reroute(vpc.tables[1], NatGatewayId=vpc.nats[0])
    resource = {
        "mode": "managed",
        "module": "module.networking",
        "type": "aws_route_table",
        "name": "private",
        "instances": [{"index_key": 1, "attributes": {"id": vpc.tables[1]}}],
    }
    addresses = TerraformAddresses({"version": 4, "resources": [resource]})
    verdict = vpc.checks(addresses=addresses).every_private_subnet_leaves_by_its_own_zone()
    assert "module.networking.aws_route_table.private[1]" in told(verdict)


def test_refresh_reads_anew(vpc: Vpc) -> None:
    """A network is read once; after a refresh the change is seen."""
    networking = vpc.checks()
    assert networking.every_private_subnet_leaves_by_its_own_zone()
    vpc.reroute(vpc.tables[1], NatGatewayId=vpc.nats[0])
    assert networking.every_private_subnet_leaves_by_its_own_zone()
    networking.refresh()
    assert networking.every_private_subnet_leaves_by_its_own_zone().findings


# On other people's networks.


def test_a_vpc_with_nat_gateways_and_no_endpoint_is_sound(vpc: Vpc) -> None:
    """A NAT gateway in each zone replaces endpoints. The endpoint check reports their absence once, with the reason."""
    vpc.ec2.delete_vpc_endpoints(VpcEndpointIds=[*vpc.endpoints.values(), vpc.s3])
    for table in vpc.tables:
        for route in vpc.ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]:
            if "DestinationPrefixListId" in route:
                vpc.ec2.delete_route(RouteTableId=table, DestinationPrefixListId=route["DestinationPrefixListId"])
    assert vpc.checks().is_sound()
    verdict = vpc.checks().endpoints_are_reachable_on_443()
    assert len(verdict.findings) <= 2, "one for each service, whatever the number of subnets"
    for finding in verdict.findings:
        assert finding.found == "It is called by its public address, through a NAT gateway and not a VPC endpoint."
        assert finding.why.startswith("It works, and each gigabyte is paid for at the gateway.")


def test_isolated_subnets_are_no_fault(vpc: Vpc) -> None:
    """Subnets without a default route and without tasks, as databases have, need no way out; named, they are asked about."""
    data = [vpc.subnet(n + 8, zone) for n, zone in enumerate(ZONES)]
    table = vpc.ec2.create_route_table(VpcId=vpc.id)["RouteTable"]["RouteTableId"]
    for subnet in data:
        vpc.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    assert vpc.checks().is_sound()
    assert {subnet.id for subnet in vpc.checks().private_subnets} == {*vpc.private, *data}
    named = vpc.checks(private_subnet_ids=data)
    assert named.private_subnets_are_private()
    text = told(named.endpoints_are_reachable_on_443(("logs",)))
    assert "through a NAT or internet gateway" not in text
    assert "no route" in text
    assert [f.resource for f in named.every_private_subnet_leaves_by_its_own_zone().findings] == data


def test_isolated_subnets_in_which_tasks_run_are_asked_about(vpc: Vpc) -> None:
    """A subnet that lost its default route is not taken for isolated while tasks run in it."""
    vpc.service()
    vpc.ec2.delete_route(RouteTableId=vpc.tables[0], DestinationCidrBlock="0.0.0.0/0")
    findings = vpc.checks().every_private_subnet_leaves_by_its_own_zone().findings
    assert [finding.resource for finding in findings] == [vpc.private[0]]


def test_a_default_route_that_is_too_narrow_is_found(vpc: Vpc) -> None:
    """0.0.0.0/1 is half of the internet."""
    vpc.ec2.delete_route(RouteTableId=vpc.tables[0], DestinationCidrBlock="0.0.0.0/0")
    vpc.ec2.create_route(RouteTableId=vpc.tables[0], DestinationCidrBlock="0.0.0.0/1", NatGatewayId=vpc.nats[0])
    named = vpc.checks(private_subnet_ids=vpc.private)
    assert vpc.private[0] in told(named.every_private_subnet_leaves_by_its_own_zone())


def policy(action: str, resource: str) -> str:
    statement = {"Effect": "Allow", "Principal": "*", "Action": action, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_an_endpoint_policy_for_ones_own_repositories_is_enough(vpc: Vpc) -> None:
    """A policy must let through the repositories that tasks pull from, and need not let through any other."""
    account = vpc.session.client("sts").get_caller_identity()["Account"]
    own, others = (f"arn:aws:ecr:{REGION}:{account}:repository/{name}" for name in ("shop", "elsewhere"))
    endpoint = vpc.endpoints["ecr.dkr"]
    vpc.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, PolicyDocument=policy("ecr:*", f"arn:aws:ecr:*:{account}:*"))
    assert vpc.checks().endpoints_are_reachable_on_443(), "which repositories will be pulled from is not known yet"
    assert vpc.checks(repository_arns=[own]).endpoints_are_reachable_on_443()
    vpc.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, PolicyDocument=policy("ecr:*", others))
    text = told(vpc.checks(repository_arns=[own]).endpoints_are_reachable_on_443())
    assert f"does not allow ecr:BatchGetImage on {own}" in " ".join(text.split())
    image = f"{account}.dkr.ecr.{REGION}.amazonaws.com/shop:v1"
    vpc.service(image=image)
    assert f"on {own}" in " ".join(told(vpc.checks().endpoints_are_reachable_on_443()).split())
    vpc.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, PolicyDocument=policy("ecr:*", own))
    assert vpc.checks().endpoints_are_reachable_on_443()


def test_one_lost_zone_is_told_once(vpc: Vpc) -> None:
    """A lost zone is one finding, with everything that is lost with it."""
    vpc.reroute(vpc.tables[1], NatGatewayId=vpc.nats[0])
    (finding,) = vpc.checks().survives_loss_of_any_zone().findings
    assert "reaches the internet and logs while eu-west-1a is down" in finding.expected


# Rules that are wider than they need be.


@pytest.mark.parametrize(
    ("port", "peers", "says"),
    [
        (443, {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, "it admits 0.0.0.0/0 on tcp 443"),
        (443, {"IpRanges": [{"CidrIp": "10.0.0.0/8"}]}, "it admits 10.0.0.0/8 on tcp 443"),
        (22, {"IpRanges": [{"CidrIp": "10.0.0.0/16"}]}, "it admits 10.0.0.0/16 on tcp 22"),
    ],
)
def test_an_endpoint_that_admits_too_much_is_found(vpc: Vpc, port: int, peers: dict[str, Any], says: str) -> None:
    """Interface endpoints are for HTTPS from the VPC."""
    assert vpc.checks().endpoints_admit_only_the_vpc()
    vpc.admit(vpc.endpoint_group, port, **peers)
    assert says in " ".join(told(vpc.checks().endpoints_admit_only_the_vpc()).split())
    assert vpc.checks().is_sound().findings


def test_a_load_balancer_that_is_open_beside_its_listeners_is_found(vpc: Vpc) -> None:
    """A port that nothing listens on is open for the next listener."""
    vpc.service()
    assert vpc.checks().load_balancers_admit_only_their_listeners()
    vpc.admit(vpc.alb_group, 8443, IpRanges=[{"CidrIp": "0.0.0.0/0"}])
    assert "it admits 0.0.0.0/0 on tcp 8443" in told(vpc.checks().load_balancers_admit_only_their_listeners())


def udp(port: int, **peers: Any) -> dict[str, Any]:
    return {"IpProtocol": "udp", "FromPort": port, "ToPort": port, **peers}


@pytest.mark.parametrize(
    ("check", "group", "port"),
    [
        ("load_balancers_admit_only_their_listeners", "alb_group", 443),
        ("endpoints_admit_only_the_vpc", "endpoint_group", 443),
    ],
)
def test_a_port_of_another_transport_is_another_port(vpc: Vpc, check: str, group: str, port: int) -> None:
    """A rule for UDP on a listener's port admits nobody who speaks HTTPS, and others."""
    vpc.service()
    assert getattr(vpc.checks(), check)()
    rules = [udp(port, IpRanges=[{"CidrIp": "10.0.0.0/16"}])]
    vpc.ec2.authorize_security_group_ingress(GroupId=getattr(vpc, group), IpPermissions=rules)
    assert f"it admits 10.0.0.0/16 on udp {port}" in " ".join(told(getattr(vpc.checks(), check)()).split())


def restrict_egress(vpc: Vpc, group: str, *permissions: dict[str, Any]) -> None:
    """Replace a group's egress, which lets everything out at first."""
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    vpc.ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[everything])
    vpc.ec2.authorize_security_group_egress(GroupId=group, IpPermissions=list(permissions))


def tcp(port: int, **peers: Any) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **peers}


def test_a_load_balancer_that_sends_anywhere_is_found(vpc: Vpc) -> None:
    """The load balancer may send only to the tasks' group, on the container's port."""
    vpc.service()
    assert "all protocols and ports" in told(vpc.checks().load_balancers_send_only_to_their_targets())
    restrict_egress(vpc, vpc.alb_group, tcp(8080, UserIdGroupPairs=[{"GroupId": vpc.task_group}]))
    assert vpc.checks().load_balancers_send_only_to_their_targets()
    vpc.ec2.authorize_security_group_egress(
        GroupId=vpc.alb_group, IpPermissions=[tcp(8080, IpRanges=[{"CidrIp": "0.0.0.0/0"}])]
    )
    assert "0.0.0.0/0 on tcp 8080" in told(vpc.checks().load_balancers_send_only_to_their_targets())
    vpc.ec2.authorize_security_group_egress(
        GroupId=vpc.alb_group, IpPermissions=[udp(8080, UserIdGroupPairs=[{"GroupId": vpc.task_group}])]
    )
    assert f"{vpc.task_group} on udp 8080" in told(vpc.checks().load_balancers_send_only_to_their_targets())


def test_tasks_that_may_call_anywhere_are_found(vpc: Vpc) -> None:
    """HTTPS to everywhere and the database in the VPC are named ports; the database's port to everywhere is reported."""
    vpc.service()
    assert "anywhere and by any protocol" in told(vpc.checks().tasks_call_out_on(443))
    https, inside = tcp(443, IpRanges=[{"CidrIp": "0.0.0.0/0"}]), tcp(5432, IpRanges=[{"CidrIp": "10.0.0.0/16"}])
    restrict_egress(vpc, vpc.task_group, https, inside)
    assert vpc.checks().tasks_call_out_on(443)
    assert vpc.checks().tasks_reach_inside_the_vpc(5432)
    assert vpc.task_group in told(vpc.checks().tasks_reach_inside_the_vpc(3306))
    vpc.ec2.authorize_security_group_egress(
        GroupId=vpc.task_group, IpPermissions=[tcp(5432, IpRanges=[{"CidrIp": "0.0.0.0/0"}])]
    )
    assert "0.0.0.0/0 on tcp 5432" in told(vpc.checks().tasks_call_out_on(443))


def test_subnets_that_are_too_small_are_found(vpc: Vpc) -> None:
    """A /28 has eleven addresses left."""
    assert vpc.checks().subnets_have_room()
    small = vpc.ec2.create_subnet(VpcId=vpc.id, CidrBlock="10.0.240.0/28", AvailabilityZone=ZONES[0])["Subnet"]
    text = told(vpc.checks().subnets_have_room())
    assert f"{small['CidrBlock']} has 11" in text
    assert small["SubnetId"] in text
