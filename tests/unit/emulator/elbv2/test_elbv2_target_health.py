"""Target groups and the health of their targets, on a virtual clock."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from pushproof.emulator.kernel.tasks import HttpProbe

OK = HttpProbe(200)


@pytest.fixture
def used(stack: Any) -> str:
    """A target group that a listener forwards to."""
    group = stack.target_group()
    stack.listener(stack.balancer()["LoadBalancerArn"], group)
    return str(group)


def test_a_target_group_is_shown_with_awss_defaults(stack: Any) -> None:
    """Members without a value have AWS's defaults, attributes included."""
    made = stack.elbv2.create_target_group(
        Name="plain", Protocol="HTTP", Port=80, VpcId=stack.network.vpc, TargetType="ip"
    )["TargetGroups"][0]
    arn = made.pop("TargetGroupArn")
    assert made == {
        "TargetGroupName": "plain",
        "Protocol": "HTTP",
        "ProtocolVersion": "HTTP1",
        "Port": 80,
        "VpcId": stack.network.vpc,
        "TargetType": "ip",
        "IpAddressType": "ipv4",
        "HealthCheckEnabled": True,
        "HealthCheckProtocol": "HTTP",
        "HealthCheckPort": "traffic-port",
        "HealthCheckPath": "/",
        "HealthCheckIntervalSeconds": 30,
        "HealthCheckTimeoutSeconds": 5,
        "HealthyThresholdCount": 5,
        "UnhealthyThresholdCount": 2,
        "Matcher": {"HttpCode": "200"},
        "LoadBalancerArns": [],
    }
    found = stack.elbv2.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
    attributes = {one["Key"]: one["Value"] for one in found}
    assert attributes["deregistration_delay.timeout_seconds"] == "300"
    assert attributes["stickiness.enabled"] == "false"
    assert attributes["load_balancing.cross_zone.enabled"] == "use_load_balancer_configuration"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"HealthCheckIntervalSeconds": 5, "HealthCheckTimeoutSeconds": 5}, "must be smaller than the interval '5'"),
        ({"HealthCheckPath": "health"}, "must start with '/'"),
        ({"Matcher": {"HttpCode": "abc"}}, "must be within '200-499'"),
        ({"Matcher": {"HttpCode": "200-500"}}, "must be within '200-499'"),
        ({"HealthyThresholdCount": 11}, "Member must have value less than or equal to 10"),
        ({"HealthCheckPort": "99999"}, "must be 'traffic-port' or between 1 and 65535"),
        ({"HealthCheckEnabled": False}, "must be true for target groups with target type 'ip'"),
        ({"VpcId": "vpc-0123456789abcdef0"}, "is not found"),
    ],
)
def test_bad_settings_are_refused(stack: Any, settings: dict[str, Any], message: str) -> None:
    """A ValidationError says what is wrong, and no group is made."""
    request = {
        "Name": "bad",
        "Protocol": "HTTP",
        "Port": 80,
        "VpcId": stack.network.vpc,
        "TargetType": "ip",
        **settings,
    }
    code, text = stack.refused("create_target_group", **request)
    assert code == "ValidationError"
    assert message in text
    assert stack.elbv2.describe_target_groups()["TargetGroups"] == []


def test_a_name_is_taken_once(stack: Any) -> None:
    """The same settings answer the group there is; different ones are DuplicateTargetGroupName."""
    assert stack.target_group() == stack.target_group()
    request = {"Name": "app", "Protocol": "HTTP", "Port": 81, "VpcId": stack.network.vpc, "TargetType": "ip"}
    assert stack.refused("create_target_group", **request)[0] == "DuplicateTargetGroupName"


def test_a_group_that_nothing_uses_checks_nothing(stack: Any, prober: Any) -> None:
    """Targets are unused until a listener forwards to the group, and again when it no longer does."""
    group = stack.target_group()
    stack.elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": "10.0.1.10"}])
    stack.world.loop.advance(60)
    assert stack.health(group) == [("10.0.1.10", 8080, "unused", "Target.NotInUse")]
    assert prober.asked == []
    prober.answers["10.0.1.10"] = OK
    listener = stack.listener(stack.balancer()["LoadBalancerArn"], group)
    assert stack.health(group) == [("10.0.1.10", 8080, "initial", "Elb.RegistrationInProgress")]
    stack.world.loop.advance(1)
    assert stack.health(group) == [("10.0.1.10", 8080, "healthy", None)]
    assert stack.refused("delete_target_group", TargetGroupArn=group)[0] == "ResourceInUse"
    stack.elbv2.delete_listener(ListenerArn=listener)
    assert stack.health(group) == [("10.0.1.10", 8080, "unused", "Target.NotInUse")]
    asked = len(prober.asked)
    stack.world.loop.advance(120)
    assert len(prober.asked) == asked
    stack.elbv2.delete_target_group(TargetGroupArn=group)
    assert stack.refused("describe_target_groups", Names=["app"])[0] == "TargetGroupNotFound"


def test_health_goes_through_the_thresholds(stack: Any, prober: Any, used: str) -> None:
    """Healthy after the first success, unhealthy after three failures in a row, healthy again after two successes."""
    prober.answers["10.0.1.10"] = OK
    stack.elbv2.register_targets(TargetGroupArn=used, Targets=[{"Id": "10.0.1.10", "Port": 9000}])
    stack.world.loop.advance(1)
    assert stack.health(used) == [("10.0.1.10", 9000, "healthy", None)]
    stack.elbv2.get_waiter("target_in_service").wait(TargetGroupArn=used, WaiterConfig={"Delay": 0, "MaxAttempts": 1})
    assert prober.asked == [("10.0.1.10", 9000, "/health", "HTTP", 5)]
    prober.answers["10.0.1.10"] = HttpProbe(500)
    stack.world.loop.advance(60)
    assert stack.health(used)[0][2] == "healthy"
    stack.world.loop.advance(30)
    assert stack.health(used) == [("10.0.1.10", 9000, "unhealthy", "Target.ResponseCodeMismatch")]
    described = stack.elbv2.describe_target_health(TargetGroupArn=used)["TargetHealthDescriptions"][0]
    assert described["TargetHealth"]["Description"] == "Health checks failed with these codes: [500]"
    assert described["HealthCheckPort"] == "9000"
    prober.answers["10.0.1.10"] = OK
    stack.world.loop.advance(30)
    assert stack.health(used)[0][2] == "unhealthy"
    stack.world.loop.advance(30)
    assert stack.health(used)[0][2] == "healthy"


@pytest.mark.parametrize(
    ("probe", "reason"),
    [
        (HttpProbe(None, "timeout"), "Target.Timeout"),
        (HttpProbe(None, "refused"), "Target.FailedHealthChecks"),
        (HttpProbe(404), "Target.ResponseCodeMismatch"),
    ],
)
def test_the_reason_says_how_checks_fail(stack: Any, prober: Any, used: str, probe: HttpProbe, reason: str) -> None:
    """A time-out, a refusal and a wrong code each have AWS's reason."""
    prober.answers["10.0.1.10"] = probe
    stack.elbv2.register_targets(TargetGroupArn=used, Targets=[{"Id": "10.0.1.10"}])
    stack.world.loop.advance(61)
    assert stack.health(used) == [("10.0.1.10", 8080, "unhealthy", reason)]


def test_draining_lasts_the_deregistration_delay(stack: Any, prober: Any, used: str) -> None:
    """A deregistered target drains for its delay, is checked no more, and is then gone."""
    prober.answers["10.0.1.10"] = OK
    stack.elbv2.modify_target_group_attributes(
        TargetGroupArn=used, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "45"}]
    )
    stack.elbv2.register_targets(TargetGroupArn=used, Targets=[{"Id": "10.0.1.10"}])
    stack.world.loop.advance(1)
    asked = len(prober.asked)
    stack.elbv2.deregister_targets(TargetGroupArn=used, Targets=[{"Id": "10.0.1.10"}])
    assert stack.health(used) == [("10.0.1.10", 8080, "draining", "Target.DeregistrationInProgress")]
    stack.world.loop.advance(44)
    assert stack.health(used)[0][2] == "draining"
    stack.world.loop.advance(1)
    assert stack.health(used) == []
    assert len(prober.asked) == asked
    absent = stack.elbv2.describe_target_health(TargetGroupArn=used, Targets=[{"Id": "10.0.1.10", "Port": 8080}])
    assert absent["TargetHealthDescriptions"][0]["TargetHealth"]["Reason"] == "Target.NotRegistered"


def test_a_draining_target_registered_again_starts_anew(stack: Any, prober: Any, used: str) -> None:
    """Registration ends the draining, and the old timer does not remove the new target."""
    prober.answers["10.0.1.10"] = OK
    target = [{"Id": "10.0.1.10"}]
    stack.elbv2.register_targets(TargetGroupArn=used, Targets=target)
    stack.world.loop.advance(1)
    stack.elbv2.deregister_targets(TargetGroupArn=used, Targets=target)
    stack.elbv2.register_targets(TargetGroupArn=used, Targets=target)
    stack.world.loop.advance(400)
    assert stack.health(used) == [("10.0.1.10", 8080, "healthy", None)]


def test_in_process_targets_are_probed_where_they_really_are(stack: Any, prober: Any, used: str) -> None:
    """The API shows the interface's address; probes and requests go to the real one; subscribers receive every change."""
    service = stack.world.services["elbv2"]
    heard: list[tuple[str, int, str, str]] = []
    end = service.subscribe(used, lambda *change: heard.append(change))
    prober.answers["172.18.0.5"] = OK
    service.register_target(used, "10.0.1.10", 8080, address="172.18.0.5")
    stack.world.loop.advance(1)
    assert stack.health(used) == [("10.0.1.10", 8080, "healthy", None)]
    assert prober.asked[0][0] == "172.18.0.5"
    service.deregister_target(used, "10.0.1.10", 8080)
    stack.world.loop.advance(300)
    assert heard == [
        ("10.0.1.10", 8080, "initial", "Elb.RegistrationInProgress"),
        ("10.0.1.10", 8080, "healthy", ""),
        ("10.0.1.10", 8080, "draining", "Target.DeregistrationInProgress"),
        ("10.0.1.10", 8080, "unused", "Target.NotRegistered"),
    ]
    assert service.target_health(used, "10.0.1.10", 8080).reason == "Target.NotRegistered"
    end()
    service.register_target(used, "10.0.1.11", 8080, address="172.18.0.5")
    assert len(heard) == 4


def test_an_address_outside_the_vpc_is_refused(stack: Any, used: str) -> None:
    """InvalidTarget, unless the target says that its zone is `all`."""
    outside = [{"Id": "192.168.7.7"}]
    assert stack.refused("register_targets", TargetGroupArn=used, Targets=outside)[0] == "InvalidTarget"
    assert stack.health(used) == []
    stack.elbv2.register_targets(TargetGroupArn=used, Targets=[{"Id": "192.168.7.7", "AvailabilityZone": "all"}])
    assert stack.health(used)[0][0] == "192.168.7.7"
    assert stack.refused("register_targets", TargetGroupArn=used, Targets=[{"Id": "i-1"}])[0] == "ValidationError"


def test_a_changed_check_applies_to_the_next_probe(stack: Any, prober: Any, used: str) -> None:
    """ModifyTargetGroup changes path, port and matcher for probes to come."""
    prober.answers["10.0.1.10"] = HttpProbe(204)
    stack.elbv2.register_targets(TargetGroupArn=used, Targets=[{"Id": "10.0.1.10"}])
    stack.elbv2.modify_target_group(
        TargetGroupArn=used, HealthCheckPath="/ready", HealthCheckPort="9", Matcher={"HttpCode": "200-299"}
    )
    stack.world.loop.advance(1)
    assert prober.asked[-1][1:3] == (9, "/ready")
    assert stack.health(used)[0][2] == "healthy"


def test_a_world_with_a_prober_opens_no_socket(stack: Any) -> None:
    """Listeners are stored and nothing listens if a prober answers probes."""
    balancer = stack.balancer()
    stack.listener(balancer["LoadBalancerArn"], stack.target_group())
    with pytest.raises(ConnectionRefusedError), socket.create_connection((balancer["DNSName"], 80), timeout=1):
        pass


@pytest.mark.parametrize(
    ("probe", "after", "state"),
    [
        pytest.param(HttpProbe(None, "refused"), 200, "initial", id="nothing-listens-yet"),
        pytest.param(HttpProbe(None, "refused"), 300, "unhealthy", id="nothing-ever-listens"),
        pytest.param(HttpProbe(500), 61, "unhealthy", id="what-listens-is-judged"),
    ],
)
def test_a_fast_clock_does_not_make_starts_fail(
    stack: Any, prober: Any, used: str, monkeypatch: pytest.MonkeyPatch, probe: HttpProbe, after: float, state: str
) -> None:
    """A target that has not answered yet has 15 real seconds at speed 20, although three checks take only 4.5."""
    monkeypatch.setattr(stack.world.clock, "real_delay", lambda seconds: seconds / 20)
    prober.answers["10.0.1.10"] = probe
    stack.elbv2.register_targets(TargetGroupArn=used, Targets=[{"Id": "10.0.1.10"}])
    stack.world.loop.advance(after)
    assert stack.health(used)[0][2] == state
