"""The codepipeline module where it stands, in environments/dev: what it goes through, makes, and tells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pushproof.checks.pipeline import PipelineChecks
from pushproof.checks.secrets import SecretsChecks
from pushproof.drill.standin import SlackStandIn


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


def test_the_buildspec_is_up_to_date(pipeline: PipelineChecks, buildspec: str) -> None:
    """The buildspec says nothing that CodeBuild no longer understands."""
    assert pipeline.buildspec_is_up_to_date(buildspec)


def test_the_build_project_holds_no_secret(secrets_checks: Callable[..., SecretsChecks], dev: Any) -> None:
    """Cliff 7: no secret-looking value is a plain variable of the build."""
    assert secrets_checks(dev).secrets_are_passed_by_reference(build_project=dev["build_project_name"])


@pytest.mark.target_needs("webhooks")
def test_somebody_is_told(pipeline: PipelineChecks) -> None:
    """For each state a rule matches, whose targets may be reached."""
    assert pipeline.somebody_is_notified()


@pytest.mark.target_needs("webhooks")
def test_slack_hears_how_an_execution_ends(dev: Any, slack: SlackStandIn, aws: Callable[[str], Any]) -> None:
    """An execution that fails at Source is told to Slack in plain words, from its start to its end."""
    aws("codepipeline").start_pipeline_execution(name=dev["pipeline_name"])
    for state in ("STARTED", "FAILED"):
        message = slack.wait_for(f"Pipeline {dev['pipeline_name']} changed state to {state} at", timeout=60)
        assert message is not None, f"no message about {state}; the webhook heard {slack.messages}"
    assert slack.refused == []


@pytest.mark.target_needs("pending-connection")
def test_a_connection_nobody_authorised_is_found(pipeline: PipelineChecks, dev: Any, target: Any) -> None:
    """Cliff 6: the connection is found PENDING; once a person has completed the handshake, nothing is found."""
    if (
        target.client("codestar-connections").get_connection(ConnectionArn=dev["connection_arn"])["Connection"][
            "ConnectionStatus"
        ]
        == "PENDING"
    ):
        assert "PENDING" in str(pipeline.its_connection_is_usable())
        target.authorise_connection(dev["connection_arn"])
    assert pipeline.its_connection_is_usable()
