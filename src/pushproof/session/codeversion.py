"""The version of the code that makes a world: Pushproof's rooms below the targets, and the libraries that answer for AWS."""

from __future__ import annotations

import functools
import hashlib
from importlib.metadata import version
from pathlib import Path

import pushproof

_ROOMS = ("aws", "base", "emulator", "engines", "session", "targets", "terraform")
_LIBRARIES = ("boto3", "botocore", "cryptography", "moto", "werkzeug")


@functools.cache
def code_version() -> str:
    """Return a digest of every source file of those rooms, and the versions of those libraries."""
    root = Path(pushproof.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(path for room in _ROOMS for path in (root / room).rglob("*.py")):
        digest.update(f"{path.relative_to(root)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return " ".join([digest.hexdigest(), *(f"{name}={version(name)}" for name in _LIBRARIES)])
