"""The task before a deployment is seen while a push is on its way, and judged by the image that it ran in and by its exit code."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.drill.scripted import ScriptedTarget, context

from pushproof.drill.context import Context
from pushproof.drill.settings import ProofFailed
from pushproof.drill.steps.before import claim_failed_task, claim_task_before
from pushproof.drill.tasksbefore import TasksBefore

COMMAND = ("python3", "-m", "webapp.migrate")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
COMMIT = "c" * 40


def task(name: str, *, code: int | None = 0, digest: str = "sha256:2", at: int = 0, **changes: Any) -> dict[str, Any]:
    """A stopped task of the command; `at`: minutes after noon."""
    container = {"name": "app", "imageDigest": digest, **({} if code is None else {"exitCode": code})}
    return {
        "taskArn": name, "lastStatus": "STOPPED", "group": "family:shop-before", "createdAt": NOON,
        "stoppedAt": NOON + timedelta(minutes=at), "stoppedReason": "Essential container in task exited",
        "containers": [container], "overrides": {"containerOverrides": [{"name": "app", "command": list(COMMAND)}]},
        **changes,
    }  # fmt: skip


class Ecs:
    """ECS with these stopped tasks, which it forgets when the test says so, and a deployment of revision 2 at five past noon."""

    def __init__(self, *tasks: dict[str, Any]) -> None:
        self.tasks = {one["taskArn"]: one for one in tasks}
        self.described: list[list[str]] = []

    def get_paginator(self, _: str) -> Ecs:
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        return [{"taskArns": list(self.tasks)}]

    def describe_tasks(self, *, cluster: str, tasks: list[str]) -> dict[str, Any]:
        self.described.append(tasks)
        return {"tasks": [self.tasks[arn] for arn in tasks]}

    def describe_services(self, **_: Any) -> dict[str, Any]:
        deployment = {"taskDefinition": "shop:2", "createdAt": NOON + timedelta(minutes=5)}
        return {"services": [{"deployments": [deployment], "events": []}]}


def watched(ecs: Ecs) -> TasksBefore:
    return TasksBefore(ecs, cluster="shop", container="app", command=COMMAND)  # type: ignore[arg-type]


def drill(tmp_path: Path, ecs: Ecs) -> Context:
    """A context of a drill with this command."""
    made = context(ScriptedTarget(tmp_path, {"ecs": ecs, "codepipeline": None}))
    object.__setattr__(made.settings, "before", COMMAND)
    return made


def claimed(tmp_path: Path, *tasks: dict[str, Any]) -> None:
    claim_task_before(drill(tmp_path, Ecs(*tasks)), COMMIT, frozenset({"sha256:2"}), frozenset({"shop:2"}))


def test_a_task_is_remembered_when_ecs_has_forgotten_it() -> None:
    """Each stopped task is described once; tasks of services and of other commands do not count."""
    ecs = Ecs(task("one"), task("service", group="service:shop"), task("other", overrides={}))
    tasks = watched(ecs)
    tasks.look()
    ecs.tasks = {"two": task("two", code=1, at=1)}
    assert [one.exit_code for one in tasks.take()] == [0, 1]
    assert ecs.described == [["one", "service", "other"], ["two"]]
    assert tasks.take() == []


def test_more_tasks_than_one_call_describes_are_seen() -> None:
    """DescribeTasks takes a hundred."""
    ecs = Ecs(*(task(str(number)) for number in range(250)))
    assert len(watched(ecs).take()) == 250
    assert [len(arns) for arns in ecs.described] == [100, 100, 50]


def test_a_task_that_succeeded_first_is_claimed(tmp_path: Path) -> None:
    """It ran in the image that serves, ended with 0, and before the deployment began."""
    claimed(tmp_path, task("one", at=4))


@pytest.mark.parametrize(
    ("tasks", "words"),
    [
        ([], "no task ran `python3 -m webapp.migrate` in cluster shop for the push of ccccccc"),
        ([task("one", code=3)], "ended with 3, and still it is deployed"),
        ([task("one", code=None)], r"ended without an exit code \(Essential container in task exited\), and still"),
        ([task("one", digest="sha256:1")], "ran sha256:1; expected the image of ccccccc, sha256:2"),
        ([task("one", at=6)], "began before the task before it had ended"),
    ],
)
def test_what_a_task_before_cannot_prove_is_a_failure(tasks: list[dict[str, Any]], words: str, tmp_path: Path) -> None:
    """No task, a failed one, another image, or a deployment that did not wait."""
    with pytest.raises(ProofFailed, match=words):
        claimed(tmp_path, *tasks)


def test_a_task_that_failed_is_claimed_of_a_broken_push(tmp_path: Path) -> None:
    """By the broken image and by its exit code."""
    broken = drill(tmp_path, Ecs(task("one", code=1)))
    assert claim_failed_task(broken, COMMIT, {"sha256:2"}) == "the task ended with 1"
    with pytest.raises(ProofFailed, match="succeeded in the broken image"):
        claim_failed_task(drill(tmp_path, Ecs(task("one"))), COMMIT, {"sha256:2"})
    with pytest.raises(ProofFailed, match="no image of ccccccc"):
        claim_failed_task(drill(tmp_path, Ecs(task("one", code=1))), COMMIT, {"sha256:3"})


def test_nobody_is_asked_without_a_task_before(tmp_path: Path) -> None:
    """A drill without the option makes no call for it."""
    plain = context(ScriptedTarget(tmp_path))
    claim_task_before(plain, COMMIT, frozenset(), frozenset())
    assert claim_failed_task(plain, COMMIT, set()) == ""
