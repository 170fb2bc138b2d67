"""The ECS service under test, as AWS describes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pushproof.base.origin import Addresses
from pushproof.checks.check import Checks, Clients, NothingToLookAt

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import LoadBalancerTypeDef, ServiceTypeDef, TaskDefinitionTypeDef
    from types_boto3_elbv2.type_defs import ListenerTypeDef, TargetGroupTypeDef

TARGETS_PAGE = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html"


class DescribedService(Checks):
    """The common part of the service checks."""

    family = "service"

    def __init__(self, aws: Clients, *, cluster: str, service: str, addresses: Addresses | None = None) -> None:
        super().__init__(aws, addresses=addresses)
        self.cluster, self.service = cluster, service

    def _describe(self) -> ServiceTypeDef:
        ecs = self.aws("ecs")
        try:
            answer = ecs.describe_services(cluster=self.cluster, services=[self.service])["services"]
        except ecs.exceptions.ClusterNotFoundException:
            raise self._no_cluster() from None
        # A deleted service is still described for a while.
        services = [service for service in answer if service.get("status") != "INACTIVE"]
        if not services:
            raise LookupError(
                f"cluster {self.cluster} has no service {self.service}; check both names (outputs of the module)"
            )
        return services[0]

    def _no_cluster(self) -> LookupError:
        return LookupError(f"there is no cluster {self.cluster}; check the name, the account and the region")

    def _definition(self) -> TaskDefinitionTypeDef:
        arn = self._describe()["taskDefinition"]
        return self.aws("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"]

    def _groups(self) -> Iterator[tuple[LoadBalancerTypeDef, TargetGroupTypeDef]]:
        """Each load balancer block of the service, with its target group."""
        for balancer in self._describe().get("loadBalancers", []):
            if "targetGroupArn" in balancer:
                described = self.aws("elbv2").describe_target_groups(TargetGroupArns=[balancer["targetGroupArn"]])
                yield balancer, described["TargetGroups"][0]

    def _listeners(self) -> Iterator[ListenerTypeDef]:
        """The listeners of every load balancer in front of the service."""
        for arn in dict.fromkeys(arn for _, group in self._groups() for arn in group["LoadBalancerArns"]):
            yield from self.aws("elbv2").describe_listeners(LoadBalancerArn=arn)["Listeners"]

    def _attributes(self, arn: str) -> dict[str, str]:
        attributes = self.aws("elbv2").describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
        return {attribute["Key"]: attribute["Value"] for attribute in attributes}

    def _subject(self) -> str:
        return self._describe()["serviceArn"]

    def _no_listener(self) -> NothingToLookAt:
        return NothingToLookAt(
            "a load balancer with an HTTPS listener for the service",
            resource=self._describe()["serviceArn"],
            change="Add aws_lb_listener resources for ports 80 and 443.",
            page=TARGETS_PAGE,
        )
