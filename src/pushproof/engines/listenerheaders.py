"""Headers that a listener of an Application Load Balancer adds, changes and removes, as pure functions.

Sources: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/header-modification.html ,
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html and
https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html .
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

TLS_VERSION = "X-Amzn-Tls-Version"
TLS_CIPHER = "X-Amzn-Tls-Cipher-Suite"

# The attribute's name between `routing.http.response.` and `.header_value` -> the header.
RESPONSE_HEADERS: Mapping[str, str] = {
    "access_control_allow_credentials": "Access-Control-Allow-Credentials",
    "access_control_allow_headers": "Access-Control-Allow-Headers",
    "access_control_allow_methods": "Access-Control-Allow-Methods",
    "access_control_allow_origin": "Access-Control-Allow-Origin",
    "access_control_expose_headers": "Access-Control-Expose-Headers",
    "access_control_max_age": "Access-Control-Max-Age",
    "content_security_policy": "Content-Security-Policy",
    "strict_transport_security": "Strict-Transport-Security",
    "x_content_type_options": "X-Content-Type-Options",
    "x_frame_options": "X-Frame-Options",
}
_VALID_NAME = re.compile(r"[-A-Za-z0-9]+")


@dataclass(frozen=True, slots=True)
class HeaderSettings:
    """Settings of one listener and its load balancer.

    `response` are headers that every answer gets, in place of the target's; `server` keeps the Server header. `tls` adds the
    negotiated version and cipher to requests, under `tls_version_name` and `tls_cipher_name`. `forwarded_for` is `append`,
    `preserve` or `remove`; `client_port` adds the client's port to what is appended. `drop_invalid` drops request headers whose
    names have other characters than letters, digits and hyphens.
    """

    response: tuple[tuple[str, str], ...] = ()
    server: bool = True
    tls: bool = False
    tls_version_name: str = TLS_VERSION
    tls_cipher_name: str = TLS_CIPHER
    forwarded_for: str = "append"
    client_port: bool = False
    drop_invalid: bool = False


def forwarded_for(
    settings: HeaderSettings, incoming: str | None, source_ip: str, source_port: int | None
) -> str | None:
    """X-Forwarded-For for the target; None when the listener removes it."""
    if settings.forwarded_for == "remove":
        return None
    if settings.forwarded_for == "preserve":
        return incoming
    address = f"[{source_ip}]" if settings.client_port and ":" in source_ip else source_ip
    own = f"{address}:{source_port}" if settings.client_port and source_port else source_ip
    return f"{incoming}, {own}" if incoming else own


def tls_headers(settings: HeaderSettings, version: str | None, cipher: str | None) -> tuple[tuple[str, str], ...]:
    """The headers that describe the encryption of the client's connection."""
    if not settings.tls or version is None or cipher is None:
        return ()
    return ((settings.tls_version_name, version), (settings.tls_cipher_name, cipher))


def invalid_names(settings: HeaderSettings, names: Iterable[str]) -> tuple[str, ...]:
    """Names of a request's headers that are not passed on."""
    if not settings.drop_invalid:
        return ()
    return tuple(name for name in names if not _VALID_NAME.fullmatch(name))
