"""AWS's wire protocols, driven by botocore's service models.

The operation of a request, its parameters, and the form of an answer or an error: routing, parsing and
serialising come from moto's model-driven core; botocore's own validator checks parameters.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.model import OperationModel
from moto.core.request import Request
from moto.core.routing import get_router_class
from moto.core.serialize import SerializationContext
from moto.core.utils import get_service_model
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from pushproof.emulator.kernel.constraints import Kind, code_of, violations, worded
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.hastening import hasten, serializer_of
from pushproof.emulator.kernel.reading import check_form, malformed_xml, parameters_of
from pushproof.emulator.kernel.signing import services_signed_as

# Signing names that differ from botocore's service name.
_SIGNING_NAMES = {
    "elasticloadbalancing": "elbv2",
    "monitoring": "cloudwatch",
    "tagging": "resourcegroupstaggingapi",
    "states": "stepfunctions",
    "email": "ses",
    "execute-api": "apigatewaymanagementapi",
    # Names in signatures of clients of S3: for directory buckets, and for functions that transform objects in transit.
    "s3express": "s3",
    "s3-object-lambda": "s3",
}
# https://www.w3.org/TR/xml/#charsets
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SCOPE = re.compile(r"Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request")


@dataclass(frozen=True, slots=True)
class Signature:
    """The SigV4 scope of a request: access key, region and service. It is read here, and verified by the gateway.

    `signed` is the service's name as signatures have it, `service` botocore's.
    """

    access_key_id: str
    region: str
    service: str
    signed: str = ""


@dataclass(frozen=True, slots=True)
class ParsedCall:
    """A request recognised as an operation of a service, with its parameters under botocore's member names."""

    service: str
    operation: str
    protocol: str
    parameters: dict[str, Any]
    model: Any


def signature_of(request: Request) -> Signature | None:
    """Return the SigV4 credential scope of a request, from its header or a presigned URL; None if there is none.

    Raises AwsError for a signature without a scope.
    """
    text = request.headers.get("Authorization", "")
    match = _SCOPE.search(text)
    if match is None:
        if text.startswith("AWS4-"):
            # https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
            raise AwsError("IncompleteSignature", "Authorization header requires 'Credential' parameter.", 400)
        credential = request.args.get("X-Amz-Credential")
        match = _SCOPE.search(f"Credential={credential}") if credential else None
    if match is None:
        return None
    access_key, _, region, name = match.groups()
    return Signature(access_key, region, botocore_name(name), name)


def unsigned_service(request: Request) -> str:
    """Return the service of an unsigned request. Raises AwsError where AWS accepts none without a signature.

    Sources: https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html (MissingAuthenticationToken); for JSON
    https://github.com/mhart/kinesalite/blob/master/test/connection.js, which has it from AWS.
    """
    if request.headers.get("X-Amz-Target") or request.headers.get("smithy-protocol"):
        if not request.headers.get("X-Amz-Target", "").startswith("AWSCognito"):
            raise AwsError("MissingAuthenticationTokenException", "Missing Authentication Token", 400)
        return "unsigned"
    action = request.values.get("Action", "") if request.method == "POST" else request.args.get("Action", "")
    if action in _BY_LINK:
        return "sns"
    if action.startswith("AssumeRoleWith"):
        return "sts"
    if action and request.path == "/":
        raise AwsError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
    return "s3"


# Cognito's calls for an application's users, who have no keys.
_OF_USERS = {"AWSCognitoIdentityProviderService": "cognito-idp", "AWSCognitoIdentityService": "cognito-identity"}


def is_public(request: Request) -> bool:
    """Return whether an unsigned request needs no signature, according to AWS's own model."""
    prefix, _, operation = request.headers.get("X-Amz-Target", "").rpartition(".")
    service = _OF_USERS.get(prefix)
    if service is None:
        return False
    model = service_model(service)
    if operation not in model.operation_names:
        return False
    return bool(model.operation_model(operation).auth_type == "none")


def botocore_name(signing_name: str) -> str:
    """Return the botocore service name for a signing name."""
    return _SIGNING_NAMES.get(signing_name, signing_name)


@functools.cache
def service_model(service: str) -> Any:
    """Return the botocore model of a service; raise `AwsError` if botocore has none of that name."""
    from botocore.exceptions import DataNotFoundError, UnknownServiceError

    try:
        return get_service_model(service)
    except (UnknownServiceError, DataNotFoundError):
        raise UnknownService("UnknownService", f"botocore has no service model named {service!r}", 400) from None


class UnknownService(AwsError):
    """A service without a botocore model."""


class UnknownOperation(AwsError):
    """A request that is none of its service's operations. `of_a_path`: method and path would have determined it."""

    of_a_path = False


def route(service: str, request: Request) -> tuple[Any, dict[str, Any], str]:
    """Return the operation model of a request, its URI parameters, and its protocol.

    Raises UnknownOperation, in AWS's words for the protocol, if the request is none of the service's operations.
    """
    model = service_model(service)
    spoken = _protocol(model, request)
    if spoken in ("query", "ec2"):
        _check_action(model, spoken, request)
    elif spoken == "json":
        _align_target(model, request)
    try:
        operation, uri = _router(service, spoken).match(request)
    except NotFound:
        raise _unknown_operation(service, spoken, request) from None
    return operation, uri, spoken


@functools.cache
def _router(service: str, spoken: str) -> Any:
    router = get_router_class(service, spoken)
    if router is None:
        raise NotImplementedError(f"{service}: no router for {spoken}")
    return router(service_model(service))


def _protocol(model: Any, request: Request) -> str:
    """Return the protocol of a request, among those of its service."""
    speaks: list[str] = model.metadata.get("protocols") or [model.metadata["protocol"]]
    if len(speaks) == 1:
        return speaks[0] if speaks[0] in _READ else "json"
    if "json" in speaks and (
        request.headers.get("X-Amz-Target") or request.mimetype != "application/x-www-form-urlencoded"
    ):
        return "json"
    return next((name for name in ("query", *speaks) if name in speaks and name in _READ), "json")


# Links that SNS itself sends to endpoints (SubscribeURL, UnsubscribeURL). They carry no version.
_BY_LINK = frozenset({"ConfirmSubscription", "Unsubscribe"})
_READ = frozenset({"ec2", "json", "query", "rest-json", "rest-xml"})


def _check_action(model: Any, spoken: str, request: Request) -> None:
    """Raise UnknownOperation, in AWS's words, unless a form contains an action of its service, and a version.

    Sources: https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html,
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
    """
    check_form(request)
    action, version = request.values.get("Action", ""), request.values.get("Version", "")
    if action in _BY_LINK:
        version = version or model.api_version
    exists = action in model.operation_names
    if spoken == "ec2":
        if not action:
            raise UnknownOperation("MissingAction", "The request must contain the parameter Action", 400)
        if not exists:
            raise UnknownOperation("InvalidAction", f"The action {action} is not valid for this web service.", 400)
        if not version:
            raise UnknownOperation("MissingParameter", "The request must contain the parameter Version", 400)
    elif not action:
        raise UnknownOperation("MissingAction", "The request must contain the parameter Action", 400)
    elif not exists or not version:
        words = f"Could not find operation {action} for version {version or 'NO_VERSION_SPECIFIED'}"
        raise UnknownOperation("InvalidAction", words, 400)


def _unknown_operation(service: str, spoken: str, request: Request) -> UnknownOperation:
    target = request.headers.get("X-Amz-Target")
    if spoken == "json":
        # 400: https://github.com/mhart/kinesalite/blob/master/test/connection.js has it from AWS.
        call = target or "a request without X-Amz-Target"
        return UnknownOperation("UnknownOperationException", f"{service} has no operation for {call}", 400)
    call = f"{request.method} {request.path}"
    unknown = UnknownOperation("UnknownOperationException", f"{service} has no operation for {call}", 404)
    unknown.of_a_path = True
    return unknown


def _align_target(model: Any, request: Request) -> None:
    """Replace the prefix of `X-Amz-Target` with botocore's own: SDKs use different ones (CodeConnections has two)."""
    prefix, target = model.metadata.get("targetPrefix"), request.headers.get("X-Amz-Target", "")
    operation = target.rpartition(".")[2]
    if prefix and operation in model.operation_names and target != f"{prefix}.{operation}":
        request.environ["HTTP_X_AMZ_TARGET"] = f"{prefix}.{operation}"


def parse(service: str, request: Request) -> ParsedCall:
    """Recognise and parse a request. Raises AwsError for an unknown operation or a body that does not match the model."""
    operation, uri, spoken = route(service, request)
    if operation.input_shape is None:
        return ParsedCall(service, operation.name, spoken, {}, operation)
    parameters = parameters_of(operation, uri, spoken, request)
    if service == "s3" and not _BUCKET.fullmatch(str(parameters.get("Bucket", "a"))):
        # https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
        raise AwsError("InvalidBucketName", "The specified bucket is not valid.", 400)
    return ParsedCall(service, operation.name, spoken, parameters, operation)


# A bucket's name at its most liberal, or an access point's ARN, by the patterns of botocore's client (botocore.handlers).
_BUCKET = re.compile(
    r"[a-zA-Z0-9._-]{1,255}"
    r"|arn:aws[a-z-]*:(?:s3|s3-object-lambda):[a-z0-9-]*:[0-9]{12}:accesspoint[/:][a-zA-Z0-9.-]{1,63}"
    r"|arn:aws[a-z-]*:s3-outposts:[a-z0-9-]+:[0-9]{12}:outpost[/:][a-zA-Z0-9-]{1,63}[/:]accesspoint[/:][a-zA-Z0-9-]{1,63}",
    re.ASCII,
)
# Operations of S3 on the path of another one; only the name in the signature separates them.
_BY_SIGNATURE = {
    ("s3express", "GET", "/"): "ListDirectoryBuckets",
    ("s3-object-lambda", "POST", "/WriteGetObjectResponse"): "WriteGetObjectResponse",
}


def parse_signed(service: str, signed: str, request: Request) -> ParsedCall:
    """Recognise a request among all services that share a signing name (as `ses` and `sesv2` do), `service` first."""
    told_by_signature = _BY_SIGNATURE.get((signed, request.method, request.path))
    if told_by_signature is not None:
        operation = service_model(service).operation_model(told_by_signature)
        return ParsedCall(service, operation.name, "rest-xml", {}, operation)
    try:
        return parse(service, request)
    except (UnknownOperation, UnknownService) as error:
        first = error
    for other in services_signed_as(signed):
        if other != service:
            try:
                return parse(other, request)
            except (UnknownOperation, UnknownService):
                continue
    raise first


def validate(call: ParsedCall, *, required_only: bool = False) -> None:
    """Check parameters against the model. Raises AwsError, with the service's code, for all that are missing or wrong."""
    shape = call.model.input_shape
    if shape is None:
        return
    kinds = Kind.REQUIRED if required_only else Kind.REQUIRED | Kind.LIMITS
    problems = list(violations(shape, call.parameters, kinds=kinds))
    if not problems:
        return
    if call.service == "s3":
        raise malformed_xml()
    if call.protocol == "ec2":
        # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
        name = problems[0].partition(" at '")[2].partition("'")[0]
        raise AwsError("MissingParameter", f"The request must contain the parameter {name}", 400)
    raise AwsError(code_of(call.service, call.protocol, _codes(call.model)), worded(problems), 400)


def check_limits(service: str, operation: str, parameters: Mapping[str, object], *, echo: bool = True) -> None:
    """Raise AwsError, with the service's code, for every limit of the model that parameters of an operation exceed.

    `echo`: whether the service repeats the value and lists an enumeration, as most services do and IAM does not.
    """
    model = service_model(service)
    operation_model = model.operation_model(operation)
    shape = operation_model.input_shape
    messages = list(violations(shape, parameters, kinds=Kind.LIMITS, echo=echo)) if shape is not None else []
    if messages:
        code = code_of(service, str(model.metadata["protocol"]), _codes(operation_model), limit=True)
        raise AwsError(code, worded(messages), 400)


def _codes(operation: OperationModel) -> set[str]:
    return {str(getattr(error, "error_code", error.name)) for error in operation.error_shapes}


def for_xml(text: str) -> str:
    """Replace characters that XML cannot represent: a client could read nothing of an answer that contains one."""
    return _NOT_IN_XML.sub("\ufffd", text)


def _own_status(call: ParsedCall, result: Mapping[str, object]) -> int | None:
    """Return the status that an answer has in a member of its own, as that of Lambda's Invoke; None if it has none."""
    shape = call.model.output_shape
    for name, member in getattr(shape, "members", {}).items() if shape is not None else ():
        if member.serialization.get("location") == "statusCode":
            value = result.get(name)
            return value if isinstance(value, int) else None
    return None


def serialise(call: ParsedCall, result: Mapping[str, object] | AwsError, request_id: str) -> Response:
    """Serialise an answer, or an error, in the protocol of the request."""
    hasten()
    serializer = serializer_of(call.service, call.protocol, call.model, SerializationContext(request_id))
    if isinstance(result, AwsError):
        import warnings

        with warnings.catch_warnings():
            # AWS also uses codes that a model does not list (AccessDeniedException for most).
            warnings.simplefilter("ignore")
            written = serializer.serialize(result)
        status = result.status or written["status_code"]
    else:
        written = serializer.serialize(result)
        status = _own_status(call, result) or written["status_code"]
    body = written["body"]
    if call.protocol in ("query", "ec2", "rest-xml") and isinstance(body, str):
        body = for_xml(body)
    headers: list[tuple[str, str]] = list(written["headers"].items())
    if not any(name.lower() == "x-amzn-requestid" for name, _ in headers):
        headers.append(("x-amzn-RequestId", request_id))
    return Response(body, status=status, headers=headers)
