"""Operations on target groups and their targets.

Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html and the pages beside it.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from pushproof.aws.arns import arn_of
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError, not_implemented
from pushproof.emulator.services.elbv2 import attributes
from pushproof.emulator.services.elbv2.health import Subscriber
from pushproof.emulator.services.elbv2.model import RegisteredTarget, TargetGroup, unique
from pushproof.emulator.services.elbv2.names import check_name
from pushproof.emulator.services.elbv2.store import Store, page
from pushproof.emulator.services.elbv2.tagging import with_tags
from pushproof.engines.deployment.errors import InvalidDeploymentConfiguration
from pushproof.engines.deployment.target_health import Matcher, TargetHealth, target_unused

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_elbv2.type_defs import (
        TargetDescriptionTypeDef,
        TargetGroupTypeDef,
        TargetHealthDescriptionTypeDef,
        TargetHealthTypeDef,
    )

    from pushproof.emulator.kernel.shapes.elbv2 import (
        CreateTargetGroupAnswer,
        CreateTargetGroupRequest,
        DeleteTargetGroupAnswer,
        DeleteTargetGroupRequest,
        DeregisterTargetsAnswer,
        DeregisterTargetsRequest,
        DescribeTargetGroupAttributesAnswer,
        DescribeTargetGroupAttributesRequest,
        DescribeTargetGroupsAnswer,
        DescribeTargetGroupsRequest,
        DescribeTargetHealthAnswer,
        DescribeTargetHealthRequest,
        ModifyTargetGroupAnswer,
        ModifyTargetGroupAttributesAnswer,
        ModifyTargetGroupAttributesRequest,
        ModifyTargetGroupRequest,
        RegisterTargetsAnswer,
        RegisterTargetsRequest,
    )


# Request member -> (lowest, highest)
_NUMBERS = {
    "HealthCheckIntervalSeconds": (5, 300),
    "HealthCheckTimeoutSeconds": (2, 120),
    "HealthyThresholdCount": (2, 10),
    "UnhealthyThresholdCount": (2, 10),
}


#: Protocols of target groups behind Network Load Balancers.
NETWORK = ("TCP", "TLS")


class TargetGroupOperations(Store):
    """Create, describe, change and delete target groups; register and deregister targets."""

    def create_target_group(
        self, context: RequestContext, request: CreateTargetGroupRequest
    ) -> CreateTargetGroupAnswer:
        name = request["Name"]
        check_name("Target group", name)
        kind = request.get("TargetType") or "instance"
        if kind not in ("instance", "ip"):
            raise not_implemented("elbv2", f"target type {kind}")
        protocol = request.get("Protocol")
        if protocol is None:
            raise AwsError("ValidationError", "A protocol must be specified")
        if protocol not in ("HTTP", "HTTPS", *NETWORK):
            raise not_implemented("elbv2", f"target groups of protocol {protocol}")
        network = protocol in NETWORK
        if network and request.get("ProtocolVersion"):
            raise AwsError("ValidationError", f"Protocol version is not supported for protocol '{protocol}'")
        if (request.get("ProtocolVersion") or "HTTP1") != "HTTP1":
            raise not_implemented("elbv2", f"protocol version {request['ProtocolVersion']}")
        if request.get("Port") is None:
            raise AwsError("ValidationError", "A port must be specified")
        if not request.get("VpcId"):
            raise AwsError("ValidationError", "A VPC ID must be specified")
        self._vpc_blocks(context.region, request["VpcId"])
        group = TargetGroup(
            arn_of(
                "elasticloadbalancing",
                f"targetgroup/{name}/{unique()}",
                region=context.region,
                account=context.account_id,
            ),
            name,
            context.region,
            kind,
            protocol,
            request["Port"],
            request["VpcId"],
            request.get("IpAddressType") or "ipv4",
            _attributes(kind) if network else dict(attributes.TARGET_GROUP),
            # AWS's default is HTTP, whatever the group's own protocol; for Network Load Balancers it is TCP.
            check_protocol="TCP" if network else "HTTP",
            check_port="traffic-port",
            check_path="/",
            check_interval=30,
            check_timeout=_timeout(request) if network else 5,
            healthy_threshold=5,
            unhealthy_threshold=2,
            matcher="200-399" if network else "200",
        )
        _configure(group, request)
        tags = with_tags(context, {}, request.get("Tags", []))
        existing = next((g for g in self.groups.values() if (g.name, g.region) == (name, context.region)), None)
        if existing is not None:
            if _settings(existing) != _settings(group) or self.tags[existing.arn] != tags:
                raise AwsError(
                    "DuplicateTargetGroupName",
                    f"A target group with the same name '{name}' exists, but with different settings",
                )
            return {"TargetGroups": [self._shown_group(existing)]}
        self.groups[group.arn] = group
        self.tags[group.arn] = tags
        self.publish_group(group)
        return {"TargetGroups": [self._shown_group(group)]}

    def describe_target_groups(
        self, context: RequestContext, request: DescribeTargetGroupsRequest
    ) -> DescribeTargetGroupsAnswer:
        arns, names, balancer = request.get("TargetGroupArns"), request.get("Names"), request.get("LoadBalancerArn")
        here = [group for group in self.groups.values() if group.region == context.region]
        if balancer:
            self.balancer(balancer)
            here = [group for group in here if balancer in self.using(group.arn)]
        chosen = [g for g in here if (not arns or g.arn in arns) and (not names or g.name in names)]
        if len(chosen) < len(set(arns or names or ())):
            raise AwsError("TargetGroupNotFound", "One or more target groups not found")
        chosen, more = page(request, chosen)
        return {"TargetGroups": [self._shown_group(item) for item in chosen], **more}

    def modify_target_group(
        self, context: RequestContext, request: ModifyTargetGroupRequest
    ) -> ModifyTargetGroupAnswer:
        group = self.group(request["TargetGroupArn"])
        _configure(group, request)
        return {"TargetGroups": [self._shown_group(group)]}

    def delete_target_group(
        self, context: RequestContext, request: DeleteTargetGroupRequest
    ) -> DeleteTargetGroupAnswer:
        group = self.groups.get(request["TargetGroupArn"])
        if group is None:
            return {}
        if self.using(group.arn):
            raise AwsError("ResourceInUse", f"Target group '{group.arn}' is currently in use by a listener or a rule")
        self.health.forget(group)
        del self.groups[group.arn]
        self.tags.pop(group.arn, None)
        self.plane.remove_target_group(group.arn)
        return {}

    def describe_target_group_attributes(
        self, context: RequestContext, request: DescribeTargetGroupAttributesRequest
    ) -> DescribeTargetGroupAttributesAnswer:
        return {"Attributes": attributes.shown(self.group(request["TargetGroupArn"]).attributes)}

    def modify_target_group_attributes(
        self, context: RequestContext, request: ModifyTargetGroupAttributesRequest
    ) -> ModifyTargetGroupAttributesAnswer:
        group = self.group(request["TargetGroupArn"])
        group.attributes = attributes.changed("Target group", group.attributes, request["Attributes"])
        self.publish_group(group)
        return {"Attributes": attributes.shown(group.attributes)}

    def register_targets(self, context: RequestContext, request: RegisterTargetsRequest) -> RegisterTargetsAnswer:
        group = self.group(request["TargetGroupArn"])
        addressed = [(target, self._address(group, target)) for target in request["Targets"]]
        in_use = group.arn in self.in_use()
        for description, address in addressed:
            port = description.get("Port") or group.port
            current = group.targets.get((description["Id"], port))
            # The runtime reported this address in process; the API has only the address that it shows.
            if current is not None and current.health.state not in ("draining", "unhealthy.draining"):
                continue
            self.health.register(
                group, description["Id"], port, address, zone=description.get("AvailabilityZone"), in_use=in_use
            )
        return {}

    def deregister_targets(self, context: RequestContext, request: DeregisterTargetsRequest) -> DeregisterTargetsAnswer:
        group = self.group(request["TargetGroupArn"])
        for description in request["Targets"]:
            for target in _matching(group, description):
                self.health.deregister(group, target)
        return {}

    def describe_target_health(
        self, context: RequestContext, request: DescribeTargetHealthRequest
    ) -> DescribeTargetHealthAnswer:
        group = self.group(request["TargetGroupArn"])
        descriptions = request.get("Targets")
        if not descriptions:
            return {"TargetHealthDescriptions": [_shown_health(group, target) for target in group.targets.values()]}
        shown: list[TargetHealthDescriptionTypeDef] = []
        for description in descriptions:
            matches = _matching(group, description)
            shown += [_shown_health(group, target) for target in matches]
            if not matches:
                absent = target_unused("Target.NotRegistered")
                shown.append(
                    _shown_health(
                        group, RegisteredTarget(description["Id"], description.get("Port") or group.port, "", absent)
                    )
                )
        return {"TargetHealthDescriptions": shown}

    # In-process calls from other parts of the plane.

    def register_target(self, target_group_arn: str, ip: str, port: int, *, address: str) -> None:
        """Register a target whose port really answers at `address`; the API shows `ip`. Raises AwsError."""
        group = self.group(target_group_arn)
        self.health.register(group, ip, port, address, zone=None, in_use=group.arn in self.in_use())

    def move_target(self, target_group_arn: str, ip: str, port: int, *, address: str) -> None:
        """Note that a registered target answers at another address now; its health stays."""
        target = self.group(target_group_arn).targets.get((ip, port))
        if target is not None:
            target.address = address

    def deregister_target(self, target_group_arn: str, ip: str, port: int) -> None:
        """Begin to drain a target; do nothing if group or target is gone."""
        group = self.groups.get(target_group_arn)
        target = group.targets.get((ip, port)) if group else None
        if group is not None and target is not None:
            self.health.deregister(group, target)

    def target_health(self, target_group_arn: str, ip: str, port: int) -> TargetHealth:
        """Return a target's current health; `unused` with Target.NotRegistered if group or target is gone."""
        group = self.groups.get(target_group_arn)
        target = group.targets.get((ip, port)) if group else None
        return target.health if target is not None else target_unused("Target.NotRegistered")

    def subscribe(self, target_group_arn: str, callback: Subscriber) -> Callable[[], None]:
        """Call `callback(ip, port, state, reason)` at every change in a group. Return a function that ends this.

        State `unused` with reason Target.NotRegistered means that a target is gone and its draining over.
        """
        return self.health.subscribe(target_group_arn, callback)

    # Shapes.

    def _shown_group(self, group: TargetGroup) -> TargetGroupTypeDef:
        shown: TargetGroupTypeDef = {
            "TargetGroupArn": group.arn,
            "TargetGroupName": group.name,
            "Protocol": group.protocol,
            "ProtocolVersion": group.protocol_version,
            "Port": group.port,
            "VpcId": group.vpc_id,
            "TargetType": group.target_type,
            "IpAddressType": group.ip_address_type,
            "HealthCheckEnabled": True,
            "HealthCheckProtocol": group.check_protocol,
            "HealthCheckPort": group.check_port,
            "HealthCheckPath": group.check_path,
            "HealthCheckIntervalSeconds": group.check_interval,
            "HealthCheckTimeoutSeconds": group.check_timeout,
            "HealthyThresholdCount": group.healthy_threshold,
            "UnhealthyThresholdCount": group.unhealthy_threshold,
            "Matcher": {"HttpCode": group.matcher},
            "LoadBalancerArns": self.using(group.arn),
        }
        if group.protocol in NETWORK:
            del shown["ProtocolVersion"]
        if group.check_protocol == "TCP":
            del shown["HealthCheckPath"], shown["Matcher"]
        return shown

    def _address(self, group: TargetGroup, target: TargetDescriptionTypeDef) -> str:
        target_id = str(target["Id"])
        if group.target_type == "instance":
            return self._instance_address(group, target_id)
        try:
            address = ipaddress.ip_address(target_id)
        except ValueError as error:
            raise AwsError("ValidationError", f"The IP address '{target_id}' is not a valid IPv4 address") from error
        if target.get("AvailabilityZone") != "all" and not any(
            address in block for block in self._vpc_blocks(group.region, group.vpc_id)
        ):
            raise AwsError(
                "InvalidTarget",
                f"The IP address '{target_id}' is not within the CIDR blocks of VPC '{group.vpc_id}'; "
                "register it with Availability Zone 'all' if it lies outside",
            )
        return target_id

    def _instance_address(self, group: TargetGroup, instance_id: str) -> str:
        ec2 = self.site.substrate.client("ec2", group.region)
        try:
            (reservation,) = ec2.describe_instances(InstanceIds=[instance_id])["Reservations"]
        except (ClientError, ValueError) as error:
            raise AwsError("InvalidTarget", f"The following targets are not valid: '{instance_id}'") from error
        address: str = reservation["Instances"][0]["PrivateIpAddress"]
        return address

    def _vpc_blocks(self, region: str, vpc_id: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
        ec2 = self.site.substrate.client("ec2", region)
        try:
            (vpc,) = ec2.describe_vpcs(VpcIds=[vpc_id])["Vpcs"]
        except (ClientError, ValueError) as error:
            raise AwsError("ValidationError", f"The VPC ID '{vpc_id}' is not found") from error
        associated = vpc.get("CidrBlockAssociationSet")
        blocks = [block["CidrBlock"] for block in associated] if associated else [vpc["CidrBlock"]]
        return [ipaddress.ip_network(block) for block in blocks]


def _timeout(request: CreateTargetGroupRequest) -> int:
    """Return the default timeout of a check behind a Network Load Balancer: 6 s for HTTP, 10 s for TCP and HTTPS.

    Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-health-checks.html
    """
    return 6 if request.get("HealthCheckProtocol") == "HTTP" else 10


def _attributes(kind: str) -> dict[str, str]:
    """Return the attributes of a new group of TCP or TLS: clients' addresses are preserved for targets that are instances.

    Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroupAttribute.html
    """
    preserved = "true" if kind == "instance" else "false"
    return {**attributes.NETWORK_TARGET_GROUP, "preserve_client_ip.enabled": preserved}


def _configure(group: TargetGroup, request: CreateTargetGroupRequest | ModifyTargetGroupRequest) -> None:
    """Apply the health check settings of a request; raise AwsError and change nothing if they do not fit."""
    interval = request.get("HealthCheckIntervalSeconds", group.check_interval)
    timeout = request.get("HealthCheckTimeoutSeconds", group.check_timeout)
    healthy = request.get("HealthyThresholdCount", group.healthy_threshold)
    unhealthy = request.get("UnhealthyThresholdCount", group.unhealthy_threshold)
    for number, (member, (low, high)) in zip((interval, timeout, healthy, unhealthy), _NUMBERS.items(), strict=True):
        if not low <= number <= high:
            raise AwsError("ValidationError", f"{member} '{number}' must be between '{low}' and '{high}'")
    if timeout >= interval:
        raise AwsError(
            "ValidationError", f"Health check timeout '{timeout}' must be smaller than the interval '{interval}'"
        )
    if request.get("HealthCheckEnabled") is False:
        raise AwsError(
            "ValidationError",
            f"Health check enabled must be true for target groups with target type '{group.target_type}'",
        )
    protocol = request.get("HealthCheckProtocol") or group.check_protocol
    network = group.protocol in NETWORK
    if protocol not in ("HTTP", "HTTPS", *(("TCP",) if network else ())):
        allowed = "TCP, HTTP or HTTPS" if network else "HTTP or HTTPS"
        raise AwsError("ValidationError", f"Health check protocol '{protocol}' must be {allowed}")
    asked = request.get("Matcher", {}).get("HttpCode")
    if protocol == "TCP" and (request.get("HealthCheckPath") or asked):
        raise AwsError("ValidationError", "Health check paths and matchers are not supported for the protocol 'TCP'")
    port = str(request.get("HealthCheckPort") or group.check_port)
    if port != "traffic-port" and (not re.fullmatch(r"\d{1,5}", port, re.ASCII) or not 1 <= int(port) <= 65_535):
        raise AwsError("ValidationError", f"Health check port '{port}' must be 'traffic-port' or between 1 and 65535")
    path = request.get("HealthCheckPath") or group.check_path
    if not path.startswith("/") or len(path) > 1024:
        raise AwsError(
            "ValidationError", f"Health check path '{path}' must start with '/' and have at most 1024 characters"
        )
    matcher = (request.get("Matcher") or {}).get("HttpCode") or group.matcher
    most = 599 if network else 499
    try:
        # An Application Load Balancer accepts 200 to 499 only.
        if any(high > most for _, high in Matcher.parse(matcher).ranges):
            raise AwsError("ValidationError", f"Health check matcher HTTP code '{matcher}' must be within '200-{most}'")
    except InvalidDeploymentConfiguration as error:
        raise AwsError(
            "ValidationError", f"Health check matcher HTTP code '{matcher}' must be within '200-{most}'"
        ) from error
    group.check_interval, group.check_timeout = interval, timeout
    group.healthy_threshold, group.unhealthy_threshold = healthy, unhealthy
    group.check_protocol, group.check_port, group.check_path, group.matcher = protocol, port, path, matcher


def _settings(group: TargetGroup) -> tuple[object, ...]:
    return (
        group.target_type,
        group.protocol,
        group.port,
        group.vpc_id,
        group.check_protocol,
        group.check_port,
        group.check_path,
        group.check_interval,
        group.check_timeout,
        group.healthy_threshold,
        group.unhealthy_threshold,
        group.matcher,
    )


def _matching(group: TargetGroup, description: TargetDescriptionTypeDef) -> list[RegisteredTarget]:
    port = description.get("Port")
    return [
        target for target in group.targets.values() if target.id == description["Id"] and port in (None, target.port)
    ]


def _shown_health(group: TargetGroup, target: RegisteredTarget) -> TargetHealthDescriptionTypeDef:
    health: TargetHealthTypeDef = {"State": target.health.state}
    if target.health.reason:
        health["Reason"] = target.health.reason
        health["Description"] = target.health.description
    described: TargetDescriptionTypeDef = {"Id": target.id, "Port": target.port}
    if target.zone:
        described["AvailabilityZone"] = target.zone
    port = str(target.port) if group.check_port == "traffic-port" else group.check_port
    return {
        "Target": described,
        "HealthCheckPort": port,
        "TargetHealth": health,
        "AdministrativeOverride": {
            "State": "no_override",
            "Reason": "AdministrativeOverride.NoOverride",
            "Description": "No override is currently active on target",
        },
    }
