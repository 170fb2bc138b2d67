"""A rollback, waited for from the deployment's beginning until the previous revision is COMPLETED again."""

from __future__ import annotations

from pushproof.drill.context import Context
from pushproof.drill.discovery.services import breaker_of
from pushproof.drill.executions import build_log, ended_execution
from pushproof.drill.observation import Serving, wait_for
from pushproof.drill.settings import ProofFailed
from pushproof.drill.shifting.records import newest

#: Failed tasks of a deployment after which no start of it is expected to succeed.
_CONVINCING = 3


def await_rollback(context: Context, commit: str, before: Serving, earlier: str) -> str:
    """Wait until the breaker trips on a commit and the old revision is COMPLETED again; returns what the breaker counted.

    `earlier`: the newest service deployment before the push, which may be a rollback of another push.

    Raises ProofFailed when the push fails at another stage, and as soon as it is known that no rollback can come: the breaker is
    off, it does not roll back, or there is no completed deployment to return to.
    """
    wait_for(
        lambda: _begun(context, before, earlier) or _failed_early(context, commit),
        what=f"the deployment of {commit[:7]} to begin",
        clock=context.target.clock,
        within=context.deadline("pipeline", context.settings.patience),
        watch=context.show_progress,
        last=context.observer.summary,
    )
    breaker = wait_for(
        lambda: (
            _rollback_record(context, earlier)
            or _hopeless(context, before)
            or _failed_deployment(context, before)
            or _failed_early(context, commit)
        ),
        what="the circuit breaker to trip",
        clock=context.target.clock,
        within=context.deadline("rollback", context.settings.patience),
        watch=context.show_progress,
        last=lambda: _deployments(context),
    )
    context.narrator.claim(breaker)
    wait_for(
        lambda: _restored(context, before),
        what="the previous revision to be COMPLETED again",
        clock=context.target.clock,
        within=context.deadline("restored", context.settings.patience),
        watch=context.show_progress,
        last=lambda: str(context.observer.serving()),
    )
    context.narrator.claim("the previous revision is COMPLETED again, unaided")
    return breaker


def _begun(context: Context, before: Serving, earlier: str) -> str | None:
    """Return a word once the service has a deployment of another revision, or a record of its rollback."""
    deployed = {deployment["taskDefinition"] for deployment in context.observer.service()["deployments"]}
    return "begun" if deployed - before.task_definitions or _rollback_record(context, earlier) else None


def _hopeless(context: Context, before: Serving) -> str | None:
    """Return None; raise ProofFailed, with the cause, once a deployment fails and nothing will roll it back.

    Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
    """
    service = context.observer.service()
    breaker = breaker_of(service)
    if breaker.rollback and (breaker.enabled or breaker.alarms):
        return None
    name = context.delivery.service
    for deployment in service["deployments"]:
        if deployment["taskDefinition"] in before.task_definitions:
            continue
        if not breaker.enabled and not breaker.alarms and deployment.get("failedTasks", 0) >= _CONVINCING:
            raise ProofFailed(
                f"service {name} has no deployment circuit breaker (deploymentCircuitBreaker.enable is false): "
                f"{deployment['failedTasks']} tasks of the broken revision have failed, and ECS starts it again without end. "
                "Set deployment_circuit_breaker { enable = true, rollback = true } of the aws_ecs_service"
            )
        if deployment.get("rolloutState") == "FAILED":
            raise ProofFailed(
                f"the deployment of the broken revision is FAILED, and nothing rolls it back: service {name} has "
                "deploymentCircuitBreaker.rollback = false. Set deployment_circuit_breaker { enable = true, rollback = true } "
                f"of the aws_ecs_service. ECS says: {deployment.get('rolloutStateReason', '')}"
            )
    return None


def _failed_deployment(context: Context, before: Serving) -> str | None:
    """Return the reason of a FAILED deployment of another revision."""
    for deployment in context.observer.service()["deployments"]:
        if deployment["taskDefinition"] not in before.task_definitions:
            failed = deployment.get("rolloutState") == "FAILED"
            return str(deployment["rolloutStateReason"]) if failed else None
    return None


def _restored(context: Context, before: Serving) -> bool | None:
    """Return True once the old revision is the only deployment, COMPLETED, and runs."""
    service = context.observer.service()
    primary = next(d for d in service["deployments"] if d["status"] == "PRIMARY")
    done = (
        primary["taskDefinition"] in before.task_definitions
        and primary.get("rolloutState") == "COMPLETED"
        and len(service["deployments"]) == 1
        and context.observer.serving().task_definitions == before.task_definitions
    )
    return True if done else None


def _rollback_record(context: Context, earlier: str) -> str | None:
    """Return what the newest service deployment's record says of a rollback."""
    latest = newest(context)
    if latest is None or latest["serviceDeploymentArn"] == earlier or not str(latest["status"]).startswith("ROLLBACK"):
        return None
    record = context.target.client("ecs").describe_service_deployments(
        serviceDeploymentArns=[latest["serviceDeploymentArn"]]
    )
    shown = record["serviceDeployments"][0]
    breaker, alarms = shown.get("deploymentCircuitBreaker", {}), shown.get("alarms", {})
    if breaker.get("status") != "TRIGGERED":
        tripped = ", ".join(alarms.get("triggeredAlarmNames", ()))
        return f"alarm {tripped} went off" if tripped else str(shown.get("statusReason") or shown["status"])
    counted = f"{breaker.get('failureCount')} of {breaker.get('threshold')}"
    return f"circuit breaker {breaker.get('status')} at {counted} failed tasks"


def _failed_early(context: Context, commit: str) -> str | None:
    """Raise ProofFailed when a commit's execution failed at another stage than its variant's."""
    execution = ended_execution(context, commit)
    if execution is None:
        return None
    stage, message = context.observer.failure(execution["pipelineExecutionId"])
    expected = context.delivery.deploy_stage
    if stage in ("", expected):
        return None
    actual = f"{execution['status']} at {stage}: {message}"
    raise ProofFailed(f"the broken push should fail at {expected}; it is {actual}\n{build_log(context)}")


def _deployments(context: Context) -> str:
    deployments = context.observer.service()["deployments"]
    return str([(d["status"], d.get("rolloutState"), d.get("failedTasks")) for d in deployments])
