"""EventBridge's own API, where the substrate would decide otherwise than EventBridge."""

from pushproof.emulator.services.events.service import EventsService

__all__ = ["EventsService"]
