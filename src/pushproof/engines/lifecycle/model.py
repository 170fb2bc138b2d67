"""The values a lifecycle policy is made of, and the images it is applied to.

Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

DAY = 86_400.0
"""Seconds in a day, the only unit of time in a policy."""


class TagStatus(StrEnum):
    TAGGED = "tagged"
    UNTAGGED = "untagged"
    ANY = "any"


class CountType(StrEnum):
    IMAGE_COUNT_MORE_THAN = "imageCountMoreThan"
    SINCE_IMAGE_PUSHED = "sinceImagePushed"
    SINCE_IMAGE_PULLED = "sinceImagePulled"
    SINCE_IMAGE_TRANSITIONED = "sinceImageTransitioned"


class StorageClass(StrEnum):
    STANDARD = "standard"
    ARCHIVE = "archive"


class ActionType(StrEnum):
    EXPIRE = "expire"
    TRANSITION = "transition"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `tag_patterns` and `tag_prefixes` are empty unless `tag_status` is TAGGED, and then exactly one is set.

    `count_number` is a number of images for IMAGE_COUNT_MORE_THAN and a number of days otherwise.
    """

    priority: int
    tag_status: TagStatus
    count_type: CountType
    count_number: int
    action: ActionType
    storage_class: StorageClass = StorageClass.STANDARD
    tag_patterns: tuple[str, ...] = ()
    tag_prefixes: tuple[str, ...] = ()
    description: str = ""

    @property
    def patterns(self) -> tuple[str, ...]:
        """Return the patterns that the tags must all match, with prefixes written as patterns."""
        return self.tag_patterns or tuple(prefix + "*" for prefix in self.tag_prefixes)


@dataclass(frozen=True, slots=True)
class Policy:
    """A valid policy: its rules by ascending `rulePriority`."""

    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Image:
    """An image, as a rule sees it. Times are seconds of one clock; None means never.

    `members` are the digests a manifest list (or image index) refers to; `subject` is the digest a signature, SBOM
    or other reference artifact belongs to.
    """

    digest: str
    pushed_at: float
    tags: tuple[str, ...] = ()
    storage_class: StorageClass = StorageClass.STANDARD
    pulled_at: float | None = None
    archived_at: float | None = None
    activated_at: float | None = None
    members: tuple[str, ...] = ()
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class LifecycleSettings:
    """Settings for behaviour that AWS's documentation leaves open.

    `artifacts_follow_subject`: a reference artifact is not selected by rules itself while its subject is in the
    repository, and leaves (or is archived) with it. AWS documents only the second half.

    `archived_list_releases_expiry`: an archived manifest list no longer holds its members back from expiry. It never
    holds them back from being archived.
    """

    artifacts_follow_subject: bool = True
    archived_list_releases_expiry: bool = False
