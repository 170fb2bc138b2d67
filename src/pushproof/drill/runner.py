"""A drill: the steps in their order, each judged by what serves."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, TypeVar

from pushproof.drill.breakages.choice import choose_breakages
from pushproof.drill.context import Context, Result
from pushproof.drill.evidence import AppliedStack, BrokenPushes, Deployed, Destroyed, Evidence, Record
from pushproof.drill.executions import Outcome, outcome
from pushproof.drill.faultplan import require_phases
from pushproof.drill.keeping import Keeper, Kept, at_work, messages_log
from pushproof.drill.narration import Narrator
from pushproof.drill.observation import Observer
from pushproof.drill.preflight import preflight
from pushproof.drill.repository import Checkout
from pushproof.drill.settings import BadInput, DrillSettings
from pushproof.drill.standin import SlackLog, Webhook
from pushproof.drill.steps.order import choose, require_shown, step_named, steps_for
from pushproof.drill.steps.step import Step
from pushproof.drill.ways import Ways
from pushproof.targets.base import DrillTarget

E = TypeVar("E", bound=Evidence)


def chosen_steps(
    settings: DrillSettings, shown: Collection[str] = (), steps: Sequence[Step] | None = None
) -> tuple[Step, ...]:
    """Return the steps that the settings ask for; what is kept is not destroyed. Raises BadInput, before anything starts."""
    skip = {*settings.skip, *(["destroy"] if settings.keep else [])}
    all_steps = steps_for(settings) if steps is None else steps
    chosen = choose(skip=skip, start=settings.start, shown=shown, steps=all_steps)
    require_phases(settings.faults, [step.name for step in chosen])
    return chosen


class Drill:
    """One drill on a target: `run()` performs the steps in their order, `perform()` one of them by name, as often as it is asked.

    `kept`: the evidence of an earlier process, with which this drill goes on; `ways`: how it applies, where Terraform alone is
    not to. Closing it ends the webhook, not the world.
    """

    def __init__(
        self,
        target: DrillTarget,
        settings: DrillSettings,
        narrator: Narrator,
        *,
        kept: Kept | None = None,
        steps: Sequence[Step] | None = None,
        ways: Ways | None = None,
    ) -> None:
        means, ways = preflight(settings), ways or Ways()
        log = messages_log(target)
        webhook: Webhook = ways.listen(log) if kept is None else SlackLog(log)
        record = None if kept is None else Record(dict(kept.entries))
        self.context = Context(target, settings, narrator, means, webhook, record, ways)
        self._steps = steps_for(settings) if steps is None else steps
        self._keeper = Keeper(target, settings, narrator.speed)

    def run(self) -> Result:
        """Perform the steps that the settings ask for. Raises ProofFailed when something does not hold; the world stays.

        Raises BadInput for a choice of steps that cannot work, and while another drill is at work on the same target.
        """
        context, settings = self.context, self.context.settings
        shown = set(context.record)
        steps = chosen_steps(settings, shown, self._steps)
        shown |= {step.name for step in steps} | ({"destroy"} - set(settings.skip) if settings.keep else set())
        context.result.skipped = tuple(step.name for step in self._steps if step.name not in shown)
        with at_work(context.target):
            for step in steps:
                self.perform(step.name)
                if step.name == "apply" and any(later.pushes for later in steps) and context.applied.undelivered:
                    raise BadInput(context.applied.undelivered)
        context.result.passed = True
        return context.result

    def perform(self, name: str) -> Evidence:
        """Perform a step by name and return what it has shown; a step can be performed again.

        Raises BadInput for a name that is no step, and when the evidence that it needs is not there.
        """
        step = step_named(name, self._steps)
        require_shown(step, list(self.context.record))
        with self.context.plan.during(step.name):
            evidence = step.perform(self.context)
        if isinstance(evidence, Destroyed):
            self.context.forget()
            self._keeper.forget()
            return evidence
        self.context.record.add(step.name, evidence)
        self._keeper.keep(self.context.record)
        return evidence

    def apply(self) -> AppliedStack:
        """Apply the environment and find the path that a push takes."""
        return _as(AppliedStack, self.perform("apply"))

    def deploy(self) -> Deployed:
        """Push a good commit and see it serve; from the second one on, under load."""
        first = "first-deployment" not in self.context.record
        return _as(Deployed, self.perform("first-deployment" if first else "second-deployment"))

    def break_with(self, *names: str) -> BrokenPushes:
        """Push breakages by name, as `--break` takes them. Raises ProofFailed when the stack does not survive one."""
        chosen = choose_breakages(names, self.context.settings.application)
        self.context.breakages, earlier = chosen, self.context.breakages
        try:
            return _as(BrokenPushes, self.perform("broken-deployment"))
        finally:
            self.context.breakages = earlier

    def destroy(self) -> None:
        """Destroy the environment, and find nothing of it left. Does nothing before an apply."""
        if "apply" in self.context.record:
            self.perform("destroy")

    def close(self) -> None:
        """End the webhook."""
        self.context.webhook.close()

    def __enter__(self) -> Drill:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # For tests and printed help.

    @property
    def target(self) -> DrillTarget:
        """The target that the drill runs on."""
        return self.context.target

    @property
    def result(self) -> Result:
        """The verdict so far, and the counts of each prober."""
        return self.context.result

    @property
    def applied(self) -> AppliedStack:
        """The applied environment. Raises BadInput before there is one."""
        return self.context.applied

    @property
    def outputs(self) -> dict[str, Any]:
        """Every output of the environment."""
        return self.context.all_outputs

    @property
    def checkout(self) -> Checkout:
        """The application's repository, as a developer has it."""
        return self.context.checkout

    @property
    def observer(self) -> Observer:
        """The eyes on the service and its pipeline."""
        return self.context.observer

    def push(self, commit: str) -> str:
        """Push a commit of the checkout; returns the revision that the pipeline knows it by."""
        return self.context.push(commit)

    def outcome(self, commit: str) -> Outcome:
        """Wait for the end of a commit's pipeline execution. Raises ProofFailed when it does not end."""
        return outcome(self.context, commit)


def _as(kind: type[E], evidence: Evidence) -> E:
    assert isinstance(evidence, kind)
    return evidence
