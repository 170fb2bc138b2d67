"""Builds: phases, contexts, events, logs, time limits; in-process, commands by script."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pushproof.base.clock import VirtualClock
from pushproof.emulator.kernel.builds import PipelineHandoff
from pushproof.emulator.kernel.loop import VirtualLoop
from pushproof.emulator.kernel.settings import CodeBuildSettings, LimitSettings, WorldSettings
from pushproof.emulator.runtime.equipment import Equipment
from pushproof.emulator.runtime.scripted.builder import ScriptedBuilder, ScriptedCommand
from pushproof.emulator.world import World

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
BUILDSPEC = """\
version: 0.2
env:
  variables: {A: spec, B: spec, C: spec}
  exported-variables: [IMAGE_TAG]
phases:
  pre_build:
    commands: [login, tag]
  build:
    commands: [test, image]
    finally: [tidy]
  post_build:
    commands: [push, define]
artifacts:
  files: [imagedefinitions.json]
"""
ALL_PHASES = [
    "SUBMITTED", "QUEUED", "PROVISIONING", "DOWNLOAD_SOURCE", "INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD",
    "UPLOAD_ARTIFACTS", "FINALIZING", "COMPLETED",
]  # fmt: skip


def scripts(*_: object) -> Equipment:
    """A script for the commands of tests."""
    builder = ScriptedBuilder(
        [
            ScriptedCommand("^tag$", exports={"IMAGE_TAG": "dev-abc1234"}),
            ScriptedCommand("^define$", writes={"imagedefinitions.json": '[{"name":"app","imageUri":"r:$IMAGE_TAG"}]'}),
        ]
    )
    return Equipment(builds=builder)


class Builds:
    """A virtual world with a bucket, a role, a project, and a script for its commands."""

    def __init__(self, world: World) -> None:
        self.world = world
        assert isinstance(world.equipment.builds, ScriptedBuilder)
        self.builder = world.equipment.builds
        self.client = world.administrator("codebuild")
        self.s3 = world.administrator("s3")
        self.s3.create_bucket(Bucket="store", CreateBucketConfiguration={"LocationConstraint": world.region})
        iam = world.administrator("iam")
        iam.create_role(RoleName="build", AssumeRolePolicyDocument=json.dumps(TRUST))
        iam.put_role_policy(RoleName="build", PolicyName="all", PolicyDocument=json.dumps(ALL))

    def project(self, buildspec: str = BUILDSPEC, **members: Any) -> None:
        """Create the project, with an S3 source that holds the buildspec."""
        self.source({"buildspec.yml": buildspec})
        environment = {
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/standard:7.0",
            "computeType": "BUILD_GENERAL1_SMALL",
            "privilegedMode": True,
            "environmentVariables": [{"name": "A", "value": "project"}, {"name": "B", "value": "project"}],
            **members.pop("environment", {}),
        }
        self.client.create_project(
            **{
                "name": "app",
                "source": {"type": "S3", "location": "store/source.zip"},
                "artifacts": {"type": "S3", "location": "store", "path": "out", "name": "app.zip", "packaging": "ZIP"},
                "environment": environment,
                "serviceRole": f"arn:aws:iam::{self.world.account_id}:role/build",
                **members,
            }
        )

    def source(self, files: dict[str, str]) -> None:
        """Put a source zip into the bucket."""
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for path, text in files.items():
                archive.writestr(path, text)
        self.s3.put_object(Bucket="store", Key="source.zip", Body=out.getvalue())

    def start(self, **members: Any) -> str:
        """Start a build; its id."""
        return str(self.client.start_build(projectName="app", **members)["build"]["id"])

    def get(self, build_id: str) -> dict[str, Any]:
        """The build as BatchGetBuilds shows it."""
        found: dict[str, Any] = self.client.batch_get_builds(ids=[build_id])["builds"][0]
        return found

    def finish(self, build_id: str) -> dict[str, Any]:
        """The build once it is complete."""
        self.world.loop.run_until(lambda: self.get(build_id)["buildComplete"], within=40_000)  # type: ignore[attr-defined]
        self.world.loop.advance(1)  # type: ignore[attr-defined]
        return self.get(build_id)

    def run(self, **members: Any) -> dict[str, Any]:
        """Start a build and wait for its end."""
        return self.finish(self.start(**members))

    def log(self, build: dict[str, Any]) -> list[str]:
        """The build's log, without its time stamps."""
        logs = build["logs"]
        events = self.world.administrator("logs").get_log_events(
            logGroupName=logs["groupName"], logStreamName=logs["streamName"], startFromHead=True
        )["events"]
        lines = [event["message"].rstrip("\n") for event in events]
        return [f"[Container] {line.split(' ', 3)[3]}" if line.startswith("[Container] 2") else line for line in lines]

    def phase(self, build: dict[str, Any], name: str) -> tuple[str, str, str]:
        """A phase's status and its context's code and message."""
        found = next(phase for phase in build["phases"] if phase["phaseType"] == name)
        return (found["phaseStatus"], found["contexts"][0]["statusCode"], found["contexts"][0]["message"])


def virtual(settings: WorldSettings | None = None) -> World:
    """A virtual world whose clock starts today: CloudWatch Logs refuses lines older than two weeks."""
    return World(settings, loop=VirtualLoop(VirtualClock(float(int(time.time())))), equip=scripts)


@pytest.fixture
def builds() -> Iterator[Builds]:
    """A world to build in."""
    with virtual() as world:
        yield Builds(world)


def test_a_build_goes_through_every_phase_and_leaves_its_artifact(builds: Builds) -> None:
    """All phases in order, the zip in the bucket, exported variables and the artifact's checksum shown."""
    builds.project()
    build = builds.run()
    assert build["buildStatus"] == "SUCCEEDED"
    assert [phase["phaseType"] for phase in build["phases"]] == ALL_PHASES
    assert build["id"].startswith("app:")
    assert build["buildNumber"] == 1
    assert build["exportedEnvironmentVariables"] == [{"name": "IMAGE_TAG", "value": "dev-abc1234"}]
    assert build["artifacts"]["location"] == "arn:aws:s3:::store/out/app.zip"
    with zipfile.ZipFile(io.BytesIO(builds.s3.get_object(Bucket="store", Key="out/app.zip")["Body"].read())) as archive:
        assert archive.namelist() == ["imagedefinitions.json"]
        assert b"r:dev-abc1234" in archive.read("imagedefinitions.json")
    assert builds.builder.opened[0].killed


def test_the_log_reads_like_codebuilds(builds: Builds) -> None:
    """Group /aws/codebuild/<project>, stream the build's id, and the agent's own lines around the commands'."""
    builds.project()
    build = builds.run()
    assert build["logs"]["groupName"] == "/aws/codebuild/app"
    assert build["logs"]["streamName"] == build["id"].partition(":")[2]
    log = builds.log(build)
    wanted = [
        "[Container] Phase is DOWNLOAD_SOURCE", "[Container] Phases found in YAML: 3", "[Container] Entering phase BUILD",
        "[Container] Running command test", "[Container] Running command tidy",
        "[Container] Phase complete: BUILD State: SUCCEEDED", "[Container] Phase context status code:  Message: ",
        "[Container] Found 1 file(s)", "[Container] Phase complete: UPLOAD_ARTIFACTS State: SUCCEEDED",
    ]  # fmt: skip
    positions = [log.index(line, 0) for line in wanted if line in log]
    assert len(positions) == len(wanted), [line for line in wanted if line not in log]


def test_a_failed_build_still_runs_post_build(builds: Builds) -> None:
    """The classic: docker push in post_build runs after failed tests; finally runs; the context names command and status."""
    builds.project()
    builds.builder.script.insert(0, ScriptedCommand("^test$", exit_status=1, output=("2 failed",)))
    build = builds.run()
    assert build["buildStatus"] == "FAILED"
    assert builds.phase(build, "BUILD") == (
        "FAILED", "COMMAND_EXECUTION_ERROR", "Error while executing command: test. Reason: exit status 1"
    )  # fmt: skip
    container = builds.builder.opened[0]
    assert container.commands == ["login", "tag", "test", "tidy", "push", "define"]
    assert container.variables["CODEBUILD_BUILD_SUCCEEDING"] == "0"
    assert builds.phase(build, "UPLOAD_ARTIFACTS")[0] == "SUCCEEDED"
    assert "2 failed" in builds.log(build)


def test_a_failed_pre_build_ends_the_commands(builds: Builds) -> None:
    """Neither build nor post_build nor the upload runs after a failed pre_build."""
    builds.project()
    builds.builder.script.insert(0, ScriptedCommand("^login$", exit_status=255))
    build = builds.run()
    assert [phase["phaseType"] for phase in build["phases"]] == [*ALL_PHASES[:6], "FINALIZING", "COMPLETED"]


@pytest.mark.parametrize(
    ("buildspec", "message"),
    [
        ("version: 0.2\nphases: [a\n  b: c", "did not find expected ',' or ']' at line 3"),
        (
            "version: 0.9\nphases: {build: {commands: [a]}}",
            "Unknown buildspec version '0.9' at line 1, expected 0.1 or 0.2",
        ),
    ],
)
def test_a_bad_buildspec_fails_download_source(builds: Builds, buildspec: str, message: str) -> None:
    """Invalid YAML and unknown versions are YAML_FILE_ERROR in DOWNLOAD_SOURCE, and no command runs."""
    builds.project(buildspec)
    build = builds.run()
    assert builds.phase(build, "DOWNLOAD_SOURCE") == ("FAILED", "YAML_FILE_ERROR", message)
    assert builds.builder.opened[0].commands == []
    assert f"[Container] Phase context status code: YAML_FILE_ERROR Message: {message}" in builds.log(build)


def test_a_missing_buildspec_is_named_by_its_path(builds: Builds) -> None:
    """A source without buildspec.yml fails as `stat … no such file or directory`."""
    builds.project()
    builds.source({"README": "x"})
    status, code, message = builds.phase(builds.run(), "DOWNLOAD_SOURCE")
    assert (status, code) == ("FAILED", "YAML_FILE_ERROR")
    assert message.endswith("/src/buildspec.yml: no such file or directory")


def test_artifacts_that_do_not_exist_fail_the_upload(builds: Builds) -> None:
    """No matching file is CLIENT_ERROR, `no matching artifact paths found`."""
    builds.project()
    builds.builder.script = [entry for entry in builds.builder.script if not entry.writes]
    build = builds.run()
    assert builds.phase(build, "UPLOAD_ARTIFACTS") == ("FAILED", "CLIENT_ERROR", "no matching artifact paths found")
    assert build["buildStatus"] == "FAILED"


def test_variables_come_from_start_build_then_project_then_buildspec(builds: Builds) -> None:
    """Commands see the variables by precedence, and CodeBuild's own variables win."""
    builds.project()
    overrides = [
        {"name": "A", "value": "start", "type": "PLAINTEXT"},
        {"name": "CODEBUILD_BUILD_ID", "value": "mine", "type": "PLAINTEXT"},
    ]
    build = builds.run(environmentVariablesOverride=overrides)
    variables = builds.builder.opened[0].variables
    assert [variables[name] for name in "ABC"] == ["start", "project", "spec"]
    assert variables["CODEBUILD_BUILD_ID"] == build["id"]
    assert variables["CODEBUILD_BUILD_NUMBER"] == "1"
    assert variables["AWS_REGION"] == builds.world.region
    assert variables["AWS_SESSION_TOKEN"]
    assert variables["HOME"] == "/root"


def test_parameters_and_secrets_are_resolved_with_the_projects_role(builds: Builds) -> None:
    """parameter-store and secrets-manager references become values, by JSON key; what is missing fails DOWNLOAD_SOURCE."""
    builds.world.administrator("ssm").put_parameter(Name="/p/a", Value="parameter", Type="String")
    builds.world.administrator("secretsmanager").create_secret(Name="db", SecretString='{"password":"s3cret"}')
    spec = "version: 0.2\nenv:\n  parameter-store: {P: /p/a}\n  secrets-manager: {S: 'db:%s'}\nphases: {build: {commands: [x]}}\n"
    builds.project(spec % "password", artifacts={"type": "NO_ARTIFACTS"})
    assert builds.run()["buildStatus"] == "SUCCEEDED"
    variables = builds.builder.opened[0].variables
    assert (variables["P"], variables["S"]) == ("parameter", "s3cret")
    builds.source({"buildspec.yml": spec % "user"})
    status, code, message = builds.phase(builds.run(), "DOWNLOAD_SOURCE")
    assert (status, code) == ("FAILED", "Secrets Manager Error")
    assert "user" in message


def test_the_time_limit_ends_a_build(builds: Builds) -> None:
    """A command that outlasts timeoutInMinutes is cut at that minute: TIMED_OUT, its container gone."""
    builds.project(timeoutInMinutes=20)
    builds.builder.script.insert(0, ScriptedCommand("^test$", seconds=3600))
    build = builds.run()
    assert build["buildStatus"] == "TIMED_OUT"
    assert builds.phase(build, "BUILD")[:2] == ("TIMED_OUT", "BUILD_TIMED_OUT")
    took = (build["endTime"] - build["startTime"]).total_seconds()
    assert 1200 <= took <= 1210
    assert builds.builder.opened[0].killed
    assert "POST_BUILD" not in [phase["phaseType"] for phase in build["phases"]]


def test_stop_build_stops(builds: Builds) -> None:
    """StopBuild ends the running phase as STOPPED at once."""
    builds.project()
    builds.builder.script.insert(0, ScriptedCommand("^test$", seconds=600))
    started = builds.start()
    builds.world.loop.run_until(lambda: builds.get(started)["currentPhase"] == "BUILD")  # type: ignore[attr-defined]
    builds.client.stop_build(id=started)
    build = builds.finish(started)
    assert build["buildStatus"] == "STOPPED"
    assert builds.phase(build, "BUILD")[0] == "STOPPED"
    assert builds.builder.opened[0].killed


def test_builds_beyond_the_quota_wait_in_the_queue() -> None:
    """The second build is QUEUED while there is room for one, and times out there if that takes too long."""
    settings = WorldSettings(codebuild=CodeBuildSettings(concurrent_builds=1))
    with virtual(settings) as world:
        builds = Builds(world)
        builds.project(queuedTimeoutInMinutes=5)
        first, second = builds.start(), builds.start()
        world.loop.run_until(lambda: builds.get(first)["currentPhase"] == "BUILD")  # type: ignore[attr-defined]
        assert builds.get(second)["currentPhase"] == "QUEUED"
        assert builds.finish(second)["buildStatus"] == "SUCCEEDED"
        builds.builder.script.insert(0, ScriptedCommand("^test$", seconds=1000))
        builds.start()
        assert builds.run()["buildStatus"] == "TIMED_OUT"


def test_retry_build_and_auto_retry(builds: Builds) -> None:
    """RetryBuild starts the next number; autoRetryLimit does so by itself after a failure, and links the builds."""
    builds.project(autoRetryLimit=1)
    builds.builder.script.insert(0, ScriptedCommand("^test$", exit_status=1))
    first = builds.run()
    again = first["autoRetryConfig"]["nextAutoRetry"].partition(":build/")[2]
    second = builds.finish(again)
    assert second["autoRetryConfig"]["previousAutoRetry"] == first["arn"]
    assert (second["buildNumber"], "nextAutoRetry" in second["autoRetryConfig"]) == (2, False)
    builds.builder.script.pop(0)
    third = builds.client.retry_build(id=second["id"])["build"]["id"]
    assert builds.finish(third)["buildStatus"] == "SUCCEEDED"
    assert builds.client.list_builds_for_project(projectName="app")["ids"] == [third, again, first["id"]]
    assert builds.client.list_builds(sortOrder="ASCENDING")["ids"] == [first["id"], again, third]
    deleted = builds.client.batch_delete_builds(ids=[third, "app:unknown"])
    assert deleted["buildsDeleted"][0].endswith(third)
    assert deleted["buildsNotDeleted"] == [{"id": "app:unknown", "statusCode": "BUILD_NOT_FOUND"}]


def test_every_change_is_announced(builds: Builds) -> None:
    """Build state changes IN_PROGRESS and SUCCEEDED, and a phase change for each phase, in AWS's envelope."""
    builds.project()
    build = builds.run()
    envelopes = [event.envelope for event in builds.world.bus.history if event.envelope["source"] == "aws.codebuild"]
    states = [e["detail"]["build-status"] for e in envelopes if e["detail-type"] == "CodeBuild Build State Change"]
    assert states == ["IN_PROGRESS", "SUCCEEDED"]
    phases = [e["detail"]["completed-phase"] for e in envelopes if e["detail-type"] == "CodeBuild Build Phase Change"]
    assert phases == ALL_PHASES[:-1]
    last = envelopes[-1]
    assert last["resources"] == [build["arn"]]
    assert last["detail"]["build-id"] == build["arn"]
    assert last["detail"]["additional-information"]["logs"]["group-name"] == "/aws/codebuild/app"
    assert last["detail"]["additional-information"]["initiator"] == build["initiator"]
    json.dumps(envelopes)


def test_without_privilege_there_is_no_docker_daemon(builds: Builds) -> None:
    """docker fails as it does on AWS without privilegedMode."""
    spec = "version: 0.2\nphases: {build: {commands: ['docker build .']}}\n"
    builds.project(spec, artifacts={"type": "NO_ARTIFACTS"}, environment={"privilegedMode": False})
    build = builds.run()
    assert build["buildStatus"] == "FAILED"
    assert any("Is the docker daemon running?" in line for line in builds.log(build))


def test_a_pipeline_hands_over_its_artifacts(builds: Builds) -> None:
    """CODEPIPELINE: the input artifact is fetched, the output artifact put back, the commit and the initiator shown."""
    builds.project(source={"type": "CODEPIPELINE", "buildspec": "buildspec.yml"}, artifacts={"type": "CODEPIPELINE"})
    ended: list[tuple[str, str]] = []
    service = builds.world.services["codebuild"]
    service.subscribe(lambda build_id, status: ended.append((build_id, status)))
    token = service.hand_over(
        PipelineHandoff(
            "shop", {"Source": ("store", "source.zip")}, {"Built": ("store", "shop/Built/x")}, "Source", "abc1234def"
        )
    )
    build = builds.run(idempotencyToken=token)
    assert build["initiator"] == "codepipeline/shop"
    assert build["resolvedSourceVersion"] == "abc1234def"
    assert builds.builder.opened[0].variables["CODEBUILD_RESOLVED_SOURCE_VERSION"] == "abc1234def"
    assert zipfile.is_zipfile(io.BytesIO(builds.s3.get_object(Bucket="store", Key="shop/Built/x")["Body"].read()))
    assert ended == [(build["id"], "SUCCEEDED")]


def test_a_source_that_cannot_be_had_fails_in_codebuilds_words(builds: Builds) -> None:
    """A missing object is CLIENT_ERROR naming the source version."""
    builds.project(source={"type": "S3", "location": "store/absent.zip"})
    status, code, message = builds.phase(builds.run(), "DOWNLOAD_SOURCE")
    assert (status, code) == ("FAILED", "CLIENT_ERROR")
    assert "for primary source and source version arn:aws:s3:::store/absent.zip" in message


@pytest.mark.parametrize(
    "cache", [{"type": "S3", "location": "store/cache"}, {"type": "LOCAL", "modes": ["LOCAL_CUSTOM_CACHE"]}]
)
def test_cache_paths_are_kept_until_the_cache_is_invalidated(builds: Builds, cache: dict[str, Any]) -> None:
    """Files below cache.paths are kept for the next build; InvalidateProjectCache starts anew."""
    spec = "version: 0.2\nphases: {build: {commands: [fill]}}\ncache: {paths: ['deps/**/*']}\n"
    builds.project(spec, artifacts={"type": "NO_ARTIFACTS"}, cache=cache)
    builds.builder.script.insert(0, ScriptedCommand("^fill$", writes={"deps/a/b": "kept"}))
    builds.run()
    builds.builder.script.pop(0)
    builds.run()
    assert builds.builder.opened[1].tree["deps/a/b"] == b"kept"
    builds.client.invalidate_project_cache(projectName="app")
    builds.run()
    assert "deps/a/b" not in builds.builder.opened[2].tree


def test_a_concurrent_build_limit_refuses_further_builds(builds: Builds) -> None:
    """A project's concurrentBuildLimit makes StartBuild fail with AccountLimitExceededException."""
    builds.project(concurrentBuildLimit=1)
    started = builds.start()
    with pytest.raises(ClientError) as refused:
        builds.start()
    assert refused.value.response["Error"]["Code"] == "AccountLimitExceededException"
    builds.finish(started)
    builds.run()


def test_unknown_names_are_resource_not_found(builds: Builds) -> None:
    """A project or build that does not exist is named in a ResourceNotFoundException, or listed as not found."""
    for call in (
        lambda: builds.client.start_build(projectName="none"),
        lambda: builds.client.stop_build(id="none:1"),
        lambda: builds.client.list_builds_for_project(projectName="none"),
    ):
        with pytest.raises(ClientError) as refused:
            call()
        assert refused.value.response["Error"]["Code"] == "ResourceNotFoundException"
    assert builds.client.batch_get_builds(ids=["none:1"])["buildsNotFound"] == ["none:1"]


@pytest.mark.parametrize(
    ("shell", "image", "status"),
    [
        ("", "aws/codebuild/standard:7.0", "FAILED"),
        ("env: {shell: /bin/sh}\n", "aws/codebuild/standard:7.0", "FAILED"),
        ("env: {shell: bash}\n", "aws/codebuild/standard:7.0", "SUCCEEDED"),
        ("", "aws/codebuild/amazonlinux2-x86_64-standard:5.0", "SUCCEEDED"),
    ],
)
def test_a_scripted_build_refuses_what_the_shell_would(builds: Builds, shell: str, image: str, status: str) -> None:
    """A scripted build fails on `set -o pipefail` in dash, which is sh on Ubuntu images, and passes in bash."""
    builds.project(
        f"version: 0.2\n{shell}phases: {{build: {{commands: ['set -o pipefail', '[[ a == a ]]']}}}}\n",
        environment={"image": image},
        artifacts={"type": "NO_ARTIFACTS"},
    )
    build = builds.run()
    assert build["buildStatus"] == status
    if status == "FAILED":
        assert builds.phase(build, "BUILD") == (
            "FAILED",
            "COMMAND_EXECUTION_ERROR",
            "Error while executing command: set -o pipefail. Reason: exit status 2",
        )
        assert "/codebuild/output/tmp/script.sh: 4: set: Illegal option -o pipefail" in builds.log(build)


def test_a_runtime_that_no_image_has_fails_download_source(builds: Builds) -> None:
    """`runtime-versions: docker` is a relic of the first images; today's log refuses it by name."""
    builds.project(
        "version: 0.2\nphases: {install: {runtime-versions: {docker: 20}}, build: {commands: [test]}}\n",
        artifacts={"type": "NO_ARTIFACTS"},
    )
    status, code, message = builds.phase(builds.run(), "DOWNLOAD_SOURCE")
    assert (status, code) == ("FAILED", "YAML_FILE_ERROR")
    assert message.startswith("Unknown runtime named 'docker'. This build image has the following runtimes: ")


def test_secondary_sources_are_fetched_and_described(builds: Builds) -> None:
    """build-env-ref-env-vars.html: each secondary source has its directory, version and URL in variables of its own."""
    builds.project(
        artifacts={"type": "NO_ARTIFACTS"},
        secondarySources=[{"type": "S3", "location": "store/source.zip", "sourceIdentifier": "lib"}],
    )
    build = builds.run()
    assert build["buildStatus"] == "SUCCEEDED"
    variables = builds.builder.opened[-1].variables
    assert variables["CODEBUILD_SRC_DIR_lib"] == "/codebuild/output/secondary/lib"
    assert variables["CODEBUILD_SOURCE_REPO_URL_lib"] == "s3://store/source.zip"
    assert variables["CODEBUILD_SOURCE_REPO_URL"] == "s3://store/source.zip"
    assert variables["CODEBUILD_BUILD_URL"].endswith(f"#/builds/{build['id']}/view/new")


def test_variables_that_belong_to_other_kinds_of_builds_are_not_set(builds: Builds) -> None:
    """Batch, webhook and public-build variables exist in such builds only."""
    builds.project(artifacts={"type": "NO_ARTIFACTS"})
    builds.run()
    names = set(builds.builder.opened[-1].variables)
    assert "CODEBUILD_BUILD_ARN" in names
    assert not {name for name in names if name.startswith(("CODEBUILD_WEBHOOK_", "CODEBUILD_BATCH_"))}
    assert not names & {"CODEBUILD_PUBLIC_BUILD_URL", "CODEBUILD_RESOLVED_SOURCE_VERSION"}


def refused(builds: Builds, **members: Any) -> str:
    """The message of an InvalidInputException that StartBuild answers, after which nothing has changed."""
    before = (builds.client.list_builds()["ids"], builds.client.batch_get_projects(names=["app"])["projects"])
    with pytest.raises(ClientError) as caught:
        builds.start(**members)
    assert caught.value.response["Error"]["Code"] == "InvalidInputException"
    after = (builds.client.list_builds()["ids"], builds.client.batch_get_projects(names=["app"])["projects"])
    assert after == before
    return str(caught.value.response["Error"]["Message"])


def test_overrides_are_refused_as_project_members_are(builds: Builds) -> None:
    """StartBuild refuses what CreateProject would, and a build of a pipeline's project without artifacts."""
    builds.project()
    assert "computeType" in refused(builds, computeTypeOverride="BUILD_LAMBDA_1GB")
    assert "location must be specified" in refused(builds, cacheOverride={"type": "S3"})
    assert "timeoutInMinutesOverride" in refused(builds, timeoutInMinutesOverride=2161)
    assert "ArtifactsOverride" in refused(builds, artifactsOverride={"type": "CODEPIPELINE"})
    twice = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
    assert "A is there twice" in refused(builds, environmentVariablesOverride=twice)
    builds.client.update_project(name="app", source={"type": "CODEPIPELINE"}, artifacts={"type": "CODEPIPELINE"})
    assert refused(builds) == "ArtifactsOverride must be set when using artifacts type CodePipelines"
    assert "SourceTypeOverride" in refused(builds, artifactsOverride={"type": "NO_ARTIFACTS"})


def test_a_token_is_good_for_five_minutes_and_for_one_request(builds: Builds) -> None:
    """API_StartBuild: repeating a request with its token starts nothing; another request with it is a mismatch."""
    builds.project()
    first = builds.start(idempotencyToken="t")
    assert builds.start(idempotencyToken="t") == first
    assert "mismatch" in refused(builds, idempotencyToken="t", sourceVersion="x")
    builds.world.loop.advance(301)  # type: ignore[attr-defined]
    assert builds.start(idempotencyToken="t") != first


def test_a_refused_hand_over_can_be_used_again(builds: Builds) -> None:
    """A build that a concurrent build limit refuses leaves the pipeline's hand-over as it was."""
    builds.project(source={"type": "CODEPIPELINE"}, artifacts={"type": "CODEPIPELINE"}, concurrentBuildLimit=1)
    service = builds.world.services["codebuild"]
    handoff = PipelineHandoff("pipe", {"s": ("store", "source.zip")}, {"b": ("store", "built.zip")}, "s", "rev")
    builds.start(idempotencyToken=service.hand_over(handoff))
    token = service.hand_over(handoff)
    with pytest.raises(ClientError, match="Cannot have more than 1 active builds"):
        builds.start(idempotencyToken=token)
    builds.world.loop.advance(3600)  # type: ignore[attr-defined]
    assert builds.finish(builds.start(idempotencyToken=token))["initiator"] == "codepipeline/pipe"


@pytest.mark.parametrize("image", ["aws/codebuild/windows-base:2019-3.0", "aws/codebuild/nonsense:1.0", "alpine:3"])
def test_an_image_that_is_not_there_cannot_be_pulled(builds: Builds, image: str) -> None:
    """PROVISIONING fails with BUILD_CONTAINER_UNABLE_TO_PULL_IMAGE; nothing runs in an image of another kind instead."""
    builds.project(environment={"image": image})
    assert builds.phase(builds.run(), "PROVISIONING")[:2] == ("FAILED", "BUILD_CONTAINER_UNABLE_TO_PULL_IMAGE")


def test_a_world_without_privileges_refuses_privileged_mode() -> None:
    """No container is opened for a project with privileged_mode, and the build says why; other builds run."""
    with World.virtual(WorldSettings(privileged=False), equip=scripts) as world:
        builds = Builds(world)
        builds.project(artifacts={"type": "NO_ARTIFACTS"})
        build = builds.run()
        assert build["buildStatus"] == "FAILED"
        (context,) = next(phase["contexts"] for phase in build["phases"] if phase["phaseType"] == "PROVISIONING")
        assert "privileged_mode" in context["message"]
        assert "--no-privileged" in context["message"]
        assert builds.builder.opened == []


def test_a_bomb_as_source_fails_the_build() -> None:
    """A source that unpacks to more than the world's setting fails DOWNLOAD_SOURCE, and nothing of it is unpacked."""
    with World.virtual(WorldSettings(limits=LimitSettings(archive_bytes=1_000_000)), equip=scripts) as world:
        builds = Builds(world)
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("bomb", bytes(2_000_000))
        builds.project()
        builds.s3.put_object(Bucket="store", Key="source.zip", Body=out.getvalue())
        build = builds.run()
        (context,) = next(phase["contexts"] for phase in build["phases"] if phase["phaseType"] == "DOWNLOAD_SOURCE")
        assert context["statusCode"] == "CLIENT_ERROR"
        assert "2000000 bytes" in context["message"]
        assert builds.builder.opened[0].tree == {}
