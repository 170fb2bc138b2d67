"""Refusals of EC2 in the networks of a stack."""

from __future__ import annotations

from typing import Any

from tests.unit.emulator.refusals.rows import Refusal, Service
from tests.unit.emulator.refusals.scene import Scene

_ENDPOINT_ISSUES = "https://github.com/hashicorp/terraform-provider-aws/issues/32407"
_TCP: dict[str, Any] = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80}
_ANYWHERE = [{"CidrIp": "0.0.0.0/0"}]


def _permission(scene: Scene, **more: Any) -> dict[str, Any]:
    """Arguments of AuthorizeSecurityGroupIngress for one rule: TCP 80 from anywhere, with changes."""
    return {"GroupId": scene.group, "IpPermissions": [{**_TCP, "IpRanges": _ANYWHERE, **more}]}


def _interface(scene: Scene, **more: Any) -> dict[str, Any]:
    """Arguments of CreateVpcEndpoint for an interface endpoint, with changes."""
    sent = {"VpcId": scene.vpc, "ServiceName": scene.service("sqs"), "VpcEndpointType": "Interface"}
    return {**sent, "SubnetIds": [scene.subnet], **more}


def _gateway(scene: Scene, **more: Any) -> dict[str, Any]:
    """Arguments of CreateVpcEndpoint for a gateway endpoint, with changes."""
    sent = {"VpcId": scene.vpc, "ServiceName": scene.service("s3"), "VpcEndpointType": "Gateway"}
    return {**sent, **more}


def _authorized(scene: Scene) -> dict[str, Any]:
    sent = _permission(scene)
    scene.ec2.authorize_security_group_ingress(**sent)
    return sent


def _many_rules(count: int) -> list[dict[str, Any]]:
    return [{**_TCP, "IpRanges": [{"CidrIp": f"10.0.{number}.0/24"} for number in range(count)]}]


def _referenced_group(scene: Scene) -> str:
    pair = {"GroupId": scene.group}
    scene.ec2.authorize_security_group_ingress(
        GroupId=scene.new_group(), IpPermissions=[{**_TCP, "UserIdGroupPairs": [pair]}]
    )
    return scene.group


def _associated(scene: Scene) -> dict[str, Any]:
    scene.ec2.associate_route_table(RouteTableId=scene.table, SubnetId=scene.subnet)
    return {"RouteTableId": scene.table}


def _routed(scene: Scene) -> dict[str, Any]:
    sent = {"RouteTableId": scene.table, "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": scene.gateway}
    scene.ec2.create_route(**sent)
    return sent


def _many_cidrs(scene: Scene) -> dict[str, Any]:
    for number in range(1, 5):
        scene.ec2.associate_vpc_cidr_block(VpcId=scene.vpc, CidrBlock=f"10.{number}.0.0/16")
    return {"VpcId": scene.vpc, "CidrBlock": "10.5.0.0/16"}


def _primary_cidr(scene: Scene) -> dict[str, Any]:
    vpc = scene.ec2.describe_vpcs(VpcIds=[scene.vpc])["Vpcs"][0]
    return {"AssociationId": vpc["CidrBlockAssociationSet"][0]["AssociationId"]}


def _acl_entry(scene: Scene, **more: Any) -> dict[str, Any]:
    sent = {"NetworkAclId": scene.network_acl(), "RuleNumber": 100, "Protocol": "-1", "RuleAction": "allow"}
    return {**sent, "Egress": False, "CidrBlock": "0.0.0.0/0", **more}


def _acl_entry_twice(scene: Scene) -> dict[str, Any]:
    sent = _acl_entry(scene)
    scene.ec2.create_network_acl_entry(**sent)
    return sent


def _default_acl(scene: Scene) -> str:
    filters = [{"Name": "vpc-id", "Values": [scene.vpc]}, {"Name": "default", "Values": ["true"]}]
    return str(scene.ec2.describe_network_acls(Filters=filters)["NetworkAcls"][0]["NetworkAclId"])


def _acl_in_use(scene: Scene) -> str:
    assert scene.subnet
    filters = [{"Name": "association.subnet-id", "Values": [scene.subnet]}]
    acl = scene.ec2.describe_network_acls(Filters=filters)["NetworkAcls"][0]
    [association] = [a for a in acl["Associations"] if a["SubnetId"] == scene.subnet]
    own = scene.network_acl()
    scene.ec2.replace_network_acl_association(AssociationId=association["NetworkAclAssociationId"], NetworkAclId=own)
    return own


def _dhcp_in_use(scene: Scene) -> str:
    configuration = [{"Key": "domain-name", "Values": ["example.internal"]}]
    options: str = scene.ec2.create_dhcp_options(DhcpConfigurations=configuration)["DhcpOptions"]["DhcpOptionsId"]
    scene.ec2.associate_dhcp_options(DhcpOptionsId=options, VpcId=scene.vpc)
    return options


def _flow_log(scene: Scene, **more: Any) -> dict[str, Any]:
    sent = {"ResourceIds": [scene.vpc], "ResourceType": "VPC", "TrafficType": "ALL"}
    return {**sent, "LogGroupName": scene.log_group, "DeliverLogsPermissionArn": scene.role, **more}


def _flow_log_twice(scene: Scene) -> dict[str, Any]:
    sent = _flow_log(scene)
    scene.ec2.create_flow_logs(**sent)
    return sent


def _nat_of_other_vpc(scene: Scene) -> str:
    other = Scene(scene.world)
    return other.new_nat()


ROWS = (
    # VPCs.
    Refusal("CreateVpc", "a CIDR larger than /16", "InvalidVpc.Range",
            lambda a: (a.ec2.create_vpc, {"CidrBlock": "10.0.0.0/15"}), says="The CIDR '10.0.0.0/15' is invalid."),
    Refusal("CreateVpc", "a CIDR smaller than /28", "InvalidVpc.Range",
            lambda a: (a.ec2.create_vpc, {"CidrBlock": "10.0.0.0/29"}), says="The CIDR '10.0.0.0/29' is invalid."),
    Refusal("CreateVpc", "what is no CIDR", "InvalidParameterValue",
            lambda a: (a.ec2.create_vpc, {"CidrBlock": "10.0.0"}),
            says="Value (10.0.0) for parameter cidrBlock is invalid. This is not a valid CIDR block."),
    Refusal("CreateVpc", "no CIDR", "MissingParameter", lambda a: (a.ec2.create_vpc, {})),
    Refusal("AssociateVpcCidrBlock", "a CIDR that overlaps the VPC's", "InvalidVpc.Range",
            lambda a: (a.ec2.associate_vpc_cidr_block, {"VpcId": a.vpc, "CidrBlock": "10.0.128.0/17"})),
    Refusal("AssociateVpcCidrBlock", "a sixth CIDR", "CidrLimitExceeded",
            lambda a: (a.ec2.associate_vpc_cidr_block, _many_cidrs(a)), says="maximum number of allowed CIDRs: 5"),
    Refusal("AssociateVpcCidrBlock", "a VPC that does not exist", "InvalidVpcID.NotFound",
            lambda a: (a.ec2.associate_vpc_cidr_block, {"VpcId": "vpc-0123456789abcdef0", "CidrBlock": "10.1.0.0/16"})),
    Refusal("DisassociateVpcCidrBlock", "the primary CIDR", "OperationNotPermitted",
            lambda a: (a.ec2.disassociate_vpc_cidr_block, _primary_cidr(a)), says="It is the primary IPv4 CIDR block"),
    Refusal("DeleteVpc", "a VPC with subnets", "DependencyViolation",
            lambda a: (a.ec2.delete_vpc, {"VpcId": a.vpc if a.subnet else ""}),
            says="has dependencies and cannot be deleted."),
    Refusal("DeleteVpc", "a VPC with an internet gateway", "DependencyViolation",
            lambda a: (a.ec2.delete_vpc, {"VpcId": a.vpc if a.gateway else ""})),
    Refusal("DeleteVpc", "a VPC with a security group", "DependencyViolation",
            lambda a: (a.ec2.delete_vpc, {"VpcId": a.vpc if a.group else ""})),
    Refusal("DeleteVpc", "a VPC with a route table", "DependencyViolation",
            lambda a: (a.ec2.delete_vpc, {"VpcId": a.vpc if a.table else ""})),
    Refusal("DeleteVpc", "a VPC with a network ACL", "DependencyViolation",
            lambda a: (a.ec2.delete_vpc, {"VpcId": a.vpc if a.network_acl() else ""})),
    Refusal("DeleteVpc", "a VPC with a gateway endpoint", "DependencyViolation",
            lambda a: (a.ec2.delete_vpc, {"VpcId": a.vpc if a.gateway_endpoint() else ""})),
    Refusal("DeleteVpc", "a VPC that does not exist", "InvalidVpcID.NotFound",
            lambda a: (a.ec2.delete_vpc, {"VpcId": "vpc-0123456789abcdef0"})),
    Refusal("ModifyVpcAttribute", "two attributes at once", "InvalidParameterCombination",
            lambda a: (a.ec2.modify_vpc_attribute,
                       {"VpcId": a.vpc, "EnableDnsSupport": {"Value": True}, "EnableDnsHostnames": {"Value": True}})),
    # Subnets.
    Refusal("CreateSubnet", "a CIDR outside the VPC", "InvalidSubnet.Range",
            lambda a: (a.ec2.create_subnet, {"VpcId": a.vpc, "CidrBlock": "10.1.0.0/24"}),
            says="The CIDR '10.1.0.0/24' is invalid."),
    Refusal("CreateSubnet", "a CIDR larger than the VPC", "InvalidSubnet.Range",
            lambda a: (a.ec2.create_subnet, {"VpcId": a.vpc, "CidrBlock": "10.0.0.0/15"})),
    Refusal("CreateSubnet", "a CIDR smaller than /28", "InvalidSubnet.Range",
            lambda a: (a.ec2.create_subnet, {"VpcId": a.vpc, "CidrBlock": "10.0.1.0/29"})),
    Refusal("CreateSubnet", "a CIDR that overlaps another subnet's", "InvalidSubnet.Conflict",
            lambda a: (a.ec2.create_subnet, {"VpcId": a.vpc if a.subnet else "", "CidrBlock": "10.0.1.128/25"}),
            says="The CIDR '10.0.1.128/25' conflicts with another subnet"),
    Refusal("CreateSubnet", "what is no CIDR", "InvalidParameterValue",
            lambda a: (a.ec2.create_subnet, {"VpcId": a.vpc, "CidrBlock": "10.0.1"})),
    Refusal("CreateSubnet", "a zone that does not exist", "InvalidParameterValue",
            lambda a: (a.ec2.create_subnet,
                       {"VpcId": a.vpc, "CidrBlock": "10.0.1.0/24", "AvailabilityZone": "eu-west-1z"}),
            says="Value (eu-west-1z) for parameter availabilityZone is invalid."),
    Refusal("CreateSubnet", "a VPC that does not exist", "InvalidVpcID.NotFound",
            lambda a: (a.ec2.create_subnet, {"VpcId": "vpc-0123456789abcdef0", "CidrBlock": "10.0.1.0/24"})),
    Refusal("CreateSubnet", "an IPv6 CIDR outside the VPC's", "InvalidSubnet.Range",
            lambda a: (a.ec2.create_subnet,
                       {"VpcId": a.vpc, "CidrBlock": "10.0.1.0/24", "Ipv6CidrBlock": "2600:1f18:1:2::/64"})),
    Refusal("DeleteSubnet", "a subnet with a network interface", "DependencyViolation",
            lambda a: (a.ec2.delete_subnet, {"SubnetId": a.subnet if a.new_interface() else ""}),
            says="has dependencies and cannot be deleted."),
    Refusal("DeleteSubnet", "a subnet with a NAT gateway", "DependencyViolation",
            lambda a: (a.ec2.delete_subnet, {"SubnetId": a.subnet if a.new_nat() else ""})),
    Refusal("DeleteSubnet", "a subnet with an interface endpoint", "DependencyViolation",
            lambda a: (a.ec2.delete_subnet, {"SubnetId": a.subnet if a.endpoint() else ""})),
    Refusal("DeleteSubnet", "a subnet that does not exist", "InvalidSubnetID.NotFound",
            lambda a: (a.ec2.delete_subnet, {"SubnetId": "subnet-0123456789abcdef0"})),
    # Internet gateways.
    Refusal("AttachInternetGateway", "a second gateway of a VPC", "InvalidParameterValue",
            lambda a: (a.ec2.attach_internet_gateway,
                       {"VpcId": a.vpc if a.gateway else "", "InternetGatewayId": a.new_gateway()}),
            says="already has an internet gateway attached"),
    Refusal("AttachInternetGateway", "a gateway attached elsewhere", "Resource.AlreadyAssociated",
            lambda a: (a.ec2.attach_internet_gateway, {"VpcId": a.other_vpc, "InternetGatewayId": a.gateway}),
            says="is already attached to network"),
    Refusal("AttachInternetGateway", "a VPC that does not exist", "InvalidVpcID.NotFound",
            lambda a: (a.ec2.attach_internet_gateway,
                       {"VpcId": "vpc-0123456789abcdef0", "InternetGatewayId": a.new_gateway()})),
    Refusal("DetachInternetGateway", "a VPC with mapped public addresses", "DependencyViolation",
            lambda a: (a.ec2.detach_internet_gateway,
                       {"VpcId": a.vpc if a.new_nat() else "", "InternetGatewayId": a.gateway}),
            says="has some mapped public address(es)"),
    Refusal("DetachInternetGateway", "a gateway that is not attached", "Gateway.NotAttached",
            lambda a: (a.ec2.detach_internet_gateway, {"VpcId": a.vpc, "InternetGatewayId": a.new_gateway()})),
    Refusal("DeleteInternetGateway", "a gateway that is attached", "DependencyViolation",
            lambda a: (a.ec2.delete_internet_gateway, {"InternetGatewayId": a.gateway}),
            says="has dependencies and cannot be deleted."),
    Refusal("DeleteInternetGateway", "a gateway that does not exist", "InvalidInternetGatewayID.NotFound",
            lambda a: (a.ec2.delete_internet_gateway, {"InternetGatewayId": "igw-0123456789abcdef0"})),
    # Routes.
    Refusal("CreateRoute", "a destination that is routed already", "RouteAlreadyExists",
            lambda a: (a.ec2.create_route, _routed(a)), says="The route identified by 0.0.0.0/0 already exists."),
    Refusal("CreateRoute", "the VPC's own CIDR", "RouteAlreadyExists",
            lambda a: (a.ec2.create_route,
                       {"RouteTableId": a.table, "DestinationCidrBlock": "10.0.0.0/16", "GatewayId": a.gateway})),
    Refusal("CreateRoute", "a gateway that does not exist", "InvalidGatewayID.NotFound",
            lambda a: (a.ec2.create_route,
                       {"RouteTableId": a.table, "DestinationCidrBlock": "0.0.0.0/0",
                        "GatewayId": "igw-0123456789abcdef0"}), says="does not exist"),
    Refusal("CreateRoute", "a gateway of another VPC", "InvalidParameterValue",
            lambda a: (a.ec2.create_route,
                       {"RouteTableId": a.table, "DestinationCidrBlock": "0.0.0.0/0",
                        "GatewayId": a.new_gateway(a.other_vpc)}), says="belong to different networks"),
    Refusal("CreateRoute", "a NAT gateway that does not exist", "InvalidNatGatewayID.NotFound",
            lambda a: (a.ec2.create_route,
                       {"RouteTableId": a.table, "DestinationCidrBlock": "0.0.0.0/0",
                        "NatGatewayId": "nat-0123456789abcdef0"}), says="does not exist"),
    Refusal("CreateRoute", "a NAT gateway of another VPC", "InvalidParameterValue",
            lambda a: (a.ec2.create_route,
                       {"RouteTableId": a.table, "DestinationCidrBlock": "0.0.0.0/0",
                        "NatGatewayId": _nat_of_other_vpc(a)}), says="belong to different networks"),
    Refusal("CreateRoute", "a peering connection that does not exist", "InvalidVpcPeeringConnectionID.NotFound",
            lambda a: (a.ec2.create_route,
                       {"RouteTableId": a.table, "DestinationCidrBlock": "10.9.0.0/16",
                        "VpcPeeringConnectionId": "pcx-0123456789abcdef0"})),
    Refusal("CreateRoute", "no target", "MissingParameter",
            lambda a: (a.ec2.create_route, {"RouteTableId": a.table, "DestinationCidrBlock": "0.0.0.0/0"})),
    Refusal("CreateRoute", "two targets", "InvalidParameterCombination",
            lambda a: (a.ec2.create_route,
                       {"RouteTableId": a.table, "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": a.gateway,
                        "NatGatewayId": a.new_nat()})),
    Refusal("CreateRoute", "a route table that does not exist", "InvalidRouteTableID.NotFound",
            lambda a: (a.ec2.create_route,
                       {"RouteTableId": "rtb-0123456789abcdef0", "DestinationCidrBlock": "0.0.0.0/0",
                        "GatewayId": a.gateway})),
    Refusal("CreateRoute", "what is no CIDR", "InvalidParameterValue",
            lambda a: (a.ec2.create_route,
                       {"RouteTableId": a.table, "DestinationCidrBlock": "10.0.0.0/33", "GatewayId": a.gateway})),
    Refusal("ReplaceRoute", "a destination without a route", "InvalidParameterValue",
            lambda a: (a.ec2.replace_route,
                       {"RouteTableId": a.table, "DestinationCidrBlock": "10.9.0.0/16", "GatewayId": a.gateway}),
            says="There is no route defined for '10.9.0.0/16' in the route table. Use CreateRoute instead."),
    Refusal("ReplaceRoute", "a gateway that does not exist", "InvalidGatewayID.NotFound",
            lambda a: (a.ec2.replace_route, {**_routed(a), "GatewayId": "igw-0123456789abcdef0"})),
    Refusal("DeleteRoute", "a destination without a route", "InvalidRoute.NotFound",
            lambda a: (a.ec2.delete_route, {"RouteTableId": a.table, "DestinationCidrBlock": "10.9.0.0/16"}),
            says="no route with destination-cidr-block 10.9.0.0/16 in route table"),
    Refusal("DeleteRoute", "the local route", "InvalidParameterValue",
            lambda a: (a.ec2.delete_route, {"RouteTableId": a.table, "DestinationCidrBlock": "10.0.0.0/16"}),
            says="cannot remove local route 10.0.0.0/16 in route table"),
    Refusal("AssociateRouteTable", "a subnet that has another table", "Resource.AlreadyAssociated",
            lambda a: (a.ec2.associate_route_table,
                       {"RouteTableId": a.new_table() if _associated(a) else "", "SubnetId": a.subnet}),
            says="conflicts with an existing association"),
    Refusal("AssociateRouteTable", "a subnet of another VPC", "InvalidParameterValue",
            lambda a: (a.ec2.associate_route_table, {"RouteTableId": a.table, "SubnetId": a.other_subnet}),
            says="belong to different networks"),
    Refusal("AssociateRouteTable", "a subnet that does not exist", "InvalidSubnetID.NotFound",
            lambda a: (a.ec2.associate_route_table,
                       {"RouteTableId": a.table, "SubnetId": "subnet-0123456789abcdef0"})),
    Refusal("DisassociateRouteTable", "the main association", "InvalidParameterValue",
            lambda a: (a.ec2.disassociate_route_table,
                       {"AssociationId": a.main_table()["Associations"][0]["RouteTableAssociationId"]}),
            says="cannot disassociate the main route table association"),
    Refusal("DeleteRouteTable", "a table with a subnet", "DependencyViolation",
            lambda a: (a.ec2.delete_route_table, _associated(a)), says="has dependencies and cannot be deleted."),
    Refusal("DeleteRouteTable", "the main table", "DependencyViolation",
            lambda a: (a.ec2.delete_route_table, {"RouteTableId": a.main_table()["RouteTableId"]})),
    # NAT gateways and addresses.
    Refusal("CreateNatGateway", "a subnet that does not exist", "InvalidSubnetID.NotFound",
            lambda a: (a.ec2.create_nat_gateway,
                       {"SubnetId": "subnet-0123456789abcdef0", "AllocationId": a.new_address()})),
    Refusal("CreateNatGateway", "an address that does not exist", "InvalidAllocationID.NotFound",
            lambda a: (a.ec2.create_nat_gateway,
                       {"SubnetId": a.subnet if a.gateway else "", "AllocationId": "eipalloc-0123456789abcdef0"})),
    Refusal("CreateNatGateway", "no address", "MissingParameter",
            lambda a: (a.ec2.create_nat_gateway, {"SubnetId": a.subnet if a.gateway else ""})),
    Refusal("CreateNatGateway", "an address for a private one", "InvalidParameter",
            lambda a: (a.ec2.create_nat_gateway,
                       {"SubnetId": a.subnet, "AllocationId": a.new_address(), "ConnectivityType": "private"})),
    Refusal("ReleaseAddress", "an address that a NAT gateway uses", "InvalidIPAddress.InUse",
            lambda a: (a.ec2.release_address,
                       {"AllocationId": a.ec2.describe_nat_gateways(NatGatewayIds=[a.new_nat()])["NatGateways"][0][
                           "NatGatewayAddresses"][0]["AllocationId"]})),
    Refusal("ReleaseAddress", "an address that does not exist", "InvalidAllocationID.NotFound",
            lambda a: (a.ec2.release_address, {"AllocationId": "eipalloc-0123456789abcdef0"})),
    # Security groups.
    Refusal("CreateSecurityGroup", "a name that the VPC has already", "InvalidGroup.Duplicate",
            lambda a: (a.ec2.create_security_group,
                       {"VpcId": a.vpc, "Description": "d", "GroupName": a.ec2.describe_security_groups(
                           GroupIds=[a.group])["SecurityGroups"][0]["GroupName"]}), says="already exists for VPC"),
    Refusal("CreateSecurityGroup", "a VPC that does not exist", "InvalidVpcID.NotFound",
            lambda a: (a.ec2.create_security_group,
                       {"VpcId": "vpc-0123456789abcdef0", "Description": "d", "GroupName": "g"})),
    Refusal("CreateSecurityGroup", "the name default", "InvalidParameterValue",
            lambda a: (a.ec2.create_security_group, {"VpcId": a.vpc, "Description": "d", "GroupName": "default"}),
            says="Cannot use reserved security group name: default"),
    Refusal("CreateSecurityGroup", "a name that begins with sg-", "InvalidParameterValue",
            lambda a: (a.ec2.create_security_group, {"VpcId": a.vpc, "Description": "d", "GroupName": "sg-web"}),
            says="Group names may not be in the format sg-*"),
    Refusal("CreateSecurityGroup", "a description in other letters", "InvalidParameterValue",
            lambda a: (a.ec2.create_security_group, {"VpcId": a.vpc, "Description": "für alle", "GroupName": "g"}),
            says="Character sets beyond ASCII are not supported."),
    Refusal("CreateSecurityGroup", "a description of more than 255 characters", "InvalidParameterValue",
            lambda a: (a.ec2.create_security_group, {"VpcId": a.vpc, "Description": "d" * 256, "GroupName": "g"})),
    Refusal("DeleteSecurityGroup", "a group that a rule of another references", "DependencyViolation",
            lambda a: (a.ec2.delete_security_group, {"GroupId": _referenced_group(a)}),
            says="has a dependent object"),
    Refusal("DeleteSecurityGroup", "a group that a network interface has", "DependencyViolation",
            lambda a: (a.ec2.delete_security_group,
                       {"GroupId": a.group if a.new_interface(Groups=[a.group]) else ""})),
    Refusal("DeleteSecurityGroup", "a group that an interface endpoint has", "DependencyViolation",
            lambda a: (a.ec2.delete_security_group,
                       {"GroupId": a.group if a.endpoint(SecurityGroupIds=[a.group]) else ""})),
    Refusal("DeleteSecurityGroup", "the VPC's default group", "CannotDelete",
            lambda a: (a.ec2.delete_security_group, {"GroupId": a.default_group()}),
            says='name: "default" cannot be deleted by a user'),
    Refusal("DeleteSecurityGroup", "a group that does not exist", "InvalidGroup.NotFound",
            lambda a: (a.ec2.delete_security_group, {"GroupId": "sg-0123456789abcdef0"})),
    Refusal("AuthorizeSecurityGroupIngress", "a rule that is there already", "InvalidPermission.Duplicate",
            lambda a: (a.ec2.authorize_security_group_ingress, _authorized(a)),
            says='the specified rule "peer: 0.0.0.0/0, TCP, from port: 80, to port: 80, ALLOW" already exists'),
    Refusal("AuthorizeSecurityGroupIngress", "the same rule twice in a call", "InvalidParameterValue",
            lambda a: (a.ec2.authorize_security_group_ingress, _permission(a, IpRanges=[*_ANYWHERE, *_ANYWHERE])),
            says="The same permission must not appear multiple times"),
    Refusal("AuthorizeSecurityGroupIngress", "a group that does not exist", "InvalidGroup.NotFound",
            lambda a: (a.ec2.authorize_security_group_ingress,
                       {**_permission(a), "GroupId": "sg-0123456789abcdef0"})),
    Refusal("AuthorizeSecurityGroupIngress", "a source group that does not exist", "InvalidGroup.NotFound",
            lambda a: (a.ec2.authorize_security_group_ingress,
                       _permission(a, IpRanges=[], UserIdGroupPairs=[{"GroupId": "sg-0123456789abcdef0"}])),
            says="The security group 'sg-0123456789abcdef0' does not exist"),
    Refusal("AuthorizeSecurityGroupIngress", "a source group of another VPC", "InvalidGroup.NotFound",
            lambda a: (a.ec2.authorize_security_group_ingress,
                       _permission(a, IpRanges=[], UserIdGroupPairs=[{"GroupId": a.other_group}])),
            says="You have specified two resources that belong to different networks."),
    Refusal("AuthorizeSecurityGroupIngress", "a prefix list that does not exist", "InvalidPrefixListID.NotFound",
            lambda a: (a.ec2.authorize_security_group_ingress,
                       _permission(a, IpRanges=[], PrefixListIds=[{"PrefixListId": "pl-0123456789abcdef0"}]))),
    Refusal("AuthorizeSecurityGroupIngress", "what is no CIDR", "InvalidParameterValue",
            lambda a: (a.ec2.authorize_security_group_ingress, _permission(a, IpRanges=[{"CidrIp": "10.0.0.0/33"}])),
            says="CIDR block 10.0.0.0/33 is malformed"),
    Refusal("AuthorizeSecurityGroupIngress", "a protocol that does not exist", "InvalidParameterValue",
            lambda a: (a.ec2.authorize_security_group_ingress, _permission(a, IpProtocol="tcpp")),
            says="Invalid value 'tcpp' for IP protocol. Unknown protocol."),
    Refusal("AuthorizeSecurityGroupIngress", "a port beyond 65535", "InvalidParameterValue",
            lambda a: (a.ec2.authorize_security_group_ingress, _permission(a, ToPort=65536))),
    Refusal("AuthorizeSecurityGroupIngress", "a range of ports that ends before it begins", "InvalidParameterValue",
            lambda a: (a.ec2.authorize_security_group_ingress, _permission(a, FromPort=443, ToPort=80)),
            says="port range"),
    Refusal("AuthorizeSecurityGroupIngress", "no ports for TCP", "InvalidParameterValue",
            lambda a: (a.ec2.authorize_security_group_ingress,
                       {"GroupId": a.group, "IpPermissions": [{"IpProtocol": "tcp", "IpRanges": _ANYWHERE}]})),
    Refusal("AuthorizeSecurityGroupIngress", "a description with a semicolon's neighbours (<>)",
            "InvalidParameterValue",
            lambda a: (a.ec2.authorize_security_group_ingress,
                       _permission(a, IpRanges=[{"CidrIp": "10.0.0.0/8", "Description": "<web>"}])),
            says="Invalid rule description."),
    Refusal("AuthorizeSecurityGroupIngress", "more than sixty rules of a direction",
            "RulesPerSecurityGroupLimitExceeded",
            lambda a: (a.ec2.authorize_security_group_ingress,
                       {"GroupId": a.group, "IpPermissions": _many_rules(61)}),
            says="The maximum number of rules per security group has been reached."),
    Refusal("AuthorizeSecurityGroupEgress", "a rule that is there already", "InvalidPermission.Duplicate",
            lambda a: (a.ec2.authorize_security_group_egress,
                       {"GroupId": a.group, "IpPermissions": [{"IpProtocol": "-1", "IpRanges": _ANYWHERE}]})),
    Refusal("RevokeSecurityGroupIngress", "a rule that is not there", "InvalidPermission.NotFound",
            lambda a: (a.ec2.revoke_security_group_ingress, _permission(a)),
            says="The specified rule does not exist in this security group"),
    # Network interfaces.
    Refusal("CreateNetworkInterface", "a subnet that does not exist", "InvalidSubnetID.NotFound",
            lambda a: (a.ec2.create_network_interface, {"SubnetId": "subnet-0123456789abcdef0"})),
    Refusal("CreateNetworkInterface", "a security group that does not exist", "InvalidGroup.NotFound",
            lambda a: (a.ec2.create_network_interface, {"SubnetId": a.subnet, "Groups": ["sg-0123456789abcdef0"]})),
    Refusal("CreateNetworkInterface", "a security group of another VPC", "InvalidParameterValue",
            lambda a: (a.ec2.create_network_interface, {"SubnetId": a.subnet, "Groups": [a.other_group]}),
            says="You have specified two resources that belong to different networks."),
    Refusal("CreateNetworkInterface", "six security groups", "SecurityGroupsPerInterfaceLimitExceeded",
            lambda a: (a.ec2.create_network_interface,
                       {"SubnetId": a.subnet, "Groups": [a.new_group() for _ in range(6)]})),
    Refusal("CreateNetworkInterface", "an address outside the subnet", "InvalidParameterValue",
            lambda a: (a.ec2.create_network_interface, {"SubnetId": a.subnet, "PrivateIpAddress": "10.0.2.9"}),
            says="Address does not fall within the subnet's address range"),
    Refusal("CreateNetworkInterface", "an address that AWS reserves", "InvalidParameterValue",
            lambda a: (a.ec2.create_network_interface, {"SubnetId": a.subnet, "PrivateIpAddress": "10.0.1.1"}),
            says="Address is in subnet's reserved address range"),
    Refusal("CreateNetworkInterface", "an address in use", "InvalidIPAddress.InUse",
            lambda a: (a.ec2.create_network_interface,
                       {"SubnetId": a.subnet, "PrivateIpAddress": "10.0.1.9"
                        if a.new_interface(PrivateIpAddress="10.0.1.9") else ""}),
            says="is in use."),
    Refusal("ModifyNetworkInterfaceAttribute", "a security group of another VPC", "InvalidParameterValue",
            lambda a: (a.ec2.modify_network_interface_attribute,
                       {"NetworkInterfaceId": a.new_interface(), "Groups": [a.other_group]})),
    # Endpoints.
    Refusal("CreateVpcEndpoint", "private DNS in a VPC without DNS hostnames", "InvalidParameter",
            lambda a: (a.ec2.create_vpc_endpoint,
                       {"VpcId": a.new_vpc(hostnames=False), "ServiceName": a.service("sqs"),
                        "VpcEndpointType": "Interface", "PrivateDnsEnabled": True}),
            says="Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true",
            source="https://docs.aws.amazon.com/guardduty/latest/ug/troubleshooting-guardduty-runtime-monitoring.html"),
    Refusal("CreateVpcEndpoint", "private DNS not spelled out, in such a VPC", "InvalidParameter",
            lambda a: (a.ec2.create_vpc_endpoint,
                       {"VpcId": a.new_vpc(hostnames=False), "ServiceName": a.service("sqs"),
                        "VpcEndpointType": "Interface"}),
            source="https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpcEndpoint.html (default: true)"),
    Refusal("CreateVpcEndpoint", "a second endpoint of a service with private DNS", "InvalidParameter",
            lambda a: (a.ec2.create_vpc_endpoint,
                       {**_interface(a), "VpcId": a.vpc if a.endpoint(PrivateDnsEnabled=True) else ""}),
            says="private-dns-enabled cannot be set because there is already a conflicting DNS domain for "
                 "sqs.eu-west-1.amazonaws.com in the VPC"),
    Refusal("CreateVpcEndpoint", "private DNS for S3 without a gateway endpoint", "InvalidParameter",
            lambda a: (a.ec2.create_vpc_endpoint, _interface(a, ServiceName=a.service("s3"), PrivateDnsEnabled=True)),
            says="must have a Gateway endpoint for the service.", source=_ENDPOINT_ISSUES),
    Refusal("CreateVpcEndpoint", "the resolver option on a gateway endpoint", "InvalidParameter",
            lambda a: (a.ec2.create_vpc_endpoint,
                       _gateway(a, DnsOptions={"PrivateDnsOnlyForInboundResolverEndpoint": True})),
            says="is applicable only to Interface VPC Endpoints.",
            source="https://github.com/hashicorp/terraform-provider-aws/issues/45846"),
    Refusal("CreateVpcEndpoint", "two subnets in one zone", "DuplicateSubnetsInSameZone",
            lambda a: (a.ec2.create_vpc_endpoint, _interface(a, SubnetIds=[a.subnet, a.new_subnet("10.0.2.0/24")])),
            says="Found another VPC endpoint subnet in the availability zone of"),
    Refusal("CreateVpcEndpoint", "a subnet of another VPC", "InvalidParameter",
            lambda a: (a.ec2.create_vpc_endpoint, _interface(a, SubnetIds=[a.other_subnet]))),
    Refusal("CreateVpcEndpoint", "a subnet that does not exist", "InvalidSubnetId.NotFound",
            lambda a: (a.ec2.create_vpc_endpoint, _interface(a, SubnetIds=["subnet-0123456789abcdef0"]))),
    Refusal("CreateVpcEndpoint", "a security group of another VPC", "InvalidParameter",
            lambda a: (a.ec2.create_vpc_endpoint, _interface(a, SecurityGroupIds=[a.other_group]))),
    Refusal("CreateVpcEndpoint", "a security group that does not exist", "InvalidSecurityGroupId.NotFound",
            lambda a: (a.ec2.create_vpc_endpoint, _interface(a, SecurityGroupIds=["sg-0123456789abcdef0"]))),
    Refusal("CreateVpcEndpoint", "a service that does not exist", "InvalidServiceName",
            lambda a: (a.ec2.create_vpc_endpoint, _interface(a, ServiceName=a.service("sqss"))),
            says="The Vpc Endpoint Service 'com.amazonaws.eu-west-1.sqss' does not exist"),
    Refusal("CreateVpcEndpoint", "a service of another region", "InvalidServiceName",
            lambda a: (a.ec2.create_vpc_endpoint, _interface(a, ServiceName="com.amazonaws.us-east-1.sqs"))),
    Refusal("CreateVpcEndpoint", "a gateway for a service that has none", "InvalidParameter",
            lambda a: (a.ec2.create_vpc_endpoint, _gateway(a, ServiceName=a.service("sqs")))),
    Refusal("CreateVpcEndpoint", "subnets for a gateway", "InvalidParameter",
            lambda a: (a.ec2.create_vpc_endpoint, _gateway(a, SubnetIds=[a.subnet]))),
    Refusal("CreateVpcEndpoint", "security groups for a gateway", "InvalidParameter",
            lambda a: (a.ec2.create_vpc_endpoint, _gateway(a, SecurityGroupIds=[a.group]))),
    Refusal("CreateVpcEndpoint", "route tables for an interface", "InvalidParameter",
            lambda a: (a.ec2.create_vpc_endpoint, _interface(a, RouteTableIds=[a.table]))),
    Refusal("CreateVpcEndpoint", "private DNS for a gateway", "InvalidParameter",
            lambda a: (a.ec2.create_vpc_endpoint, _gateway(a, PrivateDnsEnabled=True))),
    Refusal("CreateVpcEndpoint", "a route table that does not exist", "InvalidRouteTableId.NotFound",
            lambda a: (a.ec2.create_vpc_endpoint, _gateway(a, RouteTableIds=["rtb-0123456789abcdef0"]))),
    Refusal("CreateVpcEndpoint", "a route table of another VPC", "InvalidParameter",
            lambda a: (a.ec2.create_vpc_endpoint, _gateway(a, RouteTableIds=[a.new_table(a.other_vpc)]))),
    Refusal("CreateVpcEndpoint", "a route table that has such a route", "RouteAlreadyExists",
            lambda a: (a.ec2.create_vpc_endpoint,
                       _gateway(a, RouteTableIds=[a.table if a.gateway_endpoint(RouteTableIds=[a.table]) else ""])),
            says="already has a route with destination-prefix-list-id"),
    Refusal("CreateVpcEndpoint", "a policy that is no JSON", "InvalidPolicyDocument",
            lambda a: (a.ec2.create_vpc_endpoint, _interface(a, PolicyDocument="{"))),
    Refusal("CreateVpcEndpoint", "a policy without a principal", "InvalidPolicyDocument",
            lambda a: (a.ec2.create_vpc_endpoint,
                       _interface(a, PolicyDocument='{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'))),
    Refusal("CreateVpcEndpoint", "a VPC that does not exist", "InvalidVpcId.NotFound",
            lambda a: (a.ec2.create_vpc_endpoint,
                       {"VpcId": "vpc-0123456789abcdef0", "ServiceName": a.service("s3")})),
    Refusal("ModifyVpcEndpoint", "private DNS for a second endpoint of a service", "InvalidParameter",
            lambda a: (a.ec2.modify_vpc_endpoint,
                       {"VpcEndpointId": a.endpoint(PrivateDnsEnabled=False) if a.endpoint(PrivateDnsEnabled=True)
                        else "", "PrivateDnsEnabled": True}),
            says="private-dns-enabled cannot be set because there is already a conflicting DNS domain"),
    Refusal("ModifyVpcEndpoint", "private DNS in a VPC without DNS hostnames", "InvalidParameter",
            lambda a: (a.ec2.modify_vpc_endpoint,
                       {"VpcEndpointId": a.ec2.create_vpc_endpoint(
                           VpcId=a.new_vpc(hostnames=False), ServiceName=a.service("sqs"),
                           VpcEndpointType="Interface", PrivateDnsEnabled=False)["VpcEndpoint"]["VpcEndpointId"],
                        "PrivateDnsEnabled": True}), says="Enabling private DNS requires both"),
    Refusal("ModifyVpcEndpoint", "a second subnet in a zone", "DuplicateSubnetsInSameZone",
            lambda a: (a.ec2.modify_vpc_endpoint,
                       {"VpcEndpointId": a.endpoint(), "AddSubnetIds": [a.new_subnet("10.0.2.0/24")]})),
    Refusal("ModifyVpcEndpoint", "a security group of another VPC", "InvalidParameter",
            lambda a: (a.ec2.modify_vpc_endpoint,
                       {"VpcEndpointId": a.endpoint(), "AddSecurityGroupIds": [a.other_group]})),
    Refusal("ModifyVpcEndpoint", "a route table of another VPC", "InvalidParameter",
            lambda a: (a.ec2.modify_vpc_endpoint,
                       {"VpcEndpointId": a.gateway_endpoint(), "AddRouteTableIds": [a.new_table(a.other_vpc)]})),
    Refusal("ModifyVpcEndpoint", "subnets for a gateway", "InvalidParameter",
            lambda a: (a.ec2.modify_vpc_endpoint,
                       {"VpcEndpointId": a.gateway_endpoint(), "AddSubnetIds": [a.subnet]})),
    Refusal("ModifyVpcEndpoint", "a policy that is no JSON", "InvalidPolicyDocument",
            lambda a: (a.ec2.modify_vpc_endpoint, {"VpcEndpointId": a.endpoint(), "PolicyDocument": "nothing"})),
    Refusal("ModifyVpcEndpoint", "an endpoint that does not exist", "InvalidVpcEndpointId.NotFound",
            lambda a: (a.ec2.modify_vpc_endpoint,
                       {"VpcEndpointId": "vpce-0123456789abcdef0", "PrivateDnsEnabled": True})),
    Refusal("ModifyVpcAttribute", "DNS hostnames off under an endpoint with private DNS", "OperationNotPermitted",
            lambda a: (a.ec2.modify_vpc_attribute,
                       {"VpcId": a.vpc if a.endpoint(PrivateDnsEnabled=True) else "",
                        "EnableDnsHostnames": {"Value": False}}), yet=False),
    # Network ACLs.
    Refusal("CreateNetworkAclEntry", "a number that is taken", "NetworkAclEntryAlreadyExists",
            lambda a: (a.ec2.create_network_acl_entry, _acl_entry_twice(a))),
    Refusal("CreateNetworkAclEntry", "a number beyond 32766", "InvalidParameterValue",
            lambda a: (a.ec2.create_network_acl_entry, _acl_entry(a, RuleNumber=32767))),
    Refusal("CreateNetworkAclEntry", "no CIDR", "MissingParameter",
            lambda a: (a.ec2.create_network_acl_entry,
                       {k: v for k, v in _acl_entry(a).items() if k != "CidrBlock"})),
    Refusal("CreateNetworkAclEntry", "no ports for TCP", "MissingParameter",
            lambda a: (a.ec2.create_network_acl_entry, _acl_entry(a, Protocol="6"))),
    Refusal("DeleteNetworkAcl", "the VPC's default ACL", "InvalidParameterValue",
            lambda a: (a.ec2.delete_network_acl, {"NetworkAclId": _default_acl(a)}),
            says="cannot delete default network ACL"),
    Refusal("DeleteNetworkAcl", "an ACL with a subnet", "DependencyViolation",
            lambda a: (a.ec2.delete_network_acl, {"NetworkAclId": _acl_in_use(a)})),
    # DHCP options, flow logs, tags.
    Refusal("DeleteDhcpOptions", "options that a VPC has", "DependencyViolation",
            lambda a: (a.ec2.delete_dhcp_options, {"DhcpOptionsId": _dhcp_in_use(a)})),
    Refusal("AssociateDhcpOptions", "options that do not exist", "InvalidDhcpOptionID.NotFound",
            lambda a: (a.ec2.associate_dhcp_options,
                       {"DhcpOptionsId": "dopt-0123456789abcdef0", "VpcId": a.vpc})),
    Refusal("CreateFlowLogs", "the same flow log twice", "FlowLogAlreadyExists",
            lambda a: (a.ec2.create_flow_logs, _flow_log_twice(a))),
    Refusal("CreateTags", "a key that begins with aws:", "InvalidParameterValue",
            lambda a: (a.ec2.create_tags, {"Resources": [a.vpc], "Tags": [{"Key": "aws:x", "Value": "y"}]}),
            says="Tag keys starting with 'aws:' are reserved for internal use"),
    Refusal("CreateTags", "a key of more than 128 characters", "InvalidParameterValue",
            lambda a: (a.ec2.create_tags, {"Resources": [a.vpc], "Tags": [{"Key": "k" * 129, "Value": "y"}]}),
            says="Tag key exceeds the maximum length of 128 characters"),
    Refusal("CreateTags", "a value of more than 256 characters", "InvalidParameterValue",
            lambda a: (a.ec2.create_tags, {"Resources": [a.vpc], "Tags": [{"Key": "k", "Value": "y" * 257}]}),
            says="Tag value exceeds the maximum length of 256 characters"),
    Refusal("CreateTags", "more than fifty tags", "TagLimitExceeded",
            lambda a: (a.ec2.create_tags,
                       {"Resources": [a.vpc], "Tags": [{"Key": f"k{n}", "Value": "v"} for n in range(51)]})),
    Refusal("CreateTags", "a resource that does not exist", "InvalidVpcID.NotFound",
            lambda a: (a.ec2.create_tags,
                       {"Resources": ["vpc-0123456789abcdef0"], "Tags": [{"Key": "k", "Value": "v"}]})),
    Refusal("CreateVpc", "tags for another type of resource", "InvalidParameterValue",
            lambda a: (a.ec2.create_vpc,
                       {"CidrBlock": "10.0.0.0/16",
                        "TagSpecifications": [{"ResourceType": "subnet", "Tags": [{"Key": "k", "Value": "v"}]}]}),
            says="'subnet' is not a valid taggable resource type for this operation."),
)  # fmt: skip

SERVICES = (
    Service(
        "ec2", "EC2: networks", "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html", ROWS
    ),
)
