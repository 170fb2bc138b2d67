"""Settings of the sandbox account, all of them environment variables."""

from __future__ import annotations

import getpass
import re
from collections.abc import Mapping
from dataclasses import dataclass

from pushproof.base.target import TargetUnavailable

_ACCOUNT = re.compile(r"\d{12}")
_CONNECTION = re.compile(r"arn:[^:]+:(codestar-connections|codeconnections):[^:]+:\d{12}:connection/[0-9a-f-]+")
_CERTIFICATE = re.compile(r"arn:[^:]+:acm:[^:]+:\d{12}:certificate/.+")


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """Settings of the sandbox target: the account, and the limits on time and cost.

    `hours`: the planned duration of a run, from which its resources get their expiry. `max_usd`: the ceiling of the cost estimate.
    `long_lived_keys_for`: the account in which credentials without a session token are accepted.
    """

    accounts: frozenset[str]
    regions: frozenset[str]
    region: str
    owner: str = "unknown"
    hours: float = 3.0
    max_usd: float = 5.0
    marker: str = "/pushproof/sandbox"
    long_lived_keys_for: str | None = None
    connection_arn: str | None = None
    repository: str | None = None
    repository_url: str | None = None
    certificate_arn: str | None = None
    base_image: str | None = None
    endpoint: str | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> SandboxSettings:
        """Read `PUSHPROOF_SANDBOX_…`. Raises TargetUnavailable with the variable, its value and the expected form."""
        elsewhere = sorted(name for name, url in environ.items() if name.startswith("AWS_ENDPOINT_URL_") and url)
        if elsewhere:
            raise TargetUnavailable(
                f"{', '.join(elsewhere)} sends one service to another endpoint than the others: the account that the "
                "guard examines and the one that a run changes could be two accounts. Unset it."
            )
        accounts = _list(environ, "PUSHPROOF_SANDBOX_ACCOUNTS")
        if not accounts:
            raise TargetUnavailable(
                "PUSHPROOF_SANDBOX_ACCOUNTS is not set: no account is allowed. Set it to the number of your sandbox "
                "account "
                "(`aws sts get-caller-identity --query Account` prints it); separate several with commas."
            )
        for account in accounts:
            if not _ACCOUNT.fullmatch(account):
                raise TargetUnavailable(
                    f"PUSHPROOF_SANDBOX_ACCOUNTS holds {account!r}; expected account numbers of 12 digits."
                )
        region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""
        regions = _list(environ, "PUSHPROOF_SANDBOX_REGIONS")
        if not region:
            raise TargetUnavailable(
                "AWS_REGION is not set. Set it to the region to work in, such as AWS_REGION=eu-west-1."
            )
        if not regions:
            raise TargetUnavailable(
                f"PUSHPROOF_SANDBOX_REGIONS is not set: no region is allowed. To work in {region}, set it to {region}."
            )
        connection = environ.get("PUSHPROOF_SANDBOX_CONNECTION_ARN") or None
        if connection is not None and not _CONNECTION.fullmatch(connection):
            raise TargetUnavailable(
                f"PUSHPROOF_SANDBOX_CONNECTION_ARN is {connection!r}; expected "
                "arn:aws:codeconnections:<region>:<account>:connection/<id>, or unset (a bucket then carries the push)."
            )
        repository = environ.get("PUSHPROOF_SANDBOX_REPOSITORY") or None
        if connection is not None and repository is None:
            raise TargetUnavailable(
                "PUSHPROOF_SANDBOX_CONNECTION_ARN is set but PUSHPROOF_SANDBOX_REPOSITORY is not: "
                "set it to a repository that the connection reaches and this run may push to, as owner/name."
            )
        certificate = environ.get("PUSHPROOF_SANDBOX_CERTIFICATE_ARN") or None
        if certificate is not None and not _CERTIFICATE.fullmatch(certificate):
            raise TargetUnavailable(
                f"PUSHPROOF_SANDBOX_CERTIFICATE_ARN is {certificate!r}; expected "
                "arn:aws:acm:<region>:<account>:certificate/<id>, or unset (the run then imports a self-signed "
                "certificate)."
            )
        return cls(
            accounts=frozenset(accounts),
            regions=frozenset(regions),
            region=region,
            owner=environ.get("PUSHPROOF_SANDBOX_OWNER") or environ.get("GITHUB_ACTOR") or _user(),
            hours=_number(environ, "PUSHPROOF_SANDBOX_HOURS", 3.0, "hours above 0, such as 3"),
            max_usd=_number(environ, "PUSHPROOF_SANDBOX_MAX_USD", 5.0, "US dollars above 0, such as 5"),
            marker=environ.get("PUSHPROOF_SANDBOX_MARKER") or "/pushproof/sandbox",
            long_lived_keys_for=environ.get("PUSHPROOF_SANDBOX_ALLOW_LONG_LIVED_KEYS") or None,
            connection_arn=connection,
            repository=repository,
            repository_url=environ.get("PUSHPROOF_SANDBOX_REPOSITORY_URL") or None,
            certificate_arn=certificate,
            base_image=environ.get("PUSHPROOF_SANDBOX_BASE_IMAGE") or None,
            endpoint=environ.get("AWS_ENDPOINT_URL") or None,
        )


def _list(environ: Mapping[str, str], name: str) -> list[str]:
    return [part for part in re.split(r"[,\s]+", environ.get(name, "")) if part]


def _number(environ: Mapping[str, str], name: str, default: float, expected: str) -> float:
    text = environ.get(name)
    if not text:
        return default
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise TargetUnavailable(f"{name} is {text!r}; expected {expected}.")
    return number


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
