"""Code of functions: taken from the request or from S3, and refused as Lambda refuses it.

https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from pushproof.emulator.kernel.archives import UnsafeArchive, examined
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError

if TYPE_CHECKING:
    from pushproof.emulator.kernel.site import Site

    from .shapes import Code

MOST_UNZIPPED = 262_144_000
_MOST_ZIPPED = 52_428_800
_NOT_A_ZIP = "Could not unzip uploaded file. Please check your file, then try to upload again."


def content_of(site: Site, context: RequestContext, code: Code | Mapping[str, object]) -> bytes | None:
    """Return the zip of a request; None for an image. Raises AwsError, as Lambda words it."""
    content = code.get("ZipFile")
    if isinstance(content, bytes):
        if len(content) > _MOST_ZIPPED:
            raise AwsError("RequestEntityTooLargeException", "Request must be smaller than 70167211 bytes", 413)
    elif code.get("S3Bucket") and code.get("S3Key"):
        version = code.get("S3ObjectVersion")
        content = _object(site, context, str(code["S3Bucket"]), str(code["S3Key"]), str(version) if version else "")
    else:
        return None
    try:
        examined(content, MOST_UNZIPPED)
    except UnsafeArchive as error:
        if "unpacks to" in str(error):
            raise refused(f"Unzipped size must be smaller than {MOST_UNZIPPED} bytes") from error
        raise refused(_NOT_A_ZIP) from error
    return content


def _object(site: Site, context: RequestContext, bucket: str, key: str, version: str) -> bytes:
    action = "s3:GetObjectVersion" if version else "s3:GetObject"
    try:
        site.permissions.require(context.principal, action, f"arn:aws:s3:::{bucket}/{key}", region=context.region)
    except AwsError as error:
        raise AwsError(
            "AccessDeniedException",
            "Your access has been denied by S3, please make sure your request credentials have permission to GetObject for "
            f"{bucket}/{key}. S3 Error Code: AccessDenied. S3 Error Message: Access Denied",
            403,
        ) from error
    s3 = site.substrate.client("s3", context.region)
    try:
        if version:
            return s3.get_object(Bucket=bucket, Key=key, VersionId=version)["Body"].read()
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        details = error.response["Error"]
        raise refused(
            f"Error occurred while GetObject. S3 Error Code: {details['Code']}. S3 Error Message: {details['Message']}"
        ) from error


def refused(message: str) -> AwsError:
    """Return Lambda's error for a parameter that it does not take."""
    return AwsError("InvalidParameterValueException", message, 400)
