"""Step (f): a bad push is rolled back, or stops before Deploy, and nobody notices."""

from __future__ import annotations

import re

from rich.table import Table

from pushproof.drill.badinput import BadInput
from pushproof.drill.breakages.breakage import Breakage, Ending, NotApplicable
from pushproof.drill.context import Context
from pushproof.drill.evidence import BrokenPush, BrokenPushes, Deployed, Fate
from pushproof.drill.executions import build_log, ended, ended_execution, execution_after_rollback, succeeded
from pushproof.drill.judgement import (
    group_counts,
    images,
    judge_broken_share,
    judge_requests,
    probing,
    pushed_for,
    require_still_serving,
    watching,
)
from pushproof.drill.observation import Serving, wait_for
from pushproof.drill.settings import ProofFailed
from pushproof.drill.steps.before import claim_failed_task
from pushproof.drill.steps.rollback import await_rollback
from pushproof.drill.steps.step import Step

# What compilers, test runners and Docker begin their complaints with.
_COMPLAINT = re.compile(r"\b(FAIL: |COPY failed|failed to compute|failed to solve)")


class BrokenDeployment(Step):
    """Push each breakage under load, and see what served before serve again, or still.

    A single breakage that the stack does not survive ends the drill. Of several, each is tried, after a good push where the one
    before was not survived; then a table says which the stack survives.
    """

    name = "broken-deployment"
    letter = "f"
    needs = (("apply",), ("second-deployment", "first-deployment"))
    pushes = True

    def perform(self, context: Context) -> BrokenPushes:
        breakages = context.breakages
        pushes: list[BrokenPush] = []
        for breakage in breakages:
            pushes.append(self._push(context, breakage, alone=len(breakages) == 1))
            context.result.broken = list(pushes)
            if pushes[-1].fate == Fate.NOT_SURVIVED and breakage is not breakages[-1]:
                _recover(context)
        if len(breakages) > 1:
            context.narrator.console.print(table_of(pushes))
        lost = [push for push in pushes if push.fate == Fate.NOT_SURVIVED]
        if lost:
            raise ProofFailed(
                f"{len(lost)} of {len(pushes)} breakages are not survived: {', '.join(push.breakage for push in lost)}"
            )
        if not any(push.survived for push in pushes):
            raise BadInput("no breakage applies to this stack: " + "; ".join(push.reason for push in pushes))
        return BrokenPushes(tuple(pushes))

    def _push(self, context: Context, breakage: Breakage, *, alone: bool) -> BrokenPush:
        stage = expected_stage(context, breakage)
        ending = "is rolled back" if breakage.rolls_back else f"stops at {stage or 'the build'}"
        try:
            with context.narrator.step(self.letter, f"A bad push ({breakage.name}) {ending}; nobody notices"):
                return _drill(context, breakage)
        except NotApplicable as error:
            if alone:
                raise BadInput(f"the breakage {breakage.name} does not apply: {error}") from None
            return BrokenPush(breakage.name, Fate.NOT_APPLICABLE, str(error))
        except ProofFailed as error:
            if alone:
                raise
            context.narrator.moment("broken", f"{breakage.name} is not survived: {error}")
            return BrokenPush(breakage.name, Fate.NOT_SURVIVED, str(error).splitlines()[0])


def _drill(context: Context, breakage: Breakage) -> BrokenPush:
    """Push one breakage and judge its end. Raises NotApplicable before anything is pushed, ProofFailed when it is not survived."""
    good = context.deployed()
    require_still_serving(context, good)
    before, deployment, known = context.observer.serving(), context.rollouts.current(), images(context)
    earlier = context.rollouts.newest() if breakage.rolls_back else ""
    commit = context.commit(f"Broken: {breakage.title}", breakage)
    breaker = ""
    before_push = group_counts(context) if breakage.reaches_users else None
    with probing(context) as report, watching(context) as weights:
        revision = context.push(commit)
        question = ended_execution
        if breakage.rolls_back:
            breaker = await_rollback(context, revision, before, earlier)
            question = execution_after_rollback
        execution = ended(context, lambda: question(context, revision), f"the execution of {revision[:7]} to end")
        context.show_progress()
    several = f" {breakage.name}" if len(context.breakages) > 1 else ""
    context.result.probes[f"{BrokenDeployment.letter}{several}"] = report
    identity, status = str(execution["pipelineExecutionId"]), str(execution["status"])
    stage, message = context.observer.failure(identity)
    undecided = breakage.rolls_back and status in context.target.after_rollback - {"Failed"}
    expected = expected_stage(context, breakage)
    if undecided:
        stage, message = expected, "the action still waits; what serves is judged"
    elif status != "Failed" or stage != expected:
        actual = f"{status} at {stage or 'no stage'} ({message})"
        raise ProofFailed(f"the broken push's execution is {actual}; expected Failed at {expected}")
    context.narrator.claim(
        f"the execution {'is ' if undecided else ''}{status} at {stage}:"
        f" {message.splitlines()[0] if message else 'no message'}"
    )
    complaint = _claim_stopped(context, breakage, revision, deployment, known)
    _require_same(context, before, breakage)
    if breakage.reaches_users:
        judge_broken_share(context, report, weights, {good.commit}, before_push)
    else:
        judge_requests(context, report, {good.commit})
    return BrokenPush(
        breakage.name, Fate(breakage.ending), breaker or complaint or message, revision, identity, stage, undecided
    )


def _require_same(context: Context, before: Serving, breakage: Breakage) -> None:
    after = context.observer.serving()
    if after.task_definitions != before.task_definitions or after.digests != before.digests:
        raise ProofFailed(f"before the broken push {before} served, now {after} does")
    context.narrator.claim(f"what served before serves {'again' if breakage.rolls_back else 'still'}: {after}")


def _recover(context: Context) -> None:
    """Push a good commit, so that the next breakage meets a service that is well. Raises ProofFailed when it does not deploy."""
    with context.narrator.step(BrokenDeployment.letter, "A good push brings the service back"):
        commit = context.push(context.commit("Repaired"))
        execution = succeeded(context, commit)

        def settled() -> Serving | None:
            return context.observer.serving() if context.rollouts.underway() == 1 else None

        serving = wait_for(
            settled,
            what="the service to have one deployment",
            clock=context.target.clock,
            within=context.deadline("replaced", 1800),
            watch=context.show_progress,
        )
        context.narrator.claim(f"{serving} serves")
    asking = context.deployed().asking
    deployed = Deployed(
        commit, execution, tuple(sorted(serving.task_definitions)), tuple(sorted(serving.digests)), asking
    )
    context.record.add("second-deployment", deployed)


def table_of(pushes: list[BrokenPush]) -> Table:
    """Return the table of breakages: which the stack survives unaided."""
    table = Table(title="Breakages", title_justify="left", show_edge=False, pad_edge=False)
    for heading in ("breakage", "survived", "how", "why"):
        table.add_column(heading, overflow="fold")
    for push in pushes:
        known = {Fate.NOT_SURVIVED: "[red]no[/]", Fate.NOT_APPLICABLE: "-"}
        table.add_row(push.breakage, known.get(Fate(push.fate), "[green]yes[/]"), push.fate, push.reason)
    return table


def expected_stage(context: Context, breakage: Breakage) -> str:
    """Return the stage at which the execution of a broken push is expected to fail."""
    delivery = context.delivery
    stages = {Ending.ROLLED_BACK: delivery.deploy_stage, Ending.HELD: delivery.before_stage}
    return stages.get(breakage.ending, delivery.build.stage)


def _claim_stopped(
    context: Context, breakage: Breakage, commit: str, deployment: str, known: dict[str, tuple[str, ...]]
) -> str:
    """Claim that a push which is not rolled back deployed nothing; returns why it stopped. Raises ProofFailed."""
    if breakage.ending is Ending.STOPPED:
        return _claim_untouched(context, commit, deployment, known)
    if breakage.ending is Ending.HELD:
        why = claim_failed_task(context, commit, pushed_for(commit, known, images(context)))
        _require_no_deployment(context, deployment)
        context.narrator.claim(f"the service still has deployment {deployment}: nothing of {commit[:7]} was deployed")
        return why
    return ""


def _require_no_deployment(context: Context, deployment: str) -> None:
    newest = context.rollouts.current()
    if newest != deployment:
        raise ProofFailed(f"the broken push never came to Deploy, and still the service began deployment {newest}")


def _claim_untouched(context: Context, commit: str, deployment: str, known: dict[str, tuple[str, ...]]) -> str:
    """Claim that a push which stopped before Deploy left no image and no deployment; returns what its build complained of."""
    log = build_log(context, last=None).splitlines()
    complaints = [line for line in log if _COMPLAINT.search(line) and not line.startswith("[Container]")]
    if complaints:
        context.narrator.claim(f"the build's log says: {complaints[0].strip()}")
    name = context.delivery.repository
    now = images(context)
    if pushed := pushed_for(commit, known, now):
        named = ", ".join(tag for digest in pushed for tag in now[digest]) or ", ".join(sorted(pushed))
        raise ProofFailed(f"the broken push's build failed, and still pushed {named} to {name}")
    _require_no_deployment(context, deployment)
    context.narrator.claim(f"no image of {commit[:7]} is in {name}; the service still has deployment {deployment}")
    return complaints[0].strip() if complaints else ""
