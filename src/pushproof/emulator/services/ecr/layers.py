"""Operations on layers, for pushes that use the API instead of the registry's endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.services.ecr import manifests
from pushproof.emulator.services.ecr.base import EcrOperations

if TYPE_CHECKING:
    from types_boto3_ecr.type_defs import LayerFailureTypeDef, LayerTypeDef

    from pushproof.emulator.kernel.shapes.ecr import (
        BatchCheckLayerAvailabilityAnswer,
        BatchCheckLayerAvailabilityRequest,
        CompleteLayerUploadAnswer,
        CompleteLayerUploadRequest,
        GetDownloadUrlForLayerAnswer,
        GetDownloadUrlForLayerRequest,
        InitiateLayerUploadAnswer,
        InitiateLayerUploadRequest,
        UploadLayerPartAnswer,
        UploadLayerPartRequest,
    )


PART = 10 * 1024 * 1024


class LayerOperations(EcrOperations):
    """BatchCheckLayerAvailability to GetDownloadUrlForLayer."""

    def batch_check_layer_availability(
        self, context: RequestContext, request: BatchCheckLayerAvailabilityRequest
    ) -> BatchCheckLayerAvailabilityAnswer:
        repository = self._repository(context, request)
        layers: list[LayerTypeDef] = []
        failures: list[LayerFailureTypeDef] = []
        for digest in request["layerDigests"]:
            if not manifests.is_digest(digest):
                reason = "Invalid layer digest: expected sha256:<64 hexadecimal digits>"
                failures.append({"layerDigest": digest, "failureCode": "InvalidLayerDigest", "failureReason": reason})
            elif digest in repository.layers:
                size = repository.layers[digest]
                layers.append({"layerDigest": digest, "layerAvailability": "AVAILABLE", "layerSize": size})
            else:
                layers.append({"layerDigest": digest, "layerAvailability": "UNAVAILABLE"})
        return {"layers": layers, "failures": failures}

    def initiate_layer_upload(
        self, context: RequestContext, request: InitiateLayerUploadRequest
    ) -> InitiateLayerUploadAnswer:
        upload = self.store.begin_upload(self._repository(context, request))
        return {"uploadId": upload.id, "partSize": PART}

    def upload_layer_part(self, context: RequestContext, request: UploadLayerPartRequest) -> UploadLayerPartAnswer:
        repository = self._repository(context, request)
        upload = self.store.upload(repository, request["uploadId"])
        first, last, part = request["partFirstByte"], request["partLastByte"], request["layerPartBlob"]
        if first != upload.size or last - first + 1 != len(part):
            raise AwsError(
                "InvalidLayerPartException",
                f"The layer part from byte {first} to byte {last} is not valid: byte {upload.size} comes next, and "
                f"{len(part)} bytes were sent",
                **self._names(repository),
                uploadId=upload.id,
                lastValidByteReceived=upload.size - 1,
            )
        self.store.write(upload, [part])
        return {**self._names(repository), "uploadId": upload.id, "lastByteReceived": upload.size - 1}

    def complete_layer_upload(
        self, context: RequestContext, request: CompleteLayerUploadRequest
    ) -> CompleteLayerUploadAnswer:
        repository = self._repository(context, request)
        upload = self.store.upload(repository, request["uploadId"])
        digest = request["layerDigests"][0]
        if upload.size == 0:
            raise AwsError("EmptyUploadException", f"The upload with id '{upload.id}' has no layer parts.")
        if digest in repository.layers:
            self.store.cancel_upload(upload)
            raise AwsError(
                "LayerAlreadyExistsException",
                f"Layer with digest '{digest}' already exists in the repository with name '{repository.name}' "
                f"in the registry with id '{repository.registry}'",
            )
        self.store.complete_upload(repository, upload, digest)
        return {**self._names(repository), "uploadId": upload.id, "layerDigest": digest}

    def get_download_url_for_layer(
        self, context: RequestContext, request: GetDownloadUrlForLayerRequest
    ) -> GetDownloadUrlForLayerAnswer:
        repository, digest = self._repository(context, request), request["layerDigest"]
        self.store.layer_size(repository, digest)
        return {"downloadUrl": self.downloads.url(repository, digest), "layerDigest": digest}
