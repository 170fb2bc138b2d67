"""Refusals of calls that a fault concerns, in the code, the words and the HTTP status of each service.

https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html (codes that SDKs take for throttling),
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html (RequestLimitExceeded),
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (SlowDown),
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from .model import ApiAnswersLost, ApiFails, ApiThrottled, EcrThrottled, Fault, SecretUnavailable

# The query protocol's common error: https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
_QUERY = frozenset({"autoscaling", "cloudformation", "cloudwatch", "elb", "elbv2", "iam", "rds", "sns", "sts"})
_TOO_MANY = frozenset({"apigateway", "apigatewayv2", "lambda"})
_ITEMS = frozenset(
    {"GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan", "BatchGetItem", "BatchWriteItem"}
)
_SECRETS = {
    "secretsmanager": frozenset({"GetSecretValue", "BatchGetSecretValue"}),
    "ssm": frozenset({"GetParameter", "GetParameters", "GetParametersByPath"}),
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error that a service answers."""

    code: str
    message: str
    status: int


@dataclass(frozen=True, slots=True)
class ApiCall:
    """A call: botocore's names of service and operation, the ARN of the caller's role, and the names of secrets it asks for."""

    service: str
    operation: str
    role: str = ""
    secrets: tuple[str, ...] = ()


def throttling(service: str, operation: str = "") -> Refusal:
    """Return a service's refusal of calls that are too many."""
    if service == "ec2":
        return Refusal("RequestLimitExceeded", "Request limit exceeded.", 503)
    if service == "s3":
        return Refusal("SlowDown", "Please reduce your request rate.", 503)
    if service == "dynamodb" and operation in _ITEMS:
        return Refusal(
            "ProvisionedThroughputExceededException",
            "The level of configured provisioned throughput for the table was exceeded. Consider increasing your "
            "provisioning level with the UpdateTable API.",
            400,
        )
    if service in _TOO_MANY:
        return Refusal("TooManyRequestsException", "Rate Exceeded.", 429)
    if service in _QUERY:
        return Refusal("Throttling", "Rate exceeded", 400)
    return Refusal("ThrottlingException", "Rate exceeded", 400)


def unavailable(service: str) -> Refusal:
    """Return the answer of a service that is not there. https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html"""
    if service in ("ec2", *_QUERY):
        return Refusal("Unavailable" if service == "ec2" else "ServiceUnavailable", "Service Unavailable", 503)
    return Refusal("ServiceUnavailable", "Service Unavailable", 503)


def internal(service: str) -> Refusal:
    """Return the answer of a service that fails inside."""
    if service in ("ec2", "s3"):
        return Refusal("InternalError", "An internal error has occurred", 500)
    if service == "secretsmanager":
        return Refusal("InternalServiceError", "An error occurred on the server side.", 500)
    if service == "ssm":
        return Refusal("InternalServerError", "An error occurred on the server side.", 500)
    return Refusal("InternalFailure", "The request processing has failed because of an unknown error.", 500)


@dataclass(frozen=True, slots=True)
class Chance:
    """A refusal that comes at a rate; decisions are counted by `thing`."""

    refusal: Refusal
    rate: float
    thing: Hashable


def chance(fault: Fault, call: ApiCall) -> Chance | None:
    """Return how a fault refuses a call before it is carried out; None if it does not concern it."""
    thing = (fault.name, call.service, call.operation)
    match fault:
        case ApiThrottled(service, rate, operations) if _concerns(service, operations, call):
            return Chance(throttling(call.service, call.operation), rate, thing)
        case EcrThrottled(rate) if call.service == "ecr":
            return Chance(throttling("ecr"), rate, thing)
        case ApiFails(service, kind, rate, operations, roles) if _concerns(service, operations, call):
            if roles and call.role not in roles:
                return None
            refusals = {
                "throttle": throttling(call.service, call.operation),
                "unavailable": unavailable(call.service),
                "internal": internal(call.service),
            }
            return Chance(refusals[kind], rate, thing)
        case SecretUnavailable(secret) if call.operation in _SECRETS.get(call.service, ()):
            if not secret or any(secret in name for name in call.secrets):
                return Chance(internal(call.service), 1.0, thing)
    return None


def loss(fault: Fault, call: ApiCall) -> tuple[Hashable, float, int] | None:
    """Return the thing, the rate and the bound by which a fault loses the answer to a call; None if it does not concern it."""
    if isinstance(fault, ApiAnswersLost) and _concerns(fault.service, fault.operations, call):
        return (fault.name, call.service, call.operation), fault.rate, fault.times
    return None


def _concerns(service: str, operations: tuple[str, ...], call: ApiCall) -> bool:
    return service == call.service and (not operations or call.operation in operations)
