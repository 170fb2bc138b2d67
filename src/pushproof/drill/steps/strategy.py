"""Step (s): the service gets the deployment strategy under test, as a team sets it with the AWS CLI."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pushproof.drill.badinput import BadInput
from pushproof.drill.context import Context
from pushproof.drill.discovery.codedeploy import guards
from pushproof.drill.discovery.services import breaker_of, guard_of
from pushproof.drill.evidence import Switched
from pushproof.drill.observation import wait_for
from pushproof.drill.settings import ProofFailed
from pushproof.drill.shifting.parts import Parts, parts_of
from pushproof.drill.shifting.strategies import CODEDEPLOY, configuration_of
from pushproof.drill.steps.apply import require_empty_plan
from pushproof.drill.steps.step import Step

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import LoadBalancerTypeDef, UpdateServiceRequestTypeDef

_ENDED = ("SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED")


class Strategy(Step):
    """Switch the service to the strategy that is asked for, and see Terraform leave it alone.

    The first deployment by a new strategy moves the traffic to the other target group, with the revision that serves.
    """

    name = "strategy"
    letter = "s"
    needs = (("apply",), ("first-deployment",))
    pushes = True

    def perform(self, context: Context) -> Switched:
        if context.settings.shift.strategy == CODEDEPLOY:
            return _judge_codedeploy(context)
        shift, delivery = context.settings.shift, context.delivery
        with context.narrator.step(self.letter, f"The service deploys by {shift.strategy or delivery.guard.strategy}"):
            service = context.observer.service()
            if not breaker_of(service).alarms:
                context.narrator.claim(
                    "deployments have no alarms: a push that is healthy and wrong would stay (the reference: deployment_alarm)"
                )
            parts = (
                parts_of(context.target.client("elbv2"), context.stack.state(), service, delivery)
                if shift.shifts
                else None
            )
            earlier = context.rollouts.newest()
            context.target.client("ecs").update_service(**self._request(context, parts))
            if parts is not None and guard_of(service).strategy == "rolling":
                self._await_shift(context, earlier)
            context.narrator.claim(
                f"UpdateService set {shift.strategy}: {shift.steps}; {shift.bake_minutes} minutes of bake time"
            )
            if parts is not None and parts.hook_function:
                function = parts.hook_function.rsplit(":", 1)[-1]
                context.narrator.claim(f"{function} tests each revision before users meet it")
            applied, updated = context.applied, context.observer.service()
            guarded = replace(delivery, guard=guard_of(updated), breaker=breaker_of(updated))
            context.record.add("apply", replace(applied, delivery=guarded))
            require_empty_plan(context.stack, f"after the switch to {shift.strategy}")
            context.narrator.claim("terraform plan is empty after the switch")
        return Switched(
            strategy=shift.strategy,
            group="" if parts is None else parts.group,
            alternate="" if parts is None else parts.alternate,
            production_rule="" if parts is None else parts.production_rule,
        )

    def _request(self, context: Context, parts: Parts | None) -> UpdateServiceRequestTypeDef:
        delivery, service = context.delivery, context.observer.service()
        request: UpdateServiceRequestTypeDef = {
            "cluster": delivery.cluster,
            "service": delivery.service,
            "deploymentConfiguration": configuration_of(
                context.settings.shift,
                service.get("deploymentConfiguration", {}),  # type: ignore[arg-type]
                parts,
            ),
        }
        if parts is not None:
            entry: LoadBalancerTypeDef = service["loadBalancers"][0].copy()
            entry["advancedConfiguration"] = {
                "alternateTargetGroupArn": parts.alternate,
                "productionListenerRule": parts.production_rule,
                "testListenerRule": parts.test_rule,
                "roleArn": parts.infrastructure_role,
            }
            request["loadBalancers"] = [entry]
        return request

    def _await_shift(self, context: Context, earlier: str) -> None:
        """Wait for the first deployment of the strategy. Raises ProofFailed when it does not succeed."""

        def ended() -> tuple[str, str] | None:
            arn = context.rollouts.newest()
            if arn == earlier:
                return None
            (record,) = context.target.client("ecs").describe_service_deployments(serviceDeploymentArns=[arn])[
                "serviceDeployments"
            ]
            return (record["status"], record.get("statusReason", "")) if record["status"] in _ENDED else None

        status, reason = wait_for(
            ended,
            what="the first deployment of the strategy to end",
            clock=context.target.clock,
            within=context.deadline("pipeline", context.settings.patience),
            watch=context.show_progress,
            last=context.observer.summary,
        )
        if status != "SUCCESSFUL":
            raise ProofFailed(f"the first deployment by {context.settings.shift.strategy} is {status}: {reason}")


def _judge_codedeploy(context: Context) -> Switched:
    """Claim what guards the deployments of CodeDeploy, now that a revision with its AppSpec file is deployed."""
    narrator, delivery = context.narrator, context.delivery
    group = delivery.codedeploy
    with narrator.step(Strategy.letter, "CodeDeploy deploys the service"):
        breaker, guard = guards(context.target.client("codedeploy"), group)
        narrator.claim(
            f"deployment group {group.application}/{group.name} deploys by {group.configuration}: {guard.steps}"
        )
        if guard.hooks:
            narrator.claim("functions of the AppSpec file test each revision before users meet it")
        if not breaker.alarms:
            narrator.claim(
                "deployments have no alarms: a push that is healthy and wrong would stay (alarm_configuration)"
            )
        context.record.add("apply", replace(context.applied, delivery=replace(delivery, breaker=breaker, guard=guard)))
        require_empty_plan(context.stack, "after a deployment by CodeDeploy")
        narrator.claim("terraform plan is empty after a deployment by CodeDeploy")
    blue, green = group.target_groups
    return Switched(CODEDEPLOY, blue, green, production_rule="")


def require_strategy(context: Context) -> str:
    """Return the strategy of the service. Raises BadInput when another one was switched to than the settings ask for."""
    expected, guard = context.settings.shift.strategy, context.delivery.guard
    if expected not in ("", CODEDEPLOY) and guard.strategy != expected:
        raise BadInput(f"the service deploys by {guard.strategy}, not {expected}: perform the step strategy first")
    return guard.strategy
