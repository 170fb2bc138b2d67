"""Phases after phases: https://docs.aws.amazon.com/codebuild/latest/userguide/view-build-details.html"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushproof.engines.buildspec import (
    COMMAND_PHASES,
    Buildspec,
    FailureAction,
    OnFailure,
    Outcome,
    Phase,
    PhaseSpec,
    Progress,
    TransitionSettings,
    advance,
    phases_run,
)

BEFORE = (Phase.SUBMITTED, Phase.QUEUED, Phase.PROVISIONING, Phase.DOWNLOAD_SOURCE)
END = (Phase.FINALIZING, Phase.COMPLETED)
NOTHING_SAID = Buildspec("0.2", {phase: PhaseSpec(("make",)) for phase in COMMAND_PHASES})


def saying(phase: Phase, on_failure: OnFailure) -> Buildspec:
    """A buildspec whose one phase has an on-failure."""
    return Buildspec("0.2", {phase: PhaseSpec(("make",), on_failure=on_failure)})


@pytest.mark.parametrize(
    ("failing", "command_phases_and_upload"),
    [
        (Phase.INSTALL, (Phase.INSTALL,)),
        (Phase.PRE_BUILD, (Phase.INSTALL, Phase.PRE_BUILD)),
        (Phase.BUILD, (*COMMAND_PHASES, Phase.UPLOAD_ARTIFACTS)),
        (Phase.POST_BUILD, (*COMMAND_PHASES, Phase.UPLOAD_ARTIFACTS)),
        (Phase.UPLOAD_ARTIFACTS, (*COMMAND_PHASES, Phase.UPLOAD_ARTIFACTS)),
        (Phase.DOWNLOAD_SOURCE, ()),
    ],
)
def test_default_transitions_are_those_of_the_diagram(failing: Phase, command_phases_and_upload: tuple[Phase]) -> None:
    """Early failures end the commands, a failed BUILD still runs POST_BUILD and uploads (the page's diagram)."""
    assert phases_run(NOTHING_SAID, frozenset({failing})) == (*BEFORE, *command_phases_and_upload, *END)


def test_all_phases_run_when_none_fails() -> None:
    """A build without failure goes through every phase type, in the order of API_BuildPhase."""
    assert phases_run(NOTHING_SAID) == tuple(Phase)


def test_abort_after_a_failed_build_skips_post_build() -> None:
    """on-failure: ABORT on build keeps a docker push in post_build from running."""
    spec = saying(Phase.BUILD, OnFailure(FailureAction.ABORT))
    assert Phase.POST_BUILD not in phases_run(spec, frozenset({Phase.BUILD}))


def test_continue_after_a_failed_install_goes_on() -> None:
    """on-failure: CONTINUE runs the next phase; the build fails in the end unless the setting says otherwise."""
    spec = saying(Phase.INSTALL, OnFailure(FailureAction.CONTINUE))
    here = Progress(Phase.INSTALL)
    after = advance(spec, here, Outcome.FAILED)
    assert (after.phase, after.status) == (Phase.PRE_BUILD, Outcome.FAILED)
    lenient = advance(spec, here, Outcome.FAILED, settings=TransitionSettings(continue_fails_build=False))
    assert (lenient.phase, lenient.succeeding) == (Phase.PRE_BUILD, True)


def test_retry_asks_for_another_build_while_the_message_matches_and_attempts_remain() -> None:
    """RETRY-2-timed out: twice, for that message only."""
    spec = saying(Phase.BUILD, OnFailure(FailureAction.RETRY, 2, "timed out"))
    for retried, message, expected in ((0, "it timed out", True), (1, "timed out", True), (2, "timed out", False)):
        after = advance(spec, Progress(Phase.BUILD, retried=retried), Outcome.FAILED, message=message)
        assert after.retry is expected
    other = advance(spec, Progress(Phase.BUILD), Outcome.FAILED, message="exit status 1")
    assert (other.retry, other.phase) == (False, Phase.POST_BUILD)


@pytest.mark.parametrize("outcome", [Outcome.TIMED_OUT, Outcome.STOPPED, Outcome.FAULT])
def test_a_build_cut_short_runs_nothing_more(outcome: Outcome) -> None:
    """StopBuild, the time limit and CodeBuild's own faults go straight to FINALIZING, whatever on-failure says."""
    spec = saying(Phase.BUILD, OnFailure(FailureAction.CONTINUE))
    after = advance(spec, Progress(Phase.BUILD), outcome)
    assert (after.phase, after.status) == (Phase.FINALIZING, outcome)


on_failures = st.one_of(
    st.none(),
    st.builds(OnFailure, st.sampled_from([FailureAction.ABORT, FailureAction.CONTINUE])),
    st.builds(OnFailure, st.just(FailureAction.RETRY), st.integers(0, 100), st.sampled_from([".*", "x"])),
)
specs = st.dictionaries(
    st.sampled_from(COMMAND_PHASES), st.builds(PhaseSpec, on_failure=on_failures), min_size=1
).map(lambda phases: Buildspec("0.2", phases))  # fmt: skip


@given(specs, st.lists(st.sampled_from(Outcome), min_size=11, max_size=11), st.integers(0, 100))
def test_every_build_moves_forward_and_completes(spec: Buildspec, outcomes: list[Outcome], retried: int) -> None:
    """Phases never repeat, FINALIZING always runs, and a failure is never forgotten, whatever fails."""
    progress, seen, failed = Progress(retried=retried), [], False
    for outcome in outcomes:
        if progress.done:
            break
        seen.append(progress.phase)
        failed = failed or (outcome is not Outcome.SUCCEEDED and progress.phase is not Phase.FINALIZING)
        progress = advance(spec, progress, outcome, message="x")
        assert progress.succeeding is not failed
    assert progress.done
    assert seen == sorted(set(seen), key=list(Phase).index)
    assert Phase.FINALIZING in seen


def test_nothing_follows_completed() -> None:
    """Advancing a completed build is refused."""
    with pytest.raises(ValueError, match="COMPLETED"):
        advance(None, Progress(Phase.COMPLETED), Outcome.SUCCEEDED)
