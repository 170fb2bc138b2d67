"""EC2 where the substrate drops something.

That is: descriptions of security-group rules that reference a group or a prefix list, the routes of gateway endpoints whose tables
change, and client tokens. AWS keeps a description with every rule (API_SecurityGroupRule). moto, and emulators based on it, show
it for CIDR rules only, so that Terraform would write it again on every plan. The substrate answers everything else.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from botocore import xform_name

from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.protocol import service_model
from pushproof.emulator.services import Service
from pushproof.emulator.services.ec2 import acls, endpoints, gateways, groups, routes, tags, vpcs
from pushproof.emulator.services.ec2.tags import require_tags
from pushproof.emulator.services.ec2.view import View
from pushproof.emulator.services.ec2.words import missing

_VERBS = (
    "create_",
    "delete_",
    "modify_",
    "associate_",
    "disassociate_",
    "authorize_",
    "attach_",
    "detach_",
    "replace_",
    "release_",
)

if TYPE_CHECKING:
    from types_boto3_ec2.type_defs import IpPermissionOutputTypeDef, SecurityGroupRuleTypeDef

    from pushproof.emulator.kernel.shapes.ec2 import (
        AuthorizeSecurityGroupEgressAnswer,
        AuthorizeSecurityGroupEgressRequest,
        AuthorizeSecurityGroupIngressAnswer,
        AuthorizeSecurityGroupIngressRequest,
        CreateNatGatewayAnswer,
        CreateNatGatewayRequest,
        CreateNetworkInterfaceAnswer,
        CreateNetworkInterfaceRequest,
        CreateRouteTableAnswer,
        CreateRouteTableRequest,
        CreateVpcEndpointAnswer,
        CreateVpcEndpointRequest,
        DescribeSecurityGroupRulesAnswer,
        DescribeSecurityGroupRulesRequest,
        ModifySecurityGroupRulesAnswer,
        ModifySecurityGroupRulesRequest,
        ModifyVpcEndpointAnswer,
        ModifyVpcEndpointRequest,
    )
    from pushproof.emulator.kernel.site import Site


Check = Callable[[View, dict[str, Any]], None]

# Refusals before the substrate stores anything, by the operation's method.
CHECKS: dict[str, Check] = {
    name: check
    for module in (vpcs, gateways, routes, groups, endpoints, acls, tags)
    for name, check in vars(module).items()
    if name.startswith(_VERBS) and callable(check)
}


class Ec2Service(Service):
    """Remembers descriptions by rule id, and restores them where the substrate leaves them out."""

    overlay: ClassVar[bool] = True

    def __init__(self, site: Site, name: str) -> None:
        super().__init__(site, name)
        self._descriptions: dict[str, str] = {}
        self._by_token: dict[tuple[object, ...], object] = {}

    @classmethod
    def checked(cls, _service: str) -> Collection[str]:
        return CHECKS.keys()

    def admit(self, context: RequestContext, request: dict[str, Any]) -> None:
        """Refuse what AWS refuses, unless a client token shows that the call was accepted before."""
        operation = xform_name(context.operation)
        if (context.scope, operation, request.get("ClientToken")) in self._by_token:
            return
        _require_members(context.operation, request)
        check = CHECKS.get(operation)
        if check is not None:
            check(View(self.site.substrate.client, context.region), request)
        if "TagSpecifications" in request:
            require_tags(context.operation, request)

    def create_vpc_endpoint(
        self, context: RequestContext, request: CreateVpcEndpointRequest
    ) -> CreateVpcEndpointAnswer:
        answer: CreateVpcEndpointAnswer = self._once(context, request)
        return answer

    def create_nat_gateway(self, context: RequestContext, request: CreateNatGatewayRequest) -> CreateNatGatewayAnswer:
        answer: CreateNatGatewayAnswer = self._once(context, request)
        return answer

    def create_route_table(self, context: RequestContext, request: CreateRouteTableRequest) -> CreateRouteTableAnswer:
        answer: CreateRouteTableAnswer = self._once(context, request)
        return answer

    def create_network_interface(
        self, context: RequestContext, request: CreateNetworkInterfaceRequest
    ) -> CreateNetworkInterfaceAnswer:
        answer: CreateNetworkInterfaceAnswer = self._once(context, request)
        return answer

    def _once(self, context: RequestContext, request: Mapping[str, object]) -> Any:
        """Return the first answer to a call repeated with its client token: that answer may have been lost, and nothing is created
        again.

        https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
        """
        operation, token = xform_name(context.operation), request.get("ClientToken")
        if token is None:
            return self.ask(context, operation, request)
        key = (context.scope, operation, token)
        if key not in self._by_token:
            self._by_token[key] = self.ask(context, operation, request)
        return copy.deepcopy(self._by_token[key])

    def authorize_security_group_ingress(
        self, context: RequestContext, request: AuthorizeSecurityGroupIngressRequest
    ) -> AuthorizeSecurityGroupIngressAnswer:
        answer: AuthorizeSecurityGroupIngressAnswer = self.ask(context, "authorize_security_group_ingress", request)
        self._keep_descriptions(answer.get("SecurityGroupRules", []), request.get("IpPermissions", []))
        return answer

    def authorize_security_group_egress(
        self, context: RequestContext, request: AuthorizeSecurityGroupEgressRequest
    ) -> AuthorizeSecurityGroupEgressAnswer:
        answer: AuthorizeSecurityGroupEgressAnswer = self.ask(context, "authorize_security_group_egress", request)
        self._keep_descriptions(answer.get("SecurityGroupRules", []), request.get("IpPermissions", []))
        return answer

    def modify_security_group_rules(
        self, context: RequestContext, request: ModifySecurityGroupRulesRequest
    ) -> ModifySecurityGroupRulesAnswer:
        answer: ModifySecurityGroupRulesAnswer = self.ask(context, "modify_security_group_rules", request)
        for change in request.get("SecurityGroupRules", []):
            description = change.get("SecurityGroupRule", {}).get("Description")
            if description is not None:
                self._descriptions[change["SecurityGroupRuleId"]] = description
        return answer

    def describe_security_group_rules(
        self, context: RequestContext, request: DescribeSecurityGroupRulesRequest
    ) -> DescribeSecurityGroupRulesAnswer:
        answer: DescribeSecurityGroupRulesAnswer = self.ask(context, "describe_security_group_rules", request)
        for rule in answer.get("SecurityGroupRules", []):
            self._complete(rule)
        return answer

    def modify_vpc_endpoint(
        self, context: RequestContext, request: ModifyVpcEndpointRequest
    ) -> ModifyVpcEndpointAnswer:
        answer: ModifyVpcEndpointAnswer = self.ask(context, "modify_vpc_endpoint", request)
        added, removed = request.get("AddRouteTableIds", []), request.get("RemoveRouteTableIds", [])
        if added or removed:
            self._route_to_endpoint(context, request["VpcEndpointId"], added, removed)
        return answer

    def _route_to_endpoint(
        self, context: RequestContext, endpoint_id: str, added: list[str], removed: list[str]
    ) -> None:
        """Add the gateway endpoint's route to route tables, or remove it, where the substrate has only noted the table."""
        tables = self.ask(context, "describe_route_tables", {"RouteTableIds": [*added, *removed]})["RouteTables"]
        routed = {
            table["RouteTableId"]: route["DestinationPrefixListId"]
            for table in tables
            for route in table["Routes"]
            if route.get("GatewayId") == endpoint_id and route.get("DestinationPrefixListId")
        }
        for table in set(removed) & routed.keys():
            self.ask(context, "delete_route", {"RouteTableId": table, "DestinationPrefixListId": routed[table]})
        missing = set(added) - routed.keys()
        if not missing:
            return
        endpoint = self.ask(context, "describe_vpc_endpoints", {"VpcEndpointIds": [endpoint_id]})["VpcEndpoints"][0]
        filters = {"Filters": [{"Name": "prefix-list-name", "Values": [endpoint["ServiceName"]]}]}
        lists = self.ask(context, "describe_prefix_lists", filters)["PrefixLists"]
        prefix_list = next(
            entry["PrefixListId"] for entry in lists if entry["PrefixListName"] == endpoint["ServiceName"]
        )
        for table in missing:
            route = {"RouteTableId": table, "DestinationPrefixListId": prefix_list, "GatewayId": endpoint_id}
            self.ask(context, "create_route", route)

    def _keep_descriptions(
        self, rules: list[SecurityGroupRuleTypeDef], permissions: list[IpPermissionOutputTypeDef]
    ) -> None:
        references = dict(_described_references(permissions))
        for rule in rules:
            reference = rule.get("ReferencedGroupInfo", {}).get("GroupId") or rule.get("PrefixListId")
            if reference in references:
                self._descriptions[rule["SecurityGroupRuleId"]] = references[reference]
            self._complete(rule)

    def _complete(self, rule: SecurityGroupRuleTypeDef) -> None:
        description = self._descriptions.get(rule["SecurityGroupRuleId"])
        if description is not None and not rule.get("Description"):
            rule["Description"] = description


def _require_members(operation: str, request: Mapping[str, object]) -> None:
    for name, sent_as in _required(operation):
        if request.get(name) is None:
            raise missing(sent_as)


@functools.cache
def _required(operation: str) -> tuple[tuple[str, str], ...]:
    """Return the required parameters of an operation, with EC2's names for them."""
    shape = service_model("ec2").operation_model(operation).input_shape
    if shape is None:
        return ()
    return tuple((name, shape.members[name].serialization.get("name", name)) for name in shape.required_members)


def _described_references(permissions: list[IpPermissionOutputTypeDef]) -> Iterator[tuple[str, str]]:
    for permission in permissions:
        for pair in permission.get("UserIdGroupPairs", []):
            if pair.get("Description"):
                yield pair["GroupId"], pair["Description"]
        for entry in permission.get("PrefixListIds", []):
            if entry.get("Description"):
                yield entry["PrefixListId"], entry["Description"]
