"""Attributes of load balancers, listeners and target groups: AWS's full default sets, and the allowed values of each.

Sources: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html ,
API_ListenerAttribute.html and API_TargetGroupAttribute.html beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

from pushproof.emulator.kernel.errors import AwsError
from pushproof.engines.listenerheaders import RESPONSE_HEADERS, TLS_CIPHER, TLS_VERSION, HeaderSettings

LOAD_BALANCER = {
    "access_logs.s3.enabled": "false",
    "access_logs.s3.bucket": "",
    "access_logs.s3.prefix": "",
    "client_keep_alive.seconds": "3600",
    "connection_logs.s3.enabled": "false",
    "connection_logs.s3.bucket": "",
    "connection_logs.s3.prefix": "",
    "deletion_protection.enabled": "false",
    "health_check_logs.s3.enabled": "false",
    "health_check_logs.s3.bucket": "",
    "health_check_logs.s3.prefix": "",
    "idle_timeout.timeout_seconds": "60",
    "load_balancing.cross_zone.enabled": "true",
    "routing.http.desync_mitigation_mode": "defensive",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http.preserve_host_header.enabled": "false",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
    "routing.http.xff_client_port.enabled": "false",
    "routing.http.xff_header_processing.mode": "append",
    "routing.http2.enabled": "true",
    "waf.fail_open.enabled": "false",
    "zonal_shift.config.enabled": "false",
}

NETWORK_LOAD_BALANCER = {
    "access_logs.s3.enabled": "false",
    "access_logs.s3.bucket": "",
    "access_logs.s3.prefix": "",
    "deletion_protection.enabled": "false",
    "dns_record.client_routing_policy": "any_availability_zone",
    "load_balancing.cross_zone.enabled": "false",
    "secondary_ips.auto_assigned.per_subnet": "0",
    "zonal_shift.config.enabled": "false",
}

TCP_LISTENER = {"tcp.idle_timeout.seconds": "350"}

LISTENER = {
    "routing.http.response.server.enabled": "true",
    **{f"routing.http.response.{name}.header_value": "" for name in RESPONSE_HEADERS},
}
_REQUEST_HEADERS = (
    "x_amzn_mtls_clientcert",
    "x_amzn_mtls_clientcert_issuer",
    "x_amzn_mtls_clientcert_leaf",
    "x_amzn_mtls_clientcert_serial_number",
    "x_amzn_mtls_clientcert_subject",
    "x_amzn_mtls_clientcert_validity",
    "x_amzn_tls_cipher_suite",
    "x_amzn_tls_version",
)
HTTPS_LISTENER = {**LISTENER, **{f"routing.http.request.{name}.header_name": "" for name in _REQUEST_HEADERS}}

TARGET_GROUP = {
    "deregistration_delay.timeout_seconds": "300",
    "load_balancing.algorithm.anomaly_mitigation": "off",
    "load_balancing.algorithm.type": "round_robin",
    "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
    "slow_start.duration_seconds": "0",
    "stickiness.app_cookie.cookie_name": "",
    "stickiness.app_cookie.duration_seconds": "86400",
    "stickiness.enabled": "false",
    "stickiness.lb_cookie.duration_seconds": "86400",
    "stickiness.type": "lb_cookie",
    "target_group_health.dns_failover.minimum_healthy_targets.count": "1",
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": "off",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "1",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "off",
}

_GROUP_HEALTH = {name: value for name, value in TARGET_GROUP.items() if name.startswith("target_group_health.")}
#: Attributes of a target group of TCP or TLS whose targets are IP addresses; for instances, client addresses are preserved.
NETWORK_TARGET_GROUP = {
    "deregistration_delay.connection_termination.enabled": "false",
    "deregistration_delay.timeout_seconds": "300",
    "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
    "preserve_client_ip.enabled": "false",
    "proxy_protocol_v2.enabled": "false",
    "stickiness.enabled": "false",
    "stickiness.type": "source_ip",
    **_GROUP_HEALTH,
    "target_health_state.unhealthy.connection_termination.enabled": "true",
    "target_health_state.unhealthy.draining_interval_seconds": "0",
}

_STICKINESS = ("lb_cookie", "app_cookie")
_METHODS = r"(?:GET|HEAD|POST|DELETE|PUT|OPTIONS|PATCH|TRACE|CONNECT)"
_RANGES = {
    "client_keep_alive.seconds": (60, 604_800),
    "idle_timeout.timeout_seconds": (1, 4_000),
    "deregistration_delay.timeout_seconds": (0, 3_600),
    "stickiness.app_cookie.duration_seconds": (1, 604_800),
    "stickiness.lb_cookie.duration_seconds": (1, 604_800),
    "tcp.idle_timeout.seconds": (60, 6_000),
    "target_health_state.unhealthy.draining_interval_seconds": (0, 360_000),
    "secondary_ips.auto_assigned.per_subnet": (0, 7),
}
_CHOICES = {
    "dns_record.client_routing_policy": (
        "availability_zone_affinity",
        "partial_availability_zone_affinity",
        "any_availability_zone",
    ),
    "routing.http.desync_mitigation_mode": ("monitor", "defensive", "strictest"),
    "routing.http.xff_header_processing.mode": ("append", "preserve", "remove"),
    "load_balancing.algorithm.type": ("round_robin", "least_outstanding_requests", "weighted_random"),
    "load_balancing.algorithm.anomaly_mitigation": ("on", "off"),
    "routing.http.response.access_control_allow_credentials.header_value": ("", "true"),
    "routing.http.response.x_content_type_options.header_value": ("", "nosniff"),
}
# Key -> the pattern of its whole value, and the wording of that rule.
_PATTERNS = {
    "slow_start.duration_seconds": (r"0|3\d|[4-9]\d|[1-8]\d\d|900", "it must be 0, or a number between 30 and 900"),
    "target_group_health.dns_failover.minimum_healthy_targets.count": (
        r"off|[1-9]\d{0,2}|1000",
        "it must be 'off' or a number between 1 and 1000",
    ),
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": (
        r"off|[1-9]\d?|100",
        "it must be 'off' or a number between 1 and 100",
    ),
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": (
        r"[1-9]\d{0,2}|1000",
        "it must be a number between 1 and 1000",
    ),
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": (
        r"off|[1-9]\d?|100",
        "it must be 'off' or a number between 1 and 100",
    ),
    "routing.http.response.access_control_max_age.header_value": (r"(?:-?\d{1,9})?", "it must be a number of seconds"),
    "routing.http.response.access_control_allow_methods.header_value": (
        rf"(?:\*|{_METHODS}(?:\s*,\s*{_METHODS})*)?",
        "it must be '*' or HTTP methods with commas between them",
    ),
    "routing.http.response.x_frame_options.header_value": (
        r"(?:DENY|SAMEORIGIN|ALLOW-FROM \S+)?",
        "it must be DENY, SAMEORIGIN or ALLOW-FROM with an address",
    ),
    "stickiness.app_cookie.cookie_name": (r"[!#$%&'*+.^_`|~0-9A-Za-z-]{0,512}", "it must be a cookie's name"),
}
_HEADER_VALUE = re.compile(r"[\x20-\x7e\t]{0,2048}")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{0,128}")
# Attributes that AWS has, but not for Application Load Balancers or their parts.
_OF_OTHER_TYPES = frozenset(
    {
        "deregistration_delay.connection_termination.enabled",
        "dns_record.client_routing_policy",
        "lambda.multi_value_headers.enabled",
        "preserve_client_ip.enabled",
        "proxy_protocol_v2.enabled",
        "secondary_ips.auto_assigned.per_subnet",
        "send_tcp_reset.on_deregistration.enabled",
        "send_tcp_reset.on_idle_timeout.enabled",
        "send_tcp_reset.on_unhealthy.enabled",
        "target_failover.on_deregistration",
        "target_failover.on_unhealthy",
        "target_health_state.unhealthy.connection_termination.enabled",
        "target_health_state.unhealthy.draining_interval_seconds",
        "tcp.idle_timeout.seconds",
    }
)
_MOST = 20
#: Attributes that only Network Load Balancers and their parts have here.
NETWORK_ONLY = (NETWORK_LOAD_BALANCER | TCP_LISTENER | NETWORK_TARGET_GROUP).keys() - (
    LOAD_BALANCER | HTTPS_LISTENER | TARGET_GROUP
).keys()
_EVERY = (LOAD_BALANCER | HTTPS_LISTENER | TARGET_GROUP).keys()


class Attribute(TypedDict):
    """An attribute in the API's shape."""

    Key: NotRequired[str]
    Value: NotRequired[str]


def shown(attributes: dict[str, str]) -> list[Attribute]:
    """Return attributes in the API's shape."""
    return [{"Key": key, "Value": value} for key, value in attributes.items()]


def changed(kind: str, attributes: Mapping[str, str], items: Sequence[Attribute]) -> dict[str, str]:
    """Return attributes with changes applied. Raises AwsError when a key is unknown, or a value not allowed."""
    if len(items) > _MOST:
        raise AwsError("ValidationError", f"You can specify at most {_MOST} attributes in a call")
    after = dict(attributes)
    for item in items:
        key, value = item.get("Key") or "", item.get("Value") or ""
        if key not in attributes:
            network = bool(NETWORK_ONLY & attributes.keys()) or not attributes
            if key in HTTPS_LISTENER and kind == "Listener" and not network:
                raise AwsError(
                    "InvalidConfigurationRequest",
                    f"{kind} attribute key '{key}' is not supported on listeners with the HTTP protocol",
                )
            if key in _OF_OTHER_TYPES or (network and key in _EVERY):
                raise AwsError(
                    "InvalidConfigurationRequest",
                    f"{kind} attribute key '{key}' is not supported on load balancers with type "
                    f"'{'network' if network else 'application'}'",
                )
            raise AwsError("ValidationError", f"{kind} attribute key '{key}' is not recognized")
        _check(kind, key, value, network=bool(NETWORK_ONLY & attributes.keys()))
        after[key] = value
    _check_together(kind, after)
    return after


def header_settings(listener: Mapping[str, str], balancer: Mapping[str, str]) -> HeaderSettings:
    """Return the header rules for the data plane, from the attributes of a listener and its load balancer."""

    def renamed(name: str, default: str) -> str:
        return listener.get(f"routing.http.request.{name}.header_name") or default

    return HeaderSettings(
        response=tuple(
            (header, value)
            for name, header in RESPONSE_HEADERS.items()
            if (value := listener.get(f"routing.http.response.{name}.header_value", ""))
        ),
        server=listener.get("routing.http.response.server.enabled", "true") == "true",
        tls=balancer["routing.http.x_amzn_tls_version_and_cipher_suite.enabled"] == "true",
        tls_version_name=renamed("x_amzn_tls_version", TLS_VERSION),
        tls_cipher_name=renamed("x_amzn_tls_cipher_suite", TLS_CIPHER),
        forwarded_for=balancer["routing.http.xff_header_processing.mode"],
        client_port=balancer["routing.http.xff_client_port.enabled"] == "true",
        drop_invalid=balancer["routing.http.drop_invalid_header_fields.enabled"] == "true",
    )


def _check(kind: str, key: str, value: str, *, network: bool) -> None:
    if key in _RANGES:
        low, high = _RANGES[key]
        if not re.fullmatch(r"\d{1,7}", value, re.ASCII) or not low <= int(value) <= high:
            raise _invalid(kind, key, value, f"it must be a number between {low} and {high}")
    if key in _PATTERNS:
        pattern, words = _PATTERNS[key]
        if not re.fullmatch(pattern, value, re.ASCII):
            raise _invalid(kind, key, value, words)
    choices = _CHOICES.get(key)
    if key == "load_balancing.cross_zone.enabled" and network and kind == "Load balancer":
        choices = ("true", "false")
    elif key == "load_balancing.cross_zone.enabled":
        # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html : it cannot be changed
        choices = ("true",) if kind == "Load balancer" else ("true", "false", "use_load_balancer_configuration")
    elif choices is None and key.endswith(".enabled"):
        choices = ("true", "false")
    if choices and value not in choices:
        raise _invalid(kind, key, value, f"it must be one of {', '.join(choice for choice in choices if choice)}")
    if key == "stickiness.type" and value not in (("source_ip",) if network else _STICKINESS):
        raise AwsError(
            "InvalidConfigurationRequest",
            f"Stickiness type '{value}' is not supported for target groups with the {'TCP' if network else 'HTTP'} protocol",
        )
    if key.endswith(".header_value") and not _HEADER_VALUE.fullmatch(value):
        raise _invalid(kind, key, value, "it must be the value of an HTTP header")
    if key.endswith(".header_name") and not _HEADER_NAME.fullmatch(value):
        raise _invalid(kind, key, value, "it must be the name of an HTTP header")


def _check_together(kind: str, attributes: Mapping[str, str]) -> None:
    """Refuse values that exclude each other."""
    for logs in ("access_logs", "connection_logs", "health_check_logs"):
        if attributes.get(f"{logs}.s3.enabled") == "true" and not attributes[f"{logs}.s3.bucket"]:
            raise AwsError("InvalidConfigurationRequest", f"{kind} attribute '{logs}.s3.bucket' must be specified")
    if attributes.get("stickiness.type") == "app_cookie":
        name = attributes["stickiness.app_cookie.cookie_name"]
        if attributes["stickiness.enabled"] == "true" and not name:
            raise AwsError(
                "InvalidConfigurationRequest", f"{kind} attribute 'stickiness.app_cookie.cookie_name' must be specified"
            )
    if attributes.get("stickiness.app_cookie.cookie_name", "").upper().startswith("AWSALB"):
        raise _invalid(
            kind,
            "stickiness.app_cookie.cookie_name",
            attributes["stickiness.app_cookie.cookie_name"],
            "names that start with AWSALB are reserved",
        )
    algorithm = attributes.get("load_balancing.algorithm.type", "round_robin")
    if algorithm != "round_robin" and attributes["slow_start.duration_seconds"] != "0":
        raise AwsError(
            "InvalidConfigurationRequest",
            f"Slow start is not supported with the load balancing algorithm '{algorithm}'",
        )
    if algorithm != "weighted_random" and attributes.get("load_balancing.algorithm.anomaly_mitigation") == "on":
        raise AwsError(
            "InvalidConfigurationRequest",
            f"Anomaly mitigation is not supported with the load balancing algorithm '{algorithm}'",
        )


def _invalid(kind: str, key: str, value: str, expected: str) -> AwsError:
    return AwsError("InvalidConfigurationRequest", f"{kind} attribute '{key}' value '{value}' is not valid: {expected}")
