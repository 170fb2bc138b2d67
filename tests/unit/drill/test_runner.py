"""A drill performs its steps in order, keeps what they show, and goes on where another stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.drill.scripted import APPLIED, DEPLOYED, ScriptedStep, ScriptedTarget, narrator, settings

from pushproof.drill import runner
from pushproof.drill.breakages.choice import choose_breakages
from pushproof.drill.context import Context
from pushproof.drill.evidence import (
    BrokenPush,
    BrokenPushes,
    Destroyed,
    EmptyPlan,
    Evidence,
    Fate,
    Notified,
    PushRefused,
)
from pushproof.drill.keeping import evidence_file, read
from pushproof.drill.preflight import Preflight
from pushproof.drill.runner import Drill
from pushproof.drill.settings import BadInput, ProofFailed
from pushproof.drill.steps.order import NAMES, STEPS
from pushproof.terraform.binary import TerraformBinary

SHOWN: dict[str, Evidence] = {
    "apply": APPLIED,
    "refused-before-authorisation": PushRefused("c" * 40, "execution-0", "not authorised"),
    "first-deployment": DEPLOYED,
    "second-deployment": DEPLOYED,
    "broken-deployment": BrokenPushes(
        (BrokenPush("unhealthy", Fate.ROLLED_BACK, "TRIGGERED", "b" * 40, "execution-2"),)
    ),
    "notifications": Notified(("STARTED",)),
    "empty-plan": EmptyPlan(1.0),
    "destroy": Destroyed(()),
}
Open = Callable[..., Drill]


class Stopped(Exception):
    """A step does not hold."""


@pytest.fixture
def performed() -> list[str]:
    return []


@pytest.fixture
def opened(tmp_path: Path, performed: list[str], monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens a drill whose steps show what is scripted; `stops` names one that does not hold."""
    chosen = choose_breakages((), settings().application)
    means = lambda _: Preflight(TerraformBinary("terraform", "terraform", (1, 10, 0)), chosen)  # noqa: E731
    monkeypatch.setattr(runner, "preflight", means)
    monkeypatch.setattr(Context, "all_outputs", {"cluster_name": "shop"})

    def open_it(
        *,
        stops: str = "",
        shown: dict[str, Evidence] | None = None,
        scripts: dict[str, Callable[[Context], Evidence]] | None = None,
        kept: Any = None,
        **changes: Any,
    ) -> Drill:
        def script(name: str) -> Callable[[Context], Evidence]:
            def show(_: Context) -> Evidence:
                if name == stops:
                    raise ProofFailed(f"{name} does not hold")
                return {**SHOWN, **(shown or {})}[name]

            return show

        steps = [ScriptedStep(step, performed, (scripts or {}).get(step.name) or script(step.name)) for step in STEPS]
        return Drill(
            ScriptedTarget(tmp_path),  # type: ignore[arg-type]
            settings(**changes), narrator(), kept=kept, steps=steps,
        )  # fmt: skip

    return open_it


def test_every_step_in_its_order(opened: Open, performed: list[str], tmp_path: Path) -> None:
    """The whole drill; what was shown of a destroyed environment is forgotten."""
    with opened() as drill:
        result = drill.run()
    assert performed == list(NAMES)
    assert (result.passed, result.skipped) == (True, ())
    assert not evidence_file(tmp_path).exists()


def test_steps_that_are_left_out_are_named_in_the_result(opened: Open, performed: list[str]) -> None:
    """The rest is performed; whoever reads the result knows what it does not say."""
    with opened(skip=("second-deployment", "refused-before-authorisation")) as drill:
        result = drill.run()
    assert performed == [n for n in NAMES if n not in ("second-deployment", "refused-before-authorisation")]
    assert result.skipped == ("refused-before-authorisation", "second-deployment")


def test_a_choice_that_cannot_work_starts_nothing(opened: Open, performed: list[str]) -> None:
    """No step has been performed when it is refused."""
    with opened(skip=("first-deployment",)) as drill, pytest.raises(BadInput, match="second-deployment needs"):
        drill.run()
    assert performed == []


def test_evidence_is_kept_after_each_step_and_lets_another_go_on(
    opened: Open, performed: list[str], tmp_path: Path
) -> None:
    """A drill that stops leaves what it has shown; the next one begins with the step that did not hold."""
    with opened(stops="broken-deployment") as drill, pytest.raises(ProofFailed):
        drill.run()
    kept = read(evidence_file(tmp_path))
    assert list(kept.entries) == list(NAMES[:4])
    performed.clear()
    with opened(kept=kept, start="broken-deployment") as drill:
        assert drill.applied == APPLIED
        assert drill.context.resumed
        drill.run()
    assert performed == ["broken-deployment", "notifications", "empty-plan", "destroy"]


def test_what_is_kept_is_not_destroyed(opened: Open, performed: list[str], tmp_path: Path) -> None:
    """The world and its evidence stay for the next command with `keep`."""
    with opened(keep=True) as drill:
        assert drill.run().skipped == ()
    assert "destroy" not in performed
    assert list(read(evidence_file(tmp_path)).entries) == list(NAMES[:-1])


def test_what_nobody_has_shown_is_named_although_it_was_not_left_out_now(opened: Open, tmp_path: Path) -> None:
    """An earlier process left a step out: going on after it does not prove it."""
    with opened(keep=True, skip=("broken-deployment",)) as drill:
        assert drill.run().skipped == ("broken-deployment",)
    with opened(kept=read(evidence_file(tmp_path)), start="empty-plan") as drill:
        assert drill.run().skipped == ("broken-deployment",)
    with opened() as drill:
        assert drill.run().skipped == ()


def test_two_drills_do_not_work_in_one_world(opened: Open, performed: list[str], tmp_path: Path) -> None:
    """While a drill is at work, another is refused before its first step; afterwards it is not."""
    refused: list[str] = []

    def meanwhile(_: Context) -> Evidence:
        with opened(kept=read(evidence_file(tmp_path)), start="empty-plan") as other:
            try:
                other.run()
            except BadInput as error:
                refused.append(str(error))
        return DEPLOYED

    with opened(keep=True, scripts={"first-deployment": meanwhile}) as drill:
        drill.run()
    assert refused == [f"another drill is at work in {tmp_path}: wait for its end"]
    assert performed == list(NAMES[:-1])
    with opened(kept=read(evidence_file(tmp_path)), start="notifications", keep=True) as drill:
        assert drill.run().passed


def test_a_step_is_performed_by_name_as_often_as_it_is_asked(opened: Open, performed: list[str]) -> None:
    """A test can perform a step again and read its evidence."""
    with opened() as drill:
        drill.perform("apply")
        assert drill.perform("first-deployment") == DEPLOYED
        drill.perform("broken-deployment")
        drill.perform("broken-deployment")
    assert performed == ["apply", "first-deployment", "broken-deployment", "broken-deployment"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("deploy", "'deploy' is not a step; the steps are: apply"),
        ("second-deployment", "second-deployment needs the evidence of apply"),
    ],
)
def test_a_step_without_its_evidence_is_refused(opened: Open, performed: list[str], name: str, words: str) -> None:
    """And so is a name that is none."""
    with opened() as drill, pytest.raises(BadInput, match=words):
        drill.perform(name)
    assert performed == []


def test_an_environment_without_a_pipeline_is_refused_after_the_apply(opened: Open, performed: list[str]) -> None:
    """The message says what is missing; nothing is pushed. Steps that push nothing do without."""
    bare = {"apply": replace(APPLIED, undelivered="environments/dev has no pipeline")}
    with opened(shown=bare) as drill, pytest.raises(BadInput, match="environments/dev has no pipeline"):
        drill.run()
    assert performed == ["apply"]
    performed.clear()
    with opened(shown=bare, skip=(*NAMES[1:6],)) as drill:
        drill.run()
    assert performed == ["apply", "empty-plan", "destroy"]
