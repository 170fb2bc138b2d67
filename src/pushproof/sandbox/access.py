"""Clients of the sandbox account. They share one set of credentials, which is resolved once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from pushproof.aws.clients import make_client
from pushproof.base.target import TargetUnavailable
from pushproof.sandbox.guard import Facts, admit
from pushproof.sandbox.settings import SandboxSettings

# Retries on throttling, 5xx and dropped connections, as the AWS provider does (25 attempts there).
_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 10}, connect_timeout=10, read_timeout=60)


class Access:
    """Credentials of the caller's environment (variables, profile, SSO, web identity), and clients that use them."""

    def __init__(self, settings: SandboxSettings, session: Any = None) -> None:
        self.settings = settings
        self._session = session or boto3.session.Session(botocore_session=botocore.session.Session())
        credentials = self._session.get_credentials()
        if credentials is None:
            raise TargetUnavailable(
                "there are no AWS credentials. Sign in (`aws sso login`, or assume a role) and export them, "
                "or name a profile with AWS_PROFILE."
            )
        self._credentials = credentials
        self._clients: dict[tuple[str, str], Any] = {}

    @property
    def temporary(self) -> bool:
        """Return whether the credentials have a session token."""
        return bool(self._credentials.get_frozen_credentials().token)

    def variables(self) -> dict[str, str]:
        """Return the credentials as environment variables for processes; refreshable credentials are refreshed first."""
        frozen = self._credentials.get_frozen_credentials()
        variables: dict[str, str] = {
            "AWS_ACCESS_KEY_ID": str(frozen.access_key),
            "AWS_SECRET_ACCESS_KEY": str(frozen.secret_key),
            "AWS_REGION": self.settings.region,
            "AWS_DEFAULT_REGION": self.settings.region,
        }
        if frozen.token:
            variables["AWS_SESSION_TOKEN"] = frozen.token
        if self.settings.endpoint:
            variables["AWS_ENDPOINT_URL"] = self.settings.endpoint
        return variables

    def client(self, service: str, region: str | None = None) -> Any:
        """Return the boto3 client of a service in a region; one client for each pair."""
        key = (service, region or self.settings.region)
        if key not in self._clients:
            self._clients[key] = make_client(
                self._session, service, region_name=key[1], endpoint_url=self.settings.endpoint, config=_CONFIG
            )
        return self._clients[key]

    def admit(self) -> Facts:
        """Pass the guard. Raises Refused."""
        return admit(self.client, self.settings, temporary=self.temporary)


class SweepAccount:
    """The account during a sweep: clients, and a directory for copies of states."""

    def __init__(self, access: Access, keep: Callable[[str, bytes], Path | None]) -> None:
        self._access, self._keep = access, keep
        self.region = access.settings.region

    def client(self, service: str) -> Any:
        return self._access.client(service)

    def keep(self, name: str, content: bytes) -> None:
        self._keep(name, content)
