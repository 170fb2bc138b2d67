"""Tasks in real containers: their network, what Fargate serves in it, and the order they start in."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.runtime.docker.host import DockerHost, DockerUnavailable
from pushproof.emulator.runtime.docker.images import ensure_build_image
from pushproof.emulator.runtime.equipment import docker_equipment
from pushproof.emulator.world import World

pytestmark = pytest.mark.docker

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
ALLOWED = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::store/mine/*"}],
}


class Tasks:
    """A world on Docker with a cluster, a bucket and a task role that may write a part of it."""

    def __init__(self, world: World, image: str) -> None:
        self.world, self.image = world, image
        self.ecs, iam = world.administrator("ecs"), world.administrator("iam")
        subnets = world.administrator("ec2").describe_subnets()["Subnets"]
        self.network = {"awsvpcConfiguration": {"subnets": [subnets[0]["SubnetId"]]}}
        self.ecs.create_cluster(clusterName="main")
        where = {"LocationConstraint": world.region}
        world.administrator("s3").create_bucket(Bucket="store", CreateBucketConfiguration=where)
        self.role = iam.create_role(RoleName="task", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        iam.put_role_policy(RoleName="task", PolicyName="write", PolicyDocument=json.dumps(ALLOWED))

    def run(self, *containers: dict[str, Any], until: str = "RUNNING") -> dict[str, Any]:
        """Run a task of these containers and wait until it has come so far; the task as the API shows it."""
        self.ecs.register_task_definition(
            family="app",
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            taskRoleArn=self.role,
            containerDefinitions=[{"image": self.image, "entryPoint": [], **container} for container in containers],
        )
        reached: dict[str, threading.Event] = {}
        life = self.world.services["ecs"].life
        changed = life._changed
        arn = ""

        def listen(task: Any, what: str) -> None:
            changed(task, what)
            reached.setdefault(task.arn + what, threading.Event()).set()

        life._changed = listen
        try:
            arn = self.ecs.run_task(
                cluster="main", taskDefinition="app", launchType="FARGATE", networkConfiguration=self.network
            )["tasks"][0]["taskArn"]
            assert reached.setdefault(arn + until.lower(), threading.Event()).wait(60), self.show(arn)
        finally:
            life._changed = changed
        return self.show(arn)

    def show(self, arn: str) -> dict[str, Any]:
        task: dict[str, Any] = self.ecs.describe_tasks(cluster="main", tasks=[arn])["tasks"][0]
        return task

    def inside(self, task: dict[str, Any], command: str) -> tuple[int | None, str]:
        """Run a command in a task's first container; exit status and output."""
        name = task["containers"][0]["name"]
        runtime = self.world.equipment.tasks
        assert runtime is not None
        done = runtime.execute(task["taskArn"].rsplit("/", 1)[1], name, ["CMD-SHELL", command], 60.0 * 1000)
        return done.exit_code, done.output


@pytest.fixture(scope="module")
def tasks() -> Iterator[Tasks]:
    world_id = secrets.token_hex(4)
    try:
        host = DockerHost(world_id)
    except DockerUnavailable as error:
        pytest.skip(str(error))
    settings = WorldSettings(speed=1000, enforce_network=False)
    with World(settings, world_id=world_id, equip=docker_equipment(host)) as world:
        world.serve(host.bridge_address)
        host.registries.add(world.registry_host)
        yield Tasks(world, ensure_build_image(host.client))


@pytest.fixture(scope="module")
def web(tasks: Tasks) -> dict[str, Any]:
    """A running task that listens on port 80 itself."""
    return tasks.run({"name": "web", "command": ["python3", "-m", "http.server", "80"], "cpu": 128, "memory": 256})


def test_metadata_and_a_port_80_of_its_own(tasks: Tasks, web: dict[str, Any]) -> None:
    """Both the application's port 80 and the endpoint's answer; the endpoint's is the task."""
    assert (
        tasks.inside(web, "curl -sf --retry 30 --retry-connrefused --retry-delay 1 http://127.0.0.1:80/ > /dev/null")[0]
        == 0
    )
    _, container = tasks.inside(web, 'curl -sf "$ECS_CONTAINER_METADATA_URI_V4"')
    _, task = tasks.inside(web, 'curl -sf "$ECS_CONTAINER_METADATA_URI_V4/task"')
    assert json.loads(task)["TaskARN"] == web["taskArn"]
    assert json.loads(task)["Containers"] == [json.loads(container)]
    assert json.loads(container)["Name"] == "web"
    _, statistics = tasks.inside(web, 'curl -sf "$ECS_CONTAINER_METADATA_URI_V4/stats"')
    assert json.loads(statistics)["memory_stats"]["limit"] == 256 * 1024 * 1024


def test_credentials_of_the_task_role(tasks: Tasks, web: dict[str, Any]) -> None:
    """The relative URI answers where AWS's does, with the task role's keys."""
    _, answer = tasks.inside(web, 'curl -sf "http://169.254.170.2$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"')
    keys = json.loads(answer)
    assert keys["RoleArn"] == tasks.role
    assert all(keys[name] for name in ("AccessKeyId", "SecretAccessKey", "Token", "Expiration"))


def test_an_sdk_works_unconfigured_and_is_held_to_its_role(tasks: Tasks, web: dict[str, Any]) -> None:
    """`aws` in the container finds region, endpoint and credentials; IAM allows what the task role allows."""
    status, answer = tasks.inside(web, "aws sts get-caller-identity --query Arn --output text")
    assert (status, answer.strip()) == (
        0,
        f"arn:aws:sts::{tasks.world.account_id}:assumed-role/task/{web['taskArn'].rsplit('/', 1)[1]}",
    )
    put = "aws s3api put-object --bucket store --body /etc/hostname --key "
    status, said = tasks.inside(web, put + "mine/a")
    assert status == 0, said
    status, said = tasks.inside(web, put + "yours/a")
    assert status != 0
    assert "AccessDenied" in said


def test_nobodys_real_credentials_are_inside(tasks: Tasks, web: dict[str, Any]) -> None:
    """The container's AWS variables are exactly those that the task gives it."""
    _, names = tasks.inside(web, "env | cut -d= -f1 | grep -E '^(AWS|ECS)_' | sort")
    assert names.split() == [
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL",
        "AWS_EXECUTION_ENV",
        "AWS_REGION",
        "ECS_CONTAINER_METADATA_URI_V4",
    ]


def test_a_health_check_leaves_nothing_open(tasks: Tasks, web: dict[str, Any]) -> None:
    """Commands in containers give back their connections to the Engine."""
    tasks.inside(web, "true")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(10):
        assert tasks.inside(web, "true")[0] == 0
    assert len(os.listdir("/proc/self/fd")) <= before


def test_a_container_starts_after_the_success_of_another(tasks: Tasks) -> None:
    """The application sees what the migration did, since it starts after it; both share the task's network."""
    wait = "import socket, time; listener = socket.create_server(('127.0.0.1', 7000)); time.sleep(600)"
    look = "import socket, sys; sys.exit(socket.socket().connect_ex(('127.0.0.1', 7000)))"
    task = tasks.run(
        {"name": "app", "command": ["sleep", "600"], "dependsOn": [{"containerName": "look", "condition": "SUCCESS"}]},
        {
            "name": "look",
            "essential": False,
            "command": ["python3", "-c", look],
            "dependsOn": [{"containerName": "proxy", "condition": "HEALTHY"}],
        },
        {
            "name": "proxy",
            "command": ["python3", "-c", wait],
            "healthCheck": {"command": ["CMD-SHELL", f"python3 -c {shlex.quote(look)}"], "interval": 5},
        },
    )
    shown = {container["name"]: container for container in task["containers"]}
    assert (shown["look"]["lastStatus"], shown["look"]["exitCode"]) == ("STOPPED", 0)
    assert shown["app"]["lastStatus"] == shown["proxy"]["lastStatus"] == "RUNNING"


def test_a_stopped_task_leaves_nothing(tasks: Tasks) -> None:
    """Neither its containers nor the one that holds its network are left on the Engine."""
    task = tasks.run({"name": "app", "command": ["true"]}, until="STOPPED")
    assert task["containers"][0]["exitCode"] == 0
    label = f"pushproof.task={task['taskArn'].rsplit('/', 1)[1]}"
    assert tasks.world.equipment.engine.client.containers.list(all=True, filters={"label": label}) == []
