"""The registry's errors, in the form of OCI clients, with ECR's texts.

Source: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
"""

from __future__ import annotations

import json

from werkzeug.wrappers import Response

from pushproof.emulator.kernel.errors import AwsError


class RegistryError(Exception):
    """An answer of the form `{"errors": [{"code", "message"}]}`."""

    def __init__(self, status: int, code: str, message: str, **headers: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def response(self) -> Response:
        body = json.dumps({"errors": [{"code": self.code, "message": self.message}]}) + "\n"
        return Response(body, status=self.status, headers=self.headers, content_type="application/json; charset=utf-8")


_FROM_AWS = {
    "RepositoryNotFoundException": (404, "NAME_UNKNOWN"),
    "ImageNotFoundException": (404, "MANIFEST_UNKNOWN"),
    "ImageTagAlreadyExistsException": (400, "TAG_INVALID"),
    "ReferencedImagesNotFoundException": (400, "MANIFEST_BLOB_UNKNOWN"),
    "LayersNotFoundException": (404, "BLOB_UNKNOWN"),
    "UploadNotFoundException": (404, "BLOB_UPLOAD_UNKNOWN"),
    "InvalidLayerException": (400, "DIGEST_INVALID"),
    "InvalidParameterException": (400, "TAG_INVALID"),
    "AccessDeniedException": (403, "DENIED"),
    "NotImplemented": (405, "UNSUPPORTED"),
}


def from_aws(error: AwsError) -> RegistryError:
    """Convert an API error to the registry's; an error without a code of its own there is DENIED or UNKNOWN."""
    status, code = _FROM_AWS.get(error.code, (error.status or 400, "UNKNOWN"))
    if error.status == 403:
        status, code = 403, "DENIED"
    return RegistryError(status, code, error.message)
