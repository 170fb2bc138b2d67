"""Settings that AWS leaves undocumented, or documents as subject to change."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CodeDeploySettings:
    """Durations of CodeDeploy, in seconds of AWS time."""

    poll_seconds: float = 10.0
    """The time between two looks at the replacement task set."""

    alarm_poll_seconds: float = 10.0
    """The time between two looks at alarms. AWS states no interval."""

    install_seconds: float = 3600.0
    """The longest time in which the replacement becomes healthy (documented).
    https://docs.aws.amazon.com/codedeploy/latest/userguide/troubleshooting-ecs.html"""

    hook_seconds: float = 3600.0
    """The longest time until a hook's function reports its result (documented, on the same page)."""
