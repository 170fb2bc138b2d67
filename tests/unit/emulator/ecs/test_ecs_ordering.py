"""`dependsOn`: the order in which a task's containers start.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDependency.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pushproof.emulator.kernel.tasks import ContainerSpec, PulledImage
from pushproof.emulator.runtime.docker.tasks import stop_order

CHECK = {"command": ["CMD-SHELL", "true"], "interval": 5, "retries": 2}
APP = {"name": "app", "image": "app:v1"}


def run(stack: Any, *containers: dict[str, Any]) -> Callable[[], dict[str, Any]]:
    """Run a task of these containers; answers a question for the task."""
    stack.ecs.register_task_definition(
        family="ordered",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=list(containers),
    )
    arn = stack.ecs.run_task(
        cluster="main", taskDefinition="ordered", launchType="FARGATE", networkConfiguration=stack.network
    )["tasks"][0]["taskArn"]

    def shown() -> dict[str, Any]:
        task: dict[str, Any] = stack.ecs.describe_tasks(cluster="main", tasks=[arn])["tasks"][0]
        return task

    return shown


def statuses(task: dict[str, Any]) -> dict[str, str]:
    return {container["name"]: container["lastStatus"] for container in task["containers"]}


def after(condition: str, name: str = "first") -> dict[str, Any]:
    return {"dependsOn": [{"containerName": name, "condition": condition}]}


@pytest.mark.parametrize(("condition", "code"), [("SUCCESS", 0), ("COMPLETE", 0), ("COMPLETE", 3)])
def test_a_container_waits_for_the_end_of_another(stack: Any, condition: str, code: int) -> None:
    """The task is PENDING while its migration runs, and RUNNING once that ended and the application was started."""
    stack.runtime.add_image("migrate", {"exit-after": 30, "exit-code": code})
    task = run(stack, {"name": "first", "image": "migrate", "essential": False}, {**APP, **after(condition)})
    stack.advance(25)
    assert task()["lastStatus"] == "PENDING"
    assert statuses(task()) == {"first": "RUNNING", "app": "PENDING"}
    stack.until(lambda: task()["lastStatus"] == "RUNNING", within=30)
    assert statuses(task()) == {"first": "STOPPED", "app": "RUNNING"}


def test_what_should_have_succeeded_and_failed_ends_the_task(stack: Any) -> None:
    """A migration that exits with code 1: the application is never started, the task says why."""
    stack.runtime.add_image("migrate", {"exit-after": 10, "exit-code": 1})
    task = run(stack, {"name": "first", "image": "migrate", "essential": False}, {**APP, **after("SUCCESS")})
    stack.until(lambda: task()["lastStatus"] == "STOPPED")
    assert task()["stopCode"] == "TaskFailedToStart"
    assert "dependency first should have ended in SUCCESS, and exited with code 1" in task()["stoppedReason"]
    assert "startedAt" not in task()
    assert stack.runtime.running == []


def test_a_container_waits_for_the_health_of_another(stack: Any) -> None:
    """The application is started once its proxy is HEALTHY, not before."""
    stack.runtime.add_image("proxy", {"healthy-after": 40})
    task = run(stack, {"name": "first", "image": "proxy", "healthCheck": CHECK}, {**APP, **after("HEALTHY")})
    stack.advance(40)
    assert statuses(task()) == {"first": "RUNNING", "app": "PENDING"}
    stack.until(lambda: task()["lastStatus"] == "RUNNING", within=30)
    assert task()["healthStatus"] == "HEALTHY"


def test_a_chain_starts_link_by_link(stack: Any) -> None:
    """START waits for the start only, however long the chain."""
    stack.runtime.add_image("proxy")
    second = {"name": "second", "image": "proxy", **after("START")}
    task = run(stack, {**APP, **after("START", "second")}, second, {"name": "first", "image": "proxy"})
    stack.until(lambda: task()["lastStatus"] == "RUNNING", within=60)
    assert set(statuses(task()).values()) == {"RUNNING"}


def test_a_start_timeout_ends_the_wait(stack: Any) -> None:
    """A proxy that is not healthy within its startTimeout: the task gives up."""
    stack.runtime.add_image("proxy", {"never-healthy": "true"})
    proxy = {"name": "first", "image": "proxy", "healthCheck": {**CHECK, "startPeriod": 300}, "startTimeout": 60}
    task = run(stack, proxy, {**APP, **after("HEALTHY")})
    stack.until(lambda: task()["lastStatus"] == "STOPPED", within=120)
    assert "did not come to HEALTHY within its startTimeout" in task()["stoppedReason"]


def test_a_task_that_waits_can_be_stopped(stack: Any) -> None:
    """StopTask ends a task whose application still waits; nothing is left in the runtime."""
    stack.runtime.add_image("migrate", {"exit-after": 600, "exit-code": 0})
    task = run(stack, {"name": "first", "image": "migrate", "essential": False}, {**APP, **after("SUCCESS")})
    stack.advance(60)
    stack.ecs.stop_task(cluster="main", task=task()["taskArn"])
    stack.until(lambda: task()["lastStatus"] == "STOPPED", within=60)
    assert task()["stopCode"] == "UserInitiated"
    stack.advance(1200)
    assert task()["lastStatus"] == "STOPPED"
    assert stack.runtime.running == []


@pytest.mark.parametrize(
    ("first", "entry", "words"),
    [
        (
            {"essential": False},
            after("SUCCESS", "other"),
            "Cannot depend on container other because it does not exist.",
        ),
        (
            {"essential": True},
            after("SUCCESS"),
            "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container",
        ),
        (
            {"essential": True},
            after("HEALTHY"),
            "A dependency container with HEALTHY condition must have health check configured",
        ),
        (after("START", "app"), after("START"), "Containers app, first wait for each other"),
    ],
)
def test_what_can_never_be_met_is_refused(
    stack: Any,
    code: Callable[[Callable[[], Any]], tuple[str, str]],
    first: dict[str, Any],
    entry: dict[str, Any],
    words: str,
) -> None:
    """RegisterTaskDefinition says what is wrong with a dependency."""
    error, message = code(lambda: run(stack, {"name": "first", "image": "app:v1", **first}, {**APP, **entry}))
    assert error == "ClientException"
    assert words in message


def test_containers_stop_in_reverse_order() -> None:
    """A container that waited for another stops before it."""
    image = PulledImage("x", "sha256:0")
    specs = [ContainerSpec(name, image, {}, depends_on=waits) for name, waits in (("a", ()), ("b", ("a",)), ("c", ()))]
    assert stop_order(tuple(specs)) == [{"b", "c"}, {"a"}]
