"""Faults of a world as AWS shows them, on scripted tasks and a virtual clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from pushproof.emulator.keeping.rebuilding import NotKeepable
from pushproof.emulator.world import World
from pushproof.engines.faults import (
    ApiAnswersLost,
    ApiThrottled,
    CapacityUnavailable,
    DiskFull,
    DnsFails,
    EcrThrottled,
    FaultError,
    SecretUnavailable,
    SlowTarget,
    SpotInterruption,
    TaskKilled,
    ZoneLost,
)

A, B = "eu-west-1a", "eu-west-1b"


def zones(stack: Any) -> list[str]:
    return sorted(task["availabilityZone"] for task in stack.tasks() if task["lastStatus"] == "RUNNING")


def test_the_tasks_of_a_lost_zone_are_replaced_in_the_others(stack: Any) -> None:
    """Targets time out, the scheduler replaces the task in the zone that is left, and stops the old one in AWS's words."""
    group = stack.target_group()
    stack.serve(stack.define(), group=group)
    stack.settle()
    assert zones(stack) == [A, B]
    with stack.world.faults.during(ZoneLost(A)):
        stack.advance(92)
        health = stack.elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        assert ("unhealthy", "Target.Timeout") in {
            (target["TargetHealth"]["State"], target["TargetHealth"].get("Reason")) for target in health
        }
        stack.until(lambda: zones(stack) == [B, B])
        stack.until(lambda: stack.tasks("STOPPED") != [] and stack.stable())
        stopped = stack.tasks("STOPPED")
        assert [task["availabilityZone"] for task in stopped] == [A]
        assert stopped[0]["stoppedReason"] == f"Task failed ELB health checks in (target-group {group})"
        assert stopped[0]["stopCode"] == "ServiceSchedulerInitiated"
    assert stack.world.faults.active == []
    (entry,) = stack.world.faults.journal
    assert entry.ended_at is not None
    assert entry.ended_at > entry.begun_at


def test_tasks_without_a_health_check_stop_with_their_host(stack: Any) -> None:
    """ECS stops a task of the lost zone that nothing probes with TerminationNotice, and replaces it elsewhere."""
    stack.serve(stack.define())
    stack.settle()
    with stack.world.faults.during(ZoneLost(A)):
        stack.advance(299)
        assert zones(stack) == [A, B]
        stack.until(lambda: zones(stack) == [B, B])
    (stopped,) = stack.tasks("STOPPED")
    assert stopped["stopCode"] == "TerminationNotice"
    assert "maintenance on the underlying infrastructure" in stopped["stoppedReason"]


def test_a_zone_that_comes_back_keeps_its_tasks(stack: Any) -> None:
    """A loss shorter than the health checks take changes no task."""
    stack.serve(stack.define(), group=stack.target_group())
    stack.settle()
    before = {task["taskArn"] for task in stack.tasks()}
    with stack.world.faults.during(ZoneLost(A)):
        stack.advance(40)
    stack.advance(600)
    assert {task["taskArn"] for task in stack.tasks()} == before


def test_without_a_zone_no_task_is_placed(stack: Any) -> None:
    """The scheduler reports missing capacity while both zones are lost, and recovers when one is back."""
    stack.serve(stack.define())
    stack.settle()
    faults = stack.world.faults
    with faults.during(ZoneLost(A)), faults.during(ZoneLost(B)):
        stack.until(lambda: any("Capacity is unavailable" in message for message in stack.messages()))
    stack.until(lambda: len(stack.tasks()) == 2)


def spot(stack: Any) -> None:
    stack.ecs.put_cluster_capacity_providers(
        cluster="main", capacityProviders=["FARGATE", "FARGATE_SPOT"], defaultCapacityProviderStrategy=[]
    )
    options = {"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]}
    group = stack.target_group()
    definition = stack.define()
    stack.ecs.create_service(
        cluster="main",
        serviceName="app",
        taskDefinition=definition,
        desiredCount=2,
        networkConfiguration=stack.network,
        loadBalancers=[{"targetGroupArn": group, "containerName": "app", "containerPort": 8080}],
        **options,
    )
    stack.settle()


def test_an_interruption_of_spot_is_announced_and_replaced(stack: Any) -> None:
    """EventBridge gets the warning with SpotInterruption; a replacement starts at once, and nothing counts as a failure."""
    spot(stack)
    before = {task["taskArn"] for task in stack.tasks()}
    active = stack.world.faults.begin(SpotInterruption("app", count=1))
    assert len(active.effects) == 1
    warnings = [
        detail
        for detail in stack.announced("ECS Task State Change")
        if detail.get("stopCode") == "SpotInterruption" and detail["lastStatus"] == "RUNNING"
    ]
    assert [warning["stoppedReason"] for warning in warnings] == ["Your Spot Task was interrupted."]
    assert warnings[0]["desiredStatus"] == "STOPPED"
    stack.advance(1)
    assert len(stack.service()["deployments"]) == 1
    assert stack.service()["pendingCount"] == 1
    stack.until(lambda: len({task["taskArn"] for task in stack.tasks()} - before) == 1 and stack.stable())
    assert stack.service()["deployments"][0]["failedTasks"] == 0
    assert stack.world.faults.active == []


def test_an_interruption_without_spot_is_refused(stack: Any) -> None:
    """The refusal says that nothing of the service runs on Spot."""
    stack.serve(stack.define())
    stack.settle()
    with pytest.raises(FaultError, match="runs on FARGATE_SPOT"):
        stack.world.faults.begin(SpotInterruption("app"))
    with pytest.raises(FaultError, match="tasks run of: app"):
        stack.world.faults.begin(SpotInterruption("shop"))


def test_a_killed_task_is_replaced(stack: Any) -> None:
    """An essential container exits with 137, and the service gets another task."""
    stack.serve(stack.define())
    stack.settle()
    stack.world.faults.begin(TaskKilled("app"))
    stack.advance(30)
    (stopped,) = stack.tasks("STOPPED")
    assert (stopped["stopCode"], stopped["containers"][0]["exitCode"]) == ("EssentialContainerExited", 137)
    stack.until(lambda: len(stack.tasks()) == 2)


def test_missing_capacity_is_told_as_aws_tells_it(stack: Any) -> None:
    """The service event names capacity, EventBridge RESOURCE:FARGATE and the provider, and RunTask answers a failure."""
    spot(stack)
    with stack.world.faults.during(CapacityUnavailable("FARGATE_SPOT")):
        stack.world.faults.begin(TaskKilled("app"))
        stack.until(lambda: any("unable to place" in message for message in stack.messages()))
        assert (
            "(service app) was unable to place a task. Reason: Capacity is unavailable at this time. Please try again later "
            "or in a different availability zone." in stack.messages()
        )
        failures = [
            action
            for action in stack.announced("ECS Service Action")
            if action["eventName"].endswith("PLACEMENT_FAILURE")
        ]
        assert failures[0]["reason"] == "RESOURCE:FARGATE"
        assert failures[0]["capacityProviderArns"] == [
            "arn:aws:ecs:eu-west-1:123456789012:capacity-provider/FARGATE_SPOT"
        ]
        strategy = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
        answer = stack.ecs.run_task(
            cluster="main",
            taskDefinition="app",
            capacityProviderStrategy=strategy,
            networkConfiguration=stack.network,
        )
        assert answer["tasks"] == []
        assert answer["failures"][0]["reason"].startswith("Capacity is unavailable at this time")
        other = stack.ecs.run_task(
            cluster="main", taskDefinition="app", launchType="FARGATE", networkConfiguration=stack.network
        )
        assert other["failures"] == []
    stack.until(lambda: stack.service()["runningCount"] == 2)


def started(stack: Any, **container: Any) -> str:
    """Run a task to its end, and answer its stopped reason."""
    definition = stack.define(**container)
    arn = stack.ecs.run_task(
        cluster="main", taskDefinition=definition, launchType="FARGATE", networkConfiguration=stack.network
    )["tasks"][0]["taskArn"]

    def shown() -> dict[str, Any]:
        task: dict[str, Any] = stack.ecs.describe_tasks(cluster="main", tasks=[arn])["tasks"][0]
        return task

    stack.until(lambda: shown()["lastStatus"] in ("RUNNING", "STOPPED"))
    return str(shown().get("stoppedReason", shown()["lastStatus"]))


def test_tasks_fail_to_start_in_awss_words(stack: Any) -> None:
    """Secrets, names, storage and ECR's rate: each has the text of ECS's stopped-task errors."""
    arn = stack.secrets.create_secret(Name="db", SecretString="x")["ARN"]
    faults = stack.world.faults
    secret = {"secrets": [{"name": "DB", "valueFrom": arn}]}
    with faults.during(SecretUnavailable("db")):
        assert started(stack, **secret) == (
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable "
            f"to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret {arn} from secrets "
            "manager: InternalServiceError: An error occurred on the server side."
        )
    with faults.during(DnsFails("secretsmanager")):
        assert "dial tcp: lookup secretsmanager.eu-west-1.amazonaws.com: no such host" in started(stack, **secret)
    with faults.during(DiskFull()):
        assert started(stack).startswith("CannotPullContainerError: ")
        assert "no space left on device" in started(stack)
    assert started(stack, **secret) == "RUNNING"


def test_ecr_throttles_at_a_rate(stack: Any) -> None:
    """Logins and pulls are refused with "Rate exceeded": in all tasks at a rate of 1, in none without the fault."""
    stack.world.administrator("ecr").create_repository(repositoryName="app")
    image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:v1"
    stack.runtime.add_image(image, {})
    with stack.world.faults.during(EcrThrottled()):
        reason = started(stack, image=image)
    assert reason.startswith("ResourceInitializationError: unable to pull secrets or registry auth: ")
    assert "ThrottlingException: Rate exceeded" in reason


def test_calls_are_throttled_in_the_services_own_code(stack: Any, code: Callable[..., tuple[str, str]]) -> None:
    """ECS, EC2 and IAM have different codes; SDKs retry each, so that a rate below 1 is survived."""
    faults = stack.world.faults
    for service, call, expected in (
        ("ecs", lambda: stack.ecs.list_clusters(), "ThrottlingException"),
        ("ec2", lambda: stack.ec2.describe_vpcs(), "RequestLimitExceeded"),
        ("elbv2", lambda: stack.elbv2.describe_load_balancers(), "Throttling"),
    ):
        with faults.during(ApiThrottled(service)):
            assert code(call)[0] == expected
        call()
    with faults.during(ApiThrottled("ecs", operations=("RunTask",))):
        stack.ecs.list_clusters()


def test_a_lost_answer_belongs_to_a_call_that_was_carried_out(stack: Any) -> None:
    """The connection ends, and the cluster exists; after so many times the answers arrive again."""
    with stack.world.faults.during(ApiAnswersLost("ecs", operations=("CreateCluster",), times=1)):
        with pytest.raises(ConnectionClosedError):
            stack.ecs.create_cluster(clusterName="other")
        assert any(arn.endswith("/other") for arn in stack.ecs.list_clusters()["clusterArns"])
        stack.ecs.create_cluster(clusterName="third")


def test_slow_targets_fail_their_checks(stack: Any) -> None:
    """An answer that comes after the check's timeout is no answer."""
    group = stack.target_group()
    stack.serve(stack.define(), group=group)
    stack.settle()
    with stack.world.faults.during(SlowTarget(5000)):
        stack.advance(95)
        health = stack.elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        assert {
            target["TargetHealth"]["Reason"] for target in health if target["TargetHealth"]["State"] == "unhealthy"
        } == {"Target.Timeout"}


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (ZoneLost("eu-west-1z"), "there is no zone 'eu-west-1z' here; expected one of eu-west-1a"),
        (ApiThrottled("eks2"), "there is no service 'eks2'"),
        (ApiThrottled("ecs", operations=("RunTsk",)), "no operation 'RunTsk'; did you mean RunTask"),
        (TaskKilled(), "no task runs"),
    ],
)
def test_a_fault_that_the_world_cannot_have_is_refused(stack: Any, fault: Any, words: str) -> None:
    """The refusal names what there is, and nothing has begun."""
    with pytest.raises(FaultError, match=words):
        stack.world.faults.begin(fault)
    assert stack.world.faults.active == []


def test_a_world_with_a_fault_is_not_kept(stack: Any, tmp_path: Any) -> None:
    """Faults belong to a moment: keeping waits for their end."""
    with stack.world.faults.during(ApiThrottled("ecs", 0.5)), pytest.raises(NotKeepable, match="api-throttled:ecs"):
        stack.world.keep(tmp_path)
    stack.world.keep(tmp_path)


def test_faults_end_with_their_world() -> None:
    """A world that closes has no fault left, and its journal says when they ended."""
    world = World.virtual()
    world.faults.begin(ZoneLost(A))
    world.close()
    assert world.faults.active == []
    assert world.faults.journal[0].ended_at is not None


def test_errors_of_faults_are_client_errors(stack: Any) -> None:
    """A refusal by a fault has the form of AWS's own, with its HTTP status."""
    with stack.world.faults.during(ApiThrottled("ecs")), pytest.raises(ClientError) as error:
        stack.ecs.list_clusters()
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
