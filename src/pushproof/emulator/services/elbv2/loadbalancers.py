"""Operations on load balancers.

Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html and the pages beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NotRequired, TypedDict

from botocore.exceptions import ClientError, ParamValidationError

from pushproof.aws.arns import arn_of
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError, not_implemented
from pushproof.emulator.services.elbv2 import attributes
from pushproof.emulator.services.elbv2.model import LoadBalancer, unique
from pushproof.emulator.services.elbv2.names import check_name
from pushproof.emulator.services.elbv2.store import PROVISIONING, Store, page
from pushproof.emulator.services.elbv2.tagging import with_tags

if TYPE_CHECKING:
    from types_boto3_ec2.type_defs import FilterTypeDef
    from types_boto3_elbv2.type_defs import LoadBalancerTypeDef, SubnetMappingTypeDef

    from pushproof.emulator.kernel.shapes.elbv2 import (
        CreateLoadBalancerAnswer,
        CreateLoadBalancerRequest,
        DeleteLoadBalancerAnswer,
        DeleteLoadBalancerRequest,
        DescribeCapacityReservationAnswer,
        DescribeCapacityReservationRequest,
        DescribeLoadBalancerAttributesAnswer,
        DescribeLoadBalancerAttributesRequest,
        DescribeLoadBalancersAnswer,
        DescribeLoadBalancersRequest,
        ModifyCapacityReservationAnswer,
        ModifyCapacityReservationRequest,
        ModifyLoadBalancerAttributesAnswer,
        ModifyLoadBalancerAttributesRequest,
        SetIpAddressTypeAnswer,
        SetIpAddressTypeRequest,
        SetSecurityGroupsAnswer,
        SetSecurityGroupsRequest,
        SetSubnetsAnswer,
        SetSubnetsRequest,
    )


# https://docs.aws.amazon.com/general/latest/gr/elb.html
_HOSTED_ZONES = {
    "us-east-1": "Z35SXDOTRQ7X7K",
    "us-east-2": "Z3AADJGX6KTTL2",
    "us-west-1": "Z368ELLRRE2KJ0",
    "us-west-2": "Z1H1FL5HABSF5",
    "ca-central-1": "ZQSVJUPU6J1EY",
    "eu-central-1": "Z215JYRZR1TBD5",
    "eu-west-1": "Z32O12XQLNTSW2",
    "eu-west-2": "ZHURV8PSTC4K8",
    "eu-west-3": "Z3Q77PNBQS71R4",
    "eu-north-1": "Z23TAZ6LKFMNIO",
    "ap-northeast-1": "Z14GRHDCWA56QT",
    "ap-south-1": "ZP97RAFLXTNZK",
    "ap-southeast-1": "Z1LMS91P8CMLE5",
    "ap-southeast-2": "Z1GM3OXH4ZPM65",
    "sa-east-1": "Z2P70J7HTTTPLU",
}


class OnSubnets(TypedDict):
    """A request that names subnets."""

    Subnets: NotRequired[list[str]]
    SubnetMappings: NotRequired[list[SubnetMappingTypeDef]]


#: The first part of an ARN's path, by type of load balancer.
_PATHS = {"application": "app", "network": "net"}


class LoadBalancerOperations(Store):
    """Create, describe, change and delete load balancers."""

    def create_load_balancer(
        self, context: RequestContext, request: CreateLoadBalancerRequest
    ) -> CreateLoadBalancerAnswer:
        name = request["Name"]
        check_name("Load balancer", name)
        kind = request.get("Type") or "application"
        if kind not in _PATHS:
            raise not_implemented("elbv2", f"CreateLoadBalancer of type {kind}")
        if request.get("CustomerOwnedIpv4Pool") or request.get("IpamPools"):
            raise not_implemented("elbv2", "CreateLoadBalancer with address pools")
        scheme = request.get("Scheme") or "internet-facing"
        zones, vpc_id = self._zones(context.region, request, scheme, network=kind == "network")
        requested = request.get("SecurityGroups")
        # A Network Load Balancer without security groups has none, where an Application Load Balancer has the VPC's default.
        groups = self._security_groups(context.region, vpc_id, requested) if requested or kind == "application" else []
        ip_type = request.get("IpAddressType") or "ipv4"
        _check_ip_type(ip_type)
        tags = with_tags(context, {}, request.get("Tags", []))
        existing = next((b for b in self.balancers.values() if (b.name, b.region) == (name, context.region)), None)
        if existing is not None:
            same = (existing.scheme, existing.zones, sorted(existing.security_groups)) == (
                scheme,
                zones,
                sorted(groups),
            )
            if not same or self.tags[existing.arn] != tags:
                raise AwsError(
                    "DuplicateLoadBalancerName",
                    f"A load balancer with the same name '{name}' exists, but with different settings",
                )
            return {"LoadBalancers": [self._shown(existing)]}
        arn = arn_of(
            "elasticloadbalancing",
            f"loadbalancer/{_PATHS[kind]}/{name}/{unique()}",
            region=context.region,
            account=context.account_id,
        )
        balancer = LoadBalancer(
            arn,
            name,
            context.region,
            scheme,
            vpc_id,
            self.loopback_address(),
            self.site.clock.now(),
            groups,
            ip_type,
            zones,
            dict(attributes.NETWORK_LOAD_BALANCER if kind == "network" else attributes.LOAD_BALANCER),
            addresses={
                mapping["SubnetId"]: mapping["AllocationId"]
                for mapping in request.get("SubnetMappings") or []
                if "SubnetId" in mapping and "AllocationId" in mapping
            },
        )
        self._attach(balancer)
        self.balancers[arn] = balancer
        self.tags[arn] = tags
        return {"LoadBalancers": [self._shown(balancer)]}

    def describe_load_balancers(
        self, context: RequestContext, request: DescribeLoadBalancersRequest
    ) -> DescribeLoadBalancersAnswer:
        arns, names = request.get("LoadBalancerArns"), request.get("Names")
        here = [balancer for balancer in self.balancers.values() if balancer.region == context.region]
        chosen = [b for b in here if (not arns or b.arn in arns) and (not names or b.name in names)]
        if len(chosen) < len(set(arns or names or ())):
            identifiers = {b.arn for b in here} | {b.name for b in here}
            missing = [reference for reference in arns or names or () if reference not in identifiers]
            raise AwsError("LoadBalancerNotFound", f"Load balancers '[{', '.join(missing)}]' not found")
        chosen, more = page(request, chosen)
        return {"LoadBalancers": [self._shown(item) for item in chosen], **more}

    def delete_load_balancer(
        self, context: RequestContext, request: DeleteLoadBalancerRequest
    ) -> DeleteLoadBalancerAnswer:
        balancer = self.balancers.get(request["LoadBalancerArn"])
        if balancer is None:
            return {}
        if balancer.attributes["deletion_protection.enabled"] == "true":
            raise AwsError(
                "OperationNotPermitted",
                f"Load balancer '{balancer.arn}' cannot be deleted because deletion protection is enabled",
            )
        before = self.in_use()
        for listener in [
            listener for listener in self.listeners.values() if listener.load_balancer_arn == balancer.arn
        ]:
            self.plane.remove_listener(listener.arn)
            del self.listeners[listener.arn]
            for arn in (listener.arn, *(rule.arn for rule in listener.rules)):
                self.tags.pop(arn, None)
        self.leave(before)
        self._detach(balancer, list(balancer.interfaces))
        del self.balancers[balancer.arn]
        self.tags.pop(balancer.arn, None)
        return {}

    def describe_load_balancer_attributes(
        self, context: RequestContext, request: DescribeLoadBalancerAttributesRequest
    ) -> DescribeLoadBalancerAttributesAnswer:
        return {"Attributes": attributes.shown(self.balancer(request["LoadBalancerArn"]).attributes)}

    def modify_load_balancer_attributes(
        self, context: RequestContext, request: ModifyLoadBalancerAttributesRequest
    ) -> ModifyLoadBalancerAttributesAnswer:
        balancer = self.balancer(request["LoadBalancerArn"])
        after = attributes.changed("Load balancer", balancer.attributes, request["Attributes"])
        self._check_buckets(balancer.region, after)
        balancer.attributes = after
        for listener in self.listeners.values():
            if listener.load_balancer_arn == balancer.arn:
                self.publish_listener(listener)
        return {"Attributes": attributes.shown(balancer.attributes)}

    def _check_buckets(self, region: str, after: dict[str, str]) -> None:
        """Refuse logs in a bucket that does not exist."""
        for logs in ("access_logs", "connection_logs", "health_check_logs"):
            if after.get(f"{logs}.s3.enabled") == "true":
                bucket = after[f"{logs}.s3.bucket"]
                try:
                    self.site.substrate.client("s3", region).head_bucket(Bucket=bucket)
                except (ClientError, ParamValidationError) as error:
                    raise AwsError("InvalidConfigurationRequest", f"S3 bucket '{bucket}' is not found") from error

    def set_security_groups(
        self, context: RequestContext, request: SetSecurityGroupsRequest
    ) -> SetSecurityGroupsAnswer:
        balancer = self.balancer(request["LoadBalancerArn"])
        if balancer.network and not balancer.security_groups:
            # https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-security-groups.html
            raise AwsError(
                "InvalidConfigurationRequest",
                "You can not set security groups on a Network Load Balancer that was created without security groups",
            )
        balancer.security_groups = self._security_groups(context.region, balancer.vpc_id, request["SecurityGroups"])
        ec2 = self.site.substrate.client("ec2", balancer.region)
        for interface in balancer.interfaces.values():
            ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, Groups=balancer.security_groups)
        return {"SecurityGroupIds": balancer.security_groups}

    def set_subnets(self, context: RequestContext, request: SetSubnetsRequest) -> SetSubnetsAnswer:
        balancer = self.balancer(request["LoadBalancerArn"])
        zones, vpc_id = self._zones(context.region, request, balancer.scheme, network=balancer.network)
        if vpc_id != balancer.vpc_id:
            raise AwsError("InvalidSubnet", f"The subnets must be in VPC '{balancer.vpc_id}' of the load balancer")
        if request.get("IpAddressType"):
            _check_ip_type(request["IpAddressType"])
            balancer.ip_address_type = request["IpAddressType"]
        self._detach(balancer, [subnet for subnet in balancer.zones if subnet not in zones])
        balancer.zones = zones
        self._attach(balancer)
        shown = self._shown(balancer)
        return {"AvailabilityZones": shown["AvailabilityZones"], "IpAddressType": balancer.ip_address_type}

    def set_ip_address_type(self, context: RequestContext, request: SetIpAddressTypeRequest) -> SetIpAddressTypeAnswer:
        balancer = self.balancer(request["LoadBalancerArn"])
        _check_ip_type(request["IpAddressType"])
        balancer.ip_address_type = request["IpAddressType"]
        return {"IpAddressType": balancer.ip_address_type}

    def describe_capacity_reservation(
        self, context: RequestContext, request: DescribeCapacityReservationRequest
    ) -> DescribeCapacityReservationAnswer:
        return self._capacity(self.balancer(request["LoadBalancerArn"]))

    def modify_capacity_reservation(
        self, context: RequestContext, request: ModifyCapacityReservationRequest
    ) -> ModifyCapacityReservationAnswer:
        balancer = self.balancer(request["LoadBalancerArn"])
        units = (request.get("MinimumLoadBalancerCapacity") or {}).get("CapacityUnits")
        balancer.capacity_units = None if request.get("ResetCapacityReservation") else units
        balancer.capacity_modified_at = self.site.clock.now()
        return self._capacity(balancer)

    def _capacity(self, balancer: LoadBalancer) -> DescribeCapacityReservationAnswer:
        answer: DescribeCapacityReservationAnswer = {"DecreaseRequestsRemaining": 2, "CapacityReservationState": []}
        if balancer.capacity_modified_at is not None:
            answer["LastModifiedTime"] = self.site.clock.stamp(balancer.capacity_modified_at)
        if balancer.capacity_units is not None:
            answer["MinimumLoadBalancerCapacity"] = {"CapacityUnits": balancer.capacity_units}
            each = balancer.capacity_units / len(balancer.zones)
            answer["CapacityReservationState"] = [
                {"State": {"Code": "provisioned"}, "AvailabilityZone": zone, "EffectiveCapacityUnits": each}
                for zone in balancer.zones.values()
            ]
        return answer

    def _shown(self, balancer: LoadBalancer) -> LoadBalancerTypeDef:
        active = self.site.clock.now() >= balancer.created_at + PROVISIONING
        return {
            "LoadBalancerArn": balancer.arn,
            "LoadBalancerName": balancer.name,
            # A literal address: it resolves everywhere, so that `curl http://<DNSName>/` works without a DNS server of the world.
            "DNSName": balancer.address,
            "CanonicalHostedZoneId": _HOSTED_ZONES.get(balancer.region, _HOSTED_ZONES["us-east-1"]),
            "CreatedTime": self.site.clock.stamp(balancer.created_at),
            "Scheme": balancer.scheme,
            "VpcId": balancer.vpc_id,
            "State": {"Code": "active" if active else "provisioning"},
            "Type": "network" if balancer.network else "application",
            "AvailabilityZones": [
                {
                    "ZoneName": zone,
                    "SubnetId": subnet,
                    "LoadBalancerAddresses": [{"AllocationId": balancer.addresses[subnet]}]
                    if subnet in balancer.addresses
                    else [],
                }
                for subnet, zone in balancer.zones.items()
            ],
            "SecurityGroups": balancer.security_groups,
            "IpAddressType": balancer.ip_address_type,
        }

    # The network of a load balancer.

    def _zones(self, region: str, request: OnSubnets, scheme: str, *, network: bool) -> tuple[dict[str, str], str]:
        mappings = request.get("SubnetMappings") or []
        if not network and any(mapping.get("AllocationId") for mapping in mappings):
            raise AwsError(
                "InvalidConfigurationRequest", "Application Load Balancers do not support Elastic IP addresses"
            )
        mapped = [mapping.get("SubnetId", "") for mapping in mappings]
        if not all(mapped):
            raise AwsError("ValidationError", "A subnet ID must be specified in each subnet mapping")
        subnet_ids = list(dict.fromkeys([*(request.get("Subnets") or []), *mapped]))
        if not subnet_ids:
            raise AwsError(
                "ValidationError",
                "At least one subnet must be specified"
                if network
                else "At least two subnets in two different Availability Zones must be specified",
            )
        ec2 = self.site.substrate.client("ec2", region)
        try:
            subnets = {subnet["SubnetId"]: subnet for subnet in ec2.describe_subnets(SubnetIds=subnet_ids)["Subnets"]}
        except ClientError as error:
            raise AwsError("SubnetNotFound", error.response["Error"]["Message"]) from error
        vpcs = {subnet["VpcId"] for subnet in subnets.values()}
        if len(vpcs) > 1:
            raise AwsError(
                "InvalidConfigurationRequest",
                "All subnets must belong to the same VPC: '[" + ", ".join(sorted(vpcs)) + "]'",
            )
        zones = {subnet: subnets[subnet]["AvailabilityZone"] for subnet in subnet_ids}
        if len(set(zones.values())) < len(zones):
            raise AwsError(
                "InvalidConfigurationRequest",
                "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
            )
        if len(zones) < 2 and not network:
            raise AwsError(
                "ValidationError", "At least two subnets in two different Availability Zones must be specified"
            )
        (vpc_id,) = vpcs
        if scheme == "internet-facing":
            attached: FilterTypeDef = {"Name": "attachment.vpc-id", "Values": [vpc_id]}
            if not ec2.describe_internet_gateways(Filters=[attached])["InternetGateways"]:
                raise AwsError("InvalidSubnet", f"VPC {vpc_id} has no internet gateway")
        return zones, vpc_id

    def _security_groups(self, region: str, vpc_id: str, group_ids: list[str] | None) -> list[str]:
        ec2 = self.site.substrate.client("ec2", region)
        if not group_ids:
            filters: list[FilterTypeDef] = [
                {"Name": "vpc-id", "Values": [vpc_id]},
                {"Name": "group-name", "Values": ["default"]},
            ]
            return [group["GroupId"] for group in ec2.describe_security_groups(Filters=filters)["SecurityGroups"]]
        try:
            groups = ec2.describe_security_groups(GroupIds=group_ids)["SecurityGroups"]
        except ClientError as error:
            raise AwsError("InvalidSecurityGroup", error.response["Error"]["Message"]) from error
        for group in groups:
            if group["VpcId"] != vpc_id:
                raise AwsError(
                    "InvalidConfigurationRequest", f"Security group '{group['GroupId']}' is not in VPC '{vpc_id}'"
                )
        return list(group_ids)

    def _attach(self, balancer: LoadBalancer) -> None:
        ec2 = self.site.substrate.client("ec2", balancer.region)
        for subnet in balancer.zones:
            if subnet not in balancer.interfaces:
                made = ec2.create_network_interface(
                    SubnetId=subnet, Groups=balancer.security_groups, Description=f"ELB {balancer.path}"
                )
                balancer.interfaces[subnet] = made["NetworkInterface"]["NetworkInterfaceId"]

    def _detach(self, balancer: LoadBalancer, subnets: list[str]) -> None:
        ec2 = self.site.substrate.client("ec2", balancer.region)
        for subnet in subnets:
            interface = balancer.interfaces.pop(subnet, None)
            if interface is not None:
                ec2.delete_network_interface(NetworkInterfaceId=interface)


def _check_ip_type(ip_type: str) -> None:
    if ip_type != "ipv4":
        # The data plane listens on an IPv4 loopback address only.
        raise not_implemented("elbv2", f"IP address type {ip_type}")
