"""Mistakes in networks: blocks of addresses, ports, and what rules allow."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from pushproof.engines.mutation.hcl import Group, Value
from pushproof.engines.mutation.model import Change, Edit, Operator, operator
from pushproof.engines.mutation.operators.common import acting, address, described, replaced
from pushproof.engines.mutation.operators.pages import aws
from pushproof.engines.mutation.project import Project, Site

_RULES = aws("vpc/security-group-rules")
_CIDR = re.compile(r"^\d{1,3}(\.\d{1,3}){3}/\d{1,2}$")
_PORTS = {
    "80": "8080",
    "443": "80",
    "8080": "80",
    "8443": "443",
    "5432": "3306",
    "3306": "5432",
    "5000": "8080",
    "3000": "8080",
}


def _network(value: Value) -> ipaddress.IPv4Network | None:
    text = value.literal or ""
    if value.kind != "string" or not _CIDR.match(text):
        return None
    try:
        return ipaddress.IPv4Network(text)
    except ValueError:
        return None


def _cidrs(project: Project) -> Iterator[tuple[Site, Value, bool]]:
    """Yield each value of a block of addresses, with whether it is an element of a list."""
    for site in acting(project):
        values = site.value.parts if site.value.kind == "list" else (site.value,)
        for value in values:
            named = re.search(r"cidr", site.name) is not None and value.kind == "reference"
            if named or _network(value) is not None:
                yield site, value, site.value.kind == "list"


@operator(
    "hcl.widen-cidr",
    "A rule or a variable names a larger block of addresses, up to the whole internet.",
    "Everybody can connect to what was meant for a few.",
    _RULES,
)
def widen_cidr(project: Project) -> Iterator[Change]:
    """Yield each block of a rule as the whole internet, and each other one as a block of eight bits more."""
    for site, value, _ in _cidrs(project):
        network = _network(value)
        rule = re.search(r"security_group|network_acl", site.type) or "egress" in site.name or "ingress" in site.name
        if rule and (network is None or network.prefixlen > 0) and not re.search(r"_ipv6", site.name):
            yield replaced(project, site, value, '"0.0.0.0/0"')
        elif network is not None and network.prefixlen >= 16 and not rule and site.name != "destination_cidr_block":
            wider = network.supernet(new_prefix=network.prefixlen - 8)
            yield replaced(project, site, value, f'"{wider}"')


_GROUPS = {
    "referenced_security_group_id": ("cidr_ipv4", '"0.0.0.0/0"'),
    "source_security_group_id": ("cidr_blocks", '["0.0.0.0/0"]'),
    "security_groups": ("cidr_blocks", '["0.0.0.0/0"]'),
}


@operator(
    "hcl.group-to-internet",
    "A rule lets the whole internet in instead of one security group.",
    "What only the load balancer, or only the application, should reach is open to everybody.",
    _RULES,
)
def group_to_internet(project: Project) -> Iterator[Change]:
    """Yield each rule for incoming traffic from a group as one from everywhere."""
    for site in acting(project):
        incoming = "ingress" in site.type or "ingress" in site.chain or site.group.literal("type") == "ingress"
        if site.block.kind != "resource" or not incoming or site.name not in _GROUPS:
            continue
        name, text = _GROUPS[site.name]
        if site.group.get(name) is None:
            edit = Edit(site.setting.start, site.setting.end, f"{name} = {text}")
            yield Change(site.file.path, (edit,), f"{name} is {text} instead of a group", address(project, site))


@operator(
    "hcl.narrow-cidr",
    "A rule, a route or a variable names a smaller block of addresses.",
    "Traffic from or to the rest is dropped without a word: clients, image pulls, other subnets.",
    _RULES,
)
def narrow_cidr(project: Project) -> Iterator[Change]:
    """Yield each block as a part of it: 10.0.0.0/8 for the whole internet, else of eight bits less."""
    for site, value, _ in _cidrs(project):
        network = _network(value)
        if network is None:
            continue
        if network.prefixlen == 0:
            yield replaced(project, site, value, '"10.0.0.0/8"')
        elif network.prefixlen <= 24:
            narrow = next(network.subnets(new_prefix=min(28, network.prefixlen + 8)))
            yield replaced(project, site, value, f'"{narrow}"')


@operator(
    "hcl.overlapping-subnets",
    "Blocks of subnets are cut from the VPC in another way, so that they overlap, are too small or leave it.",
    "AWS refuses the subnet, or a load balancer and rolling deployments run out of addresses.",
    aws("vpc/subnet-sizing"),
)
def overlapping_subnets(project: Project) -> Iterator[Change]:
    """Yield each `cidrsubnet` with other bits, and without the offset of its number."""
    for site in acting(project):
        for value in site.value.everything():
            if value.kind != "call" or value.name != "cidrsubnet" or len(value.parts) != 3:
                continue
            _, bits, number = value.parts
            if bits.kind == "number" and bits.text.isdigit():
                yield replaced(project, site, bits, str(int(bits.text) + 4), within=value)
            if number.kind == "operation" and number.name == "+" and number.parts:
                yield replaced(project, site, number, number.parts[0].text, within=value)


@operator(
    "hcl.other-port",
    "A port is another one.",
    "Connections are refused, time out, or reach something else.",
    _RULES,
)
def other_port(project: Project) -> Iterator[Change]:
    """Yield each port as one that people confuse it with."""
    for site in acting(project):
        name = site.block.labels[0] if site.block.kind == "variable" and len(site.chain) == 1 else site.name
        text = site.value.literal
        if not re.search(r"(^|_)port$|Port$|^port", name) or text is None or not text.isdigit():
            continue
        if site.group.get("from_port") is not None and site.name == "to_port":
            continue
        other = _PORTS.get(text, str(int(text) + 1))
        twin = site.group.get("to_port") if site.name == "from_port" else None
        edits = [Edit(site.value.start, site.value.end, f'"{other}"' if site.value.kind == "string" else other)]
        if twin is not None and twin.literal == text:
            edits.append(Edit(twin.start, twin.end, other))
        if text not in ("0", "65535"):
            yield Change(
                site.file.path, tuple(edits), f"{described(site)} is {other} instead of {text}", address(project, site)
            )


@operator(
    "hcl.widen-ports",
    "A rule allows every port.",
    "Whoever the rule lets in reaches every port that listens: debuggers, metrics, databases.",
    _RULES,
)
def widen_ports(project: Project) -> Iterator[Change]:
    """Yield each rule with the ports 0 to 65535."""
    for site in acting(project):
        if site.name != "from_port" or site.block.kind != "resource":
            continue
        last = site.group.get("to_port")
        if last is None or site.value.text == last.text == "0" or _protocol(site.group) in ("-1", "all", "icmp"):
            continue
        edits = (Edit(site.value.start, site.value.end, "0"), Edit(last.start, last.end, "65535"))
        yield Change(site.file.path, edits, "the rule allows every port", address(project, site))


def _protocol(group: Group) -> str | None:
    return group.literal("ip_protocol") or group.literal("protocol")


OPERATORS: tuple[Operator, ...] = (
    widen_cidr,
    group_to_internet,
    narrow_cidr,
    overlapping_subnets,
    other_port,
    widen_ports,
)
