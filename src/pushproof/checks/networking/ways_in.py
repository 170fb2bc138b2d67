"""Ingress: private subnets stay private, and only their load balancer reaches tasks."""

from __future__ import annotations

from collections.abc import Iterator

from pushproof.checks.check import check
from pushproof.checks.finding import Finding
from pushproof.checks.networking.placements import Placement
from pushproof.checks.networking.vpc import GROUP_PAGE, SUBNET_PAGE, TASK_PAGE, VpcChecks, shown_ports, transports_to
from pushproof.engines.reachability import Eni, Place, exposures, reach, tier_of


class WaysIn(VpcChecks):
    """Checks of ingress."""

    @check
    def private_subnets_are_private(self) -> Iterator[Finding]:
        """No private subnet routes to an internet gateway or hands out public addresses, and no interface in one is exposed."""
        self._needs_private_subnets()
        private = {subnet.id for subnet in self.private_subnets}
        for subnet in self.private_subnets:
            table = self.network.table_of(subnet.id)
            if tier_of(self.network, subnet.id) == "public":
                yield Finding(
                    resource=table.id if table is not None else subnet.id,
                    expected=f"{subnet.id} has no route to an internet gateway",
                    found=f"its route table {table.id if table else ''} routes to an internet gateway",
                    why="A subnet with such a route is public: whatever gets a public address there is on the internet.",
                    change=f"Associate {subnet.id} with a table whose default route leads to a NAT gateway.",
                    page=SUBNET_PAGE,
                )
            if subnet.map_public_ip:
                yield Finding(
                    resource=subnet.id,
                    expected=f"{subnet.id} hands out no public addresses",
                    found="map_public_ip_on_launch is on",
                    why="Interfaces created there get a public address unless somebody remembers to say no.",
                    change=f"Set map_public_ip_on_launch = false on {subnet.id}.",
                    page=SUBNET_PAGE,
                )
        suspects: list[tuple[str, Eni | Place]] = [
            (i.id, Eni(i.id)) for i in self.network.interfaces if i.subnet_id in private
        ]
        suspects += [(placement.service, placement.place) for placement in self.placements]
        for name, where in suspects:
            for way in exposures(self.network, where, circumstances=self._ordinary()):
                yield Finding(
                    resource=name,
                    expected="it is reached from inside the VPC only",
                    found=f"{shown_ports(way.protocol, way.ports)} is open to the internet, for example to {way.source}:\n"
                    + "\n".join(hop.text for hop in way.answer.hops),
                    why="Anyone can connect to it past the load balancer: no TLS, no redirect, no access log.",
                    change="Remove the public address, and let its security group admit the load balancer's group only.",
                    page=GROUP_PAGE,
                )

    @check
    def tasks_have_only_private_addresses(self) -> Iterator[Finding]:
        """Every ECS service of the VPC runs its tasks in private subnets, with assignPublicIp DISABLED."""
        self._needs_subnets()
        private = {subnet.id for subnet in self.private_subnets}
        placements = self._some(
            self.placements,
            "an ECS service that runs in this VPC",
            found="no service was found in any cluster",
            page=TASK_PAGE,
        )
        for placement in placements:
            place = placement.place
            if place.public_ip:
                yield Finding(
                    resource=placement.service,
                    expected="assignPublicIp DISABLED",
                    found=f"assignPublicIp ENABLED in {place.subnet_id}",
                    why="Each task gets a public address and is one security group rule away from the internet.",
                    change="Set assign_public_ip = false in the service's network_configuration.",
                    page=TASK_PAGE,
                )
            if place.subnet_id not in private:
                public = tier_of(self.network, place.subnet_id) == "public"
                yield Finding(
                    resource=placement.service,
                    expected="tasks run in private subnets",
                    found=f"tasks run in {place.subnet_id}, which is "
                    + ("public" if public else "none of the private subnets that were named"),
                    why="In a public subnet a task without a public address reaches nothing, and with one it is public."
                    if public
                    else "Nobody has thought of what tasks reach from there, and of who reaches them.",
                    change="Give the service's network_configuration the private subnets.",
                    page=TASK_PAGE,
                )

    @check
    def tasks_admit_only_the_load_balancer(self) -> Iterator[Finding]:
        """Security groups of tasks admit only the load balancer's group, on the container port."""
        self._needs_subnets()
        behind = [placement for placement in self.placements if placement.target_groups]
        elbv2 = self.aws("elbv2")
        seen: set[tuple[str, str]] = set()
        for placement in self._some(behind, "an ECS service behind a load balancer in this VPC", page=GROUP_PAGE):
            arns = list(placement.target_groups)
            groups = elbv2.describe_target_groups(TargetGroupArns=arns)["TargetGroups"]
            balancers = sorted({arn for group in groups for arn in group.get("LoadBalancerArns", ())})
            described = elbv2.describe_load_balancers(LoadBalancerArns=balancers)["LoadBalancers"] if balancers else ()
            allowed = {identifier for balancer in described for identifier in balancer.get("SecurityGroups", ())}
            for identifier in placement.place.security_group_ids:
                if (placement.service, identifier) in seen:
                    continue
                seen.add((placement.service, identifier))
                yield from self._admissions(placement, identifier, allowed, transports_to(groups))
            for balancer in described:
                for zone in balancer.get("AvailabilityZones", ()):
                    source = Place(zone["SubnetId"], tuple(balancer.get("SecurityGroups", ())))
                    for port in placement.ports:
                        yield from self._unreachable_task(placement, source, port)

    def _admissions(
        self, placement: Placement, identifier: str, allowed: set[str], transports: set[str]
    ) -> Iterator[Finding]:
        for rule in self.network.security_group(identifier).ingress:
            others = [str(block) for block in rule.blocks]
            others += [group for group in rule.group_ids if group not in allowed]
            others += rule.prefix_list_ids
            single = rule.ports[0] == rule.ports[1] and rule.ports[0] in placement.ports and rule.protocol in transports
            if not others and single:
                continue
            who = ", ".join(others or rule.group_ids)
            yield Finding(
                resource=identifier,
                expected=f"{identifier} admits {', '.join(sorted(allowed)) or 'the load balancer'} on port"
                f" {', '.join(map(str, placement.ports))} only",
                found=f"it admits {who} on {shown_ports(rule.protocol, rule.ports)}",
                why="Whatever else gets in reaches the application past the load balancer, its TLS and its log.",
                change="Reduce the ingress of the tasks' group to one rule: the load balancer's group, the container port.",
                page=GROUP_PAGE,
            )

    def _unreachable_task(self, placement: Placement, source: Place, port: int) -> Iterator[Finding]:
        answer = reach(self.network, source, placement.place, port=port, circumstances=self._ordinary())
        if answer.refusal is not None:
            yield Finding(
                resource=answer.refusal.at,
                expected=f"the load balancer in {source.subnet_id} reaches tasks in {placement.place.subnet_id} on {port}",
                found=answer.refusal.why,
                why="Targets stay unhealthy (Target.Timeout), so no deployment of the service can complete.",
                change=answer.refusal.remedy,
                page=GROUP_PAGE,
            )
