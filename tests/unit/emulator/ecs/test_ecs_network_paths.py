"""Security groups, network ACLs and zones between a load balancer and its tasks, live."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from pushproof.base.clock import VirtualClock
from pushproof.emulator.kernel.loop import VirtualLoop
from pushproof.emulator.runtime.equipment import scripted_equipment
from pushproof.emulator.runtime.loadbalancer.scripted import ScriptedLoadBalancer
from pushproof.emulator.world import World
from pushproof.engines.loadbalancing import HttpRequest

from .conftest import Stack


class Guarded(Stack):
    """The stack with an enforced network: a load balancer and tasks in groups of their own, in public subnets."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        table = self.ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}])["RouteTables"][0]
        mine = [{"Name": "attachment.vpc-id", "Values": [self.vpc]}]
        gateway = self.ec2.describe_internet_gateways(Filters=mine)["InternetGateways"][0]["InternetGatewayId"]
        self.ec2.create_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
        self.network["awsvpcConfiguration"]["assignPublicIp"] = "ENABLED"
        self.tasks_group = self.group
        self.group = self.ec2.create_security_group(GroupName="alb", Description="alb", VpcId=self.vpc)["GroupId"]
        self.arn = self.target_group()

    def rule(self, verb: str = "authorize") -> None:
        """Admit the load balancer to the tasks, or no longer."""
        pair = {"GroupId": self.group}
        getattr(self.ec2, f"{verb}_security_group_ingress")(
            GroupId=self.tasks_group,
            IpPermissions=[{"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "UserIdGroupPairs": [pair]}],
        )

    def health(self) -> list[dict[str, str]]:
        shown = self.elbv2.describe_target_health(TargetGroupArn=self.arn)["TargetHealthDescriptions"]
        return [target["TargetHealth"] for target in shown]

    def request(self) -> tuple[int, str | None]:
        """Send a request through the load balancer; answers its status, and why the load balancer answered by itself."""
        plane = self.world.balancer
        assert isinstance(plane, ScriptedLoadBalancer)
        (listener,) = plane.listeners.values()
        request = HttpRequest("HTTP", "GET", "app", 80, "/", "", "198.51.100.7", ())
        answer = plane.send(listener.address, listener.port, request)
        return answer.status, answer.error


@pytest.fixture
def guarded() -> Iterator[Guarded]:
    with World(loop=VirtualLoop(VirtualClock(time.time())), equip=scripted_equipment) as world:
        yield Guarded(world)


def test_a_missing_rule_between_load_balancer_and_tasks_fails_the_rollout(guarded: Guarded) -> None:
    """Health checks time out and the circuit breaker ends the deployment, where no rule admits the load balancer."""
    guarded.serve(guarded.define(), group=guarded.arn)
    guarded.until(lambda: guarded.service()["deployments"][0]["rolloutState"] == "FAILED", 36_000.0)
    texts = " ".join(guarded.messages())
    assert "is unhealthy in (target-group" in texts
    assert "Request timed out" in texts


def test_a_rule_in_time_lets_the_rollout_pass(guarded: Guarded) -> None:
    """The rule is added while tasks wait: the next checks pass."""
    guarded.serve(guarded.define(), group=guarded.arn)
    guarded.until(lambda: guarded.service()["deployments"][0]["failedTasks"] >= 1)
    guarded.rule()
    guarded.settle()
    assert guarded.service()["deployments"][0]["rolloutState"] == "COMPLETED"
    assert guarded.request() == (200, None)


def test_a_rule_that_goes_stops_requests_at_once_and_tasks_after_their_checks(guarded: Guarded) -> None:
    """Drift in production: the next request is answered 504, with the rule that is missing; checks time out."""
    guarded.rule()
    guarded.serve(guarded.define(), group=guarded.arn)
    guarded.settle()
    guarded.rule("revoke")
    guarded.advance(0.0)
    status, error = guarded.request()
    assert status == 504
    assert error is not None
    assert f"No ingress rule of {guarded.tasks_group}" in error
    assert {one["State"] for one in guarded.health()} == {"healthy"}
    guarded.advance(95.0)
    assert any(one.get("Reason") == "Target.Timeout" for one in guarded.health())


def test_a_network_acl_counts_with_its_answers(guarded: Guarded) -> None:
    """An ACL that lets requests in and no answers out stops them all the same."""
    guarded.rule()
    guarded.serve(guarded.define(), group=guarded.arn)
    guarded.settle()
    acl = guarded.ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [guarded.vpc]}])["NetworkAcls"][0]
    guarded.ec2.create_network_acl_entry(
        NetworkAclId=acl["NetworkAclId"],
        RuleNumber=50,
        Protocol="6",
        RuleAction="deny",
        Egress=True,
        CidrBlock="10.0.0.0/16",
        PortRange={"From": 32768, "To": 61000},
    )
    guarded.advance(0.0)
    status, error = guarded.request()
    assert status == 504
    assert "These are answers" in str(error)


def test_a_lost_zone_takes_its_tasks_out_of_the_balance(guarded: Guarded) -> None:
    """Targets of a lost zone time out; those of the other serve, checked by the nodes that are left."""
    guarded.rule()
    guarded.serve(guarded.define(), group=guarded.arn)
    guarded.settle()
    guarded.world.paths.set_zone_down(f"{guarded.world.region}a")
    guarded.advance(70.0)
    states: dict[str, Any] = {}
    shown = guarded.elbv2.describe_target_health(TargetGroupArn=guarded.arn)["TargetHealthDescriptions"]
    for target in shown:
        states[target["Target"]["Id"].split(".")[2]] = target["TargetHealth"]["State"]
    assert states["2"] == "healthy"
    assert {guarded.request()[0] for _ in range(4)} <= {200, 504}
    guarded.until(
        lambda: {guarded.request()[0] for _ in range(4)} == {200},
        within=120.0,
    )


def test_a_judged_path_is_judged_once(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Checks do not read EC2 while the network stays as it is."""
    guarded.rule()
    guarded.serve(guarded.define(), group=guarded.arn)
    guarded.settle()
    asked: list[str] = []
    place_of = guarded.world.paths.place_of

    def counting(**where: str) -> Any:
        asked.append(where["address"])
        return place_of(**where)

    monkeypatch.setattr(guarded.world.paths, "place_of", counting)
    guarded.advance(300.0)
    assert asked == []
    guarded.rule("revoke")
    guarded.advance(0.0)
    assert len(asked) == 2


def test_a_foreign_address_is_not_judged(guarded: Guarded) -> None:
    """A target without an interface in this account is probed as it is."""
    guarded.elbv2.register_targets(TargetGroupArn=guarded.arn, Targets=[{"Id": "10.0.1.200", "Port": 8080}])
    guarded.advance(1.0)
    (group,) = guarded.world.elbv2.groups.values()
    (target,) = group.targets.values()
    assert target.refusal is None
