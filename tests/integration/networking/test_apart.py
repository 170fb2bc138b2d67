"""Containers of a world in their networks: tasks reach what the VPC says, and of this machine only the gateway."""

from __future__ import annotations

import contextlib
import io
import json
import secrets
import socket
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pushproof.emulator.kernel.builds import BuildJob
from pushproof.emulator.kernel.settings import EcsSettings, WorldSettings
from pushproof.emulator.runtime.docker.execution import captured
from pushproof.emulator.runtime.docker.guard import Change
from pushproof.emulator.runtime.docker.host import DockerHost, DockerUnavailable
from pushproof.emulator.runtime.docker.images import ensure_base_image
from pushproof.emulator.runtime.equipment import docker_equipment
from pushproof.emulator.world import World
from pushproof.engines.faults import PacketsLost, PortBlackholed, ZoneLost
from pushproof.engines.reachability import Place

pytestmark = pytest.mark.docker

PORT, OTHER_PORT, HOST_PORT = 8080, 9090, 21789
#: An address of the internet (RFC 5737).
ELSEWHERE = "203.0.113.7"
SERVE = f"""
import socket, threading
for port in ({PORT}, {OTHER_PORT}):
    listener = socket.create_server(("", port))
    def serve(listener=listener):
        while True:
            connection, peer = listener.accept()
            connection.sendall(b"here")
            connection.close()
    threading.Thread(target=serve).start()
"""
# The right one has to answer: a proxy of the machine's own network may take connections to anywhere.
CONNECT = """
import socket, sys
try:
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=2) as connection:
        connection.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
        print("answer", connection.recv(4).decode(errors="replace"))
except OSError as error:
    print("no", error)
"""
HANDLER = """
import socket

def handler(event, context):
    try:
        with socket.create_connection((event["host"], event["port"]), timeout=2) as connection:
            connection.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
            return connection.recv(4).decode(errors="replace")
    except OSError as error:
        return ""
"""
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


class Site:
    """A world on Docker with a VPC of two zones, and a group that admits nothing."""

    def __init__(self, world: World, host: DockerHost) -> None:
        self.world, self.host = world, host
        self.ec2, self.ecs = world.administrator("ec2"), world.administrator("ecs")
        self.vpc = self.ec2.create_vpc(CidrBlock="10.77.0.0/16")["Vpc"]["VpcId"]
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)
        table = self.ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}])["RouteTables"][0]
        self.ec2.create_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
        self.subnets = [
            self.ec2.create_subnet(
                VpcId=self.vpc, CidrBlock=f"10.77.{number}.0/24", AvailabilityZone=f"{world.region}{zone}"
            )["Subnet"]["SubnetId"]
            for number, zone in enumerate("ab")
        ]
        self.group = self.ec2.create_security_group(GroupName="g", Description="g", VpcId=self.vpc)["GroupId"]
        self.ecs.create_cluster(clusterName="main")
        self.ecs.register_task_definition(
            family="app",
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[
                {"name": "app", "image": ensure_base_image(host.client), "command": ["python3", "-c", SERVE]}
            ],
        )

    def run(self, zone: int) -> Task:
        """Run a task that listens on two ports, and wait until it does."""
        configuration = {
            "subnets": [self.subnets[zone]],
            "securityGroups": [self.group],
            "assignPublicIp": "ENABLED",
        }
        arn = self.ecs.run_task(
            cluster="main",
            taskDefinition="app",
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": configuration},
        )["tasks"][0]["taskArn"]
        await_(lambda: self.show(arn)["lastStatus"] in ("RUNNING", "STOPPED"))
        shown = self.show(arn)
        assert shown["lastStatus"] == "RUNNING", shown
        task = Task(self, arn)
        await_(lambda: task.connects(task.address, PORT))
        return task

    def show(self, arn: str) -> dict[str, Any]:
        shown: dict[str, Any] = self.ecs.describe_tasks(cluster="main", tasks=[arn])["tasks"][0]
        return shown

    def admit(self, port: int, *, admitted: bool = True) -> None:
        rule = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "UserIdGroupPairs": [{"GroupId": self.group}]}
        change = self.ec2.authorize_security_group_ingress if admitted else self.ec2.revoke_security_group_ingress
        change(GroupId=self.group, IpPermissions=[rule])


class Task:
    """A running task, from inside."""

    def __init__(self, site: Site, arn: str) -> None:
        self.site = site
        details = site.show(arn)["attachments"][0]["details"]
        #: The address of its network interface in the VPC.
        self.address = next(each["value"] for each in details if each["name"] == "privateIPv4Address")
        self.arn, self.id = arn, arn.rpartition("/")[2]
        runtime: Any = site.world.equipment.tasks
        self.real: str = runtime.address_of(self.id)
        self.container = runtime._container(self.id, "app")

    def connects(self, host: str, port: int, answer: bytes = b"here") -> bool:
        return connects(self.site.host, self.container, host, port, answer)


def connects(host: DockerHost, container: Any, address: str, port: int, answer: bytes = b"here") -> bool:
    """Return whether a program in a container gets this answer."""
    _, said = captured(host.client.api, container.id, ["python3", "-c", CONNECT, address, str(port)])
    assert said.startswith((b"answer", b"no")), said
    return said.split()[:2] == [b"answer", answer]


def answers(address: str, port: int) -> bool:
    """Return whether a task answers this process, where load balancers are."""
    try:
        with socket.create_connection((address, port), timeout=2) as connection:
            return connection.recv(4) == b"here"
    except OSError:
        return False


def await_(reached: Callable[[], bool], within: float = 60.0) -> None:
    end = time.monotonic() + within
    while not reached():
        assert time.monotonic() < end, "not reached"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    world_id = secrets.token_hex(4)
    try:
        host = DockerHost(world_id)
    except DockerUnavailable as error:
        pytest.skip(str(error))
    settings = WorldSettings(speed=100, ecs=EcsSettings(provisioning_seconds=1.0), host_ports=frozenset({HOST_PORT}))
    with World(settings, world_id=world_id, equip=docker_equipment(host)) as world:
        world.serve(host.bridge_address)
        yield Site(world, host)


@pytest.fixture(scope="module")
def pair(site: Site) -> tuple[Task, Task]:
    """Return two tasks in two zones."""
    return site.run(0), site.run(1)


@pytest.fixture(scope="module")
def service() -> Iterator[int]:
    """Return the port of a service of this machine that listens on every address."""
    with answering(0) as port:
        yield port


@contextlib.contextmanager
def answering(port: int) -> Iterator[int]:
    """Listen on a port of every address of this machine, and answer everyone."""
    with socket.create_server(("0.0.0.0", port), backlog=64) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    connection.sendall(b"here")
                    connection.close()

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def machine(site: Site) -> list[str]:
    """Return the addresses of this machine that a container could try."""
    guard: Any = site.world.equipment.builds
    return sorted(guard.guard.machine())


def test_a_task_reaches_another_as_its_group_says(site: Site, pair: tuple[Task, Task]) -> None:
    """Closed at first; open on the port of a rule, by the address in the VPC; closed again without the rule."""
    one, two = pair
    assert not one.connects(two.address, PORT)
    assert not one.connects(two.real, PORT)
    site.admit(PORT)
    await_(lambda: one.connects(two.address, PORT))
    assert two.connects(one.address, PORT)
    assert one.connects(two.real, PORT)
    assert not one.connects(two.address, OTHER_PORT)
    site.admit(PORT, admitted=False)
    # The way there may go before the door is closed.
    await_(lambda: not one.connects(two.address, PORT))
    await_(lambda: not one.connects(two.real, PORT))


def test_a_task_in_a_lost_zone_is_not_reached(site: Site, pair: tuple[Task, Task]) -> None:
    """While the zone is lost the way is closed, and afterwards it is open again."""
    one, two = pair
    site.admit(PORT)
    await_(lambda: one.connects(two.address, PORT))
    with site.world.faults.during(ZoneLost(f"{site.world.region}b")):
        await_(lambda: not one.connects(two.address, PORT))
    await_(lambda: one.connects(two.address, PORT))
    site.admit(PORT, admitted=False)


def test_packets_that_a_fault_takes_do_not_arrive(site: Site, pair: tuple[Task, Task]) -> None:
    """A port of one task is closed to everyone, the port of AWS's APIs to it, and at last all that it sends is lost."""
    one, two = pair
    faults, arn = site.world.faults, two.arn
    with faults.during(PortBlackholed(PORT, tasks=(arn,))):
        await_(lambda: not answers(two.real, PORT))
        assert answers(two.real, OTHER_PORT)
        assert answers(one.real, PORT)
    await_(lambda: answers(two.real, PORT))
    with faults.during(PortBlackholed(443, "egress", tasks=(arn,))):
        await_(lambda: not two.connects(site.host.bridge_address, site.world.port, b"HTTP"))
        assert one.connects(site.host.bridge_address, site.world.port, b"HTTP")
    await_(lambda: two.connects(site.host.bridge_address, site.world.port, b"HTTP"))
    with faults.during(PacketsLost(1.0, tasks=(arn,))):
        await_(lambda: not answers(two.real, OTHER_PORT))
    await_(lambda: answers(two.real, OTHER_PORT))


def test_of_this_machine_a_task_reaches_the_gateway_alone(site: Site, pair: tuple[Task, Task], service: int) -> None:
    """A service that listens on every address is closed to a task at each of them; the world's own port is open."""
    task = pair[0]
    assert task.connects(site.host.bridge_address, site.world.port, b"HTTP")
    assert site.host.bridge_address in machine(site)
    assert [address for address in machine(site) if task.connects(address, service)] == []
    assert task.connects("169.254.170.2", 80, b"HTTP")


def test_an_address_that_the_machine_gets_later_is_closed(site: Site, pair: tuple[Task, Task], service: int) -> None:
    """A Docker network that another world makes while a task runs gives this machine one more address."""
    name = f"{site.host.network_name}-later"
    network = site.host.client.networks.create(name, driver="bridge", labels=site.host.labels())
    try:
        network.reload()
        address = network.attrs["IPAM"]["Config"][0]["Gateway"]
        with socket.create_connection((address, service), timeout=5):
            assert not pair[0].connects(address, service)
    finally:
        network.remove()


def test_a_task_reaches_of_the_internet_what_its_group_lets_out(site: Site, pair: tuple[Task, Task]) -> None:
    """An address of the internet, which another container stands in for, is open with a rule that lets out to it alone."""
    one, two = pair
    runtime: Any = site.world.equipment.tasks
    guard: Any = site.world.equipment.builds
    guard.guard.set(runtime._tasks[two.id].pause, Change(addresses=[two.address, ELSEWHERE]))
    guard.guard.set(runtime._tasks[one.id].pause, Change(routes=[(ELSEWHERE, two.real)]))
    inside = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.77.0.0/16"}]}
    anywhere = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    there = {"IpProtocol": "tcp", "FromPort": PORT, "ToPort": PORT, "IpRanges": [{"CidrIp": "203.0.113.0/24"}]}
    site.admit(PORT)
    await_(lambda: one.connects(ELSEWHERE, PORT))
    site.ec2.authorize_security_group_egress(GroupId=site.group, IpPermissions=[inside])
    site.ec2.revoke_security_group_egress(GroupId=site.group, IpPermissions=[anywhere])
    await_(lambda: not one.connects(ELSEWHERE, PORT))
    assert one.connects(two.address, PORT)
    site.ec2.authorize_security_group_egress(GroupId=site.group, IpPermissions=[there])
    await_(lambda: one.connects(ELSEWHERE, PORT))
    site.ec2.authorize_security_group_egress(GroupId=site.group, IpPermissions=[anywhere])
    site.ec2.revoke_security_group_egress(GroupId=site.group, IpPermissions=[inside, there])
    site.admit(PORT, admitted=False)


def test_a_task_cannot_change_its_rules(site: Site, pair: tuple[Task, Task]) -> None:
    """The capability for that is not the task's, although its program runs as root."""
    status, said = captured(site.host.client.api, pair[0].container.id, ["nft", "flush", "ruleset"])
    assert status != 0
    assert b"Operation not permitted" in said


def test_the_balancers_side_reaches_a_task(pair: tuple[Task, Task]) -> None:
    """The world's process, where load balancers are, connects to every port."""
    assert answers(pair[0].real, OTHER_PORT)


@pytest.mark.parametrize("privileged", [False, True])
def test_of_this_machine_a_build_reaches_the_gateway_alone(
    site: Site, pair: tuple[Task, Task], service: int, privileged: bool
) -> None:
    """So do builds, with a Docker daemon of their own too; outside of the VPC they do not reach tasks."""
    builder: Any = site.world.equipment.builds
    build = builder.open(
        BuildJob(secrets.token_hex(6), "project", "aws/codebuild/standard:7.0", privileged, site.world.region)
    )
    try:
        for address, port in ((site.host.bridge_address, site.world.port), ("127.0.0.1", site.world.port)):
            assert connects(site.host, build._container, address, port, b"HTTP")
        assert [each for each in machine(site) if connects(site.host, build._container, each, service)] == []
        assert not connects(site.host, build._container, pair[0].real, PORT)
    finally:
        build.kill()


@pytest.mark.parametrize("privileged", [False, True])
def test_a_build_in_the_vpc_reaches_a_task_as_its_group_says(
    site: Site, pair: tuple[Task, Task], privileged: bool
) -> None:
    """From its first command, while the rule is there; no other port, and not the other way round."""
    builder: Any = site.world.equipment.builds
    site.admit(PORT)
    place = Place(site.subnets[0], (site.group,))
    image = "aws/codebuild/standard:7.0"
    build = builder.open(BuildJob(secrets.token_hex(6), "project", image, privileged, site.world.region, place=place))
    try:
        assert connects(site.host, build._container, pair[1].address, PORT)
        assert not connects(site.host, build._container, pair[1].address, OTHER_PORT)
        build._container.reload()
        own = build._container.attrs["NetworkSettings"]["Networks"][site.host.network_name]["IPAddress"]
        captured(site.host.client.api, build._container.id, ["sh", "-c", f"python3 -c '{SERVE}' > /dev/null 2>&1 &"])
        assert not pair[1].connects(own, PORT)
        site.admit(PORT, admitted=False)
        await_(lambda: not connects(site.host, build._container, pair[1].address, PORT))
    finally:
        build.kill()


class Reaching:
    """A function that tries an address and a port."""

    def __init__(self, site: Site, name: str, **more: Any) -> None:
        world, self.name = site.world, name
        world.administrator("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr("app.py", HANDLER)
        self.functions = world.administrator("lambda")
        self.functions.create_function(
            FunctionName=name,
            Runtime="python3.12",
            Role=f"arn:aws:iam::{world.account_id}:role/{name}",
            Handler="app.handler",
            Code={"ZipFile": content.getvalue()},
            Timeout=60,
            **more,
        )

    def __call__(self, host: str, port: int) -> str:
        payload = json.dumps({"host": host, "port": port}).encode()
        return str(json.loads(self.functions.invoke(FunctionName=self.name, Payload=payload)["Payload"].read()))


def test_of_this_machine_a_function_reaches_the_gateway_alone(site: Site, service: int) -> None:
    """The code of a function reaches its endpoint, and nothing else here."""
    reaches = Reaching(site, "reach")
    assert reaches(site.host.bridge_address, site.world.port) == "HTTP"
    assert reaches(site.host.bridge_address, service) == ""


def test_a_function_in_the_vpc_reaches_a_task_as_its_group_says(site: Site, pair: tuple[Task, Task]) -> None:
    """From its first line, at the task's address in the VPC, and on the port of a rule alone."""
    vpc = {"SubnetIds": [site.subnets[0]], "SecurityGroupIds": [site.group]}
    reaches = Reaching(site, "inside", VpcConfig=vpc)
    assert reaches(pair[1].address, PORT) != "here"
    site.admit(PORT)
    assert reaches(pair[1].address, PORT) == "here"
    assert reaches(pair[1].address, OTHER_PORT) != "here"
    site.admit(PORT, admitted=False)


def test_a_port_that_the_settings_name_is_open(site: Site, pair: tuple[Task, Task]) -> None:
    """`host_ports` opens a port of this machine to containers."""
    with answering(HOST_PORT) as port:
        assert pair[0].connects(site.host.bridge_address, port)
