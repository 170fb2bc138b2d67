"""Services that the substrate answers whole, with the limits of AWS's models on parameters, and a few more checks.

Requests are refused before the substrate stores anything. Reads are not checked: the substrate reports missing things.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.protocol import check_limits
from pushproof.emulator.services import Service

# Each service's error code for a parameter that breaks a limit of its model.
CODES = {
    "acm": "ValidationException",
    "cloudwatch": "ValidationError",
    "dynamodb": "ValidationException",
    "kms": "ValidationException",
    "secretsmanager": "ValidationException",
    "ssm": "ValidationException",
}
_CHANGING = ("Create", "Put", "Update", "Set", "Request", "Import", "Schedule", "Enable", "Disable", "Associate", "Tag")
# Data, and much of it: the substrate checks the parts that matter.
_DATA = frozenset({"PutItem", "UpdateItem", "PutMetricData"})


class ModelledService(Service):
    """Refuses what a service's model and its documentation rule out; the substrate answers everything."""

    overlay: ClassVar[bool] = True

    def admit(self, context: RequestContext, request: dict[str, Any]) -> None:
        operation = context.operation
        if operation.startswith(_CHANGING) and operation not in _DATA:
            check_limits(self.name, operation, request, CODES[self.name])
        check = _CHECKS.get((self.name, operation))
        if check is not None:
            check(self, context, request)


Check = Callable[[ModelledService, RequestContext, dict[str, Any]], None]


def _alias(_: ModelledService, __: RequestContext, request: dict[str, Any]) -> None:
    # https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html
    name = str(request.get("AliasName", ""))
    if not name.startswith("alias/"):
        raise AwsError("ValidationException", "Invalid identifier")
    if name.startswith("alias/aws/"):
        raise AwsError("NotAuthorizedException", "")


def _window(service: ModelledService, context: RequestContext, request: dict[str, Any]) -> None:
    # https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html
    days = request.get("PendingWindowInDays")
    if days is not None and not 7 <= days <= 30:
        bound = "greater than or equal to 7" if days < 7 else "less than or equal to 30"
        raise AwsError(
            "ValidationException",
            f"1 validation error detected: Value '{days}' at 'pendingWindowInDays' failed to satisfy constraint: "
            f"Member must have value {bound}",
        )
    _standing(service, context, request)


def _standing(service: ModelledService, context: RequestContext, request: dict[str, Any]) -> None:
    # https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
    key = service.ask(context, "DescribeKey", {"KeyId": request["KeyId"]})["KeyMetadata"]
    if key["KeyState"] == "PendingDeletion":
        raise AwsError("KMSInvalidStateException", f"{key['Arn']} is pending deletion.")


def _value(_: ModelledService, __: RequestContext, request: dict[str, Any]) -> None:
    # https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html
    if request.get("Tier", "Standard") == "Standard" and len(request.get("Value", "").encode()) > 4096:
        raise AwsError(
            "ValidationException",
            "Standard tier parameters support a maximum parameter value of 4096 characters. To create a larger parameter "
            "value, upgrade the parameter to use the advanced-parameter tier. For more information, see "
            "https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html",
        )


def _secret_name(_: ModelledService, __: RequestContext, request: dict[str, Any]) -> None:
    # https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
    name = str(request.get("Name", ""))
    if not name.isascii() or not all(letter.isalnum() or letter in "-/_+=.@!" for letter in name):
        raise AwsError(
            "ValidationException",
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
        )


def _alarm(_: ModelledService, __: RequestContext, request: dict[str, Any]) -> None:
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    period = request.get("Period")
    if period is not None and period not in (10, 20, 30) and period % 60:
        raise AwsError("ValidationError", "Period must be 10, 20, 30 or a multiple of 60")
    if request.get("DatapointsToAlarm", 0) > request.get("EvaluationPeriods", 0):
        raise AwsError("ValidationError", "DatapointsToAlarm must be less than or equal to EvaluationPeriods")


def _alarms_exist(service: ModelledService, context: RequestContext, request: dict[str, Any]) -> None:
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DeleteAlarms.html
    names = list(request.get("AlarmNames") or ())
    if names:
        answer = service.ask(context, "DescribeAlarms", {"AlarmNames": names})
        standing = {a["AlarmName"] for kind in ("MetricAlarms", "CompositeAlarms") for a in answer.get(kind, [])}
        absent = sorted(set(names) - standing)
        if absent:
            raise AwsError("ResourceNotFound", f"Alarms [{', '.join(absent)}] do not exist", 404)


_CHECKS: dict[tuple[str, str], Check] = {
    ("kms", "CreateAlias"): _alias,
    ("kms", "UpdateAlias"): _alias,
    ("kms", "ScheduleKeyDeletion"): _window,
    ("kms", "Encrypt"): _standing,
    ("kms", "GenerateDataKey"): _standing,
    ("kms", "EnableKey"): _standing,
    ("kms", "DisableKey"): _standing,
    ("ssm", "PutParameter"): _value,
    ("secretsmanager", "CreateSecret"): _secret_name,
    ("cloudwatch", "PutMetricAlarm"): _alarm,
    ("cloudwatch", "DeleteAlarms"): _alarms_exist,
}
