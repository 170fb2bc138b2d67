"""ECR's errors, in ECR's words.

Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/CommonErrors.html and the errors of each operation there.
"""

from __future__ import annotations

from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.errors import invalid_parameter as invalid


def repository_not_found(name: str, registry: str) -> AwsError:
    return AwsError(
        "RepositoryNotFoundException",
        f"The repository with name '{name}' does not exist in the registry with id '{registry}'",
    )


def repository_exists(name: str, registry: str) -> AwsError:
    return AwsError(
        "RepositoryAlreadyExistsException",
        f"The repository with name '{name}' already exists in the registry with id '{registry}'",
    )


def repository_not_empty(name: str, registry: str) -> AwsError:
    return AwsError(
        "RepositoryNotEmptyException",
        f"The repository with name '{name}' in registry with id '{registry}' cannot be deleted because it still "
        f"contains images",
    )


def tag_immutable(tag: str, name: str) -> AwsError:
    return AwsError(
        "ImageTagAlreadyExistsException",
        f"The image tag '{tag}' already exists in the '{name}' repository and cannot be overwritten because the tag "
        f"is immutable.",
    )


def image_exists(digest: str, tag: str | None, name: str, registry: str) -> AwsError:
    tagged = f" and tag '{tag}'" if tag else ""
    return AwsError(
        "ImageAlreadyExistsException",
        f"Image with digest '{digest}'{tagged} already exists in the repository with name '{name}' "
        f"in registry with id '{registry}'",
    )


def image_not_found(digest: str | None, tag: str | None, name: str, registry: str) -> AwsError:
    return AwsError(
        "ImageNotFoundException",
        f"The image with imageId {image_id(digest, tag)} does not exist within the repository with name '{name}' "
        f"in the registry with id '{registry}'",
    )


def scan_not_found(digest: str, tag: str | None, name: str, registry: str) -> AwsError:
    return AwsError(
        "ScanNotFoundException",
        f"Image scan does not exist for the image with '{image_id(digest, tag)}' in the repository with name '{name}' "
        f"in the registry with id '{registry}'",
    )


def policy_not_found(kind: str, name: str, registry: str) -> AwsError:
    """Return the error for a missing policy; `kind` is Lifecycle or Repository."""
    return AwsError(
        f"{kind}PolicyNotFoundException",
        f"{kind} policy does not exist for the repository with name '{name}' in the registry with id '{registry}'",
    )


def layers_missing(digests: list[str], name: str, registry: str) -> AwsError:
    return AwsError(
        "LayersNotFoundException",
        f"Layers with digests '[{', '.join(digests)}]' required for pushing image into repository with name '{name}' "
        f"in the registry with id '{registry}' do not exist",
    )


def images_missing(digests: list[str], name: str, registry: str) -> AwsError:
    return AwsError(
        "ReferencedImagesNotFoundException",
        f"Images with digests '[{', '.join(digests)}]' required for pushing image into repository with name '{name}' "
        f"in the registry with id '{registry}' do not exist",
    )


def upload_not_found(upload: str, name: str, registry: str) -> AwsError:
    return AwsError(
        "UploadNotFoundException",
        f"The upload with id '{upload}' does not exist in the repository with name '{name}' "
        f"in the registry with id '{registry}'",
    )


def layer_digest_mismatch(expected: str, actual: str) -> AwsError:
    return AwsError("InvalidLayerException", f"The layer's digest is '{actual}', not '{expected}' as the request says")


def image_id(digest: str | None, tag: str | None) -> str:
    """Format an image identifier as ECR does in messages."""
    return f"{{imageDigest:'{digest or 'null'}', imageTag:'{tag or 'null'}'}}"


__all__ = ["invalid"]
