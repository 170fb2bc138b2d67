"""Blue/green, linear and canary deployments, against scripted worlds.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/blue-green-deployment-how-it-works.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-linear.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/canary-deployment.html
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.engines.deployment.shiftworld import (
    BLUE,
    GREEN,
    NEVER_HEALTHY,
    START,
    configuration,
    first,
    push,
    serving,
    stages,
    weights,
)

from pushproof.engines.deployment import (
    HOOK_STAGES,
    Alarms,
    CircuitBreaker,
    DeploymentConfiguration,
    DeploymentError,
    DeploymentSettings,
    Hook,
    InvalidDeploymentConfiguration,
    InvalidHook,
    InvokeHook,
    ServiceState,
    ShiftTraffic,
    Strategy,
    TrafficShifted,
    continue_service_deployment,
    decide,
    delete_service,
    read_answer,
    stop_service_deployment,
    update_service,
)

FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:check"
EVERYWHERE = Hook(HOOK_STAGES, target_arn=FUNCTION, role_arn="arn:role/hooks")
BLUE_GREEN = Strategy("BLUE_GREEN", bake_minutes=5)
LINEAR = Strategy("LINEAR", step=250, step_bake_minutes=6, bake_minutes=5)
CANARY = Strategy("CANARY", step=55, step_bake_minutes=10, bake_minutes=5)


def hooked(strategy: Strategy, *hooks: Hook) -> Strategy:
    return Strategy(strategy.name, strategy.step, strategy.step_bake_minutes, strategy.bake_minutes, hooks)


def failing(at: str) -> Any:
    """Return functions that fail the hook of one stage."""
    return lambda call, _: (1.0, {"hookStatus": "FAILED" if call.payload["lifecycleStage"] == at else "SUCCEEDED"})


@pytest.mark.parametrize(
    ("strategy", "production"),
    [
        (BLUE_GREEN, [0, 1000]),
        (LINEAR, [0, 250, 500, 750, 1000]),
        (CANARY, [0, 55, 1000]),
        (Strategy("LINEAR", step=400), [0, 400, 800, 1000]),
        (Strategy("CANARY", step=1000), [0, 1000]),
    ],
)
def test_production_traffic_moves_in_the_steps_of_the_strategy(strategy: Strategy, production: list[int]) -> None:
    """Each step gives the new revision its share, and the last gives it all."""
    line = push(serving(strategy))
    assert [step[GREEN] for step in weights(line)] == production
    assert [step[GREEN] for step in weights(line, test=True)] == [0, 1000]
    assert line.state.record.status == "SUCCESSFUL"
    assert line.state.primary.revision.task_definition == "web:2"
    assert [deployment.revision.task_definition for deployment in line.state.deployments] == ["web:2"]


def test_stages_come_in_order_and_take_their_time() -> None:
    """A hook at every stage is called in AWS's order; linear steps call those of each step, and the times between pass."""
    line = push(serving(hooked(LINEAR, EVERYWHERE)))
    step = ["PRE_PRODUCTION_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT"]
    assert stages(line) == [
        "PRE_SCALE_UP",
        "POST_SCALE_UP",
        "TEST_TRAFFIC_SHIFT",
        "POST_TEST_TRAFFIC_SHIFT",
        *step * 4,
        "POST_PRODUCTION_TRAFFIC_SHIFT",
    ]
    shifts = [shift.at for shift in line.shifts if not shift.test]
    assert [later - earlier for earlier, later in pairwise(shifts)] == [362.0] * 3
    cleaned = next(event.at for event in line.events if "begun draining" in event.message)
    assert cleaned == pytest.approx(shifts[-1] + 300.0 + 2.0)


def test_two_whole_revisions_run_until_the_clean_up() -> None:
    """The previous revision keeps all its tasks while the new one gets as many, and stops after the bake time."""
    line = push(serving(BLUE_GREEN, desired=3))
    assert max(sample.active for sample in line.samples) == 6
    assert line.samples[-1].active == 3
    shift = next(shift.at for shift in line.shifts if not shift.test)
    assert all(sample.active == 6 for sample in line.samples if shift <= sample.at < shift + 300)


def test_the_groups_take_turns() -> None:
    """Each deployment uses the group that the serving revision does not use."""
    state = push(serving(BLUE_GREEN), until=3600).state
    assert [balancer.group for balancer in state.primary.revision.load_balancers] == [GREEN]
    decision = update_service(state, START + 4000, task_definition="web:3")
    assert [balancer.group for balancer in decision.state.primary.revision.load_balancers] == [BLUE]


def test_an_update_without_a_change_begins_nothing() -> None:
    """Sending the load balancers that there are starts no deployment, whatever group the revision uses."""
    state = push(serving(BLUE_GREEN), until=3600).state
    configured = [balancer.configured for balancer in state.primary.revision.load_balancers]
    before = len(state.records)
    update_service(state, START + 4000, load_balancers=configured)
    assert len(state.records) == before


@pytest.mark.parametrize("stage", HOOK_STAGES[1:])
@pytest.mark.parametrize("strategy", [BLUE_GREEN, LINEAR, CANARY])
def test_a_failed_hook_rolls_back(strategy: Strategy, stage: str) -> None:
    """A hook that fails, at any stage of any strategy, leaves the previous revision with all traffic, and says why."""
    line = push(serving(hooked(strategy, EVERYWHERE)), functions=failing(stage))
    record = line.state.record
    assert record.status == "ROLLBACK_SUCCESSFUL"
    assert record.status_reason == (
        f"Service deployment rolled back because {stage} lifecycle hook(s) failed. "
        f"Lifecycle hook target {FUNCTION} returned FAILED status."
    )
    assert list(weights(line))[-1] == {BLUE: 1000, GREEN: 0}
    assert list(weights(line, test=True))[-1] == {BLUE: 1000, GREEN: 0}
    assert line.state.primary.revision.task_definition == "web:1"
    assert len(line.state.tasks) == 2
    assert any(f"deployment failed: {record.status_reason}" in text for text in line.messages())
    assert sum("rolling back to deployment" in text for text in line.messages()) == 1


def test_a_rollback_calls_the_hooks_of_the_shifts_again() -> None:
    """The hooks of both shifts are called once more, with the new revision as target and its weight 0."""
    line = push(serving(hooked(BLUE_GREEN, EVERYWHERE)), functions=failing("POST_PRODUCTION_TRAFFIC_SHIFT"))
    (production, test) = (call.payload for _, call in line.calls[-2:])
    assert (production["lifecycleStage"], test["lifecycleStage"]) == ("PRODUCTION_TRAFFIC_SHIFT", "TEST_TRAFFIC_SHIFT")
    new, old = line.state.record.target_revision_arn, line.state.primary.revision.arn
    details: Any = production["executionDetails"]
    assert details["targetServiceRevisionArn"] == new
    assert details["productionTrafficWeights"] == {new: 0, old: 100}
    assert details["testTrafficWeights"] == {}


def test_hooks_receive_the_documented_payload() -> None:
    """The payload names deployment, service and revision, has the weights of its stage, and the hook's own details."""
    hook = Hook(HOOK_STAGES, target_arn=FUNCTION, role_arn="arn:role", details={"suite": "smoke"})
    line = push(serving(hooked(CANARY, hook)))
    by_stage = {str(call.payload["lifecycleStage"]): call for _, call in reversed(line.calls)}
    new, old = line.state.record.target_revision_arn, line.state.record.source_revision_arns[0]
    payload: Any = by_stage["PRODUCTION_TRAFFIC_SHIFT"].payload
    assert payload["resourceArn"] == line.state.record.arn
    assert payload["hookDetails"] == {"suite": "smoke"}
    assert len(payload["executionId"]) == 36
    assert payload["executionDetails"] == {
        "serviceArn": line.state.service_arn,
        "targetServiceRevisionArn": new,
        "testTrafficWeights": {},
        "productionTrafficWeights": {new: 5.5, old: 94.5},
    }
    assert by_stage["PRE_PRODUCTION_TRAFFIC_SHIFT"].payload["executionDetails"]["productionTrafficWeights"] == {  # type: ignore[index]
        new: 0,
        old: 100,
    }
    assert by_stage["TEST_TRAFFIC_SHIFT"].payload["executionDetails"]["testTrafficWeights"] == {new: 100, old: 0}  # type: ignore[index]
    assert by_stage["PRE_SCALE_UP"].payload["executionDetails"]["productionTrafficWeights"] == {}  # type: ignore[index]


def test_a_hook_in_progress_is_called_again_with_its_details() -> None:
    """IN_PROGRESS brings another call after 30 seconds, or after callBackDelay, with the details that were returned."""
    answers = [
        {"hookStatus": "IN_PROGRESS", "hookDetails": {"run": 7}},
        {"hookStatus": "IN_PROGRESS", "callBackDelay": 90, "hookDetails": {"done": 1}},
        {"hookStatus": "SUCCEEDED"},
    ]
    hook = Hook(("PRE_SCALE_UP",), target_arn=FUNCTION, role_arn="arn:role", details={"suite": "smoke"})
    line = push(serving(hooked(BLUE_GREEN, hook)), functions=lambda _, __: (1.0, answers.pop(0)))
    assert [at - START for at, _ in line.calls] == [0.0, 31.0, 122.0]
    assert [call.payload["hookDetails"] for _, call in line.calls] == [
        {"suite": "smoke"},
        {"suite": "smoke", "run": 7},
        {"suite": "smoke", "run": 7, "done": 1},
    ]
    assert len({call.payload["executionId"] for _, call in line.calls}) == 1
    assert line.state.record.status == "SUCCESSFUL"


@pytest.mark.parametrize(("action", "status"), [("ROLLBACK", "ROLLBACK_SUCCESSFUL"), ("CONTINUE", "SUCCESSFUL")])
def test_a_hook_that_never_ends_times_out(action: Any, status: str) -> None:
    """A function that stays IN_PROGRESS ends with the time-out of its hook, which decides what follows."""
    hook = Hook(("POST_SCALE_UP",), target_arn=FUNCTION, role_arn="arn:role", timeout_minutes=20, timeout_action=action)
    line = push(serving(hooked(BLUE_GREEN, hook)), functions=lambda _, __: (1.0, {"hookStatus": "IN_PROGRESS"}))
    assert line.state.record.status == status
    names = [event.detail["eventName"] for event in line.bridge if event.detail_type == "ECS Hook State Change"]
    assert names == ["HOOK_IN_PROGRESS", "HOOK_TIMED_OUT"]


def test_all_hooks_of_a_stage_end_before_one_decides() -> None:
    """A failed hook waits for those beside it, and one rollback follows."""
    hooks = [Hook(("PRE_SCALE_UP",), target_arn=f"{FUNCTION}-{name}", role_arn="arn:role") for name in ("a", "b")]

    def functions(call: InvokeHook, _: float) -> tuple[float, object]:
        return (1.0, {"hookStatus": "FAILED"}) if call.target_arn.endswith("a") else (200.0, {"hookStatus": "FAILED"})

    line = push(serving(hooked(BLUE_GREEN, *hooks)), functions=functions)
    failed = next(event for event in line.events if "deployment failed" in event.message)
    assert failed.at == START + 200.0
    assert sum("rolling back to" in text for text in line.messages()) == 1
    assert "check-a returned FAILED" in line.state.record.status_reason


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "ECS was unable to parse the response from f due to HookStatus must not be null"),
        ("done", "ECS was unable to parse the response from f due to HookStatus must not be null"),
        ({"status": "SUCCEEDED"}, "ECS was unable to parse the response from f due to HookStatus must not be null"),
        ({"hookStatus": "DONE"}, "ECS was unable to parse the response from f due to HookStatus DONE is none of"),
        ({"hookStatus": "IN_PROGRESS", "callBackDelay": "soon"}, "callBackDelay must be a number"),
        ({"hookStatus": "SUCCEEDED", "hookDetails": 3}, "hookDetails must be an object"),
        ({"hookStatus": "FAILED"}, "Lifecycle hook target f returned FAILED status."),
    ],
)
def test_answers_that_fail_a_hook(answer: object, words: str) -> None:
    """An answer without a valid status fails the hook, in the words of AWS where they are on record."""
    read = read_answer("ecs-lambda-1", "f", answer)
    assert read.status == "FAILED"
    assert words in read.problem


def test_a_pause_waits_for_a_person() -> None:
    """A paused deployment goes on when it is continued, has a new id at each step, and rolls back when told to."""
    pause = Hook(("POST_SCALE_UP", "PRE_PRODUCTION_TRAFFIC_SHIFT"), target_type="PAUSE", timeout_minutes=20_000)
    state = serving(hooked(CANARY, pause))
    ids: list[str] = []

    def go_on(action: Any) -> Any:
        def call(known: ServiceState, now: float) -> Any:
            (run,) = (run for run in (known.rollout.hooks if known.rollout else ()) if run.status == "AWAITING_ACTION")
            ids.append(run.id)
            return continue_service_deployment(known, now, known.record.arn, run.id, action)

        return call

    changes = [
        (START + 5000, go_on("CONTINUE")),
        (START + 90_000, go_on("CONTINUE")),
        (START + 95_000, go_on("ROLLBACK")),
    ]
    line = push(state, changes=changes)
    assert [step[GREEN] for step in weights(line)] == [0, 55, 0]
    assert len(set(ids)) == 3
    assert all(identifier.startswith("ecs-pause-") and len(identifier) == 53 for identifier in ids)
    assert line.state.record.status == "ROLLBACK_SUCCESSFUL"
    assert line.state.record.status_reason == state.settings.continue_reason


def test_a_pause_times_out() -> None:
    """A pause without an answer ends with its time-out, and rolls back in AWS's words."""
    pause = Hook(("POST_TEST_TRAFFIC_SHIFT",), target_type="PAUSE", timeout_minutes=30)
    line = push(serving(hooked(BLUE_GREEN, pause)))
    assert line.state.record.status_reason == (
        "Service deployment rolled back because POST_TEST_TRAFFIC_SHIFT pause hook timed out."
    )


def test_continuing_what_does_not_wait_is_refused() -> None:
    """A wrong form, an unknown id and a deployment that has ended are refused, and nothing changes."""
    pause = Hook(("PRE_SCALE_UP",), target_type="PAUSE")
    state = push(serving(hooked(BLUE_GREEN, pause)), until=60).state
    for wrong, words in (
        ("pause-1", "Invalid hookId: hookId must follow the format"),
        ("ecs-pause-x", "does not belong"),
    ):
        with pytest.raises(InvalidHook, match=words):
            continue_service_deployment(state, START + 60, state.record.arn, wrong)
    assert state.rollout is not None
    state = stop_service_deployment(state, START + 60, state.record.arn).state
    line_end = push(serving(BLUE_GREEN), until=7200).state
    with pytest.raises(InvalidHook, match="terminal states"):
        continue_service_deployment(line_end, START + 7200, line_end.record.arn, "ecs-pause-x")


def test_tasks_that_never_get_healthy_trip_the_circuit_breaker() -> None:
    """The breaker fails a deployment whose new revision does not come up; production never moves."""
    line = push(serving(CANARY), script=NEVER_HEALTHY)
    assert line.state.record.status == "ROLLBACK_SUCCESSFUL"
    assert line.state.record.status_reason == (
        "Service deployment rolled back because the circuit breaker threshold was exceeded."
    )
    assert list(weights(line)) == [{BLUE: 1000, GREEN: 0}]
    assert any(text.endswith("deployment failed: tasks failed to start.") for text in line.messages())


def test_without_the_breaker_the_stage_times_out() -> None:
    """A new revision that never comes up fails after the 24 hours of a stage."""
    line = push(serving(BLUE_GREEN, breaker=False), script=NEVER_HEALTHY)
    assert line.state.record.status == "ROLLBACK_SUCCESSFUL"
    assert "SCALE_UP timed out" in line.state.record.status_reason
    failed = next(event for event in line.events if "deployment failed" in event.message)
    assert failed.at == pytest.approx(START + 86_400, abs=120)


@pytest.mark.parametrize("strategy", [BLUE_GREEN, LINEAR, CANARY])
def test_an_alarm_takes_traffic_back(strategy: Strategy) -> None:
    """An alarm during the bake time rolls back; after the end it changes nothing."""
    alarms = Alarms(("errors",), enable=True, rollback=True)
    state = serving(strategy, alarms=alarms)
    probe = push(state.copy(), until=86_400)
    last = max(shift.at for shift in probe.shifts if not shift.test)
    line = push(state.copy(), alarms=lambda _, now: "ALARM" if now >= last + 100 else "OK", until=86_400)
    assert (line.state.record.status, line.state.record.alarm_status) == ("ROLLBACK_SUCCESSFUL", "TRIGGERED")
    assert list(weights(line))[-1] == {BLUE: 1000, GREEN: 0}
    late = push(state.copy(), alarms=lambda _, now: "ALARM" if now >= last + 320 else "OK", until=86_400)
    assert (late.state.record.status, late.state.record.alarm_status) == ("SUCCESSFUL", "MONITORING_COMPLETE")


def test_without_rollback_everything_stays() -> None:
    """An alarm with `rollback` off stops the deployment where it is; the next deployment takes the traffic back first."""
    state = serving(LINEAR, alarms=Alarms(("errors",), enable=True, rollback=False))
    line = push(state, alarms=lambda _, now: "ALARM" if now > START + 500 else "OK", until=20_000)
    assert line.state.record.status == "STOPPED"
    assert list(weights(line))[-1] == {BLUE: 500, GREEN: 500}
    again = update_service(line.state, START + 20_000, task_definition="web:3", configuration=configuration(BLUE_GREEN))
    order = next(action for action in again.actions if type(action).__name__ == "ShiftTraffic")
    assert (order.weight, order.balancers[0].group) == (0, GREEN)  # type: ignore[union-attr]


def test_the_first_deployment_has_nothing_to_return_to() -> None:
    """A first deployment runs through all stages, and one that fails says that there is no candidate."""
    line = first(configuration(hooked(LINEAR, EVERYWHERE)))
    assert line.state.record.status == "SUCCESSFUL"
    assert [step[BLUE] for step in weights(line, before=GREEN)] == [0, 1000]
    failed = first(configuration(hooked(BLUE_GREEN, EVERYWHERE)), functions=failing("PRE_SCALE_UP"))
    assert failed.state.record.status == "ROLLBACK_FAILED"
    assert failed.state.record.status_reason == "No rollback candidate was found to run the rollback."
    assert any("PRE_SCALE_UP lifecycle hook(s) failed." in text for text in failed.messages())


def test_listeners_that_do_not_fit_roll_back_before_anything_starts() -> None:
    """The result of the listeners' check is the reason of the rollback, and no task of the new revision starts."""
    reason = "Service deployment rolled back because of invalid networking configuration: x"
    line = push(serving(BLUE_GREEN), check=reason)
    assert (line.state.record.status, line.state.record.status_reason) == ("ROLLBACK_SUCCESSFUL", reason)
    assert line.started == 0


def test_a_shift_that_is_refused_rolls_back() -> None:
    """Traffic that cannot be shifted fails the deployment; a rollback that cannot shift it back has failed too."""
    line = push(serving(BLUE_GREEN), shifts=lambda order, _: "" if order.test else "missing permissions")
    assert (line.state.record.status, line.state.record.status_reason) == ("ROLLBACK_SUCCESSFUL", "missing permissions")
    stuck = push(
        serving(hooked(BLUE_GREEN, EVERYWHERE)),
        functions=failing("POST_PRODUCTION_TRAFFIC_SHIFT"),
        shifts=lambda order, _: "missing permissions" if order.weight == 0 else "",
    )
    assert (stuck.state.record.status, stuck.state.record.status_reason) == ("ROLLBACK_FAILED", "missing permissions")


def test_a_newer_deployment_takes_over() -> None:
    """A deployment in the midst of another stops it, takes traffic back, and begins when only one revision is left."""
    state = serving(hooked(LINEAR, EVERYWHERE))

    def newer(known: ServiceState, now: float) -> Any:
        return update_service(known, now, task_definition="web:3")

    line = push(state, changes=[(START + 600, newer)])
    before, record = line.state.records[-2:]
    assert (before.status, record.status) == ("STOPPED", "SUCCESSFUL")
    assert [step[GREEN] for step in weights(line)] == [0, 250, 500, 0, 250, 500, 750, 1000]
    assert "RECONCILE_SERVICE" in stages(line)
    assert line.state.primary.revision.task_definition == "web:3"
    assert [deployment.revision.task_definition for deployment in line.state.deployments] == ["web:3"]


def test_a_replaced_revision_keeps_its_tasks_until_its_traffic_is_gone() -> None:
    """The order to take traffic back comes first; tasks of the replaced revision stop when it has been answered."""
    state = push(serving(LINEAR), until=600).state
    decision = update_service(state, START + 600, task_definition="web:3")
    assert [type(action).__name__ for action in decision.actions] == ["ShiftTraffic"]
    (order,) = decision.actions
    assert isinstance(order, ShiftTraffic)
    after = decide(state, [TrafficShifted(order.order)], START + 601)
    assert "DeregisterTarget" not in [type(action).__name__ for action in after.actions]
    (order,) = after.actions
    assert isinstance(order, ShiftTraffic)
    assert order.test
    last = decide(state, [TrafficShifted(order.order)], START + 602)
    assert [type(action).__name__ for action in last.actions] == ["DeregisterTarget"] * 2


def test_a_revision_that_had_begun_to_go_comes_back_before_its_traffic() -> None:
    """A stop in the clean-up starts the former revision's tasks again, and shifts traffic when they are healthy."""
    state = serving(BLUE_GREEN)
    cleaning = next(event.at for event in push(state.copy()).events if "begun draining" in event.message)

    def stop(known: ServiceState, now: float) -> Any:
        return stop_service_deployment(known, now, known.record.arn)

    line = push(state, changes=[(cleaning + 10, stop)])
    assert line.state.record.status == "ROLLBACK_SUCCESSFUL"
    back = next(shift.at for shift in line.shifts if not shift.test and shift.weight == 0)
    assert back == pytest.approx(cleaning + 40)
    assert list(weights(line))[-1] == {BLUE: 1000, GREEN: 0}


def test_a_rolling_update_after_a_shift_keeps_its_group() -> None:
    """The new revision of a rolling update joins the group of the serving one."""
    state = push(serving(BLUE_GREEN), until=3600).state
    decision = update_service(
        state, START + 4000, task_definition="web:3", configuration=DeploymentConfiguration(breaker=CircuitBreaker())
    )
    assert [balancer.group for balancer in decision.state.primary.revision.load_balancers] == [GREEN]
    assert decision.state.rollout is None


def test_hooks_may_come_before_their_shift() -> None:
    """A hook of PRODUCTION_TRAFFIC_SHIFT that fails never lets production move, with `hooks_before_shift`."""
    tuning = DeploymentSettings(hooks_before_shift=True)
    state = serving(hooked(BLUE_GREEN, EVERYWHERE), tuning=tuning)
    line = push(state, functions=failing("PRODUCTION_TRAFFIC_SHIFT"))
    assert list(weights(line)) == [{BLUE: 1000, GREEN: 0}]
    assert line.state.record.status == "ROLLBACK_SUCCESSFUL"


def test_a_deleted_service_ends_whatever_it_was_doing() -> None:
    """A service that is deleted in the midst of a rollout stops all tasks; a hook's late failure brings none back."""
    state = serving(hooked(BLUE_GREEN, EVERYWHERE))
    line = push(
        state,
        functions=lambda _, __: (100.0, {"hookStatus": "FAILED"}),
        changes=[(START + 50, delete_service)],
    )
    assert line.state.tasks == {}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"strategy": "GREEN_BLUE"}, "strategy"),
        ({"strategy": "BLUE_GREEN"}, "bakeTimeInMinutes"),
        ({"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 2.9}}, "stepPercent"),
        ({"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 10.05}}, "stepPercent"),
        ({"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 100.1}}, "stepPercent"),
        ({"strategy": "LINEAR", "linearConfiguration": {"stepBakeTimeInMinutes": 1441}}, "stepBakeTimeInMinutes"),
        ({"strategy": "CANARY", "canaryConfiguration": {"canaryPercent": 0}}, "canaryPercent"),
        ({"strategy": "CANARY", "canaryConfiguration": {"canaryBakeTimeInMinutes": -1}}, "canaryBakeTimeInMinutes"),
        ({"strategy": "CANARY", "lifecycleHooks": [{"targetType": "SNS"}]}, "Invalid targetType. Valid values are"),
        (
            {"strategy": "CANARY", "lifecycleHooks": [{"targetType": "PAUSE", "lifecycleStages": ["BAKE_TIME"]}]},
            "Stages",
        ),
        ({"strategy": "CANARY", "lifecycleHooks": [{"targetType": "PAUSE", "lifecycleStages": []}]}, "lifecycleStages"),
        (
            {
                "strategy": "CANARY",
                "lifecycleHooks": [{"targetType": "PAUSE", "lifecycleStages": ["TEST_TRAFFIC_SHIFT"]}],
            },
            "lifecycleStages",
        ),
        (
            {"strategy": "CANARY", "lifecycleHooks": [{"lifecycleStages": ["PRE_SCALE_UP"], "roleArn": "arn:r"}]},
            "TargetArn",
        ),
    ],
)
def test_malformed_strategies_are_refused(document: dict[str, Any], words: str) -> None:
    """The refusal names the member, and what it may be."""
    with pytest.raises(InvalidDeploymentConfiguration, match=words):
        DeploymentConfiguration.parse(document)


def test_defaults_are_aws_s() -> None:
    """Steps of ten percent every six minutes; a canary of five percent for ten; another strategy's settings are dropped."""
    linear = DeploymentConfiguration.parse({"strategy": "LINEAR"}).strategy
    assert (linear.step, linear.step_bake_minutes) == (100, 6)
    canary = DeploymentConfiguration.parse(
        {"strategy": "CANARY", "linearConfiguration": {"stepPercent": 50.0}}
    ).strategy
    assert (canary.step, canary.step_bake_minutes) == (50, 10)
    plain = DeploymentConfiguration.parse(
        {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0, "canaryConfiguration": {"canaryPercent": 5.0}}
    ).strategy
    assert plain.steps() == (1000,)


_words = st.sampled_from(["", "LINEAR", "PAUSE", "PRE_SCALE_UP", "arn:x"])
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 2000) | st.floats() | _words,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["stepPercent", "canaryPercent", "targetType", "lifecycleStages", "hookDetails", "action", "enable"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(
            ["strategy", "bakeTimeInMinutes", "lifecycleHooks", "linearConfiguration", "canaryConfiguration", "alarms"]
        ),
        _json | st.sampled_from(["BLUE_GREEN", "LINEAR", "CANARY"]),
    )
)
def test_any_document_is_read_or_refused(document: dict[str, Any]) -> None:
    """A damaged configuration is refused in words, and never breaks the reader; one that is read ends with all traffic."""
    try:
        steps = DeploymentConfiguration.parse(document).strategy.steps()
    except DeploymentError:
        return
    assert steps[-1] == 1000
    assert list(steps) == sorted(set(steps))
