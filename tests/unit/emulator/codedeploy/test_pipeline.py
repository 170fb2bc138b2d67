"""The action CodeDeployToECS of a pipeline.

https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECSbluegreen.html
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from tests.unit.emulator.codedeploy.bluegreen import BlueGreen

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "codepipeline.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
# https://docs.aws.amazon.com/codepipeline/latest/userguide/how-to-custom-role.html (CodeDeployToECS)
ALLOWED = [
    "s3:GetObject*",
    "s3:PutObject*",
    "s3:GetBucket*",
    "s3:ListBucket",
    "codedeploy:CreateDeployment",
    "codedeploy:GetDeployment",
    "codedeploy:GetApplication",
    "codedeploy:GetApplicationRevision",
    "codedeploy:RegisterApplicationRevision",
    "codedeploy:GetDeploymentConfig",
    "ecs:RegisterTaskDefinition",
    "ecs:TagResource",
    "iam:PassRole",
]
APPSPEC = """\
version: 0.0
Resources:
  - TargetService:
      Type: AWS::ECS::Service
      Properties:
        TaskDefinition: <TASK_DEFINITION>
        LoadBalancerInfo:
          ContainerName: "app"
          ContainerPort: 8080
"""


class Delivery:
    """A pipeline from an object in a bucket to the deployment group."""

    def __init__(self, blue_green: BlueGreen, **changes: Any) -> None:
        self.blue_green, world = blue_green, blue_green.world
        blue_green.group()
        self.pipeline, self.s3 = world.administrator("codepipeline"), world.administrator("s3")
        for bucket in ("source", "store"):
            self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
            self.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        role = blue_green.iam.create_role(RoleName="pipeline", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"][
            "Arn"
        ]
        self.allow(ALLOWED)
        definition = {
            "family": "app",
            "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"],
            "cpu": "256",
            "memory": "512",
            "executionRoleArn": blue_green.stack.role,
            "containerDefinitions": [
                {"name": "app", "image": "<IMAGE1_NAME>", "portMappings": [{"containerPort": 8080}]}
            ],
        }
        self.files = {
            "taskdef.json": json.dumps(definition),
            "appspec.yaml": APPSPEC,
            "imageDetail.json": json.dumps({"ImageURI": "app:v2"}),
        }
        configuration = {
            "ApplicationName": "app",
            "DeploymentGroupName": "main",
            "TaskDefinitionTemplateArtifact": "code",
            "AppSpecTemplateArtifact": "code",
            "Image1ArtifactName": "code",
            "Image1ContainerName": "IMAGE1_NAME",
            **changes,
        }
        source = {
            "name": "Source",
            "actionTypeId": {"category": "Source", "owner": "AWS", "provider": "S3", "version": "1"},
            "configuration": {"S3Bucket": "source", "S3ObjectKey": "code.zip", "PollForSourceChanges": "false"},
            "outputArtifacts": [{"name": "code"}],
        }
        deploy = {
            "name": "Deploy",
            "actionTypeId": {"category": "Deploy", "owner": "AWS", "provider": "CodeDeployToECS", "version": "1"},
            "configuration": {name: value for name, value in configuration.items() if value is not None},
            "inputArtifacts": [{"name": "code"}],
        }
        self.put()
        self.pipeline.create_pipeline(
            pipeline={
                "name": "app",
                "roleArn": role,
                "artifactStore": {"type": "S3", "location": "store"},
                "stages": [{"name": "Source", "actions": [source]}, {"name": "Deploy", "actions": [deploy]}],
            }
        )

    def allow(self, actions: list[str]) -> None:
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
        self.blue_green.iam.put_role_policy(RoleName="pipeline", PolicyName="own", PolicyDocument=json.dumps(document))

    def put(self, **changes: str | None) -> None:
        """Upload the source; a change to None leaves a file out."""
        files = {**self.files, **{name.replace("_", "."): text for name, text in changes.items()}}
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, text in files.items():
                if text is not None:
                    archive.writestr(name, text)
        self.s3.put_object(Bucket="source", Key="code.zip", Body=buffer.getvalue())

    def action(self) -> dict[str, Any]:
        """Return the newest execution of the deploy action, when it has ended."""

        def ended() -> bool:
            executions = self.pipeline.list_pipeline_executions(pipelineName="app")["pipelineExecutionSummaries"]
            return bool(executions) and executions[0]["status"] != "InProgress"

        self.blue_green.stack.until(ended, within=50_000)
        details = self.pipeline.list_action_executions(pipelineName="app")["actionExecutionDetails"]
        shown: dict[str, Any] = next(item for item in details if item["stageName"] == "Deploy")
        return shown

    def push(self, **changes: str | None) -> dict[str, Any]:
        self.put(**changes)
        self.pipeline.start_pipeline_execution(name="app")
        return self.action()


def test_a_push_deploys(blue_green: BlueGreen) -> None:
    """The action registers the filled definition, and succeeds when the original task set is gone."""
    delivery = Delivery(blue_green)
    action = delivery.action()
    assert action["status"] == "Succeeded"
    identifier = action["output"]["executionResult"]["externalExecutionId"]
    assert blue_green.shown(identifier)["status"] == "Succeeded"
    assert blue_green.requests() == {("app:2", 200): 100}
    described = blue_green.ecs.describe_task_definition(taskDefinition="app:2")["taskDefinition"]
    assert described["containerDefinitions"][0]["image"] == "app:v2"


def test_a_bad_image_fails_the_action_and_leaves_the_old_revision(blue_green: BlueGreen) -> None:
    """The message of the action names the deployment, its error code and the reason; production never left blue."""
    blue_green.stack.runtime.add_image("app:bad", {"exit-after": 1})
    delivery = Delivery(blue_green)
    assert delivery.action()["status"] == "Succeeded"
    action = delivery.push(imageDetail_json=json.dumps({"ImageURI": "app:bad"}))
    assert action["status"] == "Failed"
    result = action["output"]["executionResult"]
    assert result["errorDetails"]["message"] == (
        f"Deployment {result['externalExecutionId']} failed. Error code: TIMEOUT; Error message: The deployment timed out while "
        "waiting for the replacement task set to become healthy. This time out period is 60 minutes."
    )
    assert blue_green.requests() == {("app:2", 200): 100}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"taskdef_json": None}, "Exception while trying to read the task definition artifact file from: code"),
        ({"appspec_yaml": None}, "Exception while trying to read the app spec artifact file from: code"),
        ({"imageDetail_json": None}, "Exception while trying to read the image artifact file from: code"),
        (
            {"imageDetail_json": '[{"name": "app", "imageUri": "x"}]'},
            "Exception while trying to parse the image URI file",
        ),
        ({"taskdef_json": "{"}, "The task definition template is not JSON"),
    ],
)
def test_a_missing_file_is_a_wrong_configuration(
    blue_green: BlueGreen, changes: dict[str, str | None], words: str
) -> None:
    """A lack of the templates is told in the words that users recorded, and no deployment is created."""
    delivery = Delivery(blue_green)
    delivery.action()
    before = len(blue_green.codedeploy.list_deployments()["deployments"])
    error = delivery.push(**changes)["output"]["executionResult"]["errorDetails"]
    assert error["code"] == "ConfigurationError"
    assert error["message"].startswith(f"Invalid action configuration. {words}")
    assert len(blue_green.codedeploy.list_deployments()["deployments"]) == before


def test_the_role_of_the_pipeline_is_enforced(blue_green: BlueGreen) -> None:
    """The action fails with a permission error without codedeploy:CreateDeployment."""
    delivery = Delivery(blue_green)
    delivery.action()
    delivery.allow([action for action in ALLOWED if action != "codedeploy:CreateDeployment"])
    error = delivery.push()["output"]["executionResult"]["errorDetails"]
    assert error["code"] == "PermissionError"
    assert "codedeploy:CreateDeployment" in error["message"]
