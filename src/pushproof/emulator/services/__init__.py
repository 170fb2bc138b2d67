"""The delivery plane's services: one module (or package) each, plain objects whose methods take and return dicts.

A service owns its botocore service name. With `overlay = True` it answers just the operations it has, and the substrate the rest.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from pushproof.emulator.world import World

# botocore service name -> "module:Class"
PLANE: dict[str, str] = {
    "ec2": "pushproof.emulator.services.ec2:Ec2Service",
    "ecs": "pushproof.emulator.services.ecs:EcsApi",
    "ecr": "pushproof.emulator.services.ecr:EcrService",
    "codestar-connections": "pushproof.emulator.services.connections:ConnectionsService",
    "codeconnections": "pushproof.emulator.services.connections:ConnectionsService",
    "elbv2": "pushproof.emulator.services.elbv2:LoadBalancingService",
    "codebuild": "pushproof.emulator.services.codebuild:CodeBuildService",
    "codepipeline": "pushproof.emulator.services.codepipeline:CodePipelineService",
    "events": "pushproof.emulator.services.events:EventsService",
    "s3": "pushproof.emulator.services.s3:ObjectEvents",
    "iam": "pushproof.emulator.services.iam:IamService",
    "sts": "pushproof.emulator.services.sts:StsService",
}


class Service:
    """What services share. Subclasses define one method per AWS operation, in snake_case:

    `def create_cluster(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]`

    with botocore's member names in request and response. They raise `AwsError`.
    """

    overlay: ClassVar[bool] = False

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name

    def close(self) -> None:
        """Stop whatever the service keeps running. Called once, when the world closes."""


def load(world: World) -> dict[str, Any]:
    """Construct every service of the plane for a world."""
    services: dict[str, Any] = {}
    for name, path in PLANE.items():
        module, _, attribute = path.partition(":")
        services[name] = getattr(importlib.import_module(module), attribute)(world, name)
    return services
