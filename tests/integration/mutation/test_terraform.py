"""Mutants of a module that a suite applies: killed, refused by Terraform, equivalent in the plan, or surviving with advice."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.integration.mutation.conftest import TERRAFORM, Repository

CONFTEST = """\
import pytest

from pushproof.engines.mutation import Change, Edit, operator


def exchange(name, old, new):
    @operator(name, "Exchanges a text.", "It hurts.", "https://example.test/page")
    def made(project):
        for file in project.hcl_files:
            at = file.source.content.find(old)
            yield Change(file.path, (Edit(at, at + len(old), new),), f"{old} -> {new}")

    return made


def pytest_pushproof_mutation_operators():
    return [
        exchange("hcl.own-killed", b'"IMMUTABLE"', 'lower("x") == "x" ? "MUTABLE" : "IMMUTABLE"'),
        exchange("hcl.own-refused", b'"IMMUTABLE"', '"NEVER"'),
        exchange("hcl.own-equivalent", b'"IMMUTABLE"', 'upper("immutable")'),
        exchange("hcl.own-survivor", b"scan_on_push = true", "scan_on_push = 1 == 2"),
        exchange("hcl.own-ignored", b'"first"', '"second"'),
    ]


@pytest.fixture(scope="module", params=["app", "web"])
def app(applied, request):
    return applied("infra", name=request.param)
"""
SUITE = """\
def test_what_is_kept_is_right(app, aws):
    kept = aws("ssm").get_parameter(Name="/" + app["name"] + "/kept")["Parameter"]["Value"]
    assert kept == "first"

def test_tags_are_immutable(app, registry_checks):
    assert registry_checks(app, repository=app["name"]).refuses_a_second_push_of_a_tag()
"""
# Applied twice in one world, with other variables.
MODULE = 'variable "name" {\n  type = string\n}\n\noutput "name" {\n  value = var.name\n}\n\n' + TERRAFORM.replace(
    '"app"\n  image', "var.name\n  image"
)
# The second one keeps the value that it was made with: only a new world shows what a change of the first would make of it.
MODULE += """
resource "aws_ssm_parameter" "given" {
  name  = "/${var.name}/given"
  type  = "String"
  value = "first"
}

resource "aws_ssm_parameter" "kept" {
  name  = "/${var.name}/kept"
  type  = "String"
  value = aws_ssm_parameter.given.value

  lifecycle {
    ignore_changes = [value]
  }
}
"""


def test_outcomes_of_an_applied_module(repository: Callable[..., Repository], tmp_path: Path) -> None:
    """Each mutant has its outcome, with the test, Terraform's words, the root module, or the line that would notice it."""
    made = repository(**{"conftest.py": CONFTEST, "tests/test_infra.py": SUITE, "infra/main.tf": MODULE})
    done = made.mutate("--tests", "tests", "--only", "hcl.own-*", "--report", str(tmp_path / "report"), limit=500)
    assert done.returncode == 0, done.stdout + done.stderr
    record = json.loads((tmp_path / "report" / "pushproof-report.json").read_text())
    by_name = {mutation["operator"].removeprefix("hcl.own-"): mutation for mutation in record["mutations"]}
    assert {name: mutation["status"] for name, mutation in by_name.items()} == {
        "killed": "killed",
        "refused": "refused",
        "equivalent": "equivalent",
        "survivor": "survived",
        "ignored": "killed",
    }, done.stdout
    assert by_name["killed"]["check"].startswith("tests/test_infra.py::test_tags_are_immutable[")
    assert "the second push moved the tag" in by_name["killed"]["message"]
    assert "image_tag_mutability" in by_name["refused"]["message"]
    assert by_name["equivalent"]["message"] == "the plan of infra is the same as the original's"
    assert 'assert registry_checks(module, repository=module["name"]).scans_on_push()' in by_name["survivor"]["advice"]
