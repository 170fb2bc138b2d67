"""Listeners: HTTPS only, with current TLS, forwarded to the service, by a load balancer that is protected from deletion."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pushproof.checks.check import check
from pushproof.checks.finding import Finding
from pushproof.checks.service.described import DescribedService

if TYPE_CHECKING:
    from types_boto3_elbv2.type_defs import ActionOutputTypeDef, ListenerTypeDef

_TLS = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html"
_RULES = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-action-types.html"
_BALANCER = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html"
_CURRENT_TLS = re.compile(r"ELBSecurityPolicy-TLS13-1-[23]-")


class ListenerChecks(DescribedService):
    """Checks of listeners and load balancers."""

    @check
    def redirects_http_to_https(self) -> Iterator[Finding]:
        """Every HTTP listener redirects to HTTPS with 301 and serves no content."""
        listeners = list(self._listeners())
        if not listeners:
            raise self._no_listener()
        secure = {str(listener["Port"]) for listener in listeners if listener["Protocol"] == "HTTPS"}
        for listener in listeners:
            if listener["Protocol"] != "HTTP":
                continue
            action = listener["DefaultActions"][0]
            redirect = action.get("RedirectConfig", {})
            # Left out, the port is the listener's own.
            port = redirect.get("Port", "#{port}").replace("#{port}", str(listener["Port"]))
            permanent = redirect.get("Protocol") == "HTTPS" and redirect.get("StatusCode") == "HTTP_301"
            if action["Type"] != "redirect" or not permanent or (secure and port not in secure):
                yield Finding(
                    resource=listener["ListenerArn"],
                    expected=f"a redirect to HTTPS on port {' or '.join(sorted(secure)) or '443'} with status 301",
                    found=_said(action),
                    why="Clients are sent where nothing listens."
                    if permanent
                    else "Requests, and their cookies, cross the internet in the clear.",
                    change='default_action { type = "redirect", redirect { protocol = "HTTPS", port = "443",'
                    ' status_code = "HTTP_301" } }',
                    page="https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-action-types.html",
                )

            rules = self.aws("elbv2").describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
            for rule in rules:
                if not rule.get("IsDefault") and any(a["Type"] == "forward" for a in rule["Actions"]):
                    yield Finding(
                        resource=rule["RuleArn"],
                        expected="no rule that serves over HTTP",
                        found=f"rule {rule['Priority']} of the listener on {listener['Port']} forwards",
                        why="What this rule matches crosses the internet in the clear, whatever the default does.",
                        change="Move the rule to the HTTPS listener.",
                        page="https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-action-types.html",
                    )

    @check
    def speaks_current_tls(self) -> Iterator[Finding]:
        """Every HTTPS listener has a TLS 1.3 policy, and there is at least one."""
        secure = [listener for listener in self._listeners() if listener["Protocol"] == "HTTPS"]
        if not secure:
            raise self._no_listener()
        for listener in secure:
            if not _CURRENT_TLS.match(listener.get("SslPolicy", "")):
                yield Finding(
                    resource=listener["ListenerArn"],
                    expected="a policy with TLS 1.3 and nothing below TLS 1.2, such as ELBSecurityPolicy-TLS13-1-2-2021-06",
                    found=listener.get("SslPolicy", "none"),
                    why="Clients may be talked down to versions with known attacks. Left out, the policy is one from 2016.",
                    change='ssl_policy = "ELBSecurityPolicy-TLS13-1-2-2021-06"',
                    page=_TLS,
                )

    @check
    def serves_over_https(self) -> Iterator[Finding]:
        """An HTTPS listener forwards to the service, by its default action or a rule."""
        groups = {group["TargetGroupArn"] for _, group in self._groups()}
        listeners = [listener for listener in self._listeners() if listener["Protocol"] == "HTTPS"]
        if not listeners:
            raise self._no_listener()
        actions = [(listener, action) for listener in listeners for action in self._actions_of(listener)]
        if not any(groups & _forwarded(action) for _, action in actions):
            yield Finding(
                resource=listeners[0]["ListenerArn"],
                expected="a listener that forwards to the service's target group",
                found=", ".join(dict.fromkeys(_said(action) for _, action in actions)),
                why="Tasks run, are healthy as far as anybody asks, and no request reaches them.",
                change='default_action { type = "forward", target_group_arn = … }',
                page=_RULES,
            )

    @check
    def rejects_malformed_requests(self) -> Iterator[Finding]:
        """The load balancer drops header fields that are not valid HTTP."""
        balancers = dict.fromkeys(listener["LoadBalancerArn"] for listener in self._listeners())
        if not balancers:
            raise self._no_listener()
        for arn in balancers:
            if self._attributes(arn).get("routing.http.drop_invalid_header_fields.enabled") != "true":
                yield Finding(
                    resource=arn,
                    expected="routing.http.drop_invalid_header_fields.enabled",
                    found="false",
                    why="Invalid header fields are passed on: what the load balancer and the application read differently is how"
                    " requests are smuggled past it.",
                    change="drop_invalid_header_fields = true",
                    page=_BALANCER,
                )

    @check
    def deletion_is_protected(self) -> Iterator[Finding]:
        """The load balancer cannot be deleted by mistake: for production."""
        balancers = dict.fromkeys(listener["LoadBalancerArn"] for listener in self._listeners())
        if not balancers:
            raise self._no_listener()
        for arn in balancers:
            if self._attributes(arn).get("deletion_protection.enabled") != "true":
                yield Finding(
                    resource=arn,
                    expected="deletion_protection.enabled",
                    found="false",
                    why="One wrong destroy and the address that DNS points to is gone for good.",
                    change="enable_deletion_protection = true",
                    page="https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html",
                )

    def _actions_of(self, listener: ListenerTypeDef) -> Iterator[ActionOutputTypeDef]:
        yield from listener["DefaultActions"]
        for rule in self.aws("elbv2").describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]:
            if not rule.get("IsDefault"):
                yield from rule["Actions"]


def _forwarded(action: ActionOutputTypeDef) -> set[str]:
    """The target groups that an action forwards to with a weight above 0."""
    if action["Type"] != "forward":
        return set()
    weighted = (action.get("ForwardConfig") or {}).get("TargetGroups") or ()
    if weighted:
        return {group["TargetGroupArn"] for group in weighted if group.get("Weight", 1) > 0}
    return {action["TargetGroupArn"]} if "TargetGroupArn" in action else set()


def _said(action: ActionOutputTypeDef) -> str:
    redirect = action.get("RedirectConfig")
    if not redirect:
        return f"its default action is {action['Type']}"
    return f"a redirect to {redirect.get('Protocol')} on {redirect.get('Port')} with {redirect.get('StatusCode')}"
