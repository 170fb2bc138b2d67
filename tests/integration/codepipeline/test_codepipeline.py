"""The codepipeline module in environments/dev: its stages, resources and notifications."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pushproof import Clients, IamFactory, ImageFactory, RegistryFactory
from pushproof.checks.delivery import read_delivery
from pushproof.checks.permissions import (
    Permission,
    build_needs,
    execution_needs,
    forbidden_beyond,
    pipeline_needs,
    task_needs,
)
from pushproof.checks.pipeline import PipelineChecks
from pushproof.checks.secrets import SecretsChecks
from pushproof.drill.standin import SlackStandIn
from pushproof.engines.buildspec import Phase, parse
from pushproof.terraform.hcl import read_settings

ENVIRONMENTS = Path(__file__).parents[3] / "infrastructure/environments"


@pytest.fixture(scope="module")
def pipeline(pipeline_checks: Callable[..., PipelineChecks], dev: Any) -> PipelineChecks:
    return pipeline_checks(dev, pipeline=dev["pipeline_name"])


def test_a_push_goes_through_test_and_build_to_deploy(pipeline: PipelineChecks) -> None:
    """Source, Build, Deploy, in this order."""
    assert pipeline.goes_through("Source", "Build", "Deploy")


def test_artifacts_flow(pipeline: PipelineChecks) -> None:
    """Each action's input is an earlier action's output."""
    assert pipeline.artifacts_flow()


def test_artifacts_are_private(pipeline: PipelineChecks) -> None:
    """The artifacts bucket is versioned, encrypted and closed."""
    assert pipeline.artifacts_are_private()


def test_a_push_starts_it(pipeline: PipelineChecks) -> None:
    """The pipeline starts by itself, from the configured repository and the branch of this environment."""
    settings = read_settings(ENVIRONMENTS / "dev/terraform.tfvars")
    assert pipeline.starts_on_a_push(repository="example/shop", branch=settings["branch"])


def test_a_commit_arrives_at_the_service(pipeline: PipelineChecks, dev: Any) -> None:
    """Deploy rolls out to this service, has time for it, and never twice at once."""
    assert pipeline.deploys_to(dev["cluster_name"], dev["service_name"])
    assert pipeline.deployments_are_given_time()
    assert pipeline.newer_commits_overtake()


def test_builds_have_what_they_need(pipeline: PipelineChecks, application: Path) -> None:
    """A time limit, a log that is kept, a current image of the right architecture, a cache that is private, a buildspec."""
    assert pipeline.builds_end_in_time()
    assert pipeline.build_logs_are_kept(at_least_days=30)
    assert pipeline.builds_on_a_current_image()
    assert pipeline.builds_for_the_architecture_that_runs()
    assert pipeline.build_cache_is_private()
    assert pipeline.builds_find_their_buildspec(application)


def test_builds_keep_their_cache_beside_their_artifacts(aws: Clients, dev: Any) -> None:
    """The project's own cache is in the bucket of the artifacts, under a prefix of its own."""
    (project,) = aws("codebuild").batch_get_projects(names=[dev["build_project_name"]])["projects"]
    assert project["cache"]["type"] == "S3"
    assert project["cache"]["location"] == f"{dev['artifacts_bucket_name']}/build-cache"


def test_builds_can_use_docker(pipeline: PipelineChecks) -> None:
    """Cliff 3: the build project is privileged."""
    assert pipeline.builds_can_use_docker()


def test_builds_use_the_layer_cache(pipeline: PipelineChecks, buildspec: str) -> None:
    """Cliff 3: the cache is pulled, used and pushed again."""
    assert pipeline.builds_use_the_layer_cache(buildspec)


def test_the_build_makes_what_deploy_reads(pipeline: PipelineChecks, buildspec: str, dev: Any) -> None:
    """imagedefinitions.json is written, is the artifact, and names the service's container."""
    assert pipeline.build_makes_what_deploy_reads(buildspec, container=dev["container_name"])


def test_every_release_has_a_tag_of_its_own(pipeline: PipelineChecks, buildspec: str, dev: Any) -> None:
    """No tag is pushed to the deploy repository that the next build pushes again."""
    assert pipeline.releases_have_tags_of_their_own(buildspec, repository=dev["repository_name"])


def test_a_failed_build_pushes_nothing(pipeline: PipelineChecks, buildspec: str) -> None:
    """post_build looks at CODEBUILD_BUILD_SUCCEEDING before it pushes."""
    assert pipeline.pushes_only_after_a_successful_build(buildspec)


def test_a_build_without_a_commit_stops(buildspec: str) -> None:
    """The first command fails where CodeBuild has resolved no commit, and passes where it has."""
    first = parse(buildspec).phases[Phase.PRE_BUILD].commands[0]
    for environment, passes in (({}, False), ({"CODEBUILD_RESOLVED_SOURCE_VERSION": "0123abc"}, True)):
        done = subprocess.run(["/bin/sh", "-c", first], env=environment, capture_output=True, check=False)
        assert (done.returncode == 0) is passes, done.stdout


def test_a_release_that_is_not_pushed_is_not_deployed(buildspec: str, tmp_path: Path) -> None:
    """A registry that refuses the image fails the build, before there is anything to deploy."""
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\nexit 1\n")
    docker.chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "CODEBUILD_BUILD_SUCCEEDING": "1",
        "IMAGE_EXISTS": "no",
        "IMAGE": "registry/shop-dev:dev-0123abc",
        "CACHE": "registry/shop-dev-cache",
    }

    def passes(command: str) -> bool:
        shell = ["/bin/sh", "-c", command]
        return subprocess.run(shell, env=environment, cwd=tmp_path, capture_output=True, check=False).returncode == 0

    assert not all(map(passes, parse(buildspec).phases[Phase.POST_BUILD].commands))
    assert not (tmp_path / "imagedefinitions.json").exists()


def test_nothing_untested_is_pushed(pipeline: PipelineChecks, buildspec: str, application: Path) -> None:
    """The test stage is built, counts, and comes before any push."""
    assert pipeline.tests_run_before_anything_is_pushed(buildspec, (application / "Dockerfile").read_text())


def test_a_commit_can_be_released_again(pipeline: PipelineChecks, buildspec: str, dev: Any) -> None:
    """A retry finds the image that is there, and rolls it out."""
    assert pipeline.a_commit_can_be_released_again(buildspec, repository=dev["repository_name"])


def test_names_in_the_buildspec_exist(
    pipeline: PipelineChecks, registry_checks: RegistryFactory, buildspec: str, dev: Any
) -> None:
    """Variables are set, repositories exist, and the lifecycle rule selects the tags of releases."""
    assert pipeline.every_variable_of_the_buildspec_is_set(buildspec)
    assert pipeline.images_go_where_they_are_expected(buildspec)
    tags = pipeline.release_tags(buildspec, repository=dev["repository_name"])
    assert registry_checks(dev, repository=dev["repository_name"]).lifecycle_selects(tags)


def test_roles_fit_what_there_is(iam_checks: IamFactory, dev: Any, buildspec: str, aws: Clients) -> None:
    """Each role in use can do its work on the existing names, and nothing else."""
    delivery, iam = read_delivery(aws, dev["pipeline_name"]), iam_checks(dev)
    execution = delivery.execution_role_arn.rpartition("/")[2]
    before = f"{delivery.build_project}-before"
    runs = [
        Permission(f"codebuild:{action}", delivery.arn("codebuild", f"project/{before}"))
        for action in ("StartBuild", "BatchGetBuilds")
    ]
    tasks = [(before, task_needs(delivery, project=before, family=before))]
    there = bool(dev.terraform.variables.get("before_deploy_command"))
    for role, needs in (
        (delivery.pipeline_role, [*pipeline_needs(delivery), *(runs if there else [])]),
        *(tasks if there else []),
        (delivery.build_role, build_needs(delivery, buildspec)),
        (execution, execution_needs(delivery)),
    ):
        assert iam.allows(role, needs)
        assert iam.allows_only(role, needs)
    assert iam.allows_nothing(delivery.task_role_arn.rpartition("/")[2])
    assert iam.denies(
        delivery.build_role, forbidden_beyond(delivery, delivery.sibling("dev", "prod")), own_policies_only=True
    )


def test_the_image_is_fit_to_run(image_checks: ImageFactory) -> None:
    """An ordinary user, a signal that arrives, no secret, a base that does not move, a directory, and named files."""
    image = image_checks("app/Dockerfile")
    assert image.runs_as_an_ordinary_user()
    assert image.ends_when_it_is_asked_to()
    assert image.holds_no_secret()
    assert image.bases_are_pinned()
    assert image.sets_its_directory()
    assert image.copies_by_name()
    assert image.downloads_are_verified()


def test_the_buildspec_is_up_to_date(pipeline: PipelineChecks, buildspec: str) -> None:
    """The buildspec says nothing that CodeBuild no longer understands."""
    assert pipeline.buildspec_is_up_to_date(buildspec)


def test_the_build_project_holds_no_secret(
    secrets_checks: Callable[..., SecretsChecks], dev: Any, buildspec: str
) -> None:
    """Cliff 7: no secret-looking value is a plain variable of the build."""
    assert secrets_checks(dev).secrets_are_passed_by_reference(
        build_project=dev["build_project_name"], buildspec=buildspec
    )


@pytest.mark.target_needs("webhooks")
def test_somebody_is_told(pipeline: PipelineChecks) -> None:
    """A rule matches each state, and its targets may be reached."""
    assert pipeline.somebody_is_notified()
    assert pipeline.tells_of_itself_only()
    assert pipeline.topics_admit_only_their_publishers()


@pytest.mark.target_needs("webhooks")
def test_messages_are_sentences(aws: Clients, dev: Any) -> None:
    """Messages to people name pipeline, state and time in a sentence, and Slack gets one a second at most."""
    events, name = aws("events"), dev["pipeline_name"]
    targets = events.list_targets_by_rule(Rule=f"{name}-pipeline")["Targets"]
    sentence = "Pipeline <pipeline> changed state to <state> at <time>"
    assert {each["Id"]: each["InputTransformer"]["InputTemplate"] for each in targets} == {
        "topic": f'"{sentence}"',
        "slack": f'{{"text": "{sentence}"}}',
    }
    destination = events.describe_api_destination(Name=f"{name}-slack")
    # https://docs.slack.dev/apis/web-api/rate-limits
    assert (destination["HttpMethod"], destination["InvocationRateLimitPerSecond"]) == ("POST", 1)


def test_the_owner_keeps_the_topic(aws: Clients, dev: Any) -> None:
    """The topic's policy takes the place of SNS's own, and lets the account do what that lets it do."""
    policy = json.loads(aws("sns").get_topic_attributes(TopicArn=dev["topic_arn"])["Attributes"]["Policy"])
    (owner,) = (each for each in policy["Statement"] if "aws:SourceOwner" in str(each.get("Condition")))
    # https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html, the default policy
    actions = ("AddPermission", "DeleteTopic", "GetTopicAttributes", "ListSubscriptionsByTopic", "Publish")
    more = ("RemovePermission", "SetTopicAttributes", "Subscribe")
    assert sorted(owner["Action"]) == [f"sns:{action}" for action in (*actions, *more)]
    assert owner["Resource"] == dev["topic_arn"]


@pytest.mark.target_needs("webhooks")
def test_slack_hears_how_an_execution_ends(own_dev: Any, own_aws: Clients, slack: SlackStandIn) -> None:
    """Slack receives plain messages about an execution that fails at Source, from its start to its end."""
    own_aws("codepipeline").start_pipeline_execution(name=own_dev["pipeline_name"])
    for state in ("STARTED", "FAILED"):
        message = slack.wait_for(f"Pipeline {own_dev['pipeline_name']} changed state to {state} at", timeout=60)
        assert message is not None, f"no message about {state}; the webhook heard {slack.messages}"
    assert slack.refused == []


@pytest.mark.target_needs("pending-connection")
def test_a_connection_nobody_authorised_is_found(pipeline: PipelineChecks, dev: Any, target: Any) -> None:
    """Cliff 6: the check reports the PENDING connection, and has no finding after a person has completed the handshake."""
    if (
        target.client("codestar-connections").get_connection(ConnectionArn=dev["connection_arn"])["Connection"][
            "ConnectionStatus"
        ]
        == "PENDING"
    ):
        assert "PENDING" in str(pipeline.its_connection_is_usable())
        target.authorise_connection(dev["connection_arn"])
    assert pipeline.its_connection_is_usable(provider="GitHub")
