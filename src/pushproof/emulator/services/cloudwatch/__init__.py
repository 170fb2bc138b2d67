"""CloudWatch: alarms that follow metrics, over what the substrate stores."""

from __future__ import annotations

from .service import CloudWatchService

__all__ = ["CloudWatchService"]
