"""Traffic-routing configurations: the shares of production traffic, and the time between them.

https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html#deployment-configurations-predefined-ecs
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .errors import CodeDeployError

RoutingType = Literal["AllAtOnce", "TimeBasedCanary", "TimeBasedLinear"]
ALL = 100
"""The weight of all traffic, in percent."""

# "Maximum number of minutes between the first and last traffic shift":
# https://docs.aws.amazon.com/codedeploy/latest/userguide/limits.html
MOST_MINUTES = 2880


@dataclass(frozen=True, slots=True)
class Step:
    """A share of production traffic, and the seconds for which it stays. The last one takes all of it."""

    weight: int
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Routing:
    """Shifts of traffic to the replacement: all at once, a canary before the rest, or equal increments."""

    type: RoutingType = "AllAtOnce"
    percentage: int = ALL
    interval: int = 0

    @classmethod
    def canary(cls, percentage: object, interval: object) -> Routing:
        """Return a canary. Raises CodeDeployError."""
        return cls._timed("TimeBasedCanary", percentage, interval)

    @classmethod
    def linear(cls, percentage: object, interval: object) -> Routing:
        """Return equal increments. Raises CodeDeployError."""
        return cls._timed("TimeBasedLinear", percentage, interval)

    @classmethod
    def _timed(cls, kind: RoutingType, percentage: object, interval: object) -> Routing:
        share, minutes = _whole(kind, "percentage", percentage, 99), _whole(kind, "interval", interval, MOST_MINUTES)
        routing = cls(kind, share, minutes)
        if sum(step.seconds for step in routing.steps()) > MOST_MINUTES * 60:
            raise _invalid(
                f"{kind}: the time between the first and the last traffic shift is at most {MOST_MINUTES} minutes"
            )
        return routing

    def steps(self) -> tuple[Step, ...]:
        """Return the shares in their order."""
        if self.type == "AllAtOnce":
            return (Step(ALL),)
        seconds = self.interval * 60.0
        if self.type == "TimeBasedCanary":
            return (Step(self.percentage, seconds), Step(ALL))
        return (*(Step(weight, seconds) for weight in range(self.percentage, ALL, self.percentage)), Step(ALL))


#: The configurations that every account has, by name.
PREDEFINED: dict[str, Routing] = {
    "CodeDeployDefault.ECSAllAtOnce": Routing(),
    "CodeDeployDefault.ECSCanary10Percent5Minutes": Routing("TimeBasedCanary", 10, 5),
    "CodeDeployDefault.ECSCanary10Percent15Minutes": Routing("TimeBasedCanary", 10, 15),
    "CodeDeployDefault.ECSLinear10PercentEvery1Minutes": Routing("TimeBasedLinear", 10, 1),
    "CodeDeployDefault.ECSLinear10PercentEvery3Minutes": Routing("TimeBasedLinear", 10, 3),
}


def _whole(kind: str, name: str, value: object, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise _invalid(f"{kind}: {name} must be a whole number from 1 to {most}, not {value}")
    return value


def _invalid(message: str) -> CodeDeployError:
    return CodeDeployError("InvalidTrafficRoutingConfigurationException", message)
