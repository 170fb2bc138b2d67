"""Service Connect and Cloud Map as Terraform makes, reads and removes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pushproof.terraform.applied import apply_module


def test_connected_services_are_applied_planned_empty_and_destroyed(target: Any, aws: Callable[[str], Any]) -> None:
    """The plan after the apply is empty, the endpoint is in Cloud Map, and nothing is left after the destroy."""
    module = apply_module(target, Path(__file__).parent / "connected", name="connected")
    assert module.changes() == {}
    services = aws("servicediscovery").list_services()["Services"]
    assert sorted(service["Name"] for service in services) == ["api", "backend"]
    module.terraform.destroy()
    assert aws("servicediscovery").list_namespaces()["Namespaces"] == []
