"""Repairs of moto's EC2: attributes of networks that it drops, and the initial resources of every account.

Each docstring states what fails without the repair.
"""

from __future__ import annotations

import functools
import ipaddress
import itertools
import random
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from moto.ec2.models import EC2Backend
    from moto.ec2.models.elastic_network_interfaces import NetworkInterface
    from moto.ec2.models.subnets import Subnet

# No account: endpoint services are the same in all.
_NOBODY = "endpoint-services"

# The parts of a request that moto's backends do not receive, for the thread that answers it.
_SENT = threading.local()


def repair_networks() -> None:
    """Apply every repair; safe to call again."""
    from moto.ec2.models import EC2Backend
    from moto.ec2.models.elastic_network_interfaces import NetworkInterfaceBackend
    from moto.ec2.models.nat_gateways import NatGatewayBackend
    from moto.ec2.models.subnets import Subnet
    from moto.ec2.models.vpcs import VPCBackend
    from moto.ec2.responses.customer_gateways import CustomerGateways
    from moto.ec2.responses.dhcp_options import DHCPOptions
    from moto.ec2.responses.subnets import Subnets
    from moto.ec2.responses.vpcs import VPCs

    _around(EC2Backend, "__init__", _default_vpc_reaches_the_internet)
    _around(NetworkInterfaceBackend, "create_network_interface", _interfaces_have_addresses_of_their_own)
    _around(DHCPOptions, "create_dhcp_options", _dhcp_options_keep_tags)
    _around(CustomerGateways, "create_customer_gateway", _customer_gateways_keep_their_device)
    _around(Subnets, "modify_subnet_attribute", _subnets_keep_every_attribute)
    _around(Subnet, "get_filter_value", _subnets_are_found_by_ipv6_association)
    _show_ipv6_associations(Subnet)
    _around(NatGatewayBackend, "create_nat_gateway", _nat_gateways_fail_as_they_do)
    _around(NatGatewayBackend, "delete_nat_gateway", _nat_gateways_take_their_interface_along)
    _around(VPCs, "create_vpc_endpoint", _remember_endpoint_request)
    _around(VPCs, "modify_vpc_endpoint", _remember_endpoint_request)
    _around(VPCBackend, "_collect_default_endpoint_services", _services_are_listed_without_being_used)
    _around(VPCBackend, "create_vpc_endpoint", _endpoints_have_interfaces_in_their_subnets)
    _around(VPCBackend, "modify_vpc_endpoint", _endpoints_move_their_interfaces)


def _around(owner: Any, name: str, repair: Callable[..., Any]) -> None:
    original = getattr(owner, name)
    if getattr(original, "repaired", False):
        return

    @functools.wraps(original)
    def repaired(self: Any, *arguments: Any, **named: Any) -> Any:
        return repair(original, self, *arguments, **named)

    repaired.repaired = True  # type: ignore[attr-defined]
    setattr(owner, name, repaired)


def _services_are_listed_without_being_used(
    original: Callable[..., list[dict[str, str]]], _backend: object, _account_id: str, region: str
) -> list[dict[str, str]]:
    """List endpoint services in an account of nobody, and forget it.

    moto creates the state of ten services to list them. Without the repair every kept world has it, and reading one imports
    SageMaker and CloudFormation.
    """
    from moto.core.base_backend import BackendDict, backend_lock

    services = original(_NOBODY, region)
    with backend_lock:
        in_use = BackendDict._instances  # type: ignore[misc]
        for backends in list(in_use):
            backends.pop(_NOBODY, None)
            if not backends:
                in_use.remove(backends)
    return services


def _interfaces_have_addresses_of_their_own(
    original: Callable[..., NetworkInterface],
    backend: EC2Backend,
    subnet: Subnet | str,
    private_ip_address: list[str] | str | None,
    private_ip_addresses: list[dict[str, object]] | None = None,
    *rest: object,
    **named: object,
) -> NetworkInterface:
    """Choose addresses that are free. Without it, two of 200 tasks share one, and their target group never has as many targets.

    https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html: AWS keeps the first four addresses and the last.
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html (InsufficientFreeAddressesInSubnet)
    """
    subnet = backend.get_subnet(subnet) if isinstance(subnet, str) else subnet
    # The interface that has each address of the subnet.
    holders: dict[str, str] = subnet.__dict__.setdefault("pushproof_holders", {})
    if not private_ip_address and not private_ip_addresses and subnet.cidr_block:
        private_ip_address = _free_address(backend, ipaddress.IPv4Network(subnet.cidr_block), holders)
    interface = original(backend, subnet, private_ip_address, private_ip_addresses, *rest, **named)
    for address in interface.private_ip_addresses:
        holders[address["PrivateIpAddress"]] = interface.id
    return interface


def _free_address(backend: EC2Backend, network: ipaddress.IPv4Network, holders: dict[str, str]) -> str:
    first, last = 4, network.num_addresses - 2
    tried = (random.randint(first, last) for _ in range(_TRIES))
    for offset in itertools.chain(tried, range(first, last + 1)):
        address = str(network.network_address + offset)
        holder = holders.get(address)
        if holder is None or holder not in backend.enis:
            return address
    from moto.ec2.exceptions import EC2ClientError

    words = "The specified subnet does not have enough free addresses to satisfy the request."
    raise EC2ClientError("InsufficientFreeAddressesInSubnet", words)


# As many tries at random find an address in all but crowded subnets.
_TRIES = 20


def _default_vpc_reaches_the_internet(original: Any, backend: Any, *arguments: Any, **named: Any) -> None:
    """Connect the default VPC to the internet. Without it, a public load balancer or task in it has no way out.

    https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc.html: an internet gateway, and a default route to it.
    """
    original(backend, *arguments, **named)
    vpc = backend.default_vpc
    if not vpc.is_default or backend.internet_gateways:
        return
    gateway = backend.create_internet_gateway()
    backend.attach_internet_gateway(gateway.id, vpc.id)
    main = next(table for table in backend.route_tables.values() if table.vpc_id == vpc.id)
    backend.create_route(main.id, "0.0.0.0/0", gateway_id=gateway.id)


def _dhcp_options_keep_tags(original: Any, response: Any) -> Any:
    """Keep tags of DHCP options. Without it, Terraform writes them on every plan."""
    answer = original(response)
    made = answer.result["DhcpOptions"]
    for specification in response._get_param("TagSpecifications", []):
        for tag in specification.get("Tags", []):
            made.add_tag(tag["Key"], tag["Value"])
    return answer


def _customer_gateways_keep_their_device(original: Any, response: Any) -> Any:
    """Keep a customer gateway's device name. Without it, Terraform replaces a customer gateway that has one on every plan."""
    answer = original(response)
    made = answer.result["CustomerGateway"]
    for name, attribute in (("DeviceName", "device_name"), ("CertificateArn", "certificate_arn")):
        if response._get_param(name) is not None:
            setattr(made, attribute, response._get_param(name))
    return answer


def _subnets_keep_every_attribute(original: Any, response: Any) -> Any:
    """Keep every attribute of subnets. Without it, Terraform waits five minutes for DNS64 or for the type of host names, and fails.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifySubnetAttribute.html
    """
    answer = original(response)
    subnet = response.ec2_backend.get_subnet(response._get_param("SubnetId"))
    dns64 = response._get_param("EnableDns64.Value")
    if dns64 is not None:
        subnet.enable_dns64 = _true(dns64)
    options = subnet.private_dns_name_options_on_launch
    aaaa = response._get_param("EnableResourceNameDnsAAAARecordOnLaunch.Value")
    if aaaa is not None:
        options["EnableResourceNameDnsAAAARecord"] = _true(aaaa)
    hostnames = response._get_param("PrivateDnsHostnameTypeOnLaunch")
    if hostnames is not None:
        options["HostnameType"] = hostnames
    return answer


def _subnets_are_found_by_ipv6_association(
    original: Any, subnet: Any, filter_name: str, method_name: str | None = None
) -> Any:
    """Filter subnets by IPv6 association.

    Without it, a subnet with an IPv6 block cannot be created: Terraform waits by this filter.
    """
    associations = subnet.ipv6_cidr_block_associations.values()
    if filter_name == "ipv6-cidr-block-association.association-id":
        return [association["associationId"] for association in associations]
    if filter_name == "ipv6-cidr-block-association.ipv6-cidr-block":
        return [association["ipv6CidrBlock"] for association in associations]
    if filter_name == "ipv6-cidr-block-association.state":
        return [association["ipv6CidrBlockState"]["State"] for association in associations]
    return original(subnet, filter_name, method_name)


def _show_ipv6_associations(subnet_class: Any) -> None:
    """Show IPv6 associations. Without it, the state of a subnet's IPv6 block is the text of a dictionary."""

    def ipv6_cidr_block_association_set(self: Any) -> list[dict[str, Any]]:
        return [
            {
                "ipv6CidrBlock": association["ipv6CidrBlock"],
                "associationId": association["associationId"],
                "ipv6CidrBlockState": {"state": "associated"},
            }
            for association in self.ipv6_cidr_block_associations.values()
            if association["ipv6CidrBlockState"]["State"] == "associated"
        ]

    setattr(subnet_class, "ipv6_cidr_block_association_set", property(ipv6_cidr_block_association_set))  # noqa: B010


def _nat_gateways_fail_as_they_do(original: Any, backend: Any, subnet_id: str, allocation_id: str, **named: Any) -> Any:
    """Fail NAT gateways as AWS does. Without it, one on an address in use, or in a VPC without an internet gateway, is available.

    EC2 accepts it, and a moment later it has failed, with a code and a message:
    https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html
    """
    named["connectivity_type"] = named.get("connectivity_type") or "public"
    public = named["connectivity_type"] != "private"
    failure = _nat_gateway_failure(backend, subnet_id, allocation_id) if public else None
    if failure is None:
        return original(backend, subnet_id, allocation_id, **named)
    # Without the address, which stays where it is.
    gateway = original(backend, subnet_id, "", **named)
    gateway.state = "failed"
    gateway.failure_code, gateway.failure_message = failure
    gateway.address_set = [{"allocationId": allocation_id}]
    backend.enis.pop(gateway._eni.id, None)
    return gateway


def _nat_gateway_failure(backend: Any, subnet_id: str, allocation_id: str) -> tuple[str, str] | None:
    vpc_id = backend.get_subnet(subnet_id).vpc_id
    if any(a.allocation_id == allocation_id and a.association_id for a in backend.addresses):
        return "Resource.AlreadyAssociated", f"Elastic IP address [{allocation_id}] is already associated"
    if not any(gateway.vpc is not None and gateway.vpc.id == vpc_id for gateway in backend.internet_gateways.values()):
        return "Gateway.NotAttached", f"Network {vpc_id} has no Internet gateway attached"
    return None


def _nat_gateways_take_their_interface_along(original: Any, backend: Any, nat_gateway_id: str) -> Any:
    """Delete the interface with its NAT gateway. Without it, a subnet keeps the interface, and the address stays associated."""
    failed = backend.nat_gateways.get(nat_gateway_id)
    if failed is not None and failed.state == "failed":
        failed.state = "deleted"
        return failed
    gateway = original(backend, nat_gateway_id)
    for address in gateway.address_set:
        association = next(
            (a for a in backend.addresses if a.allocation_id == address.get("allocationId") and a.association_id), None
        )
        if association is not None:
            backend.disassociate_address(association_id=association.association_id)
    backend.enis.pop(gateway._eni.id, None)
    return gateway


def _remember_endpoint_request(original: Any, response: Any) -> Any:
    """Pass the parts of the request that moto drops to the backend."""
    names = ("SubnetConfigurations", "DnsOptions", "IpAddressType", "VpcEndpointType")
    _SENT.endpoint = {name: response._get_param(name) for name in names if response._get_param(name) is not None}
    try:
        return original(response)
    finally:
        _SENT.endpoint = {}


def _endpoints_have_interfaces_in_their_subnets(original: Any, backend: Any, **named: Any) -> Any:
    """Put an endpoint's interfaces in its subnets.

    Without it, they have addresses outside the subnets and no security groups, and the requested addresses and DNS options are not
    read back.
    https://docs.aws.amazon.com/vpc/latest/privatelink/create-interface-endpoint.html
    """
    sent = getattr(_SENT, "endpoint", {})
    kind = (named.get("endpoint_type") or "Gateway").lower()
    if kind != "interface":
        endpoint = original(backend, **named)
        endpoint.private_dns_enabled = False
        return endpoint
    configured = {entry["SubnetId"]: entry for entry in sent.get("SubnetConfigurations", []) if "SubnetId" in entry}
    subnets = list(dict.fromkeys([*(named.get("subnet_ids") or []), *configured]))
    groups = named.get("security_group_ids") or [backend.get_default_security_group(named["vpc_id"]).id]
    endpoint = original(backend, **{**named, "subnet_ids": [], "security_group_ids": list(groups)})
    endpoint.subnet_ids = []
    _add_interfaces(backend, endpoint, subnets, configured)
    endpoint.ip_address_type = sent.get("IpAddressType", "ipv4")
    endpoint.dns_options = {"DnsRecordIpType": "ipv4", **sent.get("DnsOptions", {})}
    return endpoint


def _endpoints_move_their_interfaces(original: Any, backend: Any, **named: Any) -> Any:
    """Move an endpoint's interfaces. Without it, an endpoint that gains or loses a subnet keeps its former interfaces."""
    endpoint = backend.describe_vpc_endpoints(vpc_end_point_ids=[named["vpc_id"]])[0]
    if (endpoint.vpc_endpoint_type or "").lower() != "interface":
        return original(backend, **named)
    sent = getattr(_SENT, "endpoint", {})
    configured = {entry["SubnetId"]: entry for entry in sent.get("SubnetConfigurations", []) if "SubnetId" in entry}
    added = [*(named.get("add_subnets") or []), *configured]
    removed = set(named.get("remove_subnets") or [])
    answer = original(backend, **{**named, "add_subnets": [], "remove_subnets": []})
    for interface_id in list(endpoint.network_interface_ids):
        interface = backend.enis.get(interface_id)
        if interface is not None and interface.subnet.id in removed:
            del backend.enis[interface_id]
            endpoint.network_interface_ids.remove(interface_id)
    endpoint.subnet_ids = [subnet for subnet in endpoint.subnet_ids if subnet not in removed]
    _add_interfaces(backend, endpoint, [s for s in dict.fromkeys(added) if s not in endpoint.subnet_ids], configured)
    for interface_id in endpoint.network_interface_ids:
        groups = [backend.get_security_group_from_id(group) for group in endpoint.security_group_ids]
        backend.enis[interface_id]._group_set = [group for group in groups if group is not None]
    if "DnsOptions" in sent:
        endpoint.dns_options = {**getattr(endpoint, "dns_options", {}), **sent["DnsOptions"]}
    if "IpAddressType" in sent:
        endpoint.ip_address_type = sent["IpAddressType"]
    return answer


def _add_interfaces(backend: Any, endpoint: Any, subnets: list[str], configured: dict[str, Any]) -> None:
    for subnet_id in subnets:
        interface = backend.create_network_interface(
            backend.get_subnet(subnet_id),
            configured.get(subnet_id, {}).get("Ipv4"),
            group_ids=list(endpoint.security_group_ids),
            description=f"VPC Endpoint Interface {endpoint.id}",
        )
        interface.interface_type = "vpc_endpoint"
        interface.requester_managed = True
        interface.status = "in-use"
        endpoint.network_interface_ids.append(interface.id)
        endpoint.subnet_ids.append(subnet_id)


def _true(value: Any) -> bool:
    return str(value).lower() == "true"
