"""VPC endpoints: reachable under the services' own names, on every route table, and closed to the outside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pushproof.checks.check import check
from pushproof.checks.finding import Finding
from pushproof.checks.networking.reached import Reached
from pushproof.checks.networking.vpc import ECR_PAGE, RULES_PAGE, listed, shown_ports
from pushproof.engines.reachability import Circumstances, Place, reach


class EndpointChecks(Reached):
    """Checks of VPC endpoints."""

    @check
    def endpoints_are_reachable_on_443(self, services: Sequence[str] = ("ecr.api", "ecr.dkr")) -> Iterator[Finding]:
        """Tasks reach each service on 443 through a VPC endpoint, under its own name."""
        self._needs_leaving_subnets()
        yield from self._unreached(services, "through a VPC endpoint", require_vpc_endpoints=True)

    @check
    def every_private_route_table_has_the_s3_endpoint(self) -> Iterator[Finding]:
        """Every route table of a private subnet with a way out has the S3 gateway endpoint, whose policy allows image layers."""
        self._needs_leaving_subnets()
        circumstances = Circumstances(require_vpc_endpoints=True, policy_allows=self._policy_allows)
        seen: set[str] = set()
        for subnet in self.leaving_subnets:
            table = self.network.table_of(subnet.id)
            name = table.id if table is not None else subnet.id
            if name in seen:
                continue
            seen.add(name)
            place = Place(subnet.id, unguarded=True)
            answer = reach(self.network, place, self._service("s3"), circumstances=circumstances)
            if answer and any(hop.detail == "Gateway" for hop in answer.passes("vpc-endpoint")):
                continue
            why = "S3 goes by an interface endpoint, which costs for every gigabyte of every image"
            if answer.refusal is not None:
                why = "\n".join((self._explained(place, "s3", answer)[1], *answer.notes))
            yield Finding(
                resource=name,
                expected=f"{name} routes S3 to a gateway endpoint",
                found=why,
                why="ECR keeps image layers in S3: without the endpoint pulls pay for NAT, and where NAT is no way they"
                " end in CannotPullContainerError although ecr.api and ecr.dkr answer.",
                change=f"Add {name} to route_table_ids of the aws_vpc_endpoint for S3 (Gateway)."
                if answer.refusal is None or answer.refusal.code == "VpcEndpointDemanded"
                else answer.refusal.remedy,
                page=ECR_PAGE,
            )

    @check
    def endpoints_admit_only_the_vpc(self) -> Iterator[Finding]:
        """Security groups of interface endpoints admit HTTPS from the VPC, and no other traffic."""
        endpoints = [e for e in self.network.endpoints_of(self.vpc_id) if e.kind == "Interface"]
        own = self.network.vpc(self.vpc_id).blocks
        users: dict[str, list[str]] = {}
        for endpoint in self._some(endpoints, "interface endpoints in this VPC", page=ECR_PAGE):
            for identifier in endpoint.security_group_ids:
                users.setdefault(identifier, []).append(endpoint.service)
        for identifier, services in users.items():
            for rule in self.network.security_group(identifier).ingress:
                strangers = [str(block) for block in rule.blocks if not any(mine.holds(block) for mine in own)]
                https = rule.protocol == "tcp" and rule.ports == (443, 443)
                if not strangers and https:
                    continue
                admitted = strangers if https else [*map(str, rule.blocks), *rule.group_ids, *rule.prefix_list_ids]
                yield Finding(
                    resource=identifier,
                    expected=f"{identifier}, of the endpoints {listed(services)}, admits tcp 443 from the VPC only",
                    found=f"it admits {listed(admitted)} on {shown_ports(rule.protocol, rule.ports)}",
                    why="An endpoint is a door into AWS's services without a gateway: whoever is let in by a peering, a VPN or"
                    " another port than HTTPS was not thought of.",
                    change="Reduce its ingress to one rule: port 443, from the VPC's own block or the tasks' group.",
                    page=RULES_PAGE,
                )
