"""Records of a registry: repositories, images, uploads. Times are AWS time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from pushproof.aws.arns import arn_of
from pushproof.emulator.services.ecr.manifests import Manifest
from pushproof.engines.lifecycle import StorageClass as StorageClass

if TYPE_CHECKING:
    from types_boto3_ecr.literals import (
        ImageStatusType,
        ImageTagMutabilityType,
        LifecyclePolicyPreviewStatusType,
        ScanStatusType,
    )
    from types_boto3_ecr.type_defs import (
        EncryptionConfigurationTypeDef,
        LifecyclePolicyPreviewResultTypeDef,
        LifecyclePolicyPreviewSummaryTypeDef,
    )


_AES256: EncryptionConfigurationTypeDef = {"encryptionType": "AES256"}
Scope = tuple[str, str]
"""(account, region)."""


@dataclass(slots=True)
class Image:
    """An image (or index, or artifact) of a repository. `size` is that of the layers and the configuration, in bytes."""

    manifest: Manifest
    pushed_at: float
    size: int
    pulled_at: float | None = None
    archived_at: float | None = None
    activated_at: float | None = None
    storage: StorageClass = StorageClass.STANDARD
    scanned_at: float | None = None
    scan_status: ScanStatusType | None = None

    @property
    def digest(self) -> str:
        return self.manifest.digest

    @property
    def status(self) -> ImageStatusType:
        return "ARCHIVED" if self.storage is StorageClass.ARCHIVE else "ACTIVE"


@dataclass(slots=True)
class Preview:
    """A lifecycle policy preview."""

    text: str
    status: LifecyclePolicyPreviewStatusType
    results: list[LifecyclePolicyPreviewResultTypeDef]
    summary: LifecyclePolicyPreviewSummaryTypeDef


@dataclass(slots=True)
class Repository:
    """A repository. `images` by digest, oldest push first; `tags` to digest; `layers` digest to size."""

    name: str
    scope: Scope
    created_at: float
    mutability: ImageTagMutabilityType = "MUTABLE"
    exclusions: tuple[str, ...] = ()
    scan_on_push: bool = False
    encryption: EncryptionConfigurationTypeDef = field(default_factory=lambda: _AES256.copy())
    resource_tags: dict[str, str] = field(default_factory=dict)
    images: dict[str, Image] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    layers: dict[str, int] = field(default_factory=dict)
    policy: str | None = None
    lifecycle_policy: str | None = None
    lifecycle_evaluated_at: float | None = None
    preview: Preview | None = None

    @property
    def registry(self) -> str:
        return self.scope[0]

    @property
    def arn(self) -> str:
        account, region = self.scope
        return arn_of("ecr", f"repository/{self.name}", region=region, account=account)

    def tags_of(self, digest: str) -> tuple[str, ...]:
        return tuple(tag for tag, at in self.tags.items() if at == digest)

    def is_immutable(self, tag: str) -> bool:
        """Return whether a tag cannot be moved once it is set.

        Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html
        """
        excluded = any(fnmatchcase(tag, _literal(pattern)) for pattern in self.exclusions)
        return {
            "IMMUTABLE": True,
            "IMMUTABLE_WITH_EXCLUSION": not excluded,
            "MUTABLE_WITH_EXCLUSION": excluded,
        }.get(self.mutability, False)

    def lists_naming(self, digest: str) -> list[str]:
        """Return the manifest lists that refer to an image."""
        return [image.digest for image in self.images.values() if digest in image.manifest.members]


def _literal(pattern: str) -> str:
    """Escape a pattern for ECR, where only `*` is a wildcard."""
    return pattern.replace("[", "[[]").replace("?", "[?]")


@dataclass(slots=True)
class Upload:
    """A layer during its upload, kept in a file."""

    id: str
    scope: Scope
    repository: str
    path: Path
    size: int = 0
    hash: hashlib._Hash = field(default_factory=hashlib.sha256)
    busy: bool = False

    @property
    def digest(self) -> str:
        return "sha256:" + str(self.hash.hexdigest())
