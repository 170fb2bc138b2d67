"""The parts of an environment that a deployment needs to shift traffic: read from the account's API and Terraform's state.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/alb-resources-for-blue-green.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from pushproof.drill.badinput import BadInput
from pushproof.terraform.resources import Resource, managed_resources, of_type

if TYPE_CHECKING:
    from types_boto3_elbv2.client import ElasticLoadBalancingv2Client

    from pushproof.drill.delivery import Delivery
    from pushproof.drill.discovery.shapes import Service

T = TypeVar("T")

_ECS = "ecs.amazonaws.com"
_HOW = "The reference has it in modules/ecs/traffic-shift.tf (traffic_shift = true)"


@dataclass(frozen=True, slots=True)
class Parts:
    """ARNs: both target groups, the rules of production and test traffic, and the roles; "" for a hook that there is not."""

    group: str
    alternate: str
    production_rule: str
    test_rule: str
    infrastructure_role: str
    hook_function: str = ""
    hook_role: str = ""


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule that forwards to several target groups: its ARN, its listener's port, and the groups."""

    arn: str
    port: int
    groups: tuple[str, ...]


def parts_of(
    elbv2: ElasticLoadBalancingv2Client, state: Mapping[str, object], service: Service, delivery: Delivery
) -> Parts:
    """Return the parts of a service. Raises BadInput that names what is missing, or lists what fits when several things do."""
    groups = [entry["targetGroupArn"] for entry in service.get("loadBalancers", ()) if "targetGroupArn" in entry]
    name = service["serviceName"]
    if len(groups) != 1:
        raise BadInput(
            f"service {name} has {len(groups)} target groups; deployments that shift traffic are drilled with one and its alternate"
        )
    rules = [rule for rule in _rules(elbv2, groups[0]) if groups[0] in rule.groups and len(rule.groups) == 2]
    production = _only(
        [rule for rule in rules if rule.port == delivery.entrance.port],
        f"listener rule at port {delivery.entrance.port} that forwards to the target group of {name} and a second one",
        "Forward to both groups, with the weights 1 and 0, and ignore_changes = [action]",
        lambda rule: rule.arn,
    )
    (alternate,) = set(production.groups) - {groups[0]}
    tests = [
        rule for rule in rules if rule.port != delivery.entrance.port and set(rule.groups) == set(production.groups)
    ]
    test = _only(
        tests,
        f"listener rule at another port than {delivery.entrance.port} that forwards to both target groups of {name}",
        "Make a listener for tests, whose rule forwards to both groups",
        lambda rule: rule.arn,
    )
    resources = managed_resources(state)
    role = _only(
        list(
            _roles(resources, ("elasticloadbalancing:ModifyRule", "AmazonECSInfrastructureRolePolicyForLoadBalancers"))
        ),
        f"role that {_ECS} assumes to change listener rules",
        "Make an infrastructure role",
        _arn,
    )
    functions = of_type(resources, "aws_lambda_function")
    hooks = [(function, hook) for function in functions for hook in _roles(resources, (function.text("arn"),))]
    if len(hooks) > 1:
        listed = ", ".join(f"{function.text('function_name')} by {hook.text('name')}" for function, hook in hooks)
        raise BadInput(f"several functions can be lifecycle hooks of {name}: {listed}")
    hook = hooks[0] if hooks else None
    return Parts(
        group=groups[0],
        alternate=alternate,
        production_rule=production.arn,
        test_rule=test.arn,
        infrastructure_role=_arn(role),
        hook_function="" if hook is None else hook[0].text("arn"),
        hook_role="" if hook is None else _arn(hook[1]),
    )


def _rules(elbv2: ElasticLoadBalancingv2Client, group: str) -> Iterator[_Rule]:
    """Yield the rules of the load balancers that a target group belongs to, with the groups that each forwards to."""
    for balancer in elbv2.describe_target_groups(TargetGroupArns=[group])["TargetGroups"][0]["LoadBalancerArns"]:
        for listener in elbv2.describe_listeners(LoadBalancerArn=balancer)["Listeners"]:
            for rule in elbv2.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]:
                for action in rule["Actions"]:
                    forwarded = action.get("ForwardConfig", {}).get("TargetGroups", ())
                    arns = tuple(entry["TargetGroupArn"] for entry in forwarded)
                    if arns:
                        yield _Rule(rule["RuleArn"], int(listener["Port"]), arns)


def _roles(resources: Sequence[Resource], needed: Sequence[str]) -> Iterator[Resource]:
    """Yield the roles that ECS assumes with a policy, inline or attached, that mentions one of some texts."""
    for role in of_type(list(resources), "aws_iam_role"):
        if _ECS not in role.text("assume_role_policy"):
            continue
        name = role.text("name")
        policies = [p.text("policy") for p in of_type(list(resources), "aws_iam_role_policy") if p.text("role") == name]
        attached = [
            a.text("policy_arn")
            for a in of_type(list(resources), "aws_iam_role_policy_attachment")
            if a.text("role") == name
        ]
        policies += attached
        policies += [p.text("policy") for p in of_type(list(resources), "aws_iam_policy") if p.text("arn") in attached]
        policies.append(str(role.values.get("inline_policy") or ""))
        if any(text in policy for policy in policies for text in needed):
            yield role


def _arn(role: Resource) -> str:
    return role.text("arn")


def _only(candidates: Sequence[T], what: str, change: str, name: Callable[[T], str]) -> T:
    if not candidates:
        raise BadInput(f"the environment has no {what}. {change}. {_HOW}")
    if len(candidates) > 1:
        raise BadInput(f"several fit as {what}: {', '.join(name(candidate) for candidate in candidates)}")
    return candidates[0]
