"""Security groups and network ACLs: what of an area they admit.

Security groups only allow and are stateful; network ACLs are ordered, allow and deny, and are stateless.
https://docs.aws.amazon.com/vpc/latest/userguide/infrastructure-security.html
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pushproof.engines.reachability.model import Network
from pushproof.engines.reachability.resources import AclEntry, NetworkAcl, Rule
from pushproof.engines.reachability.space import ANYWHERE, Area, take_away

_NUMBERS = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6", "all": "-1"}


def protocol_name(protocol: str) -> str:
    """EC2 takes names and numbers; here one spelling: ``tcp``, ``udp``, ``icmp``, ``icmpv6``, ``-1`` for all."""
    plain = str(protocol).lower()
    return _NUMBERS.get(plain, plain)


def speaks_of(rule_protocol: str, protocol: str) -> bool:
    """Return whether a rule for `rule_protocol` covers traffic of `protocol`."""
    return rule_protocol in ("-1", protocol)


def uncovered(
    network: Network,
    rules: Iterable[Rule],
    protocol: str,
    wanted: Area,
    peer_groups: Collection[str] = (),
    prefix_list_id: str = "",
) -> tuple[Area, ...]:
    """The part of `wanted` that no security group rule admits.

    Args:
        peer_groups: Security groups of the other side, known only when it is addressed privately.
        prefix_list_id: The AWS prefix list the other side belongs to, if any.
    """
    left: tuple[Area, ...] = (wanted,)
    for rule in rules:
        if not speaks_of(rule.protocol, protocol):
            continue
        whole = any(group in peer_groups for group in rule.group_ids) or (
            prefix_list_id != "" and prefix_list_id in rule.prefix_list_ids
        )
        if whole:
            left = take_away(left, Area(ANYWHERE[wanted.block.version], rule.ports))
        else:
            for area in areas_of(network, rule):
                left = take_away(left, area)
        if not left:
            return ()
    return left


def areas_of(network: Network, rule: Rule) -> Iterable[Area]:
    """The areas a security group rule admits by address, prefix lists spelled out."""
    for block in rule.blocks:
        yield Area(block, rule.ports)
    for identifier in rule.prefix_list_ids:
        named = network.prefix_list(identifier)
        for block in named.blocks if named else ():
            yield Area(block, rule.ports)


def refused_by_acl(
    acl: NetworkAcl, *, egress: bool, protocol: str, wanted: Area
) -> tuple[AclEntry | None, Area] | None:
    """The first part of `wanted` that a network ACL refuses and the entry that does; None if all of it passes.

    Entries are tried in the order of their numbers, the first that matches decides; what none matches is
    refused by the implicit last entry, shown as None.
    """
    left: tuple[Area, ...] = (wanted,)
    for entry in _in_order(acl, egress=egress, protocol=protocol):
        if not entry.allow:
            for area in left:
                shared = area.common(entry.area)
                if shared is not None:
                    return entry, shared
        left = take_away(left, entry.area)
        if not left:
            return None
    return None, left[0]


def admitted_by_acl(acl: NetworkAcl, *, egress: bool, protocol: str, offered: Area) -> tuple[Area, ...]:
    """The parts of `offered` that a network ACL lets pass."""
    left: tuple[Area, ...] = (offered,)
    admitted: list[Area] = []
    for entry in _in_order(acl, egress=egress, protocol=protocol):
        if entry.allow:
            admitted += [shared for area in left if (shared := area.common(entry.area)) is not None]
        left = take_away(left, entry.area)
        if not left:
            break
    return tuple(admitted)


def _in_order(acl: NetworkAcl, *, egress: bool, protocol: str) -> list[AclEntry]:
    chosen = [entry for entry in acl.entries if entry.egress is egress and speaks_of(entry.protocol, protocol)]
    return sorted(chosen, key=lambda entry: entry.number)
