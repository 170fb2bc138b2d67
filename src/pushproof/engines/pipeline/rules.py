"""The rules of stage conditions: their catalogue, what a declaration may say of them, and the decisions of those that decide alone.

Sources: https://docs.aws.amazon.com/codepipeline/latest/userguide/rule-reference.html and its pages ,
https://docs.aws.amazon.com/codepipeline/latest/userguide/stage-conditions.html (results, considerations)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pushproof.base.expressions import UnsupportedExpression, matches, pythons
from pushproof.engines.pipeline.catalogue import HOUR
from pushproof.engines.pipeline.declaration import Condition, Declaration, Rule, Stage
from pushproof.engines.pipeline.errors import PipelineError
from pushproof.engines.pipeline.names import ConditionKind, FailureResult
from pushproof.engines.pipeline.variables import RESERVED, references
from pushproof.engines.pipeline.windows import WindowError, is_open, parse_window

MOST_RULES = 5
MOST_COMMANDS = 50
ALARM_STATES = ("OK", "ALARM", "INSUFFICIENT_DATA")
OPERATORS = ("EQ", "NE", "CONTAINS", "MATCHES")


@dataclass(frozen=True, slots=True)
class RuleKind:
    """A rule's type: configuration keys, input artifacts at most and at least, and its default timeout in seconds."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    inputs: tuple[int, int] = (0, 0)
    timeout: float = HOUR


#: provider -> the type of rule. Category Rule, owner AWS, version 1 of each.
RULES: dict[str, RuleKind] = {
    "CloudWatchAlarm": RuleKind(("AlarmName",), ("AlarmStates", "WaitTime"), timeout=24 * HOUR),
    "CodeBuild": RuleKind(("ProjectName",), ("PrimarySource", "EnvironmentVariables"), (1, 5), 36 * HOUR),
    "Commands": RuleKind((), (), (0, 5), 55 * 60.0),
    "DeploymentWindow": RuleKind(("Cron",), ("TimeZone",)),
    "LambdaInvoke": RuleKind(("FunctionName",), ("UserParameters",), (0, 5)),
    "VariableCheck": RuleKind(("Variable", "Value", "Operator")),
}

#: The names of the API's members.
MEMBERS: dict[ConditionKind, str] = {
    "BEFORE_ENTRY": "beforeEntry",
    "ON_SUCCESS": "onSuccess",
    "ON_FAILURE": "onFailure",
}
_RESULTS: dict[ConditionKind, tuple[FailureResult, ...]] = {
    "BEFORE_ENTRY": ("FAIL", "SKIP"),
    "ON_SUCCESS": ("FAIL", "ROLLBACK"),
    "ON_FAILURE": ("FAIL", "ROLLBACK"),
}
#: "For Entry conditions with Skip result, only the LambdaInvoke and VariableCheck rules are supported."
_SKIPPING = ("LambdaInvoke", "VariableCheck")


def rule_timeout(rule: Rule) -> float:
    """Seconds until a rule times out."""
    return rule.timeout if rule.timeout is not None else RULES[rule.provider].timeout


def stage_error(message: str) -> PipelineError:
    return PipelineError("InvalidStageDeclarationException", message)


def check_conditions(declaration: Declaration) -> None:
    """Raise PipelineError for the first rule of AWS's that a condition breaks."""
    artifacts: set[str] = set()
    namespaces: set[str] = set()
    for index, stage in enumerate(declaration.stages):
        before = (frozenset(artifacts), frozenset(namespaces))
        artifacts.update(name for action in stage.actions for name in action.outputs)
        namespaces.update(action.namespace for action in stage.actions if action.namespace is not None)
        for kind, condition in stage.conditions.items():
            if declaration.pipeline_type == "V1":
                raise PipelineError(
                    "InvalidStructureException",
                    f"{MEMBERS[kind]} of stage {stage.name} is only supported for pipelines of type V2; "
                    f"pipeline {declaration.name} is V1",
                )
            _check_condition(stage, kind, condition, first=index == 0)
            known = before if kind == "BEFORE_ENTRY" else (frozenset(artifacts), frozenset(namespaces))
            for rule in condition.rules:
                _check_sources(declaration, rule, *known)


def _check_sources(declaration: Declaration, rule: Rule, artifacts: frozenset[str], namespaces: frozenset[str]) -> None:
    """Raise PipelineError for an artifact or a variable that nothing before the rule produces."""
    for name in rule.inputs:
        if name not in artifacts:
            raise stage_error(
                f"Input Artifact Bundle {name} in rule {rule.name} is not declared as Output Artifact Bundle in any of the "
                "preceding actions"
            )
    for text in (*rule.configuration.values(), *rule.commands):
        for namespace, name in references(text):
            if namespace == "variables" and name not in declaration.variables:
                raise stage_error(
                    f"#{{variables.{name}}} in rule '{rule.name}' refers to a pipeline variable that is not declared"
                )
            if namespace not in RESERVED and namespace not in namespaces:
                raise stage_error(
                    f"#{{{namespace}.{name}}} in rule '{rule.name}' refers to a namespace that no preceding action declares"
                )


def _check_condition(stage: Stage, kind: ConditionKind, condition: Condition, *, first: bool) -> None:
    where = f"The {MEMBERS[kind]} condition of stage {stage.name}"
    if not condition.rules:
        raise stage_error(f"{where} contains no rules")
    if len(condition.rules) > MOST_RULES:
        raise stage_error(f"{where} has {len(condition.rules)} rules. There can be at most {MOST_RULES}")
    if kind == "ON_FAILURE" and stage.on_failure == "RETRY":
        raise stage_error(
            f"{where} cannot be used together with the result RETRY: stages with conditions are not retried"
        )
    if condition.result not in _RESULTS[kind]:
        raise stage_error(
            f"{where} has the result {condition.result}, which is not supported: expected {' or '.join(_RESULTS[kind])}"
        )
    if condition.result == "ROLLBACK" and first:
        raise stage_error(
            f"{where} has the result ROLLBACK, and {stage.name} is the source stage, which cannot be rolled back"
        )
    names: set[str] = set()
    for rule in condition.rules:
        if rule.name in names:
            raise stage_error(f"Rule name must be unique within a condition. {rule.name} has been used more than once.")
        names.add(rule.name)
        _check_rule(rule)
        if condition.result == "SKIP" and rule.provider not in _SKIPPING:
            raise stage_error(
                f"{where} has the result SKIP, which rule {rule.name} of provider {rule.provider} does not support: "
                f"expected {' or '.join(_SKIPPING)}"
            )


def _check_rule(rule: Rule) -> None:
    kind = RULES.get(rule.provider)
    if kind is None or rule.version != "1":
        raise stage_error(
            f"RuleType (Category: 'Rule', Provider: '{rule.provider}', Owner: 'AWS', Version: '{rule.version}') "
            f"in rule '{rule.name}' is not available"
        )
    for key in kind.required:
        if key not in rule.configuration:
            raise stage_error(f"Rule configuration for rule '{rule.name}' is missing required configuration '{key}'")
    for key in sorted(rule.configuration.keys() - {*kind.required, *kind.optional}):
        raise stage_error(f"Rule configuration for rule '{rule.name}' contains unknown configuration '{key}'")
    least, most = kind.inputs
    if not least <= len(rule.inputs) <= most:
        raise stage_error(f"Rule {rule.name} declares {len(rule.inputs)} input artifacts; expected {least} to {most}")
    if (rule.provider == "Commands") != bool(rule.commands):
        raise stage_error(
            f"Rule {rule.name} of provider Commands declares no commands"
            if rule.provider == "Commands"
            else f"Rule {rule.name} of provider {rule.provider} declares commands, which only rules of provider Commands have"
        )
    check_commands(f"rule {rule.name}", rule.commands, stage_error)
    _check_values(rule)


def check_commands(owner: str, commands: tuple[str, ...], error: Callable[[str], PipelineError]) -> None:
    """Raise an error for a command that is no single line. `error` makes it from its message."""
    if len(commands) > MOST_COMMANDS:
        raise error(f"There can be at most {MOST_COMMANDS} commands in {owner}; it has {len(commands)}")
    for command in commands:
        if "\n" in command or "\r" in command:
            raise error(f"A command of {owner} has more than one line, which is not supported: {command!r}")


def _check_values(rule: Rule) -> None:
    def refuse(key: str, expected: str) -> PipelineError:
        return stage_error(
            f"Rule configuration for rule '{rule.name}' contains invalid value '{rule.configuration[key]}' for "
            f"configuration '{key}': expected {expected}"
        )

    plain = {key: value for key, value in rule.configuration.items() if "#{" not in value}
    if "Operator" in plain and plain["Operator"] not in OPERATORS:
        raise refuse("Operator", ", ".join(OPERATORS))
    if "WaitTime" in plain and not re.fullmatch("[0-9]{1,5}", plain["WaitTime"]):
        raise refuse("WaitTime", "a number of minutes")
    if ("AlarmStates" in plain and not (states := alarm_states(plain["AlarmStates"]))) or (
        "AlarmStates" in plain and not states <= set(ALARM_STATES)
    ):
        raise refuse("AlarmStates", ", ".join(ALARM_STATES))
    if plain.get("Operator") == "MATCHES" and "Value" in plain:
        try:
            pythons(plain["Value"])
        except (re.error, UnsupportedExpression):
            raise refuse("Value", "a regular expression") from None
    if rule.provider == "DeploymentWindow":
        try:
            if "Cron" in plain:
                parse_window(plain["Cron"], plain.get("TimeZone") or "UTC")
        except WindowError as error:
            raise refuse(error.key, error.expected) from None


def alarm_states(text: str) -> set[str]:
    """The states that AlarmStates names, separated by commas."""
    return {state.strip() for state in text.split(",") if state.strip()}


# --- decisions --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of a look: `met` None while the rule has to look again."""

    met: bool | None
    summary: str


def judge_variable(configuration: Mapping[str, str]) -> Finding:
    """VariableCheck: compare a variable's value. MATCHES needs the whole value to match, as Java's `matches` does."""
    actual, value, operator = configuration["Variable"], configuration["Value"], configuration["Operator"]
    outcomes = {
        "EQ": lambda: actual == value,
        "NE": lambda: actual != value,
        "CONTAINS": lambda: value in actual,
        "MATCHES": lambda: matches(value, actual, whole=True),
    }
    if operator not in outcomes:
        raise PipelineError("ConfigurationError", f"Operator {operator} is not one of {', '.join(OPERATORS)}")
    try:
        met = outcomes[operator]()
    except (re.error, UnsupportedExpression) as error:
        raise PipelineError("ConfigurationError", f"{value} is not a regular expression: {error}") from None
    return Finding(met, f"The variable's value '{actual}' {'meets' if met else 'does not meet'} {operator} '{value}'")


def judge_window(configuration: Mapping[str, str], now: float) -> Finding:
    """DeploymentWindow: the window is open while the minute of `now` matches the expression."""
    zone = configuration.get("TimeZone") or "UTC"
    try:
        met = is_open(configuration["Cron"], zone, now)
    except WindowError as error:
        raise PipelineError("ConfigurationError", f"{error.key} is not {error.expected}") from None
    return Finding(met, f"The deployment window {configuration['Cron']} ({zone}) is {'open' if met else 'closed'}")


def judge_alarm(kind: ConditionKind, configuration: Mapping[str, str], state: str, waited: float) -> Finding:
    """CloudWatchAlarm, `waited` seconds after it began.

    Before entry and on failure the rule succeeds as soon as the alarm has a desired state (OK, unless AlarmStates names others),
    and fails when it has none after WaitTime. On success it watches for the whole WaitTime, and fails as soon as the alarm has
    another state than the desired ones (OK and INSUFFICIENT_DATA).
    """
    watching = kind == "ON_SUCCESS"
    desired = alarm_states(configuration.get("AlarmStates") or "") or (
        {"OK", "INSUFFICIENT_DATA"} if watching else {"OK"}
    )
    wait = float(configuration.get("WaitTime") or 0) * 60
    name = configuration["AlarmName"]
    summary = f"The alarm {name} is in state {state}"
    if watching:
        return Finding((True if waited >= wait else None) if state in desired else False, summary)
    return Finding(True if state in desired else (False if waited >= wait else None), summary)
