"""PutEvents and TestEventPattern.

Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html ; answers recorded by
https://github.com/localstack/localstack (tests/aws/services/events/test_events.snapshot.json).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.instants import iso
from pushproof.emulator.services.events.base import EventsBase, compiled
from pushproof.engines.events import Number

if TYPE_CHECKING:
    from types_boto3_events.type_defs import PutEventsResultEntryTypeDef

    from pushproof.emulator.kernel.shapes.events import (
        PutEventsAnswer,
        PutEventsRequest,
        PutEventsRequestEntryInput,
        TestEventPatternAnswer,
        TestEventPatternRequest,
    )


#: "The total entry size must be less than 256KB."
MAXIMUM_SIZE = 256 * 1024

_ENVELOPE = ("id", "account", "source", "time", "region", "detail-type")


class Putting(EventsBase):
    """Puts custom events on the world's bus, and decides whether an event would match."""

    def put_events(self, context: RequestContext, request: PutEventsRequest) -> PutEventsAnswer:
        entries = request["Entries"]
        if sum(_size(entry) for entry in entries) >= MAXIMUM_SIZE:
            raise AwsError("ValidationException", "Total size of the entries in the request is over the limit.")
        answers = [self._put(context, entry) for entry in entries]
        return {"FailedEntryCount": sum(1 for answer in answers if "ErrorCode" in answer), "Entries": answers}

    def _put(self, context: RequestContext, entry: PutEventsRequestEntryInput) -> PutEventsResultEntryTypeDef:
        source, kind, text = entry.get("Source"), entry.get("DetailType"), entry.get("Detail")
        for member, value in (("Source", source), ("DetailType", kind), ("Detail", text)):
            if not value:
                reason = f"Parameter {member} is not valid. Reason: {member} is a required argument."
                return {"ErrorCode": "InvalidArgument", "ErrorMessage": reason}
        assert source is not None
        assert kind is not None
        assert text is not None
        if source.startswith("aws."):
            return {"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": "Not authorized for the source."}
        detail = _detail(text)
        if detail is None:
            return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
        at = entry.get("Time") or self.site.clock.stamp(self.site.clock.now())
        envelope = self.site.events.put(
            source,
            kind,
            detail,
            resources=list(entry.get("Resources") or ()),
            region=context.region,
            time=iso(at),
            bus=entry.get("EventBusName", "default").rsplit("/", 1)[-1],
        )
        return {"EventId": envelope["id"]}

    def test_event_pattern(self, context: RequestContext, request: TestEventPatternRequest) -> TestEventPatternAnswer:
        try:
            event = json.loads(request["Event"], parse_int=Number, parse_float=Number, parse_constant=_refuse)
        except (ValueError, RecursionError):
            event = None
        if not isinstance(event, dict) or any(not event.get(member) for member in _ENVELOPE):
            raise AwsError("ValidationException", "Parameter Event is not valid.")
        return {"Result": compiled(request["EventPattern"]).matches(event)}


def _size(entry: PutEventsRequestEntryInput) -> int:
    """Return an entry's size. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html#eb-putevent-size"""
    texts = [entry.get("Source") or "", entry.get("DetailType") or "", entry.get("Detail") or ""]
    texts += entry.get("Resources", [])
    return (14 if entry.get("Time") else 0) + sum(len(text.encode(errors="surrogatepass")) for text in texts)


def _detail(text: str) -> dict[str, object] | None:
    """Return the object in a detail; None for anything else."""
    try:
        detail = json.loads(text, parse_constant=_refuse)
        # Nested too deep to be serialised again, and so never delivered.
        json.dumps(detail)
    except (ValueError, RecursionError):
        return None
    return detail if isinstance(detail, dict) else None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
