"""Modules of `scripts/`, which belong to no package."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

from tests.unit.structure.graph import SOURCE


def load_script(name: str) -> ModuleType:
    """Import a script of the repository, such as "audit"."""
    spec = importlib.util.spec_from_file_location(f"{name}_script", SOURCE.parent / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up by its name.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
