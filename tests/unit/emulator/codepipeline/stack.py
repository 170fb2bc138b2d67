"""A small pipeline in a virtual world: real buckets, roles, builds by script; a git host and a service made of plain objects."""

from __future__ import annotations

import io
import json
import subprocess
import time
import zipfile
from dataclasses import dataclass, field
from typing import Any

from pushproof.base.clock import VirtualClock
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.loop import VirtualLoop
from pushproof.emulator.kernel.settings import CodePipelineSettings, WorldSettings
from pushproof.emulator.kernel.source import Commit, PullRequest, PullRequestChange, Push, TagPush
from pushproof.emulator.runtime.equipment import Equipment
from pushproof.emulator.runtime.scripted.builder import ScriptedBuilder, ScriptedCommand
from pushproof.emulator.services import Service
from pushproof.emulator.world import World

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/pipeline"
TASK_ROLE = f"arn:aws:iam::{ACCOUNT}:role/task"
SERVICE = f"arn:aws:ecs:eu-west-1:{ACCOUNT}:service/web/web"

BUILDSPEC = """\
version: 0.2
env:
  exported-variables: [IMAGE_TAG]
phases:
  build:
    commands: [tag, test, define]
artifacts:
  files: [imagedefinitions.json]
"""


def trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class PlainGit:
    """Commits by id; `push` is what a real push announces."""

    def __init__(self) -> None:
        self.files: dict[str, dict[str, str]] = {}
        self.heads: dict[tuple[str, str], str] = {}
        self._subscribers: list[Any] = []
        self._tag_subscribers: list[Any] = []
        self._request_subscribers: list[Any] = []

    def on_push(self, callback: Any) -> None:
        self._subscribers.append(callback)

    def on_tag(self, callback: Any) -> None:
        self._tag_subscribers.append(callback)

    def on_pull_request(self, callback: Any) -> None:
        self._request_subscribers.append(callback)

    def tag(self, tag: str, identity: str, *, repository: str = "acme/web") -> None:
        push = TagPush(repository, tag, self.commit(repository, identity))
        self.said = [text for tell in self._tag_subscribers if (text := tell(push))] or [None]

    def pull_request(self, action: Any, source: str, target: str, *paths: str, repository: str = "acme/web") -> None:
        request = PullRequest(repository, 1, "A change", source, target)
        change = PullRequestChange(request, action, self.commit(repository, self.heads[(repository, source)]), paths)
        self.said = [text for tell in self._request_subscribers if (text := tell(change))] or [None]

    def push(
        self, files: dict[str, str], *, branch: str = "main", repository: str = "acme/web", paths: tuple[str, ...] = ()
    ) -> str:
        identity = f"{len(self.files) + 1:040x}"
        self.files[identity] = files
        self.heads[(repository, branch)] = identity
        push = Push(repository, branch, self.commit(repository, identity), None, paths or tuple(files))
        self.said = [text for tell in self._subscribers if (text := tell(push))] or [None]
        return identity

    def head(self, repository: str, branch: str) -> str | None:
        return self.heads.get((repository, branch))

    def commit(self, repository: str, identity: str) -> Commit:
        if identity not in self.files:
            raise subprocess.CalledProcessError(128, "git")
        return Commit(identity, "Ada", "ada@example.com", "2026-01-02T03:04:05+00:00", "A change\n\nWith a body")

    def clone(self, repository: str, branch: str, identity: str) -> bytes:
        if identity not in self.files:
            raise subprocess.CalledProcessError(128, "git")
        buffer = io.BytesIO(self.archive(repository, identity))
        with zipfile.ZipFile(buffer, "a") as archive:
            archive.writestr(".git/HEAD", identity)
        return buffer.getvalue()

    def archive(self, repository: str, identity: str) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, content in self.files[identity].items():
                archive.writestr(name, content)
        return buffer.getvalue()


class PlainEcs(Service):
    """One service whose deployments the test drives by hand."""

    def __init__(self, world: World) -> None:
        super().__init__(world.site, "ecs")
        self.revisions: list[dict[str, Any]] = [
            {
                "family": "web",
                "taskRoleArn": TASK_ROLE,
                "containerDefinitions": [{"name": "app", "image": "first", "essential": True}],
            }
        ]
        self.deployments: list[dict[str, Any]] = [self._deployment("ecs-svc/0", self.arn(1), "COMPLETED")]

    @staticmethod
    def arn(revision: int) -> str:
        return f"arn:aws:ecs:eu-west-1:{ACCOUNT}:task-definition/web:{revision}"

    @staticmethod
    def _deployment(identity: str, task_definition: str, state: str, status: str = "PRIMARY") -> dict[str, Any]:
        return {"id": identity, "status": status, "taskDefinition": task_definition, "rolloutState": state}

    def complete(self) -> None:
        """The newest deployment completes."""
        self.deployments = [self.deployments[0] | {"rolloutState": "COMPLETED"}]

    def roll_back(self) -> None:
        """The circuit breaker ends the newest deployment and the first revision is deployed again, completely."""
        back = self._deployment("ecs-svc/back", self.arn(1), "COMPLETED")
        back["rolloutStateReason"] = "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/0."
        self.deployments = [back]

    def describe_services(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        if request["cluster"] != "web":
            raise AwsError("ClusterNotFoundException", "Cluster not found.")
        if request["services"] != ["web"]:
            return {"services": [], "failures": [{"arn": SERVICE, "reason": "MISSING"}]}
        current = self.deployments[0]["taskDefinition"]
        service = {"serviceName": "web", "status": "ACTIVE", "taskDefinition": current, "deployments": self.deployments}
        return {"services": [service], "failures": []}

    def describe_task_definition(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        revision = int(request["taskDefinition"].rsplit(":", 1)[1])
        registered = {name: value for name, value in self.revisions[revision - 1].items() if name != "tags"}
        described = {**registered, "revision": revision, "status": "ACTIVE"}
        return {"taskDefinition": described, "tags": [{"key": "team", "value": "web"}]}

    def register_task_definition(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        self.revisions.append(request)
        shown = {name: value for name, value in request.items() if name != "tags"}
        return {"taskDefinition": {**shown, "taskDefinitionArn": self.arn(len(self.revisions))}}

    def update_service(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        new = self._deployment(f"ecs-svc/{len(self.revisions)}", request["taskDefinition"], "IN_PROGRESS")
        self.deployments = [new, self.deployments[0] | {"status": "ACTIVE"}]
        return {"service": {"serviceName": "web", "deployments": self.deployments}}


def policy(connection_arn: str) -> list[dict[str, Any]]:
    """Return the permissions of a pipeline's role, statement by statement; `Sid` lets a test leave one out."""
    store = ["arn:aws:s3:::store", "arn:aws:s3:::store/*", "arn:aws:s3:::source", "arn:aws:s3:::source/*"]
    passed = {"StringEquals": {"iam:PassedToService": ["ecs.amazonaws.com", "ecs-tasks.amazonaws.com"]}}
    return [
        {"Sid": "Store", "Action": ["s3:GetObject*", "s3:PutObject*", "s3:GetBucket*"], "Resource": store},
        {"Sid": "Connection", "Action": "codestar-connections:UseConnection", "Resource": connection_arn},
        {"Sid": "Build", "Action": ["codebuild:StartBuild", "codebuild:BatchGetBuilds"], "Resource": "*"},
        {"Sid": "Publish", "Action": "sns:Publish", "Resource": "*"},
        {"Sid": "Service", "Action": ["ecs:DescribeServices", "ecs:UpdateService"], "Resource": SERVICE},
        {
            "Sid": "Definitions",
            "Action": ["ecs:DescribeTaskDefinition", "ecs:RegisterTaskDefinition", "ecs:TagResource"],
            "Resource": "*",
        },
        {"Sid": "Pass", "Action": "iam:PassRole", "Resource": TASK_ROLE, "Condition": passed},
    ]


def action(name: str, category: str, provider: str, **members: Any) -> dict[str, Any]:
    kind = {"category": category, "owner": "AWS", "provider": provider, "version": "1"}
    return {"name": name, "actionTypeId": kind, **members}


@dataclass
class Stack:
    """The world, and short names for what tests do with it."""

    world: World
    git: PlainGit = field(init=False)
    ecs: PlainEcs = field(init=False)
    connection_arn: str = field(init=False)

    def __post_init__(self) -> None:
        world = self.world
        assert isinstance(world.equipment.git, PlainGit)
        self.git = world.equipment.git
        self.ecs = world.services["ecs"] = PlainEcs(world)
        self.pipelines = world.administrator("codepipeline")
        self.s3 = world.administrator("s3")
        for bucket in ("store", "source"):
            self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": world.region})
        self.s3.put_bucket_versioning(Bucket="source", VersioningConfiguration={"Status": "Enabled"})
        connections = world.administrator("codestar-connections")
        self.connection_arn = connections.create_connection(ConnectionName="github", ProviderType="GitHub")[
            "ConnectionArn"
        ]
        iam = world.administrator("iam")
        for name, service in (("pipeline", "codepipeline"), ("build", "codebuild"), ("task", "ecs-tasks")):
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(f"{service}.amazonaws.com"))
        everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
        iam.put_role_policy(RoleName="build", PolicyName="all", PolicyDocument=document)
        self.allow()
        world.administrator("codebuild").create_project(
            name="web",
            serviceRole=f"arn:aws:iam::{ACCOUNT}:role/build",
            source={"type": "CODEPIPELINE"},
            artifacts={"type": "CODEPIPELINE"},
            environment={
                "type": "LINUX_CONTAINER",
                "image": "aws/codebuild/standard:7.0",
                "computeType": "BUILD_GENERAL1_SMALL",
            },
        )

    def allow(self, *, without: str = "") -> None:
        """Grant the pipeline's role its permissions, except the statement `without`."""
        statements = [
            {"Effect": "Allow", **statement} for statement in policy(self.connection_arn) if statement["Sid"] != without
        ]
        self.world.administrator("iam").put_role_policy(
            RoleName="pipeline",
            PolicyName="pipeline",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}),
        )

    def declaration(self, *, approval: bool = False, source: str = "connection", **members: Any) -> dict[str, Any]:
        from_connection = {
            "ConnectionArn": self.connection_arn,
            "FullRepositoryId": "acme/web",
            "BranchName": "main",
        }
        from_bucket = {"S3Bucket": "source", "S3ObjectKey": "src.zip"}
        provider, configuration = (
            ("CodeStarSourceConnection", from_connection) if source == "connection" else ("S3", from_bucket)
        )
        stages: list[dict[str, Any]] = [
            {
                "name": "Source",
                "actions": [
                    action(
                        "Source",
                        "Source",
                        provider,
                        configuration=configuration,
                        outputArtifacts=[{"name": "SourceArtifact"}],
                        namespace="Src",
                    )
                ],
            },
            {
                "name": "Build",
                "actions": [
                    action(
                        "Build",
                        "Build",
                        "CodeBuild",
                        configuration={"ProjectName": "web"},
                        inputArtifacts=[{"name": "SourceArtifact"}],
                        outputArtifacts=[{"name": "BuildArtifact"}],
                        namespace="Bld",
                    )
                ],
            },
        ]
        if approval:
            stages.append({"name": "Approval", "actions": [action("Approve", "Approval", "Manual")]})
        stages.append(
            {
                "name": "Deploy",
                "actions": [
                    action(
                        "Deploy",
                        "Deploy",
                        "ECS",
                        configuration={"ClusterName": "web", "ServiceName": "web"},
                        inputArtifacts=[{"name": "BuildArtifact"}],
                    )
                ],
            }
        )
        return {
            "name": "web",
            "roleArn": ROLE,
            "pipelineType": "V2",
            "artifactStore": {"type": "S3", "location": "store"},
            "stages": stages,
            **members,
        }

    def create(self, **members: Any) -> None:
        """Create the pipeline and let its first execution fail: nothing has been pushed yet."""
        self.pipelines.create_pipeline(pipeline=self.declaration(**members))
        self.advance()

    def authorise(self) -> None:
        self.world.connections.authorise(self.connection_arn)

    def push(self, commands: str = "tag, test, define", **where: Any) -> str:
        text = BUILDSPEC.replace("tag, test, define", commands)
        return self.git.push({"buildspec.yml": text, "app.py": "print('hello')"}, **where)

    def advance(self, seconds: float = 0.0) -> None:
        assert isinstance(self.world.loop, VirtualLoop)
        self.world.loop.advance(seconds)

    def executions(self) -> list[dict[str, Any]]:
        """Newest first."""
        found: list[dict[str, Any]] = self.pipelines.list_pipeline_executions(pipelineName="web")[
            "pipelineExecutionSummaries"
        ]
        return found

    def newest(self) -> dict[str, Any]:
        return self.executions()[0]

    def actions(self) -> dict[str, dict[str, Any]]:
        """The newest execution's actions by name."""
        found = self.pipelines.list_action_executions(
            pipelineName="web", filter={"pipelineExecutionId": self.newest()["pipelineExecutionId"]}
        )["actionExecutionDetails"]
        return {detail["actionName"]: detail for detail in reversed(found)}

    def failure(self, action: str) -> tuple[str, str]:
        error = self.actions()[action]["output"]["executionResult"]["errorDetails"]
        return error["code"], error["message"]

    def stages(self) -> dict[str, dict[str, Any]]:
        found = self.pipelines.get_pipeline_state(name="web")["stageStates"]
        return {stage["stageName"]: stage for stage in found}


def scripts(*_: object) -> Equipment:
    """A plain git host, and a script for the commands of builds."""
    builder = ScriptedBuilder(
        [
            ScriptedCommand("^tag$", exports={"IMAGE_TAG": "dev-1"}),
            ScriptedCommand("^fail$", exit_status=1),
            ScriptedCommand(
                "^define$", writes={"imagedefinitions.json": '[{"name": "app", "imageUri": "repo:$IMAGE_TAG"}]'}
            ),
            ScriptedCommand("^wrong$", writes={"imagedefinitions.json": '[{"name": "web", "imageUri": "x"}]'}),
            ScriptedCommand("^other$", writes={"other.json": "[]"}),
        ]
    )
    return Equipment(git=PlainGit(), builds=builder)


def open_stack(settings: CodePipelineSettings | None = None) -> Stack:
    # CloudWatch Logs refuses old entries, so the virtual clock starts now.
    return Stack(
        World(
            WorldSettings(codepipeline=settings or CodePipelineSettings()),
            loop=VirtualLoop(VirtualClock(time.time())),
            equip=scripts,
        )
    )
