"""CodeCommit, as far as Terraform and pipelines use it: repositories, their branches, and the events of pushes.

The commits are in the world's git host, as the repository `codecommit.<region>/<name>`: `place_of` makes that name.
Source: https://docs.aws.amazon.com/codecommit/latest/APIReference/Welcome.html
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NotRequired, TypedDict

from pushproof.aws.arns import arn_of, region_of
from pushproof.aws.codecommit import place_of
from pushproof.aws.tags import Rule, broken_rule
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.services import Service

if TYPE_CHECKING:
    from datetime import datetime

    from pushproof.emulator.kernel.site import Site
    from pushproof.emulator.kernel.source import GitSource, Push

_MOST_TAGS = 50


@dataclass(slots=True)
class Repository:
    """A repository. `created` and `modified` are AWS seconds."""

    name: str
    arn: str
    account_id: str
    created: float
    modified: float
    description: str = ""
    default_branch: str = ""
    kms_key_id: str = ""
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    tags: dict[str, str] = field(default_factory=dict)


class RepositoryMetadata(TypedDict, total=False):
    """A repository as GetRepository shows it."""

    accountId: str
    repositoryId: str
    repositoryName: str
    repositoryDescription: str
    defaultBranch: str
    lastModifiedDate: datetime
    creationDate: datetime
    cloneUrlHttp: str
    cloneUrlSsh: str
    Arn: str
    kmsKeyId: str


class Metadata(TypedDict):
    """An answer that shows one repository."""

    repositoryMetadata: RepositoryMetadata


class CreateRepository(TypedDict):
    """The request of CreateRepository."""

    repositoryName: str
    repositoryDescription: NotRequired[str]
    kmsKeyId: NotRequired[str]
    tags: NotRequired[dict[str, str]]


class Named(TypedDict):
    """A request that names a repository."""

    repositoryName: str


class UpdateDescription(Named):
    """The request of UpdateRepositoryDescription."""

    repositoryDescription: NotRequired[str]


class UpdateBranch(Named):
    """The request of UpdateDefaultBranch."""

    defaultBranchName: str


class UpdateName(TypedDict):
    """The request of UpdateRepositoryName."""

    oldName: str
    newName: str


class GetBranch(TypedDict):
    """The request of GetBranch, whose model requires nothing."""

    repositoryName: NotRequired[str]
    branchName: NotRequired[str]


class Branch(TypedDict):
    """A branch and its newest commit."""

    branchName: str
    commitId: str


class BranchAnswer(TypedDict):
    """The answer of GetBranch."""

    branch: Branch


class Deleted(TypedDict, total=False):
    """The answer of DeleteRepository."""

    repositoryId: str


class Pair(TypedDict):
    """A repository in a list."""

    repositoryName: str
    repositoryId: str


class Listed(TypedDict):
    """The answer of ListRepositories."""

    repositories: list[Pair]


class OfResource(TypedDict):
    """A request about a resource's tags."""

    resourceArn: str


class TagResource(OfResource):
    """The request of TagResource."""

    tags: dict[str, str]


class UntagResource(OfResource):
    """The request of UntagResource."""

    tagKeys: list[str]


class Tags(TypedDict):
    """The answer of ListTagsForResource."""

    tags: dict[str, str]


class Nothing(TypedDict):
    """An answer without members."""


class CodeCommitService(Service):
    """Repositories of every region. A push to one of them becomes an event of EventBridge."""

    def __init__(self, site: Site, name: str, *, git: GitSource | None = None) -> None:
        """Set up. `git` holds the commits; without it, every repository is empty."""
        super().__init__(site, name)
        self._repositories: dict[tuple[str, str], dict[str, Repository]] = {}
        self._git = git
        if git is not None:
            git.on_push(self.pushed)

    # Calls from other parts of the plane.

    def holds(self, name: str, region: str) -> bool:
        """Return whether there is a repository of a name in a region."""
        return any(name in named for (_, where), named in self._repositories.items() if where == region)

    def pushed(self, push: Push) -> str | None:
        """Publish the event of a branch that moved. Return the message for the pusher; None for another host's repository.

        Source: https://docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html
        """
        for named in self._repositories.values():
            for repository in named.values():
                region = region_of(repository.arn)
                if push.repository == place_of(repository.name, region):
                    self._announce(repository, push, region)
                    return f"CodeCommit has {push.branch} of {repository.name}, and EventBridge has the event."
        return None

    def _announce(self, repository: Repository, push: Push, region: str) -> None:
        if not repository.default_branch:
            repository.default_branch = push.branch
        detail: dict[str, object] = {
            "event": "referenceCreated" if push.previous is None else "referenceUpdated",
            "repositoryName": repository.name,
            "repositoryId": repository.id,
            "referenceType": "branch",
            "referenceName": push.branch,
            "referenceFullName": f"refs/heads/{push.branch}",
            "commitId": push.commit.id,
        }
        if push.previous is not None:
            detail["oldCommitId"] = push.previous
        self.site.events.publish(
            "aws.codecommit",
            "CodeCommit Repository State Change",
            detail,
            resources=[repository.arn],
            region=region,
        )

    # The API.

    def create_repository(self, context: RequestContext, request: CreateRepository) -> Metadata:
        name = request["repositoryName"]
        named = self._repositories.setdefault(context.scope, {})
        if name.endswith(".git"):
            raise AwsError("InvalidRepositoryNameException", "Repository name cannot end in .git")
        if name in named:
            raise AwsError("RepositoryNameExistsException", f"Repository named {name} already exists")
        tags = _taken({}, request.get("tags", {}))
        now = self.site.clock.now()
        repository = Repository(
            name,
            arn_of("codecommit", name, region=context.region, account=context.account_id),
            context.account_id,
            now,
            now,
            request.get("repositoryDescription", ""),
            kms_key_id=request.get("kmsKeyId", ""),
            tags=tags,
        )
        named[name] = repository
        return {"repositoryMetadata": self._shown(repository)}

    def get_repository(self, context: RequestContext, request: Named) -> Metadata:
        return {"repositoryMetadata": self._shown(self._repository(context, request["repositoryName"]))}

    def delete_repository(self, context: RequestContext, request: Named) -> Deleted:
        repository = self._repositories.get(context.scope, {}).pop(request["repositoryName"], None)
        return {} if repository is None else {"repositoryId": repository.id}

    def list_repositories(self, context: RequestContext, request: Nothing) -> Listed:
        named = self._repositories.get(context.scope, {})
        return {
            "repositories": [
                {"repositoryName": repository.name, "repositoryId": repository.id} for repository in named.values()
            ]
        }

    def update_repository_description(self, context: RequestContext, request: UpdateDescription) -> Nothing:
        self._changed(context, request["repositoryName"]).description = request.get("repositoryDescription", "")
        return {}

    def update_repository_name(self, context: RequestContext, request: UpdateName) -> Nothing:
        old, new = request["oldName"], request["newName"]
        named = self._repositories.get(context.scope, {})
        self._repository(context, old)
        if new in named:
            raise AwsError("RepositoryNameExistsException", f"Repository named {new} already exists")
        if self._head(context, old, None) is not None:
            raise AwsError(
                "NotImplemented",
                "Pushproof does not implement renaming a repository that has commits in codecommit. Nothing was done.",
                status=501,
            )
        repository = named.pop(old)
        repository.name = new
        repository.arn = arn_of("codecommit", new, region=context.region, account=context.account_id)
        named[new] = repository
        return {}

    def update_default_branch(self, context: RequestContext, request: UpdateBranch) -> Nothing:
        name, branch = request["repositoryName"], request["defaultBranchName"]
        self._repository(context, name)
        if self._head(context, name, branch) is None:
            raise AwsError("BranchDoesNotExistException", f"{branch} does not exist")
        self._changed(context, name).default_branch = branch
        return {}

    def get_branch(self, context: RequestContext, request: GetBranch) -> BranchAnswer:
        if "repositoryName" not in request:
            # https://docs.aws.amazon.com/codecommit/latest/APIReference/API_GetBranch.html
            raise AwsError("RepositoryNameRequiredException", "A repository name is required, but was not specified.")
        repository = self._repository(context, request["repositoryName"])
        branch = request.get("branchName", repository.default_branch)
        head = self._head(context, repository.name, branch)
        if head is None:
            raise AwsError("BranchDoesNotExistException", f"{branch} does not exist")
        return {"branch": {"branchName": branch, "commitId": head}}

    def list_tags_for_resource(self, context: RequestContext, request: OfResource) -> Tags:
        return {"tags": self._tagged(context, request["resourceArn"]).tags}

    def tag_resource(self, context: RequestContext, request: TagResource) -> Nothing:
        repository = self._tagged(context, request["resourceArn"])
        repository.tags = _taken(repository.tags, request["tags"])
        return {}

    def untag_resource(self, context: RequestContext, request: UntagResource) -> Nothing:
        tags = self._tagged(context, request["resourceArn"]).tags
        for key in request["tagKeys"]:
            tags.pop(key, None)
        return {}

    def _shown(self, repository: Repository) -> RepositoryMetadata:
        region, stamp = region_of(repository.arn), self.site.clock.stamp
        shown: RepositoryMetadata = {
            "accountId": repository.account_id,
            "repositoryId": repository.id,
            "repositoryName": repository.name,
            "lastModifiedDate": stamp(repository.modified),
            "creationDate": stamp(repository.created),
            "cloneUrlHttp": f"https://git-codecommit.{region}.amazonaws.com/v1/repos/{repository.name}",
            "cloneUrlSsh": f"ssh://git-codecommit.{region}.amazonaws.com/v1/repos/{repository.name}",
            "Arn": repository.arn,
        }
        if repository.description:
            shown["repositoryDescription"] = repository.description
        if repository.default_branch:
            shown["defaultBranch"] = repository.default_branch
        if repository.kms_key_id:
            shown["kmsKeyId"] = repository.kms_key_id
        return shown

    def _repository(self, context: RequestContext, name: str) -> Repository:
        repository = self._repositories.get(context.scope, {}).get(name)
        if repository is None:
            raise AwsError("RepositoryDoesNotExistException", f"{name} does not exist")
        return repository

    def _changed(self, context: RequestContext, name: str) -> Repository:
        repository = self._repository(context, name)
        repository.modified = self.site.clock.now()
        return repository

    def _tagged(self, context: RequestContext, arn: str) -> Repository:
        named = self._repositories.get(context.scope, {})
        repository = next((repository for repository in named.values() if repository.arn == arn), None)
        if repository is None:
            raise AwsError("RepositoryDoesNotExistException", f"{arn.rpartition(':')[2]} does not exist")
        return repository

    def _head(self, context: RequestContext, name: str, branch: str | None) -> str | None:
        """Return the commit of a branch, or of the default branch."""
        branch = branch or self._repository(context, name).default_branch
        return None if self._git is None or not branch else self._git.head(place_of(name, context.region), branch)


def _taken(present: dict[str, str], added: dict[str, str]) -> dict[str, str]:
    """Return tags with others added. Raises AwsError for tags that AWS refuses."""
    broken = broken_rule(list(added.items()), present=present, most=_MOST_TAGS)
    if broken is not None:
        code = "TooManyTagsException" if broken.rule is Rule.NUMBER else "InvalidTagsMapException"
        raise AwsError(code, broken.text)
    return {**present, **added}
