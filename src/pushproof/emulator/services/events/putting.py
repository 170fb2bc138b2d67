"""PutEvents and TestEventPattern.

Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html ; answers recorded by
https://github.com/localstack/localstack (tests/aws/services/events/test_events.snapshot.json).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.instants import iso
from pushproof.emulator.services.events.base import EventsBase, compiled
from pushproof.engines.events import Number

#: "The total entry size must be less than 256KB."
MAXIMUM_SIZE = 256 * 1024

_ENVELOPE = ("id", "account", "source", "time", "region", "detail-type")


class Putting(EventsBase):
    """Puts custom events on the world's bus, and tells whether an event would match."""

    def put_events(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        entries = request["Entries"]
        if sum(_size(entry) for entry in entries) >= MAXIMUM_SIZE:
            raise AwsError("ValidationException", "Total size of the entries in the request is over the limit.")
        answers = [self._put(context, entry) for entry in entries]
        return {"FailedEntryCount": sum(1 for answer in answers if "ErrorCode" in answer), "Entries": answers}

    def _put(self, context: RequestContext, entry: dict[str, Any]) -> dict[str, Any]:
        for member in ("Source", "DetailType", "Detail"):
            if not entry.get(member):
                reason = f"Parameter {member} is not valid. Reason: {member} is a required argument."
                return {"ErrorCode": "InvalidArgument", "ErrorMessage": reason}
        if entry["Source"].startswith("aws."):
            return {"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": "Not authorized for the source."}
        detail = _detail(entry["Detail"])
        if detail is None:
            return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
        at = entry.get("Time") or self.world.clock.stamp(self.world.clock.now())
        envelope = self.world.events.put(
            entry["Source"],
            entry["DetailType"],
            detail,
            resources=list(entry.get("Resources") or ()),
            region=context.region,
            time=iso(at),
            bus=entry.get("EventBusName", "default").rsplit("/", 1)[-1],
        )
        return {"EventId": envelope["id"]}

    def test_event_pattern(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        try:
            event = json.loads(request["Event"], parse_int=Number, parse_float=Number, parse_constant=_refuse)
        except (ValueError, RecursionError):
            event = None
        if not isinstance(event, dict) or any(not event.get(member) for member in _ENVELOPE):
            raise AwsError("ValidationException", "Parameter Event is not valid.")
        return {"Result": compiled(request["EventPattern"]).matches(event)}


def _size(entry: Mapping[str, Any]) -> int:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html#eb-putevent-size"""
    texts = [entry.get("Source") or "", entry.get("DetailType") or "", entry.get("Detail") or ""]
    texts += entry.get("Resources") or ()
    return (14 if entry.get("Time") else 0) + sum(len(text.encode(errors="surrogatepass")) for text in texts)


def _detail(text: str) -> dict[str, Any] | None:
    """The object that a detail is; None for anything else."""
    try:
        detail = json.loads(text, parse_constant=_refuse)
        # Deeper than it can be written again, and so never delivered.
        json.dumps(detail)
    except (ValueError, RecursionError):
        return None
    return detail if isinstance(detail, dict) else None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
