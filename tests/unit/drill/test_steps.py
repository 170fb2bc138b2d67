"""Decisions of single steps, on a scripted target."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.unit.drill.scripted import APPLIED, DEPLOYED, ScriptedTarget, ScriptedWebhook, context

from pushproof.drill.evidence import (
    Asking,
    BrokenPush,
    BrokenPushes,
    Deployed,
    Fate,
    NotHeard,
    Notified,
    PushRefused,
    Record,
    SourceReady,
)
from pushproof.drill.judgement import judge_requests, require_still_serving
from pushproof.drill.observation import Serving
from pushproof.drill.prober import Answer, ProbeReport
from pushproof.drill.settings import BadInput, ProofFailed
from pushproof.drill.standin import SlackLog, SlackStandIn
from pushproof.drill.steps.authorisation import awaits_authorisation
from pushproof.drill.steps.notifications import Notifications, expected_states
from pushproof.drill.steps.order import step_named
from pushproof.drill.steps.rollback import await_rollback

REFUSED = PushRefused("c" * 40, "execution-0", "not authorised")
BAD = BrokenPush("unhealthy", Fate.ROLLED_BACK, "TRIGGERED", "b" * 40, "execution-2")
ROLLED_BACK = BrokenPushes((BAD,))


class Connections:
    """CodeConnections with one connection."""

    def __init__(self, status: str) -> None:
        self._status = status

    def get_connection(self, **_: Any) -> dict[str, Any]:
        return {"Connection": {"ConnectionStatus": self._status}}


class Ecs:
    """ECS with a service that has these records of deployments, newest last."""

    def __init__(self, *records: tuple[str, str]) -> None:
        self.records = list(records)

    def list_service_deployments(self, **_: Any) -> dict[str, Any]:
        return {
            "serviceDeployments": [
                {"serviceDeploymentArn": arn, "status": status, "createdAt": datetime(2026, 1, day + 1, tzinfo=UTC)}
                for day, (arn, status) in enumerate(self.records)
            ]
        }

    def describe_service_deployments(self, **_: Any) -> dict[str, Any]:
        breaker = {"status": "TRIGGERED", "failureCount": 3, "threshold": 3}
        return {"serviceDeployments": [{"deploymentCircuitBreaker": breaker}]}


class Observed:
    """An observer of a service with these deployments' task definitions, and an execution that goes on."""

    def __init__(self, *definitions: str) -> None:
        self.definitions = definitions

    def service(self) -> dict[str, Any]:
        return {
            "deployments": [
                {"taskDefinition": name, "status": "PRIMARY", "rolloutState": "COMPLETED"} for name in self.definitions
            ]
        }

    def serving(self) -> Serving:
        return Serving(frozenset(self.definitions), frozenset(), 2)

    def execution_of(self, commit: str) -> None:
        return None

    def new_events(self) -> list[str]:
        return []

    def summary(self) -> str:
        return "nothing"


def observed(made: Any, *definitions: str) -> Any:
    made.__dict__["observer"] = Observed(*definitions)
    return made


def test_a_source_that_is_authorised_beforehand_refuses_nothing(tmp_path: Path) -> None:
    """The step says so, in its letter, and that is its evidence."""
    made = context(ScriptedTarget(tmp_path, pending_connection="authorised beforehand"))
    shown = step_named("refused-before-authorisation").perform(made)
    assert shown == SourceReady("authorised beforehand")
    assert [(s.letter, s.title, s.claims) for s in made.narrator.steps] == [
        ("c", "The source needs no hand", ["authorised beforehand"])
    ]


def test_a_connection_cannot_become_pending_again(tmp_path: Path) -> None:
    """The refusal cannot be shown twice: the message names the step to begin with."""
    made = context(ScriptedTarget(tmp_path, {"codestar-connections": Connections("AVAILABLE")}))
    with pytest.raises(BadInput, match=r"authorised already.*begin with first-deployment"):
        step_named("refused-before-authorisation").perform(made)
    assert made.narrator.steps == []


@pytest.mark.parametrize(("status", "awaits"), [("PENDING", True), ("AVAILABLE", False)])
def test_a_connection_is_authorised_once(status: str, awaits: bool, tmp_path: Path) -> None:
    """The first deployment authorises it unless an earlier step does; a target's own source is not changed."""
    target = ScriptedTarget(tmp_path, {"codestar-connections": Connections(status)})
    assert awaits_authorisation(context(target)) is awaits
    target.missing = {"pending-connection": "authorised beforehand"}
    assert awaits_authorisation(context(target)) is False


@pytest.mark.parametrize(
    ("entries", "states"),
    [
        ([("first-deployment", DEPLOYED)], ("STARTED", "SUCCEEDED")),
        ([("refused-before-authorisation", REFUSED)], ("STARTED", "FAILED")),
        ([("first-deployment", DEPLOYED), ("broken-deployment", ROLLED_BACK)], ("STARTED", "SUCCEEDED", "FAILED")),
        (
            [("first-deployment", DEPLOYED), ("broken-deployment", BrokenPushes((replace(BAD, undecided=True),)))],
            ("STARTED", "SUCCEEDED"),
        ),
    ],
)
def test_messages_are_expected_of_what_was_shown(entries: list[Any], states: tuple[str, ...], tmp_path: Path) -> None:
    """A step that was left out has told nobody anything; an execution that still waits has not failed yet."""
    assert expected_states(context(ScriptedTarget(tmp_path), None, None, *entries)) == states


def test_the_webhook_is_asked_for_each_state(tmp_path: Path) -> None:
    """Each message is claimed; one that did not come is missed by its state."""
    shown = [("first-deployment", DEPLOYED), ("broken-deployment", ROLLED_BACK)]
    texts = [f"shop-dev {state}" for state in ("STARTED", "SUCCEEDED", "FAILED")]
    made = context(ScriptedTarget(tmp_path), ScriptedWebhook(*texts), None, *shown)
    assert Notifications().perform(made) == Notified(tuple(texts))
    assert made.narrator.steps[0].claims == [*texts, "3 messages in all"]
    silent = context(ScriptedTarget(tmp_path), ScriptedWebhook(*texts[:2]), None, *shown)
    with pytest.raises(ProofFailed, match="no message about FAILED reached the webhook"):
        Notifications().perform(silent)
    wrong = context(ScriptedTarget(tmp_path), ScriptedWebhook(*texts, refused=["{}"]), None, *shown)
    with pytest.raises(ProofFailed, match="sent what Slack refuses"):
        Notifications().perform(wrong)


class Listener:
    """A listener with messages that it gives once."""

    def __init__(self, *texts: str) -> None:
        self.heard = list(texts)
        self.closed = False

    def wait_for(self, *parts: str, timeout: float) -> str | None:
        return next((text for text in self.heard if all(part in text for part in parts)), None)

    def close(self) -> None:
        self.closed = True


def test_notifications_can_be_heard_again(tmp_path: Path) -> None:
    """Messages that an earlier performance took from the queue still count; the listener stays open until the end."""
    target = ScriptedTarget(tmp_path, webhooks="AWS cannot reach this machine")
    target.listener = Listener("shop-dev STARTED", "shop-dev SUCCEEDED")
    made = context(target, None, None, ("first-deployment", DEPLOYED))
    shown = Notifications().perform(made)
    assert shown == Notified(("shop-dev STARTED", "shop-dev SUCCEEDED"))
    made.record.add("notifications", shown)
    target.listener.heard.clear()
    assert Notifications().perform(made) == shown
    assert not target.listener.closed
    made.close_listener()
    assert target.listener.closed


def test_without_a_listener_nobody_is_asked(tmp_path: Path) -> None:
    """An environment without a topic tells nobody; the reason is the evidence."""
    made = context(ScriptedTarget(tmp_path, webhooks="unreachable"))
    assert Notifications().perform(made) == NotHeard("unreachable")


def test_a_rollback_of_an_earlier_push_is_not_this_one(tmp_path: Path) -> None:
    """The bad push is repeated: what the breaker said of the last one proves nothing."""
    ecs = Ecs(("deployment/1", "SUCCESSFUL"), ("deployment/2", "ROLLBACK_SUCCESSFUL"))
    made = observed(context(ScriptedTarget(tmp_path, {"ecs": ecs})), "shop:2")
    # AWS time does not pass here: the wait ends at once, having asked once.
    made.settings = replace(made.settings, patience=0.0)
    earlier = made.rollouts.newest()
    assert earlier == "deployment/2"
    before = Serving(frozenset({"shop:2"}), frozenset(), 2)
    with pytest.raises(ProofFailed, match="waiting for the deployment of bbbbbbb to begin"):
        await_rollback(made, "b" * 40, before, earlier)
    ecs.records.append(("deployment/3", "ROLLBACK_SUCCESSFUL"))
    assert await_rollback(made, "b" * 40, before, earlier) == "circuit breaker TRIGGERED at 3 of 3 failed tasks"


class Front:
    """A way to an application that answers with a commit."""

    def __init__(self, commit: str) -> None:
        self._commit = commit

    def version(self) -> str:
        return self._commit


@pytest.mark.parametrize(
    ("serves", "definitions", "words"),
    [
        ("a" * 40, ["shop:2"], None),
        ("d" * 40, ["shop:2"], "d{40} answers now; the evidence says that aaaaaaa serves.*--from first-deployment"),
        ("a" * 40, ["shop:2", "shop:3"], "2 deployments are on their way"),
    ],
)
def test_going_on_asks_first_whether_the_evidence_holds(
    serves: str, definitions: list[str], words: str | None, tmp_path: Path
) -> None:
    """A later deployment, or a rollout in progress, is no failed proof but another step to begin with."""
    record = Record({"apply": APPLIED, "first-deployment": DEPLOYED})
    made = observed(context(ScriptedTarget(tmp_path, {"ecs": None}), None, record), *definitions)
    made.front = lambda: Front(serves)
    if words is None:
        require_still_serving(made, DEPLOYED)
        return
    with pytest.raises(BadInput, match=words):
        require_still_serving(made, DEPLOYED)


def test_requests_are_judged(tmp_path: Path) -> None:
    """No failure, no stranger, and enough of them."""
    made = context(ScriptedTarget(tmp_path), None, None, ("first-deployment", DEPLOYED))
    good = Answer(0.0, 200, "a" * 40)
    report = ProbeReport(sent=60)
    report.commits["a" * 40] = 60
    with made.narrator.step("e", "judged"):
        judge_requests(made, report, {"a" * 40})
    assert made.narrator.steps[0].claims == [
        "60 requests sent meanwhile, 0 failed, the slowest 0.00 s, the longest gap 0.00 s, answered by aaaaaaa"
    ]
    with pytest.raises(ProofFailed, match="commits answered that should not have"):
        judge_requests(made, report, {"b" * 40})
    with pytest.raises(ProofFailed, match="only 49 requests"):
        judge_requests(made, replace(report, sent=49), {"a" * 40})
    with pytest.raises(ProofFailed, match=r"a request took 5.1 s; at most 5 s are allowed \(\[drill.probe\] slowest\)"):
        judge_requests(made, replace(report, answers=[replace(good, seconds=5.1)]), {"a" * 40})
    with pytest.raises(ProofFailed, match=r"no request was answered for 7.0 s; at most 5 s are allowed"):
        judge_requests(made, replace(report, answers=[good, replace(good, at=7.0)]), {"a" * 40})
    with made.narrator.step("e", "on a busy machine"):
        judge_requests(made, replace(report, answers=[good, replace(good, at=7.0)], stall=2.5), {"a" * 40})
    assert made.narrator.steps[-1].claims[0] == "this machine held the prober up for 2.5 s: bounds are that much wider"
    with pytest.raises(ProofFailed, match="1 of 60 requests failed; the first: 502"):
        judge_requests(made, replace(report, failed=[replace(good, status=502)]), {"a" * 40})


def test_another_process_reads_what_the_webhook_heard(tmp_path: Path) -> None:
    """Messages and refusals, in their order, in a file for this user alone; a line that is still being written waits."""
    path = tmp_path / "messages.jsonl"
    log = SlackLog(path)
    assert (log.messages, log.refused) == ([], [])
    slack = SlackStandIn(path)
    try:
        for body in ({"text": "shop STARTED"}, {"nothing": 1}, {"text": "shop SUCCEEDED"}):
            request = urllib.request.Request(slack.url, json.dumps(body).encode(), method="POST")
            try:
                urllib.request.urlopen(request, timeout=10).close()
            except urllib.error.HTTPError as error:
                error.close()
    finally:
        slack.close()
    assert log.messages == slack.messages
    assert log.refused == slack.refused == ['{"nothing": 1}']
    assert path.stat().st_mode & 0o777 == 0o600
    with path.open("a") as stream:
        stream.write('{"at": 1.0, "te')
    assert len(log.messages) == 2
    found = log.wait_for("shop", "SUCCEEDED", timeout=0)
    assert found is not None
    assert found.text == "shop SUCCEEDED"
    assert log.wait_for("FAILED", timeout=0) is None


class EventfulEcs:
    """ECS with a service that has had these events, newest first."""

    def __init__(self, *events: str) -> None:
        self.events = list(events)

    def describe_services(self, **_: Any) -> dict[str, Any]:
        return {"services": [{"events": [{"id": text, "message": text} for text in self.events]}]}


@pytest.mark.parametrize(("resumed", "told"), [(True, ["now"]), (False, ["before", "now"])])
def test_old_events_are_no_progress_of_a_resumed_drill(resumed: bool, told: list[str], tmp_path: Path) -> None:
    """The timeline of a drill that goes on begins when it does."""
    ecs = EventfulEcs("before")
    made = context(ScriptedTarget(tmp_path, {"ecs": ecs, "codepipeline": None}), None, Record() if resumed else None)
    made.record.add("apply", APPLIED)
    observer = made.observer
    ecs.events.insert(0, "now")
    assert observer.new_events() == told


def test_what_deployed_last_is_what_serves(tmp_path: Path) -> None:
    """The broken push is judged by the newest good one, whichever step pushed it."""
    second = Deployed("e" * 40, "execution-3", (), (), Asking())
    made = context(ScriptedTarget(tmp_path), None, None, ("first-deployment", DEPLOYED))
    assert made.deployed() == DEPLOYED
    made.record.add("second-deployment", second)
    assert made.deployed() == second


def test_the_environment_runs_in_its_workspace_with_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of variables come after terraform.tfvars in their order; the bootstrap module has neither."""
    (tmp_path / "a.tfvars").write_text("a = 1\n")
    (tmp_path / "b.tfvars.json").write_text("{}")
    made = context(ScriptedTarget(tmp_path))
    made.settings = replace(
        made.settings, var_files=(tmp_path / "a.tfvars", tmp_path / "b.tfvars.json"), workspace="eu"
    )

    class Run:
        """A Terraform run in a copy of the test's."""

        def __init__(self) -> None:
            self.environment: dict[str, str] = {}
            self.copy = self
            self.directory = tmp_path / "copy"

    run = Run()
    run.directory.mkdir()
    monkeypatch.setattr("pushproof.drill.context.prepare", lambda *_, **__: run)
    assert made.environment_run({}) is run  # type: ignore[comparison-overlap]
    assert run.environment == {"TF_WORKSPACE": "eu"}
    assert sorted(path.name for path in run.directory.iterdir()) == [
        "yy-pushproof-000.auto.tfvars", "yy-pushproof-001.auto.tfvars.json",
    ]  # fmt: skip
