"""The whole stack as people meet it: with the AWS CLI, Docker, skopeo and git, and with everything that can be pushed wrongly."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Stack

pytestmark = [pytest.mark.docker, pytest.mark.target_needs("containers", "builds", "load-balancer")]

# A build of a few seconds: no image is made, only what Deploy reads.
_ONLY_DEFINITIONS = """
version: 0.2
phases:
  build:
    commands:
      - {command}
artifacts:
  files:
    - {file}
"""


def only_definitions(content: str, file: str = "imagedefinitions.json") -> dict[str, str]:
    """A buildspec whose artifact is `file` with this content."""
    return {
        "definitions.txt": content,
        "buildspec.yml": _ONLY_DEFINITIONS.format(command=f"cp definitions.txt {file}", file=file),
    }


# What people look at first.


def test_the_aws_cli_sees_the_service_and_its_events(stack: Stack) -> None:
    """`aws ecs describe-services` shows the deployment and its events in AWS's words, newest first."""
    query = ["--cluster", stack["cluster_name"], "--services", stack["service_name"]]
    service = json.loads(stack.run("aws", "ecs", "describe-services", *query, "--output", "json").stdout)["services"][0]
    assert service["runningCount"] == service["desiredCount"] == 2
    assert [d["rolloutState"] for d in service["deployments"]] == ["COMPLETED"]
    assert service["events"][0]["message"].endswith("has reached a steady state.")


def test_the_aws_cli_waits_for_a_stable_service(stack: Stack) -> None:
    """`aws ecs wait services-stable` returns."""
    stack.run(
        "aws", "ecs", "wait", "services-stable", "--cluster", stack["cluster_name"], "--services", stack["service_name"]
    )


def test_the_aws_cli_sees_executions_and_stages(stack: Stack) -> None:
    """Executions name the commit; the state of the pipeline names every stage."""
    name = stack["pipeline_name"]
    listed = json.loads(
        stack.run("aws", "codepipeline", "list-pipeline-executions", "--pipeline-name", name, "--output", "json").stdout
    )
    newest = listed["pipelineExecutionSummaries"][0]
    assert newest["status"] == "Succeeded"
    assert newest["sourceRevisions"][0]["revisionId"] == stack.commit
    state = json.loads(
        stack.run("aws", "codepipeline", "get-pipeline-state", "--name", name, "--output", "json").stdout
    )
    shown = [(s["stageName"], s["latestExecution"]["status"]) for s in state["stageStates"]]
    assert shown == [("Source", "Succeeded"), ("Build", "Succeeded"), ("Deploy", "Succeeded")]


def test_the_aws_cli_sees_connections(stack: Stack) -> None:
    """The connection is AVAILABLE under its old name."""
    if not stack.drill.outputs.get("connection_arn"):
        pytest.skip("a bucket is the source: there is no connection")
    listed = json.loads(stack.run("aws", "codestar-connections", "list-connections", "--output", "json").stdout)
    statuses = {c["ConnectionArn"]: c["ConnectionStatus"] for c in listed["Connections"]}
    assert statuses[stack["connection_arn"]] == "AVAILABLE"


def test_the_aws_cli_sees_images(stack: Stack) -> None:
    """The image carries the commit's tag."""
    images = json.loads(
        stack.run(
            "aws", "ecr", "describe-images", "--repository-name", stack["repository_name"], "--output", "json"
        ).stdout
    )
    tags = [tag for image in images["imageDetails"] for tag in image.get("imageTags", [])]
    assert f"{stack['release_tag_prefix']}{stack.commit[:7]}" in tags


def test_logs_of_builds_and_tasks_can_be_tailed(stack: Stack) -> None:
    """`aws logs tail` shows what the build printed and what the application printed."""
    candidates = ["/usr/bin/aws", "/usr/local/bin/aws", "aws"]
    aws = next((path for path in candidates if shutil.which(path) and _is_version_2(stack, path)), None)
    if aws is None:
        pytest.skip("`aws logs tail` came with version 2 of the AWS CLI, which is not installed")
    url = stack.drill.target.environment().get("AWS_ENDPOINT_URL")
    # Version 2 reads that variable only since 2.13.
    endpoint = ["--endpoint-url", url] if url else []
    build = stack.run(aws, *endpoint, "logs", "tail", stack["build_log_group_name"], "--since", "1h").stdout
    assert "docker build" in build
    tasks = stack.run(aws, *endpoint, "logs", "tail", stack["task_log_group_name"], "--since", "1h").stdout
    assert stack.commit in tasks


def _is_version_2(stack: Stack, path: str) -> bool:
    return stack.run(path, "--version", check=False).stdout.startswith("aws-cli/2")


def test_skopeo_copies_out_of_the_registry_and_into_it(stack: Stack, tmp_path: Path) -> None:
    """A tool without any AWS support reads and writes the registry with a login token."""
    token = stack.run("aws", "ecr", "get-login-password").stdout.strip()
    image = f"docker://{stack['repository_url']}:{stack['release_tag_prefix']}{stack.commit[:7]}"
    cache = f"docker://{stack['repository_url'].rsplit('/', 1)[0]}/{stack['cache_repository_name']}:skopeo"
    folder = f"dir:{tmp_path}/image"
    login = ["--creds", f"AWS:{token}"]
    stack.run(
        "skopeo",
        "copy",
        "--quiet",
        "--src-tls-verify=false",
        *(f"--src-{w.lstrip('-')}" if w == "--creds" else w for w in login),
        image,
        folder,
    )
    assert (tmp_path / "image/manifest.json").exists()
    stack.run("skopeo", "copy", "--quiet", "--dest-tls-verify=false", "--dest-creds", login[1], folder, cache)


# What can be pushed wrongly.


def test_a_tag_cannot_be_pushed_twice(stack: Stack, tmp_path: Path) -> None:
    """Docker is refused when it pushes another image under an existing tag, with the reason."""
    docker = _docker(stack, tmp_path)
    tag = f"{stack['repository_url']}:{stack['release_tag_prefix']}{stack.commit[:7]}"
    (tmp_path / "Dockerfile").write_text("FROM scratch\nLABEL other=image\nCOPY Dockerfile /\n")
    stack.run(*docker, "build", "--quiet", "--tag", tag, str(tmp_path))
    try:
        refused = stack.run(*docker, "push", tag, check=False)
        assert refused.returncode != 0
        assert "cannot be overwritten because the tag is immutable" in refused.stdout + refused.stderr
    finally:
        stack.run(*docker, "image", "rm", "--force", tag, check=False)


def test_a_repository_that_is_not_there_cannot_be_pushed_to(stack: Stack, tmp_path: Path) -> None:
    """Docker receives the name of the missing repository."""
    docker = _docker(stack, tmp_path)
    tag = f"{stack['repository_url'].rsplit('/', 1)[0]}/nowhere:1"
    (tmp_path / "Dockerfile").write_text("FROM scratch\nLABEL a=b\nCOPY Dockerfile /\n")
    stack.run(*docker, "build", "--quiet", "--tag", tag, str(tmp_path))
    try:
        refused = stack.run(*docker, "push", tag, check=False)
        assert refused.returncode != 0
        assert "nowhere" in refused.stdout + refused.stderr
    finally:
        stack.run(*docker, "image", "rm", "--force", tag, check=False)


def _docker(stack: Stack, tmp_path: Path) -> list[str]:
    """A logged-in docker client with a configuration of its own."""
    docker = ["docker", "--config", str(tmp_path / "docker")]
    token = stack.run("aws", "ecr", "get-login-password").stdout.strip()
    registry = stack["repository_url"].split("/")[0]
    stack.run(*docker, "login", "--username", "AWS", "--password", token, registry)
    os.environ.pop("DOCKER_BUILDKIT", None)
    return docker


@pytest.mark.target_needs("git-push")
def test_a_push_to_a_branch_nobody_watches_starts_nothing(stack: Stack) -> None:
    """The pusher is informed, and no execution begins."""
    before = len(stack.drill.observer.executions())
    stack.checkout.commit("On another branch")
    said = stack.checkout.push("feature/other")
    assert "No pipeline watches branch feature/other" in said
    assert len(stack.drill.observer.executions()) == before


@pytest.mark.parametrize(
    ("files", "stage", "words"),
    [
        pytest.param(
            {"buildspec.yml": "version: 0.2\nphases:\n  build: [\n"},
            "Build",
            "YAML_FILE_ERROR",
            id="buildspec-is-no-yaml",
        ),
        pytest.param(
            {"buildspec.yml": "version: 9.9\nphases: {}\n"}, "Build", "version", id="buildspec-of-an-unknown-version"
        ),
        pytest.param(
            only_definitions("[]", file="other.json"), "Deploy", "imagedefinitions.json", id="image-definitions-missing"
        ),
        pytest.param(
            only_definitions("{not json"), "Deploy", "imagedefinitions.json", id="image-definitions-malformed"
        ),
        pytest.param(
            only_definitions('[{"name": "sidecar", "imageUri": "x"}]'),
            "Deploy",
            "sidecar",
            id="image-definitions-of-an-unknown-container",
        ),
    ],
)
def test_what_cannot_be_deployed_stops_the_pipeline_and_says_why(
    stack: Stack, files: dict[str, str], stage: str, words: str
) -> None:
    """The execution fails at the right stage, its message names the fault, and the former revision keeps serving."""
    before = stack.drill.observer.serving()
    outcome = stack.drill.outcome(stack.push(f"Broken: {words}", files))
    assert (outcome.status, outcome.stage) == ("Failed", stage)
    assert words in outcome.message
    after = stack.drill.observer.serving()
    assert (after.task_definitions, after.digests) == (before.task_definitions, before.digests)


def test_an_image_that_cannot_be_pulled_is_rolled_back(stack: Stack) -> None:
    """CannotPullContainerError, in the service's events and the tasks' reasons; the old revision serves on."""
    before = stack.drill.observer.serving()
    stack.drill.observer.new_events()
    missing = json.dumps([{"name": stack["container_name"], "imageUri": f"{stack['repository_url']}:dev-0000000"}])
    outcome = stack.drill.outcome(stack.push("An image nobody built", only_definitions(missing)))
    assert (outcome.status, outcome.stage) == ("Failed", "Deploy")
    _rolled_back_with(stack, "CannotPullContainerError", before.task_definitions)


def test_a_secret_that_does_not_exist_is_rolled_back(stack: Stack) -> None:
    """ResourceInitializationError names the secret; the old revision serves on."""
    ecs = stack.drill.target.client("ecs")
    before = stack.drill.observer.serving()
    definition = ecs.describe_task_definition(taskDefinition=next(iter(before.task_definitions)))["taskDefinition"]
    container = definition["containerDefinitions"][0]
    secret = stack["database_secret_arn"].replace("database-url", "no-such-secret")
    container["secrets"] = [{"name": "DATABASE_URL", "valueFrom": secret}]
    kept = ("family", "taskRoleArn", "executionRoleArn", "networkMode", "requiresCompatibilities", "cpu", "memory")
    revision = ecs.register_task_definition(containerDefinitions=[container], **{k: definition[k] for k in kept})
    arn = revision["taskDefinition"]["taskDefinitionArn"]
    ecs.update_service(cluster=stack["cluster_name"], service=stack["service_name"], taskDefinition=arn)
    _rolled_back_with(stack, "ResourceInitializationError", before.task_definitions)


def _rolled_back_with(stack: Stack, reason: str, definitions: frozenset[str]) -> None:
    """Wait for the rollback to be complete, then look for the reason among the stopped tasks'."""
    from pushproof.drill.observation import wait_for

    def restored() -> bool | None:
        service = stack.drill.observer.service()
        primary = next(d for d in service["deployments"] if d["status"] == "PRIMARY")
        done = primary["taskDefinition"] in definitions and primary["rolloutState"] == "COMPLETED"
        return True if done and len(service["deployments"]) == 1 else None

    wait_for(
        restored,
        what="the rollback",
        clock=stack.drill.target.clock,
        within=7200,
        last=lambda: str(stack.drill.observer.service()["events"][:3]),
    )
    ecs = stack.drill.target.client("ecs")
    stopped = ecs.list_tasks(cluster=stack["cluster_name"], desiredStatus="STOPPED")["taskArns"]
    reasons = [
        t.get("stoppedReason", "") for t in ecs.describe_tasks(cluster=stack["cluster_name"], tasks=stopped)["tasks"]
    ]
    assert any(reason in text for text in reasons), reasons
    assert stack.drill.observer.serving().task_definitions == definitions


def test_terraform_does_not_want_to_undo_the_deployments(stack: Stack) -> None:
    """A plan is empty after a good deployment and several bad ones."""
    assert stack.drill.perform("empty-plan")
