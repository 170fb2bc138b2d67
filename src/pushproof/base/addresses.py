"""Distinction between hosts on this machine or in private networks, and public hosts."""

from __future__ import annotations

import ipaddress

_NAMES = frozenset({"localhost", "host.docker.internal", "localhost.localstack.cloud"})


def is_local(host: str) -> bool:
    """Return whether a host, by its name or number alone, is this machine or in a private network."""
    if host.lower() in _NAMES or host.lower().endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return address.is_private and not address.is_link_local and not address.is_unspecified
