"""Names and tags of a run's resources."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime

RUN_TAG = "pushproof:run"
EXPIRES_TAG = "pushproof:expires"
OWNER_TAG = "pushproof:owner"

# Distinctive on purpose: the sweep may delete a resource because of its name alone.
_NAME = re.compile(r"(?:^|[/:!])pushproof-([0-9a-f]{8})(?=$|[-/:._])")
# https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
_NOT_IN_TAGS = re.compile(r"[^A-Za-z0-9 _.:/=+\-@]")
_TIME = "%Y-%m-%dT%H:%M:%SZ"


def new_run_id() -> str:
    """Return eight hexadecimal digits: short enough for names of load balancers."""
    return secrets.token_hex(4)


def project(run: str) -> str:
    """Return the `project` that a run's names begin with, 18 characters: `pushproof-1a2b3c4d`."""
    return f"pushproof-{run}"


def run_of_name(name: str) -> str | None:
    """Return the id of the run that a name carries: `/ecs/pushproof-1a2b3c4d-dev` -> `1a2b3c4d`; None for any other name."""
    match = _NAME.search(name)
    return match[1] if match else None


def tags(run: str, *, expires_at: float, owner: str) -> dict[str, str]:
    """Return the tags of every resource of a run. `expires_at`: seconds since the epoch."""
    return {
        RUN_TAG: run,
        EXPIRES_TAG: datetime.fromtimestamp(expires_at, UTC).strftime(_TIME),
        OWNER_TAG: _NOT_IN_TAGS.sub("-", owner)[:256],
    }


def expiry(tags: Mapping[str, str]) -> float | None:
    """Return the time at which tagged resources expire, in seconds since the epoch; None without a tag that holds a time."""
    try:
        return datetime.strptime(tags[EXPIRES_TAG], _TIME).replace(tzinfo=UTC).timestamp()
    except (KeyError, ValueError):
        return None


def environment(tags: Mapping[str, str]) -> dict[str, str]:
    """Return environment variables that make the AWS provider (5.62 and later) tag every resource of any configuration.

    Source: https://registry.terraform.io/providers/hashicorp/aws/latest/docs#default_tags
    """
    return {f"TF_AWS_DEFAULT_TAGS_{key}": value for key, value in tags.items()}
