"""Checks of a delivery network, over EC2's own description and decided by the reachability engine.

    networking = NetworkingChecks(session.client, vpc_id="vpc-0abc…")
    networking.every_private_subnet_leaves_by_its_own_zone().require()

They work on any VPC. Private subnets are recognised by their effective routes, unless the caller names them.
"""

from __future__ import annotations

from pushproof.checks.networking.balancers import BalancerChecks
from pushproof.checks.networking.endpoints import EndpointChecks
from pushproof.checks.networking.ways_in import WaysIn
from pushproof.checks.networking.ways_out import WaysOut
from pushproof.checks.verdict import Verdict


class NetworkingChecks(WaysOut, WaysIn, EndpointChecks, BalancerChecks):
    """Checks of one VPC. The network is read once; `refresh()` makes the next check read it anew.

    Args:
        aws: Returns boto3 clients by service name.
        vpc_id: The VPC under test.
        private_subnet_ids: The subnets that must be private and have a way out. By default, they are recognised by
            their routes. Name them to also find a private subnet that routes straight to the internet, or nowhere.
        task_security_group_ids: The groups of future tasks, for a network without an ECS service. By default, the
            checks ignore the tasks' own groups as long as there is no service.
        repository_arns: The repositories of future tasks, for the same case.
        addresses: Finds the Terraform address of a resource.
        policy_allows: Evaluates VPC endpoint policies; by default they are read without conditions.
    """

    def is_sound(self) -> Verdict:
        """All checks of the network itself, without those that need an ECS service or a load balancer.

        The checks of endpoints run only in a VPC that has endpoints: without them, a NAT gateway carries the traffic.
        """
        verdict = (
            self.every_private_subnet_leaves_by_its_own_zone()
            & self.survives_loss_of_any_zone()
            & self.every_subnet_has_an_explicit_route_table()
            & self.private_subnets_are_private()
            & self.tasks_reach_what_they_need()
        )
        kinds = {endpoint.kind for endpoint in self.network.endpoints_of(self.vpc_id)}
        if "Interface" in kinds:
            verdict &= self.endpoints_are_reachable_on_443() & self.endpoints_admit_only_the_vpc()
        if "Gateway" in kinds:
            verdict &= self.every_private_route_table_has_the_s3_endpoint()
        return verdict


__all__ = ["NetworkingChecks"]
