"""Listeners, rules and certificates through boto3, on the scripted data plane."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from pushproof.emulator.kernel.balancing import ListenError, ListenerSpec
from pushproof.engines.loadbalancing import Forward, HttpRequest


def request(balancer: dict[str, Any], path: str = "/", port: int = 80) -> tuple[str, int, HttpRequest]:
    return balancer["DNSName"], port, HttpRequest("HTTP", "GET", balancer["DNSName"], port, path, "", "192.0.2.1")


def test_a_forwarding_listener_is_shown_as_aws_shows_it(stack: Any) -> None:
    """A single target group appears both by itself and in its forward configuration."""
    balancer, group = stack.balancer(), stack.target_group()
    arn = stack.listener(balancer["LoadBalancerArn"], group)
    (shown,) = stack.elbv2.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    assert shown["ListenerArn"] == arn
    assert shown["DefaultActions"] == [
        {
            "Type": "forward",
            "TargetGroupArn": group,
            "ForwardConfig": {
                "TargetGroups": [{"TargetGroupArn": group, "Weight": 1}],
                "TargetGroupStickinessConfig": {"Enabled": False},
            },
        }
    ]
    (found,) = stack.elbv2.describe_target_groups(LoadBalancerArn=balancer["LoadBalancerArn"])["TargetGroups"]
    assert found["LoadBalancerArns"] == [balancer["LoadBalancerArn"]]


def test_a_redirect_is_completed_with_its_defaults(stack: Any) -> None:
    """Members that a redirect leaves out are shown as the keywords that keep them."""
    balancer = stack.balancer()
    redirect = {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}}
    made = stack.elbv2.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=80, DefaultActions=[redirect]
    )["Listeners"][0]
    assert made["DefaultActions"][0]["RedirectConfig"] == {
        "Protocol": "HTTPS",
        "Port": "443",
        "Host": "#{host}",
        "Path": "/#{path}",
        "Query": "#{query}",
        "StatusCode": "HTTP_301",
    }
    loop = {"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_302"}}
    code, _ = stack.refused("modify_listener", ListenerArn=made["ListenerArn"], DefaultActions=[loop])
    assert code == "InvalidLoadBalancerAction"


def test_https_needs_a_certificate_that_exists(stack: Any) -> None:
    """No certificate, one that is not there, one not issued, and an unknown policy are refused."""
    arn, group = stack.balancer()["LoadBalancerArn"], stack.target_group()
    base = {
        "LoadBalancerArn": arn,
        "Protocol": "HTTPS",
        "Port": 443,
        "DefaultActions": [{"Type": "forward", "TargetGroupArn": group}],
    }
    assert stack.refused("create_listener", **base)[1] == "A certificate must be specified for HTTPS listeners"
    absent = "arn:aws:acm:eu-west-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"
    code, message = stack.refused("create_listener", **base, Certificates=[{"CertificateArn": absent}])
    assert (code, message) == ("CertificateNotFound", f"Certificate '{absent}' not found")
    pending = stack.world.administrator("acm").request_certificate(DomainName="a.example.com")["CertificateArn"]
    code, _ = stack.refused("create_listener", **base, Certificates=[{"CertificateArn": pending}])
    assert code == "UnsupportedCertificate"
    own = [{"CertificateArn": stack.imported()[0]}]
    code, _ = stack.refused("create_listener", **base, Certificates=own, SslPolicy="ELBSecurityPolicy-Nope")
    assert code == "SSLPolicyNotFound"
    assert stack.elbv2.describe_listeners(LoadBalancerArn=arn)["Listeners"] == []
    shown = stack.elbv2.create_listener(**base, Certificates=own)["Listeners"][0]
    assert (shown["SslPolicy"], shown["Certificates"]) == ("ELBSecurityPolicy-2016-08", own)
    assert shown["MutualAuthentication"] == {"Mode": "off"}


def test_an_imported_certificate_keeps_its_own_key(stack: Any) -> None:
    """The imported key serves the listener; a certificate without an imported key gets a self-signed replacement."""
    arn = stack.imported()[0]
    certificates = stack.world.services["elbv2"].certificates
    own = certificates.find(arn)
    key = serialization.load_pem_private_key(own.private_key.encode(), None)
    leaf = x509.load_pem_x509_certificate(own.chain.encode())
    assert key.public_key() == leaf.public_key()
    assert (
        leaf.serial_number
        == x509.load_pem_x509_certificate(
            stack.world.administrator("acm").get_certificate(CertificateArn=arn)["Certificate"].encode()
        ).serial_number
    )
    other = stack.world.administrator("acm").request_certificate(DomainName="b.example.com")["CertificateArn"]
    stand_in = x509.load_pem_x509_certificate(certificates.find(other).chain.encode())
    names = stand_in.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["b.example.com"]


def test_a_listener_has_more_certificates(stack: Any) -> None:
    """Certificates are added and removed; the default one stays."""
    arn, group = stack.balancer()["LoadBalancerArn"], stack.target_group()
    first, second = stack.imported()[0], stack.imported("b.example.com")[0]
    listener = stack.listener(arn, group, 443, Protocol="HTTPS", Certificates=[{"CertificateArn": first}])
    stack.elbv2.add_listener_certificates(ListenerArn=listener, Certificates=[{"CertificateArn": second}])

    def certificates() -> list[tuple[str, bool]]:
        found = stack.elbv2.describe_listener_certificates(ListenerArn=listener)["Certificates"]
        return [(one["CertificateArn"], one["IsDefault"]) for one in found]

    assert certificates() == [(first, True), (second, False)]
    refusal = stack.refused(
        "remove_listener_certificates", ListenerArn=listener, Certificates=[{"CertificateArn": first}]
    )
    assert refusal == ("OperationNotPermitted", "Default certificate cannot be removed")
    stack.elbv2.remove_listener_certificates(ListenerArn=listener, Certificates=[{"CertificateArn": second}])
    assert certificates() == [(first, True)]


def test_a_port_is_listened_on_once(stack: Any) -> None:
    """A second listener on a port is DuplicateListener, and so is moving one there."""
    arn, group = stack.balancer()["LoadBalancerArn"], stack.target_group()
    stack.listener(arn, group)
    action = [{"Type": "forward", "TargetGroupArn": group}]
    again = {"LoadBalancerArn": arn, "Protocol": "HTTP", "Port": 80, "DefaultActions": action}
    assert stack.refused("create_listener", **again)[0] == "DuplicateListener"
    other = stack.listener(arn, group, 81)
    assert stack.refused("modify_listener", ListenerArn=other, Port=80)[0] == "DuplicateListener"
    assert stack.elbv2.modify_listener(ListenerArn=other, Port=82)["Listeners"][0]["Port"] == 82


def test_a_target_group_serves_one_load_balancer(stack: Any) -> None:
    """A second load balancer may not use the group; an unknown group is not found."""
    group = stack.target_group()
    stack.listener(stack.balancer("one")["LoadBalancerArn"], group)
    other = stack.balancer("two")["LoadBalancerArn"]
    base = {"LoadBalancerArn": other, "Protocol": "HTTP", "Port": 80}
    code, message = stack.refused(
        "create_listener", **base, DefaultActions=[{"Type": "forward", "TargetGroupArn": group}]
    )
    assert code == "TargetGroupAssociationLimit"
    assert message.endswith(f"cannot be associated with more than one load balancer: {group}")
    absent = group.replace("/app/", "/nope/")
    code, _ = stack.refused("create_listener", **base, DefaultActions=[{"Type": "forward", "TargetGroupArn": absent}])
    assert code == "TargetGroupNotFound"


def test_rules_route_by_priority(stack: Any) -> None:
    """Created rules are evaluated in their order, and in the new one after it was changed."""
    balancer, group = stack.balancer(), stack.target_group()
    listener = stack.listener(balancer["LoadBalancerArn"], group)

    def rule(priority: int, code: str) -> str:
        made = stack.elbv2.create_rule(
            ListenerArn=listener,
            Priority=priority,
            Conditions=[{"Field": "path-pattern", "Values": ["/api/*"]}],
            Actions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": code}}],
            Tags=[{"Key": "n", "Value": code}],
        )
        return str(made["Rules"][0]["RuleArn"])

    second, first = rule(20, "502"), rule(10, "501")
    plane = stack.world.balancer
    assert plane.route(*request(balancer, "/api/x"))[0].arn == first
    assert plane.route(*request(balancer, "/"))[0].priority is None
    stack.elbv2.set_rule_priorities(
        RulePriorities=[{"RuleArn": first, "Priority": 20}, {"RuleArn": second, "Priority": 10}]
    )
    assert plane.route(*request(balancer, "/api/x"))[0].arn == second
    shown = stack.elbv2.describe_rules(ListenerArn=listener)["Rules"]
    assert [one["Priority"] for one in shown] == ["10", "20", "default"]
    assert shown[0]["Conditions"] == [
        {"Field": "path-pattern", "Values": ["/api/*"], "PathPatternConfig": {"Values": ["/api/*"]}}
    ]
    assert [one["IsDefault"] for one in shown] == [False, False, True]
    stack.elbv2.delete_rule(RuleArn=second)
    assert plane.route(*request(balancer, "/api/x"))[0].arn == first
    assert stack.refused("describe_rules", RuleArns=[second])[0] == "RuleNotFound"


def test_priorities_and_default_rules_are_guarded(stack: Any) -> None:
    """A taken priority is PriorityInUse; the default rule can be neither deleted nor moved."""
    listener = stack.listener(stack.balancer()["LoadBalancerArn"], stack.target_group())
    rule = {
        "ListenerArn": listener,
        "Priority": 5,
        "Conditions": [{"Field": "host-header", "HostHeaderConfig": {"Values": ["a.example.com"]}}],
        "Actions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}],
    }
    stack.elbv2.create_rule(**rule)
    assert stack.refused("create_rule", **rule) == ("PriorityInUse", "Priority '5' is currently in use")
    default = stack.elbv2.describe_rules(ListenerArn=listener)["Rules"][-1]["RuleArn"]
    assert stack.refused("delete_rule", RuleArn=default)[0] == "OperationNotPermitted"
    moved = [{"RuleArn": default, "Priority": 9}]
    assert stack.refused("set_rule_priorities", RulePriorities=moved)[0] == "OperationNotPermitted"


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ({"Field": "colour", "Values": ["red"]}, "Condition field 'colour'"),
        ({"Field": "path-pattern"}, "A condition value must be specified"),
        ({"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.1/33"]}}, "must be a valid CIDR block"),
        ({"Field": "host-header", "HostHeaderConfig": {"RegexValues": ["("]}}, "not a valid regular expression"),
        ({"Field": "path-pattern", "Values": ["/1", "/2", "/3", "/4", "/5", "/6"]}, "'5' condition values"),
        # Values beside the field are texts, and a query has pairs; a CIDR block has no regular expression.
        ({"Field": "query-string", "Values": ["version=1"]}, "A condition value must be specified"),
        ({"Field": "source-ip", "RegexValues": ["10.*"]}, "A condition value must be specified"),
    ],
)
def test_bad_conditions_are_refused(stack: Any, condition: dict[str, Any], message: str) -> None:
    """A ValidationError names the condition's fault."""
    listener = stack.listener(stack.balancer()["LoadBalancerArn"], stack.target_group())
    code, text = stack.refused(
        "create_rule",
        ListenerArn=listener,
        Priority=1,
        Conditions=[condition],
        Actions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}],
    )
    assert code == "ValidationError"
    assert message in text


def test_a_forward_action_names_every_target_group(stack: Any) -> None:
    """A target group of a forward action without an ARN, a member that AWS's model leaves optional, is refused."""
    listener = stack.listener(stack.balancer()["LoadBalancerArn"], stack.target_group())
    code, text = stack.refused(
        "create_rule",
        ListenerArn=listener,
        Priority=1,
        Conditions=[{"Field": "path-pattern", "Values": ["/x"]}],
        Actions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": [{"Weight": 1}]}}],
    )
    assert (code, text) == ("ValidationError", "A target group ARN must be specified")


def test_a_rules_target_group_is_in_use(stack: Any) -> None:
    """A group used by a rule only is checked, and freed when the rule goes."""
    listener = stack.listener(stack.balancer()["LoadBalancerArn"], stack.target_group())
    group = stack.target_group("other")
    stack.elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": "10.0.1.10"}])
    rule = stack.elbv2.create_rule(
        ListenerArn=listener,
        Priority=1,
        Conditions=[{"Field": "path-pattern", "Values": ["/x"]}],
        Actions=[{"Type": "forward", "TargetGroupArn": group}],
    )["Rules"][0]["RuleArn"]
    assert stack.health(group)[0][2] == "initial"
    stack.elbv2.delete_rule(RuleArn=rule)
    assert stack.health(group)[0][2] == "unused"


def test_listener_attributes_are_shown(stack: Any) -> None:
    """A listener has AWS's set of attributes; TLS ones on HTTPS only."""
    arn, group = stack.balancer()["LoadBalancerArn"], stack.target_group()
    plain = stack.listener(arn, group)
    secure = stack.listener(arn, group, 443, Protocol="HTTPS", Certificates=[{"CertificateArn": stack.imported()[0]}])

    def keys(listener: str) -> set[str]:
        return {
            attribute["Key"]
            for attribute in stack.elbv2.describe_listener_attributes(ListenerArn=listener)["Attributes"]
        }

    assert "routing.http.response.server.enabled" in keys(plain)
    assert keys(secure) - keys(plain)
    assert all(".request.x_amzn_" in key for key in keys(secure) - keys(plain))


def test_deleting_a_load_balancer_takes_its_listeners_along(stack: Any) -> None:
    """Listeners and rules go, nothing listens any more, and the target group is free."""
    balancer, group = stack.balancer(), stack.target_group()
    listener = stack.listener(balancer["LoadBalancerArn"], group)
    stack.elbv2.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
    assert stack.refused("describe_listeners", ListenerArns=[listener])[0] == "ListenerNotFound"
    with pytest.raises(LookupError):
        stack.world.balancer.route(*request(balancer))
    stack.elbv2.delete_target_group(TargetGroupArn=group)


@pytest.mark.parametrize("operation", ["add_listener_certificates", "remove_listener_certificates"])
def test_http_listeners_have_no_certificates(stack: Any, operation: str) -> None:
    """The refusal is one that AWS lists for the operation, not a failure of ours.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_AddListenerCertificates.html
    """
    listener = stack.listener(stack.balancer()["LoadBalancerArn"], stack.target_group())
    certificate = f"arn:aws:acm:eu-west-1:123456789012:certificate/{'0' * 8}"
    code, message = stack.refused(operation, ListenerArn=listener, Certificates=[{"CertificateArn": certificate}])
    assert (code, message) == ("ValidationError", "A certificate cannot be specified for HTTP listeners")


def test_targets_take_requests_before_a_listener_forwards_to_them(stack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that asks while a listener or a rule changes meets a target, never 503."""
    plane = stack.world.elbv2.plane
    seen: list[list[bool]] = []
    put = plane.put_listener

    def observed(spec: ListenerSpec) -> None:
        put(spec)
        forwards = [rule.action for rule in spec.rules if isinstance(rule.action, Forward)]
        seen.append(
            [plane.groups[group.arn].choose() is not None for action in forwards for group in action.target_groups]
        )

    blue, green, third = (stack.target_group(name) for name in ("blue", "green", "third"))
    for group in (blue, green, third):
        stack.elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": "10.0.1.5"}])
    balancer = stack.balancer()["LoadBalancerArn"]
    monkeypatch.setattr(plane, "put_listener", observed)
    listener = stack.listener(balancer, blue)
    weights = [{"TargetGroupArn": blue, "Weight": 90}, {"TargetGroupArn": green, "Weight": 10}]
    forward = {"Type": "forward", "ForwardConfig": {"TargetGroups": weights}}
    stack.elbv2.modify_listener(ListenerArn=listener, DefaultActions=[forward])
    stack.elbv2.create_rule(
        ListenerArn=listener,
        Priority=1,
        Conditions=[{"Field": "path-pattern", "Values": ["/third"]}],
        Actions=[{"Type": "forward", "TargetGroupArn": third}],
    )
    assert seen == [[True], [True, True], [True, True, True]]


def test_a_refused_change_leaves_the_targets_out_of_use(stack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Targets of a group that a refused listener would have used stay unused."""
    group = stack.target_group()
    stack.elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": "10.0.1.5"}])
    balancer = stack.balancer()["LoadBalancerArn"]

    def refuse(_: ListenerSpec) -> None:
        raise ListenError("the port is taken")

    monkeypatch.setattr(stack.world.elbv2.plane, "put_listener", refuse)
    forward = [{"Type": "forward", "TargetGroupArn": group}]
    code, _ = stack.refused(
        "create_listener", LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=forward
    )
    assert code == "InvalidConfigurationRequest"
    assert stack.health(group) == [("10.0.1.5", 8080, "unused", "Target.NotInUse")]
