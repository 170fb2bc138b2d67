"""Builds in real containers: shells, Docker in Docker, and what goes wrong."""

from __future__ import annotations

import contextlib
import io
import json
import secrets
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from docker.errors import NotFound

from pushproof.emulator.kernel.settings import CodeBuildSettings, WorldSettings
from pushproof.emulator.runtime.docker.host import DockerHost, DockerUnavailable
from pushproof.emulator.runtime.equipment import docker_equipment
from pushproof.emulator.world import World

pytestmark = pytest.mark.docker

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


class Builds:
    """A world on Docker with a role, a bucket and one project."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.client = world.administrator("codebuild")
        self.s3 = world.administrator("s3")
        self.s3.create_bucket(Bucket="store", CreateBucketConfiguration={"LocationConstraint": world.region})
        iam = world.administrator("iam")
        iam.create_role(RoleName="build", AssumeRolePolicyDocument=json.dumps(TRUST))
        iam.put_role_policy(RoleName="build", PolicyName="all", PolicyDocument=json.dumps(ALL))
        self.client.create_project(
            name="app",
            source={"type": "S3", "location": "store/source.zip"},
            artifacts={"type": "NO_ARTIFACTS"},
            environment={
                "type": "LINUX_CONTAINER",
                "image": "aws/codebuild/standard:7.0",
                "computeType": "BUILD_GENERAL1_SMALL",
                "privilegedMode": True,
            },
            serviceRole=f"arn:aws:iam::{world.account_id}:role/build",
        )

    def run(self, files: dict[str, str], **members: Any) -> dict[str, Any]:
        """Build a source of these files; the build once it is complete."""
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for path, text in files.items():
                archive.writestr(path, text)
        self.s3.put_object(Bucket="store", Key="source.zip", Body=out.getvalue())
        return self.finish(self.start(**members))

    def start(self, **members: Any) -> str:
        """Start a build; its id."""
        return str(self.client.start_build(projectName="app", **members)["build"]["id"])

    def finish(self, build_id: str) -> dict[str, Any]:
        """Wait, without asking over and over, until CodeBuild says that the build is complete."""
        import threading

        ended = threading.Event()
        self.world.services["codebuild"].subscribe(lambda one, _: ended.set() if one == build_id else None)
        if not self.get(build_id)["buildComplete"]:
            assert ended.wait(180), self.get(build_id)
        return self.get(build_id)

    def get(self, build_id: str) -> dict[str, Any]:
        """The build as BatchGetBuilds shows it."""
        found: dict[str, Any] = self.client.batch_get_builds(ids=[build_id])["builds"][0]
        return found

    def log(self, build: dict[str, Any]) -> str:
        """The build's log."""
        logs = build["logs"]
        events = self.world.administrator("logs").get_log_events(
            logGroupName=logs["groupName"], logStreamName=logs["streamName"], startFromHead=True
        )["events"]
        return "".join(event["message"] for event in events)

    def context(self, build: dict[str, Any], phase: str) -> tuple[str, str, str]:
        """A phase's status and its context."""
        found = next(one for one in build["phases"] if one["phaseType"] == phase)
        return (found["phaseStatus"], found["contexts"][0]["statusCode"], found["contexts"][0]["message"])


@pytest.fixture(scope="module")
def builds() -> Iterator[Builds]:
    """A world whose builds run in containers."""
    settings = WorldSettings(speed=30, codebuild=CodeBuildSettings(shortest_build_limit=12))
    world_id = secrets.token_hex(4)
    try:
        host = DockerHost(world_id)
    except DockerUnavailable as error:
        pytest.skip(str(error))
    with World(settings, world_id=world_id, equip=docker_equipment(host)) as world:
        world.serve(host.bridge_address)
        yield Builds(world)


def spec(*commands: str, extra: str = "", version: str = "0.2") -> dict[str, str]:
    """A source whose build phase runs these commands."""
    lines = "".join(f"      - {json.dumps(command)}\n" for command in commands)
    return {
        "buildspec.yml": f"version: {version}\nphases:\n  build:\n    commands:\n{lines}{extra}",
        "a/b.txt": "hello\n",
    }


def test_commands_share_one_shell(builds: Builds) -> None:
    """Directory, variables and functions last from command to command in 0.2, also over phases and an exit."""
    build = builds.run(
        spec(
            "cd a", "X=kept", "say() { echo said $1; }", "say $X; cat b.txt; pwd", "exit 0", "echo still $X",
            extra="  post_build:\n    commands: ['echo later $X in $PWD']\n",
        )
    )  # fmt: skip
    log = builds.log(build)
    assert build["buildStatus"] == "SUCCEEDED", log
    assert "said kept\nhello\n/codebuild/output/src" in log
    assert "still kept\n" in log
    assert "later kept in /codebuild/output/src" in log


def test_version_0_1_keeps_nothing(builds: Builds) -> None:
    """Each command of a 0.1 buildspec has a shell of its own."""
    build = builds.run(spec("cd a; export X=kept", "echo [$X] ${PWD##*/}", version="0.1"))
    assert "[] src\n" in builds.log(build)


def test_sh_is_dash_on_ubuntu_images(builds: Builds) -> None:
    """Functions last over phases in dash too; bash-only syntax fails in dash's words, as on aws/codebuild/standard."""
    build = builds.run(
        spec(
            "say() { echo said $1; }", "say here", extra="  post_build:\n    commands: ['say later', '[[ a == a ]]']\n"
        )
    )
    log = builds.log(build)
    assert "said here\n" in log
    assert "said later\n" in log
    assert "\n/codebuild/output/tmp/script.sh: 4: " in log
    assert "[[: not found\n" in log
    assert builds.context(build, "POST_BUILD") == (
        "FAILED", "COMMAND_EXECUTION_ERROR", "Error while executing command: [[ a == a ]]. Reason: exit status 127"
    )  # fmt: skip
    build = builds.run(spec("set -euo pipefail"))
    assert "set: Illegal option -o pipefail" in builds.log(build)


@pytest.mark.parametrize(
    ("extra", "image"),
    [("env:\n  shell: bash\n", "aws/codebuild/standard:7.0"), ("", "aws/codebuild/amazonlinux2-x86_64-standard:5.0")],
)
def test_bash_runs_where_it_is_chosen_and_on_amazon_linux(builds: Builds, extra: str, image: str) -> None:
    """env.shell: bash chooses bash; on Amazon Linux images sh is bash, for scripts that name /bin/sh as well."""
    files = spec("set -o pipefail", "[[ a == a ]]", "names=(x y)", "echo ${names[1]}", "sh ./script", extra=extra)
    files["script"] = "[[ a == a ]] && echo script too\n" if not extra else "echo script too\n"
    build = builds.run(files, imageOverride=image)
    assert build["buildStatus"] == "SUCCEEDED", builds.log(build)
    assert "y\n" in builds.log(build)
    assert "script too\n" in builds.log(build)


def test_a_program_in_the_background_runs_on(builds: Builds) -> None:
    """A server that a command starts with & serves the commands after it, and does not hold the phase up."""
    build = builds.run(
        spec("python3 -m http.server 9000 &", "sleep 1; curl -sf http://127.0.0.1:9000/a/b.txt"),
        timeoutInMinutesOverride=5,
    )
    assert build["buildStatus"] == "SUCCEEDED", builds.log(build)
    assert "hello\n" in builds.log(build)


def test_a_build_is_the_projects_role(builds: Builds) -> None:
    """The AWS CLI reaches the world through AWS_ENDPOINT_URL, as the project's role; nothing of this machine is inside."""
    build = builds.run(spec("aws sts get-caller-identity --query Arn --output text", "env | sort"))
    log = builds.log(build)
    assert build["buildStatus"] == "SUCCEEDED", log
    assert "assumed-role/build/AWSCodeBuild-" in log
    names = {line.partition("=")[0] for line in log.splitlines() if "=" in line and not line.startswith("[")}
    unexpected = {
        name for name in names
        if not name.startswith(("AWS_", "CODEBUILD_")) and name not in
        {"CI", "HOME", "LANG", "PATH", "USER", "PWD", "OLDPWD", "SHLVL", "_", "LC_CTYPE"}
    }  # fmt: skip
    assert not unexpected


def test_a_failing_command_is_named_with_its_status(builds: Builds) -> None:
    """COMMAND_EXECUTION_ERROR names command and exit status; the rest of the phase is skipped, finally is not."""
    build = builds.run(
        spec("sh -c 'exit 7'", "echo never", extra="    finally: ['echo always $CODEBUILD_BUILD_SUCCEEDING']\n")
    )
    assert build["buildStatus"] == "FAILED"
    assert builds.context(build, "BUILD") == (
        "FAILED", "COMMAND_EXECUTION_ERROR", "Error while executing command: sh -c 'exit 7'. Reason: exit status 7"
    )  # fmt: skip
    log = builds.log(build)
    assert "always 0" in log
    assert "Running command echo never" not in log


def test_a_privileged_build_has_a_docker_daemon_of_its_own(builds: Builds) -> None:
    """An image is built from scratch with BuildKit, RUN included; the daemon has no image of the host's."""
    dockerfile = 'FROM scratch\nADD root.tar /\nRUN ["/bin/busybox", "echo", "ran inside"]\n'
    commands = (
        '[ -z "$(docker images -q)" ]',
        # A root file system out of what the build image has: one static program would do, so its libraries come along.
        "mkdir -p root/bin root/lib && cp /bin/echo root/bin/busybox && "
        "for lib in $(ldd /bin/echo | grep -o '/[^ ]*'); do mkdir -p root$(dirname $lib); cp $lib root$lib; done",
        "tar -C root -cf root.tar . && rm -r root",
        "DOCKER_BUILDKIT=1 docker build --progress plain -t made .",
        "docker run --rm --entrypoint /bin/busybox made it runs",
    )
    build = builds.run({**spec(*commands), "Dockerfile": dockerfile})
    log = builds.log(build)
    assert build["buildStatus"] == "SUCCEEDED", log
    assert "it runs\n" in log


def test_without_privilege_there_is_no_daemon(builds: Builds) -> None:
    """docker fails in the words that people search for."""
    build = builds.run(spec("docker ps"), privilegedModeOverride=False)
    assert build["buildStatus"] == "FAILED"
    assert (
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
        in builds.log(build)
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version: 0.2\nphases: [a\n  b: c", "did not find expected ',' or ']' at line 3"),
        (
            "version: 3\nphases: {build: {commands: [a]}}",
            "Unknown buildspec version '3' at line 1, expected 0.1 or 0.2",
        ),
    ],
)
def test_a_bad_buildspec_fails_before_any_command(builds: Builds, text: str, message: str) -> None:
    """Invalid YAML and unknown versions fail DOWNLOAD_SOURCE with YAML_FILE_ERROR."""
    build = builds.run({"buildspec.yml": text})
    assert builds.context(build, "DOWNLOAD_SOURCE") == ("FAILED", "YAML_FILE_ERROR", message)


def test_artifacts_and_exported_variables_come_out(builds: Builds) -> None:
    """Shell expansion in file names, the zip in the bucket, exported variables with their last values."""
    extra = (
        "artifacts:\n  files: ['out/$NAME.json']\n  base-directory: $BASE\n"
        "env:\n  exported-variables: [NAME]\n  variables: {NAME: before}\n"
    )
    build = builds.run(
        spec("NAME=defs BASE=dist", "mkdir -p dist/out && echo '[]' > dist/out/defs.json", extra=extra),
        artifactsOverride={"type": "S3", "location": "store", "name": "out.zip", "packaging": "ZIP"},
    )
    assert build["buildStatus"] == "SUCCEEDED", builds.log(build)
    assert build["exportedEnvironmentVariables"] == [{"name": "NAME", "value": "defs"}]
    body = builds.s3.get_object(Bucket="store", Key="out.zip")["Body"].read()
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.namelist() == ["out/defs.json"]


def test_the_cache_comes_back(builds: Builds) -> None:
    """Files below cache.paths exist in the next build's fresh container."""
    cache = {"type": "S3", "location": "store/cache"}
    extra = "cache:\n  paths: ['deps/**/*', '/root/.cache/**/*']\n"
    fill = spec("mkdir -p deps /root/.cache/x && echo one > deps/f && echo two > /root/.cache/x/g", extra=extra)
    assert builds.run(fill, cacheOverride=cache)["buildStatus"] == "SUCCEEDED"
    build = builds.run(spec("cat deps/f /root/.cache/x/g", extra=extra), cacheOverride=cache)
    assert "one\ntwo\n" in builds.log(build)


def test_the_time_limit_kills_the_container(builds: Builds) -> None:
    """A build that outlasts its limit is TIMED_OUT and its container gone."""
    build = builds.run(spec("echo waiting; tail -f /dev/null"), timeoutInMinutesOverride=5)
    assert build["buildStatus"] == "TIMED_OUT"
    assert builds.context(build, "BUILD")[0] == "TIMED_OUT"
    assert "waiting" in builds.log(build)
    assert not containers(builds)


def test_stop_build_kills_the_container(builds: Builds) -> None:
    """StopBuild during a command ends it at once and leaves nothing behind."""
    import threading

    reached = threading.Event()
    builds.world.gateway.observe(
        "logs", lambda call: reached.set() if "waiting here" in str(call.request) else None, "PutLogEvents"
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path, text in spec("echo waiting here; tail -f /dev/null").items():
            archive.writestr(path, text)
    builds.s3.put_object(Bucket="store", Key="source.zip", Body=out.getvalue())
    started = builds.start()
    assert reached.wait(60)
    builds.client.stop_build(id=started)
    assert builds.finish(started)["buildStatus"] == "STOPPED"
    assert not containers(builds)


def containers(builds: Builds) -> list[str]:
    """The world's containers, once those being removed are gone."""
    client = builds.world.equipment.engine.client
    found = client.containers.list(
        all=True, filters={"label": f"pushproof.world={builds.world.id}"}, ignore_removed=True
    )
    for container in found:
        # It may be gone since it was listed.
        with contextlib.suppress(NotFound):
            container.wait(condition="removed", timeout=20)
    return [c.name for c in client.containers.list(filters={"label": f"pushproof.world={builds.world.id}"})]
