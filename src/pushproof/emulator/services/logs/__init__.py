"""CloudWatch Logs, over the substrate's: filter patterns, and what is kept by them."""

from pushproof.emulator.services.logs.service import LogsService

__all__ = ["LogsService"]
