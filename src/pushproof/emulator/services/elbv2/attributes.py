"""Attributes of load balancers, listeners and target groups: AWS's full default sets, and what each may be.

Sources: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html ,
API_ListenerAttribute.html and API_TargetGroupAttribute.html beside it.
"""

from __future__ import annotations

import re
from typing import Any

from pushproof.emulator.kernel.errors import AwsError, not_implemented

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

_RESPONSE_HEADERS = (
    "access_control_allow_credentials",
    "access_control_allow_headers",
    "access_control_allow_methods",
    "access_control_allow_origin",
    "access_control_expose_headers",
    "access_control_max_age",
    "content_security_policy",
    "strict_transport_security",
    "x_content_type_options",
    "x_frame_options",
)
LISTENER = {
    "routing.http.response.server.enabled": "true",
    **{f"routing.http.response.{name}.header_value": "" for name in _RESPONSE_HEADERS},
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

_RANGES = {
    "client_keep_alive.seconds": (60, 604_800),
    "idle_timeout.timeout_seconds": (1, 4_000),
    "deregistration_delay.timeout_seconds": (0, 3_600),
    "slow_start.duration_seconds": (0, 900),
    "stickiness.app_cookie.duration_seconds": (1, 604_800),
    "stickiness.lb_cookie.duration_seconds": (1, 604_800),
}
_CHOICES = {
    "routing.http.desync_mitigation_mode": ("monitor", "defensive", "strictest"),
    "routing.http.xff_header_processing.mode": ("append", "preserve", "remove"),
    "load_balancing.algorithm.type": ("round_robin", "least_outstanding_requests", "weighted_random"),
    "load_balancing.algorithm.anomaly_mitigation": ("on", "off"),
    "load_balancing.cross_zone.enabled": ("true", "false", "use_load_balancer_configuration"),
    "stickiness.type": ("lb_cookie", "app_cookie"),
}
# Accepted by AWS and without any effect on what the data plane does here would be a lie: refused, by name.
_UNSUPPORTED = {
    ("routing.http.xff_header_processing.mode", "preserve"),
    ("routing.http.xff_header_processing.mode", "remove"),
    ("routing.http.xff_client_port.enabled", "true"),
    ("routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "true"),
    ("stickiness.type", "app_cookie"),
}


def shown(attributes: dict[str, str]) -> dict[str, Any]:
    """Attributes in the API's shape."""
    return {"Attributes": [{"Key": key, "Value": value} for key, value in attributes.items()]}


def change(kind: str, attributes: dict[str, str], wanted: list[dict[str, Any]]) -> None:
    """Set attributes. Raises AwsError, changing nothing, when a key is unknown or a value not allowed."""
    changes: dict[str, str] = {}
    for item in wanted:
        key, value = item.get("Key", ""), item.get("Value", "")
        if key not in attributes:
            raise AwsError("ValidationError", f"{kind} attribute key '{key}' is not recognized")
        _check(kind, key, value)
        changes[key] = value
    attributes.update(changes)


def _check(kind: str, key: str, value: str) -> None:
    if key in _RANGES:
        low, high = _RANGES[key]
        if not re.fullmatch(r"\d{1,7}", value, re.ASCII) or not low <= int(value) <= high:
            if key == "slow_start.duration_seconds" and value == "0":
                return
            raise _invalid(kind, key, value, f"it must be a number between {low} and {high}")
    choices = _CHOICES.get(key) or (("true", "false") if key.endswith(".enabled") else None)
    if choices and value not in choices:
        raise _invalid(kind, key, value, f"it must be one of {', '.join(choices)}")
    if (key, value) in _UNSUPPORTED:
        raise not_implemented("elbv2", f"attribute {key} = {value}")


def _invalid(kind: str, key: str, value: str, expected: str) -> AwsError:
    return AwsError("InvalidConfigurationRequest", f"{kind} attribute '{key}' value '{value}' is not valid: {expected}")
