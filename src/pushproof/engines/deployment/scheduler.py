"""The ECS service scheduler: tasks to start, tasks to stop, and the outcome of a deployment.

Create a service, pass observations to `decide`, carry out the actions it returns, and call it again at
`Decision.wake_at`. Percentages, the circuit breaker and the wording of events are AWS's:
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html

Not decided here: Availability Zone rebalancing and placement. When tasks must go, those
that are not healthy go first, then the oldest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from .configuration import DeploymentConfiguration, DeploymentSettings
from .errors import InvalidDeploymentConfiguration, InvalidHook, ServiceDeploymentConflict, ServiceDeploymentNotFound
from .exchange import Decision, Observation
from .passes import Pass
from .state import LoadBalancer, Revision, ServiceState
from .strategy import HookAction

# "Tasks per service": https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html
MOST_TASKS = 5000


def create_service(
    *,
    service_arn: str,
    cluster_arn: str,
    name: str,
    task_definition: str,
    desired_count: int,
    now: float,
    seed: str = "",
    configuration: DeploymentConfiguration | None = None,
    settings: DeploymentSettings | None = None,
    grace_seconds: float = 0.0,
    container_check: bool = False,
    load_balancers: Iterable[LoadBalancer] = (),
    task_set_id: str = "",
) -> Decision:
    """A new service and its first deployment.

    `container_check` says whether an essential container of the task definition has a health check;
    `grace_seconds` is healthCheckGracePeriodSeconds. `seed` should differ between services: ids come from it.
    `task_set_id`: the service is one task set of a service, with this id.

    Raises:
        InvalidDeploymentConfiguration: a negative or fractional count or grace period, or more tasks than a service can have.
    """
    _tasks("desiredCount", desired_count)
    _not_negative("healthCheckGracePeriodSeconds", grace_seconds)
    state = ServiceState(
        service_arn=service_arn,
        cluster_arn=cluster_arn,
        name=f"{name}, taskSet {task_set_id}" if task_set_id else name,
        task_set_id=task_set_id,
        seed=seed or service_arn,
        desired_count=desired_count,
        configuration=configuration or DeploymentConfiguration(),
        settings=settings or DeploymentSettings(),
        grace_seconds=grace_seconds,
    )
    step = Pass(state, now)
    step.begin(_revision(state, task_definition, now, container_check, tuple(load_balancers)))
    return step.reconcile()


def decide(state: ServiceState, observations: Iterable[Observation], now: float) -> Decision:
    """Apply observations in their order, and return the actions due at `now`.

    Call it without observations at `wake_at`. Observations of stopped tasks are ignored.
    """
    step = Pass(state, now)
    step.expire()
    step.take_in(observations)
    return step.reconcile()


def update_service(
    state: ServiceState,
    now: float,
    *,
    task_definition: str | None = None,
    container_check: bool | None = None,
    load_balancers: Iterable[LoadBalancer] | None = None,
    desired_count: int | None = None,
    configuration: DeploymentConfiguration | None = None,
    grace_seconds: float | None = None,
    force_new_deployment: bool = False,
) -> Decision:
    """UpdateService. Omitted parts stay, as the primary deployment has them: after a rollback, those of its target.

    A new deployment begins if the task definition, its container check or the load balancers change, or if the caller
    forces one. The desired count, the deployment configuration and the grace period apply to running deployments too.
    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html

    Raises:
        InvalidDeploymentConfiguration: a negative or fractional count or grace period.
    """
    # Everything is validated before anything changes: a refused call leaves no trace.
    if desired_count is not None:
        _tasks("desiredCount", desired_count)
    if grace_seconds is not None:
        _not_negative("healthCheckGracePeriodSeconds", grace_seconds)
    if desired_count is not None:
        grown = desired_count - state.desired_count
        if grown > 0 and len(state.deployments) > 1:
            state.source_cap += grown
        state.desired_count = desired_count
        state.primary.deadlock_reported = False
    if grace_seconds is not None:
        state.grace_seconds = grace_seconds
    if configuration is not None:
        state.configuration = configuration
        state.primary.deadlock_reported = False
    step = Pass(state, now)
    step.expire()
    current = state.primary.revision
    configured = tuple(balancer.configured for balancer in current.load_balancers)
    target = Revision(
        arn=current.arn,
        created_at=current.created_at,
        task_definition=current.task_definition if task_definition is None else task_definition,
        container_check=current.container_check if container_check is None else container_check,
        load_balancers=configured if load_balancers is None else tuple(load_balancers),
    )
    if force_new_deployment or target != replace(current, load_balancers=configured):
        step.begin(_revision(state, target.task_definition, now, target.container_check, target.load_balancers))
    return step.reconcile()


def stop_service_deployment(
    state: ServiceState, now: float, service_deployment_arn: str, stop_type: str = "ROLLBACK"
) -> Decision:
    """StopServiceDeployment: roll back to the last completed deployment, whatever the circuit breaker says.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stop-service-deployment.html

    Raises:
        InvalidDeploymentConfiguration: a stop type other than ROLLBACK, the only one AWS accepts.
        ServiceDeploymentNotFound: no such service deployment.
        ServiceDeploymentConflict: it has ended.
    """
    if stop_type != "ROLLBACK":
        raise InvalidDeploymentConfiguration("stopType", stop_type, "ROLLBACK")
    record = next((entry for entry in state.records if entry.arn == service_deployment_arn), None)
    if record is None:
        raise ServiceDeploymentNotFound(
            f"There is no service deployment {service_deployment_arn}; ListServiceDeployments names those there are."
        )
    if record.ended or record is not state.record:
        raise ServiceDeploymentConflict(
            f"Service deployment {service_deployment_arn} is {record.status}; only one in progress can be stopped."
        )
    step = Pass(state, now)
    step.expire()
    if record.rollback is None:
        step.fail(True, state.settings.stop_reason, bridge=False)
    return step.reconcile()


def continue_service_deployment(
    state: ServiceState, now: float, service_deployment_arn: str, hook_id: str, action: HookAction = "CONTINUE"
) -> Decision:
    """ContinueServiceDeployment: let a deployment that is paused at a hook go on, or roll back.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/continue-service-deployment.html

    Raises:
        ServiceDeploymentNotFound: no such service deployment.
        InvalidHook: the deployment has ended, or no pause with this id waits for an answer.
    """
    record = next((entry for entry in state.records if entry.arn == service_deployment_arn), None)
    if record is None:
        raise ServiceDeploymentNotFound(
            f"There is no service deployment {service_deployment_arn}; ListServiceDeployments names those there are."
        )
    if record.ended or record is not state.record:
        raise InvalidHook("Continuing a service deployment is not allowed for service deployment in terminal states.")
    step = Pass(state, now)
    # Before anything changes, so that a refused call leaves no trace; what is due by now follows.
    step.continue_hook(hook_id, action)
    step.expire()
    return step.reconcile()


def delete_service(state: ServiceState, now: float) -> Decision:
    """Stop every task, even below the minimum. The service is gone when `state.tasks` is empty."""
    state.desired_count = 0
    state.deleting = True
    return Pass(state, now).reconcile()


def _revision(
    state: ServiceState, task_definition: str, now: float, check: bool, balancers: tuple[LoadBalancer, ...]
) -> Revision:
    path = state.service_arn.replace(":service/", ":service-revision/", 1)
    return Revision(f"{path}/{state.new_number('revision')}", task_definition, now, check, balancers)


def _tasks(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_TASKS:
        raise InvalidDeploymentConfiguration(name, value, f"a whole number from 0 to {MOST_TASKS}")


def _not_negative(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 2_147_483_647:
        raise InvalidDeploymentConfiguration(name, value, "seconds from 0 to 2,147,483,647")
