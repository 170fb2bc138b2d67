"""Image manifests: their parsing, and the content they refer to.

Sources: https://github.com/opencontainers/image-spec/blob/main/manifest.md and .../image-index.md,
https://distribution.github.io/distribution/spec/manifest-v2-2/
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
LARGEST = 4 * 1024 * 1024

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class ManifestError(ValueError):
    """A manifest is not acceptable; the message names the reason."""


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A reference to content."""

    digest: str
    size: int
    media_type: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest: its bytes, and the content they refer to. Either `layers` and `config`, or `members` (of an index)."""

    content: bytes
    digest: str
    media_type: str
    config: Descriptor | None = None
    layers: tuple[Descriptor, ...] = ()
    members: tuple[str, ...] = ()
    subject: str | None = None
    artifact_type: str | None = None

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """Return everything that must be in the repository as a layer."""
        return (*((self.config,) if self.config else ()), *self.layers)


def is_digest(text: str) -> bool:
    """Return whether the text is a digest of the only algorithm that ECR accepts."""
    return _DIGEST.fullmatch(text) is not None


def parse(content: bytes, media_type: str | None = None) -> Manifest:
    """Parse a manifest. Raises ManifestError."""
    if len(content) > LARGEST:
        raise ManifestError(f"the manifest has {len(content)} bytes; at most {LARGEST} are allowed")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"the manifest is not JSON: {error}") from None
    if not isinstance(document, dict) or document.get("schemaVersion") != 2:
        raise ManifestError("the manifest must be an object with schemaVersion 2")
    kind = _kind(document, media_type)
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    subject = _descriptor(document["subject"], "subject").digest if document.get("subject") else None
    artifact = document.get("artifactType")
    if artifact is not None and not isinstance(artifact, str):
        raise ManifestError("artifactType must be a string")
    if kind in (DOCKER_LIST, OCI_INDEX):
        members = tuple(descriptor.digest for descriptor in _descriptors(document, "manifests"))
        return Manifest(content, digest, kind, members=members, subject=subject, artifact_type=artifact)
    config = _descriptor(document.get("config"), "config")
    layers = tuple(descriptor for descriptor, written in zip(_descriptors(document, "layers"), document["layers"], strict=True)
                   if not written.get("urls"))  # fmt: skip
    return Manifest(content, digest, kind, config, layers, (), subject, artifact)


def _kind(document: Mapping[str, object], media_type: str | None) -> str:
    kind = document.get("mediaType") or (media_type or "").partition(";")[0].strip()
    if not kind:
        kind = OCI_INDEX if "manifests" in document else OCI_MANIFEST
    if kind not in (DOCKER_MANIFEST, DOCKER_LIST, OCI_MANIFEST, OCI_INDEX):
        raise ManifestError(f"manifest media type {kind!r} is not supported")
    return str(kind)


def _descriptors(document: Mapping[str, object], name: str) -> list[Descriptor]:
    written = document.get(name)
    if not isinstance(written, list):
        raise ManifestError(f"the manifest needs a list of {name}")
    return [_descriptor(entry, f"{name}[{index}]") for index, entry in enumerate(written)]


def _descriptor(written: object, at: str) -> Descriptor:
    if not isinstance(written, dict):
        raise ManifestError(f"{at} must be an object")
    digest, size, media_type = written.get("digest"), written.get("size"), written.get("mediaType", "")
    if not isinstance(digest, str) or not is_digest(digest):
        raise ManifestError(f"{at}.digest must be a sha256 digest")
    if type(size) is not int or size < 0:
        raise ManifestError(f"{at}.size must be a number of bytes")
    return Descriptor(digest, size, str(media_type))
