"""The endpoint at 169.254.170.2, for requests with a task's token.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-fargate.html
"""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from moto.core.request import Request
from werkzeug.test import EnvironBuilder

from pushproof.emulator.kernel.context import Credentials


def get(stack: Any, path: str, host: str = "169.254.170.2") -> tuple[int, Any]:
    """Ask as a container asks; status and JSON."""
    environ = EnvironBuilder(path=path, base_url=f"http://{host}/").get_environ()
    answer = stack.world.gateway.handle(Request(environ))
    return answer.status_code, json.loads(answer.get_data())


@pytest.fixture
def running(stack: Any) -> Any:
    """A task with a task role that may list buckets."""
    trust = stack.world.administrator("iam").get_role(RoleName="execution")["Role"]["AssumeRolePolicyDocument"]
    iam = stack.world.administrator("iam")
    role = iam.create_role(RoleName="task", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    allowed = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
    iam.put_role_policy(
        RoleName="task",
        PolicyName="list",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}),
    )
    stack.ecs.register_task_definition(
        family="app",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="512",
        memory="1024",
        taskRoleArn=role,
        containerDefinitions=[{"name": "app", "image": "app:v1", "cpu": 128, "memory": 256}],
    )
    for _ in range(2):
        stack.ecs.run_task(
            cluster="main", taskDefinition="app", launchType="FARGATE", networkConfiguration=stack.network
        )
    stack.until(lambda: [task["lastStatus"] for task in stack.tasks()] == ["RUNNING"] * 2)
    return stack.world.services["ecs"].life.tasks()


def test_credentials_are_the_task_roles(stack: Any, running: Any) -> None:
    """The five members that SDKs read; the session is named after the task, and IAM binds it."""
    status, keys = get(stack, f"/v2/credentials/{running[0].token}")
    assert status == 200
    assert set(keys) == {"RoleArn", "AccessKeyId", "SecretAccessKey", "Token", "Expiration"}
    credentials = Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["Token"])
    caller = stack.world.client("sts", credentials=credentials).get_caller_identity()["Arn"]
    assert caller.endswith(f":assumed-role/task/{running[0].id}")
    s3 = stack.world.client("s3", credentials=credentials)
    assert s3.list_buckets()["Buckets"] == []
    with pytest.raises(boto3.exceptions.botocore.exceptions.ClientError, match="AccessDenied"):
        s3.create_bucket(Bucket="b", CreateBucketConfiguration={"LocationConstraint": stack.world.region})


def test_each_task_has_credentials_of_its_own(stack: Any, running: Any) -> None:
    """Two tasks have two sessions; an unknown token, or one of a stopped task, has none."""
    first, second = (get(stack, f"/v2/credentials/{task.token}")[1]["AccessKeyId"] for task in running)
    assert first != second
    assert get(stack, "/v2/credentials/guessed")[0] == 400
    stack.ecs.stop_task(cluster="main", task=running[0].arn)
    stack.until(lambda: len(stack.tasks("STOPPED")) == 1 and stack.tasks("STOPPED")[0]["lastStatus"] == "STOPPED")
    assert get(stack, f"/v2/credentials/{running[0].token}")[0] == 400


def test_metadata_is_what_describe_tasks_tells(stack: Any, running: Any) -> None:
    """The endpoint describes task and container like the API, in its own words."""
    shown = next(task for task in stack.tasks() if task["taskArn"] == running[0].arn)
    uri = f"/v4/{running[0].containers[0].token}"
    (_, container), (_, task) = get(stack, uri), get(stack, f"{uri}/task")
    assert task["TaskARN"] == shown["taskArn"]
    assert (task["Family"], task["Revision"], task["LaunchType"]) == ("app", "1", "FARGATE")
    assert task["Limits"] == {"CPU": 0.5, "Memory": 1024}
    assert task["AvailabilityZone"] == shown["availabilityZone"]
    assert task["Containers"] == [container]
    assert container["DockerId"] == shown["containers"][0]["runtimeId"]
    assert container["ContainerARN"] == shown["containers"][0]["containerArn"]
    assert container["ImageID"] == shown["containers"][0]["imageDigest"]
    assert container["Limits"] == {"CPU": 128, "Memory": 256}
    private = shown["containers"][0]["networkInterfaces"][0]["privateIpv4Address"]
    assert container["Networks"][0]["IPv4Addresses"] == [private]
    assert container["Labels"]["com.amazonaws.ecs.task-arn"] == running[0].arn


def test_nothing_else_is_served(stack: Any, running: Any) -> None:
    """Other paths are 404; on the gateway's own name the endpoint does not exist."""
    assert get(stack, "/latest/meta-data/")[0] == 404
    assert get(stack, "/v4/unknown")[0] == 404
    assert get(stack, f"/v2/credentials/{running[0].token}", host="127.0.0.1")[0] == 401


def test_a_role_that_ecs_may_not_take_fails_the_task(stack: Any) -> None:
    """A task whose role trusts another principal stops and names the role."""
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    stack.world.administrator("iam").create_role(
        RoleName="other", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    role = f"arn:aws:iam::{stack.world.account_id}:role/other"
    stack.ecs.register_task_definition(
        family="app",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        taskRoleArn=role,
        containerDefinitions=[{"name": "app", "image": "app:v1"}],
    )
    stack.ecs.run_task(cluster="main", taskDefinition="app", launchType="FARGATE", networkConfiguration=stack.network)
    stack.until(lambda: any(task["lastStatus"] == "STOPPED" for task in stack.tasks("STOPPED")))
    assert f"ECS was unable to assume the role '{role}'" in stack.tasks("STOPPED")[0]["stoppedReason"]
