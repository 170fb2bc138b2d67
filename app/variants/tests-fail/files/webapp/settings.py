"""Settings, from the environment that the task definition and the image set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Settings of the service."""

    port: int
    environment: str
    commit: str
    build_date: str
    has_database: bool


def load(environ: Mapping[str, str]) -> Settings:
    """Read the settings. Raises ValueError, with the variable, for an invalid value."""
    port = environ.get("PORT", "8080")
    if not port.isdecimal():
        raise ValueError(f"PORT is {port!r}; expected a number from 0 to 65535. Set it in the task definition.")
    return Settings(
        port=int(port),
        environment=environ.get("APP_ENV", "local"),
        commit=environ.get("GIT_COMMIT", "unknown"),
        build_date=environ.get("BUILD_DATE", "unknown"),
        # The existence of a connection string may be shown; the string itself never leaves the process.
        has_database=bool(environ.get("DATABASE_URL")),
    )
