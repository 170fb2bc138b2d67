"""Log groups, as CloudWatch Logs describes them."""

from __future__ import annotations

from typing import Any


def retention_fault(logs: Any, group: str, *, at_least_days: int) -> str | None:
    """The fault of a log group that is to be kept for so long; None when there is none."""
    listed = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    known = next((entry for entry in listed if entry["logGroupName"] == group), None)
    if known is None:
        return "the group does not exist"
    days = known.get("retentionInDays") or 0
    return None if days >= at_least_days else f"retention {days or 'not set: for ever, and billed'}"
