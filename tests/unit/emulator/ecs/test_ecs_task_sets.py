"""Services whose deployments CodeDeploy makes, and their task sets.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-bluegreen.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.emulator.ecs.shifts import Shifts

from pushproof.emulator.kernel.context import Credentials

Refused = Callable[[Callable[[], Any]], tuple[str, str]]


class Controlled:
    """A service of two tasks behind the group `blue` on port 80; nothing listens for the group `green`."""

    def __init__(self, stack: Any) -> None:
        self.stack, self.ecs = stack, stack.ecs
        shifts = Shifts(stack)
        self.elbv2, self.blue, self.green = shifts.elbv2, shifts.blue, shifts.green
        for rule in (shifts.production, shifts.test):
            self.elbv2.delete_rule(RuleArn=rule)
        listeners = self.elbv2.describe_listeners(LoadBalancerArn=shifts.balancer)["Listeners"]
        self.listener = next(item["ListenerArn"] for item in listeners if item["Port"] == 80)
        self.forward(self.blue)
        self.created = stack.serve(
            stack.define("app:v1"),
            group=self.blue,
            deploymentController={"type": "CODE_DEPLOY"},
            deploymentConfiguration={"maximumPercent": 200, "minimumHealthyPercent": 100},
        )

    def forward(self, group: str) -> None:
        self.elbv2.modify_listener(
            ListenerArn=self.listener, DefaultActions=[{"Type": "forward", "TargetGroupArn": group}]
        )

    def sets(self) -> list[dict[str, Any]]:
        shown: list[dict[str, Any]] = self.stack.service()["taskSets"]
        return shown

    def steady(self) -> None:
        self.stack.until(lambda: {item["stabilityStatus"] for item in self.sets()} == {"STEADY_STATE"})

    def add(self, image: str = "app:v2", **members: Any) -> dict[str, Any]:
        return self.ecs.create_task_set(  # type: ignore[no-any-return]
            cluster="main",
            service="app",
            taskDefinition=self.stack.define(image),
            launchType="FARGATE",
            networkConfiguration=self.stack.network,
            loadBalancers=[{"targetGroupArn": self.green, "containerName": "app", "containerPort": 8080}],
            **{"scale": {"value": 100.0, "unit": "PERCENT"}, **members},
        )["taskSet"]


@pytest.fixture
def controlled(stack: Any) -> Controlled:
    return Controlled(stack)


def test_a_service_begins_with_one_task_set(controlled: Controlled) -> None:
    """Instead of a deployment, DescribeServices shows a primary task set, which becomes steady."""
    shown = controlled.created
    assert shown["deployments"] == []
    assert shown["deploymentController"] == {"type": "CODE_DEPLOY"}
    (only,) = shown["taskSets"]
    assert (only["status"], only["stabilityStatus"], only["computedDesiredCount"]) == ("PRIMARY", "STABILIZING", 2)
    assert only["taskSetArn"] == (f"arn:aws:ecs:eu-west-1:123456789012:task-set/main/app/{only['id']}")
    controlled.steady()
    shown = controlled.stack.service()
    assert (shown["runningCount"], shown["taskSets"][0]["runningCount"]) == (2, 2)
    assert any(
        f"(service app, taskSet {only['id']}) has started 2 tasks" in text for text in controlled.stack.messages()
    )
    assert not controlled.stack.announced("ECS Deployment State Change")
    assert controlled.stack.announced("ECS Service Action")[-1]["eventName"] == "TASKSET_STEADY_STATE"
    assert {task["startedBy"] for task in controlled.stack.tasks()} == {only["id"]}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"taskDefinition": "app"}, "Unable to update task definition"),
        ({"forceNewDeployment": True}, "Cannot force a new deployment"),
        ({"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["x"]}}}, "Unable to update network parameters"),
        ({"loadBalancers": []}, "Unable to update load balancers"),
        ({"platformVersion": "1.4.0"}, "Unable to update platform version"),
    ],
)
def test_only_a_deployment_changes_a_revision(
    controlled: Controlled, code: Refused, change: dict[str, Any], text: str
) -> None:
    """UpdateService refuses in AWS's words what CodeDeploy deploys."""
    assert code(lambda: controlled.ecs.update_service(cluster="main", service="app", **change)) == (
        "InvalidParameterException",
        f"{text} on services with a CODE_DEPLOY deployment controller. Use AWS CodeDeploy to trigger a new deployment.",
    )


def test_task_sets_follow_the_desired_count(controlled: Controlled) -> None:
    """Each task set has its share of the service's desired count, rounded up."""
    controlled.steady()
    added = controlled.add(scale={"value": 50.0, "unit": "PERCENT"})
    assert added["computedDesiredCount"] == 1
    controlled.ecs.update_service(cluster="main", service="app", desiredCount=3)
    controlled.steady()
    assert [item["runningCount"] for item in controlled.sets()] == [3, 2]
    controlled.ecs.update_task_set(
        cluster="main", service="app", taskSet=added["id"], scale={"value": 0.0, "unit": "PERCENT"}
    )
    controlled.stack.until(lambda: [item["runningCount"] for item in controlled.sets()] == [3, 0])


def test_another_task_set_takes_the_service_over(controlled: Controlled, code: Refused) -> None:
    """A task set is steady before a listener uses its group; once primary, it is what the service shows, and the other may go."""
    controlled.steady()
    first = controlled.sets()[0]["id"]
    added = controlled.add()
    controlled.steady()
    controlled.forward(controlled.green)
    controlled.ecs.update_service_primary_task_set(cluster="main", service="app", primaryTaskSet=added["id"])
    assert [item["status"] for item in controlled.sets()] == ["PRIMARY", "ACTIVE"]
    shown = controlled.stack.service()
    assert shown["taskDefinition"].endswith("app:2")
    assert shown["loadBalancers"][0]["targetGroupArn"] == controlled.green
    refusal = code(
        lambda: controlled.ecs.delete_task_set(cluster="main", service="app", taskSet=added["id"], force=True)
    )
    assert refusal == ("InvalidParameterException", "The primary task set cannot be deleted.")
    controlled.ecs.delete_task_set(cluster="main", service="app", taskSet=first, force=True)
    assert controlled.sets()[1]["status"] == "DRAINING"
    controlled.stack.until(lambda: len(controlled.sets()) == 1)
    assert len(controlled.stack.tasks()) == 2


def test_roles_of_tasks_are_passed_by_the_caller(controlled: Controlled, code: Refused) -> None:
    """The caller who adds a task set needs iam:PassRole for the roles in its task definition."""
    iam = controlled.stack.world.administrator("iam")
    iam.create_user(UserName="deployer")
    allowed = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["ecs:*", "elasticloadbalancing:*"], "Resource": "*"}],
    }
    iam.put_user_policy(UserName="deployer", PolicyName="ecs", PolicyDocument=json.dumps(allowed))
    key = iam.create_access_key(UserName="deployer")["AccessKey"]
    controlled.ecs = controlled.stack.world.client(
        "ecs", credentials=Credentials(key["AccessKeyId"], key["SecretAccessKey"])
    )
    refusal = code(controlled.add)
    assert refusal[0] == "AccessDeniedException"
    assert "iam:PassRole" in refusal[1]


def test_a_deleted_service_ends_its_task_sets(controlled: Controlled) -> None:
    """All task sets drain with force, and the service is INACTIVE when their tasks are gone."""
    controlled.steady()
    controlled.add()
    controlled.ecs.delete_service(cluster="main", service="app", force=True)
    controlled.stack.until(lambda: controlled.stack.service()["status"] == "INACTIVE")
    assert not controlled.stack.tasks()
    assert "taskSets" not in controlled.stack.service()


def test_unhealthy_tasks_of_a_task_set_are_replaced(controlled: Controlled) -> None:
    """A task that stops by itself has a successor in its own task set."""
    controlled.steady()
    before = {task["taskArn"] for task in controlled.stack.tasks()}
    controlled.ecs.stop_task(cluster="main", task=sorted(before)[0])
    controlled.stack.until(lambda: len(before & {task["taskArn"] for task in controlled.stack.tasks()}) == 1)
    controlled.steady()
    assert controlled.sets()[0]["runningCount"] == 2
