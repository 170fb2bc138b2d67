"""Application Auto Scaling: scalable targets, policies and scheduled actions, and the capacity their limits demand."""

from __future__ import annotations

from .service import AutoScalingService

__all__ = ["AutoScalingService"]
