"""The one endpoint: an ordered list of named handlers between a request and its answer.

Fronts (registry, git host, …) take the requests that are not AWS API calls. Every API call is identified, parsed,
authenticated, authorised and dispatched, to the delivery plane where it owns the service, to the substrate otherwise, and then
recorded. An operation that the plane lacks is answered 501.
"""

from __future__ import annotations

import logging
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from moto.core.request import Request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from pushproof.emulator.kernel import protocol
from pushproof.emulator.kernel.context import Call, Principal, RequestContext
from pushproof.emulator.kernel.errors import AwsError, failed_inside, not_implemented
from pushproof.emulator.wire.constraints import check_constraints
from pushproof.emulator.wire.plain import plain_error

if TYPE_CHECKING:
    from pushproof.emulator.wire.server import Server
    from pushproof.emulator.world import World

log = logging.getLogger(__name__)

# Services whose calls are not parsed on their way to the substrate: nothing observes or authorises them.
_UNKNOWN = "unknown"


class Front(Protocol):
    """Something other than an AWS API that answers on the gateway's port."""

    name: str

    def accepts(self, request: Request) -> bool: ...

    def handle(self, request: Request) -> Response: ...


@dataclass(slots=True)
class Exchange:
    """A request on its way through the handlers."""

    request: Request
    request_id: str
    signature: protocol.Signature | None = None
    service: str = _UNKNOWN
    region: str = ""
    call: protocol.ParsedCall | None = None
    parse_error: AwsError | None = None
    principal: Principal | None = None
    context: RequestContext | None = None
    result: dict[str, Any] | None = None
    error: AwsError | None = None
    response: Response | None = None
    forwarded: bool = False


@dataclass(slots=True)
class Observer:
    """Wants to see finished calls of one service (all operations when `operations` is empty)."""

    service: str
    operations: frozenset[str]
    callback: Callable[[Call], None]


@dataclass(slots=True)
class Gateway:
    """Answers requests for a world."""

    world: World
    fronts: list[Front] = field(default_factory=list)
    observers: list[Observer] = field(default_factory=list)
    calls: deque[Call] = field(default_factory=lambda: deque(maxlen=100_000))
    # Called before dispatch with (service, operation); may raise AwsError. For fault injection by tests.
    faults: list[Callable[[RequestContext], None]] = field(default_factory=list)
    _server: Server | None = None

    def handle(self, request: Request) -> Response:
        """Answer one request, whatever it is. Never raises."""
        for front in self.fronts:
            if front.accepts(request):
                return self._front(front, request)
        # Read once and kept: form parsing would otherwise eat the body that the substrate needs.
        request.get_data(cache=True)
        exchange = Exchange(request, str(uuid.uuid4()))
        for step in (
            self._identify,
            self._parse,
            self._authenticate,
            self._interfere,
            self._authorise,
            self._examine,
            self._dispatch,
        ):
            try:
                step(exchange)
            except AwsError as error:
                exchange.error = error
            except Exception as error:
                log.exception("%s failed on %s %s", step.__name__, request.method, request.path)
                exchange.error = failed_inside("Pushproof", _name(exchange), error)
            if exchange.error is not None or exchange.response is not None:
                break
        self._serialise(exchange)
        self._record(exchange)
        assert exchange.response is not None
        return exchange.response

    def observe(self, service: str, callback: Callable[[Call], None], *operations: str) -> None:
        """Have `callback` told of every finished call of `service` (of these operations only, when any are named)."""
        self.observers.append(Observer(service, frozenset(operations), callback))

    # The handlers, in order.

    def _front(self, front: Front, request: Request) -> Response:
        try:
            return front.handle(request)
        except HTTPException as error:
            return error.get_response(request.environ)
        except Exception as error:
            log.exception("%s failed on %s %s", front.name, request.method, request.path)
            return Response(f"Pushproof failed inside: {error!r}\n", status=500)

    def _identify(self, exchange: Exchange) -> None:
        request = exchange.request
        exchange.signature = protocol.signature_of(request)
        exchange.region = exchange.signature.region if exchange.signature else self.world.region
        if exchange.signature is not None:
            exchange.service = exchange.signature.service
        elif request.method in ("GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"):
            action = request.values.get("Action", "") if request.method == "POST" else request.args.get("Action", "")
            exchange.service = (
                "sns"
                if action in ("ConfirmSubscription", "Unsubscribe")
                else ("sts" if action.startswith("AssumeRoleWith") else "s3")
            )

    def _parse(self, exchange: Exchange) -> None:
        try:
            exchange.call = protocol.parse(exchange.service, exchange.request)
        except AwsError as error:
            if exchange.service in self.world.services and not self.world.services[exchange.service].overlay:
                raise
            # The substrate may know better than the models: let it answer.
            exchange.parse_error = error

    def _authenticate(self, exchange: Exchange) -> None:
        key = exchange.signature.access_key_id if exchange.signature else None
        exchange.principal = self.world.authority.principal(key)
        exchange.context = RequestContext(
            service=exchange.service,
            operation=exchange.call.operation if exchange.call else "",
            region=exchange.region,
            account_id=self.world.account_id,
            principal=exchange.principal,
            request_id=exchange.request_id,
            source_ip=exchange.request.remote_addr or "127.0.0.1",
            headers={k.lower(): v for k, v in exchange.request.headers.items()},
        )

    def _interfere(self, exchange: Exchange) -> None:
        if exchange.principal is not None and exchange.principal.kind != "plane" and exchange.context is not None:
            for fault in self.faults:
                fault(exchange.context)

    def _authorise(self, exchange: Exchange) -> None:
        if exchange.call is not None and exchange.principal is not None:
            self.world.authority.authorise(exchange.principal, exchange.call, exchange.region)

    def _examine(self, exchange: Exchange) -> None:
        if exchange.call is not None and exchange.context is not None:
            self.world.authority.documents.examine(exchange.context, exchange.call.parameters)

    def _dispatch(self, exchange: Exchange) -> None:
        service = self.world.services.get(exchange.service)
        if service is not None and exchange.call is not None:
            if service.overlay:
                with self.world.loop.lock:
                    service.admit(exchange.context, exchange.call.parameters)
            method = service.handler(exchange.call.operation)
            if method is not None:
                protocol.validate(exchange.call)
                if service.constraint_error:
                    call = exchange.call
                    check_constraints(exchange.service, call.operation, call.parameters, service.constraint_error)
                with self.world.loop.lock:
                    exchange.result = method(exchange.context, exchange.call.parameters) or {}
                return
            if not service.overlay:
                raise not_implemented(exchange.service, exchange.call.operation)
        exchange.response = self.world.substrate.handle(exchange.request)
        exchange.forwarded = True

    def _serialise(self, exchange: Exchange) -> None:
        if exchange.response is not None and exchange.error is None:
            return
        answer = exchange.error if exchange.error is not None else exchange.result
        assert answer is not None
        if exchange.call is not None:
            exchange.response = protocol.serialise(exchange.call, answer, exchange.request_id)
        else:
            error = exchange.error or AwsError("InternalFailure", "no answer", 501)
            exchange.response = plain_error(error, exchange.request, exchange.service, exchange.request_id)

    def _record(self, exchange: Exchange) -> None:
        if exchange.context is None or exchange.response is None:
            return
        status = exchange.response.status_code
        call = Call(
            context=exchange.context,
            at=self.world.clock.now(),
            status=status,
            error_code=exchange.error.code if exchange.error else (None if status < 400 else str(status)),
            request=exchange.call.parameters if exchange.call else {},
            response=exchange.result,
        )
        self.calls.append(call)
        for observer in self.observers:
            if observer.service == exchange.service and (
                not observer.operations or exchange.context.operation in observer.operations
            ):
                try:
                    with self.world.loop.lock:
                        observer.callback(call)
                except Exception:
                    log.exception("an observer of %s failed", call.name)

    # The server.

    def serve(self, addresses: list[str], port: int) -> int:
        """Listen on every address, all on the same port (0: the first free one). Returns the port.

        Raises OSError when the port is taken.
        """
        # Here, because it brings Flask along: a fifth of a second for whoever only imports the world.
        from pushproof.emulator.wire.server import Server

        self._server = Server(self.handle, addresses, port)
        return self._server.port

    def also_serve(self, address: str) -> None:
        """Listen on one more address, on the same port: the world's Docker bridge."""
        assert self._server is not None
        self._server.add(address)

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None


def _name(exchange: Exchange) -> str:
    operation = exchange.call.operation if exchange.call else f"{exchange.request.method} {exchange.request.path}"
    return f"{exchange.service}.{operation}"
