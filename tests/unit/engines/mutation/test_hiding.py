"""Lines whose mistakes `ignore_changes` hides from a difference."""

from __future__ import annotations

from pushproof.engines.mutation import OPERATORS, Project, mutants_of
from pushproof.engines.mutation.hiding import hidden_lines, is_hidden

SERVICE = b"""resource "aws_ecs_service" "this" {
  name            = "web"
  task_definition = aws_ecs_task_definition.this.arn
  desired_count   = var.desired_count

  lifecycle {
    ignore_changes = [task_definition, desired_count]
  }
}

resource "aws_ecs_task_definition" "this" {
  family = local.name
}

resource "aws_lb_target_group" "this" {
  port = 8080
}

locals {
  name  = "web"
  other = "x"
}

variable "desired_count" {
  default = 2
}

output "port" {
  value = 8080
}
"""
CALLER = b"""module "ecs" {
  source        = "../ecs"
  desired_count = local.count
}

locals {
  count = module.sizes.count
  zone  = "a"
}

module "sizes" {
  source = "../sizes"
}
"""
SIZES = b"""output "count" {
  value = 3
}

output "memory" {
  value = 512
}
"""
FILES = {"ecs/main.tf": SERVICE, "dev/main.tf": CALLER, "dev/x.auto.tfvars": b"zones = 2\n", "sizes/main.tf": SIZES}


def _texts(path: str) -> set[str]:
    lines = FILES[path].decode().splitlines()
    return {lines[number - 1].strip() for number in hidden_lines(FILES).get(path, ())} - {"}", ""}


def test_what_reaches_an_ignored_attribute_is_hidden() -> None:
    """The attributes themselves, the resource and the local that they refer to, and the variable; nothing else of the module."""
    assert _texts("ecs/main.tf") == {
        "task_definition = aws_ecs_task_definition.this.arn",
        "desired_count   = var.desired_count",
        'resource "aws_ecs_task_definition" "this" {',
        "family = local.name",
        'name  = "web"',
        'variable "desired_count" {',
        "default = 2",
    }


def test_callers_and_outputs_are_followed() -> None:
    """A caller's argument for such a variable is hidden, with the output of another module that it comes from."""
    assert _texts("dev/main.tf") == {"desired_count = local.count", "count = module.sizes.count"}
    assert _texts("sizes/main.tf") == {'output "count" {', "value = 3"}


def test_an_index_is_no_name() -> None:
    """The output of one of several modules is followed, whatever its index is written as."""
    for index in (b"[0]", b'["a"]', b"[local.keys[0]]"):
        caller = CALLER.replace(b"module.sizes.count", b"module.sizes" + index + b".count")
        assert hidden_lines({**FILES, "dev/main.tf": caller})["sizes/main.tf"] == {1, 2, 3}, index


def test_a_resource_that_ignores_all_is_hidden_whole() -> None:
    """`ignore_changes = all` hides every attribute."""
    text = b'resource "aws_s3_bucket" "this" {\n  bucket = "b"\n  lifecycle {\n    ignore_changes = all\n  }\n}\n'
    assert hidden_lines({"main.tf": text}) == {"main.tf": frozenset(range(1, 7))}


def test_values_of_variables_are_followed_into_tfvars() -> None:
    """A value in terraform.tfvars that reaches an ignored attribute is hidden."""
    files = {"ecs/main.tf": SERVICE, "ecs/terraform.tfvars": b"desired_count = 2\nother = 1\n"}
    assert hidden_lines(files)["ecs/terraform.tfvars"] == {1}


def test_mutants_are_told_apart() -> None:
    """A mutant of the task definition may be hidden; one of the target group is not."""
    lines = hidden_lines(FILES)
    hidden = {mutant.address for mutant in mutants_of(Project(FILES), OPERATORS) if is_hidden(mutant, lines)}
    shown = {mutant.address for mutant in mutants_of(Project(FILES), OPERATORS) if not is_hidden(mutant, lines)}
    assert "module.ecs.local.name" in hidden
    assert "module.ecs.aws_lb_target_group.this" in shown - hidden


def test_what_is_not_hcl_hides_nothing() -> None:
    """A file that cannot be parsed is left out."""
    assert hidden_lines({"main.tf": b"resource {{{"}) == {}
