"""The actions of FIS that run here. https://docs.aws.amazon.com/fis/latest/userguide/fis-actions-reference.html"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ActionKind:
    """An action: the name and the resource type of its target, and its parameters with whether they are required."""

    id: str
    description: str
    target: tuple[str, str] | None
    parameters: dict[str, bool]

    @property
    def lasting(self) -> bool:
        """Return whether the action has a duration."""
        return "duration" in self.parameters


_API = {"duration": True, "service": True, "operations": True, "percentage": False}
_ROLES = ("Roles", "aws:iam:role")
_TASKS = ("Tasks", "aws:ecs:task")
_IN_TASKS = {"duration": True, "installDependencies": False, "useEcsFaultInjectionEndpoints": False}
_ON_FLOWS = {"flowsPercent": False, "sources": False}
ACTIONS: dict[str, ActionKind] = {
    kind.id: kind
    for kind in (
        ActionKind("aws:fis:wait", "Wait for the specified duration.", None, {"duration": True}),
        ActionKind("aws:ecs:stop-task", "Stop ECS tasks.", _TASKS, {}),
        ActionKind(
            "aws:ecs:task-network-blackhole-port",
            "Drop inbound or outbound traffic of ECS tasks for a protocol and port.",
            _TASKS,
            {**_IN_TASKS, "port": True, "trafficType": True, "protocol": False},
        ),
        ActionKind(
            "aws:ecs:task-network-latency",
            "Add latency to the network interface of ECS tasks.",
            _TASKS,
            {**_IN_TASKS, **_ON_FLOWS, "delayMilliseconds": False, "jitterMilliseconds": False},
        ),
        ActionKind(
            "aws:ecs:task-network-packet-loss",
            "Add packet loss to the network interface of ECS tasks.",
            _TASKS,
            {**_IN_TASKS, **_ON_FLOWS, "lossPercent": False},
        ),
        ActionKind(
            "aws:network:disrupt-connectivity",
            "Deny the specified traffic to the target subnets.",
            ("Subnets", "aws:ec2:subnet"),
            {"duration": True, "scope": True},
        ),
        ActionKind("aws:fis:inject-api-internal-error", "Inject internal errors into API requests.", _ROLES, _API),
        ActionKind("aws:fis:inject-api-throttle-error", "Inject throttle errors into API requests.", _ROLES, _API),
        ActionKind(
            "aws:fis:inject-api-unavailable-error", "Inject unavailable errors into API requests.", _ROLES, _API
        ),
    )
}


def kind_of(action_id: str) -> ActionKind | None:
    """Return an action by its id; None for one that does not run here."""
    return ACTIONS.get(action_id)
