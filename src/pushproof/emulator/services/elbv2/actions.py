"""Conversion of conditions and actions between the API's shape and the engine's values.

`stored_*` validate a caller's values and complete them as AWS shows them; `engine_rule` is what the data plane evaluates.
Sources: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RuleCondition.html and API_Action.html beside it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NotRequired, TypedDict

from pushproof.base import expressions
from pushproof.emulator.kernel.errors import AwsError, not_implemented
from pushproof.emulator.services.elbv2.model import Rule
from pushproof.engines import loadbalancing as engine

if TYPE_CHECKING:
    from types_boto3_elbv2.type_defs import (
        ActionOutputTypeDef,
        ForwardActionConfigOutputTypeDef,
        HttpHeaderConditionConfigOutputTypeDef,
        RedirectActionConfigTypeDef,
        RuleConditionOutputTypeDef,
    )


_FIELDS = ("host-header", "path-pattern", "http-header", "http-request-method", "query-string", "source-ip")
_CONTENT_TYPES = ("text/plain", "text/css", "text/html", "application/javascript", "application/json")


def invalid(message: str) -> AwsError:
    """AWS's ValidationError."""
    return AwsError("ValidationError", message)


def stored_conditions(conditions: list[RuleConditionOutputTypeDef]) -> list[RuleConditionOutputTypeDef]:
    """Return conditions as AWS stores and shows them. Raises AwsError."""
    if not conditions:
        raise invalid("A condition must be specified")
    fields = [condition.get("Field") for condition in conditions]
    for once in ("host-header", "path-pattern", "http-request-method", "source-ip"):
        if fields.count(once) > 1:
            raise invalid(f"A rule can only have one '{once}' condition")
    stored = [_stored_condition(condition) for condition in conditions]
    if sum(_number_of_values(condition) for condition in stored) > 5:
        raise invalid("A rule can only have '5' condition values")
    return stored


class _Patterns(TypedDict):
    """Values of a condition on a host or a path."""

    Values: NotRequired[list[str]]
    RegexValues: NotRequired[list[str]]


def _number_of_values(condition: RuleConditionOutputTypeDef) -> int:
    texts: tuple[_Patterns | HttpHeaderConditionConfigOutputTypeDef, ...] = (
        condition.get("HostHeaderConfig", {}),
        condition.get("PathPatternConfig", {}),
        condition.get("HttpHeaderConfig", {}),
    )
    exact = sum(len(config.get("Values", [])) + len(config.get("RegexValues", [])) for config in texts)
    pairs = len(condition.get("QueryStringConfig", {}).get("Values", []))
    methods = len(condition.get("HttpRequestMethodConfig", {}).get("Values", []))
    return exact + pairs + methods + len(condition.get("SourceIpConfig", {}).get("Values", []))


def _stored_condition(condition: RuleConditionOutputTypeDef) -> RuleConditionOutputTypeDef:
    name = condition.get("Field")
    match name:
        case "host-header":
            host = condition.get("HostHeaderConfig") or _patterns(condition)
            _check_patterns(name, host.get("Values", []), host.get("RegexValues", []))
            return _with_values({"Field": name, "HostHeaderConfig": host}, host)
        case "path-pattern":
            path = condition.get("PathPatternConfig") or _patterns(condition)
            _check_patterns(name, path.get("Values", []), path.get("RegexValues", []))
            return _with_values({"Field": name, "PathPatternConfig": path}, path)
        case "http-header":
            header = condition.get("HttpHeaderConfig", {})
            texts: _Patterns | HttpHeaderConditionConfigOutputTypeDef = header or _patterns(condition)
            values, regexes = texts.get("Values", []), texts.get("RegexValues", [])
            _check_any(name, values or regexes)
            _check_regexes(regexes)
            if not header.get("HttpHeaderName"):
                raise invalid("A header name must be specified for the field 'http-header'")
            return {"Field": name, "HttpHeaderConfig": header}
        case "http-request-method":
            method = condition.get("HttpRequestMethodConfig") or {"Values": condition.get("Values", [])}
            _check_any(name, method.get("Values"))
            for value in method.get("Values", []):
                if not re.fullmatch(r"[A-Z_-]{1,40}", value, re.ASCII):
                    raise invalid(f"Condition value '{value}' contains a character that is not valid")
            return {"Field": name, "HttpRequestMethodConfig": method}
        case "query-string":
            query = condition.get("QueryStringConfig") or {}
            _check_any(name, query.get("Values"))
            for pair in query.get("Values", []):
                if not pair.get("Value"):
                    raise invalid("A value must be specified for the field 'query-string'")
            return {"Field": name, "QueryStringConfig": query}
        case "source-ip":
            source = condition.get("SourceIpConfig") or {"Values": condition.get("Values", [])}
            _check_any(name, source.get("Values"))
            for value in source.get("Values", []):
                _check_cidr(value)
            return {"Field": name, "SourceIpConfig": source}
        case _:
            raise invalid(f"Condition field '{name}' must be one of '[{', '.join(sorted(_FIELDS))}]'")


def _patterns(condition: RuleConditionOutputTypeDef) -> _Patterns:
    """Return the values that a condition gives beside its field, the older way."""
    if condition.get("Values"):
        return {"Values": condition["Values"]}
    return {"RegexValues": condition["RegexValues"]} if condition.get("RegexValues") else {}


def _with_values(condition: RuleConditionOutputTypeDef, config: _Patterns) -> RuleConditionOutputTypeDef:
    """Return a condition on a host or a path with its values repeated beside the field, as AWS shows it."""
    if config.get("Values"):
        condition["Values"] = config["Values"]
    if config.get("RegexValues"):
        condition["RegexValues"] = config["RegexValues"]
    return condition


def _check_any(name: str, values: Sequence[object] | None) -> None:
    if not values:
        raise invalid(f"A condition value must be specified for the field '{name}'")


def _check_regexes(regexes: list[str]) -> None:
    for pattern in regexes:
        if len(pattern) > 128:
            raise invalid(f"Condition value '{pattern}' cannot be longer than '128' characters")
        try:
            expressions.compiled(pattern)
        except (re.error, ValueError) as error:
            raise invalid(f"Condition value '{pattern}' is not a valid regular expression: {error}") from error


def _check_patterns(name: str, values: list[str], regexes: list[str]) -> None:
    _check_any(name, values or regexes)
    _check_regexes(regexes)
    for value in values:
        if len(value) > 128:
            raise invalid(f"Condition value '{value}' cannot be longer than '128' characters")


def _check_cidr(value: str) -> None:
    try:
        ipaddress.ip_network(value)
    except ValueError as error:
        raise invalid(f"Condition value '{value}' must be a valid CIDR block") from error


def stored_actions(actions: list[ActionOutputTypeDef]) -> list[ActionOutputTypeDef]:
    """Return actions as AWS stores and shows them. Raises AwsError."""
    if not actions:
        raise invalid("An action must be specified")
    for action in actions:
        if action["Type"] in ("authenticate-oidc", "authenticate-cognito", "jwt-validation"):
            raise not_implemented("elbv2", f"action type {action['Type']}")
    if len(actions) > 1:
        raise AwsError("TooManyActions", "You can specify only one routing action")
    return [_stored_action(action) for action in actions]


def _stored_action(action: ActionOutputTypeDef) -> ActionOutputTypeDef:
    stored: ActionOutputTypeDef = {"Type": action["Type"]}
    if action.get("Order") is not None:
        stored["Order"] = action["Order"]
    match action["Type"]:
        case "forward":
            forward = _stored_forward(action)
            stored["ForwardConfig"] = forward
            groups = forward.get("TargetGroups", [])
            if len(groups) == 1:
                stored["TargetGroupArn"] = groups[0]["TargetGroupArn"]
        case "redirect":
            redirect = action.get("RedirectConfig")
            if not redirect or "StatusCode" not in redirect:
                raise invalid("A redirect configuration must be specified for the redirect action")
            stored["RedirectConfig"] = _stored_redirect(redirect)
        case "fixed-response":
            fixed = action.get("FixedResponseConfig")
            if not fixed or not re.fullmatch(r"[245]\d\d", fixed.get("StatusCode", ""), re.ASCII):
                raise invalid("The fixed response status code must be 2XX, 4XX or 5XX")
            if fixed.get("ContentType") and fixed["ContentType"] not in _CONTENT_TYPES:
                raise invalid(f"The content type must be one of '{', '.join(_CONTENT_TYPES)}'")
            stored["FixedResponseConfig"] = fixed
        case kind:
            raise invalid(f"Action type '{kind}' is not valid")
    return stored


def _stored_redirect(config: RedirectActionConfigTypeDef) -> RedirectActionConfigTypeDef:
    protocol = config.get("Protocol", "#{protocol}")
    port = config.get("Port", "#{port}")
    host = config.get("Host", "#{host}")
    path = config.get("Path", "/#{path}")
    query = config.get("Query", "#{query}")
    if (protocol, port, host, path, query) == ("#{protocol}", "#{port}", "#{host}", "/#{path}", "#{query}"):
        raise AwsError(
            "InvalidLoadBalancerAction",
            "The redirect configuration is not valid because it creates a loop",
        )
    if protocol not in ("HTTP", "HTTPS", "#{protocol}"):
        raise invalid("The protocol must be HTTP, HTTPS or #{protocol}")
    if port != "#{port}" and (not re.fullmatch(r"\d{1,5}", port, re.ASCII) or not 1 <= int(port) <= 65_535):
        raise invalid("The port must be between 1 and 65535 or #{port}")
    if not path.startswith("/"):
        raise invalid("The path must start with '/'")
    if query.startswith("?"):
        raise invalid("The query must not start with '?'")
    return {
        "Protocol": protocol,
        "Port": port,
        "Host": host,
        "Path": path,
        "Query": query,
        "StatusCode": config["StatusCode"],
    }


def _stored_forward(action: ActionOutputTypeDef) -> ForwardActionConfigOutputTypeDef:
    config = action.get("ForwardConfig", {})
    groups = [group.copy() for group in config.get("TargetGroups", [])]
    alone = action.get("TargetGroupArn")
    if alone and groups and [group.get("TargetGroupArn") for group in groups] != [alone]:
        raise invalid("You cannot specify both TargetGroupArn and a ForwardConfig with different target groups")
    if not groups:
        if not alone:
            raise invalid("A target group ARN must be specified")
        groups = [{"TargetGroupArn": alone}]
    if len(groups) > 5:
        raise AwsError("TooManyTargetGroups", "A forward action can have at most 5 target groups")
    for group in groups:
        if not group.get("TargetGroupArn"):
            raise invalid("A target group ARN must be specified")
        if not 0 <= group.setdefault("Weight", 1) <= 999:
            raise invalid("Target group weight must be between 0 and 999")
    stickiness = config.get("TargetGroupStickinessConfig", {}).copy()
    if stickiness.setdefault("Enabled", False) and not 1 <= stickiness.get("DurationSeconds", 0) <= 604_800:
        raise invalid("Target group stickiness duration must be between 1 and 604800 seconds")
    return {"TargetGroups": groups, "TargetGroupStickinessConfig": stickiness}


def target_groups_of(actions: list[ActionOutputTypeDef]) -> list[str]:
    """Return the ARNs of the target groups that actions forward to."""
    return [
        group["TargetGroupArn"]
        for action in actions
        for group in action.get("ForwardConfig", {}).get("TargetGroups", [])
    ]


def engine_rule(rule: Rule) -> engine.Rule:
    """Convert a stored rule to the engine's form."""
    return engine.Rule(
        rule.arn, rule.priority, tuple(_condition(condition) for condition in rule.conditions), _action(rule.actions[0])
    )


def _condition(stored: RuleConditionOutputTypeDef) -> engine.Condition:
    match stored["Field"]:
        case "host-header":
            return engine.HostHeader(*_lists(stored["HostHeaderConfig"]))
        case "path-pattern":
            return engine.PathPattern(*_lists(stored["PathPatternConfig"]))
        case "http-header":
            header = stored["HttpHeaderConfig"]
            regexes = tuple(header.get("RegexValues", []))
            return engine.HttpHeader(header["HttpHeaderName"], tuple(header.get("Values", [])), regexes)
        case "http-request-method":
            return engine.HttpRequestMethod(tuple(stored["HttpRequestMethodConfig"]["Values"]))
        case "query-string":
            pairs = stored["QueryStringConfig"]["Values"]
            return engine.QueryString(tuple((pair.get("Key"), pair["Value"]) for pair in pairs))
        case _:
            return engine.SourceIp(tuple(stored["SourceIpConfig"]["Values"]))


def _lists(config: _Patterns) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return tuple(config.get("Values", [])), tuple(config.get("RegexValues", []))


def _action(stored: ActionOutputTypeDef) -> engine.Action:
    match stored["Type"]:
        case "redirect":
            redirect = stored["RedirectConfig"]
            code = int(redirect["StatusCode"].removeprefix("HTTP_"))
            return engine.Redirect(
                code, redirect["Protocol"], redirect["Host"], redirect["Port"], redirect["Path"], redirect["Query"]
            )
        case "fixed-response":
            fixed = stored["FixedResponseConfig"]
            content_type = fixed.get("ContentType") or "text/plain"
            return engine.FixedResponse(int(fixed["StatusCode"]), content_type, fixed.get("MessageBody") or "")
        case _:
            forward = stored["ForwardConfig"]
            groups = tuple(
                engine.WeightedTargetGroup(group["TargetGroupArn"], group["Weight"])
                for group in forward["TargetGroups"]
            )
            stickiness = forward["TargetGroupStickinessConfig"]
            return engine.Forward(groups, stickiness.get("DurationSeconds") if stickiness["Enabled"] else None)
