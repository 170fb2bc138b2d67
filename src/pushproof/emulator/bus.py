"""The event bus: what AWS services announce, delivered by the account's own EventBridge rules."""

from __future__ import annotations

import uuid
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pushproof.emulator.world import World


@dataclass(frozen=True, slots=True)
class PublishedEvent:
    """An event as it was put on the bus: AWS time, region, and the envelope EventBridge documents."""

    at: float
    region: str
    envelope: dict[str, Any]


class Bus:
    """Publishes events; delivery reads rules and targets from the substrate."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.history: deque[PublishedEvent] = deque(maxlen=10_000)

    def publish(
        self, source: str, detail_type: str, detail: dict[str, Any], *, resources: list[str], region: str
    ) -> dict[str, Any]:
        """Put an event of an AWS service on the default bus; returns its envelope.

        Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
        """
        at = self._world.clock.now()
        envelope = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": detail_type,
            "source": source,
            "account": self._world.account_id,
            "time": self._world.clock.stamp(at).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": region,
            "resources": resources,
            "detail": detail,
        }
        self.history.append(PublishedEvent(at, region, envelope))
        return envelope
