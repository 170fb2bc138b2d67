"""Services that the substrate answers whole, with the limits of AWS's models on parameters, and a few more checks.

Requests are refused before the substrate stores anything. Reads are not checked: the substrate reports missing things.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict

from botocore import xform_name

from pushproof.emulator.kernel.constraints import unsatisfied, worded
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.protocol import check_limits
from pushproof.emulator.services import Service

if TYPE_CHECKING:
    from types_boto3_kms.type_defs import DescribeKeyResponseTypeDef

    from pushproof.emulator.kernel.shapes.kms import CreateAliasRequest, ScheduleKeyDeletionRequest, UpdateAliasRequest
    from pushproof.emulator.kernel.shapes.secretsmanager import CreateSecretRequest
    from pushproof.emulator.kernel.shapes.ssm import PutParameterRequest

_CHANGING = ("Create", "Put", "Update", "Set", "Request", "Import", "Schedule", "Enable", "Disable", "Associate", "Tag")
# Data, and much of it: the substrate checks the parts that matter.
_DATA = frozenset({"PutItem", "UpdateItem", "PutMetricData"})


class ModelledService(Service):
    """Refuses what a service's model and its documentation rule out; the substrate answers everything."""

    overlay: ClassVar[bool] = True

    @classmethod
    def checked(cls, _service: str) -> Collection[str]:
        return {xform_name(operation) for name, operation in _CHECKS if name == _service}

    def admit(self, context: RequestContext, request: dict[str, Any]) -> None:
        operation = context.operation
        check = _CHECKS.get((self.name, operation))
        if check is not None or (operation.startswith(_CHANGING) and operation not in _DATA):
            check_limits(self.name, operation, request)
        if check is not None:
            check(self, context, request)


class OfKey(TypedDict):
    """A request that names a key."""

    KeyId: str


# Each check takes its operation's request, which has been parsed and not been validated.
Check = Callable[[ModelledService, RequestContext, Any], None]


def _alias(_: ModelledService, __: RequestContext, request: CreateAliasRequest | UpdateAliasRequest) -> None:
    # https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html
    name = str(request.get("AliasName", ""))
    if not name.startswith("alias/"):
        raise AwsError("ValidationException", "Invalid identifier")
    if name.startswith("alias/aws/"):
        raise AwsError("NotAuthorizedException", "")


def _window(service: ModelledService, context: RequestContext, request: ScheduleKeyDeletionRequest) -> None:
    # https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html
    days = request.get("PendingWindowInDays")
    if days is not None and not 7 <= days <= 30:
        bound = "greater than or equal to 7" if days < 7 else "less than or equal to 30"
        words = worded([unsatisfied(days, "pendingWindowInDays", f"have value {bound}")])
        raise AwsError("ValidationException", words)
    _standing(service, context, request)


def _standing(service: ModelledService, context: RequestContext, request: OfKey) -> None:
    # https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
    if "KeyId" not in request:
        # The substrate refuses it.
        return
    answer: DescribeKeyResponseTypeDef = service.ask(context, "DescribeKey", {"KeyId": request["KeyId"]})
    key = answer["KeyMetadata"]
    if key["KeyState"] == "PendingDeletion":
        raise AwsError("KMSInvalidStateException", f"{key['Arn']} is pending deletion.")


def _value(_: ModelledService, __: RequestContext, request: PutParameterRequest) -> None:
    # https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html
    if request.get("Tier", "Standard") == "Standard" and len(request.get("Value", "").encode()) > 4096:
        raise AwsError(
            "ValidationException",
            "Standard tier parameters support a maximum parameter value of 4096 characters. To create a larger parameter "
            "value, upgrade the parameter to use the advanced-parameter tier. For more information, see "
            "https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html",
        )


def _secret_name(_: ModelledService, __: RequestContext, request: CreateSecretRequest) -> None:
    # https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
    name = str(request.get("Name", ""))
    if not name.isascii() or not all(letter.isalnum() or letter in "-/_+=.@!" for letter in name):
        raise AwsError(
            "ValidationException",
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
        )


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
}
