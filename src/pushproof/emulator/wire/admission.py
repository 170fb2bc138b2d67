"""Admission of every call, API calls and pushes alike: injected faults, the authority, the call log."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from pushproof.emulator.kernel import protocol
from pushproof.emulator.kernel.context import Call, Principal, RequestContext

if TYPE_CHECKING:
    from pushproof.emulator.kernel.calls import CallLog
    from pushproof.emulator.kernel.site import Ground

# Called with the context of a call before it is carried out; may raise AwsError.
Fault = Callable[[RequestContext], None]


@dataclass(slots=True)
class Visit:
    """A call that a front carries out; `response` is what the API call would have answered."""

    response: Mapping[str, object] | None = None


class Judge(Protocol):
    """Decides calls."""

    def authorise(self, principal: Principal, call: protocol.ParsedCall, region: str) -> None:
        """Raise AwsError, worded as the service words it, if the principal may not make this call."""


@dataclass(slots=True)
class Admission:
    """Admission of calls, and the record of their results."""

    ground: Ground
    authority: Judge
    log: CallLog
    faults: list[Fault] = field(default_factory=list)

    def admit(self, context: RequestContext, call: protocol.ParsedCall | None) -> None:
        """Admit a call. Raises AwsError for an injected fault, or a principal without permission."""
        if context.principal.kind != "plane":
            for fault in self.faults:
                fault(context)
            self.ground.faults.refuse(context, {} if call is None else call.parameters)
        if call is not None:
            self.authority.authorise(context.principal, call, context.region)

    @contextmanager
    def visit(
        self, principal: Principal, service: str, operation: str, region: str, parameters: dict[str, Any]
    ) -> Iterator[Visit]:
        """Run the body of the `with` as an API operation: admitted before, logged and observed after.

        Raises AwsError when it is refused; an exception of the body passes, and is logged as the call's end.
        """
        context = RequestContext(service, operation, region, self.ground.account_id, principal, str(uuid.uuid4()))
        model = protocol.service_model(service).operation_model(operation)
        visit = Visit()
        status, code = 200, None
        try:
            self.admit(context, protocol.ParsedCall(service, operation, "json", parameters, model))
            yield visit
        except Exception as error:
            status, code = getattr(error, "status", None) or 400, getattr(error, "code", type(error).__name__)
            visit.response = None
            raise
        finally:
            self.log.record(Call(context, self.ground.clock.now(), status, code, parameters, visit.response))
