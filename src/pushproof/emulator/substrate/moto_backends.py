"""moto's backends: the state of an account, which belongs to the process."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Mapping
from typing import Any


def discard_backends() -> None:
    """Forget every account's state.

    moto's own reset makes each backend anew before it forgets it, which takes a second; only S3's have files to close.
    """
    from moto.core.model_instances import reset_model_data

    in_use = _in_use()
    for backends in list(in_use):
        if backends.service_name in ("s3", "s3bucket_path"):
            for _, _, backend in list(backends.iter_backends()):
                backend.reset()
        backends.clear()
    in_use.clear()
    reset_model_data()


def backends_in_use() -> dict[str, object]:
    """Return the backends of every service in use: the name that moto finds them by -> account -> regions."""
    return {_name_of(backends): dict(backends) for backends in _in_use()}


def _name_of(backends: Any) -> str:
    """Return the name that `_backends_of` finds backends by.

    Lambda and Batch have two kinds each, with and without containers, of one service name.
    """
    named: str = backends.service_name
    return named if _backends_of(named) is backends else str(backends.backend.__module__).split(".")[1]


def _backends_of(name: str) -> Any:
    """Return the backends of a service, or of a package of moto's such as "batch_simple"."""
    from moto.backends import get_backend

    if not name.endswith("_simple"):
        return get_backend(name)  # type: ignore[call-overload]
    return getattr(importlib.import_module(f"moto.{name}.models"), f"{name.removeprefix('aws')}_backends")


def use_backends(state: Mapping[str, object]) -> None:
    """Make moto continue with what `backends_in_use` returned."""
    in_use = _in_use()
    for service, accounts in state.items():
        backends = _backends_of(service)
        dict.update(backends, accounts)  # type: ignore[call-overload]
        in_use.append(backends)
        if service == "s3":
            for _, _, backend in backends.iter_backends():
                _sum_up(backend)


def _sum_up(backend: Any) -> None:
    """Compute ETags and checksums of objects anew whose content has other addresses than it had."""
    from moto.s3.utils import compute_checksum

    for bucket in backend.buckets.values():
        for versions in dict.values(bucket.keys):
            for key in versions:
                etag = getattr(key, "_etag", None)
                content = key.value if etag and "-" not in etag else b""
                if not content or hashlib.md5(content, usedforsecurity=False).hexdigest() == etag:
                    continue
                key._etag = None
                key.contentsize = len(content)
                if key.checksum_value is not None and key.checksum_algorithm:
                    key.checksum_value = compute_checksum(content, key.checksum_algorithm).decode()


def _in_use() -> list[Any]:
    """Return moto's list of the services in use."""
    from moto.core.base_backend import BackendDict

    in_use: list[Any] = BackendDict._instances  # type: ignore[misc]
    return in_use
