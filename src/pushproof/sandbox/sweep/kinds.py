"""Every kind, in the order of removal: what starts things, what runs, what it runs on, what it runs as."""

from __future__ import annotations

from pushproof.sandbox.sweep import delivery, identity, messaging, network, storage

KINDS = (*messaging.FIRST, *delivery.KINDS, *messaging.LATER, *network.KINDS, *storage.KINDS, *identity.KINDS)
