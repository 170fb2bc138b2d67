"""Names of load balancers and target groups, and the rules for them."""

from __future__ import annotations

import re

from pushproof.emulator.kernel.errors import AwsError


def check_name(kind: str, name: str) -> None:
    """Raise AwsError unless a load balancer or target group may have this `name`."""
    if len(name) > 32:
        raise AwsError("ValidationError", f"{kind} name '{name}' cannot be longer than '32' characters")
    if not re.fullmatch(r"[A-Za-z0-9-]+", name):
        raise AwsError(
            "ValidationError",
            f"{kind} name '{name}' can only contain characters that are alphanumeric characters or hyphens(-)",
        )
    if name.startswith("-") or name.endswith("-"):
        raise AwsError("ValidationError", f"{kind} name '{name}' cannot begin or end with '-'")
    if name.startswith("internal-"):
        raise AwsError("ValidationError", f"{kind} name '{name}' cannot begin with 'internal-'")
