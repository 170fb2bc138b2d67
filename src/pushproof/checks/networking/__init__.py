"""Checks of a delivery network, over EC2's own description and decided by the reachability engine.

    networking = NetworkingChecks(session.client, vpc_id="vpc-0abc…")
    networking.every_private_subnet_leaves_by_its_own_zone().require()

They work on any VPC: private subnets are recognised by their effective routes, or named by the caller.
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
        aws: Gives boto3 clients by service name.
        vpc_id: The VPC under test.
        private_subnet_ids: The subnets that are meant to be private and to have a way out. Left out, they are recognised by
            their routes; name them, and a private subnet that routes straight to the internet, or nowhere, is found too.
        task_security_group_ids: The groups tasks will carry, for a network in which no ECS service runs yet. Left
            out, tasks' own groups are not asked as long as there is no service.
        repository_arns: The repositories tasks will pull from, for the same case.
        addresses: Finds the Terraform address of a resource.
        policy_allows: Evaluates VPC endpoint policies; by default they are read without conditions.
    """

    def is_sound(self) -> Verdict:
        """All checks of the network itself, without those that need an ECS service or a load balancer.

        Endpoints are asked about where the VPC has any: without them, a NAT gateway carries what they would.
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
