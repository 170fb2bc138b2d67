"""Operations on repositories, their settings and their tags."""

from __future__ import annotations

import json
import re
import uuid
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from pushproof.aws.arns import arn_of
from pushproof.aws.tags import MOST_TAGS, Rule, broken_rule, pascal_tags, tag_map, tag_pairs
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.services.ecr import errors
from pushproof.emulator.services.ecr.base import EcrOperations, page
from pushproof.emulator.services.ecr.model import Repository

if TYPE_CHECKING:
    from types_boto3_ecr.literals import ImageTagMutabilityType
    from types_boto3_ecr.type_defs import (
        EncryptionConfigurationTypeDef,
        ImageTagMutabilityExclusionFilterTypeDef,
        RepositoryTypeDef,
        TagTypeDef,
    )

    from pushproof.emulator.kernel.shapes.ecr import (
        CreateRepositoryAnswer,
        CreateRepositoryRequest,
        DeleteRepositoryAnswer,
        DeleteRepositoryPolicyAnswer,
        DeleteRepositoryPolicyRequest,
        DeleteRepositoryRequest,
        DescribeRepositoriesAnswer,
        DescribeRepositoriesRequest,
        GetRepositoryPolicyAnswer,
        GetRepositoryPolicyRequest,
        ListTagsForResourceAnswer,
        ListTagsForResourceRequest,
        PutImageScanningConfigurationAnswer,
        PutImageScanningConfigurationRequest,
        PutImageTagMutabilityAnswer,
        PutImageTagMutabilityRequest,
        SetRepositoryPolicyAnswer,
        SetRepositoryPolicyRequest,
        TagResourceAnswer,
        TagResourceRequest,
        UntagResourceAnswer,
        UntagResourceRequest,
    )


_PART = r"[a-z0-9]+(?:[._-][a-z0-9]+)*"
_NAME = re.compile(rf"(?:{_PART}/)*{_PART}")
_WITH_EXCLUSION = ("IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION")
_MUTABILITIES = ("MUTABLE", "IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION")
# "Each tag key must be unique", and the prefix aws: is reserved:
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-using-tags.html
_TAG_RULES = frozenset(Rule) - {Rule.CHARACTERS}
_TAG_LENGTHS = (
    "An invalid parameter has been specified. Tag keys can have a maximum character length of 128 characters, and tag values "
    "can have a maximum length of 256 characters."
)


def check_name(name: str, parameter: str) -> None:
    """Raise InvalidParameterException for a name that no repository can have."""
    if not 2 <= len(name) <= 256 or _NAME.fullmatch(name) is None:
        raise errors.invalid(parameter, f"must satisfy regular expression '{_NAME.pattern}'")


class RepositoryOperations(EcrOperations):
    """CreateRepository to PutImageScanningConfiguration, policies and tags of repositories."""

    def create_repository(self, context: RequestContext, request: CreateRepositoryRequest) -> CreateRepositoryAnswer:
        name = request["repositoryName"]
        check_name(name, "repositoryName")
        scope = self._scope(context, request)
        if scope != context.scope:
            raise errors.invalid("registryId", "must be the caller's own registry")
        if name in self.store.of(scope):
            raise errors.repository_exists(name, scope[0])
        mutability, exclusions = _mutability(
            request.get("imageTagMutability", "MUTABLE"), request.get("imageTagMutabilityExclusionFilters", [])
        )
        repository = Repository(
            name,
            scope,
            self.site.clock.now(),
            mutability,
            exclusions,
            bool(request.get("imageScanningConfiguration", {}).get("scanOnPush", False)),
            self._encryption(context, request.get("encryptionConfiguration")),
            _tags(request.get("tags", []), {}),
        )
        self.store.of(scope)[name] = repository
        return {"repository": self._describe(repository)}

    def _encryption(
        self, context: RequestContext, requested: EncryptionConfigurationTypeDef | None
    ) -> EncryptionConfigurationTypeDef:
        kind = requested["encryptionType"] if requested else "AES256"
        key = requested.get("kmsKey") if requested else None
        if kind == "AES256":
            if key:
                raise errors.invalid("encryptionConfiguration", "kmsKey must not be given with encryptionType AES256")
            return {"encryptionType": kind}
        if key is None:
            # The AWS managed key alias/aws/ecr: one for each region, always the same.
            identity = uuid.uuid5(uuid.NAMESPACE_URL, f"aws/ecr/{context.account_id}/{context.region}")
            return {
                "encryptionType": kind,
                "kmsKey": arn_of("kms", f"key/{identity}", region=context.region, account=context.account_id),
            }
        try:
            key_arn = self.site.substrate.client("kms", context.region).describe_key(KeyId=key)["KeyMetadata"]["Arn"]
        except ClientError as error:
            raise AwsError(
                "KmsException",
                error.response["Error"].get("Message", str(error)),
                kmsError=error.response["Error"]["Code"],
            ) from None
        return {"encryptionType": kind, "kmsKey": key_arn}

    def _describe(self, repository: Repository) -> RepositoryTypeDef:
        shown: RepositoryTypeDef = {
            "repositoryArn": repository.arn,
            "registryId": repository.registry,
            "repositoryName": repository.name,
            "repositoryUri": f"{self.site.endpoint.host}/{repository.name}",
            "createdAt": self._stamp(repository.created_at),
            "imageTagMutability": repository.mutability,
            "imageScanningConfiguration": {"scanOnPush": repository.scan_on_push},
            "encryptionConfiguration": repository.encryption,
        }
        if repository.exclusions:
            shown["imageTagMutabilityExclusionFilters"] = _filters(repository.exclusions)
        return shown

    def describe_repositories(
        self, context: RequestContext, request: DescribeRepositoriesRequest
    ) -> DescribeRepositoriesAnswer:
        scope, names = self._scope(context, request), request.get("repositoryNames")
        if names:
            repositories = [self.store.repository(scope, name) for name in names]
        else:
            repositories = [repository for _, repository in sorted(self.store.of(scope).items())]
        chosen, more = page(repositories, request)
        return {"repositories": [self._describe(repository) for repository in chosen], **more}

    def delete_repository(self, context: RequestContext, request: DeleteRepositoryRequest) -> DeleteRepositoryAnswer:
        repository = self._repository(context, request)
        if repository.images and not request.get("force"):
            raise errors.repository_not_empty(repository.name, repository.registry)
        for upload in [
            u for u in self.store.uploads.values() if (u.scope, u.repository) == (repository.scope, repository.name)
        ]:
            self.store.cancel_upload(upload)
        del self.store.of(repository.scope)[repository.name]
        return {"repository": self._describe(repository)}

    def put_image_tag_mutability(
        self, context: RequestContext, request: PutImageTagMutabilityRequest
    ) -> PutImageTagMutabilityAnswer:
        repository = self._repository(context, request)
        repository.mutability, repository.exclusions = _mutability(
            request["imageTagMutability"], request.get("imageTagMutabilityExclusionFilters", [])
        )
        answer: PutImageTagMutabilityAnswer = {
            "registryId": repository.registry,
            "repositoryName": repository.name,
            "imageTagMutability": repository.mutability,
        }
        if repository.exclusions:
            answer["imageTagMutabilityExclusionFilters"] = _filters(repository.exclusions)
        return answer

    def put_image_scanning_configuration(
        self, context: RequestContext, request: PutImageScanningConfigurationRequest
    ) -> PutImageScanningConfigurationAnswer:
        repository = self._repository(context, request)
        repository.scan_on_push = bool(request["imageScanningConfiguration"].get("scanOnPush", False))
        return {**self._names(repository), "imageScanningConfiguration": {"scanOnPush": repository.scan_on_push}}

    # The repository's resource policy.

    def get_repository_policy(
        self, context: RequestContext, request: GetRepositoryPolicyRequest
    ) -> GetRepositoryPolicyAnswer:
        repository = self._repository(context, request)
        if repository.policy is None:
            raise errors.policy_not_found("Repository", repository.name, repository.registry)
        return {**self._names(repository), "policyText": repository.policy}

    def set_repository_policy(
        self, context: RequestContext, request: SetRepositoryPolicyRequest
    ) -> SetRepositoryPolicyAnswer:
        repository = self._repository(context, request)
        repository.policy = checked_policy(request["policyText"], "Invalid repository policy provided")
        return {**self._names(repository), "policyText": repository.policy}

    def delete_repository_policy(
        self, context: RequestContext, request: DeleteRepositoryPolicyRequest
    ) -> DeleteRepositoryPolicyAnswer:
        answer = self.get_repository_policy(context, request)
        self._repository(context, request).policy = None
        return answer

    # Tags of resources.

    def list_tags_for_resource(
        self, context: RequestContext, request: ListTagsForResourceRequest
    ) -> ListTagsForResourceAnswer:
        tags = self._by_arn(context, request["resourceArn"]).resource_tags
        return {"tags": pascal_tags(tags)}

    def tag_resource(self, context: RequestContext, request: TagResourceRequest) -> TagResourceAnswer:
        repository = self._by_arn(context, request["resourceArn"])
        repository.resource_tags = _tags(request["tags"], repository.resource_tags)
        return {}

    def untag_resource(self, context: RequestContext, request: UntagResourceRequest) -> UntagResourceAnswer:
        repository = self._by_arn(context, request["resourceArn"])
        for key in request["tagKeys"]:
            repository.resource_tags.pop(key, None)
        return {}


def checked_policy(text: str, refusal: str) -> str:
    """Return the text if it has the outline of a policy document. Raises AwsError."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    statements = document.get("Statement") if isinstance(document, dict) else None
    if isinstance(statements, dict):
        statements = [statements]
    outline = isinstance(statements, list) and all(
        isinstance(statement, dict)
        and statement.get("Effect") in ("Allow", "Deny")
        and ("Action" in statement or "NotAction" in statement)
        for statement in statements
    )
    if not statements or not outline:
        raise errors.invalid("PolicyText", refusal)
    return text


def _mutability(
    mutability: ImageTagMutabilityType, filters: list[ImageTagMutabilityExclusionFilterTypeDef]
) -> tuple[ImageTagMutabilityType, tuple[str, ...]]:
    if mutability not in _MUTABILITIES:
        raise errors.invalid("imageTagMutability", f"Member must satisfy enum value set: [{', '.join(_MUTABILITIES)}]")
    if filters and mutability not in _WITH_EXCLUSION:
        raise errors.invalid(
            "imageTagMutabilityExclusionFilters",
            f"may only be given when imageTagMutability is {' or '.join(_WITH_EXCLUSION)}",
        )
    if not filters and mutability in _WITH_EXCLUSION:
        raise errors.invalid(
            "imageTagMutabilityExclusionFilters", f"must be given when imageTagMutability is {mutability}"
        )
    patterns = tuple(entry["filter"] for entry in filters)
    for pattern in patterns:
        if pattern.count("*") > 2 or re.fullmatch(r"[0-9a-zA-Z._*-]{1,128}", pattern) is None:
            raise errors.invalid(
                "imageTagMutabilityExclusionFilters", f"'{pattern}' must be a tag with at most two wildcards (*)"
            )
    return mutability, patterns


def _filters(patterns: tuple[str, ...]) -> list[ImageTagMutabilityExclusionFilterTypeDef]:
    return [{"filterType": "WILDCARD", "filter": pattern} for pattern in patterns]


def _tags(added: list[TagTypeDef], present: dict[str, str]) -> dict[str, str]:
    """Return a repository's tags with those of a request. Raises AwsError for tags that ECR refuses."""
    broken = broken_rule(tag_pairs(added), present=present, rules=_TAG_RULES)
    if broken is None:
        return {**present, **tag_map(added)}
    if broken.rule is Rule.NUMBER:
        raise AwsError("TooManyTagsException", f"A resource can have at most {MOST_TAGS} tags.")
    by_length = broken.rule in (Rule.KEY_LENGTH, Rule.VALUE_LENGTH)
    raise AwsError("InvalidTagParameterException", _TAG_LENGTHS if by_length else broken.text)
