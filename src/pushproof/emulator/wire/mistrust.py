"""Refusals of signatures, in the words of the service that a request is for.

Sources: https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html,
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html; for JSON
https://github.com/mhart/kinesalite/blob/master/test/connection.js, which has it from AWS. "Signature expired" is as in
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
"""

from __future__ import annotations

import functools

from moto.core.request import Request

from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.wire.plain import protocol_of

_UNKNOWN = "The security token included in the request is invalid."
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing "
    "method. Consult the service documentation for details."
)
_EC2 = "AWS was not able to validate the provided access credentials"


class Mistrust:
    """The refusals of signatures for one request."""

    def __init__(self, request: Request, service: str) -> None:
        self._request = request
        self._service = service

    @functools.cached_property
    def _spoken(self) -> str:
        return protocol_of(self._request, self._service)

    @property
    def _targeted(self) -> bool:
        return bool(self._request.headers.get("X-Amz-Target")) or self._spoken == "cbor"

    @property
    def s3(self) -> bool:
        """Return whether the request is for S3, which has rules of its own."""
        return self._service == "s3" and self._spoken == "s3"

    def _worded(self, query: str, json: str, message: str, status: int = 403) -> AwsError:
        """Return the error of a service without words of its own: JSON's are always a 400."""
        if self._spoken in ("json", "cbor"):
            return AwsError(json, message, 400 if self._targeted else status)
        return AwsError(query, message, status)

    def unknown(self) -> AwsError:
        """Refuse a key that was never issued, or a session's key without its token."""
        if self.s3:
            words = "The AWS Access Key Id you provided does not exist in our records."
            return AwsError("InvalidAccessKeyId", words, 403)
        if self._spoken == "ec2":
            return AwsError("AuthFailure", _EC2, 401)
        return self._worded("InvalidClientTokenId", "UnrecognizedClientException", _UNKNOWN)

    def wrong_token(self) -> AwsError:
        """Refuse a session token that does not belong to the key."""
        if self.s3:
            return AwsError("InvalidToken", "The provided token is malformed or otherwise invalid.", 400)
        return self.unknown()

    def expired(self) -> AwsError:
        """Refuse a session that has ended."""
        if self.s3:
            return AwsError("ExpiredToken", "The provided token has expired.", 400)
        if self._spoken == "ec2":
            return AwsError("RequestExpired", "Request has expired.", 400)
        words = "The security token included in the request is expired"
        return self._worded("ExpiredToken", "ExpiredTokenException", words)

    def mismatch(self, words: str = _MISMATCH) -> AwsError:
        """Refuse a signature that does not match the request."""
        if self.s3:
            words = f"{_MISMATCH.partition(' Check ')[0]} Check your key and signing method."
            return AwsError("SignatureDoesNotMatch", words, 403)
        if self._spoken == "ec2":
            return AwsError("AuthFailure", _EC2, 401)
        return self._worded("SignatureDoesNotMatch", "InvalidSignatureException", words)

    def misplaced(self, region: str) -> AwsError:
        """Refuse a credential whose scope names what cannot be a region."""
        if self.s3:
            words = f"The authorization header is malformed; the region '{region}' is wrong"
            return AwsError("AuthorizationHeaderMalformed", words, 400)
        return self.mismatch(f"Credential should be scoped to a valid region, not '{region}'.")

    def skewed(self, words: str) -> AwsError:
        """Refuse a request that was signed too long ago or in the future; `words` are those of most services."""
        if self.s3:
            difference = "The difference between the request time and the current time is too large."
            return AwsError("RequestTimeTooSkewed", difference, 403)
        if self._spoken == "ec2":
            return AwsError("RequestExpired", "Request has expired.", 400)
        return self.mismatch(words)

    def lapsed(self, words: str) -> AwsError:
        """Refuse a presigned URL whose time is over, or has not come."""
        if self.s3:
            return AwsError("AccessDenied", words, 403)
        return self.skewed(words)

    def incomplete(self, words: str, *, query: bool = False) -> AwsError:
        """Refuse a signature that lacks a part."""
        if self.s3:
            code = "AuthorizationQueryParametersError" if query else "AuthorizationHeaderMalformed"
            words = words if query else f"The authorization header is malformed; {words}"
            return AwsError(code, words, 400)
        return self._worded("IncompleteSignature", "IncompleteSignatureException", words, 400)

    def unsigned_header(self, name: str) -> AwsError:
        """Refuse a header that has an effect and was not signed."""
        if self.s3:
            return AwsError("AccessDenied", "There were headers present in the request which were not signed", 403)
        label = "'Host' or ':authority'" if name == "host" else f"'{name}'"
        return self.mismatch(f"{label} must be a 'SignedHeader' in the AWS Authorization.")

    def other_body(self) -> AwsError:
        """Refuse a body other than the signed one."""
        if self.s3:
            words = "The provided 'x-amz-content-sha256' header does not match what was computed."
            return AwsError("XAmzContentSHA256Mismatch", words, 400)
        return self.mismatch()

    def missing_hash(self) -> AwsError:
        """Refuse a request to S3 without a hash of its body."""
        return AwsError("InvalidRequest", "Missing required header for this request: x-amz-content-sha256", 400)

    def wrong_hash(self) -> AwsError:
        """Refuse an invalid hash of the body."""
        if self.s3:
            words = "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, or a valid sha256 value."
            return AwsError("InvalidArgument", words, 400)
        return self.mismatch()

    def two_signatures(self) -> AwsError:
        """Refuse a request that is signed in its header and in its query."""
        if self.s3:
            words = (
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or "
                "the Authorization header should be specified"
            )
            return AwsError("InvalidArgument", words, 400)
        return self.mismatch("Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.")

    def missing(self) -> AwsError:
        """Refuse a request without a signature."""
        if self.s3:
            return AwsError("AccessDenied", "Access Denied", 403)
        if self._spoken == "ec2":
            return AwsError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
        json = self._spoken in ("json", "cbor")
        words = "Missing Authentication Token" if json else "Request is missing Authentication Token"
        return self._worded("MissingAuthenticationToken", "MissingAuthenticationTokenException", words)
