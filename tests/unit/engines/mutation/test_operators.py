"""Each operator on a small project: cases/<operator>.case has the files, and the diff of every mutant that it makes of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pushproof.engines.mutation import OPERATORS, Operator, Project, mutants_of

CASES = Path(__file__).parent / "cases"


def parts(text: str) -> tuple[dict[str, bytes], list[tuple[str, str]]]:
    """Return the files of a case, and the summaries and diffs that it expects."""
    files: dict[str, bytes] = {}
    expected: list[tuple[str, str]] = []
    for part in re.split(r"^== ", text, flags=re.MULTILINE)[1:]:
        head, _, body = part.partition("\n")
        if head.startswith("expected: "):
            expected.append((head.removeprefix("expected: "), body))
        else:
            files[head] = body.encode()
    return files, expected


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.name)
def test_an_operator_makes_the_mutants_of_its_case(operator: Operator) -> None:
    """An operator makes exactly the mutants that its case shows, each a readable diff with a summary."""
    files, expected = parts((CASES / f"{operator.name}.case").read_text(encoding="utf-8"))
    project = Project(files)
    assert project.unreadable == ()
    assert expected
    mutants = mutants_of(project, [operator])
    assert [(mutant.summary, mutant.diff(files[mutant.path])) for mutant in mutants] == expected
    assert {mutant.operator for mutant in mutants} == {operator.name}


def test_no_case_is_left_over() -> None:
    """Every case belongs to an operator."""
    assert {path.stem for path in CASES.glob("*.case")} == {operator.name for operator in OPERATORS}
