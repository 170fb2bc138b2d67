"""Services by their signing names, read from AWS's own models.

Reading takes a second the first time, and happens only where the usual names are not enough.
"""

from __future__ import annotations

import functools
import gzip
import re
from pathlib import Path

import botocore

_METADATA = re.compile(r'"metadata"\s*:\s*\{(.*?)\n  \}', re.DOTALL)
_TEXT_MEMBER = re.compile(r'"(\w+)"\s*:\s*"([^"]*)"')


@functools.cache
def services_signed_as(signing_name: str) -> tuple[str, ...]:
    """Return the botocore services that sign with this name: `access-analyzer` is `accessanalyzer`, `es` are two."""
    return tuple(sorted(_by_signing_name().get(signing_name, ())))


def endpoint_prefixes() -> frozenset[str]:
    """Return the first labels of AWS's endpoints, `ecs` of `ecs.eu-west-1.amazonaws.com`."""
    return frozenset(metadata["endpointPrefix"] for _, metadata in _metadata())


@functools.cache
def _by_signing_name() -> dict[str, set[str]]:
    names: dict[str, set[str]] = {}
    for service, metadata in _metadata():
        names.setdefault(metadata.get("signingName") or metadata["endpointPrefix"], set()).add(service)
    return names


@functools.cache
def _metadata() -> tuple[tuple[str, dict[str, str]], ...]:
    """Return the metadata of every service with a botocore model."""
    services = []
    for folder in (Path(botocore.__file__).parent / "data").iterdir():
        versions = sorted(folder.glob("*/service-2.json.gz"))
        if not versions:
            continue
        # The metadata are at the top of a text that may have a million lines.
        with gzip.open(versions[-1], "rt", encoding="utf-8") as text:
            match = _METADATA.search(text.read(8000))
        if match is not None:
            services.append((folder.name, dict(_TEXT_MEMBER.findall(match[1]))))
    return tuple(services)
