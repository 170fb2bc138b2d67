"""The texts of service events and rollout reasons, as AWS writes them.

Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html
"""

from __future__ import annotations

from collections.abc import Sequence


def tasks(ids: Sequence[str]) -> str:
    return " ".join(f"(task {task_id})" for task_id in ids)


def started(service: str, ids: Sequence[str], replaced: int) -> str:
    text = f"(service {service}) has started {len(ids)} tasks: {tasks(ids)}."
    if replaced:
        text += f" Amazon ECS replaced {replaced} tasks due to an unhealthy status."
    return text


def stopped(service: str, ids: Sequence[str]) -> str:
    return f"(service {service}) has stopped {len(ids)} running tasks: {tasks(ids)}."


def registered(service: str, count: int, target_group: str) -> str:
    return f"(service {service}) registered {count} targets in (target-group {target_group})"


def deregistered(service: str, count: int, target_group: str) -> str:
    return f"(service {service}) deregistered {count} targets in (target-group {target_group})"


def draining(service: str, count: int) -> str:
    return f"(service {service}) has begun draining connections on {count} tasks."


def target_unhealthy(service: str, port: int, target_group: str, reason: str) -> str:
    return (
        f"(service {service}) (port {port}) is unhealthy in (target-group {target_group}) "
        f"due to (reason {reason or 'Health checks failed'})"
    )


def container_unhealthy(service: str, task_id: str) -> str:
    return f"(service {service}) (task {task_id}) failed container health checks."


def steady(service: str) -> str:
    return f"(service {service}) has reached a steady state."


def completed(service: str, deployment: str) -> str:
    return f"(service {service}) (deployment {deployment}) deployment completed."


def failed(service: str, deployment: str, cause: str) -> str:
    return f"(service {service}) (deployment {deployment}) deployment failed: {cause}."


def rolling_back(service: str, deployment: str) -> str:
    return f"(service {service}) rolling back to deployment {deployment}."


def impaired(service: str) -> str:
    return (
        f"(service {service}) is unable to consistently start tasks successfully. "
        "For more information, see the Troubleshooting section."
    )


def not_placed(service: str, reason: str) -> str:
    return f"(service {service}) was unable to place a task. Reason: {reason}"


def deadlocked(service: str) -> str:
    return (
        f"(service {service}) was unable to stop or start tasks during a deployment because of the service deployment "
        "configuration. Update the minimumHealthyPercent or maximumPercent value and try again."
    )


def hooks_failed(stage: str, problem: str) -> str:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/troubleshooting-blue-green.html"""
    return f"Service deployment rolled back because {stage} lifecycle hook(s) failed. {problem}"


def pause_timed_out(stage: str) -> str:
    return f"Service deployment rolled back because {stage} pause hook timed out."


def timed_out(what: str) -> str:
    """Words of a stage or deployment that took too long; not on record."""
    return f"Service deployment rolled back because {what} timed out."


BREAKER_STATUS = "Service deployment rolled back because the circuit breaker threshold was exceeded."
NO_CANDIDATE = "No rollback candidate was found to run the rollback."


def in_progress(deployment: str) -> str:
    return f"ECS deployment {deployment} in progress."


def rollout_completed(deployment: str) -> str:
    return f"ECS deployment {deployment} completed."


ROLLOUT_FAILED = "ECS deployment circuit breaker: tasks failed to start."


def rollout_rolling_back(deployment: str, monitor: str) -> str:
    """Words of a rollback's deployment; on record for the circuit breaker."""
    return f"ECS deployment {monitor}: rolling back to deploymentId {deployment}."
