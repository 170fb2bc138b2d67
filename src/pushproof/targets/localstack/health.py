"""The health page of a LocalStack, and the variables by which users address one that runs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests

from pushproof.base.extras import require
from pushproof.base.target import TargetUnavailable
from pushproof.emulator.substrate.moto import require_private

_ANSWERS = frozenset({"available", "running", "initializing", "initialized"})


@dataclass(frozen=True, slots=True)
class Health:
    """LocalStack's own report: botocore's names of the services it answers, its version and edition."""

    services: frozenset[str]
    version: str
    edition: str

    def __str__(self) -> str:
        edition = "" if self.edition in ("", "unknown") else f" {self.edition}"
        return f"LocalStack {self.version}{edition}"


def health(url: str, *, timeout: float = 10.0) -> Health:
    """Read the health page of a LocalStack. Raises TargetUnavailable when something else, or nothing, answers there."""
    page = f"{url.rstrip('/')}/_localstack/health"
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(page, timeout=timeout)
        report: Any = answer.json() if answer.ok else None
    except (requests.RequestException, ValueError) as error:
        raise TargetUnavailable(f"{page} does not answer as LocalStack does: {error}") from error
    if not isinstance(report, dict) or not isinstance(report.get("services"), dict):
        raise TargetUnavailable(f"{page} answered {answer.status_code}, not as LocalStack does: {answer.text[:200]!r}")
    services = frozenset(name for name, state in report["services"].items() if state in _ANSWERS)
    return Health(services, str(report.get("version", "unknown")), str(report.get("edition", "")))


@dataclass(frozen=True, slots=True)
class Named:
    """A LocalStack that the user's environment names, and the `variable` that names it."""

    url: str
    variable: str


def named_in_environment(environment: Mapping[str, str] | None = None) -> Named | None:
    """Return the endpoint that AWS_ENDPOINT_URL or LOCALSTACK_HOST name, read as localstack-client reads them; None when neither is
    set.

    Call it with the environment from before its AWS settings are dropped. Raises TargetUnavailable when a name cannot be read.
    """
    environment = os.environ if environment is None else environment
    if url := environment.get("AWS_ENDPOINT_URL", "").strip():
        return Named(url, "AWS_ENDPOINT_URL")
    host = environment.get("LOCALSTACK_HOST", "").strip()
    if not host:
        return None
    require("localstack", "reading LOCALSTACK_HOST")
    from localstack_client import config as localstack_client

    try:
        return Named(str(localstack_client.get_service_endpoint("s3", localstack_host=host)), "LOCALSTACK_HOST")
    except RuntimeError as error:
        raise TargetUnavailable(f"LOCALSTACK_HOST={host!r} cannot be read; expected host:port") from error


def standing(url: str, named_by: str) -> Health:
    """Return the health of a LocalStack that the user named. Raises TargetUnavailable, also for a public address."""
    try:
        require_private(url)
    except ValueError as error:
        raise TargetUnavailable(f"{named_by}: {error}") from error
    try:
        return health(url)
    except TargetUnavailable as error:
        raise TargetUnavailable(
            f"{named_by} names {url}, but {error}. Start it (`python -m pushproof.targets.localstack.standing up`), "
            f"unset {named_by}, or start a container for the run: --localstack container."
        ) from error


def found_standing() -> tuple[str, Health] | None:
    """Return the LocalStack at localstack-client's default address on this machine, if one answers there."""
    require("localstack", "looking for a running LocalStack")
    from localstack_client import config as localstack_client

    url = f"http://127.0.0.1:{localstack_client.DEFAULT_EDGE_PORT}"
    try:
        return url, health(url, timeout=2.0)
    except TargetUnavailable:
        return None
