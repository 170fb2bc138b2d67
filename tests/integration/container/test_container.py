"""A world in a container, as other projects use it: closed to all but this machine, live tasks by Docker's socket, no trace."""

from __future__ import annotations

import base64
import json
import re
import shutil
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import docker
import pytest
import requests
from botocore.exceptions import ClientError
from docker.errors import DockerException
from testcontainers.core.network import Network

from pushproof.base.target import TargetUnavailable
from pushproof.emulator.runtime.docker.images import ensure_base_image, ensure_build_image
from pushproof.testcontainers import IMAGE, PushproofContainer

ROOT = Path(__file__).resolve().parents[3]
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": ["ecs-tasks.amazonaws.com", "codebuild.amazonaws.com"]},
            "Action": "sts:AssumeRole",
        }
    ],
}
pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def engine() -> Iterator[docker.DockerClient]:
    try:
        client = docker.from_env()
        client.ping()
    except DockerException as error:
        pytest.skip(f"Docker Engine does not answer: {error}")
    if not client.images.list(name=IMAGE):
        pytest.skip(f"the image {IMAGE} is not here: python scripts/image.py builds it")
    yield client
    client.close()


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("init.d")
    (directory / "10-bucket.sh").write_text("#!/bin/sh\nset -e\naws s3 mb s3://from-init\nid -u > /tmp/user\n")
    return directory


@pytest.fixture(scope="module")
def neighbours(engine: docker.DockerClient) -> Iterator[Network]:  # noqa: ARG001
    with Network() as network:
        yield network


@pytest.fixture(scope="module")
def world(scripts: Path, neighbours: Network) -> Iterator[PushproofContainer]:
    container = PushproofContainer(names=["pushproof"], init_scripts=scripts)
    container.with_network(neighbours).with_network_aliases("pushproof", "other")
    with container:
        yield container


def test_it_is_ready_when_it_has_started(world: PushproofContainer) -> None:
    """Clients reach the world by its keys at once, and its init scripts have run by then."""
    assert world.client("sts").get_caller_identity()["Account"] == world.account_id
    assert [bucket["Name"] for bucket in world.client("s3").list_buckets()["Buckets"]] == ["from-init"]


def test_addresses_in_answers_are_good_outside(world: PushproofContainer) -> None:
    """The port is the same inside and outside, so that the URL of a queue works as it is."""
    queue = world.client("sqs").create_queue(QueueName="jobs")["QueueUrl"]
    assert queue.startswith(world.endpoint)
    world.client("sqs").send_message(QueueUrl=queue, MessageBody="hello")
    (message,) = world.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    assert message["Body"] == "hello"


def test_it_is_published_on_loopback_only(world: PushproofContainer, engine: docker.DockerClient) -> None:
    """No other address of this machine leads to the world."""
    (published,) = engine.containers.get(world.get_container_id()).ports[f"{world.port}/tcp"]
    assert published == {"HostIp": "127.0.0.1", "HostPort": str(world.port)}
    for address in {answer[4][0] for answer in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}:
        if not str(address).startswith("127."):
            with pytest.raises(OSError), socket.create_connection((address, world.port), timeout=3):
                pass


@pytest.mark.parametrize("headers", [{"Host": "evil.example.com"}, {"Origin": "http://evil.example.com"}])
def test_web_pages_stay_out(world: PushproofContainer, headers: dict[str, str]) -> None:
    """Foreign names and pages are refused through the published port as on loopback."""
    answer = requests.get(world.endpoint, headers=headers, timeout=10)
    assert answer.status_code in (403, 421)
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


def test_only_its_own_keys_open_it(world: PushproofContainer) -> None:
    """Each world has keys of its own, and requests with others are refused."""
    stranger = world.client("sts").meta
    key, secret = world.keys
    assert key.startswith("AKIA")
    assert len(secret) >= 40
    for pair in (("test", "test"), (key, "x" * 40)):
        client = boto3.client(
            "sts",
            region_name=stranger.region_name,
            endpoint_url=world.endpoint,
            aws_access_key_id=pair[0],
            aws_secret_access_key=pair[1],
        )
        with pytest.raises(ClientError, match=r"InvalidClientTokenId|SignatureDoesNotMatch"):
            client.get_caller_identity()
    assert requests.get(f"{world.endpoint}/_pushproof/ui", timeout=10).status_code == 401


def test_it_runs_as_an_ordinary_user_and_prints_no_keys(world: PushproofContainer, engine: docker.DockerClient) -> None:
    """Neither the server nor init scripts are root; the log, which Docker keeps, has no secret."""
    container = engine.containers.get(world.get_container_id())
    assert container.exec_run("id -u").output.strip() == b"10001"
    assert container.exec_run("cat /tmp/user").output.strip() == b"10001"
    assert container.exec_run("stat -c %a /var/lib/pushproof").output.strip() == b"700"
    assert world.keys[1].encode() not in container.logs()


def test_its_health_is_shown(world: PushproofContainer, engine: docker.DockerClient) -> None:
    """The image's health check succeeds once the world is ready."""
    container = engine.containers.get(world.get_container_id())
    assert container.attrs["Config"]["Healthcheck"]["Test"] == ["CMD", "healthy"]
    assert container.exec_run("healthy").exit_code == 0


@pytest.mark.parametrize(("name", "answer"), [("pushproof", "200"), ("other", "421")])
def test_another_container_reaches_it_by_its_name(
    world: PushproofContainer, neighbours: Network, engine: docker.DockerClient, name: str, answer: str
) -> None:
    """A container of the same network reaches the world by the name that it was given; any other name is misdirected."""
    code = (
        "import sys,urllib.request as r,urllib.error as e\n"
        "try: print(r.urlopen(sys.argv[1],timeout=10).status)\n"
        "except e.HTTPError as error: print(error.code)"
    )
    printed = engine.containers.run(
        ensure_base_image(engine),
        ["python3", "-c", code, f"http://{name}:{world.port}/_pushproof/health"],
        network=neighbours.name,
        remove=True,
    )
    assert printed.decode().strip() == answer


def test_a_port_that_is_taken_is_said(engine: docker.DockerClient) -> None:
    """A chosen port that something has is refused with the remedy, and leaves no container."""
    before = {container.id for container in engine.containers.list(all=True)}
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(TargetUnavailable, match=r"is taken .*port=0"),
    ):
        PushproofContainer(port=taken.getsockname()[1]).start()
    assert {container.id for container in engine.containers.list(all=True)} == before


def test_a_failing_init_script_is_shown(engine: docker.DockerClient, tmp_path: Path) -> None:
    """A script that fails ends the world; its output and exit code are in the message, and the container is gone."""
    (tmp_path / "fails.sh").write_text("echo it is broken; exit 7\n")
    before = {container.id for container in engine.containers.list(all=True)}
    with pytest.raises(TargetUnavailable, match=r"exit code 1(?s:.*)it is broken(?s:.*)exit code 7"):
        PushproofContainer(init_scripts=tmp_path).start()
    assert {container.id for container in engine.containers.list(all=True)} == before


@pytest.fixture
def live(engine: docker.DockerClient) -> Iterator[PushproofContainer]:
    if not stat.S_ISSOCK(Path("/var/run/docker.sock").stat().st_mode):
        pytest.skip("Docker's socket is not at /var/run/docker.sock")
    with PushproofContainer(docker=True) as container:
        logged = engine.containers.get(container.get_container_id()).logs().decode()
        (world,) = re.findall(r"World ([0-9a-f]{8}) is up", logged)
        yield container
    # Other worlds of this machine may be up.
    label = {"label": f"pushproof.world={world}"}
    assert not engine.containers.list(all=True, filters=label)
    assert not engine.networks.list(filters=label)


def test_a_build_and_a_task_are_live_with_the_socket(live: PushproofContainer, engine: docker.DockerClient) -> None:
    """With Docker's socket a build runs its commands, and a task whose image was pushed to the world gets its role's credentials.

    The end leaves nothing on the Engine (the fixture).
    """
    ensure_build_image(engine)
    role = live.client("iam").create_role(RoleName="task", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    live.client("iam").attach_role_policy(RoleName="task", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    assert _build(live.client("codebuild"), role) == "SUCCEEDED"
    image = _push(live, engine, ensure_base_image(engine))
    # The task itself asks for its credentials; its exit code says that it has got them.
    code = (
        "import os,urllib.request as r\n"
        "r.urlopen('http://169.254.170.2'+os.environ['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'],timeout=20).read()\n"
        "raise SystemExit(42)"
    )
    ended = _run_task(live, role, image, ["python3", "-c", code])
    assert ended["containers"][0].get("exitCode") == 42, (ended.get("stoppedReason"), ended["containers"])


def _build(codebuild: Any, role: str) -> str:
    """Run a build without a source; return how it ended."""
    codebuild.create_project(
        name="shop",
        source={
            "type": "NO_SOURCE",
            "buildspec": "version: 0.2\nphases: {build: {commands: [aws sts get-caller-identity]}}",
        },
        artifacts={"type": "NO_ARTIFACTS"},
        environment={
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/standard:7.0",
            "computeType": "BUILD_GENERAL1_SMALL",
        },
        serviceRole=role,
    )
    started = codebuild.start_build(projectName="shop")["build"]["id"]
    for _ in range(240):
        (build,) = codebuild.batch_get_builds(ids=[started])["builds"]
        if build["buildStatus"] != "IN_PROGRESS":
            return str(build["buildStatus"])
        time.sleep(0.5)
    return "IN_PROGRESS"


def _push(world: PushproofContainer, engine: docker.DockerClient, image: str) -> str:
    """Push an image to the world's registry with this machine's Engine; return its URI."""
    ecr = world.client("ecr")
    uri: str = ecr.create_repository(repositoryName="shop")["repository"]["repositoryUri"]
    token = base64.b64decode(ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]).decode()
    user, _, password = token.partition(":")
    local = f"127.0.0.1:{world.port}/shop"
    engine.images.get(image).tag(local, "1")
    try:
        pushed = engine.images.push(local, "1", auth_config={"username": user, "password": password})
        assert "error" not in pushed, pushed
    finally:
        engine.images.remove(f"{local}:1")
    return f"{uri}:1"


def _run_task(world: PushproofContainer, role: str, image: str, command: list[str]) -> Any:
    """Run a task to its end; return its description."""
    ecs = world.client("ecs")
    ecs.create_cluster(clusterName="c")
    task = ecs.register_task_definition(
        family="f",
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        taskRoleArn=role,
        executionRoleArn=role,
        containerDefinitions=[{"name": "app", "image": image, "command": command, "essential": True}],
    )["taskDefinition"]["taskDefinitionArn"]
    subnets = world.client("ec2").describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])
    network = {"subnets": [subnets["Subnets"][0]["SubnetId"]], "assignPublicIp": "ENABLED"}
    started = ecs.run_task(
        cluster="c",
        taskDefinition=task,
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": network},
    )
    assert not started["failures"]
    arn = started["tasks"][0]["taskArn"]
    ecs.get_waiter("tasks_stopped").wait(cluster="c", tasks=[arn], WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    return ecs.describe_tasks(cluster="c", tasks=[arn])["tasks"][0]


@pytest.mark.skipif(shutil.which("docker") is None, reason="the docker command is not installed")
def test_the_documented_commands_work(engine: docker.DockerClient) -> None:
    """`docker run` with a published port, and `docker exec ... pushproof env` for the variables, as docs/container.md shows."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    name = f"pushproof-test-{port}"
    run = ["docker", "run", "--detach", "--init", "--name", name, "--publish", f"127.0.0.1:{port}:{port}", IMAGE]
    serve = ["serve", "--in-container", "--task-runtime", "scripted", "--port", str(port)]
    subprocess.run([*run, *serve], check=True, capture_output=True, timeout=60)
    try:
        env = ["docker", "exec", name, "pushproof", "env", "--format", "dotenv", "--wait", "120"]
        printed = subprocess.run(env, check=True, capture_output=True, text=True, timeout=150).stdout
        assert f"AWS_ENDPOINT_URL=http://127.0.0.1:{port}\n" in printed
        stopped = subprocess.run(["docker", "stop", name], check=True, capture_output=True, timeout=60)
        assert stopped.returncode == 0
        assert engine.containers.get(name).attrs["State"]["ExitCode"] == 0
    finally:
        subprocess.run(["docker", "rm", "--force", "--volumes", name], check=True, capture_output=True, timeout=60)
