"""EC2's refusals in its own words.

Codes: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
"""

from __future__ import annotations

import ipaddress

from pushproof.emulator.kernel.errors import AwsError


def invalid_value(value: object, parameter: str, why: str) -> AwsError:
    return AwsError("InvalidParameterValue", f"Value ({value}) for parameter {parameter} is invalid. {why}")


def missing(parameter: str) -> AwsError:
    return AwsError("MissingParameter", f"The request must contain the parameter {parameter}")


def has_dependencies(kind: str, identifier: str) -> AwsError:
    return AwsError("DependencyViolation", f"The {kind} '{identifier}' has dependencies and cannot be deleted.")


def no_vpc(vpc_id: str) -> AwsError:
    return AwsError("InvalidVpcID.NotFound", f"The vpc ID '{vpc_id}' does not exist")


def no_subnet(subnet_id: str) -> AwsError:
    return AwsError("InvalidSubnetID.NotFound", f"The subnet ID '{subnet_id}' does not exist")


def no_group(group_id: str) -> AwsError:
    return AwsError("InvalidGroup.NotFound", f"The security group '{group_id}' does not exist")


def no_table(table_id: str) -> AwsError:
    return AwsError("InvalidRouteTableID.NotFound", f"The routeTable ID '{table_id}' does not exist")


def network_of(text: str, parameter: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Parse a CIDR, in the canonical form that EC2 accepts. Raises AwsError for any other text."""
    try:
        if "/" not in text:
            raise ValueError(text)
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise invalid_value(text, parameter, "This is not a valid CIDR block.") from None
