"""AWS's own models as the judge of our answers: a switch of the gateway, on in our tests and off otherwise.

An answer's members, their types, enumerations, patterns and ranges have to be those of botocore's model of the operation, and an
error's code one that the model lists for it or that AWS documents for every operation. Otherwise a misspelt member would be
dropped silently, and a client would fail far away from here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from pushproof.emulator.kernel.constraints import violations
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.protocol import ParsedCall

# Switches the judge on for the worlds of this process, and of those that it starts.
VARIABLE = "PUSHPROOF_JUDGE_ANSWERS"

# The misfits of this process: a call that nothing waits for fails nothing else.
FOUND: deque[str] = deque(maxlen=1000)

# https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html and the page of that name of the other services.
_COMMON = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InternalFailure",
        "InvalidClientTokenId",
        "InvalidParameterCombination",
        "InvalidParameterValue",
        "MalformedHttpRequestException",
        "MissingAuthenticationToken",
        "MissingParameter",
        "NotAuthorized",
        "OptInRequired",
        "RequestEntityTooLargeException",
        "RequestExpired",
        "SerializationException",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingException",
        "UnrecognizedClientException",
        "ValidationError",
        "ValidationException",
    }
)
# Pushproof's own code: AWS has none for what an emulator lacks.
_OWN = frozenset({"NotImplemented", "EmulatorUnavailable"})
# Members that AWS itself answers with values that its model forbids.
_ANSWERED_OTHERWISE = {
    # `events!connection/…`: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-target-connection-auth.html
    "events": ("secretArn",),
    # `available`, in lower case: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcEndpoints.html (example)
    "ec2": ("vpcEndpoint.state",),
    # The account's root user has an account number and neither name nor path:
    # https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetUser.html
    "iam": ("user.path", "user.userName", "user.userId"),
}
# Values that AWS documents and answers, and that this model lacks.
_ANSWERED_TOO = frozenset(
    {
        # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-account-settings.html
        "dualStackIPv6",
        # The output of `aws codebuild list-curated-environment-images`, whatever the enumerations contain.
        "AMAZON_LINUX_2",
        "STANDARD",
    }
)
# Errors that AWS answers where its model has none:
_RAISED_TOO = frozenset(
    {
        # https://github.com/hashicorp/terraform-provider-aws/issues/7531
        ("elbv2", "UnsupportedCertificate"),
        # https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_GetPipeline.html lists it; UpdatePipeline and
        # DeletePipeline look pipelines up likewise.
        ("codepipeline", "PipelineNotFoundException"),
    }
)
# Their models list no errors, or hardly any.
_WITHOUT_ERRORS = frozenset({"ec2", "s3"})


def misfits(call: ParsedCall, result: dict[str, Any]) -> list[str]:
    """Return each way in which an answer differs from the model of its operation."""
    shape = call.model.output_shape
    if shape is None:
        return [f"{call.operation} answers nothing, and there is {sorted(result)}"] if result else []
    mistakes = list(_types(shape, result, call.operation))
    if mistakes:
        return mistakes
    allowed = _ANSWERED_OTHERWISE.get(call.service, ())
    return [
        f"{call.operation}: {text}"
        for text in violations(shape, result)
        if not _on_requests_only(text)
        and not any(f"{member}' failed" in text for member in allowed)
        and not any(text.startswith(f"Value '{value}'") for value in _ANSWERED_TOO)
    ]


def _on_requests_only(violation: str) -> bool:
    """Return whether a violation binds requests only: a list's length, or an echoed name of something that does not exist."""
    return " have length " in violation and (violation.startswith("Value '[") or "sNotFound." in violation)


def misfit(call: ParsedCall, error: AwsError) -> str | None:
    """Return the reason why an operation cannot answer with this error, or None."""
    modelled = {name for shape in call.model.error_shapes for name in (shape.error_code, shape.name)}
    raised = error.code in modelled | _COMMON | _OWN or (call.service, error.code) in _RAISED_TOO
    if raised or call.service in _WITHOUT_ERRORS:
        return None
    return f"{call.operation} has no error {error.code}; it has {', '.join(sorted(modelled)) or 'none'}"


def _types(shape: Any, value: Any, path: str) -> Iterator[str]:
    """Yield members that do not exist, and values of another type than the model's."""
    kind = shape.type_name
    if kind == "structure":
        if getattr(shape, "is_document_type", False):
            return
        if not isinstance(value, dict):
            yield f"{path} is {type(value).__name__}, not a structure"
            return
        for name, item in value.items():
            member = shape.members.get(name)
            if member is None:
                yield f"{path} has no member {name!r}"
            elif item is not None:
                yield from _types(member, item, f"{path}.{name}")
    elif kind == "list":
        if not isinstance(value, list | tuple):
            yield f"{path} is {type(value).__name__}, not a list"
            return
        for number, item in enumerate(value):
            yield from _types(shape.member, item, f"{path}[{number}]")
    elif kind == "map":
        if not isinstance(value, dict):
            yield f"{path} is {type(value).__name__}, not a map"
            return
        for key, item in value.items():
            yield from _types(shape.key, key, f"{path} key")
            yield from _types(shape.value, item, f"{path}[{key!r}]")
    elif not _fits(kind, value):
        yield f"{path} is {value!r}, not a {kind}"


def _fits(kind: str, value: Any) -> bool:
    match kind:
        case "string" | "character":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer" | "long" | "short" | "byte":
            return isinstance(value, int) and not isinstance(value, bool)
        case "float" | "double":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "timestamp":
            return isinstance(value, datetime) and value.tzinfo is not None
        case "blob":
            return isinstance(value, str | bytes)
        case _:
            return True
