"""Attributes of load balancers, listeners and target groups: what AWS documents is taken, kept, and acted out.

Sources: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html ,
API_ListenerAttribute.html and API_TargetGroupAttribute.html beside it, and
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/header-modification.html .
"""

from __future__ import annotations

from typing import Any

import pytest

from pushproof.engines.listenerheaders import HeaderSettings

RESPONSE = "routing.http.response"
REQUEST = "routing.http.request"


def pairs(**attributes: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in attributes.items()]


@pytest.fixture
def listener(stack: Any) -> str:
    """An HTTPS listener, whose attributes are all there are."""
    arn, group = stack.balancer()["LoadBalancerArn"], stack.target_group()
    certificate = stack.imported()[0]
    made: str = stack.listener(arn, group, 443, Protocol="HTTPS", Certificates=[{"CertificateArn": certificate}])
    return made


def attributes_of(stack: Any, listener: str) -> dict[str, str]:
    shown = stack.elbv2.describe_listener_attributes(ListenerArn=listener)["Attributes"]
    return {one["Key"]: one["Value"] for one in shown}


def test_header_attributes_are_kept_and_handed_to_the_data_plane(stack: Any, listener: str) -> None:
    """DescribeListenerAttributes shows the attributes of ModifyListenerAttributes, and the listener acts on them."""
    wanted = {
        f"{RESPONSE}.server.enabled": "false",
        f"{RESPONSE}.strict_transport_security.header_value": "max-age=31536000; includeSubDomains",
        f"{RESPONSE}.access_control_allow_origin.header_value": "https://example.com",
        f"{RESPONSE}.access_control_allow_methods.header_value": "GET, POST",
        f"{RESPONSE}.access_control_max_age.header_value": "600",
        f"{RESPONSE}.x_content_type_options.header_value": "nosniff",
        f"{RESPONSE}.x_frame_options.header_value": "SAMEORIGIN",
        f"{REQUEST}.x_amzn_tls_version.header_name": "X-Tls",
        f"{REQUEST}.x_amzn_mtls_clientcert_subject.header_name": "X-Subject",
    }
    answer = stack.elbv2.modify_listener_attributes(ListenerArn=listener, Attributes=pairs(**wanted))
    assert {attribute["Key"]: attribute["Value"] for attribute in answer["Attributes"]} == attributes_of(
        stack, listener
    )
    assert attributes_of(stack, listener).items() >= wanted.items()
    settings: HeaderSettings = stack.world.balancer.listeners[listener].headers
    assert not settings.server
    assert dict(settings.response) == {
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
        "Access-Control-Allow-Origin": "https://example.com",
        "Access-Control-Allow-Methods": "GET, POST",
        "Access-Control-Max-Age": "600",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "SAMEORIGIN",
    }
    assert (settings.tls, settings.tls_version_name) == (False, "X-Tls")
    cleared = pairs(**{key: "true" if key.endswith("enabled") else "" for key in wanted})
    stack.elbv2.modify_listener_attributes(ListenerArn=listener, Attributes=cleared)
    assert stack.world.balancer.listeners[listener].headers == HeaderSettings()


def test_a_load_balancers_header_attributes_reach_its_listeners(stack: Any, listener: str) -> None:
    """X-Forwarded-For, TLS headers and invalid names are the load balancer's to say."""
    arn = stack.elbv2.describe_listeners(ListenerArns=[listener])["Listeners"][0]["LoadBalancerArn"]
    stack.elbv2.modify_load_balancer_attributes(
        LoadBalancerArn=arn,
        Attributes=pairs(
            **{
                "routing.http.xff_header_processing.mode": "remove",
                "routing.http.xff_client_port.enabled": "true",
                "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "true",
                "routing.http.drop_invalid_header_fields.enabled": "true",
            }
        ),
    )
    expected = HeaderSettings(tls=True, forwarded_for="remove", client_port=True, drop_invalid=True)
    assert stack.world.balancer.listeners[listener].headers == expected


def test_application_stickiness_is_kept_and_handed_to_the_data_plane(stack: Any) -> None:
    """Type, cookie and duration go together; without the name there is nothing to keep a client by."""
    group = stack.target_group()
    app = {
        "stickiness.enabled": "true",
        "stickiness.type": "app_cookie",
        "stickiness.app_cookie.cookie_name": "session",
        "stickiness.app_cookie.duration_seconds": "3600",
    }
    stack.elbv2.modify_target_group_attributes(TargetGroupArn=group, Attributes=pairs(**app))
    shown = stack.elbv2.describe_target_group_attributes(TargetGroupArn=group)["Attributes"]
    assert {one["Key"]: one["Value"] for one in shown}.items() >= app.items()
    spec = stack.world.balancer.groups[group].spec
    assert (spec.stickiness_seconds, spec.application_cookie) == (3600, "session")


REFUSED_OF_GROUPS = [
    (
        {"stickiness.enabled": "true", "stickiness.type": "app_cookie"},
        "'stickiness.app_cookie.cookie_name' must be specified",
    ),
    ({"stickiness.app_cookie.cookie_name": "AWSALB"}, "reserved"),
    ({"stickiness.app_cookie.cookie_name": "AWSALBAPP-7"}, "reserved"),
    ({"stickiness.app_cookie.cookie_name": "a b"}, "must be a cookie's name"),
    ({"stickiness.app_cookie.duration_seconds": "0"}, "between 1 and 604800"),
    ({"stickiness.lb_cookie.duration_seconds": "604801"}, "between 1 and 604800"),
    ({"stickiness.type": "source_ip"}, "Stickiness type 'source_ip' is not supported"),
    ({"slow_start.duration_seconds": "29"}, "between 30 and 900"),
    ({"slow_start.duration_seconds": "901"}, "between 30 and 900"),
    ({"deregistration_delay.timeout_seconds": "3601"}, "between 0 and 3600"),
    ({"deregistration_delay.timeout_seconds": "-1"}, "between 0 and 3600"),
    ({"load_balancing.algorithm.type": "fastest"}, "must be one of round_robin"),
    ({"load_balancing.algorithm.anomaly_mitigation": "on"}, "Anomaly mitigation is not supported"),
    (
        {"load_balancing.algorithm.type": "weighted_random", "slow_start.duration_seconds": "60"},
        "Slow start is not supported",
    ),
    ({"target_group_health.dns_failover.minimum_healthy_targets.count": "0"}, "'off' or a number between 1"),
    ({"target_group_health.dns_failover.minimum_healthy_targets.percentage": "101"}, "between 1 and 100"),
    ({"target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "off"}, "a number between 1"),
    ({"preserve_client_ip.enabled": "true"}, "not supported on load balancers with type 'application'"),
    ({"lambda.multi_value_headers.enabled": "true"}, "not supported on load balancers with type 'application'"),
]


@pytest.mark.parametrize(
    ("change", "words"), REFUSED_OF_GROUPS, ids=[" ".join(change) for change, _ in REFUSED_OF_GROUPS]
)
def test_what_a_target_group_cannot_be_is_refused_and_leaves_no_trace(
    stack: Any, change: dict[str, str], words: str
) -> None:
    """A good attribute beside a bad one changes nothing either."""
    group = stack.target_group()
    before = stack.elbv2.describe_target_group_attributes(TargetGroupArn=group)["Attributes"]
    wanted = pairs(**{"load_balancing.cross_zone.enabled": "true", **change})
    code, message = stack.refused("modify_target_group_attributes", TargetGroupArn=group, Attributes=wanted)
    assert code == "InvalidConfigurationRequest"
    assert words in message
    assert stack.elbv2.describe_target_group_attributes(TargetGroupArn=group)["Attributes"] == before


REFUSED_OF_BALANCERS = [
    ({"idle_timeout.timeout_seconds": "0"}, "between 1 and 4000"),
    ({"client_keep_alive.seconds": "59"}, "between 60 and 604800"),
    ({"deletion_protection.enabled": "yes"}, "must be one of true, false"),
    ({"load_balancing.cross_zone.enabled": "false"}, "must be one of true"),
    ({"routing.http.desync_mitigation_mode": "off"}, "must be one of monitor"),
    ({"routing.http.xff_header_processing.mode": "keep"}, "must be one of append"),
    ({"access_logs.s3.enabled": "true"}, "'access_logs.s3.bucket' must be specified"),
    ({"access_logs.s3.enabled": "true", "access_logs.s3.bucket": "no-such-bucket"}, "'no-such-bucket' is not found"),
    ({"connection_logs.s3.enabled": "true", "connection_logs.s3.bucket": "A B"}, "'A B' is not found"),
    ({"dns_record.client_routing_policy": "any_availability_zone"}, "not supported on load balancers with type"),
    ({"secondary_ips.auto_assigned.per_subnet": "1"}, "not supported on load balancers with type"),
]


@pytest.mark.parametrize(
    ("change", "words"), REFUSED_OF_BALANCERS, ids=[" ".join(change.values()) for change, _ in REFUSED_OF_BALANCERS]
)
def test_what_a_load_balancer_cannot_be_is_refused_and_leaves_no_trace(
    stack: Any, change: dict[str, str], words: str
) -> None:
    """Ranges, choices, logs without a bucket, and attributes of other types of load balancers."""
    arn = stack.balancer()["LoadBalancerArn"]
    before = stack.elbv2.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    wanted = pairs(**{"routing.http2.enabled": "false", **change})
    code, message = stack.refused("modify_load_balancer_attributes", LoadBalancerArn=arn, Attributes=wanted)
    assert code == "InvalidConfigurationRequest"
    assert words in message
    assert stack.elbv2.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"] == before


REFUSED_OF_LISTENERS = [
    ({f"{RESPONSE}.server.enabled": "no"}, "must be one of true, false"),
    ({f"{RESPONSE}.x_content_type_options.header_value": "sniff"}, "must be one of nosniff"),
    ({f"{RESPONSE}.x_frame_options.header_value": "MAYBE"}, "DENY, SAMEORIGIN"),
    ({f"{RESPONSE}.access_control_max_age.header_value": "soon"}, "a number of seconds"),
    ({f"{RESPONSE}.access_control_allow_credentials.header_value": "maybe"}, "must be one of true"),
    ({f"{RESPONSE}.access_control_allow_methods.header_value": "FETCH"}, "HTTP methods"),
    ({f"{RESPONSE}.content_security_policy.header_value": "a\nb"}, "the value of an HTTP header"),
    ({f"{REQUEST}.x_amzn_tls_version.header_name": "a b"}, "the name of an HTTP header"),
    ({"tcp.idle_timeout.seconds": "60"}, "not supported on load balancers with type"),
]


@pytest.mark.parametrize(
    ("change", "words"), REFUSED_OF_LISTENERS, ids=[" ".join(change.values()) for change, _ in REFUSED_OF_LISTENERS]
)
def test_what_a_listener_cannot_do_is_refused_and_leaves_no_trace(
    stack: Any, listener: str, change: dict[str, str], words: str
) -> None:
    """Values that are no headers, names that are none, and attributes of other listeners."""
    before = attributes_of(stack, listener)
    wanted = pairs(**{f"{RESPONSE}.strict_transport_security.header_value": "max-age=1", **change})
    code, message = stack.refused("modify_listener_attributes", ListenerArn=listener, Attributes=wanted)
    assert code == "InvalidConfigurationRequest"
    assert words in message
    assert attributes_of(stack, listener) == before
    assert stack.world.balancer.listeners[listener].headers == HeaderSettings()


def test_tls_headers_are_renamed_on_https_only(stack: Any) -> None:
    """A plain listener has no TLS headers to name."""
    plain = stack.listener(stack.balancer()["LoadBalancerArn"], stack.target_group())
    wanted = pairs(**{f"{REQUEST}.x_amzn_tls_version.header_name": "X-Tls"})
    code, message = stack.refused("modify_listener_attributes", ListenerArn=plain, Attributes=wanted)
    assert code == "InvalidConfigurationRequest"
    assert "not supported on listeners with the HTTP protocol" in message


def test_logs_go_to_a_bucket_that_is_there(stack: Any) -> None:
    """Access logs are accepted with an existing bucket."""
    stack.world.administrator("s3").create_bucket(
        Bucket="alb-logs", CreateBucketConfiguration={"LocationConstraint": stack.world.region}
    )
    wanted = {"access_logs.s3.enabled": "true", "access_logs.s3.bucket": "alb-logs", "access_logs.s3.prefix": "app"}
    arn = stack.balancer()["LoadBalancerArn"]
    answer = stack.elbv2.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=pairs(**wanted))
    assert {attribute["Key"]: attribute["Value"] for attribute in answer["Attributes"]}.items() >= wanted.items()
