"""Base of ECS's groups of operations: look-ups by name or ARN, and paging."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from pushproof.aws.arns import last
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.paging import CamelMore, CamelPaged, camel_page
from pushproof.emulator.kernel.settings import EcsSettings
from pushproof.emulator.services import Service

from .model import Cluster, EcsService, EcsTask, Region, TaskDefinition

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import FailureTypeDef

    from pushproof.emulator.kernel.site import Site

T = TypeVar("T")


class EcsBase(Service):
    """State of each region, and look-ups that raise AWS's errors."""

    own_words = True

    def __init__(self, site: Site, name: str) -> None:
        super().__init__(site, name)
        self.regions: dict[tuple[str, str], Region] = {}
        self.settings: EcsSettings = site.settings.ecs

    def region(self, context: RequestContext) -> Region:
        return self._region(context.account_id, context.region)

    def _region(self, account_id: str, name: str) -> Region:
        return self.regions.setdefault((account_id, name), Region(account_id, name))

    def find_cluster(self, region: Region, reference: str | None) -> Cluster:
        """Return a cluster. Raises ClusterNotFoundException, also for an INACTIVE cluster."""
        cluster = region.clusters.get(last(reference) if reference else "default")
        if cluster is None or cluster.status == "INACTIVE":
            raise AwsError("ClusterNotFoundException", "Cluster not found.")
        return cluster

    def find_definition(self, region: Region, reference: str, *, active: bool = True) -> TaskDefinition:
        """Return a definition by `family`, `family:revision` or ARN.

        Raises ClientException, also for an INACTIVE one if `active`.
        """
        family, _, revision = last(reference).partition(":")
        revisions = region.families.get(family, [])
        if revision:
            definition = next((candidate for candidate in revisions if str(candidate.revision) == revision), None)
        else:
            definition = next((candidate for candidate in reversed(revisions) if candidate.status == "ACTIVE"), None)
        if definition is None:
            raise AwsError("ClientException", "TaskDefinition not found.")
        if active and definition.status != "ACTIVE":
            raise AwsError("ClientException", "TaskDefinition is inactive")
        return definition

    def find_service(self, region: Region, cluster: Cluster, reference: str) -> EcsService:
        """Return a service. Raises ServiceNotFoundException."""
        service = region.services.get((cluster.name, last(reference)))
        if service is None:
            raise AwsError("ServiceNotFoundException", "Service not found.")
        return service

    def find_task(self, region: Region, cluster: Cluster, reference: str) -> EcsTask | None:
        task = region.tasks.get(last(reference))
        return task if task is not None and task.cluster is cluster else None

    def tags_of(self, region: Region, arn: str) -> dict[str, str]:
        """Return the tags of the resource with this ARN. Raises the error that AWS answers for its kind."""
        kind = arn.split(":")[5].partition("/")[0] if arn.count(":") >= 5 else ""
        if kind == "cluster":
            return self.find_cluster(region, arn).tags
        if kind == "service":
            parts = arn.split("/")
            cluster = self.find_cluster(region, parts[1] if len(parts) == 3 else "default")
            service = region.services.get((cluster.name, last(arn)))
            if service is None:
                # Tagging has no ServiceNotFoundException:
                # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TagResource.html#API_TagResource_Errors
                raise AwsError("ResourceNotFoundException", "The specified resource could not be found.")
            return service.tags
        if kind == "task-definition":
            return self.find_definition(region, arn, active=False).tags
        if kind == "task":
            task = region.tasks.get(last(arn))
            if task is None:
                raise AwsError("InvalidParameterException", "The specified task is not found.")
            return task.tags
        raise AwsError("InvalidParameterException", f"Unsupported resource ARN: {arn}.")


def page(items: Sequence[T], request: CamelPaged, most: int = 100) -> tuple[list[T], CamelMore]:
    """Return one page of a list, and `{"nextToken": …}` if there are more."""
    refusal = AwsError("InvalidParameterException", "Invalid token")
    return camel_page(items, request, refusal, size=request.get("maxResults"), default=most, most=most)


def missing(arn: str) -> FailureTypeDef:
    """Return an entry of `failures`."""
    return {"arn": arn, "reason": "MISSING"}
