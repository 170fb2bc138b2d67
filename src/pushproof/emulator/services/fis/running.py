"""Experiments that run: targets resolved, actions begun in their order and ended in time, with the role's permissions.

https://docs.aws.amazon.com/fis/latest/userguide/experiments.html
"""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, Literal

from botocore.exceptions import ClientError

from pushproof.emulator.kernel.context import Credentials
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.loop import Outcome
from pushproof.engines.experiments import duration, kind_of, ready
from pushproof.engines.faults import ApiFails, ApiFailure, Fault, SubnetsCut

from .model import ActionState, Experiment, state_shape
from .targets import resolved
from .taskfaults import PREFIX, task_faults

if TYPE_CHECKING:
    from pushproof.emulator.kernel.faults import FaultInjector
    from pushproof.emulator.kernel.site import Site

_PRINCIPAL = "fis.amazonaws.com"
_ALARMS = "aws:cloudwatch:alarm"
# AWS seconds between two looks at the alarms of stop conditions.
_LOOK = 5.0
_FAILURES: dict[str, ApiFailure] = {
    "aws:fis:inject-api-internal-error": "internal",
    "aws:fis:inject-api-throttle-error": "throttle",
    "aws:fis:inject-api-unavailable-error": "unavailable",
}
# https://docs.aws.amazon.com/fis/latest/userguide/getting-started-iam-service-role.html
_PERMISSIONS: dict[ApiFailure, str] = {
    "internal": "fis:InjectApiInternalError",
    "throttle": "fis:InjectApiThrottleError",
    "unavailable": "fis:InjectApiUnavailableError",
}
_CUTTING = ("ec2:CreateNetworkAcl", "ec2:ReplaceNetworkAclAssociation", "ec2:CreateNetworkAclEntry")


class Runner:
    """Runs experiments. Everything happens under the world's lock, except the calls that the role makes."""

    def __init__(self, site: Site, injector: FaultInjector) -> None:
        self._site = site
        self._injector = injector

    def start(self, experiment: Experiment) -> None:
        """Begin an experiment, and return at once."""
        self._site.loop.call_soon(partial(self._initiate, experiment), name=f"experiment {experiment.id}")

    def stop(self, experiment: Experiment, reason: str) -> None:
        """Stop an experiment: end its faults, and begin no further action."""
        self._end(experiment, "stopped", reason)

    def look(self, experiment: Experiment) -> None:
        """Look at the alarms of an experiment's stop conditions now, if it waits for the next look."""
        if experiment.watch is not None:
            experiment.watch.cancel()
            experiment.watch = None
            self._watch(experiment)

    def close(self, experiments: list[Experiment]) -> None:
        """End the faults of all experiments."""
        for experiment in experiments:
            for state in experiment.actions.values():
                self._quiet(state)

    # The beginning ---------------------------------------------------------------------------------------------

    def _initiate(self, experiment: Experiment) -> None:
        if experiment.over:
            return

        def done(outcome: Outcome[dict[str, list[str]]]) -> None:
            if experiment.over:
                return
            if outcome.error is not None:
                self._end(experiment, "failed", _words(outcome.error))
                return
            experiment.resources = outcome.get()
            self._run(experiment)

        self._site.loop.submit(partial(self._resolve, experiment), done, name=f"targets of {experiment.id}")

    def _resolve(self, experiment: Experiment) -> dict[str, list[str]]:
        """Return the resources of every target. Blocks."""
        credentials = self._credentials(experiment)
        return {
            name: resolved(self._site, experiment.region, target, credentials)
            for name, target in experiment.origin.template.targets.items()
        }

    def _credentials(self, experiment: Experiment) -> Credentials:
        """Return the role's credentials. Raises AwsError where its trust policy does not let FIS assume it."""
        return self._site.assume(experiment.origin.role_arn, _PRINCIPAL, experiment.id, source_arn=experiment.arn)

    def _run(self, experiment: Experiment) -> None:
        skips = experiment.origin.options.get("emptyTargetResolutionMode") == "skip"
        empty = {name for name, resources in experiment.resources.items() if not resources}
        if empty and not skips:
            self._end(experiment, "failed", f"Target resolution returned empty set for target {min(empty)}.")
            return
        for state in experiment.actions.values():
            if empty & set((state.shape.get("targets") or {}).values()):
                state.status, state.reason = "skipped", "Target resolution returned empty set."
        experiment.started_at = self._site.clock.now()
        self._move(experiment, "running", "Experiment is running.")
        self._watch(experiment)
        self._advance(experiment)

    # Actions ---------------------------------------------------------------------------------------------------

    def _advance(self, experiment: Experiment) -> None:
        """Begin the actions whose turn has come; an experiment without further actions is completed."""
        if experiment.over:
            return
        states = experiment.actions
        completed = {name for name, state in states.items() if state.status in ("completed", "skipped")}
        if len(completed) == len(states):
            self._end(experiment, "completed", "Experiment completed.")
            return
        begun = {name for name, state in states.items() if state.status != "pending"}
        for name in ready(experiment.origin.template, completed, begun):
            self._begin(experiment, states[name])

    def _begin(self, experiment: Experiment, state: ActionState) -> None:
        state.status, state.reason = "running", "Action is running."
        state.started_at = self._site.clock.now()

        def done(outcome: Outcome[list[Fault]]) -> None:
            if experiment.over or state.status != "running":
                return
            try:
                state.faults = [self._injector.begin(fault).id for fault in outcome.get()]
            except Exception as error:
                state.status, state.reason = "failed", _words(error)
                state.ended_at = self._site.clock.now()
                self._end(experiment, "failed", f"Action failed: {state.reason}"[:512])
                return
            kind = kind_of(state.shape["actionId"])
            if kind is None or not kind.lasting:
                self._complete(experiment, state)
                return
            seconds = duration((state.shape.get("parameters") or {})["duration"])
            state.timer = self._site.loop.call_later(
                seconds, partial(self._complete, experiment, state), name=f"action of {experiment.id}"
            )

        self._site.loop.submit(partial(self._perform, experiment, state), done, name=f"action of {experiment.id}")

    def _perform(self, experiment: Experiment, state: ActionState) -> list[Fault]:
        """Do what an action does at once, with the role's permissions. Return the faults that last. Blocks."""
        action, parameters = state.shape["actionId"], state.shape.get("parameters") or {}
        if action == "aws:fis:wait":
            return []
        credentials = self._credentials(experiment)
        (resources,) = (experiment.resources[name] for name in (state.shape.get("targets") or {}).values())
        if action == "aws:ecs:stop-task":
            ecs = self._site.client("ecs", region=experiment.region, credentials=credentials)
            for arn in resources:
                ecs.stop_task(cluster=arn.split("/")[1], task=arn)
            return []
        if action.startswith(PREFIX):
            return task_faults(self._site, action, parameters, resources, credentials, region=experiment.region)
        principal = self._site.permissions.principal(credentials.access_key_id)
        if action == "aws:network:disrupt-connectivity":
            for permission in _CUTTING:
                self._site.permissions.require(principal, permission, region=experiment.region)
            return [SubnetsCut(tuple(arn.rpartition("/")[2] for arn in resources))]
        failure = _FAILURES[action]
        percentage = parameters.get("percentage", "100")
        operations = [name.strip() for name in parameters["operations"].split(",") if name.strip()]
        context = {
            "fis:Service": parameters["service"],
            "fis:Operations": operations,
            "fis:Percentage": percentage,
            "fis:Targets": resources,
        }
        self._site.permissions.require(
            principal, _PERMISSIONS[failure], experiment.arn, context, region=experiment.region
        )
        return [ApiFails(parameters["service"], failure, int(percentage) / 100, tuple(operations), tuple(resources))]

    def _complete(self, experiment: Experiment, state: ActionState) -> None:
        if state.status != "running":
            return
        self._quiet(state)
        state.status, state.reason, state.ended_at = "completed", "Action was completed.", self._site.clock.now()
        self._advance(experiment)

    def _quiet(self, state: ActionState) -> None:
        """End the faults of an action."""
        if state.timer is not None:
            state.timer.cancel()
            state.timer = None
        for fault_id in state.faults:
            self._injector.end(fault_id)
        state.faults = []

    # The end ---------------------------------------------------------------------------------------------------

    def _end(self, experiment: Experiment, status: Literal["completed", "stopped", "failed"], reason: str) -> None:
        if experiment.over:
            return
        now = self._site.clock.now()
        for state in experiment.actions.values():
            self._quiet(state)
            if state.status == "running":
                state.status, state.reason, state.ended_at = "stopped", "Action was stopped.", now
            elif state.status == "pending":
                state.status, state.reason = "cancelled", "Action was cancelled."
        if experiment.watch is not None:
            experiment.watch.cancel()
            experiment.watch = None
        experiment.ended_at = now
        self._move(experiment, status, reason)

    def _move(self, experiment: Experiment, status: str, reason: str) -> None:
        """Change the status, and announce it.

        https://docs.aws.amazon.com/fis/latest/userguide/monitoring-eventbridge.html
        """
        before = state_shape(experiment.status, experiment.reason)
        experiment.status, experiment.reason = status, reason
        self._site.events.publish(
            "aws.fis",
            "FIS Experiment State Change",
            {
                "experiment-id": experiment.id,
                "experiment-template-id": experiment.origin.id,
                "new-state": state_shape(status, reason),
                "old-state": before,
            },
            resources=[experiment.arn],
            region=experiment.region,
        )

    # Stop conditions -------------------------------------------------------------------------------------------

    def _watch(self, experiment: Experiment) -> None:
        names: dict[str, list[str]] = defaultdict(list)
        for condition in experiment.origin.stop_conditions:
            if condition["source"] == _ALARMS:
                arn = condition.get("value", "")
                names[arn.split(":")[3]].append(arn.partition(":alarm:")[2])
        if not names or experiment.over:
            return

        def look() -> str | None:
            for region, alarms in names.items():
                answer = self._site.client("cloudwatch", region=region).describe_alarms(AlarmNames=alarms)
                for alarm in answer.get("MetricAlarms", []):
                    if alarm.get("StateValue") == "ALARM":
                        return str(alarm["AlarmName"])
            return None

        def done(outcome: Outcome[str | None]) -> None:
            if experiment.over:
                return
            if outcome.error is None and outcome.value is not None:
                self._end(experiment, "stopped", f"Experiment halted by stop condition: alarm {outcome.value}.")
                return
            experiment.watch = self._site.loop.call_later(
                _LOOK, partial(self._watch, experiment), name=f"alarms of {experiment.id}"
            )

        self._site.loop.submit(look, done, name=f"alarms of {experiment.id}")


def _words(error: Exception) -> str:
    if isinstance(error, ClientError):
        return str(error.response["Error"].get("Message", error))[:512]
    return (error.message if isinstance(error, AwsError) else str(error))[:512]
