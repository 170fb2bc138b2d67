"""The path of a push is found in the state and through the API, whatever the outputs are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pushproof.drill.badinput import BadInput
from pushproof.drill.delivery import Breaker, Delivery
from pushproof.drill.discovery.choices import Choices
from pushproof.drill.discovery.discover import discover

ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
GROUP = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/orders/1"


def resource(kind: str, **values: Any) -> dict[str, Any]:
    return {"mode": "managed", "type": kind, "address": f"module.m.{kind}.x", "values": values}


def action(category: str, provider: str, inputs: str = "", outputs: str = "", **configuration: str) -> dict[str, Any]:
    return {
        "name": provider,
        "actionTypeId": {"category": category, "provider": provider, "owner": "AWS", "version": "1"},
        "configuration": configuration,
        "inputArtifacts": [{"name": name} for name in inputs.split()],
        "outputArtifacts": [{"name": name} for name in outputs.split()],
    }


def pipeline(name: str, *services: str, source: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "name": name,
        "stages": [
            {
                "name": "Fetch",
                "actions": [
                    source
                    or action(
                        "Source", "CodeStarSourceConnection", "", "code",
                        ConnectionArn="arn:c", FullRepositoryId="acme/orders", BranchName="trunk",
                    )
                ],
            },
            {"name": "Make", "actions": [action("Build", "CodeBuild", "code", "image", ProjectName=f"{name}-build")]},
            {
                "name": "Ship",
                "actions": [
                    action("Deploy", "ECS", "image", ClusterName="apps", ServiceName=service, FileName="out/images.json")
                    for service in services
                ],
            },
        ],
    }  # fmt: skip


class Account:
    """The answers of an account with these pipelines, and one service definition for all services."""

    def __init__(self, *pipelines: dict[str, Any], **changes: Any) -> None:
        self.pipelines = {p["name"]: p for p in pipelines}
        self.service: dict[str, Any] = {
            "status": "ACTIVE", "taskDefinition": "orders:1",
            "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": True, "rollback": False}},
            "loadBalancers": [{"targetGroupArn": GROUP, "containerName": "web", "containerPort": 3000}],
        }  # fmt: skip
        self.definition: dict[str, Any] = {
            "runtimePlatform": {"cpuArchitecture": "ARM64"},
            "containerDefinitions": [
                {"name": "proxy", "image": "envoy:1", "essential": True},
                {
                    "name": "web", "image": f"{ECR}/team/orders:abc", "portMappings": [{"containerPort": 3000}],
                    "secrets": [
                        {"name": "A", "valueFrom": "arn:aws:secretsmanager:eu-west-1:1:secret:db-AbCdEf:url::"},
                        {"name": "B", "valueFrom": "arn:aws:ssm:eu-west-1:1:parameter/b"},
                    ],
                },
            ],
        }  # fmt: skip
        self.rules: list[dict[str, Any]] = [
            {"Conditions": [], "Actions": [{"Type": "fixed-response"}]},
            {
                "Conditions": [
                    {"Field": "host-header", "HostHeaderConfig": {"Values": ["*.acme.test"]}},
                    {"Field": "path-pattern", "Values": ["/orders/*"]},
                ],
                "Actions": [{"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": GROUP}]}}],
            },
        ]
        self.project: dict[str, Any] = {"source": {"buildspec": "ci/build.yml"}, "environment": {}}
        for name, value in changes.items():
            setattr(self, name, value)

    def __call__(self, service: str) -> Account:
        return self

    def get_pipeline(self, *, name: str) -> dict[str, Any]:
        return {"pipeline": self.pipelines[name]}

    def batch_get_projects(self, *, names: list[str]) -> dict[str, Any]:
        return {"projects": [self.project] if self.project else []}

    def describe_services(self, *, cluster: str, services: list[str]) -> dict[str, Any]:
        return {"services": [{**self.service, "serviceName": services[0]}] if self.service else []}

    def describe_task_definition(self, **_: Any) -> dict[str, Any]:
        return {"taskDefinition": self.definition}

    def describe_target_groups(self, **_: Any) -> dict[str, Any]:
        group = {
            "TargetGroupName": "orders", "LoadBalancerArns": ["lb"], "HealthCheckPath": "/healthz",
            "HealthCheckTimeoutSeconds": 7, "Matcher": {"HttpCode": "200-204"},
        }  # fmt: skip
        return {"TargetGroups": [group]}

    def describe_load_balancers(self, **_: Any) -> dict[str, Any]:
        return {"LoadBalancers": [{"DNSName": "lb.elb.test"}]}

    def describe_listeners(self, **_: Any) -> dict[str, Any]:
        listeners = [
            {"ListenerArn": "plain", "Protocol": "HTTP", "Port": 80},
            {"ListenerArn": "tls", "Protocol": "HTTPS", "Port": 8443, "Certificates": [{"CertificateArn": "cert"}]},
        ]
        return {"Listeners": listeners}

    def describe_rules(self, *, ListenerArn: str) -> dict[str, Any]:
        redirect = [{"Conditions": [], "Actions": [{"Type": "redirect"}]}]
        return {"Rules": self.rules if ListenerArn == "tls" else redirect}


def found(account: Account, choices: Choices | None = None, *more: Mapping[str, Any]) -> Delivery:
    resources = [resource("aws_codepipeline", name=name) for name in account.pipelines] + [*more]
    state = {"values": {"root_module": {"child_modules": [{"resources": resources}]}}}
    return discover(account, state, choices or Choices(), "live/orders")


def test_the_whole_path_is_found() -> None:
    """From the pipeline's actions to the listener's rule; nothing is taken from outputs."""
    delivery = found(Account(pipeline("orders", "orders")))
    assert (delivery.pipeline, delivery.cluster, delivery.service) == ("orders", "apps", "orders")
    assert (delivery.deploy_stage, delivery.source.stage, delivery.build.stage) == ("Ship", "Fetch", "Make")
    assert (delivery.source.repository, delivery.source.branch) == ("acme/orders", "trunk")
    assert (delivery.repository, delivery.image_definitions) == ("team/orders", "out/images.json")
    assert (delivery.build.buildspec, delivery.build.log_group) == ("ci/build.yml", "/aws/codebuild/orders-build")
    assert (delivery.container.name, delivery.container.port, delivery.container.architecture) == ("web", 3000, "ARM64")
    assert delivery.container.patience == 7
    assert delivery.breaker == Breaker(enabled=True, rollback=False)
    assert [arn.split(":")[2] for arn in delivery.secrets] == ["secretsmanager", "ssm"]
    entrance = delivery.entrance
    assert (entrance.dns_name, entrance.port, entrance.tls) == ("lb.elb.test", 8443, True)
    assert (entrance.host, entrance.paths) == ("drill.acme.test", ("/orders/healthz", "/orders/"))
    assert entrance.certificate_arn == "cert"


def test_a_service_without_a_load_balancer_is_a_worker() -> None:
    """It has no entrance, and no health check unless its container has one."""
    account = Account(pipeline("jobs", "jobs"))
    del account.service["loadBalancers"]
    delivery = found(account)
    assert (delivery.entrance.dns_name, delivery.entrance.paths) == ("", ())
    assert delivery.container.patience == 0


@pytest.mark.parametrize(
    ("pipelines", "choices", "words"),
    [
        ([], Choices(), "live/orders has no pipeline: no aws_codepipeline is in its state"),
        (
            ["a", "b"],
            Choices(),
            r'several pipelines fit: a, b. Choose one in pushproof.toml, under \[drill\]: pipeline = "a"',
        ),
        (["a"], Choices(pipeline="c"), "pipeline = 'c' is no pipeline of this environment; there are: a"),
        (["a"], Choices(service="z"), "service = 'z' is no service of this environment; there are: apps/a"),
    ],
)
def test_what_is_not_unique_is_asked_for(pipelines: list[str], choices: Choices, words: str) -> None:
    """The message contains the candidates, and the line that decides."""
    with pytest.raises(BadInput, match=words):
        found(Account(*[pipeline(name, name) for name in pipelines]), choices)


def test_answers_decide() -> None:
    """A pipeline by its name, a service by its name or with its cluster; a service alone finds its pipeline."""
    several = Account(pipeline("a", "web", "worker"), pipeline("b", "api"))
    assert found(several, Choices(pipeline="b")).service == "api"
    assert found(several, Choices(pipeline="a", service="worker")).service == "worker"
    assert found(several, Choices(service="apps/api")).pipeline == "b"
    with pytest.raises(BadInput, match="several services fit: apps/web, apps/worker"):
        found(several, Choices(pipeline="a"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"service": {}}, "deploys to service apps/orders, which does not exist"),
        ({"project": {}}, "builds with project orders-build, which does not exist"),
        ({"rules": []}, "target group orders of service orders has no listener that forwards to it"),
    ],
)
def test_a_broken_path_is_named(changes: dict[str, Any], words: str) -> None:
    """By the part that is missing."""
    with pytest.raises(BadInput, match=words):
        found(Account(pipeline("orders", "orders"), **changes))


def test_a_controller_that_does_not_fit_the_action_is_refused() -> None:
    """A drill names what it cannot judge before it pushes."""
    account = Account(pipeline("orders", "orders"))
    account.service["deploymentController"] = {"type": "CODE_DEPLOY"}
    with pytest.raises(BadInput, match="controller CODE_DEPLOY, and action Ship of pipeline orders deploys by ECS"):
        found(account)
    shipped = pipeline("orders")
    shipped["stages"][2]["actions"] = [action("Deploy", "S3", "image")]
    with pytest.raises(BadInput, match=r"provider ECS or CodeDeployToECS is expected. Its deploy actions are of S3"):
        found(Account(shipped))


def test_the_image_repository_of_a_placeholder_is_found() -> None:
    """A service begins with somebody else's image: the only repository, or the one that the build names, is meant."""
    account = Account(pipeline("orders", "orders"))
    account.definition["containerDefinitions"][1]["image"] = "public.ecr.aws/nginx/nginx:1"
    one = resource("aws_ecr_repository", name="one", repository_url=f"{ECR}/one")
    two = resource("aws_ecr_repository", name="two", repository_url=f"{ECR}/two")
    assert found(account, None, one).repository == "one"
    with pytest.raises(BadInput, match=r"several image repositories fit: one, two"):
        found(account, None, one, two)
    account.project["environment"] = {"environmentVariables": [{"name": "REPO", "value": f"{ECR}/two"}]}
    assert found(account, None, one, two).repository == "two"
    assert found(account, Choices(image_repository="three"), one, two).repository == "three"
    with pytest.raises(BadInput, match="no image repository of service orders is known"):
        found(account)


def test_a_registry_behind_another_host_is_known_by_its_repositories() -> None:
    """An emulated account's registry has an address of this machine."""
    account = Account(pipeline("orders", "orders"))
    account.definition["containerDefinitions"][1]["image"] = "127.0.0.1:4566/shop/cache:1"
    shop = resource("aws_ecr_repository", name="shop", repository_url="127.0.0.1:4566/shop")
    cache = resource("aws_ecr_repository", name="shop/cache", repository_url="127.0.0.1:4566/shop/cache")
    assert found(account, None, shop, cache).repository == "shop/cache"


def test_inline_buildspecs_are_recognised() -> None:
    """Text with lines is a buildspec; a word is a path; nothing is buildspec.yml."""
    account = Account(pipeline("orders", "orders"))
    for written, path, inline in (
        ("version: 0.2\nphases: {}\n", "", True),
        ("", "buildspec.yml", False),
        ("a/b.yml", "a/b.yml", False),
    ):
        account.project["source"] = {"buildspec": written}
        build = found(account).build
        assert (build.buildspec, build.inline) == (path, inline)


def test_the_topic_of_the_pipeline_is_found() -> None:
    """By a notification rule on the pipeline, or by EventBridge's target of a rule on pipelines."""
    account = Account(pipeline("orders", "orders"))
    topic = "arn:aws:sns:eu-west-1:1:alerts"
    rule = resource("aws_cloudwatch_event_rule", name="p", event_pattern='{"source":["aws.codepipeline"]}')
    other = resource("aws_cloudwatch_event_rule", name="q", event_pattern='{"source":["aws.ec2"]}')
    targets = [
        resource("aws_cloudwatch_event_target", rule="q", arn="arn:aws:sns:eu-west-1:1:other"),
        resource("aws_cloudwatch_event_target", rule="p", arn=topic),
    ]
    assert found(account, None, other, rule, *targets).topic_arn == topic
    notified = resource(
        "aws_codestarnotifications_notification_rule",
        resource="arn:aws:codepipeline:eu-west-1:1:orders",
        target=[{"address": topic}],
    )
    assert found(account, None, notified).topic_arn == topic
    assert found(account).topic_arn == ""


def test_a_network_load_balancer_is_an_entrance() -> None:
    """Its TLS listener has no rules to ask for: DescribeRules is for Application Load Balancers."""

    class Network(Account):
        def describe_listeners(self, **_: Any) -> dict[str, Any]:
            forward = {"Type": "forward", "TargetGroupArn": GROUP}
            listener = {"ListenerArn": "l", "Protocol": "TLS", "Port": 8443, "DefaultActions": [forward]}
            return {"Listeners": [{**listener, "Certificates": [{"CertificateArn": "arn:cert"}]}]}

        def describe_rules(self, **_: Any) -> dict[str, Any]:
            raise AssertionError("a network listener was asked for its rules")

        def describe_target_groups(self, **_: Any) -> dict[str, Any]:
            group = {"TargetGroupName": "orders", "LoadBalancerArns": ["lb"], "HealthCheckProtocol": "TCP"}
            return {"TargetGroups": [{**group, "HealthCheckTimeoutSeconds": 10}]}

    delivery = found(Network(pipeline("orders", "web")))
    assert (delivery.entrance.port, delivery.entrance.tls) == (8443, True)
    assert delivery.entrance.paths == ("/",)
    assert delivery.container.connection_suffices


def test_a_cluster_that_does_not_exist_is_named() -> None:
    """ECS refuses the question; the answer names the pipeline and what to correct."""

    class Clusterless(Account):
        def describe_services(self, **_: Any) -> dict[str, Any]:
            error = {"Error": {"Code": "ClusterNotFoundException", "Message": "Cluster not found."}}
            raise ClientError(error, "DescribeServices")  # type: ignore[arg-type]

    with pytest.raises(BadInput, match="pipeline orders deploys to service apps/web, which does not exist"):
        found(Clusterless(pipeline("orders", "web")))


@pytest.mark.parametrize(
    ("between", "stage"),
    [
        ([], ""),
        ([("Ask", action("Approval", "Manual"))], ""),
        ([("Migrate", action("Build", "CodeBuild", "image", ProjectName="migrate"))], "Migrate"),
        ([("Ask", action("Approval", "Manual")), ("Migrate", action("Compute", "Commands", "image"))], "Migrate"),
    ],
)
def test_the_stage_between_build_and_deployment_is_found(between: list[tuple[str, dict[str, Any]]], stage: str) -> None:
    """A stage that runs commands there can run a migration; an approval cannot."""
    made = pipeline("orders", "orders")
    made["stages"][2:2] = [{"name": name, "actions": [one]} for name, one in between]
    assert found(Account(made)).before_stage == stage
