"""moto's backends: the state of an account, which belongs to the process."""

from __future__ import annotations

import hashlib
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
    """Return the backends of every service in use: service -> account -> regions."""
    return {backends.service_name: dict(backends) for backends in _in_use()}


def use_backends(state: Mapping[str, object]) -> None:
    """Make moto continue with what `backends_in_use` returned."""
    from moto.backends import get_backend

    in_use = _in_use()
    for service, accounts in state.items():
        backends = get_backend(service)  # type: ignore[call-overload]
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
