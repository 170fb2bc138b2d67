"""The pipeline's checks on pipelines, buildspecs and topics with one thing wrong each; and on the reference's own buildspec."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.checks.answers import Answers, clients, refusal

from pushproof.checks.pipeline import PipelineChecks

REFERENCE = (Path(__file__).parents[3] / "app/buildspec.yml").read_text()
ARN = "arn:aws:codepipeline:eu-west-1:123456789012:shop"
CONNECTION = "arn:aws:codeconnections:eu-west-1:123456789012:connection/1"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:shop"
RULE = "arn:aws:events:eu-west-1:123456789012:rule/shop"


def action(name: str, provider: str = "", *, takes: str = "", makes: str = "", **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "actionTypeId": {"category": name, "provider": provider or name}, **more}
    made["inputArtifacts"] = [{"name": takes}] if takes else []
    made["outputArtifacts"] = [{"name": makes}] if makes else []
    return made


SOURCE = action("Source", makes="source", configuration={"ConnectionArn": CONNECTION})
BUILD = action("Build", "CodeBuild", takes="source", makes="built", configuration={"ProjectName": "shop"})
ASKED = {"NotificationArn": TOPIC, "ExternalEntityLink": "https://example.com"}
APPROVAL = action("Approval", "Manual", configuration=ASKED)
DEPLOY = action("Deploy", "ECS", takes="built", configuration={"ClusterName": "shop", "ServiceName": "shop"})
PATTERN = {
    "source": ["aws.codepipeline"],
    "detail-type": ["CodePipeline Pipeline Execution State Change"],
    "detail": {"pipeline": ["shop"], "state": ["STARTED", "SUCCEEDED", "FAILED"]},
}
PUBLISH: dict[str, Any] = {
    "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish", "Resource": TOPIC,
    "Condition": {"ArnEquals": {"aws:SourceArn": RULE}},
}  # fmt: skip


class Given:
    """What AWS answers; a test changes a part of it."""

    def __init__(self) -> None:
        self.stages = [[copy.deepcopy(a)] for a in (SOURCE, BUILD, APPROVAL, DEPLOY)]
        self.variables = {"CONTAINER_NAME": "app", "ECR_REPOSITORY_NAME": "shop", "ENVIRONMENT": "dev"}
        self.privileged = True
        self.status = "AVAILABLE"
        self.pattern: dict[str, Any] | None = copy.deepcopy(PATTERN)
        self.targets = [{"Id": "topic", "Arn": TOPIC}]
        self.statements = [copy.deepcopy(PUBLISH)]
        self.subscriptions = [{"Protocol": "email", "Endpoint": "team@example.com"}]
        self.key = ""

    def checks(self) -> PipelineChecks:
        variables = [{"name": n, "value": v} for n, v in self.variables.items()]
        project = {
            "arn": "project",
            "environment": {"privilegedMode": self.privileged, "environmentVariables": variables},
        }
        rule = {"Name": "shop", "Arn": RULE, "State": "ENABLED", "EventPattern": json.dumps(self.pattern)}
        topic = {"KmsMasterKeyId": self.key}
        if self.statements:
            topic["Policy"] = json.dumps({"Version": "2012-10-17", "Statement": self.statements})
        stages = [{"name": actions[0]["name"], "actions": actions} for actions in self.stages]
        pipeline = {"stages": stages, "artifactStore": {"location": "artifacts"}}
        aws = clients(
            codepipeline=Answers(get_pipeline={"pipeline": pipeline, "metadata": {"pipelineArn": ARN}}),
            codebuild=Answers(batch_get_projects={"projects": [project]}),
            codeconnections=Answers(get_connection={"Connection": {"ConnectionStatus": self.status}}),
            events=Answers(
                list_rules={"Rules": [rule] if self.pattern else []}, list_targets_by_rule={"Targets": self.targets}
            ),
            sns=Answers(
                get_topic_attributes={"Attributes": topic},
                list_subscriptions_by_topic={"Subscriptions": self.subscriptions},
            ),
        )
        return PipelineChecks(aws, pipeline="shop")


@pytest.fixture
def given() -> Given:
    return Given()


def words(findings: Any) -> str:
    return " ".join(str(findings).split())


def test_a_good_pipeline_gives_no_finding(given: Given) -> None:
    """Stages, approval, connection, artifacts, Docker and notifications as in the reference."""
    checks = given.checks()
    assert checks.goes_through("Source", "Build", "Approval", "Deploy")
    assert checks.asks_before_it_deploys()
    assert checks.its_connection_is_usable()
    assert checks.artifacts_flow()
    assert checks.builds_can_use_docker()
    assert checks.somebody_is_notified()


def test_the_reference_buildspec_gives_no_finding(given: Given) -> None:
    """The application's buildspec passes every check of buildspecs."""
    checks = given.checks()
    assert checks.build_makes_what_deploy_reads(REFERENCE, container="app")
    assert checks.builds_use_the_layer_cache(REFERENCE)
    assert checks.releases_have_tags_of_their_own(REFERENCE, repository="shop")
    assert checks.pushes_only_after_a_successful_build(REFERENCE)
    assert checks.buildspec_is_up_to_date(REFERENCE)


def test_an_order_that_repeats_is_told_as_it_is(given: Given) -> None:
    """A second Deploy after the approval does not hide the one before it."""
    given.stages = [[SOURCE], [BUILD], [DEPLOY], [APPROVAL], [DEPLOY]]
    found = words(given.checks().goes_through("Source", "Build", "Approval", "Deploy"))
    assert "found: Source → Build → Deploy → Approval → Deploy" in found


def test_actions_run_in_their_order(given: Given) -> None:
    """Within a stage runOrder counts, not the place in the list."""
    given.stages = [[SOURCE], [BUILD], [DEPLOY | {"runOrder": 2}, APPROVAL | {"runOrder": 1}]]
    assert given.checks().goes_through("Source", "Build", "Approval", "Deploy")
    assert given.checks().asks_before_it_deploys()


@pytest.mark.parametrize("stages", [[SOURCE, BUILD, DEPLOY], [SOURCE, BUILD, DEPLOY, APPROVAL]])
def test_a_missing_approval_is_found(given: Given, stages: list[dict[str, Any]]) -> None:
    """None at all, or one after the fact."""
    given.stages = [[a] for a in stages]
    assert "an Approval action before Deploy" in words(given.checks().asks_before_it_deploys())


@pytest.mark.parametrize("key", list(ASKED))
def test_an_approval_nobody_hears_of_is_found(given: Given, key: str) -> None:
    """Without notification or link, the approval expires unseen."""
    del given.stages[2][0]["configuration"][key]
    assert f"{key} in the approval's configuration" in words(given.checks().asks_before_it_deploys())


def test_a_pending_connection_is_found(given: Given) -> None:
    """PENDING is told with what a person has to do; no connection at all proves nothing."""
    given.status = "PENDING"
    assert "complete the handshake" in words(given.checks().its_connection_is_usable())
    given.stages[0][0]["configuration"] = {"S3Bucket": "source"}
    assert "proves nothing" in words(given.checks().its_connection_is_usable())


def test_an_artifact_nobody_makes_is_found(given: Given) -> None:
    """The finding names the artifact and what there is."""
    given.stages[3][0]["inputArtifacts"] = [{"name": "image"}]
    assert "an action before Deploy that makes image" in words(given.checks().artifacts_flow())


def test_a_build_without_docker_is_found(given: Given) -> None:
    """Not privileged, no daemon."""
    given.privileged = False
    assert "Cannot connect to the Docker daemon" in words(given.checks().builds_can_use_docker())


def spec(*commands: str, phase: str = "build", artifact: str = "imagedefinitions.json", more: str = "") -> str:
    lines = "".join(f"      - {json.dumps(command)}\n" for command in commands)
    return f"version: 0.2\n{more}phases:\n  {phase}:\n    commands:\n{lines}artifacts:\n  files: ['{artifact}']\n"


DEFINE = 'printf \'[{"name":"%s"}]\' "$CONTAINER_NAME" > imagedefinitions.json'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (spec(DEFINE), None),
        (spec(DEFINE, artifact="**/*"), None),
        (spec(DEFINE, artifact="*.json"), None),
        (spec('echo \'[{"name":"app"}]\' > imagedefinitions.json'), None),
        (spec(DEFINE, artifact="image.json"), "imagedefinitions.json among the buildspec's artifacts"),
        (spec("make"), "a command that writes imagedefinitions.json"),
        (spec("cat webapp/app.json > imagedefinitions.json"), "the container's name app"),
        (spec('echo \'[{"name":"application"}]\' > imagedefinitions.json'), "the container's name app"),
    ],
)
def test_image_definitions_must_arrive_and_name_the_container(given: Given, text: str, says: str | None) -> None:
    """The file is written, is in the artifact, and names the container; a word that contains the name is not the name."""
    found = words(given.checks().build_makes_what_deploy_reads(text, container="app"))
    assert (says or "holds") in found


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('--cache-from "$CACHE:test"', "", None),
        ("--cache-from", "--label", "no build has --cache-from"),
        ("docker pull", "docker inspect", "is not pulled before the first build"),
        ('docker push "$CACHE', 'echo "$CACHE', "is never pushed"),
        ("BUILDKIT_INLINE_CACHE=1", "X=1", "BuildKit is not told to leave cache metadata"),
        ("docker build", "make image", "a docker build in the buildspec"),
    ],
)
def test_a_cache_that_does_not_work_is_found(given: Given, old: str, new: str, says: str | None) -> None:
    """Pulled, used, annotated and pushed: each link of the chain is asked for."""
    assert old in REFERENCE
    assert (says or "holds") in words(given.checks().builds_use_the_layer_cache(REFERENCE.replace(old, new)))


def test_a_registry_cache_needs_no_pull(given: Given) -> None:
    """type=registry is read and written by BuildKit itself, and must be written."""
    build = "docker buildx build --cache-from type=registry,ref=$C:x"
    assert given.checks().builds_use_the_layer_cache(spec(f"{build} --cache-to type=registry,ref=$C:x ."))
    assert "no build has --cache-to" in words(given.checks().builds_use_the_layer_cache(spec(f"{build} .")))


HASH = "COMMIT_HASH=$(echo $CODEBUILD_RESOLVED_SOURCE_VERSION | cut -c 1-7)"


@pytest.mark.parametrize(
    ("commands", "says"),
    [
        ([HASH, "docker push $R/shop:$COMMIT_HASH"], None),
        ([HASH, "docker push $R/$ECR_REPOSITORY_NAME:dev-$COMMIT_HASH"], None),
        (["docker push $R/shop:$CODEBUILD_BUILD_NUMBER"], None),
        ([HASH, "docker push $R/shop:$COMMIT_HASH", "docker push $R/shop-cache:latest"], None),
        ([HASH, "docker push $R/shop:$COMMIT_HASH", "docker push $R/shop:latest"], "whose tag is latest every time"),
        (["docker push $R/shop"], "whose tag is latest every time"),
        (["docker push $R/shop:$ENVIRONMENT"], "whose tag is dev every time"),
        ([HASH, "TAG=${COMMIT_HASH:=latest}", "docker push $R/shop:$TAG"], "whose tag may be latest"),
        (["docker push $R/other:latest"], "there is none"),
    ],
)
def test_tags_that_come_again_are_found(given: Given, commands: list[str], says: str | None) -> None:
    """Variables are followed to the commit; other repositories are nobody's business; a default is a guess."""
    found = words(given.checks().releases_have_tags_of_their_own(spec(*commands), repository="shop"))
    assert (says or "holds") in found


@pytest.mark.parametrize(
    ("commands", "found"),
    [
        (["docker push x"], True),
        (["docker push x", '[ "$CODEBUILD_BUILD_SUCCEEDING" = 1 ]'], True),
        (['[ "$CODEBUILD_BUILD_SUCCEEDING" = 1 ]', "docker push x"], False),
        (['[ "$CODEBUILD_BUILD_SUCCEEDING" = 1 ] && docker push x'], False),
        (["echo done"], False),
    ],
)
def test_a_push_after_a_failed_build_is_found(given: Given, commands: list[str], found: bool) -> None:
    """The guard must come before the push."""
    assert bool(given.checks().pushes_only_after_a_successful_build(spec(*commands, phase="post_build"))) is not found


def test_what_codebuild_no_longer_needs_is_found(given: Given) -> None:
    """runtime-versions: docker is told with its line."""
    text = REFERENCE.replace("  pre_build:\n", "  install:\n    runtime-versions:\n      docker: 20\n\n  pre_build:\n")
    assert "runtime-versions: docker" in words(given.checks().buildspec_is_up_to_date(text))


def test_a_state_no_rule_matches_is_found(given: Given) -> None:
    """Each state is asked for on its own."""
    assert given.pattern
    given.pattern["detail"]["state"] = ["SUCCEEDED"]
    found = given.checks().somebody_is_notified()
    assert [f.expected.rpartition(" ")[2] for f in found.findings] == ["STARTED", "FAILED"]


def test_a_rule_without_a_target_is_found(given: Given) -> None:
    """A rule that matches and leads nowhere is named."""
    given.targets = []
    assert "shop matches and has no target" in words(given.checks().somebody_is_notified())


def test_a_topic_nobody_reads_is_found(given: Given) -> None:
    """A message to no one is no message; another target beside the topic is."""
    given.subscriptions = []
    assert "nobody reads it" in words(given.checks().somebody_is_notified())
    given.targets.append({"Id": "slack", "Arn": "arn:aws:events:eu-west-1:123456789012:api-destination/slack/1"})
    assert given.checks().somebody_is_notified()


@pytest.mark.parametrize(
    "statements",
    [
        [],
        [PUBLISH | {"Principal": {"Service": "cloudwatch.amazonaws.com"}}],
        [PUBLISH | {"Action": "sns:Subscribe"}],
        [PUBLISH | {"Condition": {"ArnEquals": {"aws:SourceArn": f"{RULE}-other"}}}],
        [PUBLISH, {"Effect": "Deny", "Principal": "*", "Action": "sns:*", "Resource": TOPIC}],
    ],
)
def test_a_topic_that_refuses_eventbridge_is_found(given: Given, statements: list[dict[str, Any]]) -> None:
    """Nobody, somebody else, another action, another rule, or a Deny: the policy is evaluated, not searched for words."""
    given.statements = statements
    assert "EventBridge is refused, silently" in words(given.checks().somebody_is_notified())


def test_a_topic_encrypted_with_awss_key_is_found(given: Given) -> None:
    """EventBridge may not use the key that AWS manages for SNS."""
    given.key = "alias/aws/sns"
    assert "messages vanish" in words(given.checks().somebody_is_notified())


def test_slack_behind_a_topic_is_found(given: Given) -> None:
    """A webhook cannot confirm a subscription."""
    given.subscriptions.append({"Protocol": "https", "Endpoint": "https://hooks.slack.com/services/T0/B0/x"})
    assert "A webhook cannot confirm" in words(given.checks().somebody_is_notified())


def test_a_pipeline_that_is_not_there_is_told() -> None:
    """A LookupError names it."""
    aws = clients(codepipeline=Answers(get_pipeline=refusal("PipelineNotFoundException")))
    with pytest.raises(LookupError, match="no pipeline shop"):
        PipelineChecks(aws, pipeline="shop").artifacts_flow()
