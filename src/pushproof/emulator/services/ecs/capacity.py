"""Capacity providers and strategies: what a strategy may contain, and which provider runs the next task.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CapacityProviderStrategyItem.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from .amounts import at_most, in_range, invalid

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import CapacityProviderStrategyItemTypeDef


FARGATE = ("FARGATE", "FARGATE_SPOT")

BOTH_NAMED = "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again."
# https://github.com/kayac/ecspresso/issues/977
NEEDS_DEPLOYMENT = (
    "When switching from launch type to capacity provider strategy on an existing service, or making a change to a "
    "capacity provider strategy on a service that is already using one, you must force a new deployment."
)


def check_providers(providers: Sequence[str]) -> None:
    """Refuse providers that do not exist. Providers of Auto Scaling groups cannot be created here."""
    at_most("capacity providers", providers, 20)
    for name in providers:
        if name not in FARGATE:
            raise invalid(f"The specified capacity provider '{name}' was not found. ")
    if len(set(providers)) != len(providers):
        raise invalid("Capacity providers may not contain duplicates.")


def check_strategy(
    strategy: Sequence[CapacityProviderStrategyItemTypeDef], providers: Sequence[str], *, used: bool
) -> None:
    """Refuse a strategy that AWS refuses. `used`: tasks are to run by it, so that some provider needs a weight."""
    at_most("capacity provider strategy", strategy, 20)
    names = [item.get("capacityProvider") for item in strategy]
    if not all(names):
        raise invalid("The capacity provider of a capacity provider strategy must be specified.")
    for item in strategy:
        in_range("weight", item.get("weight"), 0, 1000)
        in_range("base", item.get("base"), 0, 100_000)
    if not set(names) <= set(providers):
        raise invalid(
            "The specified capacity provider strategy cannot contain a capacity provider that is not associated "
            "with the cluster. Associate the capacity provider with the cluster and try again."
        )
    if len(set(names)) != len(names):
        raise invalid("A capacity provider may only be specified once in a capacity provider strategy.")
    if sum(1 for item in strategy if item.get("base")) > 1:
        raise invalid(
            "The specified capacity provider strategy contains multiple capacity providers with a base value defined"
        )
    # A single provider without a weight runs everything.
    weighted = len(strategy) > 1 or any(item.get("weight") is not None for item in strategy)
    if used and strategy and weighted and not any(item.get("weight") for item in strategy):
        raise invalid(
            "There are no capacity providers in the capacity provider strategy with a weight value greater than zero"
        )


def normalised(
    strategy: Sequence[CapacityProviderStrategyItemTypeDef] | None,
) -> list[CapacityProviderStrategyItemTypeDef]:
    """Return a strategy with the members that AWS fills in."""
    return [
        {
            "capacityProvider": item["capacityProvider"],
            "weight": item.get("weight") or 0,
            "base": item.get("base") or 0,
        }
        for item in strategy or ()
    ]


def next_provider(strategy: Sequence[CapacityProviderStrategyItemTypeDef], counts: Mapping[str, int]) -> str:
    """Return the provider of the next task: the base first, then by weight. `counts`: the tasks that each provider has."""
    for item in strategy:
        if counts.get(item["capacityProvider"], 0) < (item.get("base") or 0):
            return str(item["capacityProvider"])
    weighted = [item for item in strategy if item.get("weight")] or strategy
    chosen = min(weighted, key=lambda item: counts.get(item["capacityProvider"], 0) / (item.get("weight") or 1))
    return str(chosen["capacityProvider"])
