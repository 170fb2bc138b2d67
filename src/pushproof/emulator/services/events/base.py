"""Shared parts of the EventBridge service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.services import Service
from pushproof.engines.events import EventPattern, InvalidEventPattern, compile_pattern


class EventsBase(Service):
    """Passes valid calls on to the substrate, which stores them."""

    overlay: ClassVar[bool] = True

    def pass_on(self, context: RequestContext, operation: str, request: Mapping[str, object]) -> Any:
        """Return the substrate's answer, in the operation's shape. Raises AwsError as the substrate words it."""
        try:
            return self.ask(context, operation, request)
        except AwsError as error:
            message = error.message
            if message == f"Rule {request.get('Rule') or request.get('Name')} does not exist.":
                message = f"{message[:-1]} on EventBus {bus_of(request)}."
            raise AwsError(error.code, message) from error


def compiled(pattern: str) -> EventPattern:
    """Return a compiled pattern. Raises AwsError as PutRule does."""
    try:
        return compile_pattern(pattern)
    except InvalidEventPattern as error:
        raise AwsError("InvalidEventPatternException", error.message) from error


def bus_of(request: Mapping[str, object]) -> str:
    """Return the name of the bus in a request."""
    return str(request.get("EventBusName") or "default").rsplit("/", 1)[-1]
