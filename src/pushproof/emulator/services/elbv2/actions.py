"""Conditions and actions between the API's shape and the engine's values.

`stored_*` validate what a caller sends and complete it as AWS shows it; `engine_rule` is what the data plane evaluates.
Sources: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RuleCondition.html and API_Action.html beside it.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from pushproof.emulator.kernel.errors import AwsError, not_implemented
from pushproof.emulator.services.elbv2.model import Rule
from pushproof.engines import loadbalancing as engine

_CONFIGS = {
    "host-header": "HostHeaderConfig",
    "path-pattern": "PathPatternConfig",
    "http-header": "HttpHeaderConfig",
    "http-request-method": "HttpRequestMethodConfig",
    "query-string": "QueryStringConfig",
    "source-ip": "SourceIpConfig",
}
_REDIRECT_DEFAULTS = {
    "Protocol": "#{protocol}",
    "Port": "#{port}",
    "Host": "#{host}",
    "Path": "/#{path}",
    "Query": "#{query}",
}
_CONTENT_TYPES = ("text/plain", "text/css", "text/html", "application/javascript", "application/json")


def invalid(message: str) -> AwsError:
    """AWS's ValidationError."""
    return AwsError("ValidationError", message)


def stored_conditions(conditions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Conditions as AWS keeps and shows them. Raises AwsError."""
    if not conditions:
        raise invalid("A condition must be specified")
    fields = [condition.get("Field") for condition in conditions]
    for once in ("host-header", "path-pattern", "http-request-method", "source-ip"):
        if fields.count(once) > 1:
            raise invalid(f"A rule can only have one '{once}' condition")
    stored = [_stored_condition(condition) for condition in conditions]
    values = sum(len(engine_values) for condition in stored for engine_values in _value_lists(condition))
    if values > 5:
        raise invalid("A rule can only have '5' condition values")
    return stored


def _value_lists(condition: dict[str, Any]) -> list[list[Any]]:
    config = condition.get(_CONFIGS[condition["Field"]], {})
    return [config.get("Values") or [], config.get("RegexValues") or []]


def _stored_condition(condition: dict[str, Any]) -> dict[str, Any]:
    name = condition.get("Field")
    if name not in _CONFIGS:
        raise invalid(f"Condition field '{name}' must be one of '[{', '.join(sorted(_CONFIGS))}]'")
    config = dict(condition.get(_CONFIGS[name]) or {})
    if not config and condition.get("Values"):
        config = {"Values": condition["Values"]}
    if not config and condition.get("RegexValues"):
        config = {"RegexValues": condition["RegexValues"]}
    values = config.get("Values") or []
    regexes = config.get("RegexValues") or []
    if not values and not regexes:
        raise invalid(f"A condition value must be specified for the field '{name}'")
    for pattern in regexes:
        try:
            re.compile(pattern)
        except re.error as error:
            raise invalid(f"Condition value '{pattern}' is not a valid regular expression: {error}") from error
    match name:
        case "http-header" if not config.get("HttpHeaderName"):
            raise invalid("A header name must be specified for the field 'http-header'")
        case "source-ip":
            for value in values:
                _check_cidr(value)
        case "http-request-method":
            for value in values:
                if not re.fullmatch(r"[A-Z_-]{1,40}", value, re.ASCII):
                    raise invalid(f"Condition value '{value}' contains a character that is not valid")
        case "query-string":
            for pair in values:
                if not pair.get("Value"):
                    raise invalid("A value must be specified for the field 'query-string'")
        case _:
            for value in values:
                if len(value) > 128:
                    raise invalid(f"Condition value '{value}' cannot be longer than '128' characters")
    stored: dict[str, Any] = {"Field": name, _CONFIGS[name]: config}
    if name in ("host-header", "path-pattern"):
        if values:
            stored["Values"] = values
        if regexes:
            stored["RegexValues"] = regexes
    return stored


def _check_cidr(value: str) -> None:
    try:
        ipaddress.ip_network(value)
    except ValueError as error:
        raise invalid(f"Condition value '{value}' must be a valid CIDR block") from error


def stored_actions(actions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Actions as AWS keeps and shows them. Raises AwsError."""
    if not actions:
        raise invalid("An action must be specified")
    for action in actions:
        if action["Type"] in ("authenticate-oidc", "authenticate-cognito", "jwt-validation"):
            raise not_implemented("elbv2", f"action type {action['Type']}")
    if len(actions) > 1:
        raise AwsError("TooManyActions", "You can specify only one routing action")
    return [_stored_action(action) for action in actions]


def _stored_action(action: dict[str, Any]) -> dict[str, Any]:
    kind = action["Type"]
    stored: dict[str, Any] = {"Type": kind}
    if action.get("Order") is not None:
        stored["Order"] = action["Order"]
    match kind:
        case "forward":
            stored.update(_stored_forward(action))
        case "redirect":
            config = {**_REDIRECT_DEFAULTS, **(action.get("RedirectConfig") or {})}
            if "StatusCode" not in config:
                raise invalid("A redirect configuration must be specified for the redirect action")
            if all(config[key] == default for key, default in _REDIRECT_DEFAULTS.items()):
                raise AwsError(
                    "InvalidLoadBalancerAction",
                    "The redirect configuration is not valid because it creates a loop",
                )
            _check_redirect(config)
            stored["RedirectConfig"] = config
        case "fixed-response":
            config = dict(action.get("FixedResponseConfig") or {})
            if not re.fullmatch(r"[245]\d\d", config.get("StatusCode", ""), re.ASCII):
                raise invalid("The fixed response status code must be 2XX, 4XX or 5XX")
            if config.get("ContentType") and config["ContentType"] not in _CONTENT_TYPES:
                raise invalid(f"The content type must be one of '{', '.join(_CONTENT_TYPES)}'")
            stored["FixedResponseConfig"] = config
        case _:
            raise invalid(f"Action type '{kind}' is not valid")
    return stored


def _check_redirect(config: dict[str, Any]) -> None:
    if config["Protocol"] not in ("HTTP", "HTTPS", "#{protocol}"):
        raise invalid("The protocol must be HTTP, HTTPS or #{protocol}")
    port = config["Port"]
    if port != "#{port}" and (not re.fullmatch(r"\d{1,5}", port, re.ASCII) or not 1 <= int(port) <= 65_535):
        raise invalid("The port must be between 1 and 65535 or #{port}")
    if not config["Path"].startswith("/"):
        raise invalid("The path must start with '/'")
    if config["Query"].startswith("?"):
        raise invalid("The query must not start with '?'")


def _stored_forward(action: dict[str, Any]) -> dict[str, Any]:
    config = action.get("ForwardConfig") or {}
    groups = [dict(group) for group in config.get("TargetGroups") or []]
    alone = action.get("TargetGroupArn")
    if alone and groups and [group["TargetGroupArn"] for group in groups] != [alone]:
        raise invalid("You cannot specify both TargetGroupArn and a ForwardConfig with different target groups")
    if not groups:
        if not alone:
            raise invalid("A target group ARN must be specified")
        groups = [{"TargetGroupArn": alone}]
    if len(groups) > 5:
        raise AwsError("TooManyTargetGroups", "A forward action can have at most 5 target groups")
    for group in groups:
        group.setdefault("Weight", 1)
        if not 0 <= group["Weight"] <= 999:
            raise invalid("Target group weight must be between 0 and 999")
    stickiness = dict(config.get("TargetGroupStickinessConfig") or {})
    stickiness.setdefault("Enabled", False)
    if stickiness["Enabled"] and not 1 <= (stickiness.get("DurationSeconds") or 0) <= 604_800:
        raise invalid("Target group stickiness duration must be between 1 and 604800 seconds")
    stored: dict[str, Any] = {"ForwardConfig": {"TargetGroups": groups, "TargetGroupStickinessConfig": stickiness}}
    if len(groups) == 1:
        stored["TargetGroupArn"] = groups[0]["TargetGroupArn"]
    return stored


def target_groups_of(actions: list[dict[str, Any]]) -> list[str]:
    """ARNs of the target groups that actions forward to."""
    return [
        group["TargetGroupArn"]
        for action in actions
        for group in action.get("ForwardConfig", {}).get("TargetGroups", [])
    ]


def engine_rule(rule: Rule) -> engine.Rule:
    """A stored rule as the engine evaluates it."""
    return engine.Rule(
        rule.arn, rule.priority, tuple(_condition(one) for one in rule.conditions), _action(rule.actions[0])
    )


def _condition(stored: dict[str, Any]) -> engine.Condition:
    config = stored[_CONFIGS[stored["Field"]]]
    values = config.get("Values") or []
    regexes = tuple(config.get("RegexValues") or ())
    match stored["Field"]:
        case "host-header":
            return engine.HostHeader(tuple(values), regexes)
        case "path-pattern":
            return engine.PathPattern(tuple(values), regexes)
        case "http-header":
            return engine.HttpHeader(config["HttpHeaderName"], tuple(values), regexes)
        case "http-request-method":
            return engine.HttpRequestMethod(tuple(values))
        case "query-string":
            return engine.QueryString(tuple((pair.get("Key"), pair["Value"]) for pair in values))
        case _:
            return engine.SourceIp(tuple(values))


def _action(stored: dict[str, Any]) -> engine.Action:
    match stored["Type"]:
        case "redirect":
            config = stored["RedirectConfig"]
            code = int(config["StatusCode"].removeprefix("HTTP_"))
            return engine.Redirect(
                code, config["Protocol"], config["Host"], config["Port"], config["Path"], config["Query"]
            )
        case "fixed-response":
            config = stored["FixedResponseConfig"]
            content_type = config.get("ContentType") or "text/plain"
            return engine.FixedResponse(int(config["StatusCode"]), content_type, config.get("MessageBody") or "")
        case _:
            config = stored["ForwardConfig"]
            groups = tuple(
                engine.WeightedTargetGroup(group["TargetGroupArn"], group["Weight"]) for group in config["TargetGroups"]
            )
            stickiness = config["TargetGroupStickinessConfig"]
            return engine.Forward(groups, stickiness.get("DurationSeconds") if stickiness["Enabled"] else None)
