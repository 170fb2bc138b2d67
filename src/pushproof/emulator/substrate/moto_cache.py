"""A cache of files that moto reads repeatedly and that never change: each is read once in a process.

AWS's own managed policies are some 1,600, in one JSON text of several megabytes, read for each account of each world: half a
second each time. The folder of moto's own services is listed at every request: a third of a small one.
"""

from __future__ import annotations

import copy
import functools
import os
from typing import Any


def read_once() -> None:
    """Make moto use what this process has already read; safe to call again."""
    from pushproof.emulator.substrate.moto_instance_types import read_instance_types_late
    from pushproof.emulator.substrate.moto_policies import read_policies_once

    read_instance_types_late()
    _models()
    _listings()
    read_policies_once()
    _services()
    _methods()


_S3 = f"{os.sep}s3{os.sep}"


def _models() -> None:
    """Parse each of botocore's models once: moto has sessions of its own, and EC2's model alone takes a third of a second."""
    from botocore.loaders import JSONFileLoader

    original: Any = JSONFileLoader.load_file
    if getattr(original, "reads_once", False):
        return
    parsed: dict[str, object] = {}

    def load_file(self: JSONFileLoader, file_path: str) -> object:
        if _S3 in file_path:
            # Routers take the bucket out of its paths, each in a model of its own.
            return original(self, file_path)
        if file_path not in parsed:
            parsed[file_path] = original(self, file_path)
        # Sessions add to the outermost level, such as by `sdk-extras`.
        return copy.copy(parsed[file_path])

    load_file.reads_once = True  # type: ignore[attr-defined]
    JSONFileLoader.load_file = load_file  # type: ignore[method-assign]


def _listings() -> None:
    """List botocore's services once: moto has a new loader for each model, and a list asks the disk a thousand times."""
    from botocore.loaders import Loader

    original: Any = Loader.list_available_services
    if getattr(original, "reads_once", False):
        return
    known: dict[tuple[str, ...], list[str]] = {}

    def list_available_services(self: Loader, type_name: str) -> list[str]:
        key = (type_name, *self.search_paths)
        if key not in known:
            known[key] = original(self, type_name)
        return list(known[key])

    list_available_services.reads_once = True  # type: ignore[attr-defined]
    Loader.list_available_services = list_available_services  # type: ignore[method-assign]


def _methods() -> None:
    """Cache the operations of a class, which moto collects at every request: a sixth of a small one."""
    from moto.core import responses, utils

    original: Any = utils.method_names_from_class
    if getattr(original, "reads_once", False):
        # Methods may have been added to a class since.
        original.forget()
        return
    names = functools.cache(lambda cls: tuple(original(cls)))

    def method_names_from_class(cls: type) -> tuple[str, ...]:
        return names(cls)

    method_names_from_class.reads_once = True  # type: ignore[attr-defined]
    method_names_from_class.forget = names.cache_clear  # type: ignore[attr-defined]
    for module in (utils, responses):
        setattr(module, "method_names_from_class", method_names_from_class)  # noqa: B010


def _services() -> None:
    from moto import backends

    original: Any = backends.list_of_moto_modules
    if not getattr(original, "reads_once", False):
        names = frozenset(original())

        def list_of_moto_modules() -> frozenset[str]:
            return names

        list_of_moto_modules.reads_once = True  # type: ignore[attr-defined]
        setattr(backends, "list_of_moto_modules", list_of_moto_modules)  # noqa: B010
