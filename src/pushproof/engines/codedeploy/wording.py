"""Texts of CodeDeploy's errors, as AWS words them.

Sources: https://docs.aws.amazon.com/codedeploy/latest/userguide/troubleshooting-ecs.html , and errors that users recorded.
"""

from __future__ import annotations

from collections.abc import Sequence

HOOK_FAILED = "The deployment failed because one or more of the lifecycle event validation functions failed."
HOOK_TIMEOUT = (
    "The deployment timed out while waiting for a status callback. CodeDeploy expects a status callback within one hour after "
    "a deployment hook is invoked."
)
STOPPED = "The deployment was stopped on request."


def install_timeout(seconds: float) -> str:
    return (
        "The deployment timed out while waiting for the replacement task set to become healthy. This time out period is "
        f"{seconds / 60:g} minutes."
    )


def ready_timeout(minutes: int) -> str:
    return (
        "The deployment timed out while waiting for a notification to continue. This time out period is "
        f"{minutes} minutes."
    )


def alarms_active(names: Sequence[str]) -> str:
    return (
        "One or more alarms have been activated according to the Amazon CloudWatch metrics you selected, and the affected "
        f"deployments have been stopped. Activated alarms: <{', '.join(names)}>"
    )


ALARMS_UNREAD = "The states of the deployment's alarms could not be retrieved from Amazon CloudWatch."
