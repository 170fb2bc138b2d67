"""The steps in their order, and the choice of those to perform."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pushproof.drill.settings import BadInput, DrillSettings
from pushproof.drill.steps.apply import Apply
from pushproof.drill.steps.broken_deployment import BrokenDeployment
from pushproof.drill.steps.destroy import Destroy
from pushproof.drill.steps.empty_plan import PlanAfterDeployments
from pushproof.drill.steps.first_deployment import FirstDeployment
from pushproof.drill.steps.notifications import Notifications
from pushproof.drill.steps.refused_before_authorisation import RefusedBeforeAuthorisation
from pushproof.drill.steps.second_deployment import SecondDeployment
from pushproof.drill.steps.step import Step
from pushproof.drill.steps.strategy import Strategy

#: Every step of a drill that takes a service as it is, in the order in which a drill performs them.
STEPS: tuple[Step, ...] = (
    Apply(),
    RefusedBeforeAuthorisation(),
    FirstDeployment(),
    SecondDeployment(),
    BrokenDeployment(),
    Notifications(),
    PlanAfterDeployments(),
    Destroy(),
)
#: The step of a drill with a strategy, and the one that it follows.
STRATEGY, _AFTER = Strategy(), FirstDeployment.name


def steps_for(settings: DrillSettings) -> tuple[Step, ...]:
    """Return the steps of a drill with these settings: a strategy is switched to only where one is asked for."""
    if not settings.shift.strategy:
        return STEPS
    place = next(number for number, step in enumerate(STEPS, 1) if step.name == _AFTER)
    return (*STEPS[:place], STRATEGY, *STEPS[place:])


NAMES: tuple[str, ...] = tuple(step.name for step in STEPS)
#: Names of all steps that evidence can be of.
KNOWN: tuple[str, ...] = (*NAMES, STRATEGY.name)


def step_named(name: str, steps: Sequence[Step] = STEPS) -> Step:
    """Return a step by name. Raises BadInput, naming all there are."""
    for step in steps:
        if step.name == name:
            return step
    raise BadInput(f"{name!r} is not a step; the steps are: {', '.join(step.name for step in steps)}")


def choose(
    *,
    skip: Collection[str] = (),
    start: str | None = None,
    shown: Collection[str] = (),
    steps: Sequence[Step] = STEPS,
) -> tuple[Step, ...]:
    """Return the steps to perform: from `start` on, without those in `skip`.

    `shown` names the steps whose evidence is there already. Raises BadInput for a name that is no step, and where a step would
    lack the evidence of another, naming both: nothing has been started then.
    """
    left_out = {step_named(name, steps).name for name in skip}
    first = 0 if start is None else steps.index(step_named(start, steps))
    if start in left_out:
        raise BadInput(f"--from {start} begins with the step that --skip {start} leaves out")
    chosen = tuple(step for step in steps[first:] if step.name not in left_out)
    if not chosen:
        raise BadInput("every step is left out: nothing is to be done")
    there = set(shown)
    for step in chosen:
        require_shown(step, there, left_out)
        there.add(step.name)
    return chosen


def require_shown(step: Step, shown: Collection[str], left_out: Collection[str] = ()) -> None:
    """Raise BadInput, naming both, when a step lacks the evidence of another; `left_out` names the steps that are skipped."""
    for alternatives in step.needs:
        if not set(alternatives) & set(shown):
            raise BadInput(_missing(step.name, alternatives, left_out))


def _missing(name: str, alternatives: tuple[str, ...], left_out: Collection[str]) -> str:
    needed = " or ".join(alternatives)
    if skipped := [alternative for alternative in alternatives if alternative in left_out]:
        options = " ".join(f"--skip {alternative}" for alternative in skipped)
        return f"{options} leaves out what {name} needs (the evidence of {needed}). Leave out {name} too, or perform {needed}"
    return f"{name} needs the evidence of {needed}, and there is none. Begin with --from {alternatives[-1]}"
