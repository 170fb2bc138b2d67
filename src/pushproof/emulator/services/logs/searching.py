"""FilterLogEvents: the events of a group that a pattern matches, by time.

Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html ; refusals recorded by
https://github.com/localstack/localstack (tests/aws/services/logs/test_logs_filter_events.py)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.paging import token_after
from pushproof.emulator.services.logs.base import LogsBase, absent, compiled, invalid, place_of

if TYPE_CHECKING:
    from types_boto3_logs.type_defs import FilteredLogEventTypeDef

    from pushproof.emulator.kernel.shapes.logs import FilterLogEventsAnswer, FilterLogEventsRequest


_PAGE_EVENTS = 10_000
_PAGE_BYTES = 1_048_576
# The bytes that Logs counts for each event in addition to its message.
_EVENT_BYTES = 26
# 1 January 2024: earlier events can only be read from the oldest on.
_NEWEST_FIRST_SINCE = 1_704_067_200_000

Position = tuple[int, int, int, str]


class Searching(LogsBase):
    """Reads events from the substrate, and filters them here."""

    def filter_log_events(self, context: RequestContext, request: FilterLogEventsRequest) -> FilterLogEventsAnswer:
        names, prefix = request.get("logStreamNames"), request.get("logStreamNamePrefix")
        group = _group(request)
        if names and prefix is not None:
            raise invalid("LogStreamNames and LogStreamNamePrefix are mutually exclusive parameters.")
        ascending, after = request.get("startFromHead", True), None
        if "nextToken" in request:
            direction, *place = place_of(request["nextToken"], (bool, int, int, int, str))
            ascending, after = bool(direction), tuple(place)
        elif not ascending and request.get("startTime", 0) < _NEWEST_FIRST_SINCE:
            raise invalid("startFromHead can only be false for a startTime on or after 2024-01-01T00:00:00Z.")
        pattern = compiled(request.get("filterPattern", ""))
        for name in names or ():
            self._check_stream(context, group, name)
        query: FilterLogEventsRequest = {"logGroupName": group}
        if "startTime" in request:
            query["startTime"] = request["startTime"]
        if "endTime" in request:
            query["endTime"] = request["endTime"]
        if names is not None:
            query["logStreamNames"] = names
        events = [
            event
            for event in self._events(context, query)
            if event["logStreamName"].startswith(prefix or "") and pattern.match(event["message"]) is not None
        ]
        events.sort(key=_position, reverse=not ascending)
        if after is not None:
            events = [
                event for event in events if (_position(event) > after if ascending else _position(event) < after)
            ]
        page = _page(events, request.get("limit", _PAGE_EVENTS))
        answer: FilterLogEventsAnswer = {"events": page, "searchedLogStreams": []}
        if len(page) < len(events):
            answer["nextToken"] = token_after(ascending, *_position(page[-1]))
        return answer

    def _check_stream(self, context: RequestContext, group: str, name: str) -> None:
        query = {"logGroupName": group, "logStreamNamePrefix": name, "limit": 1}
        streams = self.ask(context, "DescribeLogStreams", query)["logStreams"]
        if not streams or streams[0]["logStreamName"] != name:
            raise absent("log stream")

    def _events(self, context: RequestContext, request: FilterLogEventsRequest) -> list[FilteredLogEventTypeDef]:
        events: list[FilteredLogEventTypeDef] = []
        request = request.copy()
        while True:
            answer: FilterLogEventsAnswer = self.ask(context, "FilterLogEvents", request)
            events += answer["events"]
            if not answer.get("nextToken"):
                return events
            request["nextToken"] = answer["nextToken"]


def _group(request: FilterLogEventsRequest) -> str:
    name, identifier = request.get("logGroupName"), request.get("logGroupIdentifier")
    if (name is None) == (identifier is None):
        raise invalid("Exactly one of logGroupName and logGroupIdentifier must be specified.")
    return str(name or str(identifier).partition(":log-group:")[2] or identifier)


def _position(event: FilteredLogEventTypeDef) -> Position:
    identity = str(event["eventId"])
    return event["timestamp"], event.get("ingestionTime", 0), len(identity), identity


def _page(events: list[FilteredLogEventTypeDef], limit: int) -> list[FilteredLogEventTypeDef]:
    size = 0
    for number, event in enumerate(events[:limit]):
        size += len(event["message"].encode()) + _EVENT_BYTES
        if number and size > _PAGE_BYTES:
            return events[:number]
    return events[:limit]
