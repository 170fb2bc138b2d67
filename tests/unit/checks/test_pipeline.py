"""The pipeline's checks on pipelines, buildspecs and topics with one thing wrong each; and on the reference's own buildspec."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.checks.answers import Answers, clients, refusal

from pushproof.checks.pipeline import PipelineChecks

APP = Path(__file__).parents[3] / "app"
REFERENCE, DOCKERFILE = (APP / "buildspec.yml").read_text(), (APP / "Dockerfile").read_text()
REGISTRY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
ARN = "arn:aws:codepipeline:eu-west-1:123456789012:shop"
CONNECTION = "arn:aws:codeconnections:eu-west-1:123456789012:connection/1"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:shop"
RULE = "arn:aws:events:eu-west-1:123456789012:rule/shop"
DESTINATION = "arn:aws:events:eu-west-1:123456789012:api-destination/slack/1"
ROLE = "arn:aws:iam::123456789012:role/notify"


def action(name: str, provider: str = "", *, takes: str = "", makes: str = "", **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "actionTypeId": {"category": name, "provider": provider or name}, **more}
    made["inputArtifacts"] = [{"name": takes}] if takes else []
    made["outputArtifacts"] = [{"name": makes}] if makes else []
    return made


SOURCE = action(
    "Source",
    "CodeStarSourceConnection",
    makes="source",
    namespace="SourceVariables",
    configuration={"ConnectionArn": CONNECTION, "FullRepositoryId": "example/shop", "BranchName": "main"},
)
BUILD = action("Build", "CodeBuild", takes="source", makes="built", configuration={"ProjectName": "shop"})
ASKED = {
    "NotificationArn": TOPIC,
    "ExternalEntityLink": "https://github.com/example/shop/commit/#{SourceVariables.CommitId}",
}
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


class Account:
    """AWS's answers; a test changes a part of them."""

    def __init__(self) -> None:
        self.stages = [[copy.deepcopy(a)] for a in (SOURCE, BUILD, APPROVAL, DEPLOY)]
        self.variables = {
            "CONTAINER_NAME": "app",
            "ECR_CACHE_REPOSITORY_NAME": "shop-cache",
            "ECR_REGISTRY": REGISTRY,
            "ECR_REPOSITORY_NAME": "shop",
            "ENVIRONMENT": "dev",
        }
        self.privileged = True
        self.status = "AVAILABLE"
        self.pattern: dict[str, Any] | None = copy.deepcopy(PATTERN)
        self.targets = [{"Id": "topic", "Arn": TOPIC}]
        self.statements = [copy.deepcopy(PUBLISH)]
        self.subscriptions = [{"Protocol": "email", "Endpoint": "team@example.com"}]
        self.key = ""
        self.method = "POST"
        self.allowed: list[dict[str, Any]] = [
            {"Effect": "Allow", "Action": "events:InvokeApiDestination", "Resource": DESTINATION}
        ]
        self.trusted = "events.amazonaws.com"
        self.project: dict[str, Any] = {}
        self.environment: dict[str, Any] = {}
        self.pipeline: dict[str, Any] = {}
        self.retention: int | None = 30
        self.architecture = "X86_64"
        self.repositories = {"shop", "shop-cache"}

    def checks(self) -> PipelineChecks:
        variables = [{"name": n, "value": v} for n, v in self.variables.items()]
        project = {
            "arn": "project",
            "name": "shop",
            "timeoutInMinutes": 20,
            "source": {"type": "CODEPIPELINE", "buildspec": "buildspec.yml"},
            "logsConfig": {"cloudWatchLogs": {"status": "ENABLED", "groupName": "/aws/codebuild/shop"}},
            "environment": {
                "type": "LINUX_CONTAINER",
                "image": "aws/codebuild/standard:7.0",
                "privilegedMode": self.privileged,
                "environmentVariables": variables,
                **self.environment,
            },
            **self.project,
        }
        rule = {"Name": "shop", "Arn": RULE, "State": "ENABLED", "EventPattern": json.dumps(self.pattern)}
        topic = {"KmsMasterKeyId": self.key}
        if self.statements:
            topic["Policy"] = json.dumps({"Version": "2012-10-17", "Statement": self.statements})
        stages = [{"name": actions[0]["name"], "actions": actions} for actions in self.stages]
        pipeline = {"stages": stages, "artifactStore": {"location": "artifacts"}, **self.pipeline}
        group = {"logGroupName": "/aws/codebuild/shop", "retentionInDays": self.retention}
        document = json.dumps({"Version": "2012-10-17", "Statement": self.allowed})
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": self.trusted}}
        role = {
            "Arn": ROLE,
            "AssumeRolePolicyDocument": json.dumps({"Version": "2012-10-17", "Statement": trust}),
        }
        definition = {"runtimePlatform": {"cpuArchitecture": self.architecture}}

        def repositories(repositoryNames: list[str] | None = None) -> Any:
            known = set(repositoryNames or ()) <= self.repositories
            uris = [{"repositoryUri": f"{self.variables['ECR_REGISTRY']}/{name}"} for name in sorted(self.repositories)]
            return (
                {"repositories": uris}
                if known
                else refusal("RepositoryNotFoundException", "there is no such repository")
            )

        aws = clients(
            codepipeline=Answers(get_pipeline={"pipeline": pipeline, "metadata": {"pipelineArn": ARN}}),
            codebuild=Answers(batch_get_projects={"projects": [project]}),
            codeconnections=Answers(get_connection={"Connection": {"ConnectionStatus": self.status}}),
            events=Answers(
                list_rules={"Rules": [rule] if self.pattern else []},
                list_targets_by_rule={"Targets": self.targets},
                describe_api_destination={"HttpMethod": self.method},
            ),
            ecr=Answers(describe_repositories=repositories),
            logs=Answers(describe_log_groups={"logGroups": [group]}),
            ecs=Answers(
                describe_services={"services": [{"taskDefinition": "shop:1"}]},
                describe_task_definition={"taskDefinition": definition},
            ),
            iam=Answers(
                get_role={"Role": role},
                list_role_policies={"PolicyNames": ["notify"]},
                get_role_policy={"PolicyDocument": document},
                list_attached_role_policies={"AttachedPolicies": []},
            ),
            sns=Answers(
                get_topic_attributes={"Attributes": topic},
                list_subscriptions_by_topic={"Subscriptions": self.subscriptions},
            ),
        )
        return PipelineChecks(aws, pipeline="shop")


@pytest.fixture
def account() -> Account:
    return Account()


def words(findings: Any) -> str:
    return " ".join(str(findings).split())


def test_a_good_pipeline_gives_no_finding(account: Account) -> None:
    """Stages, approval, connection, artifacts, Docker and notifications as in the reference."""
    checks = account.checks()
    assert checks.goes_through("Source", "Build", "Approval", "Deploy")
    assert checks.asks_before_it_deploys()
    assert checks.its_connection_is_usable()
    assert checks.artifacts_flow()
    assert checks.builds_can_use_docker()
    assert checks.somebody_is_notified()
    assert checks.tells_of_itself_only()
    assert checks.topics_admit_only_their_publishers()
    assert checks.starts_on_a_push(repository="example/shop", branch="main")
    assert checks.deploys_to("shop", "shop")
    assert checks.newer_commits_overtake()
    assert checks.deployments_are_given_time()
    assert checks.builds_end_in_time()
    assert checks.build_logs_are_kept()
    assert checks.builds_on_a_current_image()
    assert checks.builds_for_the_architecture_that_runs()
    assert checks.builds_find_their_buildspec(APP)


def test_the_reference_buildspec_gives_no_finding(account: Account) -> None:
    """The application's buildspec passes every check of buildspecs."""
    checks = account.checks()
    assert checks.build_makes_what_deploy_reads(REFERENCE, container="app")
    assert checks.builds_use_the_layer_cache(REFERENCE)
    assert checks.releases_have_tags_of_their_own(REFERENCE, repository="shop")
    assert checks.pushes_only_after_a_successful_build(REFERENCE)
    assert checks.buildspec_is_up_to_date(REFERENCE)
    assert checks.tests_run_before_anything_is_pushed(REFERENCE, DOCKERFILE)
    assert checks.a_commit_can_be_released_again(REFERENCE, repository="shop")
    assert checks.every_variable_of_the_buildspec_is_set(REFERENCE)
    assert checks.images_go_where_they_are_expected(REFERENCE)
    assert checks.release_tags(REFERENCE, repository="shop") == ["dev-0123abc"]


def test_an_order_that_repeats_is_told_as_it_is(account: Account) -> None:
    """A second Deploy after the approval does not hide the one before it."""
    account.stages = [[SOURCE], [BUILD], [DEPLOY], [APPROVAL], [DEPLOY]]
    found = words(account.checks().goes_through("Source", "Build", "Approval", "Deploy"))
    assert "found: Source → Build → Deploy → Approval → Deploy" in found


def test_actions_run_in_their_order(account: Account) -> None:
    """Within a stage runOrder counts, not the place in the list."""
    account.stages = [[SOURCE], [BUILD], [DEPLOY | {"runOrder": 2}, APPROVAL | {"runOrder": 1}]]
    assert account.checks().goes_through("Source", "Build", "Approval", "Deploy")
    assert account.checks().asks_before_it_deploys()


@pytest.mark.parametrize("stages", [[SOURCE, BUILD, DEPLOY], [SOURCE, BUILD, DEPLOY, APPROVAL]])
def test_a_missing_approval_is_found(account: Account, stages: list[dict[str, Any]]) -> None:
    """A pipeline without an approval, or with one after the deployment, is a finding."""
    account.stages = [[a] for a in stages]
    assert "an Approval action before Deploy" in words(account.checks().asks_before_it_deploys())


@pytest.mark.parametrize("key", list(ASKED))
def test_an_approval_nobody_hears_of_is_found(account: Account, key: str) -> None:
    """An approval without notification or link is a finding: it expires unseen."""
    del account.stages[2][0]["configuration"][key]
    assert f"{key} in the approval's configuration" in words(account.checks().asks_before_it_deploys())


def test_a_pending_connection_is_found(account: Account) -> None:
    """A PENDING connection is reported with the step for a person; a missing connection proves nothing."""
    account.status = "PENDING"
    assert "complete the handshake" in words(account.checks().its_connection_is_usable())
    account.stages[0][0]["configuration"] = {"S3Bucket": "source"}
    assert "proves nothing" in words(account.checks().its_connection_is_usable())


def test_an_artifact_nobody_makes_is_found(account: Account) -> None:
    """The finding names the artifact and what there is."""
    account.stages[3][0]["inputArtifacts"] = [{"name": "image"}]
    assert "an action before Deploy that makes image" in words(account.checks().artifacts_flow())


def test_a_build_without_docker_is_found(account: Account) -> None:
    """A build without privileged mode is a finding: it has no daemon."""
    account.privileged = False
    assert "Cannot connect to the Docker daemon" in words(account.checks().builds_can_use_docker())
    account.project["source"] = {"buildspec": spec("aws ecs run-task --cluster shop")}
    assert account.checks().builds_can_use_docker()
    account.project["source"] = {"buildspec": spec("docker build .")}
    assert "Cannot connect to the Docker daemon" in words(account.checks().builds_can_use_docker())


def spec(*commands: str, phase: str = "build", artifact: str = "imagedefinitions.json", more: str = "") -> str:
    lines = "".join(f"      - {json.dumps(command)}\n" for command in commands)
    return f"version: 0.2\n{more}phases:\n  {phase}:\n    commands:\n{lines}artifacts:\n  files: ['{artifact}']\n"


DEFINE = 'printf \'[{"name":"%s","imageUri":"%s"}]\' "$CONTAINER_NAME" "$IMAGE" > imagedefinitions.json'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (spec(DEFINE), None),
        (spec(DEFINE, artifact="**/*"), None),
        (spec(DEFINE, artifact="*.json"), None),
        (spec('echo \'[{"name":"app","imageUri":"x"}]\' > imagedefinitions.json'), None),
        (spec(DEFINE, artifact="image.json"), "imagedefinitions.json among the buildspec's artifacts"),
        (spec("make"), "a command that writes imagedefinitions.json"),
        (spec("cat webapp/app.json > imagedefinitions.json"), "the container's name app"),
        (spec('echo \'[{"name":"application","imageUri":"x"}]\' > imagedefinitions.json'), "the container's name app"),
        (spec('echo \'{"name":"app","imageUri":"x"}\' > imagedefinitions.json'), "expected an array"),
        (spec('echo \'[{"name":"app"}]\' > imagedefinitions.json'), "has no imageUri"),
        (
            spec("docker push r/shop:1", DEFINE.replace("$IMAGE", "r/shop:2")),
            "an image that the build pushes: r/shop:1",
        ),
        (spec("IMAGE=r/shop:1", "docker push $IMAGE", DEFINE), None),
    ],
)
def test_image_definitions_must_arrive_and_name_the_container(account: Account, text: str, says: str | None) -> None:
    """The file is written, is in the artifact, and names the container; a word that contains the name is not the name."""
    found = words(account.checks().build_makes_what_deploy_reads(text, container="app"))
    assert (says or "holds") in found


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('--cache-from "$CACHE:test"', "", '--target test --tag "$CACHE:test" . has no --cache-from'),
        ("--cache-from", "--label", "no build has --cache-from"),
        ("docker pull", "docker inspect", "is not pulled before the first build"),
        ('docker push "$CACHE', 'echo "$CACHE', "is never pushed"),
        ("BUILDKIT_INLINE_CACHE=1", "X=1", "BuildKit is not told to leave cache metadata"),
        ("docker build", "make image", "a docker build in the buildspec"),
    ],
)
def test_a_cache_that_does_not_work_is_found(account: Account, old: str, new: str, says: str | None) -> None:
    """Each link of the chain is checked: pulled, used, annotated and pushed."""
    assert old in REFERENCE
    assert (says or "holds") in words(account.checks().builds_use_the_layer_cache(REFERENCE.replace(old, new)))


def test_a_registry_cache_needs_no_pull(account: Account) -> None:
    """type=registry is read and written by BuildKit itself, and must be written."""
    build = "docker buildx build --cache-from type=registry,ref=$C:x"
    assert account.checks().builds_use_the_layer_cache(spec(f"{build} --cache-to type=registry,ref=$C:x ."))
    assert "no build has --cache-to" in words(account.checks().builds_use_the_layer_cache(spec(f"{build} .")))


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
        (["docker push $R/other:latest"], "it pushes $R/other:latest"),
        (["docker push $R/$REPO:latest"], "Set R, REPO in the build project: the buildspec uses what nobody sets"),
    ],
)
def test_tags_that_come_again_are_found(account: Account, commands: list[str], says: str | None) -> None:
    """Variables are followed to the commit; other repositories are ignored; a default is a guess."""
    found = words(account.checks().releases_have_tags_of_their_own(spec(*commands), repository="shop"))
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
def test_a_push_after_a_failed_build_is_found(account: Account, commands: list[str], found: bool) -> None:
    """The guard must come before the push."""
    assert bool(account.checks().pushes_only_after_a_successful_build(spec(*commands, phase="post_build"))) is not found


def test_what_codebuild_no_longer_needs_is_found(account: Account) -> None:
    """runtime-versions: docker is reported with its line."""
    text = REFERENCE.replace("  pre_build:\n", "  install:\n    runtime-versions:\n      docker: 20\n\n  pre_build:\n")
    assert "runtime-versions: docker" in words(account.checks().buildspec_is_up_to_date(text))


def test_a_state_no_rule_matches_is_found(account: Account) -> None:
    """Each state is checked on its own."""
    assert account.pattern
    account.pattern["detail"]["state"] = ["SUCCEEDED"]
    found = account.checks().somebody_is_notified()
    assert [f.expected.rpartition(" ")[2] for f in found.findings] == ["STARTED", "FAILED"]


def test_a_rule_without_a_target_is_found(account: Account) -> None:
    """A rule that matches and leads nowhere is named."""
    account.targets = []
    assert "shop matches and has no target" in words(account.checks().somebody_is_notified())


def test_a_topic_nobody_reads_is_found(account: Account) -> None:
    """A message to no one is no message; another target beside the topic is."""
    account.subscriptions = []
    assert "nobody reads it" in words(account.checks().somebody_is_notified())
    account.targets.append({"Id": "slack", "Arn": DESTINATION, "RoleArn": ROLE})
    assert account.checks().somebody_is_notified()


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
def test_a_topic_that_refuses_eventbridge_is_found(account: Account, statements: list[dict[str, Any]]) -> None:
    """The policy is evaluated, not searched for words: no principal, another principal, action or rule, or a Deny is a finding."""
    account.statements = statements
    assert "EventBridge is refused, silently" in words(account.checks().somebody_is_notified())


def test_a_topic_encrypted_with_awss_key_is_found(account: Account) -> None:
    """EventBridge may not use the key that AWS manages for SNS."""
    account.key = "alias/aws/sns"
    assert "messages vanish" in words(account.checks().somebody_is_notified())


def test_slack_behind_a_topic_is_found(account: Account) -> None:
    """A webhook cannot confirm a subscription."""
    account.subscriptions.append({"Protocol": "https", "Endpoint": "https://hooks.slack.com/services/T0/B0/x"})
    assert "A webhook cannot confirm" in words(account.checks().somebody_is_notified())


def test_a_pipeline_that_is_not_there_is_told() -> None:
    """A LookupError names it."""
    aws = clients(codepipeline=Answers(get_pipeline=refusal("PipelineNotFoundException")))
    with pytest.raises(LookupError, match="no pipeline shop"):
        PipelineChecks(aws, pipeline="shop").artifacts_flow()


# What passes between stages.


def test_a_variable_without_a_namespace_is_found(account: Account) -> None:
    """A link that names a variable which no earlier action makes is no link."""
    del account.stages[0][0]["namespace"]
    assert "an action before Approval with the namespace SourceVariables" in words(account.checks().artifacts_flow())


def test_a_link_to_another_repository_is_found(account: Account) -> None:
    """The approver must see what is deployed."""
    account.stages[2][0]["configuration"]["ExternalEntityLink"] = "https://github.com/example/other"
    assert "a link to what changed in example/shop" in words(account.checks().asks_before_it_deploys())


def test_a_deployment_of_the_source_is_found(account: Account) -> None:
    """Deploy must read what Build has made."""
    account.stages[3][0]["inputArtifacts"] = [{"name": "source"}]
    assert account.checks().artifacts_flow(), "it flows"
    found = words(account.checks().build_makes_what_deploy_reads(REFERENCE, container="app"))
    assert "an artifact of a build as input of Deploy: built" in found


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"DetectChanges": "false"}, "no trigger"),
        ({"BranchName": "develop"}, "BranchName main"),
        ({"FullRepositoryId": "example/other"}, "FullRepositoryId example/shop"),
    ],
)
def test_a_source_that_is_another_is_found(account: Account, change: dict[str, str], says: str) -> None:
    """Another repository, another branch, or nothing that starts it."""
    account.stages[0][0]["configuration"] |= change
    assert says in words(account.checks().starts_on_a_push(repository="example/shop", branch="main"))


def test_a_trigger_starts_it_as_well(account: Account) -> None:
    """DetectChanges is off where triggers say more exactly what starts it."""
    account.stages[0][0]["configuration"]["DetectChanges"] = "false"
    account.pipeline["triggers"] = [{"providerType": "CodeStarSourceConnection"}]
    assert account.checks().starts_on_a_push()


def test_a_deployment_to_another_service_is_found(account: Account) -> None:
    """Cluster and service are those that were meant."""
    account.stages[3][0]["configuration"]["ServiceName"] = "other"
    assert "service other of cluster shop" in words(account.checks().deploys_to("shop", "shop"))


@pytest.mark.parametrize("mode", ["QUEUED", "PARALLEL"])
def test_another_execution_mode_is_found(account: Account, mode: str) -> None:
    """Two rollouts at once, or a queue behind an approval."""
    account.pipeline["executionMode"] = mode
    assert f"executionMode {mode}" in words(account.checks().newer_commits_overtake())


def test_a_deployment_that_is_given_no_time_is_found(account: Account) -> None:
    """One minute is not enough for a rolling update."""
    account.stages[3][0]["configuration"]["DeploymentTimeout"] = "1"
    assert "at least 10 minutes" in words(account.checks().deployments_are_given_time())


# Build projects.


@pytest.mark.parametrize(("minutes", "says"), [(480, "a build that hangs"), (5, "finds no cache")])
def test_a_limit_that_is_none_is_found(account: Account, minutes: int, says: str) -> None:
    """Eight hours are no limit, and five minutes are too few."""
    account.project["timeoutInMinutes"] = minutes
    assert says in words(account.checks().builds_end_in_time()).lower()


def test_build_logs_that_are_not_kept_are_found(account: Account) -> None:
    """Logs are reported if they are off, in an unmanaged group, or kept for ever."""
    account.retention = None
    assert "for ever, and billed" in words(account.checks().build_logs_are_kept())
    account.project["logsConfig"] = {"cloudWatchLogs": {"status": "ENABLED", "groupName": "/other"}}
    assert "the group does not exist" in words(account.checks().build_logs_are_kept())
    account.project["logsConfig"] = {"cloudWatchLogs": {"status": "DISABLED"}}
    assert "logs are off" in words(account.checks().build_logs_are_kept())


def test_an_old_build_image_is_found(account: Account) -> None:
    """Images that AWS no longer updates are reported; custom images are not."""
    account.environment["image"] = "aws/codebuild/standard:4.0"
    assert "aws/codebuild/standard:4.0" in words(account.checks().builds_on_a_current_image())
    account.environment["image"] = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/build:1"
    assert account.checks().builds_on_a_current_image()


def test_an_image_for_another_architecture_is_found(account: Account) -> None:
    """Built on x86, run on ARM: exec format error."""
    account.architecture = "ARM64"
    assert "exec format error" in words(account.checks().builds_for_the_architecture_that_runs())
    account.environment["type"] = "ARM_CONTAINER"
    assert account.checks().builds_for_the_architecture_that_runs()


def test_a_buildspec_that_is_not_there_is_found(account: Account) -> None:
    """The project names a file that the repository does not have; a buildspec in the project itself needs none."""
    account.project["source"] = {"buildspec": "buildspec.yaml"}
    assert "expected: a file of the repository, such as buildspec.yml" in words(
        account.checks().builds_find_their_buildspec(APP)
    )
    account.project["source"] = {"buildspec": "version: 0.2\nphases: {}\n"}
    assert account.checks().builds_find_their_buildspec(APP)


# Buildspecs.

TESTED = 'FROM a AS base\nFROM base AS test\nRUN pytest\nFROM base AS final\nCMD ["a"]\n'
BUILD_TESTS, RELEASE = "docker build --target test .", "docker build --tag r/shop:1 ."


@pytest.mark.parametrize(
    ("commands", "says"),
    [
        ([BUILD_TESTS, RELEASE, "docker push r/shop:1"], None),
        (["pytest", RELEASE, "docker push r/shop:1"], None),
        (["[ -n x ] || docker build --target=test .", "docker push r/shop:1"], None),
        (["npm run test", "docker push r/shop:1"], None),
        (["if true; then pytest; fi", "docker push r/shop:1"], "passed over"),
        ([RELEASE, "docker push r/shop:1"], "tests in the buildspec"),
        (["docker build --target final .", "docker push r/shop:1"], "tests in the buildspec"),
        (["echo pytest", "docker push r/shop:1"], "tests in the buildspec"),
        ([RELEASE, "docker push r/shop:1", BUILD_TESTS], "docker push after the tests"),
        ([f"{BUILD_TESTS} || true", "docker push r/shop:1"], "whose failure is passed over"),
        (["pytest | tee log", "docker push r/shop:1"], "whose failure is passed over"),
        (["pytest\necho done", "docker push r/shop:1"], "whose failure is passed over"),
        (["set -e\npytest\necho done", "docker push r/shop:1"], None),
        (["pytest || { echo failed; exit 1; }", "docker push r/shop:1"], None),
    ],
)
def test_what_no_test_has_seen_is_found(account: Account, commands: list[str], says: str | None) -> None:
    """Tests run, count, and come first."""
    found = words(account.checks().tests_run_before_anything_is_pushed(spec(*commands), TESTED))
    assert (says or "holds") in found


@pytest.mark.parametrize(
    ("phase", "commands", "says"),
    [
        ("build", [RELEASE, "docker push r/shop:1"], None),
        ("build", [f"{RELEASE}\ndocker push r/shop:1"], "whose failure is passed over"),
        ("build", [f"{RELEASE}; docker push r/shop:1"], "whose failure is passed over"),
        ("build", [f"{RELEASE} && docker push r/shop:1"], None),
        ("build", [f"{RELEASE} || echo oh", "docker push r/shop:1"], "whose failure is passed over"),
        ("build", [f"{RELEASE} | cat", "docker push r/shop:1"], "whose failure is passed over"),
        ("post_build", ['[ "$CODEBUILD_BUILD_SUCCEEDING" = 0 ]', "docker push x"], "without a guard"),
        ("post_build", ['echo "$CODEBUILD_BUILD_SUCCEEDING"', "docker push x"], "without a guard"),
        ("post_build", ['[ "$CODEBUILD_BUILD_SUCCEEDING" = 1 ] || echo bad', "docker push x"], "without a guard"),
        ("post_build", ['if [ "$CODEBUILD_BUILD_SUCCEEDING" -eq 0 ]; then exit 1; fi', "docker push x"], None),
        ("post_build", ['if [ "$CODEBUILD_BUILD_SUCCEEDING" = 1 ]; then docker push x; fi'], None),
    ],
)
def test_a_push_of_what_was_not_built_is_found(
    account: Account, phase: str, commands: list[str], says: str | None
) -> None:
    """A failure before the push must prevent the push, in every phase."""
    found = words(account.checks().pushes_only_after_a_successful_build(spec(*commands, phase=phase)))
    assert (says or "holds") in found


def test_finally_pushes_after_a_failure_too(account: Account) -> None:
    """`finally` runs whatever happened to the commands."""
    text = "version: 0.2\nphases:\n  build:\n    commands: [make]\n    finally: ['docker push x']\n"
    assert "`finally` of build" in words(account.checks().pushes_only_after_a_successful_build(text))


def test_a_phase_that_goes_on_after_a_failure_is_found(account: Account) -> None:
    """on-failure: CONTINUE lets the next phase run."""
    text = spec(RELEASE, "docker push r/shop:1").replace("  build:\n", "  build:\n    on-failure: CONTINUE\n")
    assert "on-failure: CONTINUE in build" in words(account.checks().pushes_only_after_a_successful_build(text))


@pytest.mark.parametrize("verb", ["pull", "push"])
def test_a_cache_that_must_be_there_is_found(account: Account, verb: str) -> None:
    """The first build has no cache, and no release waits for one."""
    text = "\n".join(
        line.replace(" || true", "") if f"docker {verb}" in line else line for line in REFERENCE.splitlines()
    )
    assert f"docker {verb} of the cache that may fail" in words(account.checks().builds_use_the_layer_cache(text))


def test_a_variable_that_nobody_sets_is_found(account: Account) -> None:
    """A typing error in a variable's name, or one that the project no longer sets."""
    del account.variables["ENVIRONMENT"]
    (finding,) = account.checks().every_variable_of_the_buildspec_is_set(REFERENCE).findings
    assert (finding.expected, finding.change) == ("a value for ENVIRONMENT", "Give the build project ENVIRONMENT.")
    text = spec("for x in 1 2; do echo $x ${OPTIONAL:-no} $CODEBUILD_BUILD_ID; done", "echo '$literal'", "A=1; echo $A")
    assert account.checks().every_variable_of_the_buildspec_is_set(text)


def test_a_repository_that_is_not_there_is_found(account: Account) -> None:
    """Each reference is followed to its repository; without a login there is none."""
    account.variables["ECR_CACHE_REPOSITORY_NAME"] = "shop-cashe"
    assert "a repository shop-cashe in" in words(account.checks().images_go_where_they_are_expected(REFERENCE))
    account.variables["ECR_CACHE_REPOSITORY_NAME"] = "shop-cache"
    without = "\n".join(line for line in REFERENCE.splitlines() if "docker login" not in line)
    assert "docker login before the first pull" in words(account.checks().images_go_where_they_are_expected(without))


def test_an_emulated_registry_is_looked_at_too(account: Account) -> None:
    """The registry of an emulated account is at an address of its own, which its repositories tell."""
    account.variables |= {"ECR_REGISTRY": "127.0.0.1:4566", "ECR_CACHE_REPOSITORY_NAME": "shop-cashe"}
    assert "a repository shop-cashe in 127.0.0.1:4566" in words(
        account.checks().images_go_where_they_are_expected(REFERENCE)
    )
    account.variables["ECR_CACHE_REPOSITORY_NAME"] = "shop-cache"
    assert account.checks().images_go_where_they_are_expected(REFERENCE)
    without = "\n".join(line for line in REFERENCE.splitlines() if "docker login" not in line)
    assert "docker login before the first pull" in words(account.checks().images_go_where_they_are_expected(without))
    assert account.checks().images_go_where_they_are_expected(spec("docker pull quay.io/team/base:1"))


def test_a_commit_that_cannot_be_released_again_is_found(account: Account) -> None:
    """An immutable tag is looked for before it is pushed."""
    text = spec("docker push r/shop:$CODEBUILD_RESOLVED_SOURCE_VERSION")
    assert "ImageTagAlreadyExistsException" in words(
        account.checks().a_commit_can_be_released_again(text, repository="shop")
    )


# Notifications.

PATHS = {"pipeline": "$.detail.pipeline", "state": "$.detail.state"}


@pytest.mark.parametrize(
    ("paths", "template", "says"),
    [
        (PATHS, '"<pipeline> is <state>"', None),
        (PATHS, '{"text": "<pipeline> is <state>"}', None),
        (PATHS, '{"text": "\\u003cpipeline\\u003e is \\u003cstate\\u003e"}', "Write the template as a string"),
        (PATHS, '"<pipeline> has changed"', "does not say STARTED"),
        ({"pipeline": "$.detail.pipeline", "state": "$.state"}, '"<pipeline> is <state>"', "does not say STARTED"),
        ({"pipeline": "$.pipeline", "state": "$.detail.state"}, '"<pipeline> is <state>"', "does not say shop"),
        (PATHS, '"<pipeline> is <stat>"', "cannot fill the template"),
    ],
)
def test_a_message_that_says_nothing_is_found(
    account: Account, paths: dict[str, str], template: str, says: str | None
) -> None:
    """The template is filled with an event, and must name pipeline and state."""
    account.targets[0]["InputTransformer"] = {"InputPathsMap": paths, "InputTemplate": template}  # type: ignore[assignment]
    assert (says or "holds") in words(account.checks().somebody_is_notified())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({}, None),
        ({"method": "GET"}, "HTTP method POST"),
        ({"trusted": "lambda.amazonaws.com"}, "does not let events.amazonaws.com in"),
        ({"allowed": []}, "may not events:InvokeApiDestination"),
    ],
)
def test_a_webhook_that_is_not_called_is_found(account: Account, change: dict[str, Any], says: str | None) -> None:
    """EventBridge needs a role that lets it in and may call the destination, by a method that carries a message."""
    account.targets = [{"Id": "slack", "Arn": DESTINATION, "RoleArn": ROLE}]
    for name, value in change.items():
        setattr(account, name, value)
    if change.get("allowed") == []:
        account.allowed = [{"Effect": "Allow", "Action": "events:PutEvents", "Resource": "*"}]
    assert (says or "holds") in words(account.checks().somebody_is_notified())


def test_a_rule_for_every_pipeline_is_found(account: Account) -> None:
    """A pattern without the pipeline's name notifies about all pipelines."""
    assert account.pattern
    del account.pattern["detail"]["pipeline"]
    assert "matches other pipelines' events" in words(account.checks().tells_of_itself_only())


ANYBODY: dict[str, Any] = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Resource": TOPIC}


@pytest.mark.parametrize(
    ("statements", "says"),
    [
        ([PUBLISH], None),
        ([PUBLISH, ANYBODY | {"Action": "sns:Publish"}], "anybody, without signing in may sns:Publish"),
        ([PUBLISH, ANYBODY | {"Action": "sns:Subscribe"}], "account 999999999999 may sns:Subscribe"),
        (
            [{key: value for key, value in PUBLISH.items() if key != "Condition"}],
            "another account's rule may sns:Publish",
        ),
        (
            [PUBLISH | {"Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}}}],
            "any rule of account 123456789012 may sns:Publish",
        ),
    ],
)
def test_a_topic_for_everybody_is_found(account: Account, statements: list[dict[str, Any]], says: str | None) -> None:
    """The policy engine decides who may publish and subscribe, for other accounts and for others' rules."""
    account.statements = statements
    assert (says or "holds") in words(account.checks().topics_admit_only_their_publishers())
