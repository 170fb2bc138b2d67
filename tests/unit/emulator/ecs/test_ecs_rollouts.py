"""Deployments through the API, on scripted tasks and a virtual clock."""

from __future__ import annotations

import re
from typing import Any

import pytest

CHECK = {"command": ["CMD-SHELL", "curl -f http://localhost:8080/health"], "interval": 30, "startPeriod": 60}


def test_a_service_comes_up_behind_its_load_balancer(stack: Any) -> None:
    """Tasks start in both subnets, turn healthy, and the first deployment completes in AWS's words."""
    group = stack.target_group()
    stack.serve(stack.define(healthCheck=CHECK), group=group)
    stack.settle()
    shown = stack.service()
    assert (shown["runningCount"], shown["pendingCount"]) == (2, 0)
    deployment = shown["deployments"][0]
    assert deployment["rolloutState"] == "COMPLETED"
    assert deployment["rolloutStateReason"] == f"ECS deployment {deployment['id']} completed."
    tasks = stack.tasks()
    assert {task["lastStatus"] for task in tasks} == {"RUNNING"}
    assert {task["healthStatus"] for task in tasks} == {"HEALTHY"}
    details = [{one["name"]: one["value"] for one in task["attachments"][0]["details"]} for task in tasks]
    assert {one["subnetId"] for one in details} == set(stack.subnets)
    health = stack.elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    assert {one["TargetHealth"]["State"] for one in health} == {"healthy"}
    assert {one["Target"]["Id"] for one in health} == {one["privateIPv4Address"] for one in details}
    assert re.sub(r"[0-9a-f]{32}", "T", stack.messages()[0]) == "(service app) has started 2 tasks: (task T) (task T)."
    assert stack.messages()[-1] == "(service app) has reached a steady state."


def test_a_good_push_replaces_every_task_and_drains_the_old_ones(stack: Any) -> None:
    """New tasks first, then the old ones deregister, drain for the group's delay, and stop; their interfaces go."""
    group = stack.target_group()
    stack.serve(stack.define("app:v1"), group=group)
    stack.settle()
    definition = stack.deploy("app:v2")
    assert [deployment["status"] for deployment in stack.service()["deployments"]] == ["PRIMARY", "ACTIVE"]
    took = stack.settle()
    assert took >= 60
    assert stack.service()["taskDefinition"] == definition
    assert {task["taskDefinitionArn"] for task in stack.tasks()} == {definition}
    assert len(stack.tasks("STOPPED")) == 2
    old = stack.tasks("STOPPED")[0]
    assert old["stopCode"] == "ServiceSchedulerInitiated"
    assert old["stoppedReason"].startswith("Scaling activity initiated by (deployment ecs-svc/")
    stack.advance(60)
    assert len(stack.interfaces()) == 2
    assert len(stack.runtime.running) == 2


@pytest.mark.parametrize(("after", "health"), [(200, "UNKNOWN"), (400, "UNHEALTHY")])
def test_a_fast_clock_does_not_make_starts_fail(
    stack: Any, monkeypatch: pytest.MonkeyPatch, after: float, health: str
) -> None:
    """A container has 15 real seconds to pass its first check at speed 20, although the check's 150 s are only 7.5."""
    monkeypatch.setattr(stack.world.clock, "real_delay", lambda seconds: seconds / 20)
    stack.runtime.add_image("app:bad", {"never-healthy": "true"})
    stack.serve(stack.define("app:bad", healthCheck=CHECK), group=None)
    stack.world.loop.advance(after)
    oldest = min(stack.tasks() + stack.tasks("STOPPED"), key=lambda task: task["createdAt"])
    assert oldest["healthStatus"] == health


@pytest.mark.parametrize(
    ("behaviour", "container", "balanced", "word", "stopped"),
    [
        (
            {"http-status": 500},
            {},
            True,
            "Health checks failed with these codes: [500]",
            "Task failed ELB health checks",
        ),
        ({"http-error": "timeout"}, {}, True, "Request timed out", "Task failed ELB health checks"),
        ({"port": 9999}, {}, True, "Health checks failed", "Task failed ELB health checks"),
        (
            {"never-healthy": "true"},
            {"healthCheck": CHECK},
            False,
            "failed container health checks",
            "Task failed container health checks",
        ),
        (
            {"exit-after": 1, "exit-code": 1},
            {},
            True,
            "deployment failed: tasks failed to start",
            "Essential container in task exited",
        ),
    ],
    ids=["answers 500", "never answers", "wrong port", "container check fails", "crashes at start"],
)
def test_a_bad_push_rolls_back_unaided(
    stack: Any, behaviour: dict[str, Any], container: dict[str, Any], balanced: bool, word: str, stopped: str
) -> None:
    """The circuit breaker trips at three failed tasks, each stopped for its own reason; the previous revision serves on."""
    group = stack.target_group() if balanced else None
    good = stack.define("app:v1", **container)
    stack.serve(good, group=group)
    stack.settle()
    first = stack.service()["deployments"][0]["id"]
    stack.runtime.add_image("app:bad", behaviour)
    bad = stack.deploy("app:bad", **container)
    fewest = 2

    def over() -> bool:
        nonlocal fewest
        serving = [task for task in stack.tasks() if task["taskDefinitionArn"] == good]
        fewest = min(fewest, len([task for task in serving if task["lastStatus"] == "RUNNING"]))
        return bool(stack.stable())

    stack.until(over)
    assert fewest == 2
    shown = stack.service()
    assert shown["deployments"][0]["id"] == first
    assert shown["deployments"][0]["taskDefinition"] == good
    assert any(word in message for message in stack.messages())
    reasons = [task["stoppedReason"] for task in stack.tasks("STOPPED") if task["taskDefinitionArn"] == bad]
    assert [reason for reason in reasons if reason.startswith(stopped)][:3] == reasons[:3]
    assert len(reasons) >= 3
    told = stack.announced("ECS Deployment State Change")
    names = [one["eventName"].removeprefix("SERVICE_DEPLOYMENT_") for one in told]
    assert names[-3:] == ["FAILED", "IN_PROGRESS", "COMPLETED"]
    assert told[-3]["eventType"] == "ERROR"
    assert told[-3]["reason"] == "ECS deployment circuit breaker: tasks failed to start."
    assert told[-2]["reason"] == f"ECS deployment circuit breaker: rolling back to deploymentId {first}."
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", told[-3]["updatedAt"])
    listed = stack.ecs.list_service_deployments(cluster="main", service="app")["serviceDeployments"]
    assert [one["status"] for one in listed] == ["ROLLBACK_SUCCESSFUL", "SUCCESSFUL"]
    (record,) = stack.ecs.describe_service_deployments(serviceDeploymentArns=[listed[0]["serviceDeploymentArn"]])[
        "serviceDeployments"
    ]
    assert record["deploymentCircuitBreaker"] == {"status": "TRIGGERED", "failureCount": 3, "threshold": 3}
    target = stack.ecs.describe_service_revisions(serviceRevisionArns=[record["targetServiceRevision"]["arn"]])
    assert target["serviceRevisions"][0]["taskDefinition"] == bad
    back = stack.ecs.describe_service_revisions(serviceRevisionArns=[record["rollback"]["serviceRevisionArn"]])
    assert back["serviceRevisions"][0]["taskDefinition"] == good
    assert back["serviceRevisions"][0]["containerImages"][0]["imageDigest"].startswith("sha256:")


def test_a_missing_image_is_told_and_rolled_back(stack: Any) -> None:
    """Tasks stop with CannotPullContainerError, the service reports it, and the breaker rolls back."""
    stack.serve(stack.define("app:v1"))
    stack.settle()
    good = stack.service()["taskDefinition"]
    stack.deploy("app:gone")
    stack.settle()
    stopped = [task for task in stack.tasks("STOPPED") if task["stopCode"] == "TaskFailedToStart"]
    assert len(stopped) >= 3
    assert stopped[0]["stoppedReason"].startswith("CannotPullContainerError: pull image manifest has been retried")
    assert stopped[0]["containers"][0]["reason"].startswith("CannotPullContainerError")
    assert any("was unable to place a task. Reason: CannotPullContainerError" in text for text in stack.messages())
    assert stack.service()["deployments"][0]["taskDefinition"] == good


def test_a_missing_secret_stops_the_first_deployment_and_leaves_nothing(stack: Any) -> None:
    """The deployment is FAILED if there is nothing to roll back to; the reason names the secret; no interface is left."""
    arn = f"arn:aws:secretsmanager:{stack.world.region}:{stack.world.account_id}:secret:app/none-abc123"
    stack.serve(stack.define(secrets=[{"name": "DATABASE_URL", "valueFrom": arn}]))
    stack.until(lambda: stack.service()["deployments"][0]["rolloutState"] == "FAILED")
    stack.advance(120)
    reason = stack.tasks("STOPPED")[0]["stoppedReason"]
    assert reason.startswith("ResourceInitializationError: unable to pull secrets or registry auth")
    assert arn in reason
    assert "ResourceNotFoundException" in reason
    assert stack.service()["runningCount"] == 0
    assert stack.interfaces() == []
    assert not stack.runtime.started


def test_scaling_out_and_in(stack: Any) -> None:
    """desiredCount changes without a deployment; the service is steady after each change."""
    stack.serve(stack.define())
    stack.settle()
    first = stack.service()["deployments"][0]["id"]

    def steady() -> int:
        told = stack.announced("ECS Service Action")
        return sum(one["eventName"] == "SERVICE_STEADY_STATE" for one in told)

    for count, announced in ((5, 2), (1, 3)):
        stack.ecs.update_service(cluster="main", service="app", desiredCount=count)
        stack.until(lambda announced=announced: steady() == announced)
        stack.settle()
        stack.advance(30)
        assert len(stack.runtime.running) == count
    assert stack.service()["deployments"][0]["id"] == first


def test_an_update_that_changes_nothing_starts_nothing(stack: Any) -> None:
    """An update with Terraform's unchanged values, when only tags changed, makes no deployment."""
    definition = stack.define()
    stack.serve(definition)
    stack.settle()
    first = stack.service()["deployments"][0]["id"]
    stack.ecs.update_service(
        cluster="main",
        service="app",
        taskDefinition=definition,
        networkConfiguration=stack.network,
        desiredCount=2,
        deploymentConfiguration={"maximumPercent": 150, "minimumHealthyPercent": 100},
    )
    shown = stack.service()
    assert [deployment["id"] for deployment in shown["deployments"]] == [first]
    assert shown["deploymentConfiguration"]["maximumPercent"] == 150
    assert shown["deploymentConfiguration"]["deploymentCircuitBreaker"]["enable"] is True


def test_limits_hold_during_a_rollout(stack: Any) -> None:
    """Four tasks at 50/100 are never more than four, nor fewer than two that are RUNNING and healthy."""
    stack.serve(
        stack.define(),
        desiredCount=4,
        deploymentConfiguration={"maximumPercent": 100, "minimumHealthyPercent": 50},
    )
    stack.settle()
    stack.deploy("app:v2")
    most, fewest = 0, 4

    def over() -> bool:
        nonlocal most, fewest
        shown = stack.service()
        most = max(most, shown["runningCount"] + shown["pendingCount"])
        fewest = min(fewest, shown["runningCount"])
        return bool(stack.stable())

    stack.until(over)
    assert (most, fewest) == (4, 2)


def test_limits_without_room_deadlock_in_awss_words(stack: Any) -> None:
    """Two tasks at 75/100 cannot move (AWS's own example), and the service's events say what to change."""
    stack.serve(stack.define(), deploymentConfiguration={"maximumPercent": 100, "minimumHealthyPercent": 75})
    stack.settle()
    stack.deploy("app:v2")
    stack.advance(600)
    assert "was unable to stop or start tasks during a deployment" in stack.messages()[-1]
    assert stack.service()["deployments"][0]["rolloutState"] == "IN_PROGRESS"


def test_a_serving_task_that_dies_is_replaced(stack: Any) -> None:
    """A task that exits after the deployment is replaced from the same revision; the rollout state stays COMPLETED."""
    stack.serve(stack.define())
    stack.settle()
    victim = stack.tasks()[0]["taskArn"].rsplit("/", 1)[1]
    stack.world.services["ecs"].life.container_exited(victim, "app", 137, out_of_memory=True)
    stack.advance(1)
    stack.until(lambda: len([task for task in stack.tasks() if task["lastStatus"] == "RUNNING"]) == 2)
    dead = stack.tasks("STOPPED")[0]
    assert (dead["stopCode"], dead["stoppedReason"]) == (
        "EssentialContainerExited",
        "Essential container in task exited",
    )
    assert dead["containers"][0]["exitCode"] == 137
    assert dead["containers"][0]["reason"].startswith("OutOfMemoryError")
    assert stack.service()["deployments"][0]["rolloutState"] == "COMPLETED"


def test_stopping_a_service_deployment(stack: Any) -> None:
    """StopServiceDeployment rolls back; a second time is a conflict."""
    good = stack.define()
    stack.serve(good)
    stack.settle()
    stack.deploy("app:v2")
    stack.advance(1)
    (current,) = stack.ecs.list_service_deployments(cluster="main", service="app", status=["IN_PROGRESS"])[
        "serviceDeployments"
    ]
    arn = current["serviceDeploymentArn"]
    assert stack.ecs.stop_service_deployment(serviceDeploymentArn=arn)["serviceDeploymentArn"] == arn
    stack.settle()
    assert stack.service()["deployments"][0]["taskDefinition"] == good
    (record,) = stack.ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"]
    assert record["status"] == "ROLLBACK_SUCCESSFUL"
    with pytest.raises(stack.ecs.exceptions.ConflictException):
        stack.ecs.stop_service_deployment(serviceDeploymentArn=arn)


def test_botocores_waiters_are_satisfied(stack: Any) -> None:
    """services_stable passes once the service is steady, services_inactive once it is deleted."""
    stack.serve(stack.define())
    stack.settle()
    stack.ecs.get_waiter("services_stable").wait(
        cluster="main", services=["app"], WaiterConfig={"Delay": 0, "MaxAttempts": 1}
    )
    stack.ecs.delete_service(cluster="main", service="app", force=True)
    stack.until(lambda: stack.service()["status"] == "INACTIVE")
    stack.ecs.get_waiter("services_inactive").wait(
        cluster="main", services=["app"], WaiterConfig={"Delay": 0, "MaxAttempts": 1}
    )
