"""Base of ECR's groups of operations."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NotRequired, TypedDict, TypeVar

from pushproof.aws.arns import arn_of
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.paging import CamelMore, CamelPaged, camel_page
from pushproof.emulator.kernel.settings import EcrSettings
from pushproof.emulator.services import Service
from pushproof.emulator.services.ecr import errors
from pushproof.emulator.services.ecr.downloads import DownloadUrls
from pushproof.emulator.services.ecr.model import Repository, Scope
from pushproof.emulator.services.ecr.store import Store

T = TypeVar("T")


class OfRegistry(TypedDict):
    """A request that may name a registry."""

    registryId: NotRequired[str]


class OfRepository(OfRegistry):
    """A request that names a repository."""

    repositoryName: str


class Names(TypedDict):
    """Members of most answers that name a repository."""

    registryId: str
    repositoryName: str


def page(items: Iterable[T], request: CamelPaged, *, default: int = 100) -> tuple[list[T], CamelMore]:
    """A page of `items` as the request asks for, and `{"nextToken": …}` when there are more."""
    refusal = errors.invalid("nextToken", "must be a token of an earlier answer")
    return camel_page(items, request, refusal, size=request.get("maxResults"), default=default)


class EcrOperations(Service):
    """The store, and the look-up of a request's repository in it."""

    own_words = True

    store: Store
    downloads: DownloadUrls
    settings: EcrSettings

    def _scope(self, context: RequestContext, request: OfRegistry) -> Scope:
        """Return the registry that a request addresses; another account's is empty here."""
        return (request.get("registryId") or context.account_id, context.region)

    def _repository(self, context: RequestContext, request: OfRepository) -> Repository:
        return self.store.repository(self._scope(context, request), request["repositoryName"])

    def _by_arn(self, context: RequestContext, arn: str) -> Repository:
        prefix = arn_of("ecr", "repository/", region=context.region, account=context.account_id)
        if not arn.startswith(prefix):
            raise errors.invalid("resourceArn", f"must be the ARN of a repository, such as {prefix}<name>")
        return self.store.repository(context.scope, arn.removeprefix(prefix))

    def _names(self, repository: Repository) -> Names:
        return {"registryId": repository.registry, "repositoryName": repository.name}

    def _stamp(self, at: float) -> datetime:
        return self.site.clock.stamp(at)
