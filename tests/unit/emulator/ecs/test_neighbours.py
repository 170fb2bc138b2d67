"""Ways between tasks: the runtime is told what security groups, routes and zones say, after every change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pushproof.emulator.kernel.guests import Guest
from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.kernel.tasks import Impairment, Neighbourhood, TaskListener, TaskSpec
from pushproof.emulator.runtime.equipment import Equipment
from pushproof.emulator.runtime.scripted.runtime import ScriptedRuntime
from pushproof.emulator.world import World
from pushproof.engines.faults import PacketsLost, PortBlackholed, SubnetsCut
from pushproof.engines.reachability import Block, OpenBlock, OpenPorts, Place

IMAGE = "shop:1"
EVERYTHING = (OpenPorts("tcp", 0, 65535), OpenPorts("udp", 0, 65535), OpenPorts("icmp", 0, 65535))


class Guarded(ScriptedRuntime):
    """A scripted runtime that has a network, and remembers who was let in."""

    endpoint = "http://172.18.0.1:4566"

    def __init__(self, ground: Any, images: Any) -> None:
        super().__init__(ground, images)
        self.around: dict[str, Neighbourhood] = {}
        self.specs: dict[str, TaskSpec] = {}
        self.add_image(IMAGE)

    def start(self, spec: TaskSpec, listener: TaskListener) -> str:
        self.specs[spec.task_id] = spec
        return super().start(spec, listener)

    def admit(self, task_id: str, neighbourhood: Neighbourhood) -> None:
        self.around[task_id] = neighbourhood


class Site:
    """A world with a VPC of two zones, a cluster, and a group that admits nothing."""

    def __init__(self, **settings: Any) -> None:
        self.runtime: Any = None

        def equip(ground: Any, images: Any) -> Equipment:
            self.runtime = Guarded(ground, images)
            return Equipment(tasks=self.runtime, prober=self.runtime)

        self.world: Any = World.virtual(WorldSettings(**settings), equip=equip)
        self.ec2, self.ecs = self.world.administrator("ec2"), self.world.administrator("ecs")
        self.vpc = self.make_vpc("10.0.0.0/16")
        self.subnets = {
            zone: self.ec2.create_subnet(
                VpcId=self.vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"eu-west-1{zone}"
            )["Subnet"]["SubnetId"]
            for number, zone in enumerate("ab")
        }
        self.group = self.ec2.create_security_group(GroupName="g", Description="g", VpcId=self.vpc)["GroupId"]
        self.ecs.create_cluster(clusterName="main")
        self.ecs.register_task_definition(
            family="shop",
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[{"name": "app", "image": IMAGE}],
        )

    def make_vpc(self, block: str) -> str:
        """Make a VPC with a way to the internet, where images come from."""
        vpc: str = self.ec2.create_vpc(CidrBlock=block)["Vpc"]["VpcId"]
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        tables = self.ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
        self.ec2.create_route(
            RouteTableId=tables[0]["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway
        )
        return vpc

    def run(self, zone: str) -> tuple[str, str, str]:
        """Run a task in a zone. Return its id, its real address and that in the VPC."""
        configuration = {
            "subnets": [self.subnets[zone]],
            "securityGroups": [self.group],
            "assignPublicIp": "ENABLED",
        }
        where = {"awsvpcConfiguration": configuration}
        arn = self.ecs.run_task(
            cluster="main", taskDefinition="shop", launchType="FARGATE", networkConfiguration=where
        )["tasks"][0]["taskArn"]
        self.world.loop.advance(60)
        task = next(each for each in self.world.ecs.life.tasks() if each.arn == arn)
        return task.id, task.address, task.interface.private_ip

    def admit(self, port: int) -> None:
        rule = {
            "IpProtocol": "tcp",
            "FromPort": port,
            "ToPort": port,
            "UserIdGroupPairs": [{"GroupId": self.group}],
        }
        self.ec2.authorize_security_group_ingress(GroupId=self.group, IpPermissions=[rule])
        self.world.loop.advance(1)

    def callers(self, task_id: str) -> dict[str, tuple[OpenPorts, ...]]:
        return {caller.address: caller.ports for caller in self.runtime.around[task_id].callers}


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    with made.world:
        yield made


def test_nobody_reaches_a_task_whose_group_admits_nobody(site: Site) -> None:
    """Two tasks of the same group do not reach each other without a rule."""
    ids = [site.run(zone)[0] for zone in "ab"]
    alone = Neighbourhood(outwards=(OpenBlock(Block.parse("0.0.0.0/0"), EVERYTHING),))
    assert [site.runtime.around[each] for each in ids] == [alone, alone]


def test_a_task_without_containers_is_nobodys_neighbour(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kept world's tasks have old addresses until their containers run; each counts from then on, at its new one."""
    site.admit(8080)
    one, other = (site.run(zone)[0] for zone in "ab")
    life = site.world.ecs.life
    monkeypatch.setattr(Guarded, "keeps_tasks", False, raising=False)
    life.continued()
    assert life._present() == []
    life.resume()
    site.world.loop.advance(1)
    addresses = {task.id: task.address for task in life.tasks()}
    assert set(site.callers(one)) == {addresses[other]}
    assert set(site.callers(other)) == {addresses[one]}


def test_a_guest_reaches_tasks_and_is_reached_by_none(site: Site) -> None:
    """A build or a function gets to know its ways before it goes on, and tasks let it in while it is there."""
    site.admit(8080)
    task, _, private = site.run("a")
    ways: list[Neighbourhood] = []
    place = Place(site.subnets["b"], (site.group,))
    guests = site.world.ground.guests
    guests.join(Guest("build", site.world.region, place, "172.18.0.99", ways.append), within=0.0)
    site.world.loop.advance(1)
    assert [pair[0] for pair in ways[-1].reached] == [private]
    assert ways[-1].callers == ()
    assert site.callers(task) == {"172.18.0.99": (OpenPorts("tcp", 8080, 8080),)}
    guests.leave("build")
    site.world.loop.advance(1)
    assert site.callers(task) == {}


def test_a_task_reaches_of_the_internet_what_its_group_lets_out(site: Site) -> None:
    """It starts with that, and gets to know each change of rules, routes and zones."""
    HTTPS = OpenPorts("tcp", 443, 443)
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    https = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "203.0.113.0/24"}]}
    site.ec2.revoke_security_group_egress(GroupId=site.group, IpPermissions=[everything])
    site.ec2.authorize_security_group_egress(
        GroupId=site.group, IpPermissions=[{**https, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    )
    one = site.run("a")[0]
    assert site.runtime.specs[one].outwards == (OpenBlock(Block.parse("0.0.0.0/0"), (HTTPS,)),)
    site.ec2.authorize_security_group_egress(GroupId=site.group, IpPermissions=[https])
    site.ec2.revoke_security_group_egress(
        GroupId=site.group, IpPermissions=[{**https, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    )
    site.world.loop.advance(1)
    assert site.runtime.around[one].outwards == (OpenBlock(Block.parse("203.0.113.0/24"), (HTTPS,)),)
    site.world.paths.set_zone_down("eu-west-1a")
    site.world.loop.advance(1)
    assert site.runtime.around[one].outwards == ()


def test_a_rule_counts_as_soon_as_it_is_there_and_until_it_is_gone(site: Site) -> None:
    """A port that the group opens to itself is open in both directions, at the tasks' addresses; then it is closed again."""
    (one, at_one, ip_one), (two, at_two, ip_two) = site.run("a"), site.run("b")
    site.admit(8080)
    only = (OpenPorts("tcp", 8080, 8080),)
    assert (site.callers(one), site.callers(two)) == ({at_two: only}, {at_one: only})
    assert site.runtime.around[one].reached == ((ip_two, at_two),)
    assert site.runtime.around[two].reached == ((ip_one, at_one),)
    site.ec2.revoke_security_group_ingress(
        GroupId=site.group,
        IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "UserIdGroupPairs": [{"GroupId": site.group}]}
        ],
    )
    site.world.loop.advance(1)
    assert (site.callers(one), site.callers(two)) == ({}, {})


def test_a_task_that_stops_is_nobodys_neighbour(site: Site) -> None:
    """Its address, which another task may get, is let in nowhere."""
    site.admit(80)
    one, _, _ = site.run("a")
    two, _, _ = site.run("a")
    assert len(site.callers(one)) == 1
    site.ecs.stop_task(cluster="main", task=two)
    site.world.loop.advance(60)
    assert site.callers(one) == {}


def test_a_lost_zone_and_a_subnet_that_is_cut_off_reach_nobody(site: Site) -> None:
    """While the fault lasts the way is closed, and afterwards it is open again."""
    site.admit(80)
    one, _, _ = site.run("a")
    two, _, _ = site.run("b")
    assert len(site.callers(one)) == 1
    site.world.paths.set_zone_down("eu-west-1b")
    site.world.loop.advance(1)
    assert (site.callers(one), site.callers(two)) == ({}, {})
    site.world.paths.set_zone_down("eu-west-1b", False)
    site.world.loop.advance(1)
    assert len(site.callers(one)) == 1
    with site.world.faults.during(SubnetsCut((site.subnets["b"],))):
        site.world.loop.advance(1)
        assert site.callers(one) == {}
    site.world.loop.advance(1)
    assert len(site.callers(one)) == 1


def test_tasks_of_different_vpcs_do_not_meet(site: Site) -> None:
    """No group opens a way that needs a peering connection."""
    one, _, _ = site.run("a")
    anyone = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    site.ec2.authorize_security_group_ingress(GroupId=site.group, IpPermissions=[anyone])
    other = site.make_vpc("10.9.0.0/16")
    site.subnets["b"] = site.ec2.create_subnet(VpcId=other, CidrBlock="10.9.0.0/24")["Subnet"]["SubnetId"]
    site.group = site.ec2.create_security_group(GroupName="g", Description="g", VpcId=other)["GroupId"]
    site.run("b")
    assert site.callers(one) == {}


def test_faults_take_packets_of_the_tasks_that_they_concern(site: Site) -> None:
    """A fault of one task leaves the other's packets alone, and gives them back when it ends."""
    one, _, _ = site.run("a")
    two, _, _ = site.run("b")
    arn = next(task.arn for task in site.world.ecs.life.tasks() if task.id == one)
    with (
        site.world.faults.during(PortBlackholed(443, "egress", tasks=(arn,))),
        site.world.faults.during(PacketsLost(0.5)),
    ):
        site.world.loop.advance(1)
        lost = Impairment("egress", rate=0.5)
        assert site.runtime.around[one].impaired == (Impairment("egress", "tcp", 443), lost)
        assert site.runtime.around[two].impaired == (lost,)
    site.world.loop.advance(1)
    assert [site.runtime.around[each].impaired for each in (one, two)] == [(), ()]


def test_faults_alone_count_where_the_network_is_not_enforced() -> None:
    """`enforce_network=False` leaves neighbours to themselves, and faults take packets all the same."""
    site = Site(enforce_network=False)
    with site.world:
        one, _, _ = site.run("a")
        site.run("a")
        assert site.runtime.around[one] == Neighbourhood()
        with site.world.faults.during(PortBlackholed(80)):
            site.world.loop.advance(1)
            assert site.runtime.around[one].impaired == (Impairment("ingress", "tcp", 80),)
