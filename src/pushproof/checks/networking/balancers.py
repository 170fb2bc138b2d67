"""Load balancers of the VPC: reachable on their listeners' ports, and open on no other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pushproof.checks.check import check
from pushproof.checks.finding import Finding
from pushproof.checks.networking.vpc import (
    BALANCER_GROUPS_PAGE,
    BALANCER_PAGE,
    VpcChecks,
    listed,
    shown_ports,
    transports_of,
    transports_to,
)
from pushproof.engines.reachability import Internet, Place, reach

if TYPE_CHECKING:
    from types_boto3_elbv2.type_defs import LoadBalancerTypeDef


class BalancerChecks(VpcChecks):
    """Checks of load balancers."""

    @check
    def load_balancers_are_in_public_subnets(self) -> Iterator[Finding]:
        """Every internet-facing load balancer of the VPC is reachable from the internet, in two zones or more."""
        self._needs_subnets()
        mine = self._balancers()
        facing = [balancer for balancer in mine if balancer.get("Scheme") == "internet-facing"]
        if not facing:
            internal = [balancer["LoadBalancerName"] for balancer in mine]
            self._nothing(
                "an internet-facing load balancer in this VPC",
                found=f"{listed(internal)} is internal" if internal else "there is no load balancer at all",
                resource=mine[0]["LoadBalancerArn"] if mine else "",
                change="internal = false, with the public subnets." if internal else "",
                page=BALANCER_PAGE,
            )
        for balancer in facing:
            arn = balancer["LoadBalancerArn"]
            zones = balancer.get("AvailabilityZones", ())
            if len({zone["ZoneName"] for zone in zones}) < 2:
                yield Finding(
                    resource=arn,
                    expected="at least two availability zones",
                    found=", ".join(zone["ZoneName"] for zone in zones) or "none",
                    why="An application load balancer needs two zones, and one alone does not outlive its loss.",
                    change="Give it a public subnet in each zone.",
                    page=BALANCER_PAGE,
                )
            for zone in zones:
                place = Place(zone["SubnetId"], tuple(balancer.get("SecurityGroups", ())), public_ip=True)
                for port in _ports_of(self._listening(arn)):
                    answer = reach(self.network, Internet(), place, port=port, circumstances=self._ordinary())
                    if answer.refusal is not None:
                        yield Finding(
                            resource=arn,
                            expected=f"clients reach its listener on {port} in {zone['ZoneName']}",
                            found=answer.refusal.why,
                            why="Some or all clients time out, depending on which of its addresses they look up.",
                            change=f"Put it in public subnets, and let its security group and the ACL admit port {port}.",
                            page=BALANCER_PAGE,
                        )

    @check
    def load_balancers_admit_only_their_listeners(self) -> Iterator[Finding]:
        """Security groups of load balancers are open on the ports of their listeners, and on no other."""
        for balancer in self._some(self._balancers(), "a load balancer in this VPC", page=BALANCER_PAGE):
            listening = self._listening(balancer["LoadBalancerArn"])
            ports = _ports_of(listening)
            for identifier in balancer.get("SecurityGroups", ()):
                for rule in self.network.security_group(identifier).ingress:
                    if rule.ports[0] == rule.ports[1] and (rule.protocol, rule.ports[0]) in listening:
                        continue
                    admitted = [*map(str, rule.blocks), *rule.group_ids, *rule.prefix_list_ids]
                    yield Finding(
                        resource=identifier,
                        expected=f"{identifier} admits ports {listed([str(port) for port in ports])}, where the load balancer"
                        " listens",
                        found=f"it admits {listed(admitted)} on {shown_ports(rule.protocol, rule.ports)}",
                        why="The next listener that somebody adds, and whatever else carries the group, is open to them at"
                        " once.",
                        change="One ingress rule for each listener, with its port.",
                        page=BALANCER_GROUPS_PAGE,
                    )

    @check
    def load_balancers_send_only_to_their_targets(self) -> Iterator[Finding]:
        """Security groups of load balancers allow egress only to tasks' groups or addresses of the VPC, on the targets' ports."""
        own = self.network.vpc(self.vpc_id).blocks
        for balancer in self._some(self._balancers(), "a load balancer in this VPC", page=BALANCER_PAGE):
            ports, transports = self._targets(balancer["LoadBalancerArn"])
            for identifier in balancer.get("SecurityGroups", ()):
                for rule in self.network.security_group(identifier).egress:
                    beyond = [block for block in rule.blocks if not any(mine.holds(block) for mine in own)]
                    single = rule.ports[0] == rule.ports[1] and rule.ports[0] in ports and rule.protocol in transports
                    if not beyond and single:
                        continue
                    everybody = [*map(str, rule.blocks), *rule.group_ids, *rule.prefix_list_ids]
                    reached = [str(block) for block in beyond] if single else everybody
                    yield Finding(
                        resource=identifier,
                        expected=f"{identifier} lets out to its targets on {listed([str(p) for p in ports]) or 'their port'}",
                        found=f"it lets out to {listed(reached)} on {shown_ports(rule.protocol, rule.ports)}",
                        why="A listener rule or target group that somebody adds by mistake sends requests where nobody meant"
                        " them to go, and no group holds them back.",
                        change="One egress rule: the tasks' group, the container port.",
                        page=BALANCER_GROUPS_PAGE,
                    )

    def _balancers(self) -> list[LoadBalancerTypeDef]:
        pages = self.aws("elbv2").get_paginator("describe_load_balancers").paginate()
        return [b for page in pages for b in page["LoadBalancers"] if b.get("VpcId") == self.vpc_id]

    def _listening(self, arn: str) -> set[tuple[str, int]]:
        """The transports and ports of listeners: what a security group admits."""
        listeners = self.aws("elbv2").describe_listeners(LoadBalancerArn=arn)["Listeners"]
        return {(transport, each["Port"]) for each in listeners for transport in transports_of(each["Protocol"])}

    def _targets(self, arn: str) -> tuple[list[int], set[str]]:
        """The ports and transports of targets: container ports of services behind the load balancer, and the target groups' own."""
        groups = self.aws("elbv2").describe_target_groups(LoadBalancerArn=arn)["TargetGroups"]
        arns = {group["TargetGroupArn"] for group in groups}
        containers = {port for p in self.placements if arns & set(p.target_groups) for port in p.ports}
        checked = {int(g["HealthCheckPort"]) for g in groups if g.get("HealthCheckPort", "").isdigit()}
        ports = (containers or {group["Port"] for group in groups if "Port" in group}) | checked
        return sorted(ports), transports_to(groups)


def _ports_of(listening: set[tuple[str, int]]) -> list[int]:
    return sorted({port for _, port in listening})
