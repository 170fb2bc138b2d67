"""Blue/green deployments of real containers by a pipeline, while clients send requests all the time."""

from __future__ import annotations

import io
import json
import secrets
import time
import urllib.error
import urllib.request
import zipfile
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from tests.unit.emulator.codedeploy.bluegreen import POLICY
from tests.unit.emulator.codedeploy.bluegreen import TRUST as CODEDEPLOY
from tests.unit.emulator.codedeploy.test_pipeline import ALLOWED, APPSPEC
from tests.unit.emulator.codedeploy.test_pipeline import TRUST as CODEPIPELINE

from pushproof.emulator.kernel.settings import EcsSettings, WorldSettings
from pushproof.emulator.runtime.docker.host import DockerHost, DockerUnavailable
from pushproof.emulator.runtime.docker.images import ensure_build_image
from pushproof.emulator.runtime.equipment import docker_equipment
from pushproof.emulator.world import World

pytestmark = pytest.mark.docker

PROGRAM = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = os.environ["REVISION"].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
"""
LONGEST = 200.0


class Shop:
    """A service of two real tasks that CodeDeploy deploys, and a pipeline from a bucket to its deployment group."""

    def __init__(self, world: World, image: str) -> None:
        self.world, self.image = world, image
        self.ecs, self.elbv2 = world.administrator("ecs"), world.administrator("elbv2")
        self.pipeline, self.codedeploy = world.administrator("codepipeline"), world.administrator("codedeploy")
        self.s3, ec2 = world.administrator("s3"), world.administrator("ec2")
        subnets = ec2.describe_subnets()["Subnets"][:2]
        self.subnets = [subnet["SubnetId"] for subnet in subnets]
        blue, _ = (self._group(name, subnets[0]["VpcId"]) for name in ("blue", "green"))
        self.balancer = self.elbv2.create_load_balancer(Name="shop", Subnets=self.subnets)["LoadBalancers"][0]
        self.listener = self.elbv2.create_listener(
            LoadBalancerArn=self.balancer["LoadBalancerArn"],
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": blue}],
        )["Listeners"][0]["ListenerArn"]
        self.ecs.create_cluster(clusterName="main")
        first = self.ecs.register_task_definition(**self.definition("one", image))["taskDefinition"]
        self.ecs.create_service(
            cluster="main",
            serviceName="shop",
            taskDefinition=first["taskDefinitionArn"],
            desiredCount=2,
            launchType="FARGATE",
            deploymentController={"type": "CODE_DEPLOY"},
            networkConfiguration={"awsvpcConfiguration": {"subnets": self.subnets}},
            loadBalancers=[{"targetGroupArn": blue, "containerName": "app", "containerPort": 8080}],
        )
        self._deliver()

    def _group(self, name: str, vpc: str) -> str:
        arn: str = self.elbv2.create_target_group(
            Name=name, Protocol="HTTP", Port=8080, VpcId=vpc, TargetType="ip", HealthCheckIntervalSeconds=30
        )["TargetGroups"][0]["TargetGroupArn"]
        delay = {"Key": "deregistration_delay.timeout_seconds", "Value": "60"}
        self.elbv2.modify_target_group_attributes(TargetGroupArn=arn, Attributes=[delay])
        return arn

    def _deliver(self) -> None:
        iam = self.world.administrator("iam")
        deployer = iam.create_role(RoleName="codedeploy", AssumeRolePolicyDocument=json.dumps(CODEDEPLOY))["Role"][
            "Arn"
        ]
        iam.attach_role_policy(RoleName="codedeploy", PolicyArn=POLICY)
        self.codedeploy.create_application(applicationName="shop", computePlatform="ECS")
        pair = {
            "targetGroups": [{"name": "blue"}, {"name": "green"}],
            "prodTrafficRoute": {"listenerArns": [self.listener]},
        }
        self.codedeploy.create_deployment_group(
            applicationName="shop",
            deploymentGroupName="shop",
            serviceRoleArn=deployer,
            deploymentConfigName="CodeDeployDefault.ECSCanary10Percent5Minutes",
            deploymentStyle={"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
            blueGreenDeploymentConfiguration={
                "terminateBlueInstancesOnDeploymentSuccess": {"action": "TERMINATE", "terminationWaitTimeInMinutes": 2}
            },
            autoRollbackConfiguration={"enabled": True, "events": ["DEPLOYMENT_FAILURE"]},
            loadBalancerInfo={"targetGroupPairInfoList": [pair]},
            ecsServices=[{"clusterName": "main", "serviceName": "shop"}],
        )
        for bucket in ("source", "store"):
            self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": self.world.region})
            self.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        role = iam.create_role(RoleName="pipeline", AssumeRolePolicyDocument=json.dumps(CODEPIPELINE))["Role"]["Arn"]
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ALLOWED, "Resource": "*"}]}
        iam.put_role_policy(RoleName="pipeline", PolicyName="own", PolicyDocument=json.dumps(document))
        source = {
            "name": "Source",
            "actionTypeId": {"category": "Source", "owner": "AWS", "provider": "S3", "version": "1"},
            "configuration": {"S3Bucket": "source", "S3ObjectKey": "code.zip", "PollForSourceChanges": "false"},
            "outputArtifacts": [{"name": "code"}],
        }
        deploy = {
            "name": "Deploy",
            "actionTypeId": {"category": "Deploy", "owner": "AWS", "provider": "CodeDeployToECS", "version": "1"},
            "configuration": {
                "ApplicationName": "shop",
                "DeploymentGroupName": "shop",
                "TaskDefinitionTemplateArtifact": "code",
                "AppSpecTemplateArtifact": "code",
                "Image1ArtifactName": "code",
                "Image1ContainerName": "IMAGE1_NAME",
            },
            "inputArtifacts": [{"name": "code"}],
        }
        self.declaration = {
            "name": "shop",
            "roleArn": role,
            "artifactStore": {"type": "S3", "location": "store"},
            "stages": [{"name": "Source", "actions": [source]}, {"name": "Deploy", "actions": [deploy]}],
        }

    def definition(
        self, revision: str, image: str, command: tuple[str, ...] = ("python3", "-c", PROGRAM)
    ) -> dict[str, Any]:
        """Return the request that registers a revision."""
        return {
            "family": "shop",
            "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"],
            "cpu": "256",
            "memory": "512",
            "containerDefinitions": [
                {
                    "name": "app",
                    "image": image,
                    "entryPoint": [],
                    "command": list(command),
                    "environment": [{"name": "REVISION", "value": revision}],
                    "portMappings": [{"containerPort": 8080}],
                }
            ],
        }

    def ask(self) -> tuple[str, int]:
        """Send a request; revision and status."""
        try:
            with urllib.request.urlopen(f"http://{self.balancer['DNSName']}/", timeout=30) as answer:
                return answer.read().decode(), answer.status
        except urllib.error.HTTPError as error:
            with error:
                return error.read().decode(), error.code

    def push(self, definition: dict[str, Any]) -> tuple[dict[str, Any], Counter[tuple[str, int]]]:
        """Start the pipeline with a definition, and send requests until its deployment has ended.

        Return the action's last execution, and the answers.
        """
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("taskdef.json", json.dumps(definition))
            archive.writestr("appspec.yaml", APPSPEC)
            archive.writestr("imageDetail.json", json.dumps({"ImageURI": self.image}))
        self.s3.put_object(Bucket="source", Key="code.zip", Body=buffer.getvalue())
        if any(item["name"] == "shop" for item in self.pipeline.list_pipelines()["pipelines"]):
            identifier = self.pipeline.start_pipeline_execution(name="shop")["pipelineExecutionId"]
        else:
            # A new pipeline runs by itself.
            self.pipeline.create_pipeline(pipeline=self.declaration)
            (execution,) = self.pipeline.list_pipeline_executions(pipelineName="shop")["pipelineExecutionSummaries"]
            identifier = execution["pipelineExecutionId"]
        answers: Counter[tuple[str, int]] = Counter()
        until = time.monotonic() + LONGEST
        while True:
            answers.update(self.ask() for _ in range(5))
            shown = self.pipeline.get_pipeline_execution(pipelineName="shop", pipelineExecutionId=identifier)
            if shown["pipelineExecution"]["status"] != "InProgress":
                break
            assert time.monotonic() < until, self.ecs.describe_services(cluster="main", services=["shop"])
        details = self.pipeline.list_action_executions(pipelineName="shop", filter={"pipelineExecutionId": identifier})[
            "actionExecutionDetails"
        ]
        return next(item for item in details if item["stageName"] == "Deploy"), answers

    def steady(self) -> bool:
        (shown,) = self.ecs.describe_services(cluster="main", services=["shop"])["services"]
        return {item["stabilityStatus"] for item in shown["taskSets"]} == {"STEADY_STATE"}


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    world_id = secrets.token_hex(4)
    try:
        host = DockerHost(world_id)
    except DockerUnavailable as error:
        pytest.skip(str(error))
    settings = WorldSettings(speed=60, enforce_network=False, ecs=EcsSettings(provisioning_seconds=1.0))
    with World(settings, world_id=world_id, equip=docker_equipment(host)) as world:
        world.serve(host.bridge_address)
        made = Shop(world, ensure_build_image(host.client))
        until = time.monotonic() + LONGEST
        while not made.steady() and time.monotonic() < until:
            made.ask()
        assert made.steady()
        yield made


def test_a_push_deploys_and_a_bad_one_rolls_back(shop: Shop) -> None:
    """Clients meet the new revision in its share, then always; a revision whose tasks stop never serves, and no request fails."""
    action, answers = shop.push(shop.definition("two", "<IMAGE1_NAME>"))
    assert action["status"] == "Succeeded"
    assert set(answers) == {("one", 200), ("two", 200)}
    assert Counter(shop.ask() for _ in range(20)) == {("two", 200): 20}
    action, answers = shop.push(shop.definition("bad", "<IMAGE1_NAME>", ("sh", "-c", "exit 3")))
    assert action["status"] == "Failed"
    assert "Error code: TIMEOUT" in action["output"]["executionResult"]["errorDetails"]["message"]
    assert set(answers) == {("two", 200)}
    failed = action["output"]["executionResult"]["externalExecutionId"]
    back = shop.codedeploy.get_deployment(deploymentId=failed)["deploymentInfo"]["rollbackInfo"]["rollbackDeploymentId"]
    shop.codedeploy.get_waiter("deployment_successful").wait(
        deploymentId=back, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    assert shop.codedeploy.get_deployment(deploymentId=back)["deploymentInfo"]["creator"] == "codeDeployRollback"
    assert Counter(shop.ask() for _ in range(20)) == {("two", 200): 20}
