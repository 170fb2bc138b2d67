"""Transitions between phases: the next phase after each outcome.

https://docs.aws.amazon.com/codebuild/latest/userguide/view-build-details.html#view-build-details-phases : a failed
INSTALL or PRE_BUILD ends the command phases; a failed BUILD still runs POST_BUILD; UPLOAD_ARTIFACTS is attempted even
if BUILD failed; FINALIZING and COMPLETED always follow.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pushproof.base.expressions import matches
from pushproof.engines.buildspec.model import COMMAND_PHASES, Buildspec, FailureAction, Phase

_ORDER = tuple(Phase)


class Outcome(StrEnum):
    """The outcome of a phase (API_BuildPhase, ``phaseStatus``)."""

    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    FAULT = "FAULT"
    TIMED_OUT = "TIMED_OUT"
    STOPPED = "STOPPED"


@dataclass(frozen=True, slots=True)
class TransitionSettings:
    """Behaviour that AWS does not document, as settings.

    ``continue_fails_build``: whether a build whose phase failed under ``on-failure: CONTINUE`` ends FAILED.
    ``upload_after_abort``: whether ``on-failure: ABORT`` still attempts UPLOAD_ARTIFACTS.
    """

    continue_fails_build: bool = True
    upload_after_abort: bool = False


DEFAULT_SETTINGS = TransitionSettings()


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a build.

    ``status`` is the build's status if it ended now; ``retry`` means that the build starts again once it has
    completed (``on-failure: RETRY``); ``retried`` counts the attempts before this one.
    """

    phase: Phase = Phase.SUBMITTED
    status: Outcome = Outcome.SUCCEEDED
    retry: bool = False
    retried: int = 0

    @property
    def succeeding(self) -> bool:
        """CODEBUILD_BUILD_SUCCEEDING: 1 while nothing has failed."""
        return self.status is Outcome.SUCCEEDED

    @property
    def done(self) -> bool:
        return self.phase is Phase.COMPLETED


def advance(
    buildspec: Buildspec | None,
    progress: Progress,
    outcome: Outcome,
    *,
    message: str = "",
    settings: TransitionSettings = DEFAULT_SETTINGS,
) -> Progress:
    """The build after its current phase ended with ``outcome``.

    Args:
        buildspec: None until DOWNLOAD_SOURCE has read it.
        message: the phase context's message, which RETRY's regular expression is matched against.

    Raises:
        ValueError: the build has completed, nothing follows.
    """
    phase = progress.phase
    if progress.done:
        raise ValueError("the build is COMPLETED: no phase follows; start another build")
    following = _ORDER[_ORDER.index(phase) + 1]
    if outcome is Outcome.SUCCEEDED or phase is Phase.FINALIZING:
        return Progress(following, progress.status, progress.retry, progress.retried)
    if outcome is not Outcome.FAILED:
        # A build that is stopped, out of time, or CodeBuild's own fault runs nothing more of the buildspec.
        return Progress(Phase.FINALIZING, outcome, False, progress.retried)
    on_failure = buildspec.phases[phase].on_failure if buildspec and phase in buildspec.phases else None
    if on_failure is not None and phase in COMMAND_PHASES:
        if on_failure.action is FailureAction.CONTINUE:
            status = Outcome.FAILED if settings.continue_fails_build else progress.status
            return Progress(following, status, progress.retry, progress.retried)
        if on_failure.action is FailureAction.ABORT:
            after = Phase.UPLOAD_ARTIFACTS if settings.upload_after_abort else Phase.FINALIZING
            return Progress(after, Outcome.FAILED, progress.retry, progress.retried)
        if progress.retried < on_failure.count and matches(on_failure.pattern, message):
            return Progress(Phase.FINALIZING, Outcome.FAILED, True, progress.retried)
    if phase in (Phase.BUILD, Phase.POST_BUILD):
        return Progress(following, Outcome.FAILED, progress.retry, progress.retried)
    return Progress(Phase.FINALIZING, Outcome.FAILED, progress.retry, progress.retried)


def phases_run(buildspec: Buildspec, failing: frozenset[Phase] = frozenset()) -> tuple[Phase, ...]:
    """The phases a build goes through when exactly ``failing`` fail, in order, without retries."""
    progress, phases = Progress(), [Phase.SUBMITTED]
    while not progress.done:
        outcome = Outcome.FAILED if progress.phase in failing else Outcome.SUCCEEDED
        progress = advance(buildspec, progress, outcome)
        phases.append(progress.phase)
    return tuple(phases)
