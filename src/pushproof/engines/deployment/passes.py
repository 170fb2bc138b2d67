"""One pass of the scheduler over one service: apply observations, then stop tasks, start tasks, and judge the deployment.

The order matters: stops come before starts, since a task on its way out makes room; the deployment is judged last,
on the state after the pass. Every loop runs over the tasks it changes, never over all tasks.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from . import wording
from .exchange import (
    AlarmsRead,
    Decision,
    DeregisterTarget,
    HookAnswered,
    ListenersChecked,
    Observation,
    RegisterTarget,
    StartTask,
    StopTask,
    TargetDrained,
    TargetHealthChanged,
    TaskHealthChanged,
    TaskInterrupted,
    TaskNotPlaced,
    TaskRunning,
    TaskStopped,
    TrafficShifted,
)
from .shifting import Shifting
from .state import Deployment, Group, ServiceState, Task

# The ends of tasks that say nothing of their revision.
_NO_FAILURE = ("UserInitiated", "SpotInterruption", "TerminationNotice")
_NOT_HEALTHY: tuple[Group, ...] = ("UNHEALTHY", "PENDING", "WARMING")


class Pass(Shifting):
    """The state, the instant, and the decision being put together."""

    def __init__(self, state: ServiceState, now: float) -> None:
        super().__init__(state, now)
        self._registered: dict[str, int] = {}
        self._deregistered: dict[str, int] = {}
        self._draining = 0
        self._stopped: list[str] = []

    # Observations --------------------------------------------------------------------------------------------

    def take_in(self, observations: Iterable[Observation]) -> None:
        """Bring tasks up to date; an observation about a task that is gone is ignored."""
        tasks = self.state.tasks
        for observation in observations:
            if isinstance(observation, AlarmsRead):
                self.take_alarms(observation)
                continue
            if isinstance(observation, ListenersChecked | TrafficShifted | HookAnswered):
                self.take_shift(observation)
                continue
            task = tasks.get(observation.task_id)
            if task is None:
                continue
            match observation:
                case TaskRunning():
                    self._running(task)
                case TaskHealthChanged(status=status):
                    task.health = status
                    self.classify(task)
                case TargetHealthChanged(target_group_arn=arn, state=name, description=description):
                    self._target(task, arn, name, description)
                case TargetDrained(target_group_arn=arn):
                    task.targets.pop(arn, None)
                    if task.group == "DRAINING" and not task.targets:
                        self._stop_now(task)
                case TaskStopped():
                    self._gone(task, observation)
                case TaskInterrupted():
                    # A replacement starts at once, and the targets drain while the task stops.
                    self.stop(task)
                case TaskNotPlaced(reason=reason, resource=resource, providers=providers):
                    more = {"capacityProviderArns": list(providers)} if providers else {}
                    self.action("SERVICE_TASK_PLACEMENT_FAILURE", "ERROR", **more, reason=resource or reason)
                    self._gone(task, TaskStopped(task.id, "TaskFailedToStart", reason))

    def expire(self) -> None:
        """Look again at tasks whose 40 s wait or grace period has ended."""
        timers = self.state.timers
        while timers and timers[0][0] <= self.now:
            task = self.state.tasks.get(heapq.heappop(timers)[1])
            if task is not None:
                self.classify(task)

    def _running(self, task: Task) -> None:
        if task.group != "PENDING":
            return
        state, owner = self.state, self.state.owner(task)
        task.running_at = self.now
        owner.reached_running = True
        owner.start_failures = owner.throttle_rounds = 0
        owner.not_before = 0.0
        if state.settings.reset_on_running:
            self.reset(owner)
        for balancer in task.revision.load_balancers:
            arn = balancer.group
            task.targets[arn] = "initial"
            self._registered[arn] = self._registered.get(arn, 0) + 1
            self.decision.actions.append(RegisterTarget(task.id, arn, balancer.container_name, balancer.container_port))
        if state.grace_seconds > 0:
            heapq.heappush(state.timers, (self.now + state.grace_seconds, task.id))
        if (not task.revision.load_balancers or state.task_set_id) and not task.revision.container_check:
            heapq.heappush(state.timers, (self.now + state.settings.steady_wait_seconds, task.id))
        self.classify(task)

    def _target(self, task: Task, arn: str, name: Any, description: str) -> None:
        if arn not in task.targets:
            return
        task.targets[arn] = name
        if name == "unhealthy":
            task.why_unhealthy = description
        self.classify(task)

    def classify(self, task: Task) -> None:
        """Move a task to the group that its health calls for, and update the failure count."""
        group = self._group(task)
        if group == task.group:
            return
        owner = self.state.owner(task)
        self.state.move(task, group, owner)
        if group == "HEALTHY":
            task.was_healthy = True
            task.failure_counted = False
            owner.most_healthy = max(owner.most_healthy, len(owner.groups["HEALTHY"]))
            if self.state.configuration.breaker.reset_on_healthy_task:
                self.reset(owner)
        elif group == "UNHEALTHY":
            self._report_unhealthy(task)
            if not task.failure_counted:
                task.failure_counted = True
                self.count_failure(owner)

    def _group(self, task: Task) -> Group:
        if task.group in ("DRAINING", "STOPPING") or task.running_at is None:
            return task.group
        revision, state = task.revision, self.state
        failing = (revision.container_check and task.health == "UNHEALTHY") or "unhealthy" in task.targets.values()
        if failing:
            return "WARMING" if self.now < task.running_at + state.grace_seconds else "UNHEALTHY"
        if revision.container_check and task.health != "HEALTHY":
            return "WARMING"
        # A task set is steady before a listener uses its target group, so without checks of the load balancer:
        # https://docs.aws.amazon.com/codedeploy/latest/userguide/troubleshooting-ecs.html#troubleshooting-ecs-task-set-stability
        checks = [name for name in task.targets.values() if name != "unused" or not state.task_set_id]
        if checks:
            return "HEALTHY" if all(name == "healthy" for name in checks) else "WARMING"
        if revision.container_check or self.now >= task.running_at + state.settings.steady_wait_seconds:
            return "HEALTHY"
        return "WARMING"

    def _report_unhealthy(self, task: Task) -> None:
        service = self.state.name
        if task.revision.container_check and task.health == "UNHEALTHY":
            task.stop_reason = "Task failed container health checks"
            self.event(wording.container_unhealthy(service, task.id))
        for balancer in task.revision.load_balancers:
            arn = balancer.group
            if task.targets.get(arn) == "unhealthy":
                task.stop_reason = f"Task failed ELB health checks in (target-group {arn})"
                self.event(wording.target_unhealthy(service, balancer.container_port, arn, task.why_unhealthy))

    def _gone(self, task: Task, stop: TaskStopped) -> None:
        state, settings = self.state, self.state.settings
        owner, group = state.owner(task), task.group
        owner.groups[group].pop(task.id, None)
        del state.tasks[task.id]
        if group == "STOPPING":
            return
        for arn in task.targets if group != "DRAINING" else ():
            self._deregister(task.id, arn)
        if group == "DRAINING" or stop.stop_code in _NO_FAILURE:
            return
        if group == "PENDING":
            if stop.stop_code == "TaskFailedToStart" and stop.reason:
                self.event(wording.not_placed(state.name, stop.reason))
            self._throttle(owner)
            if settings.count_start_failures_after_running or not owner.reached_running:
                self.count_failure(owner)
        elif not task.failure_counted and (
            settings.count_exit_after_healthy if task.was_healthy else settings.count_exit_before_healthy
        ):
            self.count_failure(owner)

    def _throttle(self, owner: Deployment) -> None:
        settings = self.state.settings
        owner.start_failures += 1
        if owner.start_failures < settings.throttle_after_failures or self.now < owner.not_before:
            return
        wait = settings.throttle_first_seconds * 2 ** min(owner.throttle_rounds, 20)
        owner.not_before = self.now + min(wait, settings.throttle_maximum_seconds)
        owner.throttle_rounds += 1
        if owner.throttle_rounds == 1:
            self.event(wording.impaired(self.state.name))
            self.action("SERVICE_TASK_START_IMPAIRED", "WARN")

    # Actions -------------------------------------------------------------------------------------------------

    def reconcile(self) -> Decision:
        """Move the service towards its desired count, within its limits."""
        if self.state.deleting:
            self._stop_all()
        else:
            self.advance()
            self._drop_superseded()
            self._lower_cap()
            self._stop_previous()
            self._replace_unhealthy(self.state.primary, self.state.desired_count)
            source = self._source()
            if source is not None:
                self._replace_unhealthy(source, self.state.source_cap)
            self._stop_surplus()
            self._start(source)
        self._flush()
        if not self.state.deleting:
            self._judge()
            self.watch_alarms()
        self._forget_empty()
        if self.state.timers:
            self.wake(self.state.timers[0][0])
        return self.decision

    def _room(self) -> int:
        state = self.state
        if self.two_sided:
            # "maximumPercent" bounds rolling updates only.
            return len(state.tasks) + state.desired_count + 1
        occupied = state.active_count
        if state.settings.stopping_tasks_count_towards_maximum:
            occupied = len(state.tasks)
        return state.configuration.maximum(state.desired_count) - occupied

    def _slack(self) -> int:
        """Healthy tasks that may stop without going below the minimum."""
        state = self.state
        return max(0, state.healthy_count - state.configuration.minimum_healthy(state.desired_count))

    def _source(self) -> Deployment | None:
        """The previous deployment whose own tasks are replaced by tasks of its own revision.

        https://aws.amazon.com/about-aws/whats-new/2025/11/amazon-ecs-service-availability-rolling-deployments
        """
        completed = self.state.completed
        return completed if completed is not None and completed in self.state.deployments[1:] else None

    def _drop_superseded(self) -> None:
        if self.two_sided:
            self._drop_leftovers()
            return
        if not self.state.settings.stop_superseded_starting_tasks:
            return
        for deployment in self.state.older():
            if not deployment.completed_once:
                self._stop_some(deployment, _NOT_HEALTHY, len(self.state.tasks))

    def _drop_leftovers(self) -> None:
        """Stop the tasks of replaced deployments, once they have no traffic any more."""
        rollout = self.state.rollout
        assert rollout is not None
        if rollout.phase in ("CHECK", "SHIFT") and rollout.stage == "RECONCILE_SERVICE":
            return
        for deployment in self.leftovers():
            self._stop_some(deployment, (*_NOT_HEALTHY, "HEALTHY"), len(self.state.tasks))

    def _lower_cap(self) -> None:
        """Return the number of tasks that previous deployments keep at the primary's present progress."""
        state, primary = self.state, self.state.primary
        if self.two_sided:
            assert state.rollout is not None
            state.source_cap = 0 if state.rollout.stage == "CLEAN_UP" else state.desired_count
            return
        if len(state.deployments) == 1 or primary.rollout_state == "FAILED":
            return
        desired, configuration = state.desired_count, state.configuration
        eager = state.settings.stop_source_tasks_eagerly
        goal = configuration.minimum_healthy(desired) if eager else desired
        cap = max(0, goal - primary.most_healthy)
        if primary.rollout_state == "COMPLETED" or self._early_success_reached(primary):
            cap = 0
        short = 0 if eager else desired - primary.count("PENDING", "WARMING", "HEALTHY") - self._room()
        if short > 0:
            previous = sum(deployment.active for deployment in state.older())
            spare = sum(deployment.count(*_NOT_HEALTHY) for deployment in state.older()) + self._slack()
            cap = min(cap, previous - min(short, spare))
        state.source_cap = min(state.source_cap, max(0, cap))

    def _stop_previous(self) -> None:
        state = self.state
        older = state.older()
        if self.two_sided:
            replaced = self.leftovers() if state.source_cap else []
            for deployment in older:
                if deployment not in replaced:
                    self._stop_some(deployment, (*_NOT_HEALTHY, "HEALTHY"), deployment.active - state.source_cap)
            return
        surplus = sum([deployment.active for deployment in older]) - state.source_cap
        if surplus <= 0:
            return
        for deployment in older:
            surplus -= self._stop_some(deployment, _NOT_HEALTHY, surplus)
        for deployment in sorted(older, key=lambda candidate: candidate is state.completed):
            surplus -= self._stop_some(deployment, ("HEALTHY",), min(surplus, self._slack()))

    def _replace_unhealthy(self, deployment: Deployment, goal: int) -> None:
        """Stop tasks that fail their checks: new tasks at once, proven tasks when their replacement is healthy.

        Without room for a replacement, proven tasks stop one by one.
        """
        state = self.state
        unhealthy = deployment.groups["UNHEALTHY"]
        if not unhealthy:
            return
        if deployment.rollout_state == "FAILED" and state.settings.failed_deployment_keeps_unhealthy_tasks:
            return
        never = [task_id for task_id in unhealthy if not state.tasks[task_id].was_healthy]
        for task_id in never:
            self.stop(state.tasks[task_id])
        deployment.replacing += len(never)
        missing = max(0, goal - len(deployment.groups["HEALTHY"]))
        deployment.replacing += self._stop_some(deployment, ("UNHEALTHY",), len(unhealthy) - missing)
        short = goal - deployment.count("PENDING", "WARMING", "HEALTHY")
        idle = not deployment.count("PENDING", "WARMING", "DRAINING", "STOPPING")
        if short > 0 and self._room() <= 0 and idle:
            deployment.replacing += self._stop_some(deployment, ("UNHEALTHY",), 1)

    def _stop_surplus(self) -> None:
        state, primary = self.state, self.state.primary
        surplus = primary.count("PENDING", "WARMING", "HEALTHY") - state.desired_count
        if surplus <= 0:
            return
        surplus -= self._stop_some(primary, ("PENDING", "WARMING"), surplus)
        self._stop_some(primary, ("HEALTHY",), min(surplus, self._slack()))

    def _stop_all(self) -> None:
        for deployment in self.state.deployments:
            self._stop_some(deployment, (*_NOT_HEALTHY, "HEALTHY"), len(self.state.tasks))

    def _stop_some(self, deployment: Deployment, groups: Iterable[Group], most: int) -> int:
        """Stop up to `most` tasks, first group first, oldest first; return the number of stopped tasks."""
        done = 0
        for group in groups:
            if done >= most:
                break
            for task_id in list(islice(deployment.groups[group], most - done)):
                self.stop(self.state.tasks[task_id])
                done += 1
        return done

    def stop(self, task: Task) -> None:
        """Take a task out of service; its targets drain first."""
        if task.group in ("DRAINING", "STOPPING"):
            return
        self.state.steady = False
        if not task.targets:
            self._stop_now(task)
            return
        self.state.move(task, "DRAINING")
        self._draining += 1
        for arn in task.targets:
            self._deregister(task.id, arn)

    def _stop_now(self, task: Task) -> None:
        if task.running_at is not None:
            self._stopped.append(task.id)
        owner = self.state.owner(task)
        reason = task.stop_reason or f"Scaling activity initiated by (deployment {owner.id})"
        self.state.move(task, "STOPPING", owner)
        self.decision.actions.append(StopTask(task.id, reason))

    def _deregister(self, task_id: str, arn: str) -> None:
        self._deregistered[arn] = self._deregistered.get(arn, 0) + 1
        self.decision.actions.append(DeregisterTarget(task_id, arn))

    def _start(self, source: Deployment | None) -> None:
        state, primary = self.state, self.state.primary
        if source is not None:
            occupied = sum(deployment.count("PENDING", "WARMING", "HEALTHY") for deployment in state.older())
            self._launch(source, state.source_cap - occupied)
        if primary.rollout_state != "FAILED" and (state.rollout is None or state.rollout.scaled):
            self._launch(primary, state.desired_count - primary.count("PENDING", "WARMING", "HEALTHY"))

    def _launch(self, deployment: Deployment, most: int) -> None:
        count = min(most, self._room())
        if count <= 0:
            return
        if self.now < deployment.not_before:
            self.wake(deployment.not_before)
            return
        started = [self._new_task(deployment) for _ in range(count)]
        replaced = min(count, deployment.replacing)
        deployment.replacing = 0
        deployment.updated_at = self.now
        self.event(wording.started(self.state.name, started, replaced))

    def _new_task(self, deployment: Deployment) -> str:
        state, revision = self.state, deployment.revision
        task = Task(state.new_id("task"), deployment.id, revision)
        state.tasks[task.id] = task
        deployment.groups["PENDING"][task.id] = None
        state.steady = False
        self.decision.actions.append(StartTask(task.id, deployment.id, revision.arn, revision.task_definition))
        return task.id

    # Outcome of a deployment ---------------------------------------------------------------------------------

    def _early_success_reached(self, primary: Deployment) -> bool:
        early = self.state.configuration.early_success
        if early is None or primary.rollout_state != "IN_PROGRESS":
            return False
        return len(primary.groups["HEALTHY"]) >= -(-self.state.desired_count * early.healthy_percent // 100)

    def _previous_gone(self) -> bool:
        waits = self.state.settings.completion_waits_for_stop
        leaving: tuple[Group, ...] = ("DRAINING", "STOPPING")
        return not any(deployment.active or (waits and deployment.count(*leaving)) for deployment in self.state.older())

    def _judge(self) -> None:
        state, primary = self.state, self.state.primary
        full = len(primary.groups["HEALTHY"]) == state.desired_count == primary.active
        alone = self._previous_gone()
        if primary.rollout_state == "IN_PROGRESS":
            early = state.configuration.early_success
            ready = (full and alone) or (
                early is not None and self._early_success_reached(primary) and (alone or early.cleanup == "DEFERRED")
            )
            if ready and self._passed(primary):
                self.complete(primary)
            elif not ready:
                self._report_deadlock(primary)
        leaving = primary.count("DRAINING", "STOPPING") if state.settings.completion_waits_for_stop else 0
        steady = full and alone and primary.rollout_state == "COMPLETED" and not leaving
        if steady and not state.steady:
            self.event(wording.steady(state.name))
            self.action("SERVICE_STEADY_STATE", "INFO")
        state.steady = steady

    def _passed(self, primary: Deployment) -> bool:
        """Return whether the deployment is through its stages, or its bake time."""
        rollout = self.state.rollout
        return self.baked(primary) if rollout is None else rollout.over

    def _report_deadlock(self, primary: Deployment) -> None:
        state = self.state
        if primary.deadlock_reported or self._room() > 0:
            return
        if primary.count("PENDING", "WARMING", "HEALTHY") >= state.desired_count:
            return
        moving: tuple[Group, ...] = ("PENDING", "WARMING", "UNHEALTHY", "DRAINING", "STOPPING")
        if any(deployment.count(*moving) for deployment in state.deployments):
            return
        primary.deadlock_reported = True
        self.event(wording.deadlocked(state.name))

    def _forget_empty(self) -> None:
        older = self.state.older()
        for deployment in older:
            if not any(deployment.groups.values()):
                deployment.status = "INACTIVE"
                self.state.deployments.remove(deployment)

    # Service events ------------------------------------------------------------------------------------------

    def _flush(self) -> None:
        name = self.state.name
        for arn, count in self._registered.items():
            self.event(wording.registered(name, count, arn))
        if self._draining:
            self.event(wording.draining(name, self._draining))
        for arn, count in self._deregistered.items():
            self.event(wording.deregistered(name, count, arn))
        if self._stopped:
            self.event(wording.stopped(name, self._stopped))


def listed(state: ServiceState) -> Iterator[Deployment]:
    """The deployments DescribeServices shows, newest first: the primary, and those that still hold tasks."""
    return (deployment for deployment in state.deployments if deployment.status != "INACTIVE")
