"""Amazon ECS."""

from __future__ import annotations

from .model import EcsSettings
from .service import EcsApi

__all__ = ["EcsApi", "EcsSettings"]
