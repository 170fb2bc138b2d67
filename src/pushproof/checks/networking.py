"""What a delivery network has to be: checks over EC2's own description, decided by the reachability engine.

    networking = NetworkingChecks(session.client, vpc_id="vpc-0abc…")
    networking.every_private_subnet_leaves_by_its_own_zone().require()

They work on any VPC: which subnets are private is read from their effective routes, or told. Nothing passes for
want of something to look at: a check that finds nothing to check says so as a finding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pushproof.aws.network import read_network
from pushproof.base.origin import Addresses
from pushproof.checks.check import Checks, Clients, check
from pushproof.checks.finding import Finding
from pushproof.checks.verdict import Verdict
from pushproof.engines.reachability import (
    ALL_PORTS,
    Answer,
    Circumstances,
    Eni,
    Internet,
    Network,
    Place,
    PolicyAllows,
    Service,
    Subnet,
    exposures,
    plainly_allows,
    reach,
    task_calls,
    tier_of,
)

_GUIDE = "https://docs.aws.amazon.com/vpc/latest/userguide/"
NAT_PAGE = _GUIDE + "nat-gateway-basics.html"
SUBNET_PAGE = _GUIDE + "configure-subnets.html"
TABLE_PAGE = _GUIDE + "subnet-route-tables.html"
ECR_PAGE = "https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html"
TASK_PAGE = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-task-networking.html"
BALANCER_PAGE = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html"
GROUP_PAGE = "https://docs.aws.amazon.com/AmazonECS/latest/bestpracticesguide/networking-inbound.html"


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the tasks of an ECS service are put: one for each subnet of the service."""

    service: str
    place: Place
    ports: tuple[int, ...] = ()
    target_groups: tuple[str, ...] = ()


class NetworkingChecks(Checks):
    """Checks of one VPC. The network is read once; `refresh()` makes the next check read it anew.

    Args:
        aws: Gives boto3 clients by service name.
        vpc_id: The VPC under test.
        private_subnet_ids: Which subnets are meant to be private. Left out, those that do not route to an internet
            gateway are taken; tell them, and a private subnet that routes straight to the internet is found too.
        task_security_group_ids: The groups tasks will carry, for a network in which no ECS service runs yet. Left
            out, tasks' own groups are not asked as long as there is no service.
        addresses: Finds the Terraform address of a resource.
        policy_allows: Evaluates VPC endpoint policies; by default they are read without conditions.
    """

    family = "networking"

    def __init__(
        self,
        aws: Clients,
        *,
        vpc_id: str,
        private_subnet_ids: Sequence[str] | None = None,
        task_security_group_ids: Sequence[str] | None = None,
        addresses: Addresses | None = None,
        policy_allows: PolicyAllows = plainly_allows,
    ) -> None:
        super().__init__(aws, addresses=addresses)
        self.vpc_id = vpc_id
        self._private = None if private_subnet_ids is None else tuple(private_subnet_ids)
        self._task_groups = None if task_security_group_ids is None else tuple(task_security_group_ids)
        self._policy_allows = policy_allows

    # -- what is there -----------------------------------------------------------------------------

    @cached_property
    def network(self) -> Network:
        """The network as EC2 describes it."""
        return read_network(self.aws("ec2"), self.vpc_id)

    @cached_property
    def placements(self) -> tuple[Placement, ...]:
        """Where ECS services of this VPC put their tasks."""
        return tuple(self._placements())

    def refresh(self) -> None:
        """Forget what was read; the next check asks AWS again."""
        for name in ("network", "placements"):
            self.__dict__.pop(name, None)

    @property
    def private_subnets(self) -> tuple[Subnet, ...]:
        """The private subnets: those told, else those with no route to an internet gateway."""
        if self._private is not None:
            return tuple(self.network.subnet(identifier) for identifier in self._private)
        subnets = self.network.subnets_of(self.vpc_id)
        return tuple(subnet for subnet in subnets if tier_of(self.network, subnet.id) != "public")

    # -- the way out -------------------------------------------------------------------------------

    @check
    def every_private_subnet_leaves_by_its_own_zone(self) -> Iterator[Finding]:
        """Each private subnet reaches the internet, through nothing that stands in another zone."""
        self._needs_private_subnets()
        for subnet in self.private_subnets:
            answer = reach(self.network, Place(subnet.id, unguarded=True), Internet(), circumstances=self._ordinary())
            expected = f"{subnet.id} in {subnet.zone} leaves by a NAT gateway in {subnet.zone}"
            table = self.network.table_of(subnet.id)
            if answer.refusal is not None:
                yield Finding(
                    resource=subnet.id,
                    expected=expected,
                    found=answer.refusal.why,
                    why="What runs there reaches nothing outside: builds, package downloads and calls to other services hang"
                    " until they time out.",
                    change=answer.refusal.remedy,
                    page=NAT_PAGE,
                )
                continue
            for hop in answer.passes("nat-gateway"):
                if hop.zone and hop.zone != subnet.zone:
                    yield Finding(
                        resource=table.id if table is not None else subnet.id,
                        expected=expected,
                        found=f"{subnet.id} leaves by {hop.id}, which stands in {hop.zone}",
                        why=f"When {hop.zone} fails, {subnet.id} loses its way out although its own zone is well;"
                        " and traffic between zones costs money every day.",
                        change=f"Create a NAT gateway in a public subnet of {subnet.zone}, and give {subnet.id} a route table of"
                        f" its own with 0.0.0.0/0 to that gateway.",
                        page=NAT_PAGE,
                    )

    @check
    def survives_loss_of_any_zone(
        self, *, services: Sequence[str] = ("ecr.api", "ecr.dkr", "s3", "logs")
    ) -> Iterator[Finding]:
        """Whichever zone is lost, tasks in the other zones still reach the internet and the services."""
        self._needs_private_subnets()
        zones = sorted({subnet.zone for subnet in self.private_subnets})
        if len(zones) < 2:
            yield Finding(
                resource=self.vpc_id,
                expected="private subnets in at least two availability zones",
                found=f"private subnets in {zones[0]} only",
                why=f"When {zones[0]} fails, nothing is left to run on.",
                change="Add a private subnet in a second zone, with its own route table and NAT gateway.",
                page=SUBNET_PAGE,
            )
        targets: list[Internet | Service] = [Internet(), *(self._service(name) for name in services)]
        for lost in zones:
            circumstances = Circumstances(zones_down=frozenset({lost}), policy_allows=self._policy_allows)
            for place, subnet in self._task_places():
                if subnet.zone == lost:
                    continue
                for target in targets:
                    before = reach(self.network, place, target, circumstances=self._ordinary())
                    after = reach(self.network, place, target, circumstances=circumstances)
                    # What is unreachable anyway is another check's business.
                    if not before or after.refusal is None:
                        continue
                    what = "the internet" if isinstance(target, Internet) else target.name
                    yield Finding(
                        resource=after.refusal.at,
                        expected=f"{subnet.id} in {subnet.zone} reaches {what} while {lost} is down",
                        found=after.refusal.why,
                        why=f"One lost zone takes down what runs in the others: tasks in {subnet.id} cannot be replaced or"
                        " deployed just when they are needed most.",
                        change=after.refusal.remedy,
                        page=NAT_PAGE,
                    )

    @check
    def every_subnet_has_an_explicit_route_table(self) -> Iterator[Finding]:
        """Every subnet has a route table of its own choosing, not the VPC's main table by default."""
        self._needs_subnets()
        for subnet in self.network.subnets_of(self.vpc_id):
            table = self.network.table_of(subnet.id)
            if table is None or subnet.id not in table.subnet_ids:
                yield Finding(
                    resource=subnet.id,
                    expected=f"{subnet.id} is associated with a route table",
                    found=f"it falls back to the main table {table.id if table else '(there is none)'}",
                    why="A change to the main table, or a new main table, silently re-routes this subnet.",
                    change=f"Add an aws_route_table_association for {subnet.id}.",
                    page=TABLE_PAGE,
                )

    # -- the way in --------------------------------------------------------------------------------

    @check
    def private_subnets_are_private(self) -> Iterator[Finding]:
        """No private subnet routes to an internet gateway or hands out public addresses, and nothing in one is exposed."""
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
                    found=f"{_ports(way.protocol, way.ports)} is open to the internet, for example to {way.source}:\n"
                    + "\n".join(hop.text for hop in way.answer.hops),
                    why="Anyone can connect to it past the load balancer: no TLS, no redirect, no access log.",
                    change="Remove the public address, and let its security group admit the load balancer's group only.",
                    page=GROUP_PAGE,
                )

    @check
    def tasks_have_only_private_addresses(self) -> Iterator[Finding]:
        """Every ECS service of the VPC runs its tasks in private subnets, with assignPublicIp DISABLED."""
        self._needs_subnets()
        if not self.placements:
            self._nothing("an ECS service that runs in this VPC", found="no service was found in any cluster")
        private = {subnet.id for subnet in self.private_subnets}
        for placement in self.placements:
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
                yield Finding(
                    resource=placement.service,
                    expected="tasks run in private subnets",
                    found=f"tasks run in {place.subnet_id}, which is public",
                    why="In a public subnet a task without a public address reaches nothing, and with one it is public.",
                    change="Give the service's network_configuration the private subnets.",
                    page=TASK_PAGE,
                )

    @check
    def tasks_admit_only_the_load_balancer(self) -> Iterator[Finding]:
        """Security groups of tasks admit the load balancer's group on the container port, and nobody else."""
        self._needs_subnets()
        behind = [placement for placement in self.placements if placement.target_groups]
        if not behind:
            self._nothing("an ECS service behind a load balancer in this VPC")
        elbv2 = self.aws("elbv2")
        seen: set[tuple[str, str]] = set()
        for placement in behind:
            arns = list(placement.target_groups)
            groups = elbv2.describe_target_groups(TargetGroupArns=arns)["TargetGroups"]
            balancers = sorted({arn for group in groups for arn in group.get("LoadBalancerArns", ())})
            described = elbv2.describe_load_balancers(LoadBalancerArns=balancers)["LoadBalancers"] if balancers else ()
            allowed = {identifier for balancer in described for identifier in balancer.get("SecurityGroups", ())}
            for identifier in placement.place.security_group_ids:
                if (placement.service, identifier) in seen:
                    continue
                seen.add((placement.service, identifier))
                for rule in self.network.security_group(identifier).ingress:
                    others = [str(block) for block in rule.blocks]
                    others += [group for group in rule.group_ids if group not in allowed]
                    others += rule.prefix_list_ids
                    wide = rule.ports[0] != rule.ports[1] or rule.ports[0] not in placement.ports
                    if not others and not wide:
                        continue
                    who = ", ".join(others or rule.group_ids)
                    yield Finding(
                        resource=identifier,
                        expected=f"{identifier} admits {', '.join(sorted(allowed)) or 'the load balancer'} on port"
                        f" {', '.join(map(str, placement.ports))} only",
                        found=f"it admits {who} on {_ports(rule.protocol, rule.ports)}",
                        why="Whatever else gets in reaches the application past the load balancer, its TLS and its log.",
                        change="Reduce the ingress of the tasks' group to one rule: the load balancer's group, the container port.",
                        page=GROUP_PAGE,
                    )
            for balancer in described:
                for zone in balancer.get("AvailabilityZones", ()):
                    source = Place(zone["SubnetId"], tuple(balancer.get("SecurityGroups", ())))
                    for port in placement.ports:
                        yield from self._unreachable_task(placement, source, port)

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

    @check
    def load_balancers_are_in_public_subnets(self) -> Iterator[Finding]:
        """Every internet-facing load balancer of the VPC is reached from the internet, in two zones or more."""
        self._needs_subnets()
        elbv2 = self.aws("elbv2")
        pages = elbv2.get_paginator("describe_load_balancers").paginate()
        mine = [b for page in pages for b in page["LoadBalancers"] if b.get("VpcId") == self.vpc_id]
        facing = [balancer for balancer in mine if balancer.get("Scheme") == "internet-facing"]
        if not facing:
            self._nothing("an internet-facing load balancer in this VPC", found=f"there are {len(mine)} others")
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
            ports = [one["Port"] for one in elbv2.describe_listeners(LoadBalancerArn=arn)["Listeners"]]
            for zone in zones:
                place = Place(zone["SubnetId"], tuple(balancer.get("SecurityGroups", ())), public_ip=True)
                for port in ports:
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

    # -- AWS services ------------------------------------------------------------------------------

    @check
    def endpoints_are_reachable_on_443(self, services: Sequence[str] = ("ecr.api", "ecr.dkr")) -> Iterator[Finding]:
        """From where tasks run, each service is reached on 443 through a VPC endpoint, under its own name."""
        self._needs_private_subnets()
        circumstances = Circumstances(require_vpc_endpoints=True, policy_allows=self._policy_allows)
        yield from self._unreached(services, circumstances, "through a VPC endpoint")

    @check
    def tasks_reach_what_they_need(
        self,
        services: Sequence[str] = ("ecr.api", "ecr.dkr", "s3", "logs", "secretsmanager"),
        *,
        require_vpc_endpoints: bool = False,
    ) -> Iterator[Finding]:
        """From where tasks run, each service is reached on 443, by whatever way there is.

        With `require_vpc_endpoints`, only a VPC endpoint counts, as where an organisation's policy demands it.
        """
        self._needs_private_subnets()
        circumstances = Circumstances(require_vpc_endpoints=require_vpc_endpoints, policy_allows=self._policy_allows)
        how = "through a VPC endpoint" if require_vpc_endpoints else "by some way"
        yield from self._unreached(services, circumstances, how)

    def _unreached(self, services: Sequence[str], circumstances: Circumstances, how: str) -> Iterator[Finding]:
        for name in services:
            for place, subnet in self._task_places():
                answer = reach(self.network, place, self._service(name), circumstances=circumstances)
                if answer.refusal is None:
                    continue
                yield Finding(
                    resource=answer.refusal.at,
                    expected=f"{subnet.id} reaches {name} on 443 {how}",
                    found=_why(answer, name),
                    why=_symptom(name),
                    change=answer.refusal.remedy,
                    page=ECR_PAGE,
                )

    @check
    def every_private_route_table_has_the_s3_endpoint(self) -> Iterator[Finding]:
        """Every route table of a private subnet has the S3 gateway endpoint, and its policy lets layers through."""
        self._needs_private_subnets()
        seen: set[str] = set()
        for subnet in self.private_subnets:
            table = self.network.table_of(subnet.id)
            name = table.id if table is not None else subnet.id
            if name in seen:
                continue
            seen.add(name)
            answer = reach(
                self.network,
                Place(subnet.id, unguarded=True),
                self._service("s3"),
                circumstances=Circumstances(require_vpc_endpoints=True, policy_allows=self._policy_allows),
            )
            if answer and any(hop.detail == "Gateway" for hop in answer.passes("vpc-endpoint")):
                continue
            yield Finding(
                resource=name,
                expected=f"{name} routes S3 to a gateway endpoint",
                found=_why(answer, "s3")
                or "S3 goes by an interface endpoint, which costs for every gigabyte of every image",
                why="ECR keeps image layers in S3: without the endpoint pulls pay for NAT, and where NAT is no way they"
                " end in CannotPullContainerError although ecr.api and ecr.dkr answer.",
                change=f"Add {name} to route_table_ids of the aws_vpc_endpoint for S3 (Gateway)."
                if answer.refusal is None or answer.refusal.code == "VpcEndpointDemanded"
                else answer.refusal.remedy,
                page=ECR_PAGE,
            )

    # -- everything --------------------------------------------------------------------------------

    def is_sound(self) -> Verdict:
        """All checks of the network itself, without those that need an ECS service or a load balancer."""
        return (
            self.every_private_subnet_leaves_by_its_own_zone()
            & self.survives_loss_of_any_zone()
            & self.every_subnet_has_an_explicit_route_table()
            & self.private_subnets_are_private()
            & self.endpoints_are_reachable_on_443()
            & self.every_private_route_table_has_the_s3_endpoint()
            & self.tasks_reach_what_they_need()
        )

    # -- parts -------------------------------------------------------------------------------------

    def _needs_subnets(self) -> None:
        if not self.network.subnets_of(self.vpc_id):
            self._nothing(f"subnets in {self.vpc_id}")

    def _needs_private_subnets(self) -> None:
        self._needs_subnets()
        if not self.private_subnets:
            self._nothing("private subnets", found="every subnet routes to an internet gateway, or none was named")

    def _subject(self) -> str:
        return self.vpc_id

    def _ordinary(self) -> Circumstances:
        return Circumstances(policy_allows=self._policy_allows)

    def _service(self, name: str) -> Service:
        """What a task does with a service, as far as an endpoint policy is concerned."""
        return Service(name, task_calls(name, self.network.region))

    def _task_places(self) -> list[tuple[Place, Subnet]]:
        if self.placements:
            return [(p.place, self.network.subnet(p.place.subnet_id)) for p in self.placements]
        groups = self._task_groups
        return [(Place(s.id, groups or (), unguarded=groups is None), s) for s in self.private_subnets]

    def _placements(self) -> Iterator[Placement]:
        ecs = self.aws("ecs")
        mine = {subnet.id for subnet in self.network.subnets_of(self.vpc_id)}
        for cluster in _listed(ecs, "list_clusters", "clusterArns"):
            arns = _listed(ecs, "list_services", "serviceArns", cluster=cluster)
            for start in range(0, len(arns), 10):
                described = ecs.describe_services(cluster=cluster, services=arns[start : start + 10])
                for service in described["services"]:
                    if service.get("status") == "INACTIVE":
                        continue
                    yield from _placements_of(service, mine)


def _placements_of(service: dict[str, Any], subnet_ids: set[str]) -> Iterator[Placement]:
    wired = (service.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}
    balancers = service.get("loadBalancers") or ()
    for subnet_id in wired.get("subnets", ()):
        if subnet_id in subnet_ids:
            yield Placement(
                service["serviceArn"],
                Place(
                    subnet_id,
                    tuple(wired.get("securityGroups", ())),
                    public_ip=wired.get("assignPublicIp", "DISABLED") == "ENABLED",
                ),
                tuple(dict.fromkeys(b["containerPort"] for b in balancers if "containerPort" in b)),
                tuple(dict.fromkeys(b["targetGroupArn"] for b in balancers if "targetGroupArn" in b)),
            )


def _listed(client: Any, operation: str, key: str, **arguments: Any) -> list[str]:
    return [arn for page in client.get_paginator(operation).paginate(**arguments) for arn in page[key]]


def _symptom(name: str) -> str:
    if name in ("ecr.api", "secretsmanager", "ssm", "kms", "logs"):
        return (
            "Tasks stop before their containers start, with ResourceInitializationError (unable to pull secrets or"
            " registry auth, or to validate logger arguments)."
        )
    if name in ("ecr.dkr", "s3"):
        return "Tasks stop with CannotPullContainerError, and the deployment rolls back or never completes."
    return "Calls to it from tasks hang until they time out."


def _why(answer: Answer, service: str) -> str:
    """Why a service is not reached, without assuming that somebody demands endpoints."""
    if answer.refusal is None:
        return ""
    why = answer.refusal.why
    if answer.refusal.code == "VpcEndpointDemanded":
        why = f"{service} is called by its public address, through a NAT or internet gateway and not a VPC endpoint."
    return "\n".join((why, *answer.notes))


def _ports(protocol: str, ports: tuple[int, int]) -> str:
    if ports == ALL_PORTS:
        return "all protocols and ports" if protocol == "-1" else f"{protocol} on all ports"
    return f"{protocol} {ports[0]}" if ports[0] == ports[1] else f"{protocol} {ports[0]}-{ports[1]}"
