"""Cases of the pinned modules: applied, refused on purpose, or left out, each with its reason."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

PINS = json.loads((Path(__file__).parent / "modules.json").read_text())
# The modules whose examples are run; the other pinned ones are what those use.
MODULES = ("vpc", "ecs", "alb", "ecr", "iam", "s3-bucket", "security-group")


def home(module: str) -> str:
    """A module's place in the folder of pinned ones, at the first version that is pinned."""
    pin = next(pin for pin in PINS if pin["repository"].endswith(f"/terraform-aws-{module}"))
    return f"{pin['repository']}/{pin['version']}"


@dataclass(frozen=True, slots=True)
class Case:
    """A configuration: `plain/<module>` of ours, or `<module>/examples/<name>` of a pinned one."""

    id: str
    # Words of the refusal with which its apply ends; docs/limits.md names each.
    refused: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()

    @property
    def plain(self) -> bool:
        return self.id.startswith("plain/")

    @property
    def path(self) -> str:
        """Below `plain` for ours, below the folder of pinned modules otherwise."""
        module, _, rest = self.id.partition("/")
        return rest if self.plain else f"{home(module)}/{rest}"


def works(module: str, *names: str) -> list[Case]:
    """Examples of a module that work as they are."""
    return [Case(f"{module}/examples/{name}") for name in names]


def refused(module: str, **words: str) -> list[Case]:
    """Return examples of a module whose apply is refused, by some words of the refusal; `_` means `-` in their names."""
    return [Case(f"{module}/examples/{name.replace('_', '-')}", refused=(text,)) for name, text in words.items()]


CASES = [
    *[Case(f"plain/{name}") for name in ("vpc", "security-group", "ecr", "iam", "s3-bucket", "ecs")],
    Case("plain/alb", variables=("certificate_arn",)),
    *works("security-group", "complete", "computed", "disabled", "dynamic", "http", "rules-only"),
    *works("iam", "iam-account", "iam-assumable-role", "iam-assumable-role-with-oidc", "iam-assumable-role-with-saml"),
    *works("iam", "iam-assumable-roles", "iam-assumable-roles-with-saml", "iam-group-complete"),
    *works("iam", "iam-group-with-policies", "iam-policy", "iam-read-only-policy"),
    *refused("iam", iam_group_with_assumable_roles_policy="cannot be assumed"),
    *works("s3-bucket", "complete", "object", "s3-analytics", "s3-inventory", "s3-replication"),
    *refused("s3-bucket", account_public_access="PutPublicAccessBlock", directory_bucket="CreateSession"),
    *refused("s3-bucket", table_bucket="CreateTableBucket"),
    *works("vpc", "simple", "complete", "manage-default-vpc", "network-acls", "secondary-cidr-blocks"),
    *works("vpc", "separate-route-tables", "block-public-access", "ipam", "ipv6-dualstack"),
    *works("vpc", "ipv6-only"),
    *works("ecs", "complete", "fargate"),
    *refused("ecs", ec2_autoscaling="CreateCapacityProvider"),
]  # fmt: skip

# Examples that are not run.
LEFT_OUT = {
    "alb/examples/complete-alb": "needs other providers (null, random), and a Lambda package from the internet",
    "alb/examples/complete-nlb": "needs a hosted zone of its authors' domain",
    "alb/examples/mutual-auth-alb": "needs another provider (tls)",
    "ecr/examples/complete": "needs another provider (random, in the module secrets-manager)",
    "ecr/examples/repository-template": "needs another provider (random, in the module secrets-manager)",
    "iam/examples/iam-eks-role": "needs another provider (random), and the module eks",
    "iam/examples/iam-github-oidc": "needs another provider (tls), which asks GitHub for its certificates",
    "iam/examples/iam-role-for-service-accounts-eks": "needs the module eks",
    "iam/examples/iam-user": "asks keybase.io for a key",
    "s3-bucket/examples/complete-legacy": "uses the module's version 2, for versions 3 of the provider",
    "s3-bucket/examples/notification": "needs another provider (null), and the modules lambda and sns",
    "vpc/examples/outpost": "needs an AWS Outpost",
    "vpc/examples/vpc-flow-logs": "fails on AWS too: two of its modules make one log group",
    "vpc/examples/issues": "cannot be planned: at this version the module refuses what its own example asks for",
}
