"""Each fault of a service has its own finding, and a good service has none."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.checks.answers import Answers, clients, refusal

from pushproof.checks.service import ServiceChecks

BALANCER = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shop/1"
DEFINITION = "arn:aws:ecs:eu-west-1:123456789012:task-definition/shop:1"
SERVICE: dict[str, Any] = {
    "serviceArn": "arn:aws:ecs:eu-west-1:123456789012:service/shop/shop",
    "status": "ACTIVE",
    "desiredCount": 4,
    "propagateTags": "SERVICE",
    "healthCheckGracePeriodSeconds": 60,
    "taskDefinition": "shop:1",
    "deploymentController": {"type": "ECS"},
    "deploymentConfiguration": {
        "minimumHealthyPercent": 100,
        "maximumPercent": 200,
        "deploymentCircuitBreaker": {"enable": True, "rollback": True},
    },
    "loadBalancers": [{"containerName": "app", "containerPort": 8080, "targetGroupArn": "group"}],
}
CONTAINER: dict[str, Any] = {
    "name": "app",
    "portMappings": [{"containerPort": 8080}],
    "environment": [{"name": "PORT", "value": "8080"}],
    "healthCheck": {
        "command": ["CMD", "/app/healthcheck", "http://127.0.0.1:8080/health"],
        "interval": 30,
        "timeout": 5,
        "retries": 3,
        "startPeriod": 60,
    },
    "logConfiguration": {
        "logDriver": "awslogs",
        "options": {
            "awslogs-group": "/ecs/shop",
            "awslogs-region": "eu-west-1",
            "awslogs-stream-prefix": "ecs",
        },
    },
}
GROUP: dict[str, Any] = {
    "TargetGroupArn": "group",
    "TargetType": "ip",
    "Protocol": "HTTP",
    "Port": 8080,
    "HealthCheckPort": "traffic-port",
    "HealthyThresholdCount": 2,
    "UnhealthyThresholdCount": 3,
    "HealthCheckTimeoutSeconds": 5,
    "HealthCheckIntervalSeconds": 30,
    "HealthCheckPath": "/health",
    "Matcher": {"HttpCode": "200"},
    "LoadBalancerArns": [BALANCER],
}
REDIRECT = {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}}
HTTP: dict[str, Any] = {
    "ListenerArn": "http", "LoadBalancerArn": BALANCER, "Port": 80, "Protocol": "HTTP", "DefaultActions": [REDIRECT],
}  # fmt: skip
HTTPS: dict[str, Any] = {
    "ListenerArn": "https", "LoadBalancerArn": BALANCER, "Port": 443, "Protocol": "HTTPS",
    "DefaultActions": [{"Type": "forward", "TargetGroupArn": "group"}], "SslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
}  # fmt: skip


class Account:
    """AWS's answers; a test changes a part of them."""

    def __init__(self) -> None:
        self.service, self.container, self.group = map(copy.deepcopy, (SERVICE, CONTAINER, GROUP))
        self.http, self.https = copy.deepcopy(HTTP), copy.deepcopy(HTTPS)
        self.rules: list[dict[str, Any]] = [{"RuleArn": "default", "IsDefault": True, "Actions": [REDIRECT]}]
        self.listeners = [self.http, self.https]
        self.insights = "enabled"
        self.log_groups: list[dict[str, Any]] = [{"logGroupName": "/ecs/shop", "retentionInDays": 30}]
        self.attributes = [
            {"Key": "deletion_protection.enabled", "Value": "true"},
            {"Key": "routing.http.drop_invalid_header_fields.enabled", "Value": "true"},
        ]
        self.delay = "30"

    def checks(self) -> ServiceChecks:
        definition = {"taskDefinitionArn": DEFINITION, "containerDefinitions": [self.container]}
        cluster = {"clusterArn": "shop", "settings": [{"name": "containerInsights", "value": self.insights}]}
        aws = clients(
            ecs=Answers(
                describe_services={"services": [self.service]},
                describe_task_definition={"taskDefinition": definition},
                describe_clusters={"clusters": [cluster]},
            ),
            elbv2=Answers(
                describe_target_groups={"TargetGroups": [self.group]},
                describe_listeners={"Listeners": self.listeners},
                describe_rules={"Rules": self.rules},
                describe_load_balancer_attributes={"Attributes": self.attributes},
                describe_target_group_attributes={
                    "Attributes": [{"Key": "deregistration_delay.timeout_seconds", "Value": self.delay}]
                },
            ),
            logs=Answers(describe_log_groups={"logGroups": self.log_groups}),
        )
        return ServiceChecks(aws, cluster="shop", service="shop")


@pytest.fixture
def account() -> Account:
    return Account()


DOCKERFILE = "FROM python:3.13-slim\n# curl is not here\nCOPY healthcheck ./\nHEALTHCHECK CMD curl localhost\n"
ALL: tuple[Callable[[ServiceChecks], Any], ...] = (
    ServiceChecks.rolls_back_by_itself,
    ServiceChecks.keeps_its_capacity_while_it_deploys,
    ServiceChecks.health_checks_agree,
    ServiceChecks.redirects_http_to_https,
    ServiceChecks.speaks_current_tls,
    ServiceChecks.logs_are_kept,
    ServiceChecks.container_insights_is_on,
    ServiceChecks.deletion_is_protected,
    ServiceChecks.serves_over_https,
    ServiceChecks.rejects_malformed_requests,
    ServiceChecks.health_is_decided_in_time,
    ServiceChecks.slow_starts_are_forgiven,
    ServiceChecks.finishes_requests_before_it_stops,
    ServiceChecks.outlives_the_loss_of_a_task,
    ServiceChecks.runs_on_capacity_that_stays,
    ServiceChecks.tasks_carry_tags,
    lambda checks: checks.health_check_is_in_the_image(DOCKERFILE),
)


@pytest.mark.parametrize("check", ALL)
def test_a_good_service_gives_no_finding(account: Account, check: Callable[[ServiceChecks], Any]) -> None:
    """The reference's service passes every check."""
    assert check(account.checks())


@pytest.mark.parametrize(("enable", "rollback"), [(False, False), (True, False)])
def test_a_breaker_that_does_not_roll_back_is_found(account: Account, enable: bool, rollback: bool) -> None:
    """A breaker without rollback is as little use as none."""
    account.service["deploymentConfiguration"]["deploymentCircuitBreaker"] = {"enable": enable, "rollback": rollback}
    assert "rollback False" in str(account.checks().rolls_back_by_itself())


def test_another_controller_is_found(account: Account) -> None:
    """The breaker belongs to the ECS controller."""
    account.service["deploymentController"] = {"type": "CODE_DEPLOY"}
    assert "CODE_DEPLOY" in str(account.checks().rolls_back_by_itself())


@pytest.mark.parametrize(
    ("desired", "low", "high", "says"),
    [
        (4, 50, 200, "stop 2 of 4 tasks"),
        (2, 75, 200, "ECS rounds up"),
        (4, 100, 100, "the deployment never begins"),
        (3, 100, 125, "the deployment never begins"),
        (2, 75, 100, "the deployment never begins"),
        (0, 100, 100, "the deployment never begins"),
    ],
)
def test_percents_that_lose_or_block_are_found(account: Account, desired: int, low: int, high: int, says: str) -> None:
    """ECS rounds the minimum up and the maximum down; the finding states the result in tasks."""
    account.service["desiredCount"] = desired
    account.service["deploymentConfiguration"] |= {"minimumHealthyPercent": low, "maximumPercent": high}
    assert says in " ".join(str(account.checks().keeps_its_capacity_while_it_deploys()).split())


def test_a_service_scaled_to_nothing_has_room(account: Account) -> None:
    """A service without tasks is no finding at 100 and 200 percent."""
    account.service["desiredCount"] = 0
    assert account.checks().keeps_its_capacity_while_it_deploys()


def test_a_service_without_load_balancer_is_found(account: Account) -> None:
    """A service without a load balancer has no health checks, and no check of listeners passes because there are none."""
    account.service["loadBalancers"] = []
    checks = account.checks()
    for check in (
        checks.health_checks_agree,
        checks.redirects_http_to_https,
        checks.speaks_current_tls,
        checks.deletion_is_protected,
    ):
        assert len(check().findings) == 1


def test_a_port_that_is_not_mapped_is_found(account: Account) -> None:
    """The target group sends to a port that the container does not map."""
    account.container["portMappings"] = [{"containerPort": 80}]
    assert "a port mapping for 8080" in str(account.checks().health_checks_agree())


def test_a_port_that_is_mapped_for_datagrams_is_found(account: Account) -> None:
    """Requests arrive by TCP, and the container maps its port for UDP."""
    account.container["portMappings"] = [{"containerPort": 8080, "protocol": "udp"}]
    assert "by tcp" in " ".join(str(account.checks().health_checks_agree()).split())
    account.group |= {"Protocol": "TCP_UDP", "HealthCheckProtocol": "HTTP"}
    assert "a port mapping" not in str(account.checks().health_checks_agree())


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["CMD-SHELL", "curl -f http://localhost:9090/health || exit 1"], "asks port 8080"),
        (["CMD-SHELL", "curl -f http://localhost/health || exit 1"], "asks port 8080"),
        (["CMD-SHELL", "curl -f http://localhost:8080/ready || exit 1"], "a container check of /health"),
    ],
)
def test_a_container_check_of_something_else_is_found(account: Account, command: list[str], says: str) -> None:
    """Another port or path than the load balancer's is another definition of healthy."""
    account.container["healthCheck"]["command"] = command
    assert says in str(account.checks().health_checks_agree())


@pytest.mark.parametrize("url", ["http://localhost:${PORT}/health", "http://localhost:$PORT/health"])
def test_a_port_from_the_environment_is_read_there(account: Account, url: str) -> None:
    """Variables of the task definition are put in; others are left to the running container."""
    account.container["healthCheck"]["command"] = ["CMD-SHELL", f"curl -f {url}"]
    assert account.checks().health_checks_agree()
    account.container["environment"] = []
    assert account.checks().health_checks_agree()
    account.container["environment"] = [{"name": "PORT", "value": "3000"}]
    assert account.checks().health_checks_agree().findings


def test_the_root_path_is_one_path(account: Account) -> None:
    """http://host:8080 and / are the same."""
    account.container["healthCheck"]["command"] = ["CMD", "probe", "http://localhost:8080"]
    account.group["HealthCheckPath"] = "/"
    assert account.checks().health_checks_agree()


def test_a_missing_container_check_is_found(account: Account) -> None:
    """ECS ignores the image's HEALTHCHECK."""
    del account.container["healthCheck"]
    assert "A HEALTHCHECK in the image is ignored" in str(account.checks().health_checks_agree())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"TargetType": "instance"}, "target type ip"),
        ({"HealthCheckTimeoutSeconds": 30}, "a timeout shorter than the interval"),
        ({"Matcher": {"HttpCode": "200-499"}}, "answers with errors counts as healthy"),
        ({"Matcher": {"HttpCode": "200,503"}}, "answers with errors counts as healthy"),
        ({"HealthCheckPort": "9090"}, "a health check on port 9090"),
        ({"HealthCheckEnabled": False}, "health checks are off"),
        ({"Protocol": "HTTP", "HealthCheckProtocol": "HTTPS"}, "the health check speaks HTTPS to the same port"),
        ({"Port": 80}, "the port of the container, 8080"),
        ({"Protocol": "HTTPS"}, "the target group sends HTTPS"),
    ],
)
def test_a_target_group_that_misjudges_is_found(account: Account, change: dict[str, Any], says: str) -> None:
    """A target group is a finding if Fargate cannot register with it, if it flaps, or if it counts errors as healthy."""
    account.group |= change
    assert says in " ".join(str(account.checks().health_checks_agree()).split())


@pytest.mark.parametrize(
    ("command", "named"),
    [
        (["CMD-SHELL", "curl -f http://localhost/ || exit 1"], "curl"),
        (["CMD", "/usr/bin/wget", "-q", "http://localhost/"], "/usr/bin/wget"),
        (["CMD-SHELL", "TIMEOUT=2 nc -z localhost 8080"], "nc"),
    ],
)
def test_a_program_the_image_lacks_is_found(account: Account, command: list[str], named: str) -> None:
    """Comments and the image's own HEALTHCHECK are no proof that a program is there."""
    account.container["healthCheck"]["command"] = command
    assert f"the check runs {named}," in str(account.checks().health_check_is_in_the_image(DOCKERFILE))


@pytest.mark.parametrize("command", [["CMD-SHELL", "exit 0"], ["CMD", "python3", "-c", "…"], ["NONE"]])
def test_a_program_the_image_has_is_not_found(account: Account, command: list[str]) -> None:
    """The shell's own words, and what the Dockerfile names, are there."""
    account.container["healthCheck"]["command"] = command
    dockerfile = DOCKERFILE + 'RUN apt-get install -y python3\nCMD ["python3", "-m", "app"]\n'
    assert account.checks().health_check_is_in_the_image(dockerfile)


@pytest.mark.parametrize(
    "action",
    [
        {"Type": "forward"},
        {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_302"}},
        {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTP", "Port": "80", "StatusCode": "HTTP_301"}},
        {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "8443", "StatusCode": "HTTP_301"}},
        {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "StatusCode": "HTTP_301"}},
    ],
)
def test_http_that_is_not_moved_for_good_is_found(account: Account, action: dict[str, Any]) -> None:
    """Only a permanent redirect to HTTPS passes."""
    account.http["DefaultActions"] = [action]
    assert "a redirect to HTTPS on port 443 with status 301" in str(account.checks().redirects_http_to_https())


def test_a_rule_that_serves_over_http_is_found(account: Account) -> None:
    """A rule that forwards is reported although the default action redirects."""
    account.rules.append({"RuleArn": "rule", "Priority": "5", "IsDefault": False, "Actions": [{"Type": "forward"}]})
    assert "rule 5 of the listener on 80 forwards" in str(account.checks().redirects_http_to_https())


@pytest.mark.parametrize("policy", ["ELBSecurityPolicy-2016-08", "ELBSecurityPolicy-TLS13-1-0-2021-06"])
def test_old_tls_is_found(account: Account, policy: str) -> None:
    """Policies that allow TLS 1.0 are reported by name."""
    account.https["SslPolicy"] = policy
    assert policy in str(account.checks().speaks_current_tls())


@pytest.mark.parametrize("policy", ["ELBSecurityPolicy-TLS13-1-3-2021-06", "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"])
def test_current_tls_is_not_found(account: Account, policy: str) -> None:
    """Stricter policies than the reference's are as good."""
    account.https["SslPolicy"] = policy
    assert account.checks().speaks_current_tls()


@pytest.mark.parametrize(
    ("groups", "says"),
    [
        ([], "the group does not exist"),
        ([{"logGroupName": "/ecs/shop-2", "retentionInDays": 30}], "the group does not exist"),
        ([{"logGroupName": "/ecs/shop"}], "for ever, and billed"),
        ([{"logGroupName": "/ecs/shop", "retentionInDays": 1}], "retention 1"),
    ],
)
def test_logs_that_are_not_kept_are_found(account: Account, groups: list[dict[str, Any]], says: str) -> None:
    """A group that is missing, is kept for ever or not long enough is named."""
    account.log_groups = groups
    assert says in str(account.checks().logs_are_kept())


def test_a_container_without_logs_is_found(account: Account) -> None:
    """No log configuration, no last words."""
    del account.container["logConfiguration"]
    assert "no log configuration" in str(account.checks().logs_are_kept())


def test_insights_that_are_off_are_found(account: Account) -> None:
    """Insights that are off are reported, and enhanced is as good as on."""
    account.insights = "disabled"
    assert account.checks().container_insights_is_on().findings
    account.insights = "enhanced"
    assert account.checks().container_insights_is_on()


def test_a_load_balancer_without_protection_is_found(account: Account) -> None:
    """The finding names the load balancer."""
    account.attributes = [{"Key": "deletion_protection.enabled", "Value": "false"}]
    assert BALANCER in str(account.checks().deletion_is_protected())


def test_names_that_nothing_has_are_told() -> None:
    """A cluster or service that is not there, or no longer, is a LookupError that names it."""
    gone = SERVICE | {"status": "INACTIVE"}
    for answer, said in (
        ({"services": []}, "cluster shop has no service shop"),
        ({"services": [gone]}, "cluster shop has no service shop"),
        (refusal("ClusterNotFoundException"), "there is no cluster shop"),
    ):
        checks = ServiceChecks(clients(ecs=Answers(describe_services=answer)), cluster="shop", service="shop")
        with pytest.raises(LookupError, match=said):
            checks.rolls_back_by_itself()


@pytest.mark.parametrize("name", ["PORT", "SERVER_PORT", "HTTP_PORT"])
def test_a_program_told_another_port_is_found(account: Account, name: str) -> None:
    """The variable by which the program learns its port agrees with the port mapping; a database's port is its own."""
    account.container["environment"] = [{"name": name, "value": "80"}, {"name": "DB_PORT", "value": "5432"}]
    (finding,) = account.checks().health_checks_agree().findings
    assert finding.found == f"{name} = 80"


def test_one_failed_check_is_too_few(account: Account) -> None:
    """A container that is stopped for a single slow answer is reported."""
    account.container["healthCheck"]["retries"] = 1
    assert "retries 1" in str(account.checks().health_checks_agree())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"UnhealthyThresholdCount": 10}, "10 checks, 30 s apart: 300 s"),
        ({"HealthCheckIntervalSeconds": 300}, "3 checks, 300 s apart: 900 s"),
    ],
)
def test_health_that_is_decided_late_is_found(account: Account, change: dict[str, Any], says: str) -> None:
    """Interval times threshold is how long a broken target is asked to serve."""
    account.group |= change
    assert says in str(account.checks().health_is_decided_in_time())


def test_a_container_that_is_judged_late_is_found(account: Account) -> None:
    """Ten failed checks of the container, 30 s apart, leave a hung one for five minutes."""
    account.container["healthCheck"]["retries"] = 10
    assert "10 checks, 30 s apart: 300 s" in str(account.checks().health_is_decided_in_time())


def test_starts_that_are_not_forgiven_are_found(account: Account) -> None:
    """A start period of none, and a grace shorter than the start period."""
    account.service["healthCheckGracePeriodSeconds"] = 0
    assert "at least 60 s" in str(account.checks().slow_starts_are_forgiven())
    account.service["healthCheckGracePeriodSeconds"] = 60
    del account.container["healthCheck"]["startPeriod"]
    assert "a start period of container app" in str(account.checks().slow_starts_are_forgiven())


def test_requests_that_are_cut_off_are_found(account: Account) -> None:
    """A deregistration delay of 0 cuts open requests."""
    account.delay = "0"
    assert "cut off" in str(account.checks().finishes_requests_before_it_stops())


def test_a_single_task_is_found(account: Account) -> None:
    """One task is none while it is replaced."""
    account.service["desiredCount"] = 1
    assert "at least 2 tasks" in str(account.checks().outlives_the_loss_of_a_task())


@pytest.mark.parametrize(
    ("strategy", "found"),
    [
        ([("FARGATE_SPOT", 0, 1)], True),
        ([("FARGATE_SPOT", 1, 1), ("FARGATE", 0, 1)], True),
        ([("FARGATE_SPOT", 0, 4), ("FARGATE", 1, 1)], False),
        ([("FARGATE", 0, 1)], False),
    ],
)
def test_capacity_that_may_all_be_taken_back_is_found(
    account: Account, strategy: list[tuple[str, int, int]], found: bool
) -> None:
    """Spot capacity is reported if no base is on FARGATE."""
    account.service["capacityProviderStrategy"] = [
        {"capacityProvider": name, "base": base, "weight": weight} for name, base, weight in strategy
    ]
    assert bool(account.checks().runs_on_capacity_that_stays().findings) is found


def test_untagged_tasks_are_found(account: Account) -> None:
    """The default of propagateTags is NONE."""
    del account.service["propagateTags"]
    assert "propagateTags NONE" in str(account.checks().tasks_carry_tags())


@pytest.mark.parametrize(
    "action",
    [
        {"Type": "fixed-response"},
        {"Type": "forward", "TargetGroupArn": "another"},
        {"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": "group", "Weight": 0}]}},
    ],
)
def test_a_listener_that_serves_nobody_is_found(account: Account, action: dict[str, Any]) -> None:
    """HTTPS must lead to the service's own target group."""
    account.https["DefaultActions"] = [action]
    assert "no request reaches them" in " ".join(str(account.checks().serves_over_https()).split())


def test_invalid_headers_that_pass_are_found(account: Account) -> None:
    """Off is AWS's default."""
    account.attributes = account.attributes[:1]
    assert "requests are smuggled" in " ".join(str(account.checks().rejects_malformed_requests()).split())


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("awslogs-region", "us-east-1", "awslogs-region us-east-1"),
        ("awslogs-region", None, "awslogs-region not set"),
        ("awslogs-stream-prefix", None, "awslogs-stream-prefix for container app"),
    ],
)
def test_logs_that_go_elsewhere_are_found(account: Account, option: str, value: str | None, says: str) -> None:
    """The check compares region and stream prefix of the logs."""
    options = account.container["logConfiguration"]["options"]
    options[option] = value
    assert says in str(account.checks().logs_are_kept())


def test_another_port_and_path_are_as_right(account: Account) -> None:
    """Any port and path pass if they agree: nothing depends on 8080 or /health."""
    account.service["loadBalancers"][0] |= {"containerPort": 9090, "containerName": "web"}
    account.group |= {"Port": 9090, "HealthCheckPath": "/ready"}
    account.container |= {
        "name": "web",
        "portMappings": [{"containerPort": 9090}],
        "environment": [{"name": "PORT", "value": "9090"}],
    }
    account.container["healthCheck"]["command"] = ["CMD", "/app/healthcheck", "http://127.0.0.1:9090/ready"]
    for check in ALL:
        assert check(account.checks())
