"""Blue/green, linear and canary deployments through the API: real weights, real requests, hooks, roles and records.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/blue-green-deployment-how-it-works.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/troubleshooting-blue-green.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.emulator.ecs.shifts import TRAFFIC, Shifts

Refusal = Callable[[Callable[[], Any]], tuple[str, str]]
BECAUSE = "Service deployment rolled back because of invalid networking configuration"


@pytest.fixture
def shifts(stack: Any) -> Shifts:
    return Shifts(stack)


def test_traffic_is_shifted_for_real(shifts: Shifts) -> None:
    """Production stays on the former revision until it moves as a whole, test traffic moves before; no request fails."""
    shifts.serve()
    assert shifts.weights() == {shifts.blue: 100, shifts.green: 0}
    shifts.answer({"hookStatus": "SUCCEEDED"})
    shifts.stack.deploy("app:v2")
    shifts.at("SCALE_UP")
    assert shifts.requests() == {("app:1", 200): 1000}
    shifts.at("BAKE_TIME")
    assert shifts.requests() == {("app:2", 200): 1000}
    assert shifts.requests(port=8080) == {("app:2", 200): 1000}
    shown = shifts.stack.service()
    assert [
        (deployment["status"], deployment["rolloutState"], deployment["runningCount"])
        for deployment in shown["deployments"]
    ] == [
        ("PRIMARY", "IN_PROGRESS", 2),
        ("ACTIVE", "COMPLETED", 2),
    ]
    assert shifts.end()["status"] == "SUCCESSFUL"
    assert shifts.weights() == {shifts.blue: 0, shifts.green: 100}
    assert len(shifts.stack.service()["deployments"]) == 1
    # The groups take turns.
    shifts.stack.deploy("app:v1")
    shifts.end()
    assert shifts.weights() == {shifts.blue: 100, shifts.green: 0}
    assert shifts.requests() == {("app:3", 200): 1000}


def test_a_bad_canary_harms_no_more_than_its_share(shifts: Shifts) -> None:
    """Of all requests a canary gets its percent, in tenths; its errors raise the alarm, and the alarm takes the traffic back."""
    shifts.stack.runtime.add_image("app:bad", {"healthy-after": 5, "broken-path": "/orders"})
    group = shifts.green.rsplit(":", 1)[-1]
    balancer = shifts.balancer.partition("loadbalancer/")[2]
    shifts.world.administrator("cloudwatch").put_metric_alarm(
        AlarmName="errors",
        Namespace="AWS/ApplicationELB",
        MetricName="HTTPCode_Target_5XX_Count",
        Dimensions=[{"Name": "LoadBalancer", "Value": balancer}, {"Name": "TargetGroup", "Value": group}],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=5,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
    )
    shifts.serve(
        "CANARY",
        canaryConfiguration={"canaryPercent": 2.5, "canaryBakeTimeInMinutes": 30},
        alarms={"alarmNames": ["errors"], "enable": True, "rollback": True},
    )
    shifts.stack.deploy("app:bad")
    shifts.stack.until(lambda: shifts.weights() == {shifts.green: 25, shifts.blue: 975})
    assert shifts.requests(path="/orders") == {("app:2", 500): 25, ("app:1", 200): 975}
    shown = shifts.end()
    assert (shown["status"], shown["alarms"]["triggeredAlarmNames"]) == ("ROLLBACK_SUCCESSFUL", ["errors"])
    assert shifts.requests(path="/orders") == {("app:1", 200): 1000}
    assert shifts.stack.service()["taskDefinition"].endswith("app:1")


def test_linear_steps_are_shares_of_requests(shifts: Shifts) -> None:
    """Each step of a linear deployment sends its share of requests to the new revision, for its bake time."""
    shifts.serve("LINEAR", linearConfiguration={"stepPercent": 30.0, "stepBakeTimeInMinutes": 10})
    shifts.stack.deploy("app:v2")
    for share in (30, 60, 90):
        shifts.stack.until(lambda share=share: shifts.weights()[shifts.green] == share)  # type: ignore[misc]
        assert shifts.requests(100) == {("app:2", 200): share, ("app:1", 200): 100 - share}
    shown = shifts.newest()
    assert shown["targetServiceRevision"]["requestedProductionTrafficWeight"] == 90.0
    assert shown["sourceServiceRevisions"][0]["requestedProductionTrafficWeight"] == 10.0
    assert shown["deploymentConfiguration"]["linearConfiguration"] == {"stepPercent": 30.0, "stepBakeTimeInMinutes": 10}
    assert shifts.end()["status"] == "SUCCESSFUL"


def test_a_hook_is_a_function_of_the_world(shifts: Shifts) -> None:
    """A registered function receives the documented payload with the hook's role, and its answer decides."""
    hook = shifts.hook("POST_TEST_TRAFFIC_SHIFT", hookDetails={"suite": "smoke"})
    shifts.answer({"hookStatus": "SUCCEEDED"})
    shifts.serve(lifecycleHooks=[hook])
    shifts.asked.clear()
    shifts.answer({"hookStatus": "FAILED"})
    shifts.stack.deploy("app:v2")
    shown = shifts.end()
    assert shown["status"] == "ROLLBACK_SUCCESSFUL"
    assert shown["statusReason"] == (
        "Service deployment rolled back because POST_TEST_TRAFFIC_SHIFT lifecycle hook(s) failed. "
        f"Lifecycle hook target {hook['hookTargetArn']} returned FAILED status."
    )
    (event,) = shifts.asked
    assert event["lifecycleStage"] == "POST_TEST_TRAFFIC_SHIFT"
    assert event["resourceArn"] == shown["serviceDeploymentArn"]
    assert event["hookDetails"] == {"suite": "smoke"}
    assert event["executionDetails"]["targetServiceRevisionArn"] == shown["targetServiceRevision"]["arn"]
    assert shown["deploymentConfiguration"]["lifecycleHooks"][0]["hookDetails"] == {"suite": "smoke"}
    (detail,) = shown["lifecycleHookDetails"]
    assert (detail["status"], detail["targetArn"]) == ("FAILED", hook["hookTargetArn"])
    assert [event["eventName"] for event in shifts.stack.announced("ECS Hook State Change")][-2:] == [
        "HOOK_IN_PROGRESS",
        "HOOK_FAILED",
    ]
    assert shifts.weights(shifts.test) == {shifts.blue: 100, shifts.green: 0}
    assert shifts.requests() == {("app:1", 200): 1000}


def test_a_failing_function_and_a_missing_one_roll_back(shifts: Shifts) -> None:
    """An exception, a function that is not there, and a role without permission fail the hook, each with its reason."""
    shifts.answer({"hookStatus": "SUCCEEDED"})
    shifts.serve(lifecycleHooks=[shifts.hook("PRE_SCALE_UP")])

    def failing(_: Any) -> Any:
        raise ValueError("broken test")

    shifts.answer(failing)
    shifts.stack.deploy("app:v2")
    assert shifts.end()["statusReason"].endswith("Unhandled: ValueError: broken test")
    missing = shifts.configuration("BLUE_GREEN", lifecycleHooks=[shifts.hook("PRE_SCALE_UP", name="gone")])
    shifts.ecs.update_service(
        cluster="main", service="app", taskDefinition=shifts.stack.define("app:v2"), deploymentConfiguration=missing
    )
    assert "ResourceNotFoundException: Function not found" in shifts.end()["statusReason"]
    shifts.answer({"hookStatus": "SUCCEEDED"})
    shifts.iam.delete_role_policy(RoleName="hooks", PolicyName="own")
    allowed = shifts.configuration("BLUE_GREEN", lifecycleHooks=[shifts.hook("PRE_SCALE_UP")])
    shifts.ecs.update_service(
        cluster="main", service="app", taskDefinition=shifts.stack.define("app:v2"), deploymentConfiguration=allowed
    )
    reason = shifts.end()["statusReason"]
    assert "AccessDenied" in reason
    assert "lambda:InvokeFunction" in reason


def test_a_hook_role_that_does_not_trust_ecs_rolls_back(shifts: Shifts) -> None:
    """A role that ECS cannot assume fails its hook in AWS's words."""
    stranger = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
    role = shifts.role("stranger", TRAFFIC, stranger)
    shifts.serve()
    shifts.ecs.update_service(
        cluster="main",
        service="app",
        taskDefinition=shifts.stack.define("app:v2"),
        deploymentConfiguration=shifts.configuration(
            "BLUE_GREEN", lifecycleHooks=[shifts.hook("POST_SCALE_UP", roleArn=role)]
        ),
    )
    assert shifts.end()["statusReason"] == (
        "Service deployment rolled back because POST_SCALE_UP lifecycle hook(s) failed. "
        f"ECS was unable to assume role {role}"
    )


def test_a_pause_is_continued_or_rolled_back(shifts: Shifts, code: Refusal) -> None:
    """A paused deployment shows the hook that waits, and ContinueServiceDeployment lets it go on."""
    pause = {"targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"]}
    shifts.serve()
    shifts.ecs.update_service(
        cluster="main",
        service="app",
        taskDefinition=shifts.stack.define("app:v2"),
        deploymentConfiguration=shifts.configuration("BLUE_GREEN", lifecycleHooks=[pause]),
    )
    shifts.at("POST_SCALE_UP")
    shown = shifts.newest()
    (waiting,) = shown["lifecycleHookDetails"]
    assert (waiting["status"], waiting["timeoutAction"], waiting["targetType"]) == (
        "AWAITING_ACTION",
        "ROLLBACK",
        "PAUSE",
    )
    arn = shown["serviceDeploymentArn"]
    for wrong, words in (
        ("pause", "Invalid hookId: hookId must follow the format: ecs-{hookType}-{id}"),
        ("ecs-pause-x", "The hook ecs-pause-x does not belong to this service deployment."),
    ):
        refused = code(
            lambda wrong=wrong: shifts.ecs.continue_service_deployment(serviceDeploymentArn=arn, hookId=wrong)  # type: ignore[misc]
        )
        assert refused == ("InvalidParameterException", words)
    assert shifts.newest() == shown
    shifts.ecs.continue_service_deployment(serviceDeploymentArn=arn, hookId=waiting["hookId"])
    assert shifts.end()["status"] == "SUCCESSFUL"
    refused = code(lambda: shifts.ecs.continue_service_deployment(serviceDeploymentArn=arn, hookId=waiting["hookId"]))
    assert refused == (
        "InvalidParameterException",
        "Continuing a service deployment is not allowed for service deployment in terminal states.",
    )
    refused = code(
        lambda: shifts.ecs.continue_service_deployment(serviceDeploymentArn=f"{arn}x", hookId=waiting["hookId"])
    )
    assert refused[0] == "ServiceDeploymentNotFoundException"


@pytest.mark.parametrize(
    "stage",
    ["PRE_SCALE_UP", "SCALE_UP", "POST_TEST_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT", "BAKE_TIME", "CLEAN_UP"],
)
def test_a_deployment_is_stopped_at_each_stage(shifts: Shifts, stage: str) -> None:
    """StopServiceDeployment brings the former revision back from any stage."""
    shifts.answer(lambda event: {"hookStatus": "IN_PROGRESS" if event["lifecycleStage"] == stage else "SUCCEEDED"})
    shifts.serve()
    hooks = [shifts.hook(stage)] if stage not in ("SCALE_UP", "BAKE_TIME", "CLEAN_UP") else []
    shifts.ecs.update_service(
        cluster="main",
        service="app",
        taskDefinition=shifts.stack.define("app:v2"),
        deploymentConfiguration=shifts.configuration("BLUE_GREEN", lifecycleHooks=hooks),
    )
    shifts.at(stage)
    shifts.answer({"hookStatus": "SUCCEEDED"})
    shifts.ecs.stop_service_deployment(
        serviceDeploymentArn=shifts.newest()["serviceDeploymentArn"], stopType="ROLLBACK"
    )
    shown = shifts.end()
    assert shown["status"] == "ROLLBACK_SUCCESSFUL"
    assert shown["rollback"]["serviceRevisionArn"] == shown["sourceServiceRevisions"][0]["arn"]
    assert shifts.weights() == {shifts.blue: 100, shifts.green: 0}
    assert shifts.requests() == {("app:1", 200): 1000}
    assert len(shifts.stack.tasks()) == 2


def test_revisions_show_the_groups_that_they_use(shifts: Shifts) -> None:
    """DescribeServiceRevisions resolves the target group of each revision."""
    shifts.serve()
    shifts.stack.deploy("app:v2")
    shown = shifts.end()
    arns = [shown["sourceServiceRevisions"][0]["arn"], shown["targetServiceRevision"]["arn"]]
    revisions = shifts.ecs.describe_service_revisions(serviceRevisionArns=arns)["serviceRevisions"]
    resolved = [revision["resolvedConfiguration"]["loadBalancers"] for revision in revisions]
    assert resolved == [
        [{"targetGroupArn": shifts.blue, "productionListenerRule": shifts.production}],
        [{"targetGroupArn": shifts.green, "productionListenerRule": shifts.production}],
    ]
    assert all(revision["loadBalancers"] == shifts.advanced() for revision in revisions)
    assert shifts.stack.service()["loadBalancers"] == shifts.advanced()


def test_the_infrastructure_role_decides_whether_traffic_moves(shifts: Shifts) -> None:
    """ModifyRule is needed for a shift, and DescribeRules for a start."""
    words = (
        f"{BECAUSE}. ECS was unable to manage the ELB resources due to missing permissions on ECS Infrastructure Role"
    )
    shifts.serve()
    for lacking in (
        "elasticloadbalancing:ModifyRule",
        "elasticloadbalancing:DescribeRules",
        "elasticloadbalancing:RegisterTargets",
    ):
        policy = json.loads(json.dumps(TRAFFIC))
        policy["Statement"].append({"Effect": "Deny", "Action": lacking, "Resource": "*"})
        shifts.iam.put_role_policy(RoleName="infrastructure", PolicyName="own", PolicyDocument=json.dumps(policy))
        shifts.stack.deploy("app:v2")
        shown = shifts.end()
        assert shown["status"] == "ROLLBACK_SUCCESSFUL"
        assert shown["statusReason"] == f"{words} '{shifts.traffic}'."
        assert shifts.requests() == {("app:1", 200): 1000}


def test_rules_that_do_not_fit_roll_back(shifts: Shifts) -> None:
    """A production rule that serves both groups, or a group that no rule has, is the reason of a rollback."""
    shifts.serve()
    shifts.elbv2.modify_rule(RuleArn=shifts.production, Actions=[shifts.forward({shifts.blue: 1, shifts.green: 1})])
    shifts.stack.deploy("app:v2")
    assert shifts.end()["statusReason"] == (
        f"{BECAUSE}. productionListenerRule {shifts.production} should have exactly one target group serving traffic but "
        "found 2 target groups which are serving traffic"
    )
    (listener, *_) = shifts.elbv2.describe_listeners(LoadBalancerArn=shifts.balancer)["Listeners"]
    shifts.elbv2.modify_listener(
        ListenerArn=listener["ListenerArn"], DefaultActions=[shifts.forward({shifts.green: 1})]
    )
    for rule in (shifts.production, shifts.test):
        shifts.elbv2.modify_rule(RuleArn=rule, Actions=[shifts.forward({shifts.blue: 1})])
    shifts.stack.deploy("app:v2")
    assert shifts.end()["statusReason"] == (
        f"{BECAUSE}: Target group {shifts.green} is not associated with either productionListenerRule or testListenerRule."
    )


def test_a_default_rule_takes_production_traffic(shifts: Shifts) -> None:
    """The default rule of a listener works as a production rule, and its stickiness stays."""
    listeners = shifts.elbv2.describe_listeners(LoadBalancerArn=shifts.balancer)["Listeners"]
    listener = next(entry["ListenerArn"] for entry in listeners if entry["Port"] == 80)
    shifts.elbv2.delete_rule(RuleArn=shifts.production)
    action = shifts.forward({shifts.blue: 1, shifts.green: 0})
    action["ForwardConfig"]["TargetGroupStickinessConfig"] = {"Enabled": True, "DurationSeconds": 60}
    shifts.elbv2.modify_listener(ListenerArn=listener, DefaultActions=[action])
    (rule,) = shifts.elbv2.describe_rules(ListenerArn=listener)["Rules"]
    shifts.production = rule["RuleArn"]
    shifts.serve()
    shifts.stack.deploy("app:v2")
    assert shifts.end()["status"] == "SUCCESSFUL"
    assert shifts.weights() == {shifts.blue: 0, shifts.green: 100}
    (rule,) = shifts.elbv2.describe_rules(ListenerArn=listener)["Rules"]
    assert rule["Actions"][0]["ForwardConfig"]["TargetGroupStickinessConfig"]["Enabled"] is True


def test_without_a_test_rule_only_production_moves(shifts: Shifts) -> None:
    """The test rule may be left out where the production rule has both groups."""
    shifts.create(balancers=shifts.advanced(testListenerRule=None))
    shifts.end()
    shifts.stack.deploy("app:v2")
    assert shifts.end()["status"] == "SUCCESSFUL"
    assert shifts.weights(shifts.test) == {shifts.blue: 1, shifts.green: 0}


def test_a_network_load_balancer_shifts_connections(shifts: Shifts) -> None:
    """Behind a Network Load Balancer listeners take the place of rules, and their default actions get the weights."""
    groups = [
        shifts.elbv2.create_target_group(
            Name=name, Protocol="TCP", Port=8080, VpcId=shifts.stack.vpc, TargetType="ip", HealthCheckIntervalSeconds=30
        )["TargetGroups"][0]["TargetGroupArn"]
        for name in ("tcp-blue", "tcp-green")
    ]
    shifts.blue, shifts.green = groups
    balancer = shifts.elbv2.create_load_balancer(Name="net", Type="network", Subnets=shifts.stack.subnets)
    production, test = (
        shifts.elbv2.create_listener(
            LoadBalancerArn=balancer["LoadBalancers"][0]["LoadBalancerArn"],
            Protocol="TCP",
            Port=port,
            DefaultActions=[shifts.forward({shifts.blue: 1, shifts.green: 0})],
        )["Listeners"][0]["ListenerArn"]
        for port in (90, 9090)
    )
    shifts.production, shifts.test = production, test
    shifts.serve("LINEAR", linearConfiguration={"stepPercent": 50.0, "stepBakeTimeInMinutes": 1})
    shifts.stack.deploy("app:v2")

    def weights(listener: str) -> list[int]:
        (shown,) = shifts.elbv2.describe_listeners(ListenerArns=[listener])["Listeners"]
        listed = {
            group["TargetGroupArn"]: group["Weight"]
            for group in shown["DefaultActions"][0]["ForwardConfig"]["TargetGroups"]
        }
        return [listed[arn] for arn in groups]

    shifts.stack.until(lambda: weights(production) == [50, 50])
    assert weights(test) == [0, 100]
    assert shifts.end()["status"] == "SUCCESSFUL"
    assert weights(production) == [0, 100]


def test_the_circuit_breaker_works_with_each_strategy(shifts: Shifts) -> None:
    """Tasks that fail trip the breaker, and production never moves."""
    shifts.stack.runtime.add_image("app:bad", {"exit-after": 2})
    shifts.serve()
    shifts.stack.deploy("app:bad")
    shown = shifts.end()
    assert shown["statusReason"] == "Service deployment rolled back because the circuit breaker threshold was exceeded."
    assert shown["deploymentCircuitBreaker"]["status"] == "TRIGGERED"
    assert shifts.requests() == {("app:1", 200): 1000}


def test_the_first_deployment_has_nothing_to_return_to(shifts: Shifts) -> None:
    """A first deployment whose hook fails ends without a candidate; the service's events have the cause."""
    shifts.answer({"hookStatus": "FAILED"})
    shifts.create(lifecycleHooks=[shifts.hook("PRE_SCALE_UP")])
    shown = shifts.end()
    assert (shown["status"], shown["statusReason"]) == (
        "ROLLBACK_FAILED",
        "No rollback candidate was found to run the rollback.",
    )
    assert any("PRE_SCALE_UP lifecycle hook(s) failed." in text for text in shifts.stack.messages())


def test_a_rolling_update_follows_on_the_same_group(shifts: Shifts) -> None:
    """A service may return to rolling updates: they stay on the group that serves, and the hooks are gone."""
    shifts.answer({"hookStatus": "SUCCEEDED"})
    shifts.serve(lifecycleHooks=[shifts.hook("PRE_SCALE_UP")])
    shifts.ecs.update_service(
        cluster="main",
        service="app",
        taskDefinition=shifts.stack.define("app:v2"),
        deploymentConfiguration={"strategy": "ROLLING"},
    )
    assert shifts.end()["status"] == "SUCCESSFUL"
    assert shifts.weights() == {shifts.blue: 100, shifts.green: 0}
    assert shifts.requests() == {("app:2", 200): 1000}
    assert "lifecycleHooks" not in shifts.stack.service()["deploymentConfiguration"]


def test_a_rolling_service_becomes_blue_green(shifts: Shifts) -> None:
    """A service on one group takes the other, the rules and the strategy in one update, without a failed request."""
    plain = [{name: value for name, value in shifts.advanced()[0].items() if name != "advancedConfiguration"}]
    shifts.create("ROLLING", balancers=plain)
    shifts.end()
    assert "lifecycleStage" not in shifts.newest()
    shifts.ecs.update_service(
        cluster="main",
        service="app",
        taskDefinition=shifts.stack.define("app:v2"),
        loadBalancers=shifts.advanced(),
        deploymentConfiguration=shifts.configuration("BLUE_GREEN"),
    )
    shifts.at("BAKE_TIME")
    assert shifts.requests() == {("app:2", 200): 1000}
    assert shifts.end()["status"] == "SUCCESSFUL"
    assert shifts.weights() == {shifts.blue: 0, shifts.green: 100}


def test_changing_the_strategy_alone_deploys_nothing(shifts: Shifts) -> None:
    """UpdateService with a deployment configuration only leaves the deployments as they are."""
    shifts.serve()
    before = shifts.newest()["serviceDeploymentArn"]
    shifts.ecs.update_service(
        cluster="main",
        service="app",
        deploymentConfiguration=shifts.configuration("CANARY"),
        loadBalancers=shifts.advanced(),
    )
    assert shifts.newest()["serviceDeploymentArn"] == before
    assert shifts.stack.service()["deploymentConfiguration"]["canaryConfiguration"] == {
        "canaryPercent": 5.0,
        "canaryBakeTimeInMinutes": 10,
    }


_REQUIRED = "advancedConfiguration field is required for all loadBalancers when using a non-ROLLING deployment strategy"
_ALL_OR_NONE = "Either all or none of the provided loadBalancers must have advancedConfiguration defined"
_FORMAT = "{} has an invalid ARN format. Must be RuleArn for ALB or ListenerArn for NLB. Got: {}"
_BOTH = "The following rules cannot be used as both production and test listener rules: {}"
_NOT_ASSUMED = (
    "Unable to assume role and validate the specified targetGroupArn. Please verify that the ECS service role being passed "
    "has the proper permissions."
)


def test_load_balancers_that_do_not_fit_are_refused(shifts: Shifts, code: Refusal) -> None:
    """Each refusal is AWS's sentence, and no service is created."""
    whole = shifts.advanced()[0]
    plain = {name: value for name, value in whole.items() if name != "advancedConfiguration"}
    group = shifts.blue
    untrusting = shifts.role(
        "untrusting",
        TRAFFIC,
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ],
        },
    )
    gone = f"arn:aws:iam::{shifts.world.account_id}:role/gone"
    cases: list[tuple[Any, str]] = [
        ([plain], _REQUIRED),
        ([whole, plain], _ALL_OR_NONE),
        (shifts.advanced(productionListenerRule="rule"), _FORMAT.format("productionListenerRule", "rule")),
        (shifts.advanced(productionListenerRule=group), _FORMAT.format("productionListenerRule", group)),
        (shifts.advanced(testListenerRule="rule"), _FORMAT.format("testListenerRule", "rule")),
        (shifts.advanced(testListenerRule=shifts.production), _BOTH.format(shifts.production)),
        (shifts.advanced(roleArn=gone), _NOT_ASSUMED),
        (shifts.advanced(roleArn=untrusting), _NOT_ASSUMED),
        (shifts.advanced(roleArn=None), "roleArn must be specified in advancedConfiguration."),
        (
            shifts.advanced(alternateTargetGroupArn=None),
            "alternateTargetGroupArn must be specified in advancedConfiguration.",
        ),
        (
            shifts.advanced(alternateTargetGroupArn=group),
            f"targetGroupArn and alternateTargetGroupArn must be different. Got: {group}",
        ),
    ]
    for balancers, words in cases:
        refused = code(lambda balancers=balancers: shifts.create(balancers=balancers))  # type: ignore[misc]
        assert refused == ("InvalidParameterException", words)
    shifts.elbv2.modify_rule(RuleArn=shifts.production, Actions=[shifts.forward({shifts.blue: 1})])
    refused = code(lambda: shifts.create(balancers=shifts.advanced(testListenerRule=None)))
    assert refused[1] == (
        "For Application LoadBalancer, testListenerRule is required when productionListenerRule is not associated with both "
        "targetGroup and alternateTargetGroup"
    )
    assert shifts.ecs.list_services(cluster="main")["serviceArns"] == []


@pytest.mark.parametrize(
    ("strategy", "members", "words"),
    [
        ("LINEAR", {"linearConfiguration": {"stepPercent": 1.0}}, "stepPercent"),
        ("CANARY", {"canaryConfiguration": {"canaryPercent": 0.05}}, "canaryPercent"),
        ("BLUE_GREEN", {"bakeTimeInMinutes": 1441}, "bakeTimeInMinutes"),
        (
            "BLUE_GREEN",
            {"lifecycleHooks": [{"targetType": "PAUSE", "lifecycleStages": ["SCALE_UP"]}]},
            "lifecycleStages",
        ),
        ("BLUE_GREEN", {"lifecycleHooks": [{"lifecycleStages": ["PRE_SCALE_UP"]}]}, "hookTargetArn"),
        (
            "BLUE_GREEN",
            {"lifecycleHooks": [{"targetType": "SNS", "lifecycleStages": ["PRE_SCALE_UP"]}]},
            "Invalid targetType. Valid values are: AWS_LAMBDA, PAUSE",
        ),
    ],
)
def test_strategies_that_do_not_fit_are_refused(
    shifts: Shifts, code: Refusal, strategy: str, members: dict[str, Any], words: str
) -> None:
    """The refusal names the member, and no service is created."""
    refused = code(lambda: shifts.create(strategy, **members))
    assert refused[0] == "InvalidParameterException"
    assert words in refused[1]
    assert shifts.ecs.list_services(cluster="main")["serviceArns"] == []
