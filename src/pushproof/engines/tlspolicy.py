"""The predefined security policies of Application Load Balancers: protocol versions and ciphers.

Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html .
FIPS and post-quantum policies are left out: a policy that is not listed is refused by name, never approximated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_TLS13 = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
_ECDHE_GCM = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
)
_ECDHE_SHA2 = (
    "ECDHE-ECDSA-AES128-SHA256",
    "ECDHE-RSA-AES128-SHA256",
    "ECDHE-ECDSA-AES256-SHA384",
    "ECDHE-RSA-AES256-SHA384",
)
_ECDHE_SHA1 = ("ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES256-SHA", "ECDHE-ECDSA-AES256-SHA")
_RSA_SHA2 = ("AES128-GCM-SHA256", "AES128-SHA256", "AES256-GCM-SHA384", "AES256-SHA256")
_RSA_SHA1 = ("AES128-SHA", "AES256-SHA")
_FORWARD_SECRET = (*_ECDHE_GCM, *_ECDHE_SHA2)
_EVERYTHING = (*_FORWARD_SECRET, *_ECDHE_SHA1, *_RSA_SHA2, *_RSA_SHA1)

DEFAULT_POLICY = "ELBSecurityPolicy-2016-08"


@dataclass(frozen=True, slots=True)
class TlsPolicy:
    """A security policy: `protocols` such as `TLSv1.2`, newest first; `ciphers` in order of preference."""

    name: str
    protocols: tuple[str, ...]
    ciphers: tuple[str, ...]


class UnknownTlsPolicyError(ValueError):
    """The name is not in the list of predefined policies."""


_VERSIONS = ("TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1")


def _policy(name: str, newest: str, oldest: str, ciphers: tuple[str, ...]) -> TlsPolicy:
    protocols = _VERSIONS[_VERSIONS.index(newest) : _VERSIONS.index(oldest) + 1]
    return TlsPolicy(name, protocols, (*_TLS13, *ciphers) if newest == "TLSv1.3" else ciphers)


POLICIES: Mapping[str, TlsPolicy] = MappingProxyType(
    {
        policy.name: policy
        for policy in (
            _policy("ELBSecurityPolicy-2016-08", "TLSv1.2", "TLSv1", _EVERYTHING),
            _policy("ELBSecurityPolicy-TLS13-1-2-2021-06", "TLSv1.3", "TLSv1.2", _FORWARD_SECRET),
            _policy("ELBSecurityPolicy-TLS13-1-2-Res-2021-06", "TLSv1.3", "TLSv1.2", _ECDHE_GCM),
            _policy("ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06", "TLSv1.3", "TLSv1.2", (*_FORWARD_SECRET, *_RSA_SHA2)),
            _policy("ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06", "TLSv1.3", "TLSv1.2", _EVERYTHING),
            _policy("ELBSecurityPolicy-TLS13-1-1-2021-06", "TLSv1.3", "TLSv1.1", _EVERYTHING),
            _policy("ELBSecurityPolicy-TLS13-1-0-2021-06", "TLSv1.3", "TLSv1", _EVERYTHING),
            _policy("ELBSecurityPolicy-TLS13-1-3-2021-06", "TLSv1.3", "TLSv1.3", ()),
            _policy("ELBSecurityPolicy-TLS-1-2-2017-01", "TLSv1.2", "TLSv1.2", (*_FORWARD_SECRET, *_RSA_SHA2)),
            _policy("ELBSecurityPolicy-TLS-1-2-Ext-2018-06", "TLSv1.2", "TLSv1.2", _EVERYTHING),
            _policy("ELBSecurityPolicy-TLS-1-1-2017-01", "TLSv1.2", "TLSv1.1", _EVERYTHING),
            _policy("ELBSecurityPolicy-2015-05", "TLSv1.2", "TLSv1", _EVERYTHING),
            _policy("ELBSecurityPolicy-FS-2018-06", "TLSv1.2", "TLSv1", (*_FORWARD_SECRET, *_ECDHE_SHA1)),
            _policy("ELBSecurityPolicy-FS-1-1-2019-08", "TLSv1.2", "TLSv1.1", (*_FORWARD_SECRET, *_ECDHE_SHA1)),
            _policy("ELBSecurityPolicy-FS-1-2-2019-08", "TLSv1.2", "TLSv1.2", (*_FORWARD_SECRET, *_ECDHE_SHA1)),
            _policy("ELBSecurityPolicy-FS-1-2-Res-2019-08", "TLSv1.2", "TLSv1.2", _FORWARD_SECRET),
            _policy("ELBSecurityPolicy-FS-1-2-Res-2020-10", "TLSv1.2", "TLSv1.2", _ECDHE_GCM),
        )
    }
)


def tls_policy(name: str) -> TlsPolicy:
    """The policy of this name.

    Raises:
        UnknownTlsPolicyError: no such policy; the message lists those known.
    """
    try:
        return POLICIES[name]
    except KeyError:
        names = ", ".join(sorted(POLICIES))
        raise UnknownTlsPolicyError(f"TLS policy {name!r} is not known; choose one of {names}") from None
