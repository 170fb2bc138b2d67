"""Credentials of a task's roles, kept until they are about to expire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushproof.aws.arns import account_of, arn_of
from pushproof.emulator.kernel.context import Credentials
from pushproof.emulator.kernel.errors import AwsError

from .preparing import TaskFailed

if TYPE_CHECKING:
    from pushproof.emulator.kernel.site import Site

_CREDENTIAL_SECONDS = 3000.0


class TaskRoles:
    """Assumes execution roles (one session for all tasks) and task roles (a session for each task)."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._kept: dict[tuple[str, str], tuple[float, Credentials]] = {}

    def execution(self, role: str) -> Credentials:
        """Return the credentials of an execution role. Raises AwsError."""
        return self._assume(role, "ecs-tasks")

    def of_task(self, task_id: str, role: str) -> Credentials:
        """Return the task role's credentials, in a session named after the task, as on AWS. Raises AwsError."""
        return self._assume(role, task_id)

    def forget(self, task_id: str) -> None:
        """Drop the credentials of a task that has stopped."""
        for key in [key for key in self._kept if key[1] == task_id]:
            del self._kept[key]

    def for_start(self, task_id: str, execution_role: str | None, task_role: str | None) -> Credentials | None:
        """Assume a task's roles before its start. Return the execution role's credentials. Raises TaskFailed in AWS's words."""
        try:
            credentials = self.execution(execution_role) if execution_role else None
        except AwsError as error:
            raise TaskFailed(
                "ResourceInitializationError: unable to pull secrets or registry auth: execution role "
                f"{execution_role} cannot be assumed: {error.code}: {error.message}. {_unable(execution_role)}"
            ) from error
        try:
            if task_role:
                self.of_task(task_id, task_role)
        except AwsError as error:
            raise TaskFailed(f"{_unable(task_role)} ({error.code}: {error.message})") from error
        return credentials

    def _assume(self, role: str, session: str) -> Credentials:
        now = self._site.clock.now()
        kept = self._kept.get((role, session))
        if kept is None or now - kept[0] > _CREDENTIAL_SECONDS:
            # The source of this aws:SourceArn: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
            source = arn_of("ecs", "*", region=self._site.region, account=account_of(role))
            kept = (now, self._site.assume(role, "ecs-tasks.amazonaws.com", session, source_arn=source))
            self._kept[(role, session)] = kept
        return kept[1]


def _unable(role: str | None) -> str:
    return (
        f"ECS was unable to assume the role '{role}' that was provided for this task. Please verify that the role being "
        "passed has the proper trust relationship and permissions and that your IAM user has permissions to pass this role."
    )
