"""What is applied of the pinned modules, what is refused of it on purpose, and what is left out, each with its reason."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PINS = json.loads((Path(__file__).parent / "modules.json").read_text())


@dataclass(frozen=True, slots=True)
class Case:
    """A configuration: `plain/<module>` of ours, or one in a pinned repository, as `<module>/<folder>`."""

    id: str
    # Words of the refusal with which its apply ends; each is named in docs/limits.md.
    refused: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    # What its destroy leaves, because AWS keeps it.
    leaves: list[str] = field(default_factory=list)
    marks: tuple[Any, ...] = ()

    @property
    def plain(self) -> bool:
        return self.id.startswith("plain/")

    @property
    def path(self) -> str:
        """Below `plain` for ours, below the folder of pinned modules otherwise."""
        module, _, rest = self.id.partition("/")
        if self.plain:
            return rest
        pin = next(pin for pin in PINS if pin["repository"].endswith(f"/terraform-aws-{module}"))
        return f"{pin['repository']}/{pin['version']}/{rest}"


def examples(module: str, *names: str) -> list[Case]:
    """Examples of a module that work as they are."""
    return [Case(f"{module}/examples/{name}") for name in names]


CASES = [
    *[Case(f"plain/{name}") for name in ("vpc", "security-group", "ecr", "iam", "s3-bucket", "ecs")],
    Case("plain/alb", variables=("certificate_arn",)),
    *examples("security-group", "complete", "computed", "disabled", "dynamic", "http", "rules-only"),
    *examples(
        "iam",
        "iam-account",
        "iam-assumable-role",
        "iam-assumable-role-with-oidc",
        "iam-assumable-role-with-saml",
        "iam-assumable-roles",
        "iam-assumable-roles-with-saml",
        "iam-group-complete",
        "iam-group-with-assumable-roles-policy",
        "iam-group-with-policies",
        "iam-policy",
        "iam-read-only-policy",
        "iam-user",
    ),
    *examples(
        "s3-bucket",
        "account-public-access",
        "complete",
        "notification",
        "object",
        "s3-analytics",
        "s3-inventory",
        "s3-replication",
        "directory-bucket",
        "table-bucket",
    ),
    *examples(
        "vpc",
        "simple",
        "complete",
        "issues",
        "manage-default-vpc",
        "network-acls",
        "secondary-cidr-blocks",
        "separate-route-tables",
        "vpc-flow-logs",
        "block-public-access",
        "ipam",
        "ipv6-dualstack",
        "ipv6-only",
        "outpost",
    ),
    *examples("ecs", "complete", "ec2-autoscaling", "fargate"),
    *examples("ecr", "complete", "repository-template"),
    *examples("alb", "complete-alb", "complete-nlb", "mutual-auth-alb"),
]
