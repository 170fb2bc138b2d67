"""Names of resource types of Terraform's AWS provider: one type has two names."""

from __future__ import annotations


def canonical_type(name: str) -> str:
    """Return the newer name of a resource type: `aws_alb…` is `aws_lb…`.

    Source: https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/lb ("aws_alb is known as aws_lb. The
    functionality is identical."), which holds for listeners, their certificates and rules, target groups and attachments too
    """
    return f"aws_lb{name.removeprefix('aws_alb')}" if name == "aws_alb" or name.startswith("aws_alb_") else name
