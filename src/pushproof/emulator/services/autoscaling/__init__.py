"""Application Auto Scaling: scalable targets, policies and scheduled actions, and capacity within limits."""

from __future__ import annotations

from .service import AutoScalingService

__all__ = ["AutoScalingService"]
