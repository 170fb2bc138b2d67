"""environments/prod: nothing left to do, nothing shared with dev, nothing deleted by mistake, nothing deployed unasked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pushproof import IamFactory, RegistryFactory, resources
from pushproof.checks.delivery import read_delivery
from pushproof.checks.iam import IamChecks
from pushproof.checks.networking import NetworkingChecks
from pushproof.checks.permissions import build_needs, execution_needs, forbidden_beyond, pipeline_needs
from pushproof.checks.pipeline import PipelineChecks
from pushproof.checks.secrets import SecretsChecks
from pushproof.checks.service import ServiceChecks
from pushproof.checks.state import StateChecks
from pushproof.drill.observation import wait_for
from pushproof.drill.repository import Checkout
from pushproof.terraform.hcl import read_settings

ENVIRONMENTS = Path(__file__).parents[3] / "infrastructure/environments"

# Names an image that nobody made: what is looked at here is when a rollout begins, not how it ends.
BUILDSPEC = """\
version: 0.2
phases:
  build:
    commands:
      - IMAGE="$ECR_REGISTRY/$ECR_REPOSITORY_NAME:prod-approved"
      - printf '[{"name":"%s","imageUri":"%s"}]' "$CONTAINER_NAME" "$IMAGE" > imagedefinitions.json
artifacts:
  files:
    - imagedefinitions.json
"""
Clients = Callable[[str], Any]


@pytest.fixture(scope="module")
def prod(environment: Callable[[str], Any]) -> Any:
    return environment("prod")


@pytest.fixture(scope="module")
def service(service_checks: Callable[..., ServiceChecks], prod: Any) -> ServiceChecks:
    return service_checks(prod, cluster=prod["cluster_name"], service=prod["service_name"])


@pytest.fixture(scope="module")
def pipeline(pipeline_checks: Callable[..., PipelineChecks], prod: Any) -> PipelineChecks:
    return pipeline_checks(prod, pipeline=prod["pipeline_name"])


def test_nothing_is_left_to_do(state_checks: Callable[..., StateChecks], prod: Any) -> None:
    """A plan after the apply is empty."""
    assert state_checks(prod).plan_is_empty(prod)


def test_everything_is_named_for_its_environment(state_checks: Callable[..., StateChecks], prod: Any) -> None:
    """Every resource says whose it is, and none is development's."""
    checks = state_checks(prod)
    assert checks.resources_carry_tags(prod, Environment="prod", ManagedBy="terraform")
    assert checks.speaks_of_no_other_environment(prod, "dev")


def test_a_destroy_keeps_what_matters(state_checks: Callable[..., StateChecks], prod: Any) -> None:
    """Artifacts, images and the secret outlive a destroy; the layer cache need not."""
    assert state_checks(prod).a_destroy_keeps_what_matters(prod, except_for=["module.ecr.aws_ecr_repository.cache"])


def test_dev_and_prod_can_be_connected(
    networking_checks: Callable[..., NetworkingChecks], prod: Any, dev: Any, aws: Clients
) -> None:
    """Their address blocks do not overlap."""
    blocks = [vpc["CidrBlock"] for vpc in aws("ec2").describe_vpcs(VpcIds=[dev["vpc_id"]])["Vpcs"]]
    assert networking_checks(prod, vpc_id=prod["vpc_id"]).shares_no_addresses_with(*blocks)


def test_prod_is_larger_than_dev(service: ServiceChecks, dev: Any, aws: Clients) -> None:
    """Production's tasks have twice what development's have."""
    family = dev["task_definition_family"]
    small = aws("ecs").describe_task_definition(taskDefinition=family)["taskDefinition"]
    assert service.tasks_have_at_least(cpu=2 * int(small["cpu"]), memory=2 * int(small["memory"]))


def test_dev_and_prod_share_nothing(state_checks: Callable[..., StateChecks], prod: Any, dev: Any) -> None:
    """No resource is in both states, although both are in one account."""
    assert state_checks(prod).environments_are_separate(dev.state(), prod.state())


def test_the_load_balancer_cannot_be_deleted_by_mistake(service: ServiceChecks, prod: Any, aws: Clients) -> None:
    """Deletion is refused as AWS refuses it, and the check is content."""
    assert service.deletion_is_protected()
    with pytest.raises(ClientError, match="deletion protection"):
        aws("elbv2").delete_load_balancer(LoadBalancerArn=prod["load_balancer_arn"])


def test_deletion_protection_is_missed_where_there_is_none(
    service_checks: Callable[..., ServiceChecks], dev: Any
) -> None:
    """The check reports that dev has no deletion protection, which is by design."""
    checks = service_checks(dev, cluster=dev["cluster_name"], service=dev["service_name"])
    assert "module.ecs.aws_lb.this" in str(checks.deletion_is_protected())


def test_the_network_is_the_reference(networking_checks: Callable[..., NetworkingChecks], prod: Any) -> None:
    """Ways out by each zone's own NAT gateway, endpoints, and tasks that only the load balancer reaches."""
    private = list(prod["private_subnet_ids"].values())
    network = networking_checks(prod, vpc_id=prod["vpc_id"], private_subnet_ids=private)
    assert network.is_sound()
    assert network.tasks_have_only_private_addresses()
    assert network.tasks_admit_only_the_load_balancer()
    assert network.load_balancers_are_in_public_subnets()
    assert network.load_balancers_admit_only_their_listeners()
    assert network.load_balancers_send_only_to_their_targets()
    assert network.tasks_call_out_on(443)
    assert network.tasks_reach_inside_the_vpc(5432)
    assert network.endpoints_are_reachable_on_443()
    assert network.every_private_route_table_has_the_s3_endpoint()


def test_the_service_is_the_reference(service: ServiceChecks) -> None:
    """Rollback, capacity, health, redirect, TLS, logs and insights are as in dev."""
    assert service.rolls_back_by_itself()
    assert service.keeps_its_capacity_while_it_deploys()
    assert service.health_checks_agree()
    assert service.redirects_http_to_https()
    assert service.speaks_current_tls()
    assert service.logs_are_kept(at_least_days=30)
    assert service.container_insights_is_on()
    assert service.health_is_decided_in_time()
    assert service.slow_starts_are_forgiven()
    assert service.finishes_requests_before_it_stops()
    assert service.outlives_the_loss_of_a_task()
    assert service.runs_on_capacity_that_stays()
    assert service.tasks_carry_tags()
    assert service.serves_over_https()
    assert service.rejects_malformed_requests()


@pytest.mark.parametrize("role", ["codebuild", "codepipeline", "execution", "task"])
def test_roles_are_scoped(iam_checks: Callable[..., IamChecks], prod: Any, role: str) -> None:
    """No role has a wildcard it does not need, or a permission that cannot apply."""
    name = prod["role_arns"][role].rpartition("/")[2]
    assert iam_checks(prod).is_scoped(name)
    assert iam_checks(prod).every_permission_can_apply(name)


def test_production_has_the_roles_that_it_uses(prod: Any, aws: Clients) -> None:
    """A role that nobody needs is one that nobody watches: what is off by default has none."""
    name = f"{prod.terraform.variables['project']}-prod"
    pages = aws("iam").get_paginator("list_roles").paginate()
    roles = {role["RoleName"] for page in pages for role in page["Roles"] if role["RoleName"].startswith(f"{name}-")}
    used = {f"{name}-{role}" for role in ("codebuild", "codepipeline", "execution", "task")}
    assert used <= roles <= used | {f"{name}-notify-slack"}


def test_everything_is_named_after_project_and_environment(prod: Any) -> None:
    """People, scripts and policies find what belongs together by its name."""
    name = f"{prod.terraform.variables['project']}-prod"
    outputs = ("cluster_name", "service_name", "task_definition_family", "repository_name", "pipeline_name")
    assert {output: prod[output] for output in outputs} == dict.fromkeys(outputs, name)


def test_production_starts_as_large_as_its_settings_say(prod: Any, aws: Clients) -> None:
    """Count, CPU and memory of terraform.tfvars are those of the service and its tasks."""
    settings = read_settings(ENVIRONMENTS / "prod/terraform.tfvars")
    described = aws("ecs").describe_services(cluster=prod["cluster_name"], services=[prod["service_name"]])
    (definition,) = resources(prod, "aws_ecs_task_definition")
    size = [described["services"][0]["desiredCount"], definition["cpu"], definition["memory"]]
    assert list(map(str, size)) == [settings["desired_count"], settings["cpu"], settings["memory"]]


def test_secrets_go_by_reference(secrets_checks: Callable[..., SecretsChecks], prod: Any) -> None:
    """Neither the task definition nor the build project contains a secret."""
    checks = secrets_checks(prod)
    assert checks.secrets_are_passed_by_reference(
        task_definition=prod["task_definition_family"], build_project=prod["build_project_name"]
    )


def test_the_pipeline_asks_before_it_deploys(pipeline: PipelineChecks) -> None:
    """A person approves between Build and Deploy, after a notification with a link to the change."""
    assert pipeline.goes_through("Source", "Build", "Approval", "Deploy")
    assert pipeline.asks_before_it_deploys()
    assert pipeline.artifacts_flow()
    assert pipeline.artifacts_are_private()


def test_the_pipeline_is_the_reference(
    pipeline: PipelineChecks, secrets_checks: Callable[..., SecretsChecks], prod: Any, buildspec: str
) -> None:
    """Production's pipeline and builds keep the promises of development's, from their own branch to their own service."""
    settings, repository = read_settings(ENVIRONMENTS / "prod/terraform.tfvars"), prod["repository_name"]
    assert pipeline.starts_on_a_push(repository="example/shop", branch=settings["branch"])
    assert settings["branch"] != read_settings(ENVIRONMENTS / "dev/terraform.tfvars")["branch"], (
        "production and development deploy the same branch: what is merged for a first look is in production"
    )
    assert pipeline.deploys_to(prod["cluster_name"], prod["service_name"])
    assert pipeline.deployments_are_given_time()
    assert pipeline.newer_commits_overtake()
    assert pipeline.builds_can_use_docker()
    assert pipeline.builds_end_in_time()
    assert pipeline.build_logs_are_kept(at_least_days=30)
    assert pipeline.build_makes_what_deploy_reads(buildspec, container=prod["container_name"])
    assert pipeline.releases_have_tags_of_their_own(buildspec, repository=repository)
    assert pipeline.images_go_where_they_are_expected(buildspec)
    assert pipeline.every_variable_of_the_buildspec_is_set(buildspec)
    assert secrets_checks(prod).containers_are_given(prod["task_definition_family"], "DATABASE_URL")


def test_releases_are_kept(
    registry_checks: RegistryFactory, pipeline: PipelineChecks, prod: Any, buildspec: str
) -> None:
    """Tags are immutable, images scanned, and the lifecycle rule selects the tags of production's releases."""
    registry = registry_checks(prod, repository=prod["repository_name"])
    assert registry.refuses_a_second_push_of_a_tag()
    assert registry.scans_on_push()
    assert registry.lifecycle_selects(pipeline.release_tags(buildspec, repository=prod["repository_name"]))


def test_roles_fit_what_there_is(iam_checks: IamFactory, prod: Any, buildspec: str, aws: Clients) -> None:
    """Each role, approval included, can do its work on the existing names, and nothing of development's."""
    delivery, iam = read_delivery(aws, prod["pipeline_name"]), iam_checks(prod)
    assert iam.allows(delivery.pipeline_role, pipeline_needs(delivery))
    assert iam.allows_only(delivery.pipeline_role, pipeline_needs(delivery))
    assert iam.allows(delivery.build_role, build_needs(delivery, buildspec))
    assert iam.allows(delivery.execution_role_arn.rpartition("/")[2], execution_needs(delivery))
    for role in (delivery.pipeline_role, delivery.build_role, delivery.execution_role_arn.rpartition("/")[2]):
        assert iam.denies(role, forbidden_beyond(delivery, delivery.sibling("prod", "dev")), own_policies_only=True)


@pytest.mark.target_needs("webhooks")
def test_somebody_is_told(pipeline: PipelineChecks) -> None:
    """A rule matches each state, and its targets may be reached."""
    assert pipeline.somebody_is_notified()
    assert pipeline.tells_of_itself_only()
    assert pipeline.topics_admit_only_their_publishers()


def _execution(stage: dict[str, Any]) -> str | None:
    execution: str | None = stage.get("latestExecution", {}).get("pipelineExecutionId")
    return execution


class Releases:
    """Pushes to production, and what the pipeline makes of them."""

    def __init__(self, target: Any, prod: Any, directory: Path) -> None:
        self.target, self.prod, self.name = target, prod, prod["pipeline_name"]
        application = directory / "application"
        application.mkdir()
        (application / "buildspec.yml").write_text(BUILDSPEC)
        self.pipelines, self.ecs = target.client("codepipeline"), target.client("ecs")
        self.sqs, self.sns = target.client("sqs"), target.client("sns")
        self._checkout = Checkout(
            application,
            directory / "checkout",
            remote=target.repository_url("example/shop"),
            branch="main",
            environment=target.environment(),
        )
        self.queue = self.sqs.create_queue(QueueName="approvers")["QueueUrl"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]
        # A queue hears a topic only where its policy lets SNS in.
        admits = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": attributes["QueueArn"],
            "Condition": {"ArnEquals": {"aws:SourceArn": prod["topic_arn"]}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [admits]})
        self.sqs.set_queue_attributes(QueueUrl=self.queue, Attributes={"Policy": policy})
        self.sns.subscribe(TopicArn=prod["topic_arn"], Protocol="sqs", Endpoint=attributes["QueueArn"])

    def push(self, message: str) -> str:
        commit = self._checkout.commit(message)
        self._checkout.push()
        return commit

    def stages(self) -> dict[str, dict[str, Any]]:
        return {stage["stageName"]: stage for stage in self.pipelines.get_pipeline_state(name=self.name)["stageStates"]}

    def wait(self, question: Callable[[], Any], what: str) -> Any:
        return wait_for(question, what=what, clock=self.target.clock, within=1800, last=lambda: str(self.stages()))

    def asked(self, commit: str) -> str:
        """Wait until approval of this commit is requested, and return the token."""

        def token() -> str | None:
            stages = self.stages()
            source = stages["Source"]["actionStates"][0].get("currentRevision", {}).get("revisionId")
            action = stages["Approval"]["actionStates"][0].get("latestExecution", {})
            # An earlier push may still wait for its own approval.
            executions = {_execution(stages[name]) for name in ("Source", "Approval")}
            answer: str | None = action.get("token") if action.get("status") == "InProgress" else None
            return answer if source == commit and len(executions) == 1 else None

        return str(self.wait(token, f"approval of {commit[:7]} to be asked for"))

    def answer(self, token: str, status: str) -> None:
        self.pipelines.put_approval_result(
            pipelineName=self.name,
            stageName="Approval",
            actionName="Approve",
            result={"summary": "looked at", "status": status},
            token=token,
        )

    def deployed(self) -> str | None:
        """Return the execution that reached Deploy last; None if none did."""
        return _execution(self.stages()["Deploy"])

    def running(self) -> str:
        described = self.ecs.describe_services(cluster=self.prod["cluster_name"], services=[self.prod["service_name"]])
        return str(described["services"][0]["taskDefinition"])

    def told(self, token: str) -> dict[str, Any] | None:
        """Return the request for approval with this token, once it has reached the topic's subscribers.

        An earlier push may have asked too, and its message may come first.
        """
        messages = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
        bodies = [json.loads(message["Body"])["Message"] for message in messages]
        requests = [json.loads(body) for body in bodies if body.startswith("{") and "approval" in body]
        return next((request for request in requests if request["approval"]["token"] == token), None)


@pytest.fixture(scope="module")
def releases(target: Any, prod: Any, pipeline: PipelineChecks, tmp_path_factory: pytest.TempPathFactory) -> Releases:
    # Of the module's scope, and so asked for before the tests' own needs are looked at.
    if (why := target.lacks("git-push")) is not None:
        pytest.skip(f"target {target.name}: {why}")
    # Without a stage to approve in, waiting for it would only take long to say so.
    assert pipeline.goes_through("Source", "Build", "Approval", "Deploy")
    target.authorise_connection(prod["connection_arn"])
    return Releases(target, prod, tmp_path_factory.mktemp("releases"))


@pytest.mark.target_needs("builds")
def test_what_is_rejected_is_not_deployed(releases: Releases) -> None:
    """A push waits for approval, a person is notified with a link to the change, and a rejected one never reaches Deploy."""
    before, deployed = releases.running(), releases.deployed()
    commit = releases.push("To be rejected")
    token = releases.asked(commit)
    assert releases.running() == before
    asked = releases.wait(lambda: releases.told(token), "the notification of this request for approval")["approval"]
    assert f"{commit}^...{commit}" in asked["externalEntityLink"]
    releases.answer(token, "Rejected")
    failed = releases.wait(
        lambda: releases.stages()["Approval"]["latestExecution"]["status"] == "Failed" or None, "the stage to fail"
    )
    assert failed
    assert releases.deployed() == deployed
    assert releases.running() == before


@pytest.mark.target_needs("builds")
def test_what_is_approved_is_deployed(releases: Releases, aws: Clients) -> None:
    """Once approved, and not before, the image goes to the service in a new revision."""
    before, deployed = releases.running(), releases.deployed()
    token = releases.asked(releases.push("To be approved"))
    assert releases.deployed() == deployed
    assert releases.running() == before
    releases.answer(token, "Approved")
    after = releases.wait(
        lambda: revision if (revision := releases.running()) != before else None, "the service to get a new revision"
    )
    shown = aws("ecs").describe_task_definition(taskDefinition=after)["taskDefinition"]
    assert shown["containerDefinitions"][0]["image"].endswith(":prod-approved")
