"""Permissions of the foundation services: IAM, STS, EC2, ACM.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/, pages
list_awsidentityandaccessmanagementiam, list_awssecuritytokenservice, list_amazonec2, list_awscertificatemanager.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pushproof.engines.policy.actions.model import (
    Extra,
    Parameters,
    Permission,
    Scope,
    Table,
    arns_in,
    by_name,
    pass_role,
    tag_keys,
    texts,
    words,
)

# IAM

_IAM_ANYWHERE = words(
    "ListUsers ListRoles ListGroups ListPolicies ListInstanceProfiles ListSAMLProviders ListOpenIDConnectProviders "
    "ListServerCertificates ListAccountAliases CreateAccountAlias DeleteAccountAlias GetAccountSummary "
    "GetAccountPasswordPolicy UpdateAccountPasswordPolicy DeleteAccountPasswordPolicy GetAccountAuthorizationDetails "
    "SimulateCustomPolicy GetContextKeysForCustomPolicy GenerateCredentialReport GetCredentialReport ListVirtualMFADevices"
)
_IAM_NAMES = (
    ("InstanceProfileName", "instance-profile"), ("RoleName", "role"), ("UserName", "user"), ("GroupName", "group"),
    ("ServerCertificateName", "server-certificate"), ("VirtualMFADeviceName", "mfa"), ("SAMLProviderName", "saml-provider"),
)  # fmt: skip


def _iam(operation: str, parameters: Parameters, scope: Scope) -> Iterable[str] | None:
    path = str(parameters.get("Path") or "/").strip("/")
    prefix = f"{path}/" if path else ""
    if operation == "CreatePolicy":
        return [scope.arn("iam", f"policy/{prefix}{parameters.get('PolicyName', '')}", region="")]
    if operation == "CreateServiceLinkedRole":
        service = parameters.get("AWSServiceName", "")
        return [scope.arn("iam", f"role/aws-service-role/{service}/*", region="")]
    for name, kind in _IAM_NAMES:
        if parameters.get(name):
            implied = scope.arn("iam", f"{kind}/{prefix}{parameters[name]}", region="")
            return [implied if operation.startswith("Create") else scope.real(implied)]
    for name in ("PolicyArn", "PolicySourceArn", "OpenIDConnectProviderArn", "SAMLProviderArn", "Arn"):
        if parameters.get(name):
            return texts(parameters[name])
    return None


def _iam_keys(parameters: Parameters) -> dict[str, Any]:
    keys: dict[str, Any] = dict(tag_keys(parameters))
    names = {
        "PolicyArn": "iam:PolicyARN",
        "PermissionsBoundary": "iam:PermissionsBoundary",
        "AWSServiceName": "iam:AWSServiceName",
    }
    keys.update({key: str(parameters[name]) for name, key in names.items() if parameters.get(name)})
    return keys


def _profile_role(parameters: Parameters, scope: Scope) -> list[Permission]:
    return pass_role(parameters.get("RoleName"), "ec2.amazonaws.com", scope)


IAM = Table(
    "iam",
    anywhere=_IAM_ANYWHERE,
    extra={"AddRoleToInstanceProfile": _profile_role},
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html
    tagging={
        "CreateRole": "TagRole",
        "CreateUser": "TagUser",
        "CreatePolicy": "TagPolicy",
        "CreateInstanceProfile": "TagInstanceProfile",
        "CreateOpenIDConnectProvider": "TagOpenIDConnectProvider",
        "CreateSAMLProvider": "TagSAMLProvider",
    },
    keys=_iam_keys,
    rule=_iam,
)

# STS. A role decides through its trust policy; GetCallerIdentity is open even to those who are denied it:
# https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html

STS = Table(
    "sts",
    resources={
        "AssumeRole": arns_in("RoleArn"),
        "GetFederationToken": by_name("Name", "sts", "federated-user/{}", region=""),
    },
    anywhere=frozenset({"DecodeAuthorizationMessage", "GetAccessKeyInfo"}),
    free=frozenset({"GetCallerIdentity", "GetSessionToken", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"}),
    keys=lambda parameters: {
        **{
            key: str(parameters[name])
            for name, key in {"ExternalId": "sts:ExternalId", "RoleSessionName": "sts:RoleSessionName"}.items()
            if parameters.get(name)
        },
        **tag_keys(parameters),
    },
)

# EC2: the resources of an operation are the things its parameters name, and the thing it creates.

_EC2_IDS = {
    "VpcId": "vpc", "VpcIds": "vpc", "SubnetId": "subnet", "SubnetIds": "subnet", "GroupId": "security-group",
    "GroupIds": "security-group", "Groups": "security-group", "SecurityGroupIds": "security-group",
    "RouteTableId": "route-table", "RouteTableIds": "route-table", "InternetGatewayId": "internet-gateway",
    "NatGatewayId": "natgateway", "AllocationId": "elastic-ip", "VpcEndpointId": "vpc-endpoint",
    "VpcEndpointIds": "vpc-endpoint", "NetworkInterfaceId": "network-interface", "InstanceId": "instance",
    "InstanceIds": "instance", "NetworkAclId": "network-acl", "VolumeId": "volume", "DhcpOptionsId": "dhcp-options",
    "PrefixListId": "prefix-list", "LaunchTemplateId": "launch-template", "FlowLogIds": "vpc-flow-log",
    "SecurityGroupRuleIds": "security-group-rule",
}  # fmt: skip
_EC2_CREATED = {
    "CreateVpc": "vpc", "CreateSubnet": "subnet", "CreateSecurityGroup": "security-group",
    "CreateRouteTable": "route-table", "CreateInternetGateway": "internet-gateway", "CreateNatGateway": "natgateway",
    "AllocateAddress": "elastic-ip", "CreateVpcEndpoint": "vpc-endpoint", "CreateNetworkInterface": "network-interface",
    "CreateNetworkAcl": "network-acl", "CreateVolume": "volume", "RunInstances": "instance", "CreateFlowLogs": "vpc-flow-log",
    "CreateLaunchTemplate": "launch-template", "CreateManagedPrefixList": "prefix-list",
    "AuthorizeSecurityGroupIngress": "security-group-rule", "AuthorizeSecurityGroupEgress": "security-group-rule",
}  # fmt: skip
_EC2_ONE = {
    # The gateway a route points to is a value, not a resource acted on.
    "CreateRoute": "RouteTableId", "ReplaceRoute": "RouteTableId", "DeleteRoute": "RouteTableId",
}  # fmt: skip
_EC2_TYPES = {
    "vpc": "vpc", "subnet": "subnet", "sg": "security-group", "rtb": "route-table", "igw": "internet-gateway",
    "nat": "natgateway", "eipalloc": "elastic-ip", "vpce": "vpc-endpoint", "eni": "network-interface", "i": "instance",
    "acl": "network-acl", "vol": "volume", "sgr": "security-group-rule", "fl": "vpc-flow-log", "pl": "prefix-list",
}  # fmt: skip
# An association implies the resources it binds; the scope finds them.
_EC2_ASSOCIATIONS = {
    "DisassociateRouteTable": "route-table-association", "ReplaceRouteTableAssociation": "route-table-association",
    "DisassociateAddress": "elastic-ip-association",
}  # fmt: skip
_ID = re.compile(r"([a-z]+)-[0-9a-f]+")


# Descriptions of one attribute have resource-level permissions; the lists have not.
_EC2_ATTRIBUTE = {
    "DescribeVpcAttribute": "VpcId", "DescribeInstanceAttribute": "InstanceId", "DescribeVolumeAttribute": "VolumeId",
}  # fmt: skip


def _ec2(operation: str, parameters: Parameters, scope: Scope) -> Iterable[str] | None:
    attribute = _EC2_ATTRIBUTE.get(operation)
    if attribute is not None:
        return [scope.arn("ec2", f"{_EC2_IDS[attribute]}/{item}") for item in texts(parameters.get(attribute))]
    if (
        operation == "GetSubnetCidrReservations"
        or operation.startswith(("Describe", "Search"))
        or (operation.startswith("Get") and "Id" not in str(parameters))
    ):
        return ("*",)
    out: list[str] = []
    if operation in _EC2_CREATED:
        out.append(scope.arn("ec2", f"{_EC2_CREATED[operation]}/*"))
    for name, kind in _EC2_IDS.items():
        if operation not in _EC2_ONE or _EC2_ONE[operation] == name:
            out += [scope.arn("ec2", f"{kind}/{item}") for item in texts(parameters.get(name))]
    if operation in _EC2_ASSOCIATIONS:
        kind = _EC2_ASSOCIATIONS[operation]
        out += [scope.real(scope.arn("ec2", f"{kind}/{item}")) for item in texts(parameters.get("AssociationId"))]
    for item in texts(parameters.get("Resources")):
        match = _ID.fullmatch(item)
        out.append(scope.arn("ec2", f"{_EC2_TYPES.get(match.group(1), '*') if match else '*'}/{item}"))
    return out or None


def _ec2_tags(parameters: Parameters) -> dict[str, Any]:
    tags = [tag for block in parameters.get("TagSpecifications") or () for tag in block.get("Tags") or ()]
    return tag_keys({"Tags": [*tags, *(parameters.get("Tags") or ())]})


def _ec2_created(arn: str, parameters: Parameters) -> bool:
    """Return the tags of a resource: the request's for one that the operation creates, its own for one it refers to."""
    return arn.endswith("/*") or "Tags" in parameters


def _ec2_tag_at_creation(operation: str) -> Extra:
    """https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html"""

    def extra(parameters: Parameters, scope: Scope) -> list[Permission]:
        return [
            Permission(
                "ec2:CreateTags",
                scope.arn("ec2", f"{block.get('ResourceType', '*')}/*"),
                {"ec2:CreateAction": operation, **tag_keys(block)},
            )
            for block in parameters.get("TagSpecifications") or ()
            if block.get("Tags")
        ]

    return extra


def _ec2_roles(operation: str) -> Extra:
    """The role behind an instance profile, and the one that flow logs are written with, are passed.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_switch-role-ec2.html
    """
    tags = _ec2_tag_at_creation(operation)

    def extra(parameters: Parameters, scope: Scope) -> list[Permission]:
        profile = parameters.get("IamInstanceProfile")
        name = str(profile.get("Name") or profile.get("Arn") or "") if isinstance(profile, Mapping) else ""
        implied = scope.arn("iam", f"instance-profile-role/{name.rsplit('/', 1)[-1]}", region="")
        role = scope.real(implied) if name else implied
        passed = [] if role == implied else pass_role(role, "ec2.amazonaws.com", scope)
        logs = pass_role(parameters.get("DeliverLogsPermissionArn"), "vpc-flow-logs.amazonaws.com", scope)
        return [*tags(parameters, scope), *passed, *logs]

    return extra


EC2 = Table(
    "ec2",
    extra={
        operation: _ec2_roles(operation)
        for operation in (*_EC2_CREATED, "AssociateIamInstanceProfile", "ReplaceIamInstanceProfileAssociation")
    },
    keys=_ec2_tags,
    keys_on=_ec2_created,
    rule=_ec2,
)

# ACM


def _acm(operation: str, parameters: Parameters, scope: Scope) -> Iterable[str] | None:
    if operation in ("ListCertificates", "RequestCertificate", "GetAccountConfiguration", "PutAccountConfiguration"):
        return ("*",)
    if operation == "ImportCertificate" and not parameters.get("CertificateArn"):
        return (scope.arn("acm", "certificate/*"),)
    return list(arns_in("CertificateArn")(parameters, scope)) or None


ACM = Table("acm", keys=tag_keys, rule=_acm)
