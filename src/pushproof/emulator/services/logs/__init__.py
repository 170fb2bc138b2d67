"""CloudWatch Logs over the substrate's: filter patterns, and the filters that use them."""

from pushproof.emulator.services.logs.service import LogsService

__all__ = ["LogsService"]
