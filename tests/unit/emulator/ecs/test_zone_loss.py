"""The check `survives_loss_of_any_zone`, confirmed by the loss of each zone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.unit.emulator.ecs.conftest import Stack

from pushproof.base.clock import VirtualClock
from pushproof.checks.networking import NetworkingChecks
from pushproof.emulator.kernel.loop import VirtualLoop
from pushproof.emulator.runtime.equipment import scripted_equipment
from pushproof.emulator.world import World
from pushproof.engines.faults import ZoneLost
from pushproof.terraform.addresses import TerraformAddresses

ZONES = ("eu-west-1a", "eu-west-1b")


class PrivateStack(Stack):
    """A stack whose tasks are in private subnets; `nats` NAT gateways, one in each zone or one for all."""

    nats = 2

    def _network(self) -> None:
        ec2 = self.ec2
        self.vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)
        public, private = ([self._subnet(base + number, zone) for number, zone in enumerate(ZONES)] for base in (1, 3))
        for subnet in public:
            self._route(subnet, GatewayId=gateway)
        nats = [self._nat(subnet) for subnet in public[: self.nats]]
        for number, subnet in enumerate(private):
            self._route(subnet, NatGatewayId=nats[number % len(nats)])
        self.subnets = private
        self.group = ec2.create_security_group(GroupName="app", Description="app", VpcId=self.vpc)["GroupId"]
        ec2.authorize_security_group_ingress(
            GroupId=self.group, IpProtocol="tcp", FromPort=8080, ToPort=8080, CidrIp="10.0.0.0/16"
        )
        self.network = {"awsvpcConfiguration": {"subnets": private, "securityGroups": [self.group]}}

    def _subnet(self, number: int, zone: str) -> str:
        subnet = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=zone)
        return str(subnet["Subnet"]["SubnetId"])

    def _route(self, subnet: str, **target: str) -> None:
        table = self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        self.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", **target)
        self.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)

    def _nat(self, subnet: str) -> str:
        address = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        return str(self.ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]["NatGatewayId"])


@pytest.fixture(params=[2, 1], ids=["a NAT gateway in each zone", "one NAT gateway for all"])
def private(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[PrivateStack]:
    monkeypatch.setattr(PrivateStack, "nats", request.param)
    with World(None, loop=VirtualLoop(VirtualClock(time.time())), equip=scripted_equipment) as world:
        yield PrivateStack(world)


def zones(stack: Stack) -> list[str]:
    return sorted(task["availabilityZone"] for task in stack.tasks() if task["lastStatus"] == "RUNNING")


def survives(stack: Stack, zone: str) -> bool:
    """Lose a zone, and return whether two tasks run in the other one within twenty minutes."""
    (other,) = set(ZONES) - {zone}
    with stack.world.faults.during(ZoneLost(zone)):
        try:
            stack.until(lambda: zones(stack) == [other, other], within=1200)
        except TimeoutError:
            return False
    return True


def test_a_zone_is_survived_where_the_check_says_so(private: Any) -> None:
    """Tasks are replaced after the loss of each zone if, and only if, the check passes; else they cannot pull, in AWS's words."""
    private.serve(private.define(), group=private.target_group())
    private.settle()
    verdict = NetworkingChecks(
        private.world.administrator,
        addresses=TerraformAddresses({"version": 4, "resources": []}),
        vpc_id=private.vpc,
        private_subnet_ids=private.subnets,
        task_security_group_ids=[private.group],
    ).survives_loss_of_any_zone()
    survived = {}
    for zone in ZONES:
        survived[zone] = survives(private, zone)
        # A deployment anew, for tasks in both zones.
        private.ecs.update_service(cluster="main", service="app", forceNewDeployment=True)
        private.until(lambda: private.stable() and zones(private) == list(ZONES))
    assert bool(verdict) == all(survived.values())
    assert survived["eu-west-1b"], "no NAT gateway of the first zone is in the second"
    if not verdict:
        assert any("while eu-west-1a is down" in " ".join(str(finding).split()) for finding in [verdict])
        assert any("is down" in str(task.get("stoppedReason")) for task in private.tasks("STOPPED"))
