"""The registry's content: repositories in memory, layers as content-addressed files under the world's directory.

The API and the registry's own endpoints both use it. Methods raise `AwsError`. All but `write` and `open_blob` (which
may take long) are called under the world's lock.
"""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.settings import EcrSettings
from pushproof.emulator.services.ecr import errors, manifests
from pushproof.emulator.services.ecr.model import Image, Repository, Scope, StorageClass, Upload

if TYPE_CHECKING:
    from pushproof.emulator.kernel.site import Site

_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")


class Store:
    """Repositories of every account and region, and their layers."""

    def __init__(self, site: Site, settings: EcrSettings) -> None:
        self.site = site
        self.settings = settings
        self.root = site.directory / "ecr"
        self.repositories: dict[Scope, dict[str, Repository]] = {}
        self.uploads: dict[str, Upload] = {}
        self._used = 0

    # Repositories.

    def of(self, scope: Scope) -> dict[str, Repository]:
        return self.repositories.setdefault(scope, {})

    def repository(self, scope: Scope, name: str) -> Repository:
        repository = self.of(scope).get(name)
        if repository is None:
            raise errors.repository_not_found(name, scope[0])
        return repository

    # Images.

    def put_image(self, repository: Repository, manifest: manifests.Manifest, tag: str | None) -> Image:
        """Add an image, or a tag to an existing one, and announce it. Raises AwsError."""
        if tag is not None and _TAG.fullmatch(tag) is None:
            raise errors.invalid("imageTag", f"must satisfy regular expression '{_TAG.pattern}'")
        self._check_references(repository, manifest)
        image = repository.images.get(manifest.digest)
        if tag is not None and tag in repository.tags:
            same = repository.tags[tag] == manifest.digest
            if repository.is_immutable(tag) and not (same and self.settings.immutable_accepts_same_digest):
                raise errors.tag_immutable(tag, repository.name)
            if same and image is not None and image.storage is StorageClass.STANDARD:
                raise errors.image_exists(manifest.digest, tag, repository.name, repository.registry)
        if image is not None and tag is None and image.storage is StorageClass.STANDARD:
            raise errors.image_exists(manifest.digest, None, repository.name, repository.registry)
        now = self.site.clock.now()
        if image is None:
            size = sum(repository.layers.get(blob.digest, blob.size) for blob in manifest.blobs)
            size += max((repository.images[member].size for member in manifest.members), default=0)
            image = repository.images[manifest.digest] = Image(manifest, now, size)
        elif image.storage is StorageClass.ARCHIVE:
            # Pushing an archived image again restores it.
            image.storage, image.activated_at = StorageClass.STANDARD, now
        if tag is not None:
            repository.tags[tag] = manifest.digest
        self.announce(repository, manifest.digest, "PUSH", tag)
        return image

    def _check_references(self, repository: Repository, manifest: manifests.Manifest) -> None:
        missing = [blob.digest for blob in manifest.blobs if blob.digest not in repository.layers]
        if missing:
            raise errors.layers_missing(missing, repository.name, repository.registry)
        absent = [digest for digest in manifest.members if digest not in repository.images]
        if absent:
            raise errors.images_missing(absent, repository.name, repository.registry)

    def find_image(self, repository: Repository, *, digest: str | None = None, tag: str | None = None) -> Image:
        """Return the image of a digest or a tag (both must agree). Raises AwsError."""
        by_tag = repository.tags.get(tag) if tag else None
        image = repository.images.get(digest or by_tag or "")
        if image is None or (tag and by_tag != image.digest):
            raise errors.image_not_found(digest, tag, repository.name, repository.registry)
        return image

    def pulled(self, image: Image) -> None:
        """Record a pull of an image."""
        image.pulled_at = self.site.clock.now()

    def delete_image(self, repository: Repository, digest: str) -> None:
        """Remove an image with all its tags, and the layers that nothing else in the repository needs."""
        tags = repository.tags_of(digest)
        for tag in tags:
            del repository.tags[tag]
        image = repository.images.pop(digest)
        still = {blob.digest for image in repository.images.values() for blob in image.manifest.blobs}
        for blob in image.manifest.blobs:
            if blob.digest not in still:
                repository.layers.pop(blob.digest, None)
        self.announce(repository, digest, "DELETE", tags[0] if tags else None)

    def announce(self, repository: Repository, digest: str, action: str, tag: str | None) -> None:
        """Put ECR's event on the bus.

        Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
        """
        detail: dict[str, object] = {
            "result": "SUCCESS",
            "repository-name": repository.name,
            "image-digest": digest,
            "action-type": action,
        }
        if tag:
            detail["image-tag"] = tag
        self.site.events.publish("aws.ecr", "ECR Image Action", detail, resources=[], region=repository.scope[1])

    # Layers.

    def blob_path(self, digest: str) -> Path:
        algorithm, _, value = digest.partition(":")
        return self.root / "blobs" / algorithm / value[:2] / value

    def open_blob(self, digest: str) -> BinaryIO:
        """Open the content of an existing layer."""
        return self.blob_path(digest).open("rb")

    def begin_upload(self, repository: Repository) -> Upload:
        folder = self.root / "uploads"
        folder.mkdir(parents=True, exist_ok=True)
        identity = str(uuid.uuid4())
        upload = Upload(identity, repository.scope, repository.name, folder / identity)
        upload.path.touch()
        self.uploads[identity] = upload
        return upload

    def upload(self, repository: Repository, identity: str) -> Upload:
        upload = self.uploads.get(identity)
        if upload is None or (upload.scope, upload.repository) != (repository.scope, repository.name):
            raise errors.upload_not_found(identity, repository.name, repository.registry)
        return upload

    def write(self, upload: Upload, chunks: Iterable[bytes]) -> None:
        """Append to an upload; off the lock."""
        most = self.site.settings.limits.disk_bytes
        with upload.path.open("ab") as file:
            for chunk in chunks:
                self._used += len(chunk)
                if self._used > most:
                    self._used -= len(chunk)
                    words = f"This world keeps {most} bytes of layers at most (WorldSettings.limits.disk_bytes)"
                    raise AwsError("LimitExceededException", words)
                file.write(chunk)
                upload.hash.update(chunk)
                upload.size += len(chunk)

    def complete_upload(self, repository: Repository, upload: Upload, digest: str) -> int:
        """Store an upload as a layer of the repository, and return its size. Raises AwsError if the digest differs."""
        if upload.digest != digest:
            self.cancel_upload(upload)
            raise errors.layer_digest_mismatch(digest, upload.digest)
        target = self.blob_path(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(upload.path, target)
        del self.uploads[upload.id]
        repository.layers[digest] = upload.size
        return upload.size

    def cancel_upload(self, upload: Upload) -> None:
        self._used -= upload.size
        self.uploads.pop(upload.id, None)
        upload.path.unlink(missing_ok=True)

    def layer_size(self, repository: Repository, digest: str) -> int:
        """Return the size of a layer. Raises AwsError (LayersNotFoundException)."""
        size = repository.layers.get(digest)
        if size is None:
            raise AwsError(
                "LayersNotFoundException",
                f"Layer with digest '{digest}' does not exist in the repository with name '{repository.name}' "
                f"in the registry with id '{repository.registry}'",
            )
        return size

    def close(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)
