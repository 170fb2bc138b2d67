"""Image references: `[host[:port]/]name[:tag][@digest]`, and resolved images."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

# The name under which builds reach the host engine's own images, through the gateway.
IMAGES_HOST = "images.pushproof.internal"

_HOST = re.compile(r"[^/]*[.:][^/]*|localhost")
_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws)(?::\d+)?"
)


@dataclass(frozen=True, slots=True)
class Reference:
    """A parsed reference. `tag` is `latest` if neither tag nor digest is set."""

    host: str | None
    name: str
    tag: str | None
    digest: str | None


@dataclass(frozen=True, slots=True)
class ResolvedImage:
    """An image of the world's registry.

    `pull_reference` is the name under which the host's own engine pulls it. Of an index, `manifest` and `config` are those
    of this machine's platform, while `digest` is the index's own, as ECS shows it.
    """

    reference: str
    pull_reference: str
    repository: str
    digest: str
    manifest: Mapping[str, object]
    config: Mapping[str, object]
    labels: dict[str, str] = field(default_factory=dict)


def parse_reference(text: str) -> Reference:
    """Parse a reference as Docker does."""
    rest, _, digest = text.partition("@")
    first, slash, remainder = rest.partition("/")
    host = first if slash and _HOST.fullmatch(first) else None
    name = remainder if host else rest
    path, _, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    name = f"{path}/{last}" if path else last
    return Reference(host, name, tag or (None if digest else "latest"), digest or None)


def ecr_host(host: str) -> tuple[str, str] | None:
    """Return the account and region in a host name such as `123456789012.dkr.ecr.eu-west-1.amazonaws.com`."""
    match = _ECR.fullmatch(host)
    return (match["account"], match["region"]) if match else None
