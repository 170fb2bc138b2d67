"""Boto3 clients for services that are named at run time."""

from __future__ import annotations

from typing import Any, cast

from boto3.session import Session


def make_client(session: Session, service: str, **settings: Any) -> Any:
    """Return a boto3 client of `service`.

    boto3's type stubs derive the client's type from the literal name of its service, and here the name is a value. Callers annotate
    the result with the stubs' client type.

    Raises:
        botocore.exceptions.UnknownServiceError: boto3 has no such service.
    """
    return cast(Any, session).client(service, **settings)
