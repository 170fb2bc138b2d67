"""Speed of reading networks and answering questions, at three sizes: growth should be linear in the number of questions.

One round builds the model of n subnets, n route tables and 2.5 n security groups, then computes for every subnet the paths to the
internet and to three services, for every group the path to the next, and for every subnet's interface its exposures.
CPU time, so that a busy machine does not show as growth.
"""

from __future__ import annotations

import itertools
import math
import time
from typing import Any

from pushproof.engines.reachability import (
    Eni,
    Group,
    Internet,
    Place,
    Service,
    exposures,
    from_describe,
    reach,
)

ANYWHERE = [{"CidrIp": "0.0.0.0/0"}]
ALLOW = '{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}'


def described(subnets: int, groups: int) -> dict[str, Any]:
    """Return EC2's answers for one large VPC: a public subnet with a NAT gateway for each nine private ones."""
    vpc = "vpc-1"
    public = [n for n in range(subnets) if n % 10 == 0]

    def routes(number: int) -> list[dict[str, Any]]:
        way: dict[str, Any] = (
            {"GatewayId": "igw-1"} if number % 10 == 0 else {"NatGatewayId": f"nat-{number // 10 * 10}"}
        )
        endpoint = [{"DestinationPrefixListId": "pl-s3", "GatewayId": "vpce-s3"}] if number % 10 else []
        return [{"DestinationCidrBlock": "0.0.0.0/0", **way}, *endpoint]

    return {
        "Vpcs": [{"VpcId": vpc, "CidrBlock": "10.0.0.0/8"}],
        "VpcAttributes": {vpc: {"EnableDnsHostnames": {"Value": True}}},
        "Subnets": [
            {
                "SubnetId": f"subnet-{n}",
                "VpcId": vpc,
                "AvailabilityZone": f"z-{n % 3}",
                "CidrBlock": f"10.{n // 250}.{n % 250}.0/24",
            }
            for n in range(subnets)
        ],
        "RouteTables": [
            {
                "RouteTableId": f"rtb-{n}",
                "VpcId": vpc,
                "Associations": [{"SubnetId": f"subnet-{n}"}],
                "Routes": routes(n),
            }
            for n in range(subnets)
        ],
        "InternetGateways": [{"InternetGatewayId": "igw-1", "Attachments": [{"VpcId": vpc}]}],
        "NatGateways": [{"NatGatewayId": f"nat-{n}", "VpcId": vpc, "SubnetId": f"subnet-{n}"} for n in public],
        "VpcEndpoints": [
            {
                "VpcEndpointId": "vpce-s3",
                "VpcId": vpc,
                "ServiceName": "com.amazonaws.r-1.s3",
                "VpcEndpointType": "Gateway",
                "RouteTableIds": [f"rtb-{n}" for n in range(subnets) if n % 10],
                "PolicyDocument": ALLOW,
            },
            {
                "VpcEndpointId": "vpce-dkr",
                "VpcId": vpc,
                "ServiceName": "com.amazonaws.r-1.ecr.dkr",
                "VpcEndpointType": "Interface",
                "PrivateDnsEnabled": True,
                "SubnetIds": ["subnet-1", "subnet-2", "subnet-3"],
                "Groups": [{"GroupId": "sg-0"}],
                "PolicyDocument": ALLOW,
            },
        ],
        "SecurityGroups": [
            {
                "GroupId": f"sg-{n}",
                "VpcId": vpc,
                "IpPermissions": [
                    {
                        "IpProtocol": "tcp",
                        "FromPort": 8080,
                        "ToPort": 8080,
                        "UserIdGroupPairs": [{"GroupId": f"sg-{(n - 1) % groups}"}],
                    },
                    {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]},
                ],
                "IpPermissionsEgress": [{"IpProtocol": "-1", "IpRanges": ANYWHERE}],
            }
            for n in range(groups)
        ],
        "NetworkAcls": [
            {
                "NetworkAclId": "acl-1",
                "VpcId": vpc,
                "IsDefault": True,
                "Entries": [
                    {"RuleNumber": 100, "Egress": e, "Protocol": "-1", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0"}
                    for e in (True, False)
                ],
            }
        ],
        "NetworkInterfaces": [
            {
                "NetworkInterfaceId": f"eni-{n}",
                "SubnetId": f"subnet-{n % subnets}",
                "PrivateIpAddress": f"10.{n % subnets // 250}.{n % subnets % 250}.{4 + n // subnets}",
                "Groups": [{"GroupId": f"sg-{n}"}],
            }
            for n in range(groups)
        ],
        "PrefixLists": [
            {"PrefixListId": "pl-s3", "PrefixListName": "com.amazonaws.r-1.s3", "Cidrs": ["52.218.0.0/17"]}
        ],
    }


def questions(network: Any, subnets: int, groups: int) -> int:
    """Ask everything. Return the number of questions."""
    count = 0
    for number in range(subnets):
        place = Place(f"subnet-{number}", (f"sg-{number}",), public_ip=number % 10 == 0)
        for target in (Internet(), Service("s3"), Service("ecr.dkr"), Service("logs")):
            assert reach(network, place, target)
            count += 1
        exposures(network, place)
        count += 1
    for number in range(groups):
        assert reach(network, Eni(f"eni-{number}"), Group(f"sg-{(number + 1) % groups}"), port=8080)
        count += 1
    return count


def main() -> None:
    figures = []
    for subnets in (50, 100, 200):
        groups = subnets * 5 // 2
        answers = described(subnets, groups)
        build = ask = float("inf")
        count = 0
        for _ in range(3):
            start = time.process_time()
            network = from_describe(answers, region="r-1")
            built = time.process_time()
            count = questions(network, subnets, groups)
            build, ask = min(build, built - start), min(ask, time.process_time() - built)
        figures.append((subnets, build + ask))
        print(
            f"reachability {subnets:>4} subnets, {subnets:>4} tables, {groups:>4} groups:"
            f" model {build * 1000:7.1f} ms, {count:>5} questions {ask * 1000:7.1f} ms, {count / ask:8,.0f} questions/s"
        )
    for (small, before), (large, after) in itertools.pairwise(figures):
        allowed = large * math.log(large) / (small * math.log(small))
        print(f"reachability growth {small} -> {large}: x{after / before:.2f} (n log n is x{allowed:.2f})")


if __name__ == "__main__":
    main()
