"""AWS's wire protocols, driven by botocore's service models.

Which operation a request is, what its parameters are, and how an answer or an error is written: routing, parsing and
serialising come from moto's model-driven core; botocore's own validator checks parameters.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Any

from botocore.validate import ParamValidator
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.serialize import SerializationContext, get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from pushproof.emulator.kernel.errors import AwsError

# Signing names that differ from botocore's service name.
_SIGNING_NAMES = {
    "elasticloadbalancing": "elbv2",
    "monitoring": "cloudwatch",
    "tagging": "resourcegroupstaggingapi",
    "states": "stepfunctions",
    "email": "ses",
    "execute-api": "apigatewaymanagementapi",
}
_SCOPE = re.compile(r"Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request")


@dataclass(frozen=True, slots=True)
class Signature:
    """What a request's SigV4 header says: who, where, which service. It is read, not verified."""

    access_key_id: str
    region: str
    service: str


@dataclass(frozen=True, slots=True)
class ParsedCall:
    """A request recognised as an operation of a service, with its parameters under botocore's member names."""

    service: str
    operation: str
    protocol: str
    parameters: dict[str, Any]
    model: Any


def signature_of(request: Request) -> Signature | None:
    """The SigV4 credential scope of a request, from its header or a presigned URL; None where there is none."""
    text = request.headers.get("Authorization", "")
    match = _SCOPE.search(text)
    if match is None:
        credential = request.args.get("X-Amz-Credential")
        match = _SCOPE.search(f"Credential={credential}") if credential else None
    if match is None:
        return None
    access_key, _, region, name = match.groups()
    return Signature(access_key, region, botocore_name(name))


def botocore_name(signing_name: str) -> str:
    """The botocore service name for a signing name."""
    return _SIGNING_NAMES.get(signing_name, signing_name)


@functools.cache
def service_model(service: str) -> Any:
    """The botocore model of a service; `AwsError` when botocore has none of that name."""
    from botocore.exceptions import DataNotFoundError, UnknownServiceError

    try:
        return get_service_model(service)
    except (UnknownServiceError, DataNotFoundError):
        raise AwsError("UnknownService", f"botocore has no service model named {service!r}", 400) from None


def route(service: str, request: Request) -> tuple[Any, dict[str, Any], str]:
    """The operation model a request addresses, its URI parameters, and the protocol it is written in.

    Raises AwsError (`UnknownOperationException`) when the request is none of the service's operations.
    """
    model = service_model(service)
    _align_target(model, request)
    try:
        protocol = determine_request_protocol(model, request.content_type)
        operation, uri = get_service_router(service).match(request)
    except (NotFound, NotImplementedError):
        wanted = (
            request.headers.get("X-Amz-Target") or request.values.get("Action") or f"{request.method} {request.path}"
        )
        raise AwsError("UnknownOperationException", f"{service} has no operation for {wanted}", 404) from None
    return operation, uri, protocol


def _align_target(model: Any, request: Request) -> None:
    """Write `X-Amz-Target` with botocore's own prefix: SDKs disagree about it (CodeConnections has two), the operation decides."""
    prefix, target = model.metadata.get("targetPrefix"), request.headers.get("X-Amz-Target", "")
    operation = target.rpartition(".")[2]
    if prefix and operation in model.operation_names and target != f"{prefix}.{operation}":
        request.environ["HTTP_X_AMZ_TARGET"] = f"{prefix}.{operation}"


def parse(service: str, request: Request) -> ParsedCall:
    """Recognise and parse a request. Raises AwsError on an unknown operation or a body that is not what the model says."""
    operation, uri, protocol = route(service, request)
    parser = PROTOCOL_PARSERS[protocol](operation, timestamp_parser=_aware)
    try:
        parameters = parser.parse(
            {
                "body": request.get_data(cache=True),
                "headers": request.headers,
                "method": request.method,
                "url_params": uri,
                "url_path": request.path,
                "values": request.values,
            }
        )
    except Exception as error:
        raise AwsError(
            "SerializationException", f"{service}:{operation.name}: the request cannot be read: {error}"
        ) from error
    return ParsedCall(service, operation.name, protocol, dict(parameters), operation)


def validate(call: ParsedCall) -> None:
    """Check parameters against the model. Raises AwsError naming each parameter that is missing or wrong."""
    if call.model.input_shape is None:
        return
    report = ParamValidator().validate(call.parameters, call.model.input_shape)
    if report.has_errors():
        code = "ValidationError" if call.protocol in ("query", "ec2") else "InvalidParameterException"
        raise AwsError(code, f"{call.operation}: {report.generate_report()}")


def serialise(call: ParsedCall, result: dict[str, Any] | AwsError, request_id: str) -> Response:
    """Write an answer, or an error, in the protocol the request came in."""
    serializer = get_serializer_class(call.service, call.protocol)(call.model, SerializationContext(request_id))
    if isinstance(result, AwsError):
        import warnings

        with warnings.catch_warnings():
            # Codes that a model does not list (AccessDeniedException on most) are AWS's all the same.
            warnings.simplefilter("ignore")
            written = serializer.serialize(result)
        status = result.status or written["status_code"]
    else:
        written = serializer.serialize(result)
        status = written["status_code"]
    response = Response(written["body"], status=status)
    for name, value in written["headers"].items():
        response.headers[name] = value
    response.headers.setdefault("x-amzn-RequestId", request_id)
    return response


def _aware(value: Any) -> Any:
    from botocore.utils import parse_timestamp

    return parse_timestamp(value)
