"""ecs-deploy (https://github.com/fabfuel/ecs-deploy), unmodified: its reports match the account's contents."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.integration.clients.conftest import Scene

ECS = Path(sys.executable).with_name("ecs")


def test_deploy_by_tag(scene: Scene) -> None:
    """`ecs deploy -t` registers a revision with the new tag, waits until it is steady, and deregisters the old one."""
    before = scene.described()["taskDefinition"]
    said = scene.run(ECS, "deploy", "shop", "shop", "-t", "v2", "-e", "shop", "LEVEL", "debug")
    assert "Deployment successful" in said
    assert 'Changed image of container "shop" to: "shop:v2"' in said
    shown = scene.described()
    assert scene.images(shown["taskDefinition"]) == ["shop:v2"]
    assert [(each["status"], each["rolloutState"]) for each in shown["deployments"]] == [("PRIMARY", "COMPLETED")]
    assert scene.ecs.describe_task_definition(taskDefinition=before)["taskDefinition"]["status"] == "INACTIVE"


def test_a_deployment_that_fails(scene: Scene) -> None:
    """A crashing image fails the command if there is no circuit breaker, and `--rollback` restores the old revision."""
    good = scene.described()["taskDefinition"]
    scene.circuit_breaker(enabled=False)
    options = ("--rollback", "--timeout", "60", "--no-deregister")
    said = scene.run(ECS, "deploy", "shop", "shop", "-t", "broken", *options, fails=True)
    assert "Deployment failed" in said
    assert "Rolling back to task definition" in said
    shown = scene.described()
    assert (shown["taskDefinition"], len(shown["deployments"])) == (good, 1)


def test_scale_after_a_rollback(scene: Scene) -> None:
    """Once the circuit breaker has rolled back, `ecs scale` scales the good revision and does not deploy the bad one again.

    A rollback puts the service itself back: https://github.com/hashicorp/terraform-provider-aws/issues/19519
    """
    good = scene.described()["taskDefinition"]
    scene.ecs.update_service(cluster="shop", service="shop", taskDefinition=scene.define("broken"))
    scene.until(lambda: scene.described()["deployments"][0]["taskDefinition"] == good)
    scene.until(lambda: scene.described()["deployments"][0]["rolloutState"] == "COMPLETED")
    assert "Scaling successful" in scene.run(ECS, "scale", "shop", "shop", "3", "--timeout", "60")
    shown = scene.described()
    assert (shown["taskDefinition"], shown["runningCount"]) == (good, 3)
    assert [each["taskDefinition"] for each in shown["deployments"]] == [good]


def test_update_and_diff(scene: Scene) -> None:
    """`ecs update` registers a revision without changing the service; `ecs diff` shows the difference."""
    before = scene.described()["taskDefinition"]
    said = scene.run(ECS, "update", "shop", "-i", "shop", "shop:v3", "--no-deregister")
    assert "Successfully created revision" in said
    assert scene.described()["taskDefinition"] == before
    older, newer = before.rpartition(":")[2], str(int(before.rpartition(":")[2]) + 1)
    assert "shop:v3" in scene.run(ECS, "diff", "shop", older, newer)


def test_run_a_task(scene: Scene) -> None:
    """`ecs run` starts a task in the network it names."""
    network = scene.network["awsvpcConfiguration"]
    before = set(scene.ecs.list_tasks(cluster="shop")["taskArns"])
    where = [word for subnet in network["subnets"] for word in ("--subnet", subnet)]
    said = scene.run(
        ECS, "run", "shop", "shop", "--launchtype", "FARGATE", *where,
        "--securitygroup", network["securityGroups"][0], "--public-ip",
    )  # fmt: skip
    assert "Successfully started 1 instances" in said
    (started,) = set(scene.ecs.list_tasks(cluster="shop")["taskArns"]) - before
    assert started in said


def test_a_scheduled_task(scene: Scene) -> None:
    """`ecs cron` points a rule at a new revision."""
    events = scene.target.client("events")
    events.put_rule(Name="nightly", ScheduleExpression="rate(1 day)")
    cluster = scene.ecs.describe_clusters(clusters=["shop"])["clusters"][0]["clusterArn"]
    awsvpc = {
        "Subnets": scene.network["awsvpcConfiguration"]["subnets"],
        "SecurityGroups": scene.network["awsvpcConfiguration"]["securityGroups"],
        "AssignPublicIp": "ENABLED",
    }
    parameters = {
        "TaskDefinitionArn": scene.described()["taskDefinition"],
        "LaunchType": "FARGATE",
        "NetworkConfiguration": {"awsvpcConfiguration": awsvpc},
    }
    events.put_targets(
        Rule="nightly",
        Targets=[{"Id": "task", "Arn": cluster, "RoleArn": scene.role_arn, "EcsParameters": parameters}],
    )
    said = scene.run(ECS, "cron", "shop", "shop", "nightly", "-t", "v2", "--role", scene.role_arn)
    assert "Update scheduled task" in said or "successful" in said.lower()
    (rule_target,) = events.list_targets_by_rule(Rule="nightly")["Targets"]
    assert scene.images(rule_target["EcsParameters"]["TaskDefinitionArn"]) == ["shop:v2"]


@pytest.mark.parametrize(("cluster", "service"), [("shop", "nowhere"), ("nowhere", "shop")])
def test_what_is_not_there(scene: Scene, cluster: str, service: str) -> None:
    """An unknown service or cluster fails with a sentence, not with a traceback."""
    said = scene.run(ECS, "deploy", cluster, service, fails=True)
    assert "Traceback" not in said
    assert "not exist" in said or "not found" in said
