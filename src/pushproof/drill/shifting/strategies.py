"""The strategies that a drill can switch a service to, and the deployment configuration of each.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushproof.drill.badinput import BadInput

if TYPE_CHECKING:
    from types_boto3_ecs.literals import DeploymentLifecycleHookStageType, DeploymentStrategyType
    from types_boto3_ecs.type_defs import DeploymentConfigurationTypeDef

    from pushproof.drill.delivery import Delivery
    from pushproof.drill.shifting.parts import Parts

#: AWS's word for each of the drill's.
STRATEGIES: Mapping[str, DeploymentStrategyType] = {
    "rolling": "ROLLING",
    "blue-green": "BLUE_GREEN",
    "linear": "LINEAR",
    "canary": "CANARY",
}
#: The strategy of a service that CodeDeploy deploys: it is there, and not switched to.
CODEDEPLOY = "codedeploy"
#: The stage at which the hook tests a revision: it has test traffic, and no user's.
STAGE: DeploymentLifecycleHookStageType = "POST_TEST_TRAFFIC_SHIFT"
#: Minutes that a pipeline's deploy action waits at most, less what tasks need to start and stop.
_LONGEST = 45.0


@dataclass(frozen=True, slots=True)
class Shift:
    """A strategy and its numbers: minutes of AWS time, and percents of the requests. `strategy` "": the service's own, as it is.

    Pushes of a drill wait for every bake time, so that these are shorter than AWS's defaults, and still longer than an alarm
    looks back.
    """

    strategy: str = ""
    bake_minutes: int = 5
    canary_percent: float = 10.0
    canary_minutes: int = 6
    step_percent: float = 25.0
    step_minutes: int = 4

    def __post_init__(self) -> None:
        if self.strategy and self.strategy not in (*STRATEGIES, CODEDEPLOY):
            raise BadInput(f"--strategy {self.strategy}: expected one of {', '.join((*STRATEGIES, CODEDEPLOY))}")
        for name, percent, least in (
            ("canary-percent", self.canary_percent, 0.1),
            ("step-percent", self.step_percent, 3.0),
        ):
            if not least <= percent <= 100.0:
                raise BadInput(f"{name} under [drill.shift] is {percent:g}; expected {least:g} to 100")
        if self.minutes > _LONGEST:
            raise BadInput(
                f"the minutes under [drill.shift] add up to {self.minutes:g} for {self.strategy}; a pipeline's deploy action waits "
                f"60 minutes at most, so that more than {_LONGEST:g} leave tasks no time to start and stop"
            )

    @property
    def shifts(self) -> bool:
        """True for a strategy that moves traffic between two target groups."""
        return self.strategy not in ("", "rolling", CODEDEPLOY)

    @property
    def minutes(self) -> float:
        """The minutes that a deployment bakes, all its steps together; 0 where the deployment group says it."""
        if self.strategy == CODEDEPLOY:
            return 0.0
        if self.strategy == "canary":
            return self.canary_minutes + self.bake_minutes
        if self.strategy == "linear":
            return (100.0 / self.step_percent - 1.0) * self.step_minutes + self.bake_minutes
        return float(self.bake_minutes)

    @property
    def steps(self) -> str:
        """The steps of the traffic in words."""
        if self.strategy == "canary":
            return f"{self.canary_percent:g} % for {self.canary_minutes} minutes, then all"
        if self.strategy == "linear":
            return f"{self.step_percent:g} % more every {self.step_minutes} minutes"
        return "all at once" if self.strategy == "blue-green" else "as tasks are replaced"


def require_fit(strategy: str, delivery: Delivery) -> None:
    """Raise BadInput for a strategy that the controller of the service's deployments cannot follow."""
    if strategy == CODEDEPLOY and not delivery.codedeploy.name:
        raise BadInput(
            f"--strategy {CODEDEPLOY}: ECS deploys service {delivery.service} itself. A service has the deployment controller "
            "CODE_DEPLOY from its creation on, and a pipeline that deploys by CodeDeployToECS; examples/codedeploy has both"
        )
    if strategy not in ("", CODEDEPLOY) and delivery.codedeploy.name:
        raise BadInput(
            f"--strategy {strategy}: CodeDeploy deploys service {delivery.service}, by the configuration of its deployment group. "
            f"Use --strategy {CODEDEPLOY}"
        )


def configuration_of(
    shift: Shift, current: DeploymentConfigurationTypeDef, parts: Parts | None
) -> DeploymentConfigurationTypeDef:
    """Return the deployment configuration for UpdateService: what the service has, with the strategy's members."""
    configuration = current.copy()
    configuration.pop("linearConfiguration", None)
    configuration.pop("canaryConfiguration", None)
    configuration.pop("lifecycleHooks", None)
    configuration["strategy"] = STRATEGIES[shift.strategy]
    configuration["bakeTimeInMinutes"] = shift.bake_minutes
    if shift.strategy == "canary":
        configuration["canaryConfiguration"] = {
            "canaryPercent": shift.canary_percent,
            "canaryBakeTimeInMinutes": shift.canary_minutes,
        }
    if shift.strategy == "linear":
        configuration["linearConfiguration"] = {
            "stepPercent": shift.step_percent,
            "stepBakeTimeInMinutes": shift.step_minutes,
        }
    if parts is not None and parts.hook_function:
        configuration["lifecycleHooks"] = [
            {
                "targetType": "AWS_LAMBDA",
                "hookTargetArn": parts.hook_function,
                "roleArn": parts.hook_role,
                "lifecycleStages": [STAGE],
            }
        ]
    return configuration
