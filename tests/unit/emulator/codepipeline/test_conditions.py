"""Stage conditions through the API: each kind of rule, the answers that show them, and what follows from them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.unit.emulator.codepipeline.stack import ACCOUNT, ROLE, Stack, open_stack

from pushproof.emulator.kernel.settings import CodePipelineSettings

RIGHTS = {
    "CloudWatchAlarm": "cloudwatch:DescribeAlarms",
    "LambdaInvoke": "lambda:InvokeFunction",
}


@pytest.fixture
def stack() -> Iterator[Stack]:
    opened = open_stack(CodePipelineSettings(alarm_poll_seconds=30.0))
    yield opened
    opened.world.close()


def rule(provider: str, name: str = "check", **members: Any) -> dict[str, Any]:
    kind = {"category": "Rule", "owner": "AWS", "provider": provider, "version": "1"}
    return {"name": name, "ruleTypeId": kind, **members}


def guarded(stack: Stack, member: str, *rules: dict[str, Any], result: str = "FAIL", stage: int = 1) -> None:
    """Create the pipeline with a condition on one stage, and push."""
    declaration = stack.declaration()
    declaration["stages"][stage][member] = {"conditions": [{"result": result, "rules": list(rules)}]}
    stack.pipelines.create_pipeline(pipeline=declaration)
    stack.advance(1)
    stack.authorise()
    stack.push()
    stack.advance(1)


def allow(stack: Stack, *rights: str) -> None:
    statement = {"Effect": "Allow", "Action": list(rights), "Resource": "*"}
    stack.world.administrator("iam").put_role_policy(
        RoleName="pipeline",
        PolicyName="rules",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )


def alarm(stack: Stack, state: str, *, new: bool = False) -> None:
    cloudwatch = stack.world.administrator("cloudwatch")
    if new:
        cloudwatch.put_metric_alarm(
            AlarmName="errors",
            MetricName="Errors",
            Namespace="App",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1.0,
            ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="ignore",
        )
    cloudwatch.set_alarm_state(AlarmName="errors", StateValue=state, StateReason="a test")


def condition(stack: Stack, stage: str = "Build", member: str = "beforeEntryConditionState") -> dict[str, Any]:
    state: dict[str, Any] = stack.stages()[stage][member]
    return state


def status(stack: Stack, stage: str = "Build") -> str:
    latest: str = stack.stages()[stage]["latestExecution"]["status"]
    return latest


VARIABLE = {"Variable": "#{Src.BranchName}", "Value": "main", "Operator": "EQ"}


def test_a_rule_that_is_met_lets_the_execution_in(stack: Stack) -> None:
    """GetPipelineState and ListRuleExecutions show the condition, its rule and what it found."""
    guarded(stack, "beforeEntry", rule("VariableCheck", configuration=VARIABLE))
    stack.advance(60)
    shown = condition(stack)
    assert shown["latestExecution"]["status"] == "Succeeded"
    (state,) = shown["conditionStates"][0]["ruleStates"]
    assert (state["ruleName"], state["latestExecution"]["status"]) == ("check", "Succeeded")
    assert status(stack) == "Succeeded"
    execution = stack.newest()["pipelineExecutionId"]
    (detail,) = stack.pipelines.list_rule_executions(
        pipelineName="web",
        filter={"latestInPipelineExecution": {"pipelineExecutionId": execution, "startTimeRange": "Latest"}},
    )["ruleExecutionDetails"]
    assert (detail["stageName"], detail["ruleName"], detail["status"]) == ("Build", "check", "Succeeded")
    assert detail["input"]["resolvedConfiguration"]["Variable"] == "main"
    assert detail["input"]["configuration"] == VARIABLE
    assert "main" in detail["output"]["executionResult"]["externalExecutionSummary"]


@pytest.mark.parametrize(
    ("result", "expected", "execution"), [("FAIL", "Failed", "Failed"), ("SKIP", "Skipped", "Failed")]
)
def test_a_rule_that_is_not_met_fails_or_skips_the_stage(
    stack: Stack, result: str, expected: str, execution: str
) -> None:
    """No build starts. After SKIP the execution goes on: here its deployment lacks the artifact of the skipped build."""
    guarded(stack, "beforeEntry", rule("VariableCheck", configuration={**VARIABLE, "Value": "release"}), result=result)
    stack.advance(60)
    assert (status(stack), stack.newest()["status"]) == (expected, execution)
    assert condition(stack)["latestExecution"]["status"] == "Failed"
    assert "Build" not in stack.actions()
    assert ("Deploy" in stack.actions()) == (result == "SKIP")
    assert stack.world.administrator("codebuild").list_builds()["ids"] == []


def test_a_failed_entry_can_be_overridden_and_a_skip_cannot(stack: Stack) -> None:
    """OverrideStageCondition lets the failed stage proceed."""
    guarded(stack, "beforeEntry", rule("VariableCheck", configuration={**VARIABLE, "Value": "release"}))
    call = {"pipelineName": "web", "stageName": "Build", "conditionType": "BEFORE_ENTRY"}
    execution = stack.newest()["pipelineExecutionId"]
    with pytest.raises(ClientError) as refused:
        stack.pipelines.override_stage_condition(
            **call | {"conditionType": "ON_SUCCESS"}, pipelineExecutionId=execution
        )
    assert refused.value.response["Error"]["Code"] == "ConditionNotOverridableException"
    stack.pipelines.override_stage_condition(**call, pipelineExecutionId=execution)
    stack.advance(60)
    assert status(stack) == "Succeeded"
    assert condition(stack)["latestExecution"]["status"] == "Overridden"


def test_an_alarm_is_awaited(stack: Stack) -> None:
    """An alarm in ALARM holds the stage before entry until it is OK, for WaitTime at most."""
    allow(stack, RIGHTS["CloudWatchAlarm"])
    alarm(stack, "ALARM", new=True)
    guarded(stack, "beforeEntry", rule("CloudWatchAlarm", configuration={"AlarmName": "errors", "WaitTime": "10"}))
    stack.advance(300)
    assert condition(stack)["latestExecution"]["status"] == "InProgress"
    assert stack.stages()["Build"]["latestExecution"]["status"] == "InProgress"
    alarm(stack, "OK")
    stack.advance(60)
    assert condition(stack)["latestExecution"]["status"] == "Succeeded"
    alarm(stack, "ALARM")
    stack.push()
    stack.advance(599)
    assert condition(stack)["latestExecution"]["status"] == "InProgress"
    stack.advance(5)
    assert (condition(stack)["latestExecution"]["status"], status(stack)) == ("Failed", "Failed")


def test_an_alarm_after_success_rolls_the_stage_back(stack: Stack) -> None:
    """ALARM within WaitTime engages ROLLBACK: a new execution of type ROLLBACK repeats the stage of the last good one."""
    allow(stack, RIGHTS["CloudWatchAlarm"])
    alarm(stack, "OK", new=True)
    watch = rule("CloudWatchAlarm", configuration={"AlarmName": "errors", "WaitTime": "10"})
    guarded(stack, "onSuccess", watch, result="ROLLBACK")
    stack.advance(660)
    good = stack.newest()["pipelineExecutionId"]
    assert status(stack) == "Succeeded"
    stack.push()
    stack.advance(60)
    assert status(stack) == "InProgress"
    alarm(stack, "ALARM")
    stack.advance(30)
    rollback, failed = stack.executions()[:2]
    assert failed["status"] == "Failed"
    assert "onSuccess condition of stage Build failed" in failed["statusSummary"]
    assert rollback["executionType"] == "ROLLBACK"
    assert rollback["rollbackMetadata"] == {"rollbackTargetPipelineExecutionId": good}
    assert rollback["trigger"]["triggerType"] == "AutomatedRollback"


def test_a_function_decides(stack: Stack) -> None:
    """A function that answers is met, one that fails is not; it sees its parameters and the artifacts."""
    allow(stack, RIGHTS["LambdaInvoke"])
    events: list[Any] = []

    def check(event: Any) -> str:
        events.append(event)
        if len(events) > 1:
            raise ValueError("no")
        return "yes"

    stack.world.functions.register("check", check)
    asked = {"FunctionName": "check", "UserParameters": "#{Src.BranchName}"}
    guarded(
        stack, "beforeEntry", rule("LambdaInvoke", configuration=asked, inputArtifacts=[{"name": "SourceArtifact"}])
    )
    stack.advance(60)
    data = events[0]["CodePipeline.job"]["data"]
    assert data["actionConfiguration"]["configuration"] == {**asked, "UserParameters": "main"}
    assert data["inputArtifacts"][0]["name"] == "SourceArtifact"
    assert status(stack) == "Succeeded"
    stack.push()
    stack.advance(1)
    assert (condition(stack)["latestExecution"]["status"], status(stack)) == ("Failed", "Failed")
    assert "ValueError: no" in stack.newest()["statusSummary"]


@pytest.mark.parametrize(
    ("provider", "configuration", "words"),
    [
        ("LambdaInvoke", {"FunctionName": "check"}, "lambda:InvokeFunction"),
        ("CloudWatchAlarm", {"AlarmName": "errors"}, "cloudwatch:DescribeAlarms"),
    ],
)
def test_rules_need_permissions(stack: Stack, provider: str, configuration: dict[str, str], words: str) -> None:
    """A rule that may not look is Errored, with the missing permission in its error."""
    stack.world.functions.register("check", lambda _: "yes")
    guarded(stack, "beforeEntry", rule(provider, configuration=configuration))
    stack.advance(1)
    assert condition(stack)["latestExecution"]["status"] == "Errored"
    error = condition(stack)["conditionStates"][0]["ruleStates"][0]["latestExecution"]["errorDetails"]
    assert error["code"] == "PermissionError"
    assert words in error["message"]


def test_a_build_decides(stack: Stack) -> None:
    """A CodeBuild rule succeeds and fails with its build."""
    source = [{"name": "SourceArtifact"}]
    guarded(stack, "onSuccess", rule("CodeBuild", configuration={"ProjectName": "web"}, inputArtifacts=source))
    stack.advance(120)
    assert status(stack) == "Succeeded"
    state = condition(stack, member="onSuccessConditionState")["conditionStates"][0]["ruleStates"][0]
    assert state["latestExecution"]["externalExecutionId"].startswith("web:")


def test_a_window_is_open_or_closed(stack: Stack) -> None:
    """DeploymentWindow compares AWS's time: a window of every minute is open, one of a year long past is closed."""
    guarded(
        stack,
        "beforeEntry",
        rule("DeploymentWindow", "open", configuration={"Cron": "* * * * * ?", "TimeZone": "Europe/Berlin"}),
        rule("DeploymentWindow", "past", configuration={"Cron": "* * * * * ? 1999"}),
    )
    states = condition(stack)["conditionStates"][0]["ruleStates"]
    assert [state["latestExecution"]["status"] for state in states] == ["Succeeded", "Failed"]
    assert status(stack) == "Failed"


def test_a_stage_that_fails_asks_its_failure_condition(stack: Stack) -> None:
    """The rules of onFailure decide whether the stage is rolled back."""
    guarded(stack, "onFailure", rule("VariableCheck", configuration=VARIABLE), result="ROLLBACK")
    stack.advance(60)
    stack.push("tag, fail, define")
    stack.advance(60)
    failed = stack.executions()[1]["pipelineExecutionId"]
    (detail,) = stack.pipelines.list_rule_executions(pipelineName="web", filter={"pipelineExecutionId": failed})[
        "ruleExecutionDetails"
    ]
    assert (detail["stageName"], detail["status"]) == ("Build", "Succeeded")
    assert [execution["executionType"] for execution in stack.executions()[:2]] == ["ROLLBACK", "STANDARD"]


def test_rule_types() -> None:
    """ListRuleTypes lists AWS's six rules with their configuration."""
    stack = open_stack()
    try:
        types = {kind["id"]["provider"]: kind for kind in stack.pipelines.list_rule_types()["ruleTypes"]}
    finally:
        stack.world.close()
    assert set(types) == {
        "CloudWatchAlarm",
        "CodeBuild",
        "Commands",
        "DeploymentWindow",
        "LambdaInvoke",
        "VariableCheck",
    }
    properties = {item["name"]: item["required"] for item in types["CloudWatchAlarm"]["ruleConfigurationProperties"]}
    assert properties == {"AlarmName": True, "AlarmStates": False, "WaitTime": False}


def test_conditions_are_kept_as_written(stack: Stack) -> None:
    """GetPipeline answers conditions with every member that was sent."""
    check = rule("VariableCheck", configuration=VARIABLE, timeoutInMinutes=60, region="eu-west-1", inputArtifacts=[])
    declaration = stack.declaration()
    declaration["stages"][1]["onSuccess"] = {"conditions": [{"result": "FAIL", "rules": [check]}]}
    declaration["stages"][1]["onFailure"] = {"result": "RETRY", "retryConfiguration": {"retryMode": "ALL_ACTIONS"}}
    stack.pipelines.create_pipeline(pipeline=declaration)
    stage = stack.pipelines.get_pipeline(name="web")["pipeline"]["stages"][1]
    assert stage["onSuccess"]["conditions"] == [{"result": "FAIL", "rules": [check]}]
    assert stage["onFailure"] == {"result": "RETRY", "retryConfiguration": {"retryMode": "ALL_ACTIONS"}}


def test_conditions_that_are_refused(stack: Stack) -> None:
    """Unknown rules, roles that cannot be assumed and lists over the limits leave no pipeline."""
    unknown = rule("Weather")
    far = rule("VariableCheck", configuration=VARIABLE, roleArn=f"arn:aws:iam::{ACCOUNT}:role/far")
    many = [rule("VariableCheck", f"r{n}", configuration=VARIABLE) for n in range(6)]
    cases = [
        ([{"result": "FAIL", "rules": [unknown]}], "InvalidStageDeclarationException", "is not available"),
        ([{"result": "FAIL"}], "InvalidStageDeclarationException", "contains no rules"),
        ([{"result": "FAIL", "rules": [far]}], "InvalidStructureException", f"{ROLE} is not authorized"),
        ([{"result": "FAIL", "rules": many}], "ValidationException", "less than or equal to 5"),
        ([{"result": "FAIL", "rules": many[:1]}] * 2, "ValidationException", "less than or equal to 1"),
    ]
    for conditions, code, words in cases:
        declaration = stack.declaration()
        declaration["stages"][1]["beforeEntry"] = {"conditions": conditions}
        with pytest.raises(ClientError, match=words) as refused:
            stack.pipelines.create_pipeline(pipeline=declaration)
        assert refused.value.response["Error"]["Code"] == code
    assert stack.pipelines.list_pipelines()["pipelines"] == []
