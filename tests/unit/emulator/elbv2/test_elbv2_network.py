"""Network Load Balancers: their API, their defaults, and the health checks of their targets.

Sources: https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-health-checks.html ,
.../load-balancer-target-groups.html , https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroupAttribute.html
"""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.emulator.elbv2.conftest import FakeProber, Stack

from pushproof.emulator.kernel.loop import VirtualLoop
from pushproof.emulator.kernel.tasks import HttpProbe


def network(stack: Stack, name: str = "net", **options: Any) -> dict[str, Any]:
    made: dict[str, Any] = stack.elbv2.create_load_balancer(
        Name=name, Type="network", Subnets=stack.network.subnets[:1], **options
    )["LoadBalancers"][0]
    return made


def tcp_group(stack: Stack, name: str = "tcp", **options: Any) -> str:
    settings = {"Protocol": "TCP", "Port": 8080, "VpcId": stack.network.vpc, "TargetType": "ip", **options}
    return str(stack.elbv2.create_target_group(Name=name, **settings)["TargetGroups"][0]["TargetGroupArn"])


def test_one_subnet_and_no_security_group_suffice(stack: Stack) -> None:
    """An Application Load Balancer needs two zones, and has the VPC's default group; this one does neither."""
    made = network(stack)
    assert made["Type"] == "network"
    assert ":loadbalancer/net/net/" in made["LoadBalancerArn"]
    assert made["SecurityGroups"] == []
    code, _ = stack.refused(
        "set_security_groups", LoadBalancerArn=made["LoadBalancerArn"], SecurityGroups=[stack.network.group]
    )
    assert code == "InvalidConfigurationRequest"


def test_a_group_of_tcp_has_its_own_defaults(stack: Stack) -> None:
    """TCP checks, 10 seconds, no path and no matcher; client addresses are not preserved for targets by address."""
    arn = tcp_group(stack)
    (group,) = stack.elbv2.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"]
    assert (group["HealthCheckProtocol"], group["HealthCheckTimeoutSeconds"]) == ("TCP", 10)
    assert "HealthCheckPath" not in group
    assert "Matcher" not in group
    attributes = stack.elbv2.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
    values = {entry["Key"]: entry["Value"] for entry in attributes}
    assert values["preserve_client_ip.enabled"] == "false"
    assert values["stickiness.type"] == "source_ip"


def test_a_group_of_tcp_may_be_checked_over_http(stack: Stack) -> None:
    """The defaults of HTTP checks behind a Network Load Balancer are 6 seconds and 200-399."""
    arn = tcp_group(stack, HealthCheckProtocol="HTTP", HealthCheckPath="/up")
    (group,) = stack.elbv2.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"]
    assert (group["HealthCheckTimeoutSeconds"], group["Matcher"]) == (6, {"HttpCode": "200-399"})


def test_a_connection_makes_a_target_healthy(stack: Stack, prober: FakeProber) -> None:
    """A TCP check asks for no answer; a refused one fails."""
    arn = tcp_group(stack)
    stack.listener(network(stack)["LoadBalancerArn"], arn, Protocol="TCP")
    prober.answers["10.0.1.10"] = HttpProbe(None, accepted=True)
    stack.elbv2.register_targets(TargetGroupArn=arn, Targets=[{"Id": "10.0.1.10"}, {"Id": "10.0.1.11"}])
    assert isinstance(stack.world.loop, VirtualLoop)
    stack.world.loop.advance(400)
    assert stack.health(arn) == [
        ("10.0.1.10", 8080, "healthy", None),
        ("10.0.1.11", 8080, "unhealthy", "Target.FailedHealthChecks"),
    ]
    assert {protocol for _, _, _, protocol, _ in prober.asked} == {"TCP"}


def test_a_tls_listener_needs_a_certificate(stack: Stack) -> None:
    """And shows it with its policy."""
    arn, balancer = tcp_group(stack), network(stack)["LoadBalancerArn"]
    forward = [{"Type": "forward", "TargetGroupArn": arn}]
    code, message = stack.refused(
        "create_listener", LoadBalancerArn=balancer, Protocol="TLS", Port=443, DefaultActions=forward
    )
    assert (code, message) == ("ValidationError", "A certificate must be specified for TLS listeners")
    certificate, _ = stack.imported()
    stack.listener(balancer, arn, 443, Protocol="TLS", Certificates=[{"CertificateArn": certificate}])
    (shown,) = stack.elbv2.describe_listeners(LoadBalancerArn=balancer)["Listeners"]
    assert shown["Certificates"] == [{"CertificateArn": certificate}]
    assert "MutualAuthentication" not in shown


@pytest.mark.parametrize(
    ("kind", "protocol", "group"),
    [("network", "TCP", "HTTP"), ("application", "HTTP", "TCP"), ("network", "TCP", "TLS")],
)
def test_protocols_of_listener_and_group_must_fit(stack: Stack, kind: str, protocol: str, group: str) -> None:
    """HTTP groups are for Application Load Balancers, TCP and TLS groups for Network Load Balancers."""
    arn = stack.target_group() if group == "HTTP" else tcp_group(stack, Protocol=group)
    balancer = network(stack) if kind == "network" else stack.balancer()
    code, _ = stack.refused(
        "create_listener", LoadBalancerArn=balancer["LoadBalancerArn"], Protocol=protocol, Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": arn}],
    )  # fmt: skip
    assert code == "IncompatibleProtocols"
    assert stack.elbv2.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"] == []


def test_http_is_no_protocol_of_a_network_load_balancer(stack: Stack) -> None:
    """UDP is one that is not emulated, and says so."""
    arn, balancer = tcp_group(stack), network(stack)["LoadBalancerArn"]
    forward = [{"Type": "forward", "TargetGroupArn": arn}]
    request = {"LoadBalancerArn": balancer, "Port": 80, "DefaultActions": forward}
    assert stack.refused("create_listener", Protocol="HTTP", **request)[0] == "UnsupportedProtocol"
    assert stack.refused("create_listener", Protocol="UDP", **request)[0] == "NotImplemented"


def test_a_network_listener_has_no_rules(stack: Stack) -> None:
    """It has its default action, which forwards."""
    arn = tcp_group(stack)
    listener = stack.listener(network(stack)["LoadBalancerArn"], arn, Protocol="TCP")
    code, _ = stack.refused(
        "create_rule", ListenerArn=listener, Priority=1, Conditions=[{"Field": "path-pattern", "Values": ["/a"]}],
        Actions=[{"Type": "forward", "TargetGroupArn": arn}],
    )  # fmt: skip
    assert code == "ValidationError"


def test_attributes_are_those_of_the_type(stack: Stack) -> None:
    """Cross-zone balancing can be turned on, and HTTP attributes are refused with the type."""
    balancer = network(stack)["LoadBalancerArn"]
    crossing = [{"Key": "load_balancing.cross_zone.enabled", "Value": "true"}]
    shown = stack.elbv2.modify_load_balancer_attributes(LoadBalancerArn=balancer, Attributes=crossing)["Attributes"]
    assert crossing[0] in shown
    code, message = stack.refused(
        "modify_load_balancer_attributes", LoadBalancerArn=balancer,
        Attributes=[{"Key": "idle_timeout.timeout_seconds", "Value": "60"}],
    )  # fmt: skip
    assert code == "InvalidConfigurationRequest"
    assert "type 'network'" in message
