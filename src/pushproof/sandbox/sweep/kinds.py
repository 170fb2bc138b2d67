"""Every kind, in the order of removal: triggers, then what runs, then what it runs on, then the roles it uses."""

from __future__ import annotations

from pushproof.sandbox.sweep import delivery, identity, messaging, network, storage

KINDS = (*messaging.FIRST, *delivery.KINDS, *messaging.LATER, *network.KINDS, *storage.KINDS, *identity.KINDS)
