"""Discovery of what a service runs: its container, its secrets, its image repository and its circuit breaker.

Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pushproof.drill.badinput import BadInput
from pushproof.drill.delivery import Breaker, Container, Guard
from pushproof.drill.discovery.choices import Choices, choose
from pushproof.terraform.resources import Resource

if TYPE_CHECKING:
    from pushproof.drill.discovery.shapes import ContainerDefinition, Service, TargetGroup, TaskDefinition

_ECR_IMAGE = re.compile(r"^\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/(?P<name>[^:@]+)")


def repository_of(image: str, urls: Mapping[str, str]) -> str:
    """Return the ECR repository of an image reference; "" for an image of another registry.

    `urls`: names of repositories by their URLs, which a registry behind another host has too.
    """
    known = [url for url in urls if image.startswith((f"{url}:", f"{url}@")) or image == url]
    if known:
        return urls[max(known, key=len)]
    matched = _ECR_IMAGE.match(image)
    return matched["name"] if matched else ""


def urls_of(repositories: Sequence[Resource]) -> dict[str, str]:
    """Return the names of repositories by their URLs."""
    return {repository.text("repository_url"): repository.text("name") for repository in repositories}


def choose_container(definition: TaskDefinition, balanced: str, repositories: Mapping[str, str]) -> ContainerDefinition:
    """Return the container definition that a push replaces: the load balancer's, the only one, or the one with an ECR image."""
    containers = definition["containerDefinitions"]
    named = [c for c in containers if c["name"] == balanced]
    own = [c for c in containers if repository_of(c["image"], repositories) in repositories.values()]
    pushed = own or [c for c in containers if repository_of(c["image"], repositories)]
    essential = [c for c in containers if c.get("essential", True)]
    return next(iter(named or pushed or essential or containers))


def container_of(
    definition: TaskDefinition, container: ContainerDefinition, port: int, group: TargetGroup | None
) -> Container:
    """Return the container with what breakages need. `port`: the load balancer's, 0 without one."""
    mapped = [
        int(mapping["containerPort"]) for mapping in container.get("portMappings", ()) if "containerPort" in mapping
    ]
    own = int(container["healthCheck"].get("timeout", 5)) if "healthCheck" in container else 0
    balancer = int(group.get("HealthCheckTimeoutSeconds", 0)) if group is not None else 0
    return Container(
        name=str(container["name"]),
        port=port or next(iter(mapped), 0),
        architecture=str(definition.get("runtimePlatform", {}).get("cpuArchitecture", "X86_64")),
        patience=max(own, balancer),
        connection_suffices=not own and group is not None and group.get("HealthCheckProtocol") == "TCP",
        entry_point=tuple(container.get("entryPoint", ())),
        command=tuple(container.get("command", ())),
    )


def choose_repository(
    image: str, resources: Sequence[Resource], build_variables: Sequence[str], choices: Choices, service: str
) -> str:
    """Return the ECR repository that builds push the service's image to.

    The image's own repository decides, then the only one of the environment, then the one that the build's variables name.
    Raises BadInput when several fit, or the environment has none and the image comes from another registry.
    """
    known = [repository.text("name") for repository in resources]
    if choices.image_repository:
        return choices.image_repository
    urls = urls_of(resources)
    if name := repository_of(image, urls):
        return name
    named = [name for url, name in urls.items() if name in build_variables or url in build_variables]
    candidates = named if len(named) == 1 else known
    return choose(
        "image repository",
        candidates,
        lambda name: [name],
        "",
        setting="image-repository",
        missing=(
            f"no image repository of service {service} is known: its image {image} is not in ECR, and the environment has no "
            "aws_ecr_repository. Name the one that builds push to in pushproof.toml, under [drill]: image-repository"
        ),
    )


def secrets_of(definition: TaskDefinition) -> tuple[str, ...]:
    """Return the secrets and parameters that the containers of a task definition take, as `valueFrom` writes them."""
    values = [
        secret["valueFrom"]
        for container in definition["containerDefinitions"]
        for secret in container.get("secrets", ())
    ]
    return tuple(dict.fromkeys(values))


def breaker_of(service: Service) -> Breaker:
    """Return the circuit breaker and the alarms of a service, as DescribeServices shows it."""
    configuration = service.get("deploymentConfiguration", {})
    breaker, alarms = configuration.get("deploymentCircuitBreaker", {}), configuration.get("alarms", {})
    return Breaker(
        enabled=bool(breaker.get("enable")),
        rollback=bool(breaker.get("rollback")) or bool(alarms.get("enable") and alarms.get("rollback")),
        alarms=bool(alarms.get("enable")),
    )


def guard_of(service: Service) -> Guard:
    """Return the strategy of a service's deployments, and whether functions test a revision."""
    configuration = service.get("deploymentConfiguration", {})
    hooks = configuration.get("lifecycleHooks") or []
    return Guard(
        strategy=str(configuration.get("strategy", "ROLLING")).lower().replace("_", "-"),
        hooks=any(hook.get("targetType", "AWS_LAMBDA") == "AWS_LAMBDA" for hook in hooks),
    )


def require_controller(service: Service, expected: str, why: str) -> None:
    """Raise BadInput for a service with another deployment controller than the road to it needs. `why`: what needs it."""
    controller = service.get("deploymentController", {}).get("type", "ECS")
    if controller != expected:
        raise BadInput(
            f"service {service['serviceName']} has the deployment controller {controller}, and {why}, which needs {expected}"
        )
