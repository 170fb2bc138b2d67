"""The image repository: immutable tags, and a lifecycle policy that keeps deployed images."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Iterable, Iterator
from datetime import datetime
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from pushproof.base.origin import Addresses
from pushproof.checks.check import Checks, Clients, check
from pushproof.checks.finding import Finding
from pushproof.engines.lifecycle import DAY, Image, Policy, Rule, TagStatus, evaluate, parse

if TYPE_CHECKING:
    from types_boto3_ecr.client import ECRClient
    from types_boto3_ecr.type_defs import ImageIdentifierTypeDef, RepositoryTypeDef

_MUTABILITY = "https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html"
_SCANNING = "https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning.html"
_LIFECYCLE = "https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html"
_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


class RegistryChecks(Checks):
    """Checks of one repository, by name."""

    family = "registry"

    def __init__(self, aws: Clients, *, repository: str, addresses: Addresses | None = None) -> None:
        super().__init__(aws, addresses=addresses)
        self.repository = repository

    @check
    def refuses_a_second_push_of_a_tag(self) -> Iterator[Finding]:
        """The repository refuses the second of two tiny images that the check pushes under one probe tag and deletes afterwards."""
        yield from self._pushed_twice()
        exceptions = self._describe().get("imageTagMutabilityExclusionFilters") or ()
        if exceptions:
            yield Finding(
                resource=self._describe()["repositoryArn"],
                expected="immutable tags without exceptions",
                found=f"tags like {', '.join(entry['filter'] for entry in exceptions)} may be pushed again",
                why="What was tested under such a tag is not what runs under it.",
                change='image_tag_mutability = "IMMUTABLE", without exclusion filters',
                page=_MUTABILITY,
            )

    def _pushed_twice(self) -> Iterator[Finding]:
        tag, pushed = f"probe-{secrets.token_hex(6)}", list[str]()
        try:
            pushed.append(push_small_image(self.aws("ecr"), self.repository, tag, b"first"))
            try:
                pushed.append(push_small_image(self.aws("ecr"), self.repository, tag, b"second"))
            except ClientError as error:
                if error.response["Error"]["Code"] == "ImageTagAlreadyExistsException":
                    return
                raise
            yield Finding(
                resource=self._describe()["repositoryArn"],
                expected="ImageTagAlreadyExistsException when a tag is pushed again",
                found="the second push moved the tag to another image",
                why="What was tested under a tag is not what runs under it, and a rollback to a tag may bring anything.",
                change='image_tag_mutability = "IMMUTABLE"; keep the layer cache in a repository of its own',
                page=_MUTABILITY,
            )
        finally:
            if pushed:
                identifiers: list[ImageIdentifierTypeDef] = [{"imageDigest": digest} for digest in pushed]
                self.aws("ecr").batch_delete_image(repositoryName=self.repository, imageIds=identifiers)

    @check
    def accepts_a_second_push_of_a_tag(self) -> Iterator[Finding]:
        """A tag moves to the image that the check pushes last; for a repository of caches."""
        repository = self._describe()
        if not any(self._pushed_twice()):
            yield Finding(
                resource=repository["repositoryArn"],
                expected="a tag that can be pushed again",
                found="the second push is refused with ImageTagAlreadyExistsException",
                why="The cache of the first build is the cache for ever: every build makes more and more layers anew.",
                change='image_tag_mutability = "MUTABLE" for a repository that nothing runs from',
                page=_MUTABILITY,
            )

    @check
    def untagged_images_expire(self, *, within_days: int = 7) -> Iterator[Finding]:
        """An untagged image expires after at most these days."""
        example = Image(f"sha256:{0:064x}", 0.0)
        if example.digest not in self.expires([example], now=(within_days + 0.1) * DAY):
            rules = [rule for rule in self.policy().rules if rule.tag_status is not TagStatus.TAGGED]
            yield Finding(
                resource=self._describe()["repositoryArn"],
                expected=f"a rule that expires untagged images within {within_days} days",
                found=", ".join(f"rule {rule.priority} leaves them longer" for rule in rules)
                or "no rule for untagged images",
                why="Every push that moves a tag, and every one that fails half-way, leaves an image that nobody can name and"
                " everybody pays for.",
                change="A lifecycle rule: tagStatus untagged, sinceImagePushed, 1 day.",
                page=_LIFECYCLE,
            )

    @check
    def scans_on_push(self) -> Iterator[Finding]:
        """Every pushed image is scanned, by the repository's own setting or the registry's."""
        repository = self._describe()
        if not repository.get("imageScanningConfiguration", {}).get("scanOnPush") and not self._registry_scans():
            yield Finding(
                resource=repository["repositoryArn"],
                expected="images scanned when they are pushed",
                found="scanOnPush is off, and no rule of the registry's own scanning configuration names the repository",
                why="Known vulnerabilities in a base image go to production unseen.",
                change="image_scanning_configuration { scan_on_push = true }",
                page=_SCANNING,
            )

    def _registry_scans(self) -> bool:
        """Return whether a rule of the registry scans images that are pushed to this repository."""
        configuration = self.aws("ecr").get_registry_scanning_configuration()["scanningConfiguration"]
        return any(
            rule["scanFrequency"] in ("SCAN_ON_PUSH", "CONTINUOUS_SCAN")
            and any(fnmatchcase(self.repository, f"*{f['filter']}*") for f in rule["repositoryFilters"])
            for rule in configuration.get("rules", [])
        )

    @check
    def is_encrypted(self) -> Iterator[Finding]:
        """Images are encrypted at rest, with AES256 or a KMS key."""
        repository = self._describe()
        kind = repository.get("encryptionConfiguration", {}).get("encryptionType")
        if kind not in ("AES256", "KMS", "KMS_DSSE"):
            yield Finding(
                resource=repository["repositoryArn"],
                expected="AES256 or KMS",
                found=str(kind),
                why="Images hold code and configuration.",
                change='encryption_configuration { encryption_type = "AES256" }',
                page="https://docs.aws.amazon.com/AmazonECR/latest/userguide/encryption-at-rest.html",
            )

    # Lifecycle.

    def expires(self, images: Iterable[Image], *, now: float) -> dict[str, int]:
        """Map the digest of each image that the repository's policy would expire to the priority of the rule that expires it."""
        evaluation = evaluate(self.policy(), list(images), now)
        return {
            v.image.digest: v.rule.priority for v in evaluation.verdicts if v.rule is not None and v.action is not None
        }

    @check
    def lifecycle_selects(self, tags: Iterable[str]) -> Iterator[Finding]:
        """A lifecycle rule selects every tag of real releases, so that old images expire."""
        tags = list(tags)
        arn = self._describe()["repositoryArn"]
        if not tags:
            yield Finding(
                resource=arn,
                expected="tags to look at",
                found="none were given",
                why="An empty list proves nothing.",
                change="Push once, or name a tag.",
                page=_LIFECYCLE,
            )
        rules = [rule for rule in self.policy().rules if rule.tag_status is not TagStatus.UNTAGGED]
        for tag in tags:
            if not any(_selects(rule, tag) for rule in rules):
                selected = (
                    "the rules select " + ", ".join(f"{n} (rule {r.priority})" for r in rules for n in _names(r))
                    if rules
                    else "no rule is about tagged images"
                )
                yield Finding(
                    resource=arn,
                    expected=f"a rule that selects releases such as {tag}",
                    found=selected,
                    why="Nothing ever expires and the bill only grows: with immutable tags, images do not become untagged.",
                    change="Let the build's tags carry the prefix that the rule selects (dev-0123abc for dev-), or select them with"
                    " tagPatternList.",
                    page=_LIFECYCLE,
                )

    @check
    def keeps_what_runs(
        self, digests: Iterable[str], *, further_pushes: int = 5, example_tag: str = ""
    ) -> Iterator[Finding]:
        """The deployed image and the image for a rollback survive the next pushes, and a quarter of a year without any.

        The tags of further pushes begin with `example_tag`; by default, the tag of one of the images.
        """
        needed = set(digests)
        further = further_pushes
        example = example_tag
        arn = self._describe()["repositoryArn"]
        fault = partial(Finding, resource=arn, page=_LIFECYCLE)
        images = list(self.images())
        if not needed:
            yield fault(
                expected="digests of what runs",
                found="none were given",
                why="An empty list proves nothing.",
                change="Deploy once, and give the digests of the running tasks' images.",
            )
        missing = needed - {image.digest for image in images}
        for digest in sorted(missing):
            yield fault(
                expected=f"{digest}, which runs",
                found="it is not in the repository",
                why="The next task that has to start cannot be pulled: CannotPullContainerError.",
                change="Push it again, and look at what deleted it.",
            )
        now = max((image.pushed_at for image in images), default=0.0)
        tag = example or next((image.tags[0] for image in images if image.digest in needed and image.tags), "release")
        later = [Image(f"sha256:{n:064x}", now + 60 * (n + 1), (f"{tag}{n}",)) for n in range(further)]
        busy = self.expires([*images, *later], now=now + DAY)
        quiet = self.expires(images, now=now + 90 * DAY)
        for digest in sorted(needed & (busy.keys() | quiet.keys())):
            priority = busy.get(digest, quiet.get(digest))
            yield fault(
                expected=f"{digest} to outlive {further} further pushes"
                if digest in busy
                else f"{digest} to outlive 90 days without a push",
                found=f"the rule with priority {priority} expires it",
                why="ECR does not know what ECS runs. A rollback, or a task that must be replaced, finds its image gone.",
                change="Keep more images than a day's pushes, and never expire releases by age alone.",
            )

    def policy(self) -> Policy:
        """The repository's lifecycle policy, parsed; one without rules when it has none."""
        try:
            text = self.aws("ecr").get_lifecycle_policy(repositoryName=self.repository)["lifecyclePolicyText"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "LifecyclePolicyNotFoundException":
                return Policy(())
            raise
        return parse(text)

    def images(self) -> Iterator[Image]:
        """Return the images in the repository now."""
        for page in self.aws("ecr").get_paginator("describe_images").paginate(repositoryName=self.repository):
            for detail in page["imageDetails"]:
                pushed: datetime = detail["imagePushedAt"]
                yield Image(detail["imageDigest"], pushed.timestamp(), tuple(detail.get("imageTags", ())))

    def _describe(self) -> RepositoryTypeDef:
        ecr = self.aws("ecr")
        try:
            return ecr.describe_repositories(repositoryNames=[self.repository])["repositories"][0]
        except ecr.exceptions.RepositoryNotFoundException:
            raise LookupError(
                f"there is no repository {self.repository}; check the name, the account and the region"
            ) from None


def push_small_image(ecr: ECRClient, repository: str, tag: str, content: bytes = b"probe") -> str:
    """Push an image of one layer of a few bytes through the ECR API, as a registry client would; its digest.

    Raises botocore's ClientError as ECR answers, such as ImageTagAlreadyExistsException.
    """
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": []},
            "probe": content.decode(),
        }
    )
    described = [
        (config.encode(), "application/vnd.docker.container.image.v1+json"),
        (content * 8, "application/vnd.docker.image.rootfs.diff.tar"),
    ]
    config_part, *layers = [
        {"mediaType": kind, "size": len(blob), "digest": _upload(ecr, repository, blob)} for blob, kind in described
    ]
    manifest = json.dumps({"schemaVersion": 2, "mediaType": _MANIFEST, "config": config_part, "layers": layers})
    ecr.put_image(repositoryName=repository, imageManifest=manifest, imageManifestMediaType=_MANIFEST, imageTag=tag)
    return f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"


def _upload(ecr: Any, repository: str, blob: bytes) -> str:
    digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
    upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
    ecr.upload_layer_part(
        repositoryName=repository, uploadId=upload, partFirstByte=0, partLastByte=len(blob) - 1, layerPartBlob=blob
    )
    try:
        ecr.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[digest])
    except ClientError as error:
        if error.response["Error"]["Code"] != "LayerAlreadyExistsException":
            raise
    return digest


def _names(rule: Rule) -> list[str]:
    """Describe a rule's selection in words."""
    names = [f"the prefix {prefix}" for prefix in rule.tag_prefixes] + [f"tags like {p}" for p in rule.tag_patterns]
    return names or ["any image"]


def _selects(rule: Rule, tag: str) -> bool:
    """Return whether a rule selects an image with this tag."""
    if rule.tag_status is TagStatus.ANY:
        return True
    prefixes = all(tag.startswith(prefix) for prefix in rule.tag_prefixes)
    # In a tag pattern, * is the one character with a meaning.
    patterns = [re.escape(pattern).replace(r"\*", ".*") for pattern in rule.tag_patterns]
    return prefixes and all(re.fullmatch(pattern, tag) for pattern in patterns)
