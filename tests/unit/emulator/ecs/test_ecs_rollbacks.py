"""A rollback restores the service to its former settings.

Sources: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html ,
https://github.com/hashicorp/terraform-provider-aws/issues/19519 (`task_definition` read back after a rollback),
https://github.com/terraform-aws-modules/terraform-aws-ecs/issues/325.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

BROKEN = {"exit-after": 2, "exit-code": 1}
# Without a healthy minimum the old tasks go first, so that a rollback has something to start.
EAGER = {
    "deploymentCircuitBreaker": {"enable": True, "rollback": True},
    "minimumHealthyPercent": 0,
    "maximumPercent": 100,
}


@pytest.fixture
def rolled(stack: Any) -> Any:
    """A service that runs its first definition after the second was rolled back."""
    stack.runtime.add_image("app:bad", BROKEN)
    stack.good = stack.define("app:v1")
    stack.serve(stack.good)
    stack.settle()
    stack.bad = stack.deploy("app:bad")
    stack.settle()
    return stack


def revision(stack: Any) -> dict[str, Any]:
    """The members of the service that a deployment changes."""
    shown = stack.service()
    names = (
        "taskDefinition",
        "networkConfiguration",
        "loadBalancers",
        "platformVersion",
        "capacityProviderStrategy",
        "launchType",
        "serviceRegistries",
    )
    return {name: shown.get(name) for name in names}


def test_the_service_names_what_it_runs(rolled: Any) -> None:
    """The service and its only deployment name the good task definition."""
    shown = rolled.service()
    assert shown["taskDefinition"] == rolled.good
    assert [deployment["taskDefinition"] for deployment in shown["deployments"]] == [rolled.good]


@pytest.mark.parametrize("change", [{"desiredCount": 3}, {"healthCheckGracePeriodSeconds": 0}, {}])
def test_an_update_of_something_else_deploys_nothing(rolled: Any, change: dict[str, Any]) -> None:
    """A person or an autoscaler who scales the service does not deploy the broken revision again."""
    before = rolled.service()["deployments"][0]["id"]
    rolled.ecs.update_service(cluster="main", service="app", **change)
    shown = rolled.service()
    assert [(deployment["id"], deployment["taskDefinition"]) for deployment in shown["deployments"]] == [
        (before, rolled.good)
    ]
    rolled.settle()
    assert {task["taskDefinitionArn"] for task in rolled.tasks()} == {rolled.good}


def test_a_forced_deployment_deploys_the_good_revision(rolled: Any) -> None:
    """forceNewDeployment without a task definition runs the one that was rolled back to."""
    rolled.ecs.update_service(cluster="main", service="app", forceNewDeployment=True)
    assert rolled.service()["deployments"][0]["taskDefinition"] == rolled.good
    rolled.settle()
    assert rolled.service()["deployments"][0]["rolloutState"] == "COMPLETED"


def test_the_broken_revision_can_be_asked_for_again(rolled: Any) -> None:
    """Naming the broken definition is a change, and a deployment."""
    rolled.ecs.update_service(cluster="main", service="app", taskDefinition=rolled.bad)
    assert [deployment["taskDefinition"] for deployment in rolled.service()["deployments"]] == [rolled.bad, rolled.good]
    rolled.settle()
    assert rolled.service()["taskDefinition"] == rolled.good


def test_everything_the_deployment_changed_is_put_back(stack: Any) -> None:
    """Network, load balancers, platform and capacity providers go back with the task definition."""
    stack.ecs.put_cluster_capacity_providers(
        cluster="main", capacityProviders=["FARGATE", "FARGATE_SPOT"], defaultCapacityProviderStrategy=[]
    )
    stack.runtime.add_image("app:bad", BROKEN)
    stack.serve(stack.define("app:v1"))
    stack.settle()
    before = revision(stack)
    group = stack.target_group()
    stack.ecs.update_service(
        cluster="main",
        service="app",
        taskDefinition=stack.define("app:bad"),
        networkConfiguration={"awsvpcConfiguration": {"subnets": stack.subnets[:1], "securityGroups": [stack.group]}},
        loadBalancers=[{"targetGroupArn": group, "containerName": "app", "containerPort": 8080}],
        platformVersion="1.4.0",
        capacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT", "weight": 1}],
        forceNewDeployment=True,
    )
    assert all(revision(stack)[name] != before[name] for name in before if name not in ("serviceRegistries",))
    stack.settle()
    assert revision(stack) == before
    stack.ecs.update_service(cluster="main", service="app", desiredCount=3)
    stack.settle()
    assert len(stack.service()["deployments"]) == 1
    interfaces = [task["attachments"][0]["details"][0]["value"] for task in stack.tasks()]
    assert set(interfaces) == set(stack.subnets)
    assert {task.get("capacityProviderName") for task in stack.tasks()} == {None}


def test_what_is_no_part_of_a_revision_stays(stack: Any) -> None:
    """Desired count, deployment configuration and grace period are the service's own: no rollback undoes them."""
    stack.runtime.add_image("app:bad", BROKEN)
    stack.serve(stack.define("app:v1"), group=stack.target_group())
    stack.settle()
    stack.ecs.update_service(
        cluster="main",
        service="app",
        taskDefinition=stack.define("app:bad"),
        desiredCount=4,
        healthCheckGracePeriodSeconds=30,
        deploymentConfiguration={"maximumPercent": 150},
        propagateTags="SERVICE",
    )
    stack.settle()
    shown = stack.service()
    assert (shown["desiredCount"], shown["healthCheckGracePeriodSeconds"], shown["propagateTags"]) == (4, 30, "SERVICE")
    assert shown["deploymentConfiguration"]["maximumPercent"] == 150


def test_a_stopped_deployment_puts_the_service_back(stack: Any) -> None:
    """StopServiceDeployment with ROLLBACK, breaker or not, puts the service back at once."""
    good = stack.define("app:v1")
    stack.serve(good, deploymentConfiguration={})
    stack.settle()
    stack.deploy("app:v2")
    arn = stack.ecs.list_service_deployments(cluster="main", service="app")["serviceDeployments"][0][
        "serviceDeploymentArn"
    ]
    stack.ecs.stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")
    assert stack.service()["taskDefinition"] == good
    stack.ecs.update_service(cluster="main", service="app", desiredCount=3)
    assert stack.service()["deployments"][0]["taskDefinition"] == good
    stack.settle()
    (record,) = stack.ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"]
    assert record["status"] == "ROLLBACK_SUCCESSFUL"


def test_changes_while_a_rollback_runs(stack: Any) -> None:
    """Scaling during a rollback continues it; a new definition replaces it; it reads the good revision."""
    stack.runtime.add_image("app:bad", BROKEN)
    good = stack.define("app:v1")
    stack.serve(good, group=stack.target_group(), deploymentConfiguration=EAGER)
    stack.settle()
    stack.deploy("app:bad")
    stack.until(lambda: "rolling back" in stack.service()["deployments"][0]["rolloutStateReason"])
    assert stack.service()["taskDefinition"] == good
    stack.ecs.update_service(cluster="main", service="app", desiredCount=3)
    assert stack.service()["deployments"][0]["taskDefinition"] == good
    fixed = stack.deploy("app:v2")
    stack.settle()
    shown = stack.service()
    assert (shown["taskDefinition"], shown["runningCount"]) == (fixed, 3)
    statuses = [
        deployment["status"]
        for deployment in stack.ecs.list_service_deployments(cluster="main", service="app")["serviceDeployments"]
    ]
    assert statuses == ["SUCCESSFUL", "STOPPED", "SUCCESSFUL"]


def test_a_service_is_deleted_while_it_rolls_back(stack: Any) -> None:
    """DeleteService in the middle of a rollback ends with nothing left."""
    stack.runtime.add_image("app:bad", BROKEN)
    stack.serve(stack.define("app:v1"), group=stack.target_group(), deploymentConfiguration=EAGER)
    stack.settle()
    stack.deploy("app:bad")
    stack.until(lambda: "rolling back" in stack.service()["deployments"][0]["rolloutStateReason"])
    stack.ecs.delete_service(cluster="main", service="app", force=True)
    stack.until(lambda: stack.service()["status"] == "INACTIVE")
    stack.advance(60)
    assert stack.interfaces() == []
    assert stack.runtime.running == []


def test_without_anything_to_roll_back_to_the_failed_revision_stays(stack: Any) -> None:
    """A first deployment that fails leaves the service with its only definition, and launches nothing more."""
    stack.runtime.add_image("app:bad", BROKEN)
    bad = stack.define("app:bad")
    stack.serve(bad)
    stack.until(lambda: stack.service()["deployments"][0]["rolloutState"] == "FAILED")
    assert stack.service()["taskDefinition"] == bad


def test_new_tasks_follow_the_services_own_tag_settings(stack: Any) -> None:
    """Tag settings start no deployment, and hold for tasks launched after them (API_UpdateService)."""
    stack.serve(stack.define("app:v1"), tags=[{"key": "team", "value": "web"}])
    stack.settle()
    stack.ecs.update_service(cluster="main", service="app", propagateTags="SERVICE", desiredCount=3)
    assert len(stack.service()["deployments"]) == 1
    stack.settle()
    arns = stack.ecs.list_tasks(cluster="main")["taskArns"]
    tags = [task["tags"] for task in stack.ecs.describe_tasks(cluster="main", tasks=arns, include=["TAGS"])["tasks"]]
    assert sorted(map(len, tags)) == [0, 0, 1]


def _bundle(image: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("imagedefinitions.json", json.dumps([{"name": "app", "imageUri": image}]))
    return buffer.getvalue()


def _pipeline(stack: Any) -> Callable[[str], str]:
    """A pipeline from a bucket to the service; answers what pushes an image through it and gives the outcome."""
    world = stack.world
    iam, s3, pipelines = (world.administrator(name) for name in ("iam", "s3", "codepipeline"))
    trust = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "codepipeline.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
    )
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    role = iam.create_role(RoleName="pipeline", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.put_role_policy(RoleName="pipeline", PolicyName="all", PolicyDocument=json.dumps(everything))
    for bucket in ("source", "store"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": world.region})
    s3.put_bucket_versioning(Bucket="source", VersioningConfiguration={"Status": "Enabled"})

    def action(name: str, category: str, provider: str, configuration: dict[str, str], **more: Any) -> dict[str, Any]:
        kind = {"category": category, "owner": "AWS", "provider": provider, "version": "1"}
        return {"name": name, "actionTypeId": kind, "configuration": configuration, **more}

    bucket = {"S3Bucket": "source", "S3ObjectKey": "source.zip", "PollForSourceChanges": "false"}
    service = {"ClusterName": "main", "ServiceName": "app"}
    source = action("Source", "Source", "S3", bucket, outputArtifacts=[{"name": "Source"}])
    deploy = action("Deploy", "Deploy", "ECS", service, inputArtifacts=[{"name": "Source"}])
    s3.put_object(Bucket="source", Key="source.zip", Body=_bundle("app:v1"))
    pipelines.create_pipeline(
        pipeline={
            "name": "web",
            "roleArn": role,
            "artifactStore": {"type": "S3", "location": "store"},
            "stages": [{"name": "Source", "actions": [source]}, {"name": "Deploy", "actions": [deploy]}],
        }
    )

    def status(execution: str) -> str:
        shown: str = pipelines.get_pipeline_execution(pipelineName="web", pipelineExecutionId=execution)[
            "pipelineExecution"
        ]["status"]
        return shown

    def push(image: str) -> str:
        s3.put_object(Bucket="source", Key="source.zip", Body=_bundle(image))
        execution = pipelines.start_pipeline_execution(name="web")["pipelineExecutionId"]
        stack.until(lambda: status(execution) not in ("InProgress", "Stopping"))
        return status(execution)

    return push


def test_a_good_push_succeeds_after_a_broken_definition_was_rolled_back(stack: Any) -> None:
    """The ECS action copies the service's task definition: after a rollback, the good one with the new image.

    https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECS.html: "creates its own revision of the
    task definition based on the revision used by the Amazon ECS service".
    """
    stack.serve(stack.define("app:v1", command=["serve"]))
    stack.settle()
    stack.runtime.add_image("app:bad", BROKEN)
    stack.deploy("app:bad", command=["false"])
    stack.settle()
    assert _pipeline(stack)("app:v2") == "Succeeded"
    shown = stack.ecs.describe_task_definition(taskDefinition=stack.service()["taskDefinition"])["taskDefinition"]
    (container,) = shown["containerDefinitions"]
    assert (container["image"], container["command"]) == ("app:v2", ["serve"])
