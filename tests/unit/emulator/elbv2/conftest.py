"""A world with a network for load balancers, and a prober whose targets the test controls."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from pushproof.emulator.kernel.tasks import HttpProbe
from pushproof.emulator.runtime.equipment import Equipment
from pushproof.emulator.world import World


@dataclass
class FakeProber:
    """Answers probes by address; `asked` keeps what was probed."""

    answers: dict[str, HttpProbe] = field(default_factory=dict)
    asked: list[tuple[str, int, str, str, float]] = field(default_factory=list)

    def probe(self, address: str, port: int, *, path: str, protocol: str, timeout: float) -> HttpProbe:
        self.asked.append((address, port, path, protocol, timeout))
        return self.answers.get(address, HttpProbe(None, "refused"))


class Network:
    """A VPC with three subnets in two zones, an internet gateway and a security group."""

    def __init__(self, world: World) -> None:
        ec2 = world.administrator("ec2")
        self.vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=self.gateway, VpcId=self.vpc)

        def subnet(number: int, zone: str) -> str:
            made = ec2.create_subnet(
                VpcId=self.vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{world.region}{zone}"
            )
            return str(made["Subnet"]["SubnetId"])

        self.subnets = [subnet(1, "a"), subnet(2, "b")]
        self.third = subnet(3, "a")
        self.group = ec2.create_security_group(GroupName="alb", Description="alb", VpcId=self.vpc)["GroupId"]


class Stack:
    """World, network and the calls that most tests begin with."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.network = Network(world)
        self.elbv2 = world.administrator("elbv2")
        self.ec2 = world.administrator("ec2")

    def balancer(self, name: str = "app", **options: Any) -> dict[str, Any]:
        settings = {"Subnets": self.network.subnets, "SecurityGroups": [self.network.group], **options}
        made: dict[str, Any] = self.elbv2.create_load_balancer(Name=name, **settings)["LoadBalancers"][0]
        return made

    def target_group(self, name: str = "app", **options: Any) -> str:
        settings = {
            "Protocol": "HTTP",
            "Port": 8080,
            "VpcId": self.network.vpc,
            "TargetType": "ip",
            "HealthCheckPath": "/health",
            "HealthyThresholdCount": 2,
            "UnhealthyThresholdCount": 3,
            **options,
        }
        return str(self.elbv2.create_target_group(Name=name, **settings)["TargetGroups"][0]["TargetGroupArn"])

    def listener(self, balancer_arn: str, group: str, port: int = 80, **options: Any) -> str:
        made = self.elbv2.create_listener(
            LoadBalancerArn=balancer_arn,
            Protocol=options.pop("Protocol", "HTTP"),
            Port=port,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
            **options,
        )
        return str(made["Listeners"][0]["ListenerArn"])

    def imported(self, name: str = "app.example.com") -> tuple[str, str]:
        """A self-signed certificate imported into ACM: its ARN, and itself in PEM."""
        key = rsa.generate_private_key(65_537, 2048)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        own = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        pem = made.public_bytes(serialization.Encoding.PEM)
        acm = self.world.administrator("acm")
        return acm.import_certificate(Certificate=pem, PrivateKey=own)["CertificateArn"], pem.decode()

    def refused(self, operation: str, **request: Any) -> tuple[str, str]:
        """Code and message of the error that a call must meet."""
        with pytest.raises(ClientError) as caught:
            getattr(self.elbv2, operation)(**request)
        return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]

    def health(self, group: str) -> list[tuple[str, int, str, str | None]]:
        found = self.elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        return [
            (
                one["Target"]["Id"],
                one["Target"]["Port"],
                one["TargetHealth"]["State"],
                one["TargetHealth"].get("Reason"),
            )
            for one in found
        ]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """One world a module, because making one takes seconds; every test cleans up behind itself."""
    with World.virtual(equip=lambda *_: Equipment(prober=FakeProber())) as world:
        yield world


@pytest.fixture
def prober(world: World) -> FakeProber:
    prober = world.equipment.prober
    assert isinstance(prober, FakeProber)
    prober.answers.clear()
    prober.asked.clear()
    return prober


@pytest.fixture
def stack(world: World) -> Iterator[Stack]:
    stack = Stack(world)
    yield stack
    for balancer in stack.elbv2.describe_load_balancers()["LoadBalancers"]:
        stack.elbv2.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
    for group in stack.elbv2.describe_target_groups()["TargetGroups"]:
        stack.elbv2.delete_target_group(TargetGroupArn=group["TargetGroupArn"])
