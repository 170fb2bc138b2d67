"""Deployments that shift traffic: the share of a first step, hooks that can say no, and target groups that take turns."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from pushproof.checks.check import NothingToLookAt, check
from pushproof.checks.finding import Finding
from pushproof.checks.roles import Role, decide_for, lets_in, read_role
from pushproof.checks.service.described import DescribedService
from pushproof.engines import policy as engine

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import (
        AdvancedConfigurationTypeDef,
        DeploymentConfigurationOutputTypeDef,
        DeploymentLifecycleHookOutputTypeDef,
        LoadBalancerTypeDef,
    )
    from types_boto3_elbv2.type_defs import TargetGroupTypeDef

_STAGES = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/blue-green-deployment-how-it-works.html"
_CANARY = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/canary-deployment.html"
_HOOKS = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/lambda-lifecycle-hooks.html"
_ROLE = (
    "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/AmazonECSInfrastructureRolePolicyForLoadBalancers.html"
)
_ECS = "ecs.amazonaws.com"
_EARLY = (
    "PRE_SCALE_UP", "POST_SCALE_UP", "TEST_TRAFFIC_SHIFT", "POST_TEST_TRAFFIC_SHIFT", "PRE_PRODUCTION_TRAFFIC_SHIFT",
)  # fmt: skip
_CHECKED = (
    "HealthCheckPath",
    "HealthCheckProtocol",
    "HealthCheckPort",
    "HealthCheckIntervalSeconds",
    "HealthCheckTimeoutSeconds",
    "HealthyThresholdCount",
    "UnhealthyThresholdCount",
    "Matcher",
    "Protocol",
    "Port",
    "TargetType",
)


class ShiftChecks(DescribedService):
    """Checks of blue/green, linear and canary deployments."""

    @check
    def shifts_no_more_than(self, percent: float) -> Iterator[Finding]:
        """The first step of a deployment sends at most this share of the requests to the new revision, and waits."""
        service = self._describe()
        configuration = service.get("deploymentConfiguration", {})
        share, minutes = _first_step(configuration)
        fault = partial(Finding, resource=service["serviceArn"], page=_CANARY)
        if share > percent:
            yield fault(
                expected=f"at most {percent:g} % of the requests in the first step",
                found=f"{configuration.get('strategy', 'ROLLING')}: {share:g} %",
                why="A revision that answers wrongly meets that share of the users before anybody knows.",
                change=f'strategy = "CANARY", canary_configuration {{ canary_percent = "{percent:g}" }}',
            )
        elif minutes == 0:
            yield fault(
                expected="minutes between the first step and the next",
                found="0 minutes",
                why="The rest of the traffic follows at once: nothing can notice an error in between.",
                change="canary_bake_time_in_minutes or step_bake_time_in_minutes, longer than your alarms look back",
            )

    @check
    def hooks_can_stop_it(self) -> Iterator[Finding]:
        """A lifecycle hook runs before production traffic moves, its role lets ECS call it, and its time-out rolls back."""
        service = self._describe()
        configuration = service.get("deploymentConfiguration", {})
        hooks = configuration.get("lifecycleHooks") or []
        fault = partial(Finding, resource=service["serviceArn"], page=_HOOKS)
        if not any(stage in _EARLY for hook in hooks for stage in hook.get("lifecycleStages", [])):
            stages = sorted({stage for hook in hooks for stage in hook.get("lifecycleStages", [])})
            yield fault(
                expected="a lifecycle hook before production traffic moves, such as POST_TEST_TRAFFIC_SHIFT",
                found=", ".join(stages) or "no hook",
                why="Whatever a test would find, it finds with the users.",
                change='lifecycle_hook { lifecycle_stages = ["POST_TEST_TRAFFIC_SHIFT"], … }',
            )
        for hook in hooks:
            if hook.get("timeoutConfiguration", {}).get("action") == "CONTINUE":
                yield fault(
                    expected="a time-out that rolls back",
                    found=f"{hook.get('hookTargetArn', 'the pause')} continues when it times out",
                    why="A test that hangs lets the deployment pass.",
                    change="timeoutConfiguration with action ROLLBACK",
                )
            if hook.get("targetType", "AWS_LAMBDA") == "AWS_LAMBDA":
                yield from self._can_call(service["serviceArn"], hook)

    @check
    def both_target_groups_are_wired(self) -> Iterator[Finding]:
        """Both target groups check health alike, rules forward to both, one serves, and the infrastructure role can shift."""
        service = self._describe()
        pairs = [(b, group, b["advancedConfiguration"]) for b, group in self._groups() if "advancedConfiguration" in b]
        if not pairs:
            raise NothingToLookAt(
                "load balancers with an alternate target group",
                resource=service["serviceArn"],
                change="load_balancer { advanced_configuration { alternate_target_group_arn = …, … } }",
                page=_STAGES,
            )
        for balancer, group, advanced in pairs:
            yield from self._alike(group, advanced)
            yield from self._forwarded(balancer, advanced)
            yield from self._can_shift(advanced)

    def _can_call(self, service: str, hook: DeploymentLifecycleHookOutputTypeDef) -> Iterator[Finding]:
        arn, function = hook.get("roleArn", ""), hook.get("hookTargetArn", "")
        role = self._role(arn)
        if role is None or not _trusted(role):
            yield Finding(
                resource=arn or service,
                expected=f"a role that {_ECS} assumes",
                found="there is no such role" if role is None else "its trust policy does not let ECS in",
                why=f"Each deployment rolls back: ECS was unable to assume role {arn}",
                change=f"Trust {_ECS} in the role's assume_role_policy.",
                page=_HOOKS,
            )
        elif not decide_for(role, "lambda:InvokeFunction", function).allowed:
            yield Finding(
                resource=arn,
                expected=f"lambda:InvokeFunction on {function}",
                found="not allowed",
                why="Each deployment rolls back at this hook, whatever the function would say.",
                change="Allow lambda:InvokeFunction on the function's ARN in the hook's role.",
                page=_HOOKS,
            )

    def _alike(self, group: TargetGroupTypeDef, advanced: AdvancedConfigurationTypeDef) -> Iterator[Finding]:
        arn = advanced.get("alternateTargetGroupArn", "")
        (other,) = self.aws("elbv2").describe_target_groups(TargetGroupArns=[arn])["TargetGroups"]
        differing = [name for name in _CHECKED if group.get(name) != other.get(name)]
        if differing:
            yield Finding(
                resource=arn,
                expected=f"the same {', '.join(differing)} as {group['TargetGroupArn']}",
                found=", ".join(f"{name} {other.get(name)} instead of {group.get(name)}" for name in differing),
                why="The groups take turns: every second deployment is judged by other checks.",
                change="Make both groups from one resource: aws_lb_target_group with for_each.",
                page=_STAGES,
            )

    def _forwarded(self, balancer: LoadBalancerTypeDef, advanced: AdvancedConfigurationTypeDef) -> Iterator[Finding]:
        rule, test = advanced.get("productionListenerRule", ""), advanced.get("testListenerRule", "")
        production = self._weights(rule)
        both = (balancer.get("targetGroupArn", ""), advanced.get("alternateTargetGroupArn", ""))
        reached = production.keys() | (self._weights(test).keys() if test else set())
        fault = partial(Finding, resource=rule, page=_STAGES)
        for arn in both:
            if arn not in reached:
                yield fault(
                    expected=f"a production or test rule that forwards to {arn}",
                    found=f"production forwards to {', '.join(sorted(production)) or 'nothing'}",
                    why="Tasks of every second revision are in no listener's group, so they never get healthy: the deployment rolls"
                    " back.",
                    change="Forward to both groups in the production rule, with the weights 1 and 0.",
                )
        serving = [arn for arn in both if production.get(arn)]
        if len(serving) != 1:
            yield fault(
                expected="one target group with all the weight in the production rule",
                found=", ".join(f"{arn} {weight}" for arn, weight in sorted(production.items())) or "none",
                why="ECS rolls back a deployment that finds two groups serving, or none.",
                change="Weights 1 and 0, and lifecycle { ignore_changes = [action] }: ECS changes them with each deployment.",
            )

    def _can_shift(self, advanced: AdvancedConfigurationTypeDef) -> Iterator[Finding]:
        arn = advanced.get("roleArn", "")
        role = self._role(arn)
        if role is None or not _trusted(role):
            yield Finding(
                resource=arn,
                expected=f"an infrastructure role that {_ECS} assumes",
                found="there is no such role" if role is None else "its trust policy does not let ECS in",
                why="ECS can neither check nor change the listener rules: no deployment begins.",
                change=f"Trust {_ECS} in the role's assume_role_policy.",
                page=_ROLE,
            )
            return
        needed: list[tuple[str, str]] = [("elasticloadbalancing:DescribeRules", "*")]
        for rule in filter(None, (advanced.get("productionListenerRule"), advanced.get("testListenerRule"))):
            action = "ModifyListener" if ":listener/" in rule else "ModifyRule"
            needed.append((f"elasticloadbalancing:{action}", rule))
        lacking = [f"{action} on {on}" for action, on in needed if not decide_for(role, action, on).allowed]
        if lacking:
            yield Finding(
                resource=arn,
                expected="an infrastructure role that may read and change the listener rules",
                found=f"it lacks {', '.join(lacking)}",
                why="Each deployment rolls back: ECS was unable to manage the ELB resources due to missing permissions.",
                change="Attach AWS's policy AmazonECSInfrastructureRolePolicyForLoadBalancers.",
                page=_ROLE,
            )

    def _role(self, arn: str) -> Role | None:
        try:
            return read_role(self.aws("iam"), arn.rsplit("/", 1)[-1])
        except LookupError:
            return None

    def _weights(self, arn: str) -> dict[str, int]:
        """Return the weight of each group that a rule, or a Network Load Balancer's listener, forwards to."""
        elbv2 = self.aws("elbv2")
        if ":listener/" in arn:
            action = elbv2.describe_listeners(ListenerArns=[arn])["Listeners"][0]["DefaultActions"][0]
        else:
            action = elbv2.describe_rules(RuleArns=[arn])["Rules"][0]["Actions"][0]
        groups = action["ForwardConfig"].get("TargetGroups", []) if "ForwardConfig" in action else []
        return {group["TargetGroupArn"]: group.get("Weight", 1) for group in groups if "TargetGroupArn" in group}


def _first_step(configuration: DeploymentConfigurationOutputTypeDef) -> tuple[float, int]:
    """Return the share of the first step in percent, and the minutes after it."""
    strategy = configuration.get("strategy", "ROLLING")
    if strategy == "CANARY":
        canary = configuration.get("canaryConfiguration", {})
        return canary.get("canaryPercent", 5.0), canary.get("canaryBakeTimeInMinutes", 10)
    if strategy == "LINEAR":
        linear = configuration.get("linearConfiguration", {})
        return linear.get("stepPercent", 10.0), linear.get("stepBakeTimeInMinutes", 6)
    return 100.0, 0


def _trusted(role: Role) -> bool:
    return lets_in(role, engine.service_principal(_ECS), {})
