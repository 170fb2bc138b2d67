"""Load balancers through boto3: creation, attributes, refusals, and the network interfaces they leave in the VPC."""

from __future__ import annotations

from typing import Any

import pytest


def test_a_load_balancer_comes_up_as_aws_shows_it(stack: Any) -> None:
    """A load balancer is provisioning, then active, with its zones, scheme and a DNS name that is an address of its own."""
    made = stack.balancer(Tags=[{"Key": "team", "Value": "blue"}])
    assert made["State"] == {"Code": "provisioning"}
    assert (made["Type"], made["Scheme"], made["IpAddressType"]) == ("application", "internet-facing", "ipv4")
    assert {zone["ZoneName"] for zone in made["AvailabilityZones"]} == {"eu-west-1a", "eu-west-1b"}
    assert (made["VpcId"], made["SecurityGroups"]) == (stack.network.vpc, [stack.network.group])
    assert made["DNSName"].startswith("127.")
    assert made["DNSName"] != "127.0.0.1"
    assert made["CanonicalHostedZoneId"] == "Z32O12XQLNTSW2"
    stack.world.loop.advance(120)
    stack.elbv2.get_waiter("load_balancer_available").wait(Names=["app"], WaiterConfig={"Delay": 0, "MaxAttempts": 1})
    (tags,) = stack.elbv2.describe_tags(ResourceArns=[made["LoadBalancerArn"]])["TagDescriptions"]
    assert tags["Tags"] == [{"Key": "team", "Value": "blue"}]


def test_two_load_balancers_have_two_addresses(stack: Any) -> None:
    """Each listens on an address of its own."""
    assert stack.balancer("one")["DNSName"] != stack.balancer("two")["DNSName"]


def test_the_vpc_sees_its_network_interfaces(stack: Any) -> None:
    """One interface in every subnet, gone with the load balancer, moved with its subnets and security groups."""
    arn = stack.balancer()["LoadBalancerArn"]
    description = "ELB " + arn.partition(":loadbalancer/")[2]

    def interfaces() -> list[tuple[str, list[str]]]:
        filters = [{"Name": "description", "Values": [description]}]
        found = stack.ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
        return sorted((one["SubnetId"], [group["GroupId"] for group in one["Groups"]]) for one in found)

    network = stack.network
    assert interfaces() == sorted((subnet, [network.group]) for subnet in network.subnets)
    other = stack.ec2.create_security_group(GroupName="other", Description="o", VpcId=network.vpc)["GroupId"]
    stack.elbv2.set_security_groups(LoadBalancerArn=arn, SecurityGroups=[other])
    stack.elbv2.set_subnets(LoadBalancerArn=arn, Subnets=[network.third, network.subnets[1]])
    assert interfaces() == sorted((subnet, [other]) for subnet in (network.third, network.subnets[1]))
    stack.elbv2.delete_load_balancer(LoadBalancerArn=arn)
    assert interfaces() == []
    stack.elbv2.get_waiter("load_balancers_deleted").wait(
        LoadBalancerArns=[arn], WaiterConfig={"Delay": 0, "MaxAttempts": 1}
    )


def test_creating_the_same_again_answers_the_one_there_is(stack: Any) -> None:
    """The same settings give the same load balancer; others are DuplicateLoadBalancerName."""
    first = stack.balancer()
    assert stack.balancer()["LoadBalancerArn"] == first["LoadBalancerArn"]
    code, message = stack.refused("create_load_balancer", Name="app", Subnets=stack.network.subnets, Scheme="internal")
    assert code == "DuplicateLoadBalancerName"
    assert message == "A load balancer with the same name 'app' exists, but with different settings"


def test_subnets_must_be_in_two_zones(stack: Any) -> None:
    """One subnet, two of one zone, and subnets that do not exist are refused as AWS refuses them."""
    network = stack.network
    code, message = stack.refused("create_load_balancer", Name="app", Subnets=network.subnets[:1])
    assert (code, message) == (
        "ValidationError",
        "At least two subnets in two different Availability Zones must be specified",
    )
    both_in_a = [network.subnets[0], network.third]
    assert stack.refused("create_load_balancer", Name="app", Subnets=both_in_a)[0] == "InvalidConfigurationRequest"
    absent = [network.subnets[0], "subnet-0123456789abcdef0"]
    assert stack.refused("create_load_balancer", Name="app", Subnets=absent)[0] == "SubnetNotFound"
    assert stack.elbv2.describe_load_balancers()["LoadBalancers"] == []


def test_an_internet_facing_one_needs_an_internet_gateway(stack: Any) -> None:
    """The VPC can only hold an internal load balancer without an internet gateway."""
    stack.ec2.detach_internet_gateway(InternetGatewayId=stack.network.gateway, VpcId=stack.network.vpc)
    code, message = stack.refused("create_load_balancer", Name="app", Subnets=stack.network.subnets)
    assert (code, message) == ("InvalidSubnet", f"VPC {stack.network.vpc} has no internet gateway")
    assert stack.balancer(Scheme="internal")["Scheme"] == "internal"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a" * 33, "cannot be longer than '32' characters"),
        ("under_score", "alphanumeric characters or hyphens"),
        ("-app", "cannot begin or end with '-'"),
        ("internal-app", "cannot begin with 'internal-'"),
    ],
)
def test_names_are_checked(stack: Any, name: str, message: str) -> None:
    """A bad name is a ValidationError that says why."""
    code, text = stack.refused("create_load_balancer", Name=name, Subnets=stack.network.subnets)
    assert code == "ValidationError"
    assert message in text


def test_an_unknown_security_group_is_refused(stack: Any) -> None:
    """InvalidSecurityGroup, as AWS says."""
    request = {"Name": "app", "Subnets": stack.network.subnets, "SecurityGroups": ["sg-0123456789abcdef0"]}
    assert stack.refused("create_load_balancer", **request)[0] == "InvalidSecurityGroup"


def test_without_a_security_group_the_vpc_default_serves(stack: Any) -> None:
    """The VPC's default group applies."""
    filters = [{"Name": "vpc-id", "Values": [stack.network.vpc]}, {"Name": "group-name", "Values": ["default"]}]
    default = stack.ec2.describe_security_groups(Filters=filters)["SecurityGroups"][0]["GroupId"]
    assert stack.balancer(SecurityGroups=[])["SecurityGroups"] == [default]


def test_what_is_not_there_is_named(stack: Any) -> None:
    """Describing an absent load balancer is LoadBalancerNotFound; deleting one succeeds."""
    assert stack.refused("describe_load_balancers", Names=["nope"])[0] == "LoadBalancerNotFound"
    arn = f"arn:aws:elasticloadbalancing:eu-west-1:{stack.world.account_id}:loadbalancer/app/gone/0123456789abcdef"
    stack.elbv2.delete_load_balancer(LoadBalancerArn=arn)


def test_deletion_protection_protects(stack: Any) -> None:
    """A protected load balancer cannot be deleted until the protection goes."""
    arn = stack.balancer()["LoadBalancerArn"]

    def protect(value: str) -> None:
        stack.elbv2.modify_load_balancer_attributes(
            LoadBalancerArn=arn, Attributes=[{"Key": "deletion_protection.enabled", "Value": value}]
        )

    protect("true")
    code, message = stack.refused("delete_load_balancer", LoadBalancerArn=arn)
    assert code == "OperationNotPermitted"
    assert message == f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
    protect("false")
    stack.elbv2.delete_load_balancer(LoadBalancerArn=arn)


def test_attributes_have_awss_defaults_and_are_checked(stack: Any) -> None:
    """The full set is there from the start; unknown keys and bad values change nothing."""
    arn = stack.balancer()["LoadBalancerArn"]

    def attributes() -> dict[str, str]:
        found = stack.elbv2.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
        return {one["Key"]: one["Value"] for one in found}

    assert attributes()["idle_timeout.timeout_seconds"] == "60"
    assert attributes()["access_logs.s3.bucket"] == ""
    assert attributes()["routing.http.desync_mitigation_mode"] == "defensive"
    assert attributes()["client_keep_alive.seconds"] == "3600"
    wanted = [{"Key": "idle_timeout.timeout_seconds", "Value": "30"}, {"Key": "no.such.key", "Value": "1"}]
    code, message = stack.refused("modify_load_balancer_attributes", LoadBalancerArn=arn, Attributes=wanted)
    assert (code, message) == ("ValidationError", "Load balancer attribute key 'no.such.key' is not recognized")
    bad = [{"Key": "idle_timeout.timeout_seconds", "Value": "4001"}]
    code, _ = stack.refused("modify_load_balancer_attributes", LoadBalancerArn=arn, Attributes=bad)
    assert code == "InvalidConfigurationRequest"
    assert attributes()["idle_timeout.timeout_seconds"] == "60"
    stack.elbv2.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=wanted[:1])
    assert attributes()["idle_timeout.timeout_seconds"] == "30"


def test_what_is_not_emulated_says_so(stack: Any) -> None:
    """A gateway load balancer is refused by name, never answered with an empty success."""
    code, message = stack.refused("create_load_balancer", Name="n", Subnets=stack.network.subnets, Type="gateway")
    assert code == "NotImplemented"
    assert "gateway" in message


def test_capacity_reservations_are_kept(stack: Any) -> None:
    """A capacity reservation is shown from its setting until its reset."""
    arn = stack.balancer()["LoadBalancerArn"]
    assert "MinimumLoadBalancerCapacity" not in stack.elbv2.describe_capacity_reservation(LoadBalancerArn=arn)
    stack.elbv2.modify_capacity_reservation(LoadBalancerArn=arn, MinimumLoadBalancerCapacity={"CapacityUnits": 100})
    shown = stack.elbv2.describe_capacity_reservation(LoadBalancerArn=arn)
    assert shown["MinimumLoadBalancerCapacity"] == {"CapacityUnits": 100}
    stack.elbv2.modify_capacity_reservation(LoadBalancerArn=arn, ResetCapacityReservation=True)
    assert "MinimumLoadBalancerCapacity" not in stack.elbv2.describe_capacity_reservation(LoadBalancerArn=arn)


def test_tags_are_added_and_removed(stack: Any) -> None:
    """Tags live on the resource and go with it; duplicates are refused."""
    arn = stack.balancer()["LoadBalancerArn"]
    stack.elbv2.add_tags(ResourceArns=[arn], Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}])
    stack.elbv2.remove_tags(ResourceArns=[arn], TagKeys=["a", "absent"])
    assert stack.elbv2.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"] == [{"Key": "b", "Value": ""}]
    twice = [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]
    assert stack.refused("add_tags", ResourceArns=[arn], Tags=twice)[0] == "DuplicateTagKeys"
    stack.elbv2.delete_load_balancer(LoadBalancerArn=arn)
    assert stack.refused("describe_tags", ResourceArns=[arn])[0] == "LoadBalancerNotFound"


def test_pages_follow_each_other(stack: Any) -> None:
    """A page size splits the answer, and the paginator puts it together again."""
    for name in ("one", "two", "three"):
        stack.balancer(name)
    pages = list(stack.elbv2.get_paginator("describe_load_balancers").paginate(PaginationConfig={"PageSize": 2}))
    assert [[balancer["LoadBalancerName"] for balancer in page["LoadBalancers"]] for page in pages] == [
        ["one", "two"],
        ["three"],
    ]


def test_regions_are_apart(stack: Any) -> None:
    """A load balancer of one region is not seen from another."""
    stack.balancer()
    assert stack.world.administrator("elbv2", region="us-east-1").describe_load_balancers()["LoadBalancers"] == []


def test_ssl_policies_and_limits_are_described(stack: Any) -> None:
    """The policy of the reference has TLS 1.2 and 1.3; unknown ones are SSLPolicyNotFound."""
    name = "ELBSecurityPolicy-TLS13-1-2-2021-06"
    (policy,) = stack.elbv2.describe_ssl_policies(Names=[name])["SslPolicies"]
    assert policy["SslProtocols"] == ["TLSv1.3", "TLSv1.2"]
    assert policy["Ciphers"][0] == {"Name": "TLS_AES_128_GCM_SHA256", "Priority": 1}
    assert stack.refused("describe_ssl_policies", Names=["nope"])[0] == "SSLPolicyNotFound"
    limits = {limit["Name"]: limit["Max"] for limit in stack.elbv2.describe_account_limits()["Limits"]}
    assert limits["application-load-balancers"] == "50"
