"""Sockets of hosts: one for each installation and environment, in a directory that only its user can enter."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pushproof

#: Variables that nothing reads on import, and that differ between one shell and the next, or are secrets. A run gets them all.
_OF_A_RUN = frozenset(
    {
        "_",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "COLUMNS",
        "LINES",
        "MAKEFLAGS",
        "MAKELEVEL",
        "MAKE_TERMERR",
        "MAKE_TERMOUT",
        "MFLAGS",
        "OLDPWD",
        "PWD",
        "PYTEST_ADDOPTS",
        "PYTEST_CURRENT_TEST",
        "SHLVL",
    }
)
_PREFIXES = ("TF_VAR_", "TF_TOKEN_")


def host_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the part of a run's environment that its host starts with: what may decide on something at import."""
    return {
        name: value for name, value in environment.items() if name not in _OF_A_RUN and not name.startswith(_PREFIXES)
    }


def socket_of(environment: Mapping[str, str]) -> Path:
    """Return the socket of this installation's host for an environment. Raises OSError if there is no safe place for it."""
    identity = [
        sys.executable,
        sys.prefix,
        pushproof.__file__,
        sorted(host_environment(environment).items()),
    ]
    digest = hashlib.sha256(json.dumps(identity).encode("utf-8", "surrogateescape")).hexdigest()
    return directory() / f"{digest[:24]}.sock"


def sockets() -> list[Path]:
    """Return the sockets of this user's hosts, of every installation; those of hosts that have ended, too."""
    try:
        _require_own(_directory())
    except OSError:
        return []
    # A host that ends removes its socket, and neither its log nor the lock of its clients.
    return sorted({path.with_suffix(".sock") for path in _directory().iterdir()})


def forget(path: Path) -> None:
    """Remove what a host whose process has ended left behind, and the directory with the last one."""
    for suffix in (".sock", ".log", ".lock"):
        path.with_suffix(suffix).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        path.parent.rmdir()


def directory() -> Path:
    """Return the directory of the sockets, created if need be. Raises OSError if somebody else may enter it."""
    path = _directory()
    path.mkdir(mode=0o700, exist_ok=True)
    _require_own(path)
    return path


def _directory() -> Path:
    # The path of a socket has at most 107 bytes, so that it cannot be in the state directory.
    return Path(tempfile.gettempdir()) / f"pushproof-runs-{os.getuid()}"


def _require_own(path: Path) -> None:
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise PermissionError(f"{path} is not a directory that only you can enter; remove it")
