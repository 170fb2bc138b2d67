"""Operations on images, and on their scans.

Scans complete without findings, since they have no vulnerability database. Their description states this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.services.ecr import errors, manifests
from pushproof.emulator.services.ecr.base import EcrOperations, Names, page
from pushproof.emulator.services.ecr.model import Image, Repository, StorageClass

if TYPE_CHECKING:
    from types_boto3_ecr.literals import ImageFailureCodeType
    from types_boto3_ecr.type_defs import (
        DescribeImagesFilterTypeDef,
        ImageDetailTypeDef,
        ImageFailureTypeDef,
        ImageIdentifierTypeDef,
        ImageReferrerTypeDef,
        ImageScanStatusTypeDef,
        ImageTypeDef,
        ListImagesFilterTypeDef,
    )

    from pushproof.emulator.kernel.shapes.ecr import (
        BatchDeleteImageAnswer,
        BatchDeleteImageRequest,
        BatchGetImageAnswer,
        BatchGetImageRequest,
        DescribeImagesAnswer,
        DescribeImageScanFindingsAnswer,
        DescribeImageScanFindingsRequest,
        DescribeImagesRequest,
        ListImageReferrersAnswer,
        ListImageReferrersRequest,
        ListImagesAnswer,
        ListImagesRequest,
        PutImageAnswer,
        PutImageRequest,
        StartImageScanAnswer,
        StartImageScanRequest,
        UpdateImageStorageClassAnswer,
        UpdateImageStorageClassRequest,
    )


_SCANNED = "The scan was completed successfully. Pushproof has no vulnerability database, so it searched for nothing."


class NamedImage(Names):
    """Members of answers that name an image."""

    imageId: ImageIdentifierTypeDef


class ImageOperations(EcrOperations):
    """PutImage, the operations that read images, and BatchDeleteImage."""

    def put_image(self, context: RequestContext, request: PutImageRequest) -> PutImageAnswer:
        repository = self._repository(context, request)
        try:
            manifest = manifests.parse(request["imageManifest"].encode(), request.get("imageManifestMediaType"))
        except manifests.ManifestError as error:
            raise errors.invalid("imageManifest", str(error)) from None
        expected = request.get("imageDigest")
        if expected and expected != manifest.digest:
            raise AwsError(
                "ImageDigestDoesNotMatchException",
                f"The image digest '{expected}' does not match the digest '{manifest.digest}' of the manifest.",
            )
        return self.accepted(repository, manifest, request.get("imageTag"))

    def accepted(self, repository: Repository, manifest: manifests.Manifest, tag: str | None) -> PutImageAnswer:
        """Put an image, and scan it if the repository (or the registry) is configured so.

        Return PutImage's answer. Raises AwsError.
        """
        new = manifest.digest not in repository.images
        image = self.store.put_image(repository, manifest, tag)
        if new and not manifest.members and (repository.scan_on_push or self._registry_scans(repository)):
            self._scan(repository, image)
        return {"image": self._image(repository, image, tag)}

    def _registry_scans(self, repository: Repository) -> bool:
        """Return whether the registry's own configuration makes it scan the repository on push."""
        return False

    def _image(self, repository: Repository, image: Image, tag: str | None = None) -> ImageTypeDef:
        return {
            **self._named(repository, image, tag),
            "imageManifest": image.manifest.content.decode(),
            "imageManifestMediaType": image.manifest.media_type,
        }

    def _named(self, repository: Repository, image: Image, tag: str | None) -> NamedImage:
        return {**self._names(repository), "imageId": _identity(image.digest, tag)}

    def batch_get_image(self, context: RequestContext, request: BatchGetImageRequest) -> BatchGetImageAnswer:
        repository = self._repository(context, request)
        images: list[ImageTypeDef] = []
        failures: list[ImageFailureTypeDef] = []
        for identity in request["imageIds"]:
            image = self._identified(repository, identity)
            if not isinstance(image, Image):
                failures.append(image)
                continue
            if image.storage is StorageClass.ARCHIVE:
                failures.append(_failure(identity, "ImageInaccessible", "The image is archived; restore it first"))
                continue
            self.store.pulled(image)
            images.append(self._image(repository, image, identity.get("imageTag")))
        return {"images": images, "failures": failures}

    def _identified(self, repository: Repository, identity: ImageIdentifierTypeDef) -> Image | ImageFailureTypeDef:
        """Return the image, or the failure to report."""
        digest, tag = identity.get("imageDigest"), identity.get("imageTag")
        if not digest and not tag:
            return _failure(
                identity, "MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null"
            )
        if digest and not manifests.is_digest(digest):
            return _failure(identity, "InvalidImageDigest", "Invalid request parameters: image digest should satisfy the regex "
                            "'[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'")  # fmt: skip
        at = repository.tags.get(tag) if tag else digest
        if digest and tag and at is not None and at != digest:
            return _failure(identity, "ImageTagDoesNotMatchDigest", "Requested tag does not match the given digest")
        image = repository.images.get(at or "")
        return image if image is not None else _failure(identity, "ImageNotFound", "Requested image not found")

    def list_images(self, context: RequestContext, request: ListImagesRequest) -> ListImagesAnswer:
        repository = self._repository(context, request)
        chosen, more = page(self._filtered(repository, request.get("filter")), request)
        return {"imageIds": [_identity(image.digest, tag) for image, tag in chosen], **more}

    def _filtered(
        self, repository: Repository, criteria: ListImagesFilterTypeDef | DescribeImagesFilterTypeDef | None
    ) -> list[tuple[Image, str | None]]:
        """Return images with each of their tags (None: untagged) that match a filter."""
        tag_status = criteria.get("tagStatus", "ANY") if criteria else "ANY"
        status = criteria.get("imageStatus", "ACTIVE") if criteria else "ANY"
        selection: list[tuple[Image, str | None]] = []
        for image in repository.images.values():
            tags = repository.tags_of(image.digest)
            if (tag_status == "TAGGED" and not tags) or (tag_status == "UNTAGGED" and tags):
                continue
            if status in ("ANY", image.status):
                selection += [(image, tag) for tag in tags] if tags else [(image, None)]
        return selection

    def describe_images(self, context: RequestContext, request: DescribeImagesRequest) -> DescribeImagesAnswer:
        repository = self._repository(context, request)
        if request.get("imageIds"):
            images = [
                self.store.find_image(repository, digest=image_id.get("imageDigest"), tag=image_id.get("imageTag"))
                for image_id in request["imageIds"]
            ]
        else:
            images = [image for image, _ in self._filtered(repository, request.get("filter"))]
        chosen, more = page(list({image.digest: image for image in images}.values()), request)
        return {"imageDetails": [self._detail(repository, image) for image in chosen], **more}

    def _detail(self, repository: Repository, image: Image) -> ImageDetailTypeDef:
        manifest = image.manifest
        detail: ImageDetailTypeDef = {
            "registryId": repository.registry,
            "repositoryName": repository.name,
            "imageDigest": image.digest,
            "imageSizeInBytes": image.size,
            "imagePushedAt": self._stamp(image.pushed_at),
            "imageManifestMediaType": manifest.media_type,
            "imageStatus": image.status,
        }
        tags = repository.tags_of(image.digest)
        if tags:
            detail["imageTags"] = list(tags)
        artifact = manifest.artifact_type or (manifest.config.media_type if manifest.config else None)
        if artifact is not None:
            detail["artifactMediaType"] = artifact
        if manifest.subject is not None:
            detail["subjectManifestDigest"] = manifest.subject
        if image.pulled_at is not None:
            detail["lastRecordedPullTime"] = self._stamp(image.pulled_at)
        if image.archived_at is not None:
            detail["lastArchivedAt"] = self._stamp(image.archived_at)
        if image.activated_at is not None:
            detail["lastActivatedAt"] = self._stamp(image.activated_at)
        if image.scan_status is not None:
            detail["imageScanStatus"] = _status(image)
            if image.scan_status == "COMPLETE" and image.scanned_at is not None:
                detail["imageScanFindingsSummary"] = {
                    "imageScanCompletedAt": self._stamp(image.scanned_at),
                    "findingSeverityCounts": {},
                }
        return detail

    def batch_delete_image(self, context: RequestContext, request: BatchDeleteImageRequest) -> BatchDeleteImageAnswer:
        repository = self._repository(context, request)
        deleted: list[ImageIdentifierTypeDef] = []
        failures: list[ImageFailureTypeDef] = []
        # Lists before their members, as one request may name both.
        for identity in sorted(request["imageIds"], key=lambda identity: not self._is_list(repository, identity)):
            image = self._identified(repository, identity)
            if not isinstance(image, Image):
                failures.append(image)
                continue
            tag, tags = identity.get("imageTag"), repository.tags_of(image.digest)
            if tag and not identity.get("imageDigest") and len(tags) > 1:
                del repository.tags[tag]
                deleted.append({"imageDigest": image.digest, "imageTag": tag})
                continue
            naming = repository.lists_naming(image.digest)
            if naming:
                failures.append(
                    _failure(
                        {"imageDigest": image.digest, **identity},
                        "ImageReferencedByManifestList",
                        f"Requested image referenced by manifest list: [{', '.join(naming)}]",
                    )
                )
                continue
            self.store.delete_image(repository, image.digest)
            deleted += [{"imageDigest": image.digest, "imageTag": tag} for tag in tags] or [
                {"imageDigest": image.digest}
            ]
        return {"imageIds": deleted, "failures": failures}

    def _is_list(self, repository: Repository, identity: ImageIdentifierTypeDef) -> bool:
        image = self._identified(repository, identity)
        return isinstance(image, Image) and bool(image.manifest.members)

    def update_image_storage_class(
        self, context: RequestContext, request: UpdateImageStorageClassRequest
    ) -> UpdateImageStorageClassAnswer:
        repository, identity = self._repository(context, request), request["imageId"]
        image = self.store.find_image(repository, digest=identity.get("imageDigest"), tag=identity.get("imageTag"))
        storage_class = StorageClass(request["targetStorageClass"].lower())
        if storage_class is not image.storage:
            image.storage = storage_class
            if storage_class is StorageClass.ARCHIVE:
                image.archived_at = self.site.clock.now()
            else:
                image.activated_at = self.site.clock.now()
        return {**self._named(repository, image, identity.get("imageTag")), "imageStatus": image.status}

    def list_image_referrers(
        self, context: RequestContext, request: ListImageReferrersRequest
    ) -> ListImageReferrersAnswer:
        repository = self._repository(context, request)
        referrers = self.referrers(repository, request["subjectId"]["imageDigest"])
        artifact_types = request.get("filter", {}).get("artifactTypes")
        chosen, more = page(
            [
                referrer
                for referrer in referrers
                if not artifact_types or referrer.get("artifactType") in artifact_types
            ],
            request,
            default=50,
        )
        return {"referrers": chosen, **more}

    def referrers(self, repository: Repository, digest: str) -> list[ImageReferrerTypeDef]:
        """Return the artifacts whose subject is `digest`."""
        referrers: list[ImageReferrerTypeDef] = []
        for image in repository.images.values():
            manifest = image.manifest
            if manifest.subject == digest:
                artifact = manifest.artifact_type or (manifest.config.media_type if manifest.config else None)
                referrer: ImageReferrerTypeDef = {
                    "digest": image.digest,
                    "mediaType": manifest.media_type,
                    "size": len(manifest.content),
                }
                if artifact:
                    referrer["artifactType"] = artifact
                referrers.append(referrer)
        return referrers

    # Scans.

    def start_image_scan(self, context: RequestContext, request: StartImageScanRequest) -> StartImageScanAnswer:
        repository, identity = self._repository(context, request), request["imageId"]
        image = self.store.find_image(repository, digest=identity.get("imageDigest"), tag=identity.get("imageTag"))
        if image.manifest.members:
            raise AwsError(
                "UnsupportedImageTypeException",
                f"The image of media type '{image.manifest.media_type}' cannot be scanned; scan the images it lists",
            )
        self._scan(repository, image)
        return {**self._named(repository, image, identity.get("imageTag")), "imageScanStatus": _status(image)}

    def describe_image_scan_findings(
        self, context: RequestContext, request: DescribeImageScanFindingsRequest
    ) -> DescribeImageScanFindingsAnswer:
        repository, identity = self._repository(context, request), request["imageId"]
        digest, tag = identity.get("imageDigest"), identity.get("imageTag")
        image = self.store.find_image(repository, digest=digest, tag=tag)
        if image.scan_status is None:
            raise errors.scan_not_found(digest or image.digest, tag, repository.name, repository.registry)
        answer: DescribeImageScanFindingsAnswer = {
            "registryId": repository.registry,
            "repositoryName": repository.name,
            "imageId": _identity(image.digest, tag),
            "imageScanStatus": _status(image),
        }
        if image.scan_status == "COMPLETE" and image.scanned_at is not None:
            answer["imageScanFindings"] = {
                "imageScanCompletedAt": self._stamp(image.scanned_at),
                "findings": [],
                "findingSeverityCounts": {},
            }
        return answer

    def _scan(self, repository: Repository, image: Image) -> None:
        image.scan_status = "IN_PROGRESS"
        self.site.loop.call_later(
            self.settings.scan_duration, lambda: self._scanned(repository, image), name=f"ecr scan {repository.name}"
        )

    def _scanned(self, repository: Repository, image: Image) -> None:
        image.scan_status, image.scanned_at = "COMPLETE", self.site.clock.now()
        if image.digest in repository.images:
            detail = {
                "scan-status": "COMPLETE",
                "repository-name": repository.name,
                "finding-severity-counts": {},
                "image-digest": image.digest,
                "image-tags": list(repository.tags_of(image.digest)),
            }
            self.site.events.publish(
                "aws.ecr", "ECR Image Scan", detail, resources=[repository.arn], region=repository.scope[1]
            )


def _identity(digest: str, tag: str | None = None) -> ImageIdentifierTypeDef:
    return {"imageDigest": digest, "imageTag": tag} if tag else {"imageDigest": digest}


def _status(image: Image) -> ImageScanStatusTypeDef:
    if image.scan_status == "COMPLETE":
        return {"status": image.scan_status, "description": _SCANNED}
    return {"status": image.scan_status or "PENDING"}


def _failure(identity: ImageIdentifierTypeDef, code: ImageFailureCodeType, reason: str) -> ImageFailureTypeDef:
    return {"imageId": identity.copy(), "failureCode": code, "failureReason": reason}
