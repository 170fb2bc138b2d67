"""Errors that leave the gateway in AWS's own form."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botocore.exceptions import ClientError


class AwsError(Exception):
    """An AWS error response.

    `code` is AWS's error code (`ClusterNotFoundException`), `status` the HTTP status (None: the one in botocore's model
    for that code, 400 otherwise), `fields` further members of the modelled error shape.
    """

    def __init__(self, code: str, message: str, status: int | None = None, **fields: object) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        for name, value in fields.items():
            setattr(self, name, value)


class AnswerLost(ConnectionError):
    """The connection of a call ends without an answer, whatever became of the call."""


def not_implemented(service: str, operation: str) -> AwsError:
    """Return the error for a missing operation: 501, with service and operation."""
    return AwsError(
        "NotImplemented",
        f"Pushproof does not implement the operation {operation} of {service}. Nothing was done. "
        "If your stack needs it, please open an issue naming service and operation.",
        status=501,
    )


def failed_inside(part: str, name: str, error: BaseException) -> AwsError:
    """Return the error for an unexpected exception in Pushproof: 501, since SDKs and Terraform repeat after a 500 for minutes."""
    return AwsError(
        "InternalFailure",
        f"{part} failed inside on {name}: {error!r}. Trying again will not help. "
        "If your stack needs it, please open an issue with this message.",
        status=501,
    )


def as_answered(error: ClientError) -> AwsError:
    """Return the error with which another part, or the substrate, answered a call."""
    details = error.response["Error"]
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return AwsError(details["Code"], details["Message"], status)


@contextmanager
def refusals_of(*kinds: type[Exception]) -> Iterator[None]:
    """Answer an engine's refusals as the API does: under the code of the refusal, in its words.

    Args:
        kinds: The engine's errors. They have a `code`; its words are their `message`, or else their text.
    """
    try:
        yield
    except kinds as error:
        raise refusal(error) from error


def refusal(error: Exception) -> AwsError:
    """Return an engine's refusal as the API answers it. What an engine does not implement is a 501."""
    code = str(getattr(error, "code"))  # noqa: B009
    return AwsError(code, str(getattr(error, "message", error)), 501 if code == "NotImplemented" else None)


def invalid_parameter(parameter: str, constraint: str) -> AwsError:
    """Return ECR's error for a parameter that is wrong."""
    words = f"Invalid parameter at '{parameter}' failed to satisfy constraint: '{constraint}'"
    return AwsError("InvalidParameterException", words, 400)
