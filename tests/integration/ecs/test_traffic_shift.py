"""Traffic shifts and the deployment alarm of the ecs module, in environments/dev."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pushproof import Clients
from pushproof.checks.iam import IamChecks
from pushproof.checks.permissions import Permission
from pushproof.checks.service import ServiceChecks

STAGE = "POST_TEST_TRAFFIC_SHIFT"


@pytest.fixture
def parts(optional: Any) -> dict[str, str]:
    """Names that deployments which shift traffic are set up with."""
    found: dict[str, str] = optional["traffic_shift"]
    return found


@pytest.fixture
def canary(optional: Any, parts: dict[str, str]) -> Iterator[Any]:
    """A copy of the environment whose service deploys by canary, as the AWS CLI sets it."""
    with optional.fork() as fork:
        ecs, names = fork.aws("ecs"), {"cluster": optional["cluster_name"], "service": optional["service_name"]}
        (service,) = ecs.describe_services(cluster=names["cluster"], services=[names["service"]])["services"]
        (balancer,) = service["loadBalancers"]
        configuration = service["deploymentConfiguration"]
        configuration |= {
            "strategy": "CANARY",
            "bakeTimeInMinutes": 10,
            "canaryConfiguration": {"canaryPercent": 10.0, "canaryBakeTimeInMinutes": 10},
            "lifecycleHooks": [
                {
                    "hookTargetArn": parts["hook_function_arn"],
                    "roleArn": parts["hook_role_arn"],
                    "lifecycleStages": [STAGE],
                }
            ],
        }
        shift = {
            "alternateTargetGroupArn": parts["alternate_target_group_arn"],
            "productionListenerRule": parts["production_listener_rule_arn"],
            "testListenerRule": parts["test_listener_rule_arn"],
            "roleArn": parts["infrastructure_role_arn"],
        }
        ecs.update_service(
            **names, deploymentConfiguration=configuration, loadBalancers=[{**balancer, "advancedConfiguration": shift}]
        )
        yield fork


def test_a_canary_is_wired(canary: Any, service_checks: Callable[..., ServiceChecks], optional: Any) -> None:
    """Both target groups check alike and are forwarded to, the hook's function can be called, and an alarm guards the bake time."""
    service = service_checks(canary, cluster=optional["cluster_name"], service=optional["service_name"])
    assert service.both_target_groups_are_wired()
    assert service.hooks_can_stop_it()
    assert service.shifts_no_more_than(10)
    assert service.alarms_guard_it()


def test_a_deployment_with_errors_rolls_back(optional: Any, aws: Clients) -> None:
    """The alarm counts this load balancer's 5xx answers by the minute, is OK without any, and rolls the deployment back."""
    described = aws("ecs").describe_services(cluster=optional["cluster_name"], services=[optional["service_name"]])
    alarms = described["services"][0]["deploymentConfiguration"]["alarms"]
    (alarm,) = aws("cloudwatch").describe_alarms(AlarmNames=alarms["alarmNames"])["MetricAlarms"]
    assert (alarms["enable"], alarms["rollback"]) == (True, True)
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count")
    assert optional["load_balancer_arn"].endswith(f"loadbalancer/{alarm['Dimensions'][0]['Value']}")
    assert (alarm["Statistic"], alarm["Period"], alarm["EvaluationPeriods"], alarm["Threshold"]) == ("Sum", 60, 1, 5.0)
    assert (alarm["ComparisonOperator"], alarm["TreatMissingData"]) == ("GreaterThanOrEqualToThreshold", "notBreaching")


def test_the_roles_can_do_their_work_and_no_more(
    iam_checks: Callable[..., IamChecks], optional: Any, parts: dict[str, str]
) -> None:
    """ECS shifts these rules and targets with one role, and calls this function with another; the function writes its log."""
    iam = iam_checks(optional)
    function = parts["hook_function_arn"]
    infrastructure, hook = (parts[name].rpartition("/")[2] for name in ("infrastructure_role_arn", "hook_role_arn"))
    smoke = function.rpartition(":")[2]
    reading = ("Listeners", "Rules", "TargetGroups", "TargetHealth")
    stream = f"{function.replace(':lambda:', ':logs:').rpartition(':function:')[0]}:log-group:/aws/lambda/{smoke}:log-stream:x"
    work = {
        infrastructure: [
            *(Permission(f"elasticloadbalancing:Describe{what}") for what in reading),
            *(
                Permission(f"elasticloadbalancing:{action}", group)
                for action in ("RegisterTargets", "DeregisterTargets")
                for group in (optional["target_group_arn"], parts["alternate_target_group_arn"])
            ),
            *(
                Permission("elasticloadbalancing:ModifyRule", parts[rule])
                for rule in ("production_listener_rule_arn", "test_listener_rule_arn")
            ),
        ],
        hook: [Permission("lambda:InvokeFunction", function)],
        smoke: [Permission(f"logs:{action}", stream) for action in ("CreateLogStream", "PutLogEvents")],
    }
    for role, needs in work.items():
        assert iam.allows(role, needs)
        assert iam.allows_only(role, needs)
        assert iam.can_be_assumed_only_by(role, "lambda.amazonaws.com" if role == smoke else "ecs.amazonaws.com")


def test_the_smoke_test_asks_the_test_listener(optional: Any, parts: dict[str, str], aws: Clients) -> None:
    """The function asks the port of the test listener over TLS, has time for an answer, and its log is kept."""
    function = aws("lambda").get_function_configuration(FunctionName=parts["hook_function_arn"])
    (rule,) = aws("elbv2").describe_rules(RuleArns=[parts["test_listener_rule_arn"]])["Rules"]
    listener = parts["test_listener_rule_arn"].replace(":listener-rule/", ":listener/").rpartition("/")[0]
    (described,) = aws("elbv2").describe_listeners(ListenerArns=[listener])["Listeners"]
    assert not rule["IsDefault"]
    url = f"https://{optional['load_balancer_dns_name']}:{described['Port']}/"
    assert function["Environment"]["Variables"] == {"TEST_URL": url}
    assert (function["Handler"], function["Runtime"], function["Timeout"]) == ("smoke_test.handler", "python3.12", 30)
    (default,) = described["DefaultActions"]
    assert (described["Protocol"], default["Type"]) == ("HTTPS", "fixed-response")
    assert default["FixedResponseConfig"]["StatusCode"] == "404"
    (main,) = (
        each
        for each in aws("elbv2").describe_listeners(LoadBalancerArn=described["LoadBalancerArn"])["Listeners"]
        if each["Port"] == 443
    )
    assert described["SslPolicy"] == main["SslPolicy"]
    assert described["Certificates"] == main["Certificates"]
    (group,) = aws("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{function['FunctionName']}")[
        "logGroups"
    ]
    assert group["retentionInDays"] == 30


def test_clients_reach_the_test_listener(optional: Any, aws: Clients) -> None:
    """The load balancer's group admits clients on the test listener's port, where they are admitted on 443."""
    rules = aws("ec2").describe_security_group_rules(
        Filters=[{"Name": "group-id", "Values": [optional["load_balancer_security_group_id"]]}]
    )["SecurityGroupRules"]
    blocks: dict[int, set[str]] = {}
    for rule in rules:
        if not rule["IsEgress"] and rule["FromPort"] == rule["ToPort"]:
            blocks.setdefault(rule["FromPort"], set()).add(rule["CidrIpv4"])
    assert blocks[8443] == blocks[443]


def test_users_and_tests_are_sent_to_the_first_group(optional: Any, parts: dict[str, str], aws: Clients) -> None:
    """Both rules match every path, and begin with all weight on the target group that the service uses first."""
    rules = [parts["production_listener_rule_arn"], parts["test_listener_rule_arn"]]
    for rule in aws("elbv2").describe_rules(RuleArns=rules)["Rules"]:
        forwarded = {
            each["TargetGroupArn"]: each["Weight"] for each in rule["Actions"][0]["ForwardConfig"]["TargetGroups"]
        }
        assert forwarded == {optional["target_group_arn"]: 1, parts["alternate_target_group_arn"]: 0}
        assert rule["Conditions"][0]["PathPatternConfig"]["Values"] == ["/*"]
