"""Actions and rules on CodePipeline's own compute, images as sources and results, and full clones."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.unit.emulator.codepipeline.stack import ACCOUNT, Stack, action, open_stack

from pushproof.emulator.runtime.scripted.builder import ScriptedBuilder, ScriptedCommand, ScriptedContainer

SOURCE = [{"name": "SourceArtifact"}]
LOGS = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")


@pytest.fixture
def stack() -> Iterator[Stack]:
    opened = open_stack()
    allow(opened, *LOGS)
    yield opened
    opened.world.close()


def allow(stack: Stack, *rights: str) -> None:
    statement = {"Effect": "Allow", "Action": list(rights), "Resource": "*"}
    stack.world.administrator("iam").put_role_policy(
        RoleName="pipeline",
        PolicyName="compute",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )


def script(stack: Stack, *commands: ScriptedCommand) -> ScriptedBuilder:
    builder = stack.world.equipment.builds
    assert isinstance(builder, ScriptedBuilder)
    builder.script[:0] = commands
    return builder


def with_action(stack: Stack, category: str, provider: str, **members: Any) -> dict[str, Any]:
    """Return the pipeline with one action in place of its build and deployment."""
    declaration = stack.declaration()
    members.setdefault("inputArtifacts", SOURCE)
    declaration["stages"][1:] = [{"name": "Work", "actions": [action("Work", category, provider, **members)]}]
    return declaration


def run(stack: Stack, declaration: dict[str, Any], seconds: float = 120) -> None:
    stack.pipelines.create_pipeline(pipeline=declaration)
    stack.advance(1)
    stack.authorise()
    stack.push()
    stack.advance(seconds)


def commands(stack: Stack, **members: Any) -> dict[str, Any]:
    return with_action(stack, "Compute", "Commands", **{"commands": ["make #{Src.BranchName}"], **members})


def test_commands_run_with_variables_and_leave_artifacts(stack: Stack) -> None:
    """Commands see resolved variables and the environment; files and output variables go on to later actions."""
    seen: dict[str, str] = {}

    def look(container: ScriptedContainer) -> None:
        seen.update(container.variables)

    builder = script(
        stack, ScriptedCommand("^make", exports={"RESULT": "done"}, writes={"out/a.txt": "a"}, effect=look)
    )
    stack.world.administrator("secretsmanager").create_secret(Name="token", SecretString="s3cret")
    allow(stack, *LOGS, "secretsmanager:GetSecretValue")
    declaration = commands(
        stack,
        outputArtifacts=[{"name": "Out", "files": ["out/*"]}],
        outputVariables=["RESULT", "CODEBUILD_BUILD_ID"],
        environmentVariables=[
            {"name": "STAGE", "value": "#{variables.STAGE}"},
            {"name": "TOKEN", "value": "token", "type": "SECRETS_MANAGER"},
        ],
    )
    run(stack, declaration | {"variables": [{"name": "STAGE", "defaultValue": "dev"}]})
    assert stack.newest()["status"] == "Succeeded"
    assert builder.opened[-1].commands == ["make main"]
    assert (seen["STAGE"], seen["TOKEN"], seen["CODEBUILD_INITIATOR"]) == ("dev", "s3cret", "codepipeline/web")
    output = stack.actions()["Work"]["output"]
    assert output["outputVariables"]["RESULT"] == "done"
    assert output["outputVariables"]["CODEBUILD_BUILD_ID"] == output["executionResult"]["externalExecutionId"]
    place = output["outputArtifacts"][0]["s3location"]
    body = stack.s3.get_object(Bucket=place["bucket"], Key=place["key"])["Body"].read()
    assert zipfile.ZipFile(io.BytesIO(body)).namelist() == ["out/a.txt"]
    assert "/aws/codepipeline/web" in output["executionResult"]["logStreamARN"]
    # The compute is CodePipeline's: no list of the account's builds and projects shows it.
    codebuild = stack.world.administrator("codebuild")
    assert (codebuild.list_builds()["ids"], codebuild.list_projects()["projects"]) == ([], ["web"])


def test_commands_act_as_the_pipeline_and_need_its_permissions(stack: Stack) -> None:
    """The commands have the pipeline's session; without the log's permissions the action fails."""
    roles: list[str] = []

    def look(container: ScriptedContainer) -> None:
        key = container.variables["AWS_ACCESS_KEY_ID"]
        roles.append(stack.world.site.permissions.principal(key).arn)

    script(stack, ScriptedCommand("^make", effect=look))
    run(stack, commands(stack))
    assert roles[0].startswith(f"arn:aws:sts::{ACCOUNT}:assumed-role/pipeline/")
    allow(stack, "logs:PutLogEvents")
    stack.push()
    stack.advance(60)
    code, message = stack.failure("Work")
    assert code == "JobFailed"
    assert "CloudWatch Logs" in message


def test_a_failed_command_fails_the_action(stack: Stack) -> None:
    """The first command that fails ends the action, with its exit status."""
    builder = script(stack, ScriptedCommand("^break", exit_status=3))
    run(stack, commands(stack, commands=["break it", "make"]))
    assert builder.opened[-1].commands == ["break it"]
    assert "exit status 3" in stack.failure("Work")[1]


def test_a_stop_ends_the_compute(stack: Stack) -> None:
    """Stop and abandon ends commands that run."""
    builder = script(stack, ScriptedCommand("^make", seconds=600))
    run(stack, commands(stack), seconds=30)
    stack.pipelines.stop_pipeline_execution(
        pipelineName="web", pipelineExecutionId=stack.newest()["pipelineExecutionId"], abandon=True
    )
    stack.advance(1)
    assert stack.newest()["status"] == "Stopped"
    assert builder.opened[-1].killed


@pytest.mark.parametrize(("word", "expected"), [("make", "Succeeded"), ("break", "Failed")])
def test_commands_are_a_rule(stack: Stack, word: str, expected: str) -> None:
    """A Commands rule is met when its commands succeed, also without input artifacts."""
    script(stack, ScriptedCommand("^break", exit_status=1))
    declaration = stack.declaration()
    kind = {"category": "Rule", "owner": "AWS", "provider": "Commands", "version": "1"}
    rule = {"name": "check", "ruleTypeId": kind, "commands": [f"{word} #{{Src.BranchName}}"]}
    declaration["stages"][1]["beforeEntry"] = {"conditions": [{"result": "FAIL", "rules": [rule]}]}
    run(stack, declaration)
    state = stack.stages()["Build"]["beforeEntryConditionState"]
    assert state["latestExecution"]["status"] == expected
    assert ("Build" in stack.actions()) == (expected == "Succeeded")


def image(stack: Stack, text: str, tag: str = "latest") -> str:
    """Put an image into the repository, and return its digest."""
    ecr = stack.world.administrator("ecr")
    layers = []
    for content in (b"{}", text.encode()):
        upload = ecr.initiate_layer_upload(repositoryName="web")["uploadId"]
        ecr.upload_layer_part(
            repositoryName="web", uploadId=upload, partFirstByte=0, partLastByte=len(content) - 1, layerPartBlob=content
        )
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        ecr.complete_layer_upload(repositoryName="web", uploadId=upload, layerDigests=[digest])
        layers.append({"digest": digest, "size": len(content)})
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", **layers[0]}
    layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar", **layers[1]}
    media = "application/vnd.oci.image.manifest.v1+json"
    manifest = {"schemaVersion": 2, "mediaType": media, "config": config, "layers": [layer]}
    answer = ecr.put_image(
        repositoryName="web", imageManifest=json.dumps(manifest), imageManifestMediaType=media, imageTag=tag
    )
    return str(answer["image"]["imageId"]["imageDigest"])


def test_an_image_is_built_and_published(stack: Stack) -> None:
    """The action builds once and pushes every tag, in a privileged build; its variables name repository and digest."""
    stack.world.administrator("ecr").create_repository(repositoryName="web")
    allow(stack, *LOGS, "ecr:DescribeRepositories")
    digests: list[str] = []
    builder = script(
        stack, ScriptedCommand("^docker push .*v1", effect=lambda _: digests.append(image(stack, "app", "v1")))
    )
    configuration = {"ECRRepositoryName": "web", "DockerFilePath": "app", "ImageTags": "v1,latest"}
    run(
        stack,
        with_action(stack, "Build", "ECRBuildAndPublish", configuration=configuration, namespace="Image"),
    )
    assert stack.newest()["status"] == "Succeeded"
    container = builder.opened[-1]
    host = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/web"
    assert container.job.privileged
    assert container.commands[1:4] == [
        f"docker build -t {host}:v1 -t {host}:latest app",
        f"docker push {host}:v1",
        f"docker push {host}:latest",
    ]
    assert stack.actions()["Work"]["output"]["outputVariables"] == {
        "ECRRepositoryName": "web",
        "ECRImageDigestId": digests[0],
    }


def test_an_image_needs_its_repository(stack: Stack) -> None:
    """A repository that does not exist, or may not be described, fails the action before a build starts."""
    allow(stack, *LOGS, "ecr:DescribeRepositories")
    run(stack, with_action(stack, "Build", "ECRBuildAndPublish", configuration={"ECRRepositoryName": "web"}))
    assert stack.failure("Work") == ("ConfigurationError", "The Amazon ECR repository web does not exist")
    allow(stack, *LOGS)
    stack.push()
    stack.advance(10)
    assert stack.failure("Work")[0] == "PermissionError"


def from_image(stack: Stack, **configuration: str) -> dict[str, Any]:
    declaration = stack.declaration()
    declaration["stages"][0]["actions"] = [
        action(
            "Image",
            "Source",
            "ECR",
            configuration={"RepositoryName": "web", **configuration},
            outputArtifacts=[{"name": "Img"}],
            namespace="Img",
        )
    ]
    declaration["stages"][1:] = [{"name": "Approve", "actions": [action("Approve", "Approval", "Manual")]}]
    return declaration


def test_an_image_push_starts_the_pipeline_through_a_rule(stack: Stack) -> None:
    """EventBridge starts it, and the artifact describes the image as imageDetail.json does on AWS."""
    stack.world.administrator("ecr").create_repository(repositoryName="web")
    allow(stack, "ecr:DescribeImages")
    stack.pipelines.create_pipeline(pipeline=from_image(stack))
    stack.advance(1)
    assert "imageTag latest was not found" in stack.failure("Image")[1]
    iam, events = stack.world.administrator("iam"), stack.world.administrator("events")
    trust = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        RoleName="starter", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    arn = f"arn:aws:codepipeline:eu-west-1:{ACCOUNT}:web"
    statement = {"Effect": "Allow", "Action": "codepipeline:StartPipelineExecution", "Resource": arn}
    iam.put_role_policy(
        RoleName="starter",
        PolicyName="start",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    pattern = {
        "source": ["aws.ecr"],
        "detail-type": ["ECR Image Action"],
        "detail": {"action-type": ["PUSH"], "image-tag": ["latest"], "repository-name": ["web"], "result": ["SUCCESS"]},
    }
    events.put_rule(Name="push", EventPattern=json.dumps(pattern))
    template = (
        '{"sourceRevisions": [{"actionName": "Image", "revisionType": "IMAGE_DIGEST", "revisionValue": "<digest>"}]}'
    )
    transformer = {"InputPathsMap": {"digest": "$.detail.image-digest"}, "InputTemplate": template}
    events.put_targets(Rule="push", Targets=[{"Id": "p", "Arn": arn, "RoleArn": role, "InputTransformer": transformer}])
    digest = image(stack, "one")
    stack.advance(5)
    assert stack.newest()["trigger"]["triggerType"] == "CloudWatchEvent"
    output = stack.actions()["Image"]["output"]
    uri = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/web@{digest}"
    assert output["outputVariables"] == {
        "RegistryId": ACCOUNT,
        "RepositoryName": "web",
        "ImageTag": "latest",
        "ImageDigest": digest,
        "ImageURI": uri,
    }
    place = output["outputArtifacts"][0]["s3location"]
    archive = zipfile.ZipFile(io.BytesIO(stack.s3.get_object(Bucket=place["bucket"], Key=place["key"])["Body"].read()))
    detail = json.loads(archive.read("imageDetail.json"))
    assert (detail["ImageURI"], detail["ImageTags"], detail["Version"]) == (uri, ["latest"], "1.0")
    assert stack.newest()["sourceRevisions"][0]["revisionId"] == digest


def cloned(stack: Stack) -> dict[str, Any]:
    declaration = stack.declaration()
    declaration["stages"][0]["actions"][0]["configuration"]["OutputArtifactFormat"] = "CODEBUILD_CLONE_REF"
    return declaration


def test_a_full_clone_reaches_the_build(stack: Stack) -> None:
    """The artifact is a reference, and the build has the repository's metadata beside the files."""
    run(stack, cloned(stack))
    builder = stack.world.equipment.builds
    assert isinstance(builder, ScriptedBuilder)
    commit = stack.actions()["Source"]["output"]["outputVariables"]["CommitId"]
    assert builder.opened[-1].tree[".git/HEAD"].decode() == commit
    assert stack.actions()["Build"]["status"] == "Succeeded"
    place = stack.actions()["Source"]["output"]["outputArtifacts"][0]["s3location"]
    artifact = stack.s3.get_object(Bucket=place["bucket"], Key=place["key"])["Body"].read()
    assert not zipfile.is_zipfile(io.BytesIO(artifact))


def test_a_full_clone_needs_the_builds_permission(stack: Stack) -> None:
    """The role of the build needs UseConnection on the connection; the pipeline's own is not enough."""
    statements = [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "*:UseConnection", "Resource": "*"},
    ]
    statements[1]["Action"] = ["codestar-connections:UseConnection", "codeconnections:UseConnection"]
    stack.world.administrator("iam").put_role_policy(
        RoleName="build",
        PolicyName="all",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}),
    )
    run(stack, cloned(stack))
    _, message = stack.failure("Build")
    assert "Phase: DOWNLOAD_SOURCE, Code: CLIENT_ERROR, Message: authorization failed for primary source" in message
    assert "UseConnection" in message


def test_a_reference_is_for_builds_only(stack: Stack) -> None:
    """Another action cannot read files from a reference."""
    declaration = cloned(stack)
    declaration["stages"][1:2] = []
    declaration["stages"][1]["actions"][0]["inputArtifacts"] = SOURCE
    run(stack, declaration, seconds=10)
    assert stack.actions()["Deploy"]["status"] == "Failed"


REFUSED: list[tuple[str, str, dict[str, Any], str]] = [
    ("Compute", "Commands", {}, "declares no commands"),
    ("Compute", "Commands", {"commands": ["a\nb"]}, "more than one line"),
    ("Compute", "Commands", {"commands": ["a"], "inputArtifacts": []}, "less than the minimum count"),
    ("Compute", "Commands", {"commands": ["#{variables.X}"]}, "not declared"),
    ("Compute", "Commands", {"commands": ["a"], "configuration": {"Image": "x"}}, "unknown configuration 'Image'"),
    (
        "Compute",
        "Commands",
        {"commands": ["a"], "environmentVariables": [{"name": "A", "value": "1"}] * 2},
        "more than once",
    ),
    ("Build", "CodeBuild", {"commands": ["a"], "configuration": {"ProjectName": "web"}}, "only the Commands action"),
    ("Build", "ECRBuildAndPublish", {}, "'ECRRepositoryName'"),
    (
        "Build",
        "ECRBuildAndPublish",
        {"configuration": {"ECRRepositoryName": "web", "RegistryType": "secret"}},
        "private or public",
    ),
    (
        "Build",
        "ECRBuildAndPublish",
        {"configuration": {"ECRRepositoryName": "web"}, "outputArtifacts": [{"name": "Out"}]},
        "more than the maximum count",
    ),
]


@pytest.mark.parametrize(("category", "provider", "members", "words"), REFUSED)
def test_declarations_that_are_refused(
    stack: Stack, category: str, provider: str, members: dict[str, Any], words: str
) -> None:
    """Broken actions are refused with their name, before anything exists."""
    with pytest.raises(ClientError, match=words) as refused:
        stack.pipelines.create_pipeline(pipeline=with_action(stack, category, provider, **members))
    assert refused.value.response["Error"]["Code"] == "InvalidActionDeclarationException"


def test_limits_and_types_of_commands(stack: Stack) -> None:
    """Lists over the model's limits, and Commands in a V1 pipeline, are refused; so are public registries, by name."""
    cases = [
        (commands(stack, commands=["a"] * 51), "ValidationException", "less than or equal to 50"),
        (commands(stack, commands=["a" * 1001]), "ValidationException", "less than or equal to 1000"),
        (commands(stack, outputVariables=["A"] * 16), "ValidationException", "less than or equal to 15"),
        (
            commands(stack) | {"pipelineType": "V1"},
            "InvalidStructureException",
            "only supported for pipelines of type V2",
        ),
        (
            with_action(
                stack, "Build", "ECRBuildAndPublish", configuration={"ECRRepositoryName": "a", "RegistryType": "public"}
            ),
            "NotImplemented",
            "RegistryType public",
        ),
    ]
    for declaration, code, words in cases:
        with pytest.raises(ClientError, match=words) as refused:
            stack.pipelines.create_pipeline(pipeline=declaration)
        assert refused.value.response["Error"]["Code"] == code
