"""Deployment configurations as they are kept and shown: members of a strategy with their defaults, those of others left out."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import DeploymentConfigurationOutputTypeDef

_OF_SHIFTS = ("lifecycleHooks", "linearConfiguration", "canaryConfiguration")
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_LinearConfiguration.html and API_CanaryConfiguration.html beside it
_DEFAULTS: dict[str, tuple[str, Mapping[str, object]]] = {
    "LINEAR": ("linearConfiguration", {"stepPercent": 10.0, "stepBakeTimeInMinutes": 6}),
    "CANARY": ("canaryConfiguration", {"canaryPercent": 5.0, "canaryBakeTimeInMinutes": 10}),
}


def merged(before: Mapping[str, object], request: Mapping[str, object] | None) -> dict[str, object]:
    """Return a configuration after a request that changes some members.

    A rolling update keeps nothing of the strategy of before; what belongs to another strategy is dropped, as AWS drops it.
    """
    sent = copy.deepcopy(dict(request or {}))
    configuration = {**before, **sent}
    strategy = str(configuration.get("strategy") or "ROLLING")
    kept, _ = _DEFAULTS.get(strategy, ("", {}))
    for member in _OF_SHIFTS:
        other = member != kept if member != "lifecycleHooks" else strategy == "ROLLING" and member not in sent
        if other:
            configuration.pop(member, None)
    return configuration


def shown_configuration(configuration: Mapping[str, object] | None) -> DeploymentConfigurationOutputTypeDef:
    """Return a deployment configuration with the members that AWS fills in."""
    filled: dict[str, Any] = {
        "maximumPercent": 200,
        "minimumHealthyPercent": 100,
        "strategy": "ROLLING",
        "bakeTimeInMinutes": 0,
        **{name: value for name, value in (configuration or {}).items() if value is not None},
    }
    breaker = filled.get("deploymentCircuitBreaker") or {}
    filled["deploymentCircuitBreaker"] = {"enable": False, "rollback": False, **breaker}
    if filled["strategy"] in _DEFAULTS:
        name, defaults = _DEFAULTS[filled["strategy"]]
        filled[name] = {**defaults, **(filled.get(name) or {})}
    # Its members come from a request, which the model has checked.
    return cast("DeploymentConfigurationOutputTypeDef", filled)
