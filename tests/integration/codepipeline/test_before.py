"""The task before a deployment: the project of stage Before, run with real containers in environments/dev."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from pushproof import Clients
from pushproof.checks.iam import IamChecks
from pushproof.drill.observation import wait_for

FIRST_COMMAND = ["python3", "-m", "webapp.migrate"]


def variables_of(project: dict[str, Any]) -> dict[str, str]:
    return {variable["name"]: variable["value"] for variable in project["environment"]["environmentVariables"]}


@pytest.fixture
def project(optional: Any, aws: Clients) -> dict[str, Any]:
    """The project that runs the task, as CodeBuild shows it."""
    name = f"{optional['build_project_name']}-before"
    (found,) = aws("codebuild").batch_get_projects(names=[name])["projects"]
    made: dict[str, Any] = found
    return made


def test_the_project_runs_the_command_of_the_environment(project: dict[str, Any], optional: Any) -> None:
    """It runs the words of the command in the service's container and cluster, under a family of its own, and may take an hour."""
    variables = variables_of(project)
    assert json.loads(variables.pop("COMMAND")) == FIRST_COMMAND
    assert variables == {
        "CLUSTER_NAME": optional["cluster_name"],
        "SERVICE_NAME": optional["service_name"],
        "CONTAINER_NAME": optional["container_name"],
        "FAMILY": project["name"],
    }
    assert project["timeoutInMinutes"] == 60
    assert not project["environment"]["privilegedMode"]


def test_the_task_comes_after_the_build_and_before_the_deployment(
    project: dict[str, Any], optional: Any, aws: Clients
) -> None:
    """Stage Before runs the project on what the build leaves."""
    stages = aws("codepipeline").get_pipeline(name=optional["pipeline_name"])["pipeline"]["stages"]
    assert [stage["name"] for stage in stages] == ["Source", "Build", "Before", "Deploy"]
    (build,), (before,) = stages[1]["actions"], stages[2]["actions"]
    assert before["configuration"] == {"ProjectName": project["name"]}
    assert before["inputArtifacts"] == build["outputArtifacts"]


def test_its_log_is_kept(project: dict[str, Any], aws: Clients) -> None:
    """The log group exists, is the project's own, and is kept for a month."""
    group = project["logsConfig"]["cloudWatchLogs"]["groupName"]
    (found,) = aws("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert (found["logGroupName"], found["retentionInDays"]) == (f"/aws/codebuild/{project['name']}", 30)


def test_its_role_is_its_own(project: dict[str, Any], iam_checks: Callable[..., IamChecks], optional: Any) -> None:
    """CodeBuild alone assumes the role, for this project alone; the build's role cannot run tasks."""
    role = project["serviceRole"].rpartition("/")[2]
    assert role == project["name"]
    iam = iam_checks(optional)
    assert iam.can_be_assumed_only_by(role, "codebuild.amazonaws.com", source_arn=project["arn"])
    assert iam.is_scoped(role)
    assert iam.every_permission_can_apply(role)


@pytest.mark.docker
@pytest.mark.target_needs("containers", "builds")
def test_the_exit_code_decides(project: dict[str, Any], optional: Any, own_aws: Clients, target: Any) -> None:
    """The task runs in the image of the image definitions; a command that fails fails the build, which says so in its log."""
    secret = own_aws("secretsmanager")
    secret.put_secret_value(SecretId=optional["database_secret_arn"], SecretString="postgresql://db.internal/shop")
    image = target.build_environment()["BASE_IMAGE"]
    source = io.BytesIO()
    with zipfile.ZipFile(source, "w") as archive:
        definitions = [{"name": "other", "imageUri": "none"}, {"name": optional["container_name"], "imageUri": image}]
        archive.writestr("imagedefinitions.json", json.dumps(definitions))
    bucket = optional["artifacts_bucket_name"]
    own_aws("s3").put_object(Bucket=bucket, Key="before/source.zip", Body=source.getvalue())
    builds = own_aws("codebuild")

    def start(command: list[str]) -> str:
        override = {"name": "COMMAND", "value": json.dumps(command), "type": "PLAINTEXT"}
        started = builds.start_build(
            projectName=project["name"],
            sourceTypeOverride="S3",
            sourceLocationOverride=f"{bucket}/before/source.zip",
            artifactsOverride={"type": "NO_ARTIFACTS"},
            environmentVariablesOverride=[override],
        )
        return str(started["build"]["id"])

    def ended(identity: str) -> tuple[str, str]:
        def status() -> dict[str, Any] | None:
            (build,) = builds.batch_get_builds(ids=[identity])["builds"]
            return build if build["buildStatus"] != "IN_PROGRESS" else None

        build = wait_for(status, what="the build to end", clock=target.clock, within=3600)
        stream = build["logs"]
        events = own_aws("logs").get_log_events(logGroupName=stream["groupName"], logStreamName=stream["streamName"])
        return str(build["buildStatus"]), "".join(event["message"] for event in events["events"])

    good, bad = (
        start(["python3", "-c", "import os; assert os.environ['DATABASE_URL']"]),
        start(["python3", "-c", "exit(3)"]),
    )
    status, log = ended(good)
    assert status == "SUCCEEDED", log
    status, log = ended(bad)
    assert status == "FAILED", log
    assert "The task before the deployment ended with exit code 3" in log
    listed = own_aws("ecs").list_task_definitions(familyPrefix=project["name"])["taskDefinitionArns"]
    assert len(listed) == 2
