"""Terraform's errors: the reason first, each once, and places in the user's own files."""

from __future__ import annotations

from pathlib import Path

from pushproof.terraform.diagnostics import diagnostics, localise
from pushproof.terraform.errors import CommandFailed
from pushproof.terraform.progress import Progress

# As Terraform 1.11 prints it with -no-color; the AWS SDK's account of the call is the provider's, version 5.
_SAID = """
Error: creating ECS Service (shop): operation error ECS: CreateService, https response error StatusCode: 400, RequestID: 1f-2, \
InvalidParameterException: The target group does not have an associated load balancer.

  with module.service.aws_ecs_service.this,
  on ../../modules/service/main.tf line 40, in resource "aws_ecs_service" "this":
  40: resource "aws_ecs_service" "this" {


Error: Invalid function argument

  on main.tf line 3, in locals:
   3: locals { a = file("../../x") }

Invalid value for "path" parameter: no file exists at "/worlds/1/copy/live/prod/x"; this function works only with files.
"""


def localised() -> str:
    return localise(
        _SAID,
        show=lambda path: {"main.tf": "live/prod/main.tf"}.get(str(path), "modules/service/main.tf"),
        copy=Path("/worlds/1/copy"),
        base=Path("/home/me/shop"),
    )


def test_places_are_in_the_users_own_files() -> None:
    """No path of a working copy is left, and file and line can be clicked."""
    text = localised()
    assert "on modules/service/main.tf:40, in resource" in text
    assert "on live/prod/main.tf:3, in locals" in text
    assert "/home/me/shop/live/prod/x" in text
    assert "/worlds/" not in text


def test_the_reason_comes_first() -> None:
    """The text begins with Terraform's first error; the short form leaves the SDK's account of the call out."""
    error = CommandFailed("apply -auto-approve", "live/prod", 1, "", localised())
    assert str(error).startswith("Error: creating ECS Service (shop)")
    assert str(error).endswith("`terraform apply` in live/prod ended with exit code 1.")
    assert str(error).count("InvalidParameterException") == 1
    assert error.reason == (
        "creating ECS Service (shop): InvalidParameterException: The target group does not have an associated load balancer."
        " (modules/service/main.tf:40) and 1 more"
    )


def test_errors_have_parts() -> None:
    """Address, file and line, where Terraform says them."""
    first, second = diagnostics(localised())
    assert (first.address, first.file, first.line) == (
        "module.service.aws_ecs_service.this",
        "modules/service/main.tf",
        40,
    )
    assert (second.summary, second.address, second.line) == ("Invalid function argument", "", 3)
    assert diagnostics("Success!") == []


def test_a_command_that_said_nothing_is_named() -> None:
    """A process that was killed leaves no words."""
    assert CommandFailed("apply", "x", -9, "", "").reason == "`terraform apply` in x ended with exit code -9."


def test_progress_is_a_line_for_each_resource() -> None:
    """Counted, with seconds; what takes long is said twice a minute, and the rest of Terraform's lines not at all."""
    lines: list[str] = []
    seconds = iter(range(0, 1000, 2))
    progress = Progress("modules/vpc", lines.append, monotonic=lambda: float(next(seconds)))
    for line in (
        "Initializing the backend...",
        "Initializing provider plugins...",
        "Plan: 2 to add, 0 to change, 0 to destroy.",
        "aws_vpc.this: Creating...",
        "aws_vpc.this: Creation complete after 3s [id=vpc-1]",
        "aws_nat_gateway.this: Still creating... [10s elapsed]",
        "aws_nat_gateway.this: Still creating... [id=nat-1, 30s elapsed]",
        "aws_nat_gateway.this: Still creating... [01m00s elapsed]",
        'module.a["x"].aws_eip.this: Creation complete after 1m2s [id=eip-1]',
        "Apply complete! Resources: 2 added, 0 changed, 0 destroyed.",
        'vpc_id = "vpc-1"',
    ):
        progress.hear(line)
    assert lines == [
        "modules/vpc    2s: terraform init",
        "modules/vpc    4s: Plan: 2 to add, 0 to change, 0 to destroy",
        "modules/vpc    6s: 1/2 aws_vpc.this created in 3s",
        "modules/vpc    8s: aws_nat_gateway.this still creating after 30s",
        "modules/vpc   10s: aws_nat_gateway.this still creating after 60s",
        'modules/vpc   12s: 2/2 module.a["x"].aws_eip.this created in 1m2s',
        "modules/vpc   14s: applied",
    ]
