"""AppSpec files of ECS deployments, in YAML or JSON.

https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-resources.html
https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html#appspec-hooks-ecs
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import yaml

from .errors import InvalidAppSpec
from .events import HOOKED

_SERVICE = "AWS::ECS::Service"


@dataclass(frozen=True, slots=True)
class Network:
    """The network of the replacement's tasks."""

    subnets: tuple[str, ...]
    security_groups: tuple[str, ...] = ()
    assign_public_ip: Literal["ENABLED", "DISABLED"] = "DISABLED"


@dataclass(frozen=True, slots=True)
class Provider:
    """An item of a capacity provider strategy."""

    name: str
    base: int = 0
    weight: int = 0


@dataclass(frozen=True, slots=True)
class AppSpec:
    """The revision of a service: its task definition, the container behind the load balancer, and functions by lifecycle event.

    What is left out, the replacement takes from the task set that it replaces.
    """

    task_definition: str
    container_name: str
    container_port: int
    platform_version: str = ""
    network: Network | None = None
    providers: tuple[Provider, ...] = ()
    hooks: Mapping[str, str] = field(default_factory=dict)

    def content(self) -> str:
        """Return the file in JSON, with what a rollback needs."""
        properties = {
            "TaskDefinition": self.task_definition,
            "LoadBalancerInfo": {"ContainerName": self.container_name, "ContainerPort": self.container_port},
        }
        return json.dumps(
            {"version": 0.0, "Resources": [{"TargetService": {"Type": _SERVICE, "Properties": properties}}]}
        )


def read_appspec(text: str) -> AppSpec:
    """Read an AppSpec file. Raises InvalidAppSpec."""
    root = _mapping("the AppSpec file", _document(text))
    version = root.get("version")
    if isinstance(version, bool) or str(version) not in ("0", "0.0"):
        raise InvalidAppSpec(f"The AppSpec file has version {version}; the only allowed version is 0.0")
    resources = _items("Resources", root.get("Resources", root.get("resources")))
    if len(resources) != 1:
        raise InvalidAppSpec(f"Resources has {len(resources)} items; an ECS deployment has exactly one")
    named = _mapping("Resources[0]", resources[0])
    if len(named) != 1:
        raise InvalidAppSpec("Resources[0] must have one name, such as TargetService, with Type and Properties")
    ((name, resource),) = named.items()
    service = _mapping(f"Resources[0].{name}", resource)
    if service.get("Type") != _SERVICE:
        raise InvalidAppSpec(f"Resources[0].{name}.Type is {service.get('Type')}; expected {_SERVICE}")
    return _service(f"Resources[0].{name}.Properties", service.get("Properties"), root)


def _document(text: str) -> object:
    try:
        # JSON is YAML, except for tabs, which JSON allows.
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return yaml.safe_load(text)
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise InvalidAppSpec(f"The AppSpec file is neither YAML nor JSON: {' '.join(str(error).split())}") from None


def _service(place: str, value: object, root: Mapping[str, object]) -> AppSpec:
    properties = _mapping(place, value)
    balancer = _mapping(f"{place}.LoadBalancerInfo", properties.get("LoadBalancerInfo"))
    network = properties.get("NetworkConfiguration")
    return AppSpec(
        task_definition=_text(f"{place}.TaskDefinition", properties.get("TaskDefinition")),
        container_name=_text(f"{place}.LoadBalancerInfo.ContainerName", balancer.get("ContainerName")),
        container_port=_port(f"{place}.LoadBalancerInfo.ContainerPort", balancer.get("ContainerPort")),
        platform_version=str(properties.get("PlatformVersion") or ""),
        network=None if network is None else _network(f"{place}.NetworkConfiguration", network),
        providers=tuple(
            _provider(f"{place}.CapacityProviderStrategy[{number}]", item)
            for number, item in enumerate(
                _items(f"{place}.CapacityProviderStrategy", properties.get("CapacityProviderStrategy") or [])
            )
        ),
        hooks=_hooks(root.get("Hooks", root.get("hooks"))),
    )


def _network(place: str, value: object) -> Network:
    network = _mapping(place, value)
    place = f"{place}.AwsvpcConfiguration"
    vpc = _mapping(place, network.get("AwsvpcConfiguration", network.get("awsvpcConfiguration")))
    public = vpc.get("AssignPublicIp", vpc.get("assignPublicIp")) or "DISABLED"
    if public not in ("ENABLED", "DISABLED"):
        raise InvalidAppSpec(f"{place}.AssignPublicIp is {public}; expected ENABLED or DISABLED")
    return Network(
        _texts(f"{place}.Subnets", vpc.get("Subnets", vpc.get("subnets"))),
        _texts(f"{place}.SecurityGroups", vpc.get("SecurityGroups", vpc.get("securityGroups")) or []),
        "ENABLED" if public == "ENABLED" else "DISABLED",
    )


def _provider(place: str, value: object) -> Provider:
    item = _mapping(place, value)
    numbers: list[int] = []
    for name in ("Base", "Weight"):
        number = item.get(name, item.get(name.lower())) or 0
        if isinstance(number, bool) or not isinstance(number, int):
            raise InvalidAppSpec(f"{place}.{name} is {number}; expected a whole number")
        numbers.append(number)
    base, weight = numbers
    name = _text(f"{place}.CapacityProvider", item.get("CapacityProvider", item.get("capacityProvider")))
    return Provider(name, base, weight)


def _hooks(value: object) -> dict[str, str]:
    hooks: dict[str, str] = {}
    for number, item in enumerate(_items("Hooks", value if value is not None else [])):
        for event, function in _mapping(f"Hooks[{number}]", item).items():
            if event not in HOOKED:
                raise InvalidAppSpec(
                    f"Hooks[{number}] names the lifecycle event {event}; an ECS deployment has hooks for {', '.join(HOOKED)}"
                )
            if event in hooks:
                raise InvalidAppSpec(f"Hooks[{number}] names {event} a second time")
            hooks[event] = _text(f"Hooks[{number}].{event}", function)
    return hooks


def _mapping(place: str, value: object) -> Mapping[str, object]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise InvalidAppSpec(f"{place} is {_called(value)}; expected names with values")
    return value


def _items(place: str, value: object) -> list[object]:
    if not isinstance(value, list):
        raise InvalidAppSpec(f"{place} is {_called(value)}; expected a list")
    return value


def _text(place: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidAppSpec(f"{place} is {_called(value)}; expected a text")
    return value.strip()


def _texts(place: str, value: object) -> tuple[str, ...]:
    return tuple(_text(f"{place}[{number}]", item) for number, item in enumerate(_items(place, value)))


def _port(place: str, value: object) -> int:
    # Quoted numbers are accepted, as templates leave them.
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 65535:
        raise InvalidAppSpec(f"{place} is {_called(value)}; expected a port from 1 to 65535")
    return value


def _called(value: object) -> str:
    if value is None:
        return "missing"
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else repr(value)
