"""The Docker Engine that this user means: `DOCKER_HOST`, else a Docker context, else the machine's own socket.

The order is that of the `docker` command, so that both talk to one Engine:
https://docs.docker.com/engine/manage-resources/contexts/ ("the DOCKER_HOST environment variable overrides", DOCKER_CONTEXT, the
context in use) and https://docs.docker.com/reference/cli/docker/#environment-variables (DOCKER_CONFIG). A context is described in
`contexts/meta/<SHA-256 of its name>/meta.json` below the configuration directory, its certificates are in `contexts/tls`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

OWN_SOCKET = "unix:///var/run/docker.sock"
_DEFAULT = "default"


class ContextUnusable(ValueError):
    """A Docker context is named that is not there, or has no Docker Engine; the message says who names it, and what to do."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address of an Engine. `chosen_by`: what names it, for messages; empty for the machine's own socket.

    `certificates`: the directory of a context's certificates (`ca.pem`, `cert.pem`, `key.pem`), None where it has none;
    `verified`: whether the Engine's own certificate is verified.
    """

    url: str = OWN_SOCKET
    chosen_by: str = ""
    certificates: Path | None = None
    verified: bool = True

    def __str__(self) -> str:
        return f"{self.url} ({self.chosen_by})" if self.chosen_by else self.url


def chosen_endpoint(environment: Mapping[str, str]) -> Endpoint:
    """Return the Engine that an environment and the user's Docker configuration choose. Raises ContextUnusable."""
    if url := environment.get("DOCKER_HOST"):
        return Endpoint(url, "DOCKER_HOST")
    directory = _configuration(environment)
    if name := environment.get("DOCKER_CONTEXT"):
        return _context(directory, name, "DOCKER_CONTEXT")
    file = directory / "config.json"
    try:
        configuration = json.loads(file.read_text(encoding="utf-8"))
    except OSError:
        return Endpoint()
    except ValueError as error:
        raise ContextUnusable(
            f"{file} is not JSON ({error}); correct it, or name another with DOCKER_CONFIG"
        ) from error
    name = configuration.get("currentContext") if isinstance(configuration, dict) else None
    return _context(directory, name, f"currentContext in {file}") if isinstance(name, str) and name else Endpoint()


def _configuration(environment: Mapping[str, str]) -> Path:
    if directory := environment.get("DOCKER_CONFIG"):
        return Path(directory)
    return Path(environment.get("HOME") or os.path.expanduser("~")) / ".docker"


def _context(directory: Path, name: str, named_by: str) -> Endpoint:
    if name == _DEFAULT:
        return Endpoint()
    digest = hashlib.sha256(name.encode()).hexdigest()
    file = directory / "contexts/meta" / digest / "meta.json"
    try:
        engine = json.loads(file.read_text(encoding="utf-8"))["Endpoints"]["docker"]
        url, verified = engine["Host"], not engine.get("SkipTLSVerify", False)
        if not isinstance(url, str):
            raise TypeError(f"Host is {url!r}")
    except FileNotFoundError as error:
        raise ContextUnusable(
            f"there is no Docker context {name!r}, which {named_by} names. `docker context ls` lists them; "
            "`docker context use default` returns to this machine's own Engine"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ContextUnusable(
            f"Docker context {name!r}, which {named_by} names, has no address of a Docker Engine in {file} "
            f"({error!r}). Create it anew: `docker context create`"
        ) from error
    certificates = directory / "contexts/tls" / digest / "docker"
    return Endpoint(url, f"Docker context {name}", certificates if certificates.is_dir() else None, verified)
