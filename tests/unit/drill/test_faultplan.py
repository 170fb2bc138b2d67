"""Faults of a drill: begun in their phase, ended with the step, and borne where they explain failures."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from tests.unit.drill.scripted import DEPLOYED, ScriptedTarget, ScriptedWebhook, context, narrator, settings

from pushproof.drill.configured import Options, drill_settings, read_around
from pushproof.drill.context import Context
from pushproof.drill.faultplan import FaultPlan, Tolerance, Window, moments_of, require_phases
from pushproof.drill.judgement import judge_requests, slowest_of
from pushproof.drill.preflight import Preflight
from pushproof.drill.prober import Answer, ProbeReport
from pushproof.drill.settings import BadInput, ProofFailed
from pushproof.engines.faults import FaultError, PlannedFault, SlowTarget, ZoneLost, parse_planned
from pushproof.targets.faults import FaultRecord, Faults
from pushproof.terraform.binary import TerraformBinary

STEPS = ["apply", "first-deployment", "second-deployment", "broken-deployment", "destroy"]


class Noted:
    """A world that notes the beginnings and ends of faults."""

    def __init__(self, refusal: str = "") -> None:
        self.refusal = refusal
        self.active: list[str] = []

    def begin(self, fault: Any) -> FaultRecord:
        if self.refusal:
            raise FaultError(self.refusal)
        self.active.append(fault.name)
        return FaultRecord(fault.name, fault.name, 0.0)

    def end(self, fault_id: str) -> None:
        self.active.remove(fault_id)

    def journal(self) -> list[FaultRecord]:
        return []


class Quiet:
    """A narrator that keeps moments."""

    def __init__(self) -> None:
        self.moments: list[str] = []

    def moment(self, _: str, words: str) -> None:
        self.moments.append(words)


def plan(*texts: str, world: Noted | None = None) -> tuple[FaultPlan, Noted, Quiet]:
    source, narrator = world or Noted(), Quiet()
    planned = tuple(parse_planned(text) for text in texts)
    return FaultPlan(planned, lambda: Faults(source), narrator, lambda s: s / 30, lambda: 40.0), source, narrator  # type: ignore[arg-type]


def service(*running: int, rolling_back: bool = False) -> Any:
    """A service with the running tasks of its deployments, the primary one first."""
    reason = "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1." if rolling_back else ""
    deployments = [
        {"status": "ACTIVE" if number else "PRIMARY", "runningCount": count, "rolloutStateReason": reason}
        for number, count in enumerate(running)
    ]
    return {"desiredCount": 2, "deployments": deployments}


def test_a_rollout_has_moments() -> None:
    """The tasks of its deployments tell how far a rollout has come."""
    assert moments_of(service(2), 2) == frozenset()
    assert moments_of(service(0, 2), 2) == {"deploy", "scale-up"}
    assert moments_of(service(1, 2), 2) == {"deploy", "scale-up", "shift"}
    assert moments_of(service(2, 1), 2) == {"deploy", "scale-up", "shift", "drain"}
    assert moments_of(service(2, 1, rolling_back=True), 2) == {"rollback"}


def test_a_fault_accompanies_its_step() -> None:
    """A fault that names a step begins and ends with it, and with no other step."""
    faults, world, narrator = plan("zone-lost:eu-west-1a@first-deployment")
    with faults.during("apply"):
        assert world.active == []
    with faults.during("first-deployment"):
        assert world.active == ["zone-lost"]
    assert world.active == []
    assert narrator.moments == ["zone-lost:eu-west-1a begins at first-deployment"]


def test_a_fault_waits_for_its_moment() -> None:
    """A fault at `shift` begins once a new task runs, and ends with the step."""
    faults, world, _ = plan("zone-lost:eu-west-1a@shift")

    class Observed:
        def __init__(self, shown: Any) -> None:
            self._shown = shown

        def service(self) -> Any:
            return self._shown

    with faults.during("second-deployment"):
        faults.look(Observed(service(0, 2)))
        assert world.active == []
        faults.look(Observed(service(1, 2)))
        assert world.active == ["zone-lost"]
        assert [window.until > window.begun for window in faults.tolerance().windows] == [True]
    assert world.active == []
    assert faults.tolerance() == Tolerance()


def test_a_moment_that_never_comes_fails_the_step() -> None:
    """A drill does not pass with a fault that never began."""
    faults, _, _ = plan("task-killed@drain")
    with (
        pytest.raises(ProofFailed, match="never came to the phase of task-killed@drain"),
        faults.during("second-deployment"),
    ):
        pass


def test_a_fault_that_the_world_refuses_is_bad_input() -> None:
    """The refusal names the option and the world's words, and what has begun ends."""
    faults, _, _ = plan("zone-lost:moon@apply", world=Noted("there is no zone 'moon' here"))
    with pytest.raises(BadInput, match="--fault zone-lost:moon@apply: there is no zone"), faults.during("apply"):
        pass


def test_a_phase_that_is_none_is_refused_before_anything_starts() -> None:
    """The refusal lists steps and moments; a step that is left out is no phase either."""
    with pytest.raises(BadInput, match="flight is no phase of this drill; there are: apply"):
        require_phases([PlannedFault(ZoneLost("eu-west-1a"), "flight")], STEPS)
    with pytest.raises(BadInput, match="deploy is no phase"):
        require_phases([PlannedFault(ZoneLost("eu-west-1a"), "deploy")], ["apply", "first-deployment"])
    require_phases([PlannedFault(ZoneLost("eu-west-1a"), "rollback")], STEPS)


def test_the_option_is_read(tmp_path: Path) -> None:
    """`--fault` becomes a setting; a text that is no fault is bad input."""
    options = Options(environment=tmp_path, application=tmp_path, faults=("slow-target:2000@deploy",))
    assert drill_settings(options, read_around(tmp_path)).faults == (PlannedFault(SlowTarget(2000), "deploy"),)
    with pytest.raises(BadInput, match="--fault 'flood' is no fault"):
        drill_settings(
            Options(environment=tmp_path, application=tmp_path, faults=("flood@deploy",)), read_around(tmp_path)
        )


def test_a_target_without_faults_refuses_them(tmp_path: Path) -> None:
    """The reason of the target is in the refusal, before anything starts."""
    target = ScriptedTarget(tmp_path, faults="Pushproof cannot inject faults into AWS")
    with pytest.raises(BadInput, match="target scripted: Pushproof cannot inject faults into AWS"):
        Context(
            target,  # type: ignore[arg-type]
            settings(faults=(PlannedFault(ZoneLost("eu-west-1a"), "apply"),)),
            narrator(),
            Preflight(TerraformBinary("terraform", "terraform", (1, 10, 0)), ()),
            ScriptedWebhook(),
        )


def failed(at: float, seconds: float = 0.1) -> Answer:
    return Answer(at, 504, None, seconds=seconds)


def test_failures_within_the_window_are_borne_and_others_are_not() -> None:
    """A window covers what ends in it; slow failures in it do not count as slow answers."""
    now = time.monotonic()
    borne = Tolerance((Window("zone-lost:a", now, now + 12),), slower=0.0)
    assert borne.covers(now + 11)
    assert not borne.covers(now + 13)
    report = ProbeReport(answers=[failed(now + 11, 10.0), Answer(now + 20, 200, None, seconds=0.2)])
    assert slowest_of(report, borne) == pytest.approx(0.2)
    assert slowest_of(report, Tolerance()) == pytest.approx(10.0)


@pytest.mark.parametrize(("late", "passes"), [(1.0, True), (30.0, False)])
def test_requests_are_judged_with_the_fault_in_mind(tmp_path: Path, late: float, passes: bool) -> None:
    """A request that fails while health checks find the loss does not fail the drill; one that fails later does."""
    judged = context(ScriptedTarget(tmp_path), None, None, ("second-deployment", DEPLOYED))
    judged.plan, _, _ = plan("zone-lost:eu-west-1a@second-deployment")
    now = time.monotonic()
    answers = [Answer(now + number / 10, 200, DEPLOYED.commit, seconds=0.01) for number in range(400)]
    broken = failed(now + late, 2.0)
    report = ProbeReport(sent=401, failed=[broken], answers=[*answers, broken])
    report.commits[DEPLOYED.commit] = 400
    with judged.plan.during("second-deployment"):
        if passes:
            judge_requests(judged, report, {DEPLOYED.commit})
        else:
            with pytest.raises(
                ProofFailed, match=r"1 of 401 requests failed, beyond 13\.0 s after zone-lost:eu-west-1a"
            ):
                judge_requests(judged, report, {DEPLOYED.commit})
