"""A process to be killed: it opens a world, brings it to a busy moment, reports that, and waits.

python scene.py <moment> <base image>
"""

from __future__ import annotations

import io
import json
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pushproof.base.environment import WORLD_VARIABLE
from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.runtime.docker.imagemaking import import_root, on_behalf_of
from pushproof.emulator.runtime.docker.images import SUITE
from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget
from pushproof.terraform.applied import apply_module

BUILDSPEC = """
version: 0.2
phases:
  build:
    commands:
      - docker version --format '{{.Server.Version}}'
      - echo it is built now
      - sleep 600
"""
TERRAFORM = """
terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

provider "aws" {}

resource "aws_s3_bucket" "first" {
  bucket = "first"
}

resource "terraform_data" "waiting" {
  depends_on = [aws_s3_bucket.first]
  provisioner "local-exec" {
    command = "sleep 601"
  }
}
"""
ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def until(question: Callable[[], Any], within: float = 120.0) -> None:
    """Ask until the answer is true."""
    limit = time.monotonic() + within
    while not question():
        if time.monotonic() > limit:
            raise SystemExit("the moment did not come")
        time.sleep(0.1)


def role(target: EmbeddedTarget, name: str, service: str) -> str:
    """A role that a service may take and that may do everything."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
    }
    iam = target.client("iam")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(ALL))
    return str(arn)


def build(target: EmbeddedTarget, _image: str) -> None:
    """A build with a Docker daemon of its own is in the middle of its commands."""
    s3, codebuild, logs = (target.client(name) for name in ("s3", "codebuild", "logs"))
    s3.create_bucket(Bucket="store", CreateBucketConfiguration={"LocationConstraint": target.region})
    source = io.BytesIO()
    with zipfile.ZipFile(source, "w") as archive:
        archive.writestr("buildspec.yml", BUILDSPEC)
    s3.put_object(Bucket="store", Key="source.zip", Body=source.getvalue())
    codebuild.create_project(
        name="app",
        source={"type": "S3", "location": "store/source.zip"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/standard:7.0",
            "computeType": "BUILD_GENERAL1_SMALL",
            "privilegedMode": True,
        },
        serviceRole=role(target, "build", "codebuild.amazonaws.com"),
    )
    started = codebuild.start_build(projectName="app")["build"]["id"]

    def said() -> bool:
        found = codebuild.batch_get_builds(ids=[started])["builds"][0]
        if found["buildComplete"]:
            raise SystemExit(f"the build ended: {found['phases']}")
        place = found.get("logs", {})
        if not place.get("streamName"):
            return False
        events = logs.get_log_events(logGroupName=place["groupName"], logStreamName=place["streamName"])["events"]
        return any(event["message"].strip() == "it is built now" for event in events)

    until(said)


def deployment(target: EmbeddedTarget, image: str) -> None:
    """Tasks of two revisions run: the new one's is never healthy."""
    ecs, ec2 = target.client("ecs"), target.client("ec2")
    subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]][:2]
    ecs.create_cluster(clusterName="shop")
    container = {"name": "web", "image": image, "command": ["sleep", "600"], "essential": True}
    never = {"command": ["CMD-SHELL", "exit 1"], "startPeriod": 300, "interval": 300}
    for extra in ({}, {"healthCheck": never}):
        ecs.register_task_definition(
            family="web",
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[{**container, **extra}],
        )
    ecs.create_service(
        cluster="shop",
        serviceName="web",
        taskDefinition="web:1",
        desiredCount=1,
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": subnets}},
    )

    def revisions() -> set[str]:
        arns = ecs.list_tasks(cluster="shop", serviceName="web")["taskArns"]
        tasks = ecs.describe_tasks(cluster="shop", tasks=arns)["tasks"] if arns else []
        return {task["taskDefinitionArn"].rsplit(":", 1)[1] for task in tasks if task["lastStatus"] == "RUNNING"}

    def completed() -> bool:
        found = ecs.describe_services(cluster="shop", services=["web"])["services"][0]["deployments"]
        return [one["rolloutState"] for one in found] == ["COMPLETED"]

    # A deployment that is not complete gives way at once to the next.
    until(completed)
    ecs.update_service(cluster="shop", service="web", taskDefinition="web:2")
    until(lambda: revisions() == {"1", "2"})


def apply(target: EmbeddedTarget, _image: str) -> None:
    """Terraform and its provider are in the middle of an apply."""
    source = target.directory("module")
    (source / "main.tf").write_text(TERRAFORM)
    threading.Thread(target=apply_module, args=(target, source), kwargs={"name": "small"}, daemon=True).start()
    mark = f"{WORLD_VARIABLE}={target.world.id}".encode()

    def sleeping() -> bool:
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if (entry / "comm").read_text() == "sleep\n" and mark in (entry / "environ").read_bytes().split(b"\0"):
                    return True
            except OSError:
                continue
        return False

    until(sleeping)


def image(target: EmbeddedTarget, _image: str) -> None:
    """An image's packages are being installed."""
    place = target.directory("images")

    def make() -> None:
        with on_behalf_of(target.world.id, place):
            import_root(target.world.equipment.engine.client, "pushproof/unfinished:image", ("python3",), SUITE)

    threading.Thread(target=make, daemon=True).start()
    until(lambda: any(place.glob("mmdebstrap.*/var/lib/dpkg")))


MOMENTS = {"build": build, "deployment": deployment, "apply": apply, "image": image}


def main() -> None:
    moment, base = sys.argv[1:]
    settings = WorldSettings(speed=30, enforce_network=False)
    target = EmbeddedTarget(EmbeddedSettings(world=settings))
    MOMENTS[moment](target, base)
    print(f"READY {target.world.id}", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
