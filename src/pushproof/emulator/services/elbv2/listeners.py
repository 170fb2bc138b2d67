"""Operations on listeners, their certificates and their rules.

Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html and the pages beside it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError, not_implemented
from pushproof.emulator.services.elbv2 import actions, attributes
from pushproof.emulator.services.elbv2.model import Listener, Rule, unique
from pushproof.emulator.services.elbv2.store import Store, page
from pushproof.emulator.services.elbv2.tagging import with_tags
from pushproof.emulator.services.elbv2.targetgroups import NETWORK
from pushproof.engines.tlspolicy import DEFAULT_POLICY, POLICIES

if TYPE_CHECKING:
    from types_boto3_elbv2.type_defs import ActionOutputTypeDef, ListenerTypeDef, RuleTypeDef

    from pushproof.emulator.kernel.shapes.elbv2 import (
        AddListenerCertificatesAnswer,
        AddListenerCertificatesRequest,
        CreateListenerAnswer,
        CreateListenerRequest,
        CreateRuleAnswer,
        CreateRuleRequest,
        DeleteListenerAnswer,
        DeleteListenerRequest,
        DeleteRuleAnswer,
        DeleteRuleRequest,
        DescribeListenerAttributesAnswer,
        DescribeListenerAttributesRequest,
        DescribeListenerCertificatesAnswer,
        DescribeListenerCertificatesRequest,
        DescribeListenersAnswer,
        DescribeListenersRequest,
        DescribeRulesAnswer,
        DescribeRulesRequest,
        ModifyListenerAnswer,
        ModifyListenerAttributesAnswer,
        ModifyListenerAttributesRequest,
        ModifyListenerRequest,
        ModifyRuleAnswer,
        ModifyRuleRequest,
        RemoveListenerCertificatesAnswer,
        RemoveListenerCertificatesRequest,
        SetRulePrioritiesAnswer,
        SetRulePrioritiesRequest,
    )


_ATTRIBUTES: dict[str, dict[str, str]] = {
    "HTTP": attributes.LISTENER,
    "HTTPS": attributes.HTTPS_LISTENER,
    "TCP": attributes.TCP_LISTENER,
    "TLS": {},
}
_MOST_LISTENERS = 50
_MOST_RULES = 100
_MOST_CERTIFICATES = 25


class ListenerOperations(Store):
    """Create, describe, change and delete listeners and rules."""

    def create_listener(self, context: RequestContext, request: CreateListenerRequest) -> CreateListenerAnswer:
        balancer = self.balancer(request["LoadBalancerArn"])
        mine = [listener for listener in self.listeners.values() if listener.load_balancer_arn == balancer.arn]
        if len(mine) >= _MOST_LISTENERS:
            raise AwsError("TooManyListeners", f"The maximum number of listeners has been reached on '{balancer.arn}'")
        if request.get("Protocol") is None or request.get("Port") is None:
            raise AwsError("ValidationError", "A listener protocol and port must be specified")
        actions_stored = self._actions(balancer.arn, request["DefaultActions"])
        path = f"{balancer.path}/{unique()}"
        prefix = balancer.arn.partition(":loadbalancer/")[0]
        default = Rule(f"{prefix}:listener-rule/{path}/{unique()}", None, [], actions_stored)
        if balancer.network:
            listener = Listener(f"{prefix}:listener/{path}", balancer.arn, "TLS", 0, [default], {})
        else:
            listener = Listener(
                f"{prefix}:listener/{path}", balancer.arn, "HTTP", 0, [default], dict(attributes.LISTENER)
            )
        listener = self._configured(listener, request)
        tags = with_tags(context, {}, request.get("Tags", []))
        self._apply(listener)
        self.tags[listener.arn] = tags
        self.tags[default.arn] = {}
        return {"Listeners": [self._shown_listener(listener)]}

    def describe_listeners(self, context: RequestContext, request: DescribeListenersRequest) -> DescribeListenersAnswer:
        arns, balancer = request.get("ListenerArns"), request.get("LoadBalancerArn")
        if arns:
            chosen, more = page(request, [self.listener(arn) for arn in arns])
            return {"Listeners": [self._shown_listener(item) for item in chosen], **more}
        if not balancer:
            raise AwsError("ValidationError", "You must specify either listener ARNs or a load balancer ARN")
        self.balancer(balancer)
        mine = [listener for listener in self.listeners.values() if listener.load_balancer_arn == balancer]
        chosen, more = page(request, mine)
        return {"Listeners": [self._shown_listener(item) for item in chosen], **more}

    def modify_listener(self, context: RequestContext, request: ModifyListenerRequest) -> ModifyListenerAnswer:
        listener = self.listener(request["ListenerArn"])
        changed = self._configured(listener, request)
        if request.get("DefaultActions"):
            stored = self._actions(listener.load_balancer_arn, request["DefaultActions"])
            changed.rules = [
                replace(rule, actions=stored) if rule.priority is None else rule for rule in listener.rules
            ]
        self._apply(changed)
        return {"Listeners": [self._shown_listener(changed)]}

    def delete_listener(self, context: RequestContext, request: DeleteListenerRequest) -> DeleteListenerAnswer:
        listener = self.listener(request["ListenerArn"])
        before = self.in_use()
        self.plane.remove_listener(listener.arn)
        del self.listeners[listener.arn]
        for arn in (listener.arn, *(rule.arn for rule in listener.rules)):
            self.tags.pop(arn, None)
        self.leave(before)
        return {}

    def describe_listener_attributes(
        self, context: RequestContext, request: DescribeListenerAttributesRequest
    ) -> DescribeListenerAttributesAnswer:
        return {"Attributes": attributes.shown(self.listener(request["ListenerArn"]).attributes)}

    def modify_listener_attributes(
        self, context: RequestContext, request: ModifyListenerAttributesRequest
    ) -> ModifyListenerAttributesAnswer:
        listener = self.listener(request["ListenerArn"])
        after = attributes.changed("Listener", listener.attributes, request["Attributes"])
        self._apply(replace(listener, attributes=after))
        return {"Attributes": attributes.shown(after)}

    # Certificates.

    def describe_listener_certificates(
        self, context: RequestContext, request: DescribeListenerCertificatesRequest
    ) -> DescribeListenerCertificatesAnswer:
        listener = self.listener(request["ListenerArn"])
        numbered = list(enumerate(listener.certificates))
        chosen, more = page(request, numbered)
        return {
            "Certificates": [{"CertificateArn": arn, "IsDefault": number == 0} for number, arn in chosen],
            **more,
        }

    def add_listener_certificates(
        self, context: RequestContext, request: AddListenerCertificatesRequest
    ) -> AddListenerCertificatesAnswer:
        listener = self._https(request["ListenerArn"])
        added = [
            certificate["CertificateArn"]
            for certificate in request["Certificates"]
            if certificate.get("CertificateArn")
        ]
        for arn in added:
            self.certificates.check(arn)
        certificates = list(dict.fromkeys([*listener.certificates, *added]))
        if len(certificates) > _MOST_CERTIFICATES + 1:
            raise AwsError(
                "TooManyCertificates", f"The maximum number of certificates has been reached on '{listener.arn}'"
            )
        self._apply(replace(listener, certificates=certificates))
        return {"Certificates": [{"CertificateArn": arn, "IsDefault": False} for arn in added]}

    def remove_listener_certificates(
        self, context: RequestContext, request: RemoveListenerCertificatesRequest
    ) -> RemoveListenerCertificatesAnswer:
        listener = self._https(request["ListenerArn"])
        removed = [certificate.get("CertificateArn") for certificate in request["Certificates"]]
        if listener.certificates[0] in removed:
            raise AwsError("OperationNotPermitted", "Default certificate cannot be removed")
        self._apply(
            replace(
                listener,
                certificates=[certificate for certificate in listener.certificates if certificate not in removed],
            )
        )
        return {}

    # Rules.

    def create_rule(self, context: RequestContext, request: CreateRuleRequest) -> CreateRuleAnswer:
        listener = self.listener(request["ListenerArn"])
        if listener.protocol in NETWORK:
            raise AwsError("ValidationError", "Rules are unsupported for network listeners")
        if request.get("Transforms"):
            raise not_implemented("elbv2", "rule transforms")
        if len(listener.rules) > _MOST_RULES:
            raise AwsError("TooManyRules", f"The maximum number of rules has been reached on '{listener.arn}'")
        self._check_priority(listener, request["Priority"])
        conditions = actions.stored_conditions(request["Conditions"])
        stored = self._actions(listener.load_balancer_arn, request["Actions"])
        arn = listener.arn.replace(":listener/", ":listener-rule/") + "/" + unique()
        rule = Rule(arn, request["Priority"], conditions, stored)
        tags = with_tags(context, {}, request.get("Tags", []))
        self._apply(replace(listener, rules=[*listener.rules, rule]))
        self.tags[arn] = tags
        return {"Rules": [_shown_rule(rule)]}

    def describe_rules(self, context: RequestContext, request: DescribeRulesRequest) -> DescribeRulesAnswer:
        arns, listener_arn = request.get("RuleArns"), request.get("ListenerArn")
        if arns:
            chosen, more = page(request, [self.rule(arn)[1] for arn in arns])
            return {"Rules": [_shown_rule(rule) for rule in chosen], **more}
        if not listener_arn:
            raise AwsError("ValidationError", "You must specify either listener rule ARNs or a listener ARN")
        rules = self.listener(listener_arn).rules
        chosen, more = page(request, sorted(rules, key=lambda rule: rule.priority or 1_000_000))
        return {"Rules": [_shown_rule(rule) for rule in chosen], **more}

    def modify_rule(self, context: RequestContext, request: ModifyRuleRequest) -> ModifyRuleAnswer:
        listener, rule = self.rule(request["RuleArn"])
        if request.get("Transforms"):
            raise not_implemented("elbv2", "rule transforms")
        changed = replace(rule)
        if request.get("Conditions"):
            if rule.priority is None:
                raise AwsError("OperationNotPermitted", f"Default rule '{rule.arn}' cannot be modified")
            changed.conditions = actions.stored_conditions(request["Conditions"])
        if request.get("Actions"):
            if rule.priority is None:
                raise AwsError("OperationNotPermitted", f"Default rule '{rule.arn}' cannot be modified")
            changed.actions = self._actions(listener.load_balancer_arn, request["Actions"])
        self._apply(replace(listener, rules=[changed if entry is rule else entry for entry in listener.rules]))
        return {"Rules": [_shown_rule(changed)]}

    def delete_rule(self, context: RequestContext, request: DeleteRuleRequest) -> DeleteRuleAnswer:
        listener, rule = self.rule(request["RuleArn"])
        if rule.priority is None:
            raise AwsError("OperationNotPermitted", f"Default rule '{rule.arn}' cannot be deleted")
        self._apply(replace(listener, rules=[entry for entry in listener.rules if entry is not rule]))
        self.tags.pop(rule.arn, None)
        return {}

    def set_rule_priorities(
        self, context: RequestContext, request: SetRulePrioritiesRequest
    ) -> SetRulePrioritiesAnswer:
        priorities: dict[str, int] = {}
        for pair in request["RulePriorities"]:
            arn, number = pair.get("RuleArn"), pair.get("Priority")
            if not arn or number is None:
                raise AwsError("ValidationError", "A rule ARN and a priority must be specified")
            priorities[arn] = number
        if not priorities:
            raise AwsError("ValidationError", "A rule ARN and a priority must be specified")
        rules = [self.rule(arn) for arn in priorities]
        listener = rules[0][0]
        if any(other is not listener for other, _ in rules):
            raise AwsError("ValidationError", "All rules must belong to the same listener")
        if any(rule.priority is None for _, rule in rules):
            raise AwsError("OperationNotPermitted", "The priority of a default rule cannot be changed")
        others = replace(listener, rules=[rule for rule in listener.rules if rule.arn not in priorities])
        for arn, priority in priorities.items():
            self._check_priority(others, priority)
            others.rules.append(replace(self.rule(arn)[1], priority=priority))
        self._apply(others)
        return {"Rules": [_shown_rule(rule) for rule in others.rules if rule.arn in priorities]}

    # Inside.

    def _apply(self, listener: Listener) -> None:
        """Apply a listener's new settings. A refusal of the data plane changes nothing.

        New target groups come into use before the data plane forwards to them, the others leave after it: requests in
        between would be answered 503.
        """
        self._check_protocols(listener)
        before = self.in_use()
        joining = {arn for rule in listener.rules for arn in actions.target_groups_of(rule.actions)} - before
        for arn in joining:
            self.health.put_to_use(self.groups[arn])
        try:
            self.publish_listener(listener)
        except AwsError:
            for arn in joining:
                self.health.put_out_of_use(self.groups[arn])
            raise
        self.listeners[listener.arn] = listener
        self.leave(before)

    def _check_protocols(self, listener: Listener) -> None:
        """Raise AwsError for a target group whose protocol does not fit the listener's.

        Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-target-groups.html (routing
        configuration): TCP listeners take TCP groups, TLS listeners take TCP and TLS groups.
        """
        fitting = {"TCP": ("TCP",), "TLS": ("TCP", "TLS")}.get(listener.protocol, ("HTTP", "HTTPS"))
        for rule in listener.rules:
            for arn in actions.target_groups_of(rule.actions):
                protocol = self.group(arn).protocol
                if protocol not in fitting:
                    raise AwsError(
                        "IncompatibleProtocols",
                        f"The listener protocol '{listener.protocol}' and the target group protocol '{protocol}' of "
                        f"'{arn}' are not compatible",
                    )

    def _actions(self, balancer_arn: str, requested: list[ActionOutputTypeDef]) -> list[ActionOutputTypeDef]:
        stored = actions.stored_actions(requested)
        balancer = self.balancer(balancer_arn)
        self.check_groups(balancer, stored)
        if balancer.network and any(action["Type"] != "forward" for action in stored):
            raise AwsError("InvalidLoadBalancerAction", "The action type is not valid for a Network Load Balancer")
        return stored

    def _configured(self, listener: Listener, request: CreateListenerRequest | ModifyListenerRequest) -> Listener:
        protocol = request.get("Protocol") or listener.protocol
        network = self.balancers[listener.load_balancer_arn].network
        if network and protocol in ("UDP", "TCP_UDP", "QUIC", "TCP_QUIC"):
            raise not_implemented("elbv2", f"listeners of protocol {protocol}")
        if protocol not in (NETWORK if network else ("HTTP", "HTTPS")):
            listed = "TCP, TLS, UDP, TCP_UDP" if network else "HTTP, HTTPS"
            raise AwsError("UnsupportedProtocol", f"Listener protocol '{protocol}' must be one of '{listed}'")
        port = request.get("Port") or listener.port
        if not 1 <= port <= 65_535:
            raise AwsError("ValidationError", f"Listener port '{port}' must be between 1 and 65535")
        for other in self.listeners.values():
            same = (other.load_balancer_arn, other.port) == (listener.load_balancer_arn, port)
            if same and other.arn != listener.arn:
                raise AwsError(
                    "DuplicateListener",
                    f"A listener already exists on this port for this load balancer '{listener.load_balancer_arn}'",
                )
        if (request.get("MutualAuthentication") or {}).get("Mode", "off") != "off":
            raise not_implemented("elbv2", "mutual TLS on listeners")
        if protocol == "TLS" and request.get("AlpnPolicy", ["None"]) != ["None"]:
            raise not_implemented("elbv2", "ALPN policies")
        if request.get("AlpnPolicy") and protocol != "TLS":
            raise AwsError("ValidationError", "ALPN policies are for TLS listeners of Network Load Balancers")
        arns = [
            certificate["CertificateArn"]
            for certificate in request.get("Certificates") or []
            if certificate.get("CertificateArn")
        ]
        changed = replace(listener, protocol=protocol, port=port)
        if protocol != listener.protocol:
            changed.attributes = dict(_ATTRIBUTES[protocol])
        if protocol in ("HTTP", "TCP"):
            if arns or request.get("SslPolicy"):
                secure = "TLS" if network else "HTTPS"
                raise AwsError("ValidationError", f"Certificates and SSL policies are for {secure} listeners")
            changed.certificates, changed.ssl_policy = [], None
            return changed
        if len(arns) > 1:
            raise AwsError(
                "TooManyCertificates", "You can specify only one default certificate; add the others to the listener"
            )
        policy = request.get("SslPolicy") or listener.ssl_policy or DEFAULT_POLICY
        if policy not in POLICIES:
            raise AwsError("SSLPolicyNotFound", f"SSL policy '{policy}' not found")
        if arns:
            self.certificates.check(arns[0])
            changed.certificates = list(dict.fromkeys([arns[0], *listener.certificates[1:]]))
        if not changed.certificates:
            raise AwsError("ValidationError", f"A certificate must be specified for {protocol} listeners")
        changed.ssl_policy = policy
        return changed

    def _https(self, arn: str) -> Listener:
        listener = self.listener(arn)
        if listener.protocol not in ("HTTPS", "TLS"):
            # AWS lists no error of its own for this; its answer on creating such a listener is used here too.
            raise AwsError("ValidationError", f"A certificate cannot be specified for {listener.protocol} listeners")
        return listener

    @staticmethod
    def _check_priority(listener: Listener, priority: int) -> None:
        if not 1 <= priority <= 50_000:
            raise AwsError("ValidationError", f"Rule priority '{priority}' must be between 1 and 50000")
        if any(rule.priority == priority for rule in listener.rules):
            raise AwsError("PriorityInUse", f"Priority '{priority}' is currently in use")

    def _shown_listener(self, listener: Listener) -> ListenerTypeDef:
        shown: ListenerTypeDef = {
            "ListenerArn": listener.arn,
            "LoadBalancerArn": listener.load_balancer_arn,
            "Port": listener.port,
            "Protocol": listener.protocol,
            "DefaultActions": listener.default_rule.actions,
        }
        if listener.protocol in ("HTTPS", "TLS"):
            shown["Certificates"] = [{"CertificateArn": listener.certificates[0]}]
            shown["SslPolicy"] = listener.ssl_policy or DEFAULT_POLICY
        if listener.protocol == "HTTPS":
            shown["MutualAuthentication"] = {"Mode": "off"}
        return shown


def _shown_rule(rule: Rule) -> RuleTypeDef:
    return {
        "RuleArn": rule.arn,
        "Priority": "default" if rule.priority is None else str(rule.priority),
        "Conditions": rule.conditions,
        "Actions": rule.actions,
        "IsDefault": rule.priority is None,
        "Transforms": [],
    }
