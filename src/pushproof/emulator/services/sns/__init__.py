"""SNS: topics are in the substrate; subscriptions, confirmations and deliveries are the plane's own."""

from pushproof.emulator.services.sns.service import SnsService

__all__ = ["SnsService"]
