"""EventBridge's own API, for operations that the substrate would decide differently from EventBridge."""

from pushproof.emulator.services.events.service import EventsService

__all__ = ["EventsService"]
