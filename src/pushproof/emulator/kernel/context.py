"""The context of a call: principal, region and account, beside the request itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

PrincipalKind = Literal["account", "user", "session", "plane", "anonymous"]


@dataclass(frozen=True, slots=True)
class Credentials:
    """Keys in the form in which STS issues them."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """The secret of an access key; for a session also its token, and its end by the wall clock."""

    secret: str
    token: str | None = None
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of an operation.

    `kind`: `account` is the account's own administrator, `user` an IAM user, `session` an assumed role, `anonymous` a caller
    without
    a signature, `plane` the emulator itself, acting as AWS acts inside its own services. `arn` is what GetCallerIdentity shows;
    `role_arn` is set for sessions; `service` is the service principal that assumed the role, if any.
    """

    kind: PrincipalKind
    arn: str
    account_id: str
    access_key_id: str = ""
    role_arn: str | None = None
    session_name: str | None = None
    service: str | None = None


@dataclass(frozen=True, slots=True)
class RequestContext:
    """One call: its service and operation (botocore's names), region, account, principal and request id."""

    service: str
    operation: str
    region: str
    account_id: str
    principal: Principal
    request_id: str
    source_ip: str = "127.0.0.1"
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def scope(self) -> tuple[str, str]:
        """Return the (account, region) of the regional state."""
        return (self.account_id, self.region)


@dataclass(frozen=True, slots=True)
class Call:
    """A finished call, as the call log keeps it and observers receive it. `request` is the parsed input."""

    context: RequestContext
    at: float
    status: int
    error_code: str | None
    request: dict[str, Any]
    response: Mapping[str, object] | None = None

    @property
    def name(self) -> str:
        """Return `service:Operation`."""
        return f"{self.context.service}:{self.context.operation}"

    @property
    def mutating(self) -> bool:
        """Return whether the operation changes something, to judge by its name."""
        return not self.context.operation.startswith(
            (
                "Describe",
                "List",
                "Get",
                "Head",
                "BatchGet",
                "BatchCheck",
                "Lookup",
                "Simulate",
                "Filter",
                "Search",
                "Test",
            )
        )
