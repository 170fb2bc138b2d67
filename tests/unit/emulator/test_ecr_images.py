"""ECR's images and layers, by boto3 through the gateway, in process."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.core.request import Request

from pushproof.emulator.kernel.settings import EcrSettings, WorldSettings
from pushproof.emulator.kernel.tasks import PullError
from pushproof.emulator.world import World

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEX = "application/vnd.oci.image.index.v1+json"
DAY = 86_400.0


@pytest.fixture
def world() -> Iterator[World]:
    with World.virtual() as made:
        yield made


@pytest.fixture
def ecr(world: World) -> Any:
    client = world.administrator("ecr")
    client.create_repository(repositoryName="app")
    return client


def refused(call: Any, **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refusal:
        call(**arguments)
    error = refusal.value.response["Error"]
    return error["Code"], error["Message"]


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def upload(ecr: Any, content: bytes, name: str = "app", part: int = 7) -> str:
    """Upload a layer in parts, as the API has it."""
    begun = ecr.initiate_layer_upload(repositoryName=name)["uploadId"]
    for first in range(0, len(content), part):
        blob = content[first : first + part]
        ecr.upload_layer_part(
            repositoryName=name,
            uploadId=begun,
            partFirstByte=first,
            partLastByte=first + len(blob) - 1,
            layerPartBlob=blob,
        )
    digest: str = digest_of(content)
    with contextlib.suppress(ecr.exceptions.LayerAlreadyExistsException):
        ecr.complete_layer_upload(repositoryName=name, uploadId=begun, layerDigests=[digest])
    return digest


def manifest(ecr: Any, text: str, name: str = "app", **more: Any) -> str:
    """The manifest of an image whose one layer and label are made of `text`; its blobs are uploaded."""
    layer, config = f"layer {text}".encode(), json.dumps({"config": {"Labels": {"text": text}}}).encode()
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {
                "mediaType": "application/vnd.docker.container.image.v1+json",
                "size": len(config),
                "digest": upload(ecr, config, name),
            },
            "layers": [
                {
                    "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
                    "size": len(layer),
                    "digest": upload(ecr, layer, name),
                }
            ],
            **more,
        }
    )


def push(ecr: Any, text: str, *tags: str, name: str = "app") -> str:
    content = manifest(ecr, text, name)
    for tag in tags:
        ecr.put_image(repositoryName=name, imageManifest=content, imageTag=tag)
    if not tags:
        ecr.put_image(repositoryName=name, imageManifest=content)
    return digest_of(content.encode())


def tags_of(ecr: Any) -> dict[str, list[str]]:
    details = ecr.describe_images(repositoryName="app")["imageDetails"]
    return {one["imageDigest"]: one.get("imageTags", []) for one in details}


def test_push_and_read_back(world: World, ecr: Any) -> None:
    """An image put by its layers and manifest is listed, described and read back, and announced on the bus."""
    digest = push(ecr, "one", "v1")
    (detail,) = ecr.describe_images(repositoryName="app", imageIds=[{"imageTag": "v1"}])["imageDetails"]
    assert detail["imageDigest"] == digest
    assert detail["imageTags"] == ["v1"]
    assert detail["imageStatus"] == "ACTIVE"
    assert detail["imageSizeInBytes"] == len("layer one") + len('{"config": {"Labels": {"text": "one"}}}')
    assert "imageScanStatus" not in detail
    assert ecr.list_images(repositoryName="app")["imageIds"] == [{"imageDigest": digest, "imageTag": "v1"}]
    answer = ecr.batch_get_image(repositoryName="app", imageIds=[{"imageTag": "v1"}, {"imageTag": "none"}])
    assert digest_of(answer["images"][0]["imageManifest"].encode()) == digest
    assert answer["failures"][0]["failureCode"] == "ImageNotFound"
    event = world.bus.history[-1].envelope
    assert event["detail-type"] == "ECR Image Action"
    assert event["detail"] == {
        "result": "SUCCESS",
        "repository-name": "app",
        "image-digest": digest,
        "action-type": "PUSH",
        "image-tag": "v1",
    }


def test_mutable_tag_moves_and_leaves_an_untagged_image(ecr: Any) -> None:
    """The tag moves to the newer image in a mutable repository; the older image stays, without it."""
    first, second = push(ecr, "one", "latest"), push(ecr, "two", "latest")
    assert tags_of(ecr) == {first: [], second: ["latest"]}
    listed = ecr.list_images(repositoryName="app", filter={"tagStatus": "UNTAGGED"})["imageIds"]
    assert listed == [{"imageDigest": first}]
    code, _ = refused(ecr.put_image, repositoryName="app", imageManifest=manifest(ecr, "two"), imageTag="latest")
    assert code == "ImageAlreadyExistsException"


def test_immutable_tag_stays(ecr: Any) -> None:
    """An immutable tag is refused in ECR's words; excluded tags move freely."""
    ecr.put_image_tag_mutability(repositoryName="app", imageTagMutability="IMMUTABLE")
    push(ecr, "one", "v1")
    code, message = refused(ecr.put_image, repositoryName="app", imageManifest=manifest(ecr, "two"), imageTag="v1")
    assert code == "ImageTagAlreadyExistsException"
    assert message == (
        "The image tag 'v1' already exists in the 'app' repository and cannot be overwritten because the tag is immutable."
    )
    ecr.put_image_tag_mutability(
        repositoryName="app",
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "latest*"}],
    )
    push(ecr, "one", "latest-dev")
    push(ecr, "two", "latest-dev")
    assert refused(ecr.put_image, repositoryName="app", imageManifest=manifest(ecr, "two"), imageTag="v1")[0] == code


def test_same_image_under_an_immutable_tag_is_a_setting() -> None:
    """Pushing the very same image again is no overwriting with `immutable_accepts_same_digest`."""
    settings = WorldSettings(ecr=EcrSettings(immutable_accepts_same_digest=True))
    with World.virtual(settings) as world:
        ecr = world.administrator("ecr")
        ecr.create_repository(repositoryName="app", imageTagMutability="IMMUTABLE")
        push(ecr, "one", "v1")
        code, _ = refused(ecr.put_image, repositoryName="app", imageManifest=manifest(ecr, "one"), imageTag="v1")
        assert code == "ImageAlreadyExistsException"


def test_manifest_needs_its_layers_and_members(ecr: Any) -> None:
    """A manifest whose layers, or an index whose images, are not there is refused and names them."""
    absent = digest_of(b"nowhere")
    incomplete = json.loads(manifest(ecr, "one"))
    incomplete["layers"][0]["digest"] = absent
    code, message = refused(ecr.put_image, repositoryName="app", imageManifest=json.dumps(incomplete))
    assert code == "LayersNotFoundException"
    assert absent in message
    index = {
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [{"digest": absent, "size": 1, "mediaType": MANIFEST}],
    }
    assert refused(ecr.put_image, repositoryName="app", imageManifest=json.dumps(index))[0] == (
        "ReferencedImagesNotFoundException"
    )
    assert refused(ecr.put_image, repositoryName="app", imageManifest="no json")[0] == "InvalidParameterException"


def test_delete_by_tag_and_digest(world: World, ecr: Any) -> None:
    """Deleting one tag of two keeps the image, deleting the last tag or the digest removes it; lists hold their members."""
    digest = push(ecr, "one", "a", "b")
    assert ecr.batch_delete_image(repositoryName="app", imageIds=[{"imageTag": "a"}])["imageIds"] == [
        {"imageDigest": digest, "imageTag": "a"}
    ]
    assert tags_of(ecr) == {digest: ["b"]}
    member = {"digest": digest, "size": 1, "mediaType": MANIFEST}
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [member]})
    ecr.put_image(repositoryName="app", imageManifest=index, imageTag="all")
    (failure,) = ecr.batch_delete_image(repositoryName="app", imageIds=[{"imageDigest": digest}])["failures"]
    assert failure["failureCode"] == "ImageReferencedByManifestList"
    gone = ecr.batch_delete_image(repositoryName="app", imageIds=[{"imageDigest": digest}, {"imageTag": "all"}])
    assert gone["failures"] == []
    assert tags_of(ecr) == {}
    assert world.bus.history[-1].envelope["detail"]["action-type"] == "DELETE"
    (failure,) = ecr.batch_delete_image(repositoryName="app", imageIds=[{"imageTag": "a"}])["failures"]
    assert failure["failureCode"] == "ImageNotFound"


def test_repository_with_images_goes_only_by_force(ecr: Any) -> None:
    """DeleteRepository refuses a repository with images unless forced."""
    push(ecr, "one", "v1")
    code, message = refused(ecr.delete_repository, repositoryName="app")
    assert code == "RepositoryNotEmptyException"
    assert message == (
        "The repository with name 'app' in registry with id '123456789012' cannot be deleted because it still contains images"
    )
    ecr.delete_repository(repositoryName="app", force=True)
    assert refused(ecr.list_images, repositoryName="app")[0] == "RepositoryNotFoundException"


def test_layer_uploads_go_wrong(ecr: Any) -> None:
    """Parts out of order, unknown uploads, wrong digests and empty uploads are refused by their own errors."""
    begun = ecr.initiate_layer_upload(repositoryName="app")["uploadId"]
    part = {"repositoryName": "app", "uploadId": begun, "partFirstByte": 5, "partLastByte": 7, "layerPartBlob": b"abc"}
    assert refused(ecr.upload_layer_part, **part)[0] == "InvalidLayerPartException"
    complete = {"repositoryName": "app", "uploadId": begun, "layerDigests": [digest_of(b"abc")]}
    assert refused(ecr.complete_layer_upload, **complete)[0] == "EmptyUploadException"
    ecr.upload_layer_part(**{**part, "partFirstByte": 0, "partLastByte": 2, "layerPartBlob": b"xyz"})
    assert refused(ecr.complete_layer_upload, **complete)[0] == "InvalidLayerException"
    assert refused(ecr.complete_layer_upload, **complete)[0] == "UploadNotFoundException"
    upload(ecr, b"abc")
    checked = ecr.batch_check_layer_availability(
        repositoryName="app", layerDigests=[digest_of(b"abc"), digest_of(b"?"), "x" * 10]
    )
    assert [layer["layerAvailability"] for layer in checked["layers"]] == ["AVAILABLE", "UNAVAILABLE"]
    assert checked["failures"][0]["failureCode"] == "InvalidLayerDigest"


def test_layer_by_url(world: World, ecr: Any) -> None:
    """GetDownloadUrlForLayer gives a URL that needs no login, for an hour."""
    digest = upload(ecr, b"the layer's bytes")
    url = ecr.get_download_url_for_layer(repositoryName="app", layerDigest=digest)["downloadUrl"]
    assert world.gateway.handle(Request.from_primitives("GET", url, {})).get_data() == b"the layer's bytes"
    world.loop.advance(3601)  # type: ignore[attr-defined]
    assert world.gateway.handle(Request.from_primitives("GET", url, {})).status_code == 403


def test_scan_on_push_completes_and_owns_up(world: World, ecr: Any) -> None:
    """A scan on push completes with no findings, and its description says that nothing was searched for."""
    ecr.put_image_scanning_configuration(repositoryName="app", imageScanningConfiguration={"scanOnPush": True})
    push(ecr, "one", "v1")
    find = {"repositoryName": "app", "imageId": {"imageTag": "v1"}}
    assert ecr.describe_image_scan_findings(**find)["imageScanStatus"]["status"] == "IN_PROGRESS"
    world.loop.advance(31)  # type: ignore[attr-defined]
    found = ecr.describe_image_scan_findings(**find)
    assert found["imageScanStatus"]["status"] == "COMPLETE"
    assert "no vulnerability database" in found["imageScanStatus"]["description"]
    assert found["imageScanFindings"]["findings"] == []
    assert world.bus.history[-1].envelope["detail-type"] == "ECR Image Scan"


def test_scan_that_never_was(ecr: Any) -> None:
    """Findings do not exist without a scan; a scan by hand creates them."""
    push(ecr, "one", "v1")
    find = {"repositoryName": "app", "imageId": {"imageTag": "v1"}}
    assert refused(ecr.describe_image_scan_findings, **find)[0] == "ScanNotFoundException"
    assert ecr.start_image_scan(**find)["imageScanStatus"]["status"] == "IN_PROGRESS"


def test_archive_and_restore(ecr: Any) -> None:
    """An archived image is shown as such and cannot be read until it is restored."""
    digest = push(ecr, "one", "v1")
    change = {"repositoryName": "app", "imageId": {"imageTag": "v1"}}
    assert ecr.update_image_storage_class(**change, targetStorageClass="ARCHIVE")["imageStatus"] == "ARCHIVED"
    (failure,) = ecr.batch_get_image(repositoryName="app", imageIds=[{"imageDigest": digest}])["failures"]
    assert failure["failureCode"] == "ImageInaccessible"
    assert ecr.update_image_storage_class(**change, targetStorageClass="STANDARD")["imageStatus"] == "ACTIVE"


def test_resolve_for_runtimes(world: World, ecr: Any) -> None:
    """A reference to the registry, in any of its names, is resolved to digest, configuration and labels; others are not ours."""
    digest = push(ecr, "one", "v1")
    for reference in (
        f"{world.registry_host}/app:v1",
        f"{world.registry_host}/app@{digest}",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:v1",
    ):
        found = world.registry.resolve(reference)
        assert (found.digest, found.labels) == (digest, {"text": "one"})
        assert found.pull_reference.startswith(f"{world.registry_host}/app")
    assert world.registry.resolve("nginx:1.27") is None
    assert world.registry.resolve("ghcr.io/some/app:v1") is None
    with pytest.raises(PullError, match="not found"):
        world.registry.resolve(f"{world.registry_host}/app:none")
    with pytest.raises(PullError, match="401"):
        world.registry.resolve(f"{world.registry_host}/app:v1", ("AWS", "made up"))


def rules(*selections: dict[str, Any]) -> str:
    return json.dumps(
        {
            "rules": [
                {"rulePriority": number, "selection": selection, "action": {"type": "expire"}, "description": "x" * 60}
                for number, selection in enumerate(selections, 1)
            ]
        }
    )


KEEP_TWO = {"tagStatus": "tagged", "tagPrefixList": ["dev-"], "countType": "imageCountMoreThan", "countNumber": 2}
UNTAGGED = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 1}


def test_lifecycle_policy_is_kept_and_checked(ecr: Any) -> None:
    """A policy is shown as it was put, a bad one refused in ECR's words, and its absence has its own error."""
    code, message = refused(ecr.get_lifecycle_policy, repositoryName="app")
    assert (code, message) == (
        "LifecyclePolicyNotFoundException",
        "Lifecycle policy does not exist for the repository with name 'app' in the registry with id '123456789012'",
    )
    ecr.put_lifecycle_policy(repositoryName="app", lifecyclePolicyText=rules(KEEP_TWO, UNTAGGED))
    assert ecr.get_lifecycle_policy(repositoryName="app")["lifecyclePolicyText"] == rules(KEEP_TWO, UNTAGGED)
    code, message = refused(
        ecr.put_lifecycle_policy, repositoryName="app", lifecyclePolicyText=rules(UNTAGGED, UNTAGGED)
    )
    assert code == "InvalidParameterException"
    assert message.endswith(
        "'Lifecycle policy validation failure: Only one rule can select Untagged images per storage class.'"
    )
    ecr.delete_lifecycle_policy(repositoryName="app")
    assert refused(ecr.delete_lifecycle_policy, repositoryName="app")[0] == "LifecyclePolicyNotFoundException"


def test_lifecycle_preview_then_the_day_it_happens(world: World, ecr: Any) -> None:
    """The preview lists the images that will expire, each with its rule; within a day of AWS time they expire, and not before."""
    loop: Any = world.loop
    digests = []
    for number in range(4):
        digests.append(push(ecr, str(number), f"dev-{number}"))
        loop.advance(60)
    ecr.put_lifecycle_policy(repositoryName="app", lifecyclePolicyText=rules(KEEP_TWO, UNTAGGED))
    assert (
        refused(ecr.get_lifecycle_policy_preview, repositoryName="app")[0] == "LifecyclePolicyPreviewNotFoundException"
    )
    assert ecr.start_lifecycle_policy_preview(repositoryName="app")["status"] == "IN_PROGRESS"
    assert refused(ecr.start_lifecycle_policy_preview, repositoryName="app")[0] == (
        "LifecyclePolicyPreviewInProgressException"
    )
    loop.advance(10)
    preview = ecr.get_lifecycle_policy_preview(repositoryName="app")
    assert preview["status"] == "COMPLETE"
    assert preview["summary"] == {"expiringImageTotalCount": 2}
    assert [(result["imageDigest"], result["appliedRulePriority"]) for result in preview["previewResults"]] == [
        (digests[0], 1),
        (digests[1], 1),
    ]
    assert len(tags_of(ecr)) == 4
    loop.advance(DAY)
    assert list(tags_of(ecr)) == digests[2:]
    assert ecr.get_lifecycle_policy(repositoryName="app")["lastEvaluatedAt"]


def test_lifecycle_on_demand(world: World, ecr: Any) -> None:
    """Applying the policies by hand says what was done, by which rule and why."""
    first = push(ecr, "one", "latest")
    push(ecr, "two", "latest")
    world.loop.advance(DAY / 2)  # type: ignore[attr-defined]
    ecr.put_lifecycle_policy(repositoryName="app", lifecyclePolicyText=rules(UNTAGGED))
    service = world.services["ecr"]
    assert service.apply_lifecycle_policies() == []
    world.loop.advance(DAY / 2 - 1)  # type: ignore[attr-defined]
    service.store.repository(("123456789012", "eu-west-1"), "app").images[first].pushed_at -= 10
    (act,) = service.apply_lifecycle_policies("app")
    assert (act.digest, act.rule_priority, act.action) == (first, 1, "expire")
    assert "untagged images" in act.why
