"""Security groups and network ACLs: the part of an area that they admit.

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
    """The one spelling of a protocol that EC2 accepts by name or number: ``tcp``, ``udp``, ``icmp``, ``icmpv6``, ``-1`` for all."""
    plain = str(protocol).lower()
    return _NUMBERS.get(plain, plain)


def speaks_of(rule_protocol: str, protocol: str) -> bool:
    """Return whether a rule for `rule_protocol` covers traffic of `protocol`."""
    return rule_protocol in ("-1", protocol)


def uncovered(
    network: Network,
    rules: Iterable[Rule],
    protocol: str,
    target: Area,
    peer_groups: Collection[str] = (),
    prefix_list_id: str = "",
) -> tuple[Area, ...]:
    """The part of `target` that no security group rule admits.

    Args:
        peer_groups: Security groups of the other side, known only when it is addressed privately.
        prefix_list_id: The AWS prefix list the other side belongs to, if any.
    """
    rest: tuple[Area, ...] = (target,)
    for rule in rules:
        if not speaks_of(rule.protocol, protocol):
            continue
        whole = any(group in peer_groups for group in rule.group_ids) or (
            prefix_list_id != "" and prefix_list_id in rule.prefix_list_ids
        )
        if whole:
            rest = take_away(rest, Area(ANYWHERE[target.block.version], rule.ports))
        else:
            for area in areas_of(network, rule):
                rest = take_away(rest, area)
        if not rest:
            return ()
    return rest


def areas_of(network: Network, rule: Rule) -> Iterable[Area]:
    """The areas a security group rule admits by address, prefix lists spelled out."""
    for block in rule.blocks:
        yield Area(block, rule.ports)
    for identifier in rule.prefix_list_ids:
        prefix_list = network.prefix_list(identifier)
        for block in prefix_list.blocks if prefix_list else ():
            yield Area(block, rule.ports)


def refused_by_acl(
    acl: NetworkAcl, *, egress: bool, protocol: str, traffic: Area
) -> tuple[AclEntry | None, Area] | None:
    """The first part of `traffic` that a network ACL refuses and the entry that refuses it; None if all of it passes.

    The first matching entry by number decides. The implicit last entry, returned as None, refuses traffic that no entry
    matches.
    """
    rest: tuple[Area, ...] = (traffic,)
    for entry in _in_order(acl, egress=egress, protocol=protocol):
        if not entry.allow:
            for area in rest:
                shared = area.common(entry.area)
                if shared is not None:
                    return entry, shared
        rest = take_away(rest, entry.area)
        if not rest:
            return None
    return None, rest[0]


def admitted_by_acl(acl: NetworkAcl, *, egress: bool, protocol: str, offered: Area) -> tuple[Area, ...]:
    """The parts of `offered` that a network ACL lets pass."""
    rest: tuple[Area, ...] = (offered,)
    admitted: list[Area] = []
    for entry in _in_order(acl, egress=egress, protocol=protocol):
        if entry.allow:
            admitted += [shared for area in rest if (shared := area.common(entry.area)) is not None]
        rest = take_away(rest, entry.area)
        if not rest:
            break
    return tuple(admitted)


def _in_order(acl: NetworkAcl, *, egress: bool, protocol: str) -> list[AclEntry]:
    entries = [entry for entry in acl.entries if entry.egress is egress and speaks_of(entry.protocol, protocol)]
    return sorted(entries, key=lambda entry: entry.number)
