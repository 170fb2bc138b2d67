"""The key of a kept world: everything that the outcome of an apply depends on, by name."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING

from pushproof.base.origin import shown
from pushproof.session.codeversion import code_version
from pushproof.terraform.driver import Backend, Terraform
from pushproof.terraform.providers import session_mirrors

if TYPE_CHECKING:
    from pushproof.targets.worldtarget import WorldTarget

# Ingredients that a change of a module changes; the others make a family.
_OF_THE_MODULE = frozenset({"files"})
# Of the environment: what differs from run to run, or decides nothing.
_OF_THIS_RUN = frozenset({"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "TF_CLI_CONFIG_FILE"})


def ingredients_of(
    target: WorldTarget,
    terraform: Terraform,
    *,
    backend: Backend,
    remote_states: Mapping[str, Mapping[str, object]] | None,
    files: str,
    base: str,
) -> dict[str, str]:
    """Return the ingredients of an apply, by name. `files`: the digest of what it reads; `base`: the world's lineage."""
    place = target.place
    settings = target.settings
    environment = {
        name: place.marked(value)
        for name, value in terraform.environment.items()
        if name.startswith(("TF_", "AWS_")) and name not in _OF_THIS_RUN
    }
    configuration = Path(terraform.environment["TF_CLI_CONFIG_FILE"]).read_text(encoding="utf-8")
    return {
        "base": base,
        "module": shown(terraform.copy.source, terraform.copy.base),
        "copy": place.marked(str(terraform.copy.here)),
        "files": files,
        "variables": _json(terraform.variables),
        "backend": _json(backend),
        "remote states": _json(remote_states),
        "environment": _json(environment),
        "terraform": str(terraform.binary),
        "providers": _providers(configuration),
        "settings": _json([settings.world, settings.runtime]),
        "pushproof": code_version(),
        "python": sys.version,
    }


def together(ingredients: list[dict[str, str]]) -> dict[str, str]:
    """Return the ingredients of several applies side by side, by name and number; those of one are its own."""
    if len(ingredients) == 1:
        return ingredients[0]
    return {f"{name} {number}": value for number, each in enumerate(ingredients, 1) for name, value in each.items()}


def family_of(ingredients: Mapping[str, str]) -> str:
    """Return the digest of the ingredients that a change of a module leaves as they are."""
    return digest(
        {name: value for name, value in ingredients.items() if name.rstrip(" 0123456789") not in _OF_THE_MODULE}
    )


def with_base_of(ingredients: Mapping[str, str], others: Mapping[str, str]) -> dict[str, str]:
    """Return ingredients with the world of before that others have."""
    bases = {name: value for name, value in others.items() if name.rstrip(" 0123456789") == "base"}
    return {**ingredients, **bases}


def digest(ingredients: Mapping[str, str]) -> str:
    """Return a text that is the same for equal ingredients."""
    return hashlib.sha256(_json(ingredients).encode()).hexdigest()


def _providers(configuration: str) -> str:
    """Return what decides which providers `init` chooses, besides the constraints and the lock file of the module."""
    versions = [str(mirror) for mirror in session_mirrors()]
    # Where the registry decides, a version that nothing pins may be another one tomorrow.
    return _json([configuration, versions or datetime.now(UTC).date().isoformat()])


def _json(value: object) -> str:
    """Return a text that is the same for equal values."""
    return json.dumps(value, sort_keys=True, default=_plain)


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: getattr(value, each.name) for each in fields(value)}
    if isinstance(value, set | frozenset):
        return sorted(value, key=repr)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, FunctionType) and value.__module__.startswith("pushproof.") and "<" not in value.__qualname__:
        # Its code is another ingredient.
        return f"{value.__module__}.{value.__qualname__}"
    # With an address in it, it is equal to nothing else, which is the safe side.
    return repr(value)
