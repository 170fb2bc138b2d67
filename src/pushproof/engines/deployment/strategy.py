"""Strategies that shift traffic between two revisions: blue/green, linear, canary, and the hooks of their stages.

Weights are in tenths of a percent: 1000 is all of the traffic.
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentLifecycleHook.html
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast, get_args

from .errors import InvalidDeploymentConfiguration
from .members import mapping, texts, whole

StrategyName = Literal["ROLLING", "BLUE_GREEN", "LINEAR", "CANARY"]
HookTarget = Literal["AWS_LAMBDA", "PAUSE"]
HookAction = Literal["ROLLBACK", "CONTINUE"]
Stage = Literal[
    "RECONCILE_SERVICE",
    "PRE_SCALE_UP",
    "SCALE_UP",
    "POST_SCALE_UP",
    "TEST_TRAFFIC_SHIFT",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRE_PRODUCTION_TRAFFIC_SHIFT",
    "PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
    "BAKE_TIME",
    "CLEAN_UP",
]

ALL = 1000
MOST_MINUTES = 1440
HOOK_STAGES: tuple[Stage, ...] = (
    "RECONCILE_SERVICE",
    "PRE_SCALE_UP",
    "POST_SCALE_UP",
    "TEST_TRAFFIC_SHIFT",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRE_PRODUCTION_TRAFFIC_SHIFT",
    "PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
)
SHIFT_STAGES: tuple[Stage, ...] = ("TEST_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT")
"""The stages that take no pause, and whose hooks a rollback invokes again."""

_MOST_PAUSE_MINUTES = 20_160
_MOST_HOOKS = 10


@dataclass(frozen=True, slots=True)
class Hook:
    """A lifecycle hook: a Lambda function that is invoked at some stages, or a pause there. Details are passed to the function."""

    stages: tuple[Stage, ...]
    target_type: HookTarget = "AWS_LAMBDA"
    target_arn: str = ""
    role_arn: str = ""
    details: Mapping[str, object] = field(default_factory=dict, hash=False)
    timeout_minutes: int = MOST_MINUTES
    timeout_action: HookAction = "ROLLBACK"


@dataclass(frozen=True, slots=True)
class Strategy:
    """A strategy: how much production traffic moves in each step, and the time between steps, in minutes.

    `bake_minutes` is the time between the last shift and the end of the previous revision.
    """

    name: StrategyName = "ROLLING"
    step: int = ALL
    step_bake_minutes: int = 0
    bake_minutes: int = 0
    hooks: tuple[Hook, ...] = ()

    def steps(self) -> tuple[int, ...]:
        """Return the weights of the new revision after each shift, the last of them all traffic."""
        if self.name == "LINEAR":
            return (*range(self.step, ALL, self.step), ALL)
        if self.name == "CANARY" and self.step < ALL:
            return (self.step, ALL)
        return (ALL,)

    def hooks_at(self, stage: Stage) -> list[int]:
        """Return the places of the hooks of a stage."""
        return [place for place, hook in enumerate(self.hooks) if stage in hook.stages]

    @classmethod
    def parse(cls, members: Mapping[str, object]) -> Strategy:
        """Read `strategy`, its settings and its hooks from a deployment configuration.

        Settings of another strategy are ignored, as AWS ignores them. Raises InvalidDeploymentConfiguration.
        """
        prefix = "deploymentConfiguration"
        name = members.get("strategy") or "ROLLING"
        if name not in get_args(StrategyName):
            raise InvalidDeploymentConfiguration(
                f"{prefix}.strategy", name, "one of " + ", ".join(get_args(StrategyName))
            )
        hooks = _hooks(f"{prefix}.lifecycleHooks", members.get("lifecycleHooks"))
        if name == "ROLLING":
            return cls(hooks=hooks)
        bake = members.get("bakeTimeInMinutes")
        if bake is None and name == "BLUE_GREEN":
            raise InvalidDeploymentConfiguration(
                f"{prefix}.bakeTimeInMinutes", None, f"whole minutes from 0 to {MOST_MINUTES}; BLUE_GREEN needs them"
            )
        bake_minutes = whole(f"{prefix}.bakeTimeInMinutes", bake, 0, 0, MOST_MINUTES)
        linear = mapping(f"{prefix}.linearConfiguration", members.get("linearConfiguration"))
        canary = mapping(f"{prefix}.canaryConfiguration", members.get("canaryConfiguration"))
        if name == "LINEAR":
            place = f"{prefix}.linearConfiguration"
            step = _tenths(f"{place}.stepPercent", linear.get("stepPercent"), 10.0, 3.0)
            pause = whole(f"{place}.stepBakeTimeInMinutes", linear.get("stepBakeTimeInMinutes"), 6, 0, MOST_MINUTES)
        elif name == "CANARY":
            place = f"{prefix}.canaryConfiguration"
            step = _tenths(f"{place}.canaryPercent", canary.get("canaryPercent"), 5.0, 0.1)
            pause = whole(
                f"{place}.canaryBakeTimeInMinutes", canary.get("canaryBakeTimeInMinutes"), 10, 0, MOST_MINUTES
            )
        else:
            step, pause = ALL, 0
        return cls(cast(StrategyName, name), step, pause, bake_minutes, hooks)


ROLLING = Strategy()
"""The strategy that shifts no traffic."""


def percent(weight: int) -> float:
    """Return a weight in percent, as the API shows it."""
    return weight / 10


def _tenths(name: str, value: object, default: float, least: float) -> int:
    if value is None:
        value = default
    expected = f"a multiple of 0.1 from {least} to 100.0"
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= 100:
        raise InvalidDeploymentConfiguration(name, value, expected)
    tenths = round(value * 10)
    if not math.isclose(tenths / 10, value, abs_tol=1e-9):
        raise InvalidDeploymentConfiguration(name, value, expected)
    return tenths


def _hooks(name: str, value: object) -> tuple[Hook, ...]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise InvalidDeploymentConfiguration(name, value, "a list of hooks")
    hooks = tuple(_hook(f"{name}[{place}]", mapping(f"{name}[{place}]", entry)) for place, entry in enumerate(value))
    for kind in get_args(HookTarget):
        count = sum(hook.target_type == kind for hook in hooks)
        if count > _MOST_HOOKS:
            raise InvalidDeploymentConfiguration(name, count, f"at most {_MOST_HOOKS} hooks of type {kind}")
    return hooks


def _hook(name: str, members: Mapping[str, object]) -> Hook:
    kind = members.get("targetType") or "AWS_LAMBDA"
    if kind not in get_args(HookTarget):
        # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/troubleshooting-blue-green.html
        raise InvalidDeploymentConfiguration(
            f"{name}.targetType", kind, "a type", "Invalid targetType. Valid values are: AWS_LAMBDA, PAUSE"
        )
    stages = texts(f"{name}.lifecycleStages", members.get("lifecycleStages"))
    accepted = [stage for stage in HOOK_STAGES if kind == "AWS_LAMBDA" or stage not in SHIFT_STAGES]
    if not stages or any(stage not in accepted for stage in stages):
        raise InvalidDeploymentConfiguration(
            f"{name}.lifecycleStages", list(stages), f"at least one of {', '.join(accepted)}"
        )
    target, role = members.get("hookTargetArn") or "", members.get("roleArn") or ""
    for member, text in (("hookTargetArn", target), ("roleArn", role)):
        if kind == "AWS_LAMBDA" and (not isinstance(text, str) or not text.startswith("arn:")):
            raise InvalidDeploymentConfiguration(f"{name}.{member}", text, "an ARN, which a Lambda hook needs")
    if kind == "PAUSE" and (target or role):
        raise InvalidDeploymentConfiguration(
            f"{name}.hookTargetArn", target or role, "neither function nor role for a pause"
        )
    timeout = mapping(f"{name}.timeoutConfiguration", members.get("timeoutConfiguration"))
    most = MOST_MINUTES if kind == "AWS_LAMBDA" else _MOST_PAUSE_MINUTES
    action = timeout.get("action") or "ROLLBACK"
    if action not in get_args(HookAction):
        raise InvalidDeploymentConfiguration(f"{name}.timeoutConfiguration.action", action, "ROLLBACK or CONTINUE")
    return Hook(
        stages=cast("tuple[Stage, ...]", stages),
        target_type=cast(HookTarget, kind),
        target_arn=str(target),
        role_arn=str(role),
        details=dict(mapping(f"{name}.hookDetails", members.get("hookDetails"))),
        timeout_minutes=whole(
            f"{name}.timeoutConfiguration.timeoutInMinutes", timeout.get("timeoutInMinutes"), MOST_MINUTES, 1, most
        ),
        timeout_action=cast(HookAction, action),
    )
