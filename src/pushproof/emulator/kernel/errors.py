"""Errors that leave the gateway in AWS's own form."""

from __future__ import annotations


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
