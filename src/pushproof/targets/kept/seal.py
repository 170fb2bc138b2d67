"""Seals of kept worlds. A kept world is loaded only if its seal is right: written by this user, and whole.

The key is `$PUSHPROOF_CACHE_KEY`, which several machines may share, or a random one of this machine's user.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

VARIABLE = "PUSHPROOF_CACHE_KEY"
SEAL = "seal"
_KEY = "key"
_SHORTEST = 16


class WeakKey(ValueError):
    """The key in the environment is too short; the message says what is expected."""


def seal_key(directory: Path) -> bytes:
    """Return the key for seals of kept worlds in a directory. Raises WeakKey, OSError."""
    text = os.environ.get(VARIABLE)
    if text is not None:
        if len(text) < _SHORTEST:
            raise WeakKey(f"{VARIABLE} has {len(text)} characters; expected {_SHORTEST} or more, from a random source")
        return text.encode()
    file = directory / _KEY
    try:
        return _usable(file.read_bytes())
    except FileNotFoundError:
        fresh = file.with_name(f".{_KEY}-{secrets.token_hex(4)}")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(secrets.token_hex(32).encode())
        try:
            # The first of several processes wins.
            os.link(fresh, file)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
        return _usable(file.read_bytes())


def _usable(key: bytes) -> bytes:
    if len(key) < _SHORTEST:
        raise WeakKey("the file with the key of kept worlds is damaged; `pushproof cache prune --all` makes a new one")
    return key


def seal_of(directory: Path, key: bytes) -> str:
    """Return the seal of all files below a directory, by name and content."""
    digest = hmac.new(key, digestmod=hashlib.sha256)
    for path in sorted(directory.rglob("*")):
        name = str(path.relative_to(directory))
        if name == SEAL or (path.is_dir() and not path.is_symlink()):
            continue
        content = os.readlink(path).encode() if path.is_symlink() else _digest_of(path)
        digest.update(f"{len(name)}:{name}:{len(content)}:".encode() + content)
    return digest.hexdigest()


def _digest_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def write_seal(directory: Path, key: bytes) -> None:
    """Seal a directory."""
    (directory / SEAL).write_text(seal_of(directory, key))


def is_sealed(directory: Path, key: bytes) -> bool:
    """Return whether a directory is as it was sealed, and with this key."""
    try:
        written = (directory / SEAL).read_text()
        return hmac.compare_digest(written, seal_of(directory, key))
    except OSError:
        return False
