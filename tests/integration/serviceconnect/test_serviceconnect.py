"""Tasks find each other by name, in real containers: ECS Service Connect and Cloud Map."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.runtime.docker.host import DockerHost, DockerUnavailable
from pushproof.emulator.runtime.docker.images import ensure_base_image, ensure_proxy_image
from pushproof.emulator.runtime.equipment import docker_equipment
from pushproof.emulator.world import World

pytestmark = pytest.mark.docker

# Answers every request with the revision and the task, on port 8080.
PROGRAM = """
import http.server, os, socket
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = f"{os.environ['REVISION']} {socket.gethostname()}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
"""
IDLE = ["sleep", "infinity"]
ALIAS: dict[str, Any] = {"port": 80, "dnsName": "backend"}


class Mesh:
    """A world on Docker with a VPC of its own, a namespace, and a cluster whose default it is."""

    def __init__(self, world: World, image: str) -> None:
        self.world, self.image = world, image
        self.ecs, self.map = world.administrator("ecs"), world.administrator("servicediscovery")
        self.ec2 = world.administrator("ec2")
        # Docker may give its own network the addresses of the default VPC; then tasks cannot have theirs.
        self.vpc = self.ec2.create_vpc(CidrBlock="10.78.0.0/16")["Vpc"]["VpcId"]
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)
        table = self.ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}])["RouteTables"][0]
        self.ec2.create_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
        self.subnets = [
            self.ec2.create_subnet(
                VpcId=self.vpc, CidrBlock=f"10.78.{number}.0/24", AvailabilityZone=f"{world.region}{zone}"
            )["Subnet"]["SubnetId"]
            for number, zone in enumerate("ab")
        ]
        self.front, self.back = (
            self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.vpc)["GroupId"]
            for name in ("front", "back")
        )
        self.open(8080)
        self.map.create_http_namespace(Name="shop")
        self.namespace = next(n["Arn"] for n in self.map.list_namespaces()["Namespaces"] if n["Name"] == "shop")
        self.ecs.create_cluster(clusterName="main", serviceConnectDefaults={"namespace": self.namespace})

    def open(self, port: int) -> None:
        self.ec2.authorize_security_group_ingress(GroupId=self.back, IpPermissions=[self._rule(port)])

    def close(self, port: int) -> None:
        self.ec2.revoke_security_group_ingress(GroupId=self.back, IpPermissions=[self._rule(port)])

    def _rule(self, port: int) -> dict[str, Any]:
        pairs = [{"GroupId": self.front}]
        return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "UserIdGroupPairs": pairs}

    def define(self, family: str, command: list[str], revision: str = "one", protocol: str | None = "http") -> str:
        port: dict[str, Any] = {"name": "web", "containerPort": 8080}
        if protocol:
            port["appProtocol"] = protocol
        container: dict[str, Any] = {}
        if command != IDLE:
            # A task without a check is behind its endpoint as soon as it runs, whether or not its program listens yet.
            container["healthCheck"] = {"command": ["CMD-SHELL", "curl -sf http://127.0.0.1:8080/"], "interval": 30}
        arn: str = self.ecs.register_task_definition(
            family=family,
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[
                {
                    "name": "app",
                    "image": self.image,
                    "command": command,
                    "environment": [{"name": "REVISION", "value": revision}],
                    "portMappings": [port],
                    **container,
                }
            ],
        )["taskDefinition"]["taskDefinitionArn"]
        return arn

    def create(self, name: str, definition: str, group: str, count: int = 1, **more: Any) -> None:
        self.ecs.create_service(
            cluster="main",
            serviceName=name,
            taskDefinition=definition,
            desiredCount=count,
            launchType="FARGATE",
            networkConfiguration={
                "awsvpcConfiguration": {"subnets": self.subnets, "securityGroups": [group], "assignPublicIp": "ENABLED"}
            },
            **more,
        )
        self.steady(name)

    def offer(self, discovery: str = "backend", alias: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        offer = {"portName": "web", "discoveryName": discovery, "clientAliases": [alias or ALIAS], **more}
        return {"serviceConnectConfiguration": {"enabled": True, "services": [offer]}}

    def steady(self, name: str) -> dict[str, Any]:
        def steady() -> bool:
            shown = self.show(name)
            states = [deployment["rolloutState"] for deployment in shown["deployments"]]
            return states == ["COMPLETED"] and shown["runningCount"] == shown["desiredCount"]

        wait_for(steady, f"{name} is steady")
        return self.show(name)

    def show(self, name: str) -> dict[str, Any]:
        shown: dict[str, Any] = self.ecs.describe_services(cluster="main", services=[name])["services"][0]
        return shown

    def tasks(self, name: str) -> list[str]:
        arns = self.ecs.list_tasks(cluster="main", serviceName=name)["taskArns"]
        return sorted(arn.rsplit("/", 1)[1] for arn in arns)

    def inside(self, service: str, command: str) -> str:
        runtime = self.world.equipment.tasks
        assert runtime is not None
        done = runtime.execute(self.tasks(service)[0], "app", ["CMD-SHELL", command], 60.0 * 1000)
        return done.output

    def get(self, url: str, service: str = "frontend") -> str:
        """Return what a task of a service is answered: the body, or the error's status after it."""
        return self.inside(service, f"curl -s -m 20 -w ' %{{http_code}}' {url}").strip()

    def reaches(self, url: str) -> None:
        """Wait until a task of the frontend is answered: ways and names follow the tasks within a second or two."""
        wait_for(lambda: self.get(url).endswith("200"), f"{url} answers")


def wait_for(holds: Callable[[], bool], what: str, seconds: float = 180.0) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"waited in vain: {what}"
        time.sleep(0.1)


@pytest.fixture
def mesh() -> Iterator[Mesh]:
    world_id = secrets.token_hex(4)
    try:
        host = DockerHost(world_id)
    except DockerUnavailable as error:
        pytest.skip(str(error))
    ensure_proxy_image(host.client)
    with World(WorldSettings(speed=60), world_id=world_id, equip=docker_equipment(host)) as world:
        world.serve(host.bridge_address)
        host.registries.add(world.registry_host)
        yield Mesh(world, ensure_base_image(host.client))


def test_requests_go_to_every_task_of_an_endpoint(mesh: Mesh) -> None:
    """A client reaches an endpoint by name and port, on each of its tasks, whatever port their containers have."""
    mesh.create("backend", mesh.define("backend", ["python3", "-c", PROGRAM]), mesh.back, 2, **mesh.offer())
    mesh.create("frontend", mesh.define("frontend", IDLE), mesh.front, serviceConnectConfiguration={"enabled": True})

    def answers() -> set[str]:
        said = mesh.inside("frontend", "for i in 1 2 3 4; do curl -s -m 20 http://backend/; echo; done").split("\n")
        return {answer for answer in said if answer.startswith("one ")}

    wait_for(lambda: len(answers()) == 2, "both tasks answer")
    assert "127.255.0.1 backend" in mesh.inside("frontend", "cat /etc/hosts")
    instances = mesh.map.discover_instances(NamespaceName="shop", ServiceName="backend")["Instances"]
    assert {each["Attributes"]["AWS_INSTANCE_PORT"] for each in instances} == {"8080"}
    assert sorted(each["InstanceId"] for each in instances) == mesh.tasks("backend")
    mesh.close(8080)
    wait_for(lambda: mesh.get("http://backend/").endswith("503"), "a closed security group is noticed")
    mesh.open(8080)
    wait_for(lambda: mesh.get("http://backend/").endswith("200"), "an opened security group is noticed")


def test_new_endpoints_are_known_to_later_deployments_alone(mesh: Mesh) -> None:
    """A task started before an endpoint does not know its name, nor do its replacements; the next deployment does."""
    mesh.create("frontend", mesh.define("frontend", IDLE), mesh.front, serviceConnectConfiguration={"enabled": True})
    mesh.create("backend", mesh.define("backend", ["python3", "-c", PROGRAM]), mesh.back, **mesh.offer())
    assert mesh.get("http://backend/").endswith("000")
    before = mesh.tasks("frontend")
    mesh.ecs.stop_task(cluster="main", task=before[0])
    wait_for(lambda: mesh.tasks("frontend") not in (before, []), "a replacement")
    mesh.steady("frontend")
    assert mesh.get("http://backend/").endswith("000")
    mesh.ecs.update_service(cluster="main", service="frontend", forceNewDeployment=True)
    mesh.steady("frontend")
    mesh.reaches("http://backend/")


def test_a_rollout_behind_an_endpoint_loses_no_request(mesh: Mesh) -> None:
    """Requests go on while the tasks of an endpoint are replaced, and end at the new revision."""
    mesh.create("backend", mesh.define("backend", ["python3", "-c", PROGRAM]), mesh.back, 2, **mesh.offer())
    mesh.create("frontend", mesh.define("frontend", IDLE), mesh.front, serviceConnectConfiguration={"enabled": True})
    mesh.reaches("http://backend/")
    mesh.inside(
        "frontend",
        "(while true; do curl -s -m 20 -w ' %{http_code}\\n' http://backend/ >> /tmp/answers; sleep 0.05; done) "
        "> /dev/null 2>&1 &",
    )
    two = mesh.define("backend", ["python3", "-c", PROGRAM], "two")
    mesh.ecs.update_service(cluster="main", service="backend", taskDefinition=two)
    mesh.steady("backend")
    wait_for(lambda: mesh.get("http://backend/").startswith("two "), "the new revision answers")
    answers = mesh.inside("frontend", "cat /tmp/answers").splitlines()
    assert {line.split()[0] for line in answers} == {"one", "two"}
    assert [line for line in answers if not line.endswith(" 200")] == []


def test_the_port_of_the_proxy_is_what_security_groups_open(mesh: Mesh) -> None:
    """The server's proxy listens on an ingress port, for TCP too; the container's port needs no rule."""
    mesh.close(8080)
    mesh.open(9000)
    definition = mesh.define("backend", ["python3", "-c", PROGRAM], protocol=None)
    alias = {"port": 5000, "dnsName": "backend"}
    mesh.create("backend", definition, mesh.back, **mesh.offer(alias=alias, ingressPortOverride=9000))
    mesh.create("frontend", mesh.define("frontend", IDLE), mesh.front, serviceConnectConfiguration={"enabled": True})
    mesh.reaches("http://backend:5000/")


def test_names_of_a_private_namespace(mesh: Mesh) -> None:
    """A registered task has a name in its VPC, at its address there, for running tasks too; and none after it has stopped."""
    mesh.map.create_private_dns_namespace(Name="internal.test", Vpc=mesh.vpc)
    namespace = next(n["Id"] for n in mesh.map.list_namespaces()["Namespaces"] if n["Type"] == "DNS_PRIVATE")
    registry = mesh.map.create_service(
        Name="api", DnsConfig={"NamespaceId": namespace, "DnsRecords": [{"Type": "A", "TTL": 10}]}
    )["Service"]["Arn"]
    mesh.create("frontend", mesh.define("frontend", IDLE), mesh.front)
    definition = mesh.define("backend", ["python3", "-c", PROGRAM])
    mesh.create("backend", definition, mesh.back, serviceRegistries=[{"registryArn": registry}])
    mesh.reaches("http://api.internal.test:8080/")
    task = mesh.ecs.describe_tasks(cluster="main", tasks=mesh.tasks("backend"))["tasks"][0]
    address = task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"]
    assert f"{address} api.internal.test" in mesh.inside("frontend", "cat /etc/hosts")
    mesh.ecs.update_service(cluster="main", service="backend", desiredCount=0)
    wait_for(lambda: "api.internal.test" not in mesh.inside("frontend", "cat /etc/hosts"), "the name is gone")
