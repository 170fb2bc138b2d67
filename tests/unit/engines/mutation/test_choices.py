"""Choices among mutants: samples, places, changed lines."""

from __future__ import annotations

import collections
import random

import pytest

from pushproof.engines.mutation import Edit, Mutant, NothingMatches, only, sample, within_lines


def mutant(
    number: int, operator: str = "hcl.drop-block", path: str = "modules/ecs/main.tf", address: str = "", line: int = 1
) -> Mutant:
    """A mutant with an id of its own."""
    edits = (Edit(number, number + 1, ""),)
    return Mutant(f"{number:010x}", operator, path, line, address, "", edits, True, "", "", (range(line, line + 2),))


MANY = [
    mutant(number, f"hcl.{'abcdefgh'[number % 8]}", f"modules/{'xyz'[number % 3]}/main.tf") for number in range(480)
]


def test_a_sample_is_the_same_each_time_and_in_the_order_of_all() -> None:
    """Equal arguments give equal samples, in the mutants' order, whatever order they come in; another seed gives another one."""
    chosen = sample(MANY, 60, 7)
    assert chosen == sample(MANY, 60, 7)
    assert [MANY.index(mutant) for mutant in chosen] == sorted(MANY.index(mutant) for mutant in chosen)
    shuffled = MANY.copy()
    random.Random(1).shuffle(shuffled)
    assert {mutant.id for mutant in sample(shuffled, 60, 7)} == {mutant.id for mutant in chosen}
    assert chosen != sample(MANY, 60, 8)


@pytest.mark.parametrize("seed", range(5))
def test_operators_and_modules_have_their_share_in_a_sample(seed: int) -> None:
    """An operator with an eighth of the mutants has an eighth of the sample, up to one; so has a module of an operator."""
    chosen = sample(MANY, 48, seed)
    assert len(chosen) == 48
    operators = collections.Counter(mutant.operator for mutant in chosen)
    assert set(operators) == {mutant.operator for mutant in MANY}
    assert all(5 <= count <= 7 for count in operators.values())
    modules = collections.Counter((mutant.operator, mutant.path) for mutant in chosen)
    assert len(modules) == 24
    assert all(1 <= count <= 3 for count in modules.values())


def test_samples_have_limits() -> None:
    """A sample larger than all is all, one of none is empty, and a negative one is refused."""
    assert sample(MANY, 1000, 1) == MANY
    assert sample(MANY, 0, 1) == []
    with pytest.raises(ValueError, match="-1"):
        sample(MANY, -1, 1)


PLACES = [
    mutant(1, path="modules/ecs/service.tf", address="module.ecs.aws_ecs_service.this"),
    mutant(2, path="modules/ecs/service.tf", address='module.ecs.aws_ecs_service.this["a.b"]'),
    mutant(3, path="modules/ecs-extra/main.tf", address="module.ecs-extra.aws_ecs_service.that"),
    mutant(4, "hcl.drop-argument", "environments/prod/main.tf", "module.ecs"),
    mutant(5, "buildspec.drop-guard", "app/buildspec.yml", "phases.build"),
    mutant(6, path="modules/iam/main.tf", address="module.iam.data.aws_iam_policy_document.this"),
]


@pytest.mark.parametrize(
    ("pattern", "numbers"),
    [
        ("module.ecs", {1, 2, 4}),
        ("aws_ecs_service.this", {1}),
        ("module.ecs.aws_ecs_service", {1, 2}),
        ("module.*.aws_ecs_service.*", {1, 2, 3}),
        ("data.aws_iam_policy_document.this", {6}),
        ("hcl.drop-argument", {4}),
        ("buildspec.*", {5}),
        ("app/buildspec.yml", {5}),
        ("modules/ecs", {1, 2}),
        ("modules/ecs/", {1, 2}),
        ("*/service.tf", {1, 2}),
        ("phases.build", {5}),
        ("0000000003", {3}),
    ],
)
def test_a_pattern_chooses_by_module_address_operator_and_file(pattern: str, numbers: set[int]) -> None:
    """Modules, addresses inside of modules, operators, files, folders and ids are patterns, with globs."""
    assert {int(mutant.id, 16) for mutant in only(PLACES, pattern)} == numbers


def test_a_pattern_without_a_match_names_what_there_is() -> None:
    """The error has the pattern, what is close to it, and the modules, operators and files that there are."""
    with pytest.raises(NothingMatches) as raised:
        only(PLACES, "module.esc")
    for text in (
        "'module.esc'",
        "Close to it: module.ecs",
        "module.iam",
        "buildspec.drop-guard",
        "modules/ecs/service.tf",
    ):
        assert text in str(raised.value)
    with pytest.raises(NothingMatches, match="no mutants at all"):
        only([], "module.ecs")


def test_changed_lines_choose_mutants_that_touch_them() -> None:
    """A mutant counts where a line of one of its edits has changed, in its own file."""
    there = [mutant(number, line=line) for number, line in enumerate((1, 4, 10))]
    assert [mutant.line for mutant in within_lines(there, {"modules/ecs/main.tf": [range(5, 7)]})] == [4]
    assert [mutant.line for mutant in within_lines(there, {"modules/ecs/main.tf": [range(1, 2), range(11, 12)]})] == [
        1,
        10,
    ]
    assert within_lines(there, {"other.tf": [range(1, 99)]}) == []
