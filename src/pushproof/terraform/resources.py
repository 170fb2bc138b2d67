"""Managed resources of a state, by type, with their attributes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from pushproof.aws.types import canonical_type

#: Values by name, as `terraform show -json` gives them: the provider's schema decides their types.
Attributes = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Resource:
    """A managed resource: its type, its address, and its attributes as `terraform show -json` gives them."""

    type: str
    address: str
    values: Attributes

    def text(self, attribute: str) -> str:
        """Return an attribute as text; "" where it is missing or null."""
        value = self.values.get(attribute)
        return "" if value is None else str(value)


def managed_resources(state: Attributes) -> list[Resource]:
    """Return every managed resource of a state (`terraform show -json`), those of child modules included."""

    def walk(module: Attributes) -> Iterator[Resource]:
        for entry in module.get("resources", ()):
            if entry.get("mode") == "managed":
                yield Resource(str(entry["type"]), str(entry["address"]), entry.get("values") or {})
        for child in module.get("child_modules", ()):
            yield from walk(child)

    return list(walk((state.get("values") or {}).get("root_module") or {}))


def stored_resources(state: Attributes) -> list[Resource]:
    """Return every managed resource of a state as a backend stores it (version 4), by module, type and name.

    Attributes are as `terraform show -json` gives them. Source: https://developer.hashicorp.com/terraform/internals/json-format
    """
    # A deposed object is to be destroyed after its replacement was made.
    return [
        Resource(kind, address, instance.get("attributes") or {})
        for kind, address, instance in stored_instances(state.get("resources", ()))
        if "deposed" not in instance
    ]


def stored_instances(resources: Iterable[Attributes]) -> Iterator[tuple[str, str, Attributes]]:
    """Yield the type, the address and the stored object of each instance of a stored state's managed resources."""
    for entry in resources:
        if entry.get("mode") != "managed":
            continue
        base = ".".join(filter(None, (entry.get("module", ""), entry["type"], entry["name"])))
        for instance in entry.get("instances", ()):
            key = instance.get("index_key")
            yield (
                str(entry["type"]),
                base if key is None else f"{base}[{json.dumps(key, ensure_ascii=False)}]",
                instance,
            )


class Stated(Protocol):
    """An object with a state, such as an applied module."""

    def state(self) -> Attributes:
        """Return the state, as `terraform show -json` gives it."""


@runtime_checkable
class Managing(Protocol):
    """An object that lists its managed resources itself, such as an applied module."""

    def managed(self) -> list[Resource]:
        """Return every managed resource."""


def managed_by(module: Stated | Managing) -> list[Resource]:
    """Return every managed resource of a module, in the state's order."""
    return module.managed() if isinstance(module, Managing) else managed_resources(module.state())


def resources(module: Stated, kind: str) -> list[Attributes]:
    """Return the attributes of a module's managed resources of a type, such as "aws_ecs_service", in the state's order.

    `aws_lb` and `aws_alb` are one type.
    """
    return [resource.values for resource in of_type(managed_by(module), kind)]


def of_type(resources: list[Resource], kind: str) -> list[Resource]:
    """Return the resources of a type, in the state's order."""
    return [resource for resource in resources if canonical_type(resource.type) == canonical_type(kind)]
