"""Pushproof proves, before production does, that a push deploys and that a bad push rolls back."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pushproof.base.origin import Origin
    from pushproof.base.target import Target
    from pushproof.checks.check import Checks, Clients, NothingToLookAt, check
    from pushproof.checks.finding import Finding
    from pushproof.checks.iam import IamChecks
    from pushproof.checks.image import ImageChecks
    from pushproof.checks.networking import NetworkingChecks
    from pushproof.checks.permissions import Permission
    from pushproof.checks.pipeline import PipelineChecks
    from pushproof.checks.registry import RegistryChecks
    from pushproof.checks.secrets import SecretsChecks
    from pushproof.checks.service import ServiceChecks
    from pushproof.checks.state import StateChecks
    from pushproof.checks.verdict import Verdict
    from pushproof.drill.runner import Drill
    from pushproof.fixtures import (
        Apply,
        DrillFactory,
        IamFactory,
        ImageFactory,
        NetworkingFactory,
        PipelineFactory,
        RegistryFactory,
        SecretsFactory,
        ServiceFactory,
        StateFactory,
    )
    from pushproof.terraform.applied import AppliedModule
    from pushproof.terraform.resources import resources

__version__ = "0.1.0"

# Found when they are asked for: the command line starts without them.
_HOMES = {
    "pushproof.checks.check": ("Checks", "Clients", "NothingToLookAt", "check"),
    "pushproof.base.origin": ("Origin",),
    "pushproof.base.target": ("Target",),
    "pushproof.checks.finding": ("Finding",),
    "pushproof.checks.iam": ("IamChecks",),
    "pushproof.checks.image": ("ImageChecks",),
    "pushproof.checks.networking": ("NetworkingChecks",),
    "pushproof.checks.permissions": ("Permission",),
    "pushproof.checks.pipeline": ("PipelineChecks",),
    "pushproof.checks.registry": ("RegistryChecks",),
    "pushproof.checks.secrets": ("SecretsChecks",),
    "pushproof.checks.service": ("ServiceChecks",),
    "pushproof.checks.state": ("StateChecks",),
    "pushproof.checks.verdict": ("Verdict",),
    "pushproof.drill.runner": ("Drill",),
    "pushproof.fixtures": (
        "Apply",
        "DrillFactory",
        "IamFactory",
        "ImageFactory",
        "NetworkingFactory",
        "PipelineFactory",
        "RegistryFactory",
        "SecretsFactory",
        "ServiceFactory",
        "StateFactory",
    ),
    "pushproof.terraform.applied": ("AppliedModule",),
    "pushproof.terraform.resources": ("resources",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AppliedModule",
    "Apply",
    "Checks",
    "Clients",
    "Drill",
    "DrillFactory",
    "Finding",
    "IamChecks",
    "IamFactory",
    "ImageChecks",
    "ImageFactory",
    "NetworkingChecks",
    "NetworkingFactory",
    "NothingToLookAt",
    "Origin",
    "Permission",
    "PipelineChecks",
    "PipelineFactory",
    "RegistryChecks",
    "RegistryFactory",
    "SecretsChecks",
    "SecretsFactory",
    "ServiceChecks",
    "ServiceFactory",
    "StateChecks",
    "StateFactory",
    "Target",
    "Verdict",
    "__version__",
    "check",
    "resources",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
