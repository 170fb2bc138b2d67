"""The steps stand in one order, and a choice that cannot work is refused before anything starts."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pushproof.drill.settings import BadInput
from pushproof.drill.steps.order import NAMES, STEPS, choose, step_named

PUSHES = ("refused-before-authorisation", "first-deployment", "second-deployment", "broken-deployment")


def names(**choice: object) -> list[str]:
    return [step.name for step in choose(**choice)]  # type: ignore[arg-type]


def test_the_whole_drill_in_its_order() -> None:
    """Names and letters are stable: people, scripts and logs go by them."""
    assert [(step.letter, step.name) for step in STEPS] == [
        ("b", "apply"),
        ("c", "refused-before-authorisation"),
        ("d", "first-deployment"),
        ("e", "second-deployment"),
        ("f", "broken-deployment"),
        ("g", "notifications"),
        ("h", "empty-plan"),
        ("i", "destroy"),
    ]
    assert names() == list(NAMES)


@pytest.mark.parametrize("step", STEPS, ids=NAMES)
def test_a_step_needs_only_steps_before_it(step: object) -> None:
    """Every step needs the evidence of earlier steps only."""
    earlier = NAMES[: STEPS.index(step)]  # type: ignore[arg-type]
    assert {name for alternatives in step.needs for name in alternatives} <= set(earlier)  # type: ignore[attr-defined]
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", step.name)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "left_out",
    [["refused-before-authorisation"], ["second-deployment"], ["broken-deployment"], ["notifications"], ["empty-plan"],
     ["destroy"], [*PUSHES, "notifications"]],
)  # fmt: skip
def test_steps_that_nothing_needs_can_be_left_out(left_out: list[str]) -> None:
    """The others remain, in their order."""
    assert names(skip=left_out) == [name for name in NAMES if name not in left_out]


@pytest.mark.parametrize(
    ("skip", "first", "second"),
    [
        (["apply"], "apply", "refused-before-authorisation"),
        (["first-deployment"], "first-deployment", "second-deployment"),
        (["first-deployment", "second-deployment"], "second-deployment", "broken-deployment"),
        ([*PUSHES], "first-deployment", "notifications"),
    ],
)
def test_leaving_out_what_another_needs_names_both(skip: list[str], first: str, second: str) -> None:
    """The message names the step that is left out and the one that needs it."""
    with pytest.raises(BadInput, match=f"--skip {first}.* leaves out what {second} needs"):
        choose(skip=skip)


@pytest.mark.parametrize("option", [{"skip": ["deploy"]}, {"start": "deploy"}], ids=["skip", "from"])
def test_an_unknown_name_is_answered_with_those_there_are(option: dict[str, object]) -> None:
    """Every known name is in the message."""
    with pytest.raises(BadInput, match=f"'deploy' is not a step; the steps are: {', '.join(NAMES)}"):
        choose(**option)  # type: ignore[arg-type]


def test_going_on_takes_the_steps_from_there() -> None:
    """Evidence of the earlier steps stands in for performing them."""
    assert names(start="broken-deployment", shown=["apply", "first-deployment"], skip=["destroy"]) == [
        "broken-deployment", "notifications", "empty-plan",
    ]  # fmt: skip


def test_going_on_without_evidence_names_the_step_to_begin_with() -> None:
    """The error names the missing step and the step that needs it."""
    with pytest.raises(
        BadInput, match=r"second-deployment needs the evidence of first-deployment.*--from first-deployment"
    ):
        choose(start="second-deployment", shown=["apply"])


def test_beginning_with_what_is_left_out_is_refused() -> None:
    """The two options contradict each other."""
    with pytest.raises(BadInput, match="--from empty-plan begins with the step that --skip empty-plan leaves out"):
        choose(start="empty-plan", skip=["empty-plan"], shown=["apply"])


def test_leaving_out_everything_is_refused() -> None:
    """A choice without any step is refused."""
    with pytest.raises(BadInput, match="nothing is to be done"):
        choose(skip=NAMES)


@settings(deadline=None)
@given(st.sets(st.sampled_from(NAMES)), st.sampled_from([None, *NAMES]), st.sets(st.sampled_from(NAMES)))
def test_a_choice_either_works_or_is_refused(skip: set[str], start: str | None, shown: set[str]) -> None:
    """Of every choice: each step that is to be performed has what it needs by then, or the choice is refused."""
    try:
        chosen = choose(skip=skip, start=start, shown=shown)
    except BadInput:
        return
    there = set(shown)
    for step in chosen:
        assert step.name not in skip
        assert all(there & set(alternatives) for alternatives in step.needs)
        there.add(step.name)
    assert step_named(chosen[-1].name) is chosen[-1]
