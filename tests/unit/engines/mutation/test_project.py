"""Projects: files that can and cannot be read, modules, addresses, and the bytes of what is in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.engines.mutation import projects
from tests.unit.engines.mutation.test_own_projects import assert_well_formed

from pushproof.engines.mutation import Project, Unreadable, mutants_of
from pushproof.engines.mutation.hcl import Value


def test_files_that_cannot_be_read_are_listed_with_line_and_reason() -> None:
    """A fault of a file is in `unreadable`; the other files are mutated all the same."""
    project = Project({
        "good.tf": b"resource \"aws_lb\" \"a\" {\n  internal = true\n}\n",
        "bad.tf": b"locals {\n  port = 80\n  name = = 1\n}\n",
        "open.tf": b"locals {\n  port = 80\n",
        "latin.tf": b"locals {\n  name = \"caf\xe9\"\n}\n",
        "old.tf.json": b"{}",
        "buildspec.yml": b"version: 0.2\nphases:\n  build: [\n",
        "Dockerfile": b"RUN make\n",
        "notes.md": b"# Notes",
    })  # fmt: skip
    unreadable = {unreadable.path: unreadable for unreadable in project.unreadable}
    assert list(unreadable) == ["Dockerfile", "bad.tf", "buildspec.yml", "latin.tf", "old.tf.json", "open.tf"]
    assert unreadable["bad.tf"].line == 3
    assert unreadable["latin.tf"] == Unreadable("latin.tf", 2, "the file is not UTF-8")
    assert unreadable["open.tf"].line in (1, 2, 3)
    assert unreadable["buildspec.yml"].line == 4
    assert "not YAML" in unreadable["buildspec.yml"].reason
    assert unreadable["Dockerfile"].reason == "the file has no FROM"
    assert all(unreadable.reason for unreadable in project.unreadable)
    assert project.readable == ("good.tf",)
    assert {mutant.path for mutant in mutants_of(project)} == {"good.tf"}


DEEP = {
    "lists": "a = " + "[" * 3000 + "]" * 3000,
    "sums": "a = " + " + ".join(["1"] * 3000),
    "conditions": "a = " + "var.x ? 1 : " * 3000 + "2",
    "negations": "a = " + "!" * 3000 + "true",
    "blocks": "x {\n" * 3000 + "}\n" * 3000,
}


@pytest.mark.parametrize("kind", DEEP)
def test_files_that_are_nested_too_deeply_are_listed(kind: str) -> None:
    """A file that is nested deeper than the reader goes is unreadable, and breaks nothing; 30 levels are fine."""
    body = DEEP[kind]
    project = Project({"main.tf": f"locals {{\n{body}\n}}\n".encode()})
    assert [unreadable.path for unreadable in project.unreadable] == ["main.tf"]
    assert "nested" in project.unreadable[0].reason
    assert mutants_of(project) == []
    nested = "[" * 30 + "true" + "]" * 30
    assert Project({"main.tf": f"locals {{\n  a = {nested}\n}}\n".encode()}).unreadable == ()


def test_yaml_that_is_no_buildspec_is_left_alone() -> None:
    """Other YAML, lists, several documents, empty files and charts are neither mutated nor unreadable."""
    files = {
        "a.yml": b"a: 1\n",
        "b.yaml": b"- 1\n",
        "c.yml": b"--- 1\n--- 2\n",
        "d.yml": b"",
        "e.yml": b"phases: {}\n",
        "f.yml": b"{{ chart }",
    }
    project = Project(files)
    assert (project.readable, project.unreadable, mutants_of(project)) == ((), (), [])


HEAD = "version: 0.2\nphases:\n  build:\n    commands:"


@pytest.mark.parametrize(
    ("rest", "reason"),
    [
        ("\n      - &test make test\n      - *test\n", "aliases"),
        ("\n      - {a: b}\n      - make test\n", None),
        (" make test\n", None),
        ("\n", None),
        (" " + "[" * 3000, "nested"),
    ],
)
def test_unusual_buildspecs_make_no_mutant_that_breaks_them(rest: str, reason: str | None) -> None:
    """Aliases, commands that are no texts, and endless nesting are left alone, and said where they hide mistakes."""
    project = Project({"buildspec.yml": (HEAD + rest).encode()})
    assert [bool(reason and reason in unreadable.reason) for unreadable in project.unreadable] == (
        [True] if reason else []
    )
    assert mutants_of(project) == []


def test_a_buildspec_on_one_line_and_with_a_byte_order_mark_has_its_bytes() -> None:
    """Lists in brackets, quotes, characters beyond ASCII and a byte order mark move no edit."""
    text = '\ufeffversion: 0.2\nphases:\n  build: {commands: [make test, "echo ü €", \'docker push "$NAME:$TAG"\']}\n'
    mutants = {mutant.apply(text.encode()).decode() for mutant in mutants_of(Project({"buildspec.yml": text.encode()}))}
    assert text.replace("make test, ", "") in mutants
    assert text.replace("$NAME:$TAG", "$NAME:latest") in mutants
    assert text.replace("$TAG\"'", "$TAG\" || true'") in mutants


def test_an_empty_project_has_no_mutants() -> None:
    """No files, and empty files, make no mutants."""
    assert mutants_of(Project({})) == []
    assert mutants_of(Project({"main.tf": b"", "variables.tf": b"# Nothing.\n"})) == []


def test_addresses_begin_with_the_call_of_the_module() -> None:
    """Addresses in a called module begin with its calls, from the root on; a root's own addresses have nothing before them."""
    project = Project({
        "root/main.tf": b'module "shop" {\n  source = "../modules/shop"\n}\n\nresource "aws_lb" "a" {\n  internal = true\n}\n',
        "modules/shop/main.tf": b'module "db" {\n  source = "../db"\n}\n',
        "modules/db/main.tf": b'resource "aws_db_instance" "this" {\n  publicly_accessible = false\n}\n',
    })  # fmt: skip
    addresses = {mutant.path: mutant.address for mutant in mutants_of(project)}
    assert addresses["modules/db/main.tf"] == "module.shop.module.db.aws_db_instance.this"
    assert addresses["root/main.tf"] == "aws_lb.a"


def test_modules_that_call_each_other_come_to_an_end() -> None:
    """A circle of calls, which Terraform refuses, does not hang the reader."""
    project = Project({
        "a/main.tf": b'module "b" {\n  source = "../b"\n}\n',
        "b/main.tf": b'module "a" {\n  source = "../a"\n}\n\nlocals {\n  on = true\n}\n',
    })  # fmt: skip
    assert mutants_of(project)


def _every_value(project: Project) -> list[tuple[bytes, Value]]:
    return [(site.file.source.content, value) for site in project.sites for value in site.value.everything()]


@pytest.mark.parametrize("project", [projects.settings, *(lambda n=n: projects.example(n) for n in projects.EXAMPLES)])
def test_every_value_has_its_bytes(project) -> None:
    """The bytes of each value are its text."""
    for content, value in _every_value(project()):
        assert content[value.start : value.end].decode() == value.text


TRICKY = """\
locals {
  # Umlauts before everything: äöü €
  script = <<-EOT
    #!/bin/sh
    echo "${var.name} %{ if var.on }on%{ else }off%{ endif } $${literal} = true"
    port = 80
    EOT
  plain = <<EOT
resource "aws_lb" "not" {
  internal = true
}
EOT
  quoted  = "a \\"quoted\\" ${join(",", [for name in ["x", "y"] : "${name}-${var.on ? "1" : "2"}"])} text"
  nested  = { "key with spaces" = { deep = [{ on = true }, { on = false }] }, (var.name) = -1 }
  legacy  = "${var.name}"
  splat   = aws_subnet.all[*].id
  indexed = aws_subnet.all["a.b"].id
  math    = (1 + 2) * 3 > 4 ? !var.on : var.on && true
  multi = [
    "first",
    # A comment between.
    "second", "third",
  ]
  empty = {}
}

resource "aws_ecs_service" "this" {
  deployment_circuit_breaker {
    enable   = true /* inline */
    rollback = true // to the end
  }
  lifecycle { ignore_changes = [task_definition] }
}
"""


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_templates_heredocs_and_comments_survive(ends: str) -> None:
    """A file with everything that HCL has gives well-formed mutants, which leave heredocs and comments alone."""
    content = TRICKY.replace("\n", ends).encode()
    project = Project({"main.tf": content, "variables.tf": b'variable "on" {}\n\nvariable "name" {}\n'})
    assert project.unreadable == ()
    for source, value in _every_value(project):
        assert source[value.start : value.end].decode() == value.text
    mutants = mutants_of(project)
    assert {"hcl.flip-boolean", "hcl.fixed-branch", "hcl.drop-ignore-changes"} <= {
        mutant.operator for mutant in mutants
    }
    for mutant in mutants:
        result = mutant.apply(content)
        assert_well_formed("main.tf", result)
        for kept in (b"internal = true", b"port = 80", "äöü €".encode(), b"$${literal}"):
            assert kept in result


@given(st.binary(max_size=200))
def test_no_content_breaks_the_reader(content: bytes) -> None:
    """Any content makes a project: the file is readable, unreadable, or none of its own."""
    project = Project({"a.tf": content, "a.tfvars": content, "b.yml": content, "Dockerfile": content})
    mutants_of(project)
    assert set(project.readable).isdisjoint(unreadable.path for unreadable in project.unreadable)


@given(st.data())
def test_damaged_files_of_the_reference_break_nothing(data: st.DataObject) -> None:
    """A file of the reference that is cut off, or lacks a piece, is unreadable or gives well-formed mutants."""
    path = data.draw(st.sampled_from(sorted(projects.reference().files)))
    content = projects.reference().files[path]
    start = data.draw(st.integers(0, len(content)))
    damaged = content[:start] + content[start + data.draw(st.integers(0, 80)) :]
    project = Project({path: damaged})
    for mutant in mutants_of(project):
        assert mutant.apply(damaged) != damaged


INLINE = """\
resource "aws_codebuild_project" "shop" {
  source {
    type      = "CODEPIPELINE"
    buildspec = <<-EOT
      version: 0.2
      phases:
        build:
          commands:
            # The größte test.
            - make test
            - docker push "${aws_ecr_repository.shop.repository_url}:$TAG"
    EOT
  }
}
"""


def test_a_buildspec_in_a_heredoc_and_one_in_a_template_are_mutated() -> None:
    """Buildspecs that Terraform holds, or makes of a template, have mutants as others have, in their own places."""
    template = (
        'version: 0.2\nphases:\n  build:\n    commands:\n      - make test\n      - docker push "${image}:$TAG"\n'
    )
    files = {"main.tf": INLINE.encode(), "build.yml.tftpl": template.encode()}
    mutants = mutants_of(Project(files))
    results = {
        mutant.apply(files[mutant.path]).decode() for mutant in mutants if mutant.operator.startswith("buildspec.")
    }
    assert INLINE.replace("            # The größte test.\n            - make test\n", "") in results
    assert INLINE.replace("- make test", "- make test || true") in results
    assert INLINE.replace(":$TAG", ":latest") in results
    assert template.replace("      - make test\n", "") in results
    assert template.replace(":$TAG", ":latest") in results
    for mutant in mutants:
        if mutant.path == "main.tf":
            assert_well_formed("main.tf", mutant.apply(files["main.tf"]))
