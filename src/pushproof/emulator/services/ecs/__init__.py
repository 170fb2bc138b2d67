"""Amazon ECS."""

from __future__ import annotations

from .service import EcsApi

__all__ = ["EcsApi"]
