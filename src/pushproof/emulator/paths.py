"""Whether a task or a build in its subnets reaches an AWS service: the emulated network path."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pushproof.emulator.world import World


class Paths:
    """Answers from the VPC's own routes, endpoints and security groups, as the substrate's EC2 describes them."""

    def __init__(self, world: World) -> None:
        self._world = world

    def refusal(
        self,
        *,
        region: str,
        subnet_id: str,
        security_group_ids: list[str],
        to: str,
        port: int = 443,
        public_ip: bool = False,
    ) -> str | None:
        """Why the service `to` ("ecr.api", "ecr.dkr", "s3", "logs", "secretsmanager", …) cannot be reached; None if it can."""
        return None
