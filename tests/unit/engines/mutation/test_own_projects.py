"""Mutants of the reference and of the examples: each is well-formed, and there are enough of every kind."""

from __future__ import annotations

import collections
import cProfile
import random
from collections.abc import Iterator

import pytest
import tree_sitter_hcl
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.engines.mutation import projects
from tree_sitter import Language, Parser

from pushproof.engines.mutation import OPERATORS, Project, mutants_of
from pushproof.engines.mutation.dockerfile import read
from pushproof.engines.mutation.source import Source

PROJECTS = {
    "reference": projects.reference,
    "settings": projects.settings,
    **{name: lambda name=name: projects.example(name) for name in projects.EXAMPLES},
}
PARSER = Parser(Language(tree_sitter_hcl.language()))


PAGES = ("https://docs.aws.amazon.com/", "https://developer.hashicorp.com/", "https://docs.docker.com/")


def assert_well_formed(path: str, content: bytes) -> None:
    """Fail where a file cannot be parsed."""
    if path.endswith((".tf", ".tfvars")):
        assert not PARSER.parse(content).root_node.has_error, content.decode()
    elif path.endswith((".yml", ".yaml")):
        document = yaml.safe_load(content)
        assert set(document["phases"]) <= {"install", "pre_build", "build", "post_build"}
        for phase in document["phases"].values():
            assert phase["commands"]
            assert all(isinstance(command, str) for command in phase["commands"])
    else:
        read(Source(path, content))


@pytest.mark.parametrize("name", PROJECTS)
def test_every_mutant_is_well_formed_and_no_two_are_equal(name: str) -> None:
    """Each mutant differs from the original and from all others, can be parsed, and has all that a report shows."""
    project = PROJECTS[name]()
    results: set[tuple[str, bytes]] = set()
    mutants = mutants_of(project)
    assert mutants
    assert project.unreadable == ()
    for mutant in mutants:
        original = project.files[mutant.path]
        result = mutant.apply(original)
        assert result != original
        assert (mutant.path, result) not in results
        results.add((mutant.path, result))
        assert_well_formed(mutant.path, result)
        assert mutant.summary
        assert "\n" not in mutant.summary
        assert mutant.harm.endswith(".")
        assert mutant.page.startswith(PAGES)
        assert mutant.address
        assert mutant.line == mutant.lines[0].start >= 1
    assert len({mutant.id for mutant in mutants}) == len(mutants)


def test_the_reference_has_hundreds_of_mutants_and_none_dominates() -> None:
    """The reference has 400 to 1,100 mutants; no operator has more than a sixth of them, and no file more than an eighth."""
    mutants = mutants_of(projects.reference())
    assert 400 <= len(mutants) <= 1100
    assert max(collections.Counter(mutant.operator for mutant in mutants).values()) < len(mutants) / 6
    assert max(collections.Counter(mutant.path for mutant in mutants).values()) < len(mutants) / 8
    assert {mutant.path for mutant in mutants} >= {
        "app/buildspec.yml",
        "app/Dockerfile",
        "infrastructure/environments/prod/main.tf",
    }


def test_the_order_is_the_same_whatever_order_files_and_operators_come_in() -> None:
    """Mutants have one order; the order of files has no influence on it, nor on their ids."""
    files = list(projects.reference().files.items())
    random.Random(3).shuffle(files)
    assert mutants_of(Project(dict(files))) == mutants_of(projects.reference())


def test_operators_have_names_of_their_own_and_say_why() -> None:
    """Each operator has a name of its own in kebab case, a sentence of description, one of harm, and a page."""
    names = [operator.name for operator in OPERATORS]
    assert len(set(names)) == len(names)
    for operator in OPERATORS:
        assert operator.name.startswith(("hcl.", "buildspec.", "dockerfile."))
        assert operator.name == operator.name.lower()
        assert operator.description.endswith(".")
        assert operator.harm.endswith(".")
        assert operator.page.startswith("https://")
        assert operator.visible_in_plan is False or operator.name.startswith("hcl.")


@pytest.mark.parametrize("name", PROJECTS)
def test_lines_with_carriage_returns_stay_so(name: str) -> None:
    """A project with Windows line endings has the same mutants, with the same ids, and no line loses its carriage return."""
    project = PROJECTS[name]()
    windows = Project({path: content.replace(b"\n", b"\r\n") for path, content in project.files.items()})
    mutants, originals = mutants_of(windows), mutants_of(project)
    assert [(m.id, m.operator, m.summary) for m in mutants] == [(m.id, m.operator, m.summary) for m in originals]
    for mutant, original in zip(mutants, originals, strict=True):
        result = mutant.apply(windows.files[mutant.path])
        assert result.replace(b"\r\n", b"\n") == original.apply(project.files[original.path])
        assert b"\n" not in result.replace(b"\r\n", b"")


def _cut(project: Project) -> Iterator[tuple[str, bytes]]:
    for path, content in project.files.items():
        yield path, content.rstrip(b"\n")


def test_files_without_a_final_line_end_survive() -> None:
    """Files that end without a line end have well-formed mutants, and diffs that say so."""
    project = Project(dict(_cut(projects.reference())))
    mutants = mutants_of(project)
    assert len(mutants) == len(mutants_of(projects.reference()))
    for mutant in mutants:
        assert_well_formed(mutant.path, mutant.apply(project.files[mutant.path]))
    assert any("\\ No newline at end of file" in mutant.diff(project.files[mutant.path]) for mutant in mutants)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_line_elsewhere_changes_no_id(data: st.DataObject) -> None:
    """A comment that is added to a file leaves the ids of the mutants as they are, but for those beside it."""
    files = projects.reference().files
    path = data.draw(st.sampled_from(sorted(path for path in files if path.endswith(".tf"))))
    blocks = files[path].split(b"\n\n")
    at = data.draw(st.integers(0, len(blocks) - 1))
    if not blocks[at].startswith((b"resource", b"data", b"variable", b"output", b"module", b"locals")):
        at = 0
    changed = b"\n\n".join([*blocks[:at], b"# A note.\n# Another one.", *blocks[at:]])
    before, after = mutants_of(projects.reference()), mutants_of(Project({**files, path: changed}))
    assert len(before) == len(after)
    lost = {mutant.id for mutant in before} - {mutant.id for mutant in after}
    assert all(mutant.path == path for mutant in before if mutant.id in lost)
    # Those whose surrounding has the note in it; the rest of a long file keeps its ids.
    offset = len(b"\n\n".join(blocks[:at]))
    near = [
        m
        for m in before
        if m.path == path and any(abs(e.start - offset) < 200 or abs(e.end - offset) < 200 for e in m.edits)
    ]
    assert lost <= {mutant.id for mutant in near}


def _calls(copies: int) -> tuple[int, int]:
    """Calls of functions that it takes to make the mutants of some copies of the reference, and the number of mutants."""
    files = {
        f"copy{number}/{path}": content
        for number in range(copies)
        for path, content in projects.reference().files.items()
    }
    profile = cProfile.Profile()
    mutants = profile.runcall(lambda: mutants_of(Project(files)))
    return sum(entry.callcount for entry in profile.getstats()), len(mutants)


def test_the_work_grows_with_the_project() -> None:
    """Twice the files take about twice the work: nothing compares everything with everything."""
    once, twice = _calls(1), _calls(2)
    assert once[1] * 2 * 0.9 < twice[1] < once[1] * 2 * 1.3
    assert twice[0] < once[0] * 2.3


def _large(count: int) -> Project:
    """A module with so many groups, rules, variables, local values and names."""
    parts = []
    for number in range(count):
        parts.append(f'variable "service_{number}_port" {{\n  type = number\n}}\n')
        parts.append(f'locals {{\n  service_{number}_name = "${{var.project}}-{number}"\n}}\n')
        parts.append(f'resource "aws_security_group" "service_{number}" {{\n  name = local.service_{number}_name\n}}\n')
        parts.append(
            f'resource "aws_vpc_security_group_ingress_rule" "service_{number}" {{\n'
            f"  security_group_id = aws_security_group.service_{number}.id\n"
            f"  from_port = var.service_{number}_port\n  to_port = var.service_{number}_port\n}}\n"
        )
    return Project({"main.tf": "\n".join(parts).encode()})


def test_the_work_grows_with_one_large_module() -> None:
    """A module twice as large takes about twice the work: a name is compared with those near it, not with all."""

    def calls(count: int) -> int:
        profile = cProfile.Profile()
        profile.runcall(lambda: mutants_of(_large(count)))
        return sum(entry.callcount for entry in profile.getstats())

    assert calls(180) < calls(90) * 2.4
