"""The ecs module in environments/dev: the deployments of its service, and the ways to it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pushproof import resources
from pushproof.checks.image import ImageChecks
from pushproof.checks.networking import NetworkingChecks
from pushproof.checks.secrets import SecretsChecks
from pushproof.checks.service import ServiceChecks
from pushproof.checks.state import StateChecks


@pytest.fixture(scope="module")
def service(service_checks: Callable[..., ServiceChecks], dev: Any) -> ServiceChecks:
    return service_checks(dev, cluster=dev["cluster_name"], service=dev["service_name"])


@pytest.fixture(scope="module")
def network(networking_checks: Callable[..., NetworkingChecks], dev: Any) -> NetworkingChecks:
    private = list(dev["private_subnet_ids"].values())
    return networking_checks(dev, vpc_id=dev["vpc_id"], private_subnet_ids=private)


def test_a_bad_revision_rolls_back(service: ServiceChecks) -> None:
    """The circuit breaker is on and rolls back."""
    assert service.rolls_back_by_itself()


def test_a_deployment_keeps_its_capacity(service: ServiceChecks) -> None:
    """No deployment goes below the desired count, and each has room to begin."""
    assert service.keeps_its_capacity_while_it_deploys()


def test_health_checks_agree(service: ServiceChecks) -> None:
    """Container, target group and port mapping mean the same port and path."""
    assert service.health_checks_agree()


def test_health_is_decided_in_time(service: ServiceChecks) -> None:
    """A broken target is left alone soon, a start is given its time, and open requests are finished."""
    assert service.health_is_decided_in_time()
    assert service.slow_starts_are_forgiven()
    assert service.finishes_requests_before_it_stops()


def test_a_lost_task_is_outlived(service: ServiceChecks) -> None:
    """The service has at least two tasks, one of them on capacity that AWS does not reclaim; each carries tags."""
    assert service.outlives_the_loss_of_a_task()
    assert service.runs_on_capacity_that_stays()
    assert service.tasks_carry_tags()


def test_the_image_has_what_its_health_check_runs(service: ServiceChecks, pytestconfig: pytest.Config) -> None:
    """The health check's program comes with the application's image."""
    dockerfile = (pytestconfig.rootpath / "app/Dockerfile").read_text()
    assert service.health_check_is_in_the_image(dockerfile)


def test_the_image_exposes_its_port(image_checks: Callable[..., ImageChecks], dev: Any) -> None:
    """The image exposes the port that the task definition maps."""
    (definition,) = resources(dev, "aws_ecs_task_definition")
    (container,) = json.loads(str(definition["container_definitions"]))
    (mapping,) = container["portMappings"]
    assert image_checks("app/Dockerfile").exposes(mapping["containerPort"])


def test_http_is_redirected(service: ServiceChecks) -> None:
    """Every HTTP listener redirects to HTTPS."""
    assert service.redirects_http_to_https()


def test_tls_is_current(service: ServiceChecks) -> None:
    """The HTTPS listener speaks TLS 1.2 and 1.3 only."""
    assert service.speaks_current_tls()


def test_requests_arrive(service: ServiceChecks) -> None:
    """HTTPS leads to the service, and what is not valid HTTP does not."""
    assert service.serves_over_https()
    assert service.rejects_malformed_requests()


def test_logs_are_kept(service: ServiceChecks) -> None:
    """Every container logs to a group that is kept for a month."""
    assert service.logs_are_kept(at_least_days=30)


def test_container_insights_is_on(service: ServiceChecks) -> None:
    """The cluster reports Container Insights."""
    assert service.container_insights_is_on()


def test_tasks_get_no_public_address(network: NetworkingChecks) -> None:
    """Tasks run in private subnets, without public addresses."""
    assert network.tasks_have_only_private_addresses()


def test_tasks_admit_only_the_load_balancer(network: NetworkingChecks) -> None:
    """The load balancer alone reaches the tasks, and only their container port."""
    assert network.tasks_admit_only_the_load_balancer()


def test_nothing_private_is_reachable_from_the_internet(network: NetworkingChecks) -> None:
    """The service's own groups and interfaces expose nothing private."""
    assert network.private_subnets_are_private()


def test_groups_are_open_where_they_must_be(network: NetworkingChecks) -> None:
    """Load balancer, tasks and endpoints let in and out what is needed, and nothing else."""
    assert network.load_balancers_admit_only_their_listeners()
    assert network.load_balancers_send_only_to_their_targets()
    assert network.endpoints_admit_only_the_vpc()
    assert network.tasks_call_out_on(443)
    assert network.tasks_reach_inside_the_vpc(5432)


def test_the_load_balancer_is_reached(network: NetworkingChecks) -> None:
    """Clients reach both listeners in both zones."""
    assert network.load_balancers_are_in_public_subnets()


def test_tasks_reach_what_they_need(network: NetworkingChecks) -> None:
    """Registry, layers, logs and secrets are reachable from the tasks' own subnets and groups; the registry by endpoints."""
    assert network.tasks_reach_what_they_need()
    assert network.endpoints_are_reachable_on_443()


def test_secrets_go_by_reference(secrets_checks: Callable[..., SecretsChecks], dev: Any) -> None:
    """Cliff 7: no environment block contains DATABASE_URL."""
    family = dev["task_definition_family"]
    assert secrets_checks(dev).secrets_are_passed_by_reference(task_definition=family)


def test_a_secret_without_a_value_is_found(
    secrets_checks: Callable[..., SecretsChecks], own_dev: Any, own_aws: Callable[[str], Any]
) -> None:
    """The check explains why no task starts until the secret has a value; then it has no finding."""
    checks, family = secrets_checks(own_dev), own_dev["task_definition_family"]
    secret, arn = own_aws("secretsmanager"), own_dev["database_secret_arn"]
    if "VersionIdsToStages" not in secret.describe_secret(SecretId=arn):
        assert "no current value" in str(checks.every_reference_resolves(family))
        secret.put_secret_value(SecretId=arn, SecretString="postgresql://db.internal/shop")
    assert checks.every_reference_resolves(family)


@pytest.mark.target_needs("load-balancer")
def test_port_80_answers_with_the_redirect(dev: Any, target: Any) -> None:
    """Asked over HTTP, the load balancer answers 301 and names HTTPS, before anything has been deployed."""
    address = target.address(dev["load_balancer_dns_name"], 80)
    connection = http.client.HTTPConnection(address.host, address.port, timeout=20)
    connection.request("GET", "/version", headers={"Host": "shop.example.test"})
    answer = connection.getresponse()
    connection.close()
    assert answer.status == 301
    assert answer.headers["Location"].startswith("https://shop.example.test")


def test_the_cluster_offers_spot_capacity(dev: Any, aws: Callable[[str], Any]) -> None:
    """A service of the cluster may ask for Fargate Spot; one that asks for nothing runs on Fargate."""
    cluster = aws("ecs").describe_clusters(clusters=[dev["cluster_name"]])["clusters"][0]
    assert sorted(cluster["capacityProviders"]) == ["FARGATE", "FARGATE_SPOT"]
    shares = {item["capacityProvider"]: item["weight"] for item in cluster["defaultCapacityProviderStrategy"]}
    assert [name for name, weight in shares.items() if weight > 0] == ["FARGATE"]


def test_secrets_arrive(secrets_checks: Callable[..., SecretsChecks], dev: Any) -> None:
    """The application is given the variable by which it finds its database."""
    assert secrets_checks(dev).containers_are_given(dev["task_definition_family"], "DATABASE_URL")


def test_everything_is_named_for_its_environment(state_checks: Callable[..., StateChecks], dev: Any) -> None:
    """Every resource says whose it is, and none is production's."""
    checks = state_checks(dev)
    assert checks.resources_carry_tags(dev, Environment="dev", ManagedBy="terraform")
    assert checks.speaks_of_no_other_environment(dev, "prod")


def test_everything_is_named_after_project_and_environment(dev: Any) -> None:
    """People, scripts and policies find what belongs together by its name."""
    name = f"{dev.terraform.variables['project']}-dev"
    outputs = ("cluster_name", "service_name", "task_definition_family", "repository_name", "pipeline_name")
    assert {output: dev[output] for output in outputs} == dict.fromkeys(outputs, name)
    assert f":loadbalancer/app/{name}/" in dev["load_balancer_arn"]


@pytest.fixture
def shifted(own_dev: Any, own_aws: Callable[[str], Any]) -> Iterator[None]:
    """The traffic of users and of tests at the other target group, as ECS moves it; nothing where the service has one group."""
    parts = own_dev["traffic_shift"] if own_dev.terraform.variables.get("traffic_shift") else None

    def shift(*weights: int) -> None:
        if parts is None:
            return
        groups = own_dev["target_group_arn"], parts["alternate_target_group_arn"]
        forward = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in zip(groups, weights, strict=True)]
        for rule in (parts["production_listener_rule_arn"], parts["test_listener_rule_arn"]):
            action = {"Type": "forward", "ForwardConfig": {"TargetGroups": forward}}
            own_aws("elbv2").modify_rule(RuleArn=rule, Actions=[action])

    shift(0, 1)
    yield
    shift(1, 0)


@pytest.mark.usefixtures("shifted")
def test_terraform_leaves_alone_what_a_deployment_changes(
    state_checks: Callable[..., StateChecks], own_dev: Any, own_aws: Callable[[str], Any]
) -> None:
    """Cliff 5: a plan is empty after a deployment by the pipeline, a change of the desired count, and a shift of traffic."""
    ecs, names = own_aws("ecs"), {"cluster": own_dev["cluster_name"], "service": own_dev["service_name"]}
    described = ecs.describe_services(cluster=names["cluster"], services=[names["service"]])["services"][0]
    shown = ecs.describe_task_definition(taskDefinition=described["taskDefinition"])["taskDefinition"]
    known = ecs.meta.service_model.operation_model("RegisterTaskDefinition").input_shape.members
    revision = ecs.register_task_definition(**{name: value for name, value in shown.items() if name in known})
    ecs.update_service(
        **names,
        taskDefinition=revision["taskDefinition"]["taskDefinitionArn"],
        desiredCount=described["desiredCount"] + 1,
    )
    try:
        assert state_checks(own_dev).plan_is_empty(own_dev)
    finally:
        ecs.update_service(**names, desiredCount=described["desiredCount"])
