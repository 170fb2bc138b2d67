"""Egress of private subnets: through their own zone, despite the loss of any zone, to the services that tasks need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pushproof.checks.check import check
from pushproof.checks.finding import Finding
from pushproof.checks.networking.reached import Reached
from pushproof.checks.networking.vpc import (
    NAT_PAGE,
    PEERING_PAGE,
    RULES_PAGE,
    SUBNET_PAGE,
    TABLE_PAGE,
    listed,
    shown_ports,
)
from pushproof.engines.reachability import (
    ANYWHERE,
    Block,
    Cidr,
    Circumstances,
    Internet,
    Place,
    Service,
    reach,
)

# One address in each quarter of the IPv4 space: a default route that is too narrow misses some of them.
_INTERNET = tuple(Internet(address) for address in ("8.8.8.8", "93.184.215.14", "185.199.108.153", "203.119.1.1"))


class WaysOut(Reached):
    """Checks of egress from private subnets."""

    @check
    def every_private_subnet_leaves_by_its_own_zone(self) -> Iterator[Finding]:
        """Each private subnet that has a way out reaches the internet through resources of its own zone only."""
        self._needs_leaving_subnets()
        for subnet in self.leaving_subnets:
            place = Place(subnet.id, unguarded=True)
            answers = [reach(self.network, place, target, circumstances=self._ordinary()) for target in _INTERNET]
            expected = f"{subnet.id} in {subnet.zone} leaves by a NAT gateway in {subnet.zone}"
            table = self.network.table_of(subnet.id)
            refused = next((answer.refusal for answer in answers if answer.refusal is not None), None)
            if refused is not None:
                yield Finding(
                    resource=subnet.id,
                    expected=expected,
                    found=refused.why,
                    why="What runs there reaches nothing outside: builds, package downloads and calls to other services hang"
                    " until they time out.",
                    change=refused.remedy,
                    page=NAT_PAGE,
                )
                continue
            for hop in (hop for answer in answers for hop in answer.passes("nat-gateway")):
                if hop.zone and hop.zone != subnet.zone:
                    yield Finding(
                        resource=table.id if table is not None else subnet.id,
                        expected=expected,
                        found=f"{subnet.id} leaves by {hop.id}, which is in {hop.zone}",
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
        """After the loss of any zone, tasks in the other zones still reach the internet and the services."""
        self._needs_leaving_subnets()
        zones = sorted({subnet.zone for subnet in self.leaving_subnets})
        if len(zones) < 2:
            yield Finding(
                resource=self.vpc_id,
                expected="private subnets in at least two availability zones",
                found=f"private subnets in {zones[0]} only",
                why=f"When {zones[0]} fails, nothing is left to run on.",
                change="Add a private subnet in a second zone, with its own route table and NAT gateway.",
                page=SUBNET_PAGE,
            )
        targets: list[Internet | Service] = [_INTERNET[0], *(self._service(name) for name in services)]
        # One finding for each resource that is lost with a zone.
        losses: dict[tuple[str, str, str, str], dict[str, list[str]]] = {}
        for lost in zones:
            circumstances = Circumstances(zones_down=frozenset({lost}), policy_allows=self._policy_allows)
            for place, subnet in self._task_places():
                if subnet.zone == lost:
                    continue
                for target in targets:
                    before = reach(self.network, place, target, circumstances=self._ordinary())
                    after = reach(self.network, place, target, circumstances=circumstances)
                    # Another check reports targets that are unreachable with all zones up.
                    if not before or after.refusal is None:
                        continue
                    what = "the internet" if isinstance(target, Internet) else target.name
                    key = (lost, after.refusal.at, after.refusal.why, after.refusal.remedy)
                    missed = losses.setdefault(key, {"whats": [], "subnets": []})
                    missed["whats"].append(what)
                    missed["subnets"].append(f"{subnet.id} in {subnet.zone}")
        for (lost, at, why, remedy), missed in losses.items():
            yield Finding(
                resource=at,
                expected=f"{listed(missed['subnets'])} reaches {listed(missed['whats'])} while {lost} is down",
                found=why,
                why=f"One lost zone takes down what runs in the others: tasks in {listed(missed['subnets'])} cannot be"
                " replaced or deployed just when they are needed most.",
                change=remedy,
                page=NAT_PAGE,
            )

    @check
    def every_subnet_has_an_explicit_route_table(self) -> Iterator[Finding]:
        """Every subnet is associated with a route table, and does not fall back to the VPC's main one."""
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

    @check
    def shares_no_addresses_with(self, *blocks: str) -> Iterator[Finding]:
        """The VPC's blocks overlap none of these blocks of other networks, so that the VPC can be connected to them."""
        own = self.network.vpc(self.vpc_id).blocks
        for text in blocks:
            for block in own:
                if block.meets(Block.parse(text)):
                    yield Finding(
                        resource=self.vpc_id,
                        expected=f"a block that does not overlap {text}",
                        found=str(block),
                        why="Two VPCs with the same addresses cannot be peered, or joined to one network of the company, without"
                        " being made anew.",
                        change="Give each environment a vpc_cidr of its own.",
                        page=PEERING_PAGE,
                    )

    @check
    def subnets_have_room(self, *, at_least: int = 27) -> Iterator[Finding]:
        """Every subnet has at least this many usable addresses: 27 by default, a load balancer's minimum.

        AWS reserves five addresses of each subnet. A load balancer needs a /27 with eight free addresses:
        https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html
        """
        self._needs_subnets()
        for subnet in self.network.subnets_of(self.vpc_id):
            usable = subnet.block.size - 5
            if usable < at_least:
                yield Finding(
                    resource=subnet.id,
                    expected=f"at least {at_least} usable addresses",
                    found=f"{subnet.block} has {usable}",
                    why="A rolling deployment needs addresses for old and new tasks at once, and a load balancer for its nodes:"
                    " when they run out, tasks stay in PROVISIONING.",
                    change="Give the subnet a larger block of the VPC.",
                    page=SUBNET_PAGE,
                )

    @check
    def tasks_reach_what_they_need(
        self,
        services: Sequence[str] = ("ecr.api", "ecr.dkr", "s3", "logs", "secretsmanager"),
        *,
        require_vpc_endpoints: bool = False,
    ) -> Iterator[Finding]:
        """Tasks reach each service on 443, by any path.

        With `require_vpc_endpoints`, only a path through a VPC endpoint counts, as an organisation's policy may demand.
        """
        self._needs_leaving_subnets()
        how = "through a VPC endpoint" if require_vpc_endpoints else "by some way"
        yield from self._unreached(services, how, require_vpc_endpoints=require_vpc_endpoints)

    @check
    def tasks_reach_inside_the_vpc(self, port: int) -> Iterator[Finding]:
        """Tasks reach addresses in the VPC's private subnets on this port, such as a database's 5432.

        The check ignores the security group of the other side, which need not exist yet.
        """
        self._needs_leaving_subnets()
        refusals: dict[tuple[str, str, str], list[str]] = {}
        for place, subnet in self._task_places():
            for target in self.leaving_subnets:
                answer = reach(self.network, place, Cidr(str(target.block)), port=port, circumstances=self._ordinary())
                if answer.refusal is not None:
                    key = (answer.refusal.at, answer.refusal.why, answer.refusal.remedy)
                    refusals.setdefault(key, []).append(subnet.id)
        for (at, why, remedy), subnets in refusals.items():
            yield Finding(
                resource=at,
                expected=f"tasks in {listed(subnets)} reach the VPC's private subnets on {port}",
                found=why,
                why="The application starts, passes its health check, and fails with the first request that needs what listens"
                " there.",
                change=remedy,
                page=RULES_PAGE,
            )

    @check
    def tasks_call_out_on(self, *ports: int) -> Iterator[Finding]:
        """The tasks' security groups allow egress beyond the VPC on these ports only: `tasks_call_out_on(443)`."""
        own = self.network.vpc(self.vpc_id).blocks
        identifiers = dict.fromkeys(i for p in self.placements for i in p.place.security_group_ids)
        for identifier in self._some(identifiers or self._task_groups or (), "security groups of tasks in this VPC"):
            for rule in self.network.security_group(identifier).egress:
                beyond = [block for block in rule.blocks if not any(mine.holds(block) for mine in own)]
                if not beyond or (rule.ports[0] == rule.ports[1] and rule.ports[0] in ports):
                    continue
                everywhere = any(block in ANYWHERE.values() for block in beyond)
                yield Finding(
                    resource=identifier,
                    expected=f"{identifier} lets tasks out of the VPC on {', '.join(map(str, ports))} only",
                    found=f"it lets them out to {listed([str(block) for block in beyond])} on"
                    f" {shown_ports(rule.protocol, rule.ports)}",
                    why="Whoever gets code into a task can carry data out, or call home, "
                    + ("anywhere and by any protocol that fits." if everywhere else "to those addresses."),
                    change="One egress rule for each port that is needed, with the blocks that are needed.",
                    page=RULES_PAGE,
                )
