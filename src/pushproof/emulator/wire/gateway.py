"""The one endpoint: an ordered list of named handlers between a request and its answer.

Fronts (registry, git host, …) handle the requests that are not AWS API calls. Every API call is identified, parsed,
authenticated, authorised and dispatched (to the delivery plane if it owns the service, to the substrate otherwise), and then
recorded. An operation that the plane lacks is answered 501.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from moto.core.request import Request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from pushproof.emulator.kernel import protocol
from pushproof.emulator.kernel.context import Call, Principal, RequestContext
from pushproof.emulator.kernel.errors import AnswerLost, AwsError, failed_inside, not_implemented
from pushproof.emulator.kernel.quiet import no_warning_decides
from pushproof.emulator.wire import cbor, judging
from pushproof.emulator.wire.admission import Admission, Fault
from pushproof.emulator.wire.doors import Doors
from pushproof.emulator.wire.heads import headers_of
from pushproof.emulator.wire.mistrust import Mistrust
from pushproof.emulator.wire.plain import plain_error
from pushproof.emulator.wire.unpacking import unpacked
from pushproof.emulator.wire.verifying import Signed, Verifier

if TYPE_CHECKING:
    from pushproof.emulator.kernel.site import Front, Ground, Permissions
    from pushproof.emulator.wire.server import Server

log = logging.getLogger(__name__)

# A service's method for one operation.
Handler = Callable[..., dict[str, Any] | None]

# Services whose calls are not parsed on their way to the substrate: nothing observes or authorises them.
_UNKNOWN = "unknown"

# A label of a host name (RFC 1123, section 2.1), which is all that the names of regions have in common.
_REGION = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")


class Examiner(Protocol):
    """Examines the policy documents in calls."""

    def examine(self, context: RequestContext, request: dict[str, Any]) -> None:
        """Raise AwsError for a document that AWS would refuse."""


class Answering(Protocol):
    """A service, as the gateway uses it."""

    @property
    def overlay(self) -> bool:
        """Return whether the substrate answers the operations that the service does not have."""

    @property
    def own_words(self) -> bool:
        """Return whether the service words the refusal of a wrong value itself."""

    @property
    def refused(self) -> frozenset[str]:
        """Return the operations that are answered 501 although the substrate has one of that name."""

    @property
    def blocking(self) -> frozenset[str]:
        """Return the operations whose methods wait for work, and run without the world's lock."""

    def check_form(self, context: RequestContext, request: dict[str, Any]) -> None:
        """Raise AwsError for values that the service refuses in its own words."""

    def handler(self, operation: str) -> Handler | None:
        """Return the method that answers an operation; None if there is none."""

    def admit(self, context: RequestContext, request: dict[str, Any]) -> None:
        """Raise AwsError for a request that AWS refuses and the substrate would store."""


@dataclass(slots=True)
class Exchange:
    """A request on its way through the handlers."""

    request: Request
    request_id: str
    signature: protocol.Signature | None = None
    service: str = _UNKNOWN
    region: str = ""
    call: protocol.ParsedCall | None = None
    principal: Principal | None = None
    context: RequestContext | None = None
    result: dict[str, Any] | None = None
    error: AwsError | None = None
    response: Response | None = None
    # Whether the request came in CBOR, which is JSON to everything after `_identify`.
    in_cbor: bool = False
    # Whether the caller is unknown: the request came over the wire, and its signature was not (yet) verified.
    stranger: bool = False
    # Whether the request came over the wire.
    wire: bool = False


@dataclass(slots=True)
class Gateway:
    """Answers requests for a world."""

    # : What is no part of a kept world.
    not_kept: ClassVar[tuple[str, ...]] = ("_listener", "_server", "fronts", "verifier", "call_refusal", "judged")

    ground: Ground
    permissions: Permissions
    admission: Admission
    services: Mapping[str, Answering]
    documents: Examiner
    fronts: list[Front] = field(default_factory=list)
    # Verifies requests from the wire; None if any key is accepted.
    verifier: Verifier | None = None
    # Why a call with a key, to a service of a region, has no way through the network of its caller; None if it has.
    call_refusal: Callable[[str, str, str], str | None] = lambda _key, _service, _region: None
    # Whether AWS's models judge every answer of the plane (`judging`).
    judged: bool = field(default_factory=lambda: os.environ.get(judging.VARIABLE) == "1")
    # Requests to fronts that may have changed something: pushes, uploads, control calls.
    front_writes: int = 0
    _listener: Callable[[Request, bytes, Response], None] | None = None
    _server: Server | None = None
    _doors: Doors = field(init=False)

    def __post_init__(self) -> None:
        self._doors = Doors(
            lambda: self._server.port if self._server else self.ground.endpoint.port,
            settings=self.ground.settings.doors,
        )

    @property
    def calls(self) -> deque[Call]:
        """Return the latest finished calls, oldest first."""
        return self.admission.log.calls

    @property
    def faults(self) -> list[Fault]:
        """Return the faults, which are called before dispatch with the call's context and may raise AwsError. Tests inject them."""
        return self.admission.faults

    def receive(self, request: Request) -> Response:
        """Answer a request that came over the wire, from any sender. Raises AnswerLost where a fault ends the connection."""
        refusal = self._doors.refusal(request)
        if refusal is not None:
            return self._doors.refuse(request, refusal)
        # Fronts stream; who listens asks for what Terraform's provider reads.
        if self._listener is None or any(front.accepts(request) for front in self.fronts):
            return self._doors.sealed(request, self._answer(request, stranger=self.verifier is not None, wire=True))
        body = request.get_data(cache=True)
        response = self._doors.sealed(request, self._answer(request, stranger=self.verifier is not None, wire=True))
        self._listener(request, body, response)
        return response

    @contextlib.contextmanager
    def heard_by(self, listener: Callable[[Request, bytes, Response], None]) -> Iterator[None]:
        """Tell `listener` of every API call over the wire, with its body and the answer."""
        before, self._listener = self._listener, listener
        try:
            yield
        finally:
            self._listener = before

    def handle(self, request: Request) -> Response:
        """Answer one request of this process, whatever it is. Raises AnswerLost where a fault ends the connection."""
        return self._answer(request, stranger=False, wire=False)

    def _answer(self, request: Request, *, stranger: bool, wire: bool) -> Response:
        with no_warning_decides():
            for front in self.fronts:
                if front.accepts(request):
                    return self._front(front, request)
            return self._call(request, stranger, wire)

    def observe(self, service: str, callback: Callable[[Call], None], *operations: str) -> None:
        """Call `callback` for every finished call of `service` (of these operations only, if any are named)."""
        self.admission.log.observe(service, callback, *operations)

    def _call(self, request: Request, stranger: bool, wire: bool) -> Response:
        exchange = Exchange(request, str(uuid.uuid4()), stranger=stranger, wire=wire)
        for step in (
            self._identify,
            self._parse,
            self._authenticate,
            self._admit,
            self._validate,
            self._examine,
            self._dispatch,
        ):
            try:
                step(exchange)
            except AwsError as error:
                exchange.error = error
            except AnswerLost:
                raise
            except HTTPException as error:
                # https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
                exchange.error = AwsError("MalformedHttpRequestException", error.description or error.name, error.code)
            except Exception as error:
                log.exception("%s failed on %s %s", step.__name__, request.method, request.path)
                exchange.error = failed_inside("Pushproof", _name(exchange), error)
            if exchange.error is not None or exchange.response is not None:
                break
        self._serialise(exchange)
        self._record(exchange)
        assert exchange.response is not None
        context = exchange.context
        if context is not None and context.principal.kind != "plane" and self.ground.faults.loses_answer(context):
            raise AnswerLost(f"the answer to {_name(exchange)} is lost, as a fault of this world has it")
        return exchange.response

    # The handlers, in order.

    def _front(self, front: Front, request: Request) -> Response:
        if request.method not in ("GET", "HEAD", "OPTIONS"):
            self.front_writes += 1
        try:
            return front.handle(request)
        except HTTPException as error:
            return Response(f"{error.code} {error.name}: {error.description}\n", status=error.code)
        except Exception as error:
            log.exception("%s failed on %s %s", front.name, request.method, request.path)
            return Response(f"Pushproof failed inside: {error!r}\n", status=501)

    def _identify(self, exchange: Exchange) -> None:
        request = exchange.request
        exchange.signature = protocol.signature_of(request)
        exchange.region = exchange.signature.region if exchange.signature else self.ground.region
        if exchange.signature is not None:
            exchange.service = exchange.signature.service
            if not _REGION.fullmatch(exchange.region):
                raise Mistrust(request, exchange.service).misplaced(exchange.region)
        begun = self._begin(exchange)
        # From an unknown caller, no more is read than the size of a call.
        stored = exchange.service in ("s3", _UNKNOWN) and (begun is not None or not exchange.stranger)
        # Read once and kept: form parsing would otherwise consume the body that the substrate needs.
        exchange.request = unpacked(request, stored=stored, limits=self.ground.settings.limits)
        if begun is not None:
            assert self.verifier is not None
            self.verifier.finish(request, exchange.service, begun, request.get_data(cache=True))
            exchange.stranger = False
        request = exchange.request
        if exchange.signature is None:
            exchange.service = protocol.unsigned_service(request)
        if cbor.is_spoken(request):
            exchange.request = cbor.as_json(request)
            exchange.in_cbor = True

    def _begin(self, exchange: Exchange) -> Signed | None:
        """Verify the signature of an unknown caller, as far as possible without the body.

        Raises AwsError, as the service words it.
        """
        signature = exchange.signature
        if not exchange.stranger or self.verifier is None:
            return None
        if signature is None:
            if self.verifier.is_second(exchange.request):
                exchange.service = "s3"
                key = self.verifier.second(exchange.request)
                exchange.signature = protocol.Signature(key, exchange.region, "s3", "s3")
                exchange.stranger = False
            return None
        begun = self.verifier.begin(exchange.request, exchange.service)
        claim = begun.claim
        if (claim.key, claim.scope.region, claim.scope.service) != (
            signature.access_key_id,
            signature.region,
            signature.signed,
        ):
            # Everything after this must use exactly what was verified.
            raise Mistrust(exchange.request, exchange.service).mismatch()
        return begun

    def _parse(self, exchange: Exchange) -> None:
        signed = exchange.signature.signed if exchange.signature else ""
        try:
            exchange.call = protocol.parse_signed(exchange.service, signed, exchange.request)
        except protocol.UnknownOperation as error:
            service = self.services.get(exchange.service)
            if not error.of_a_path or (service is not None and not service.overlay):
                raise
            # No model covers everything that has a path, such as a form that a browser sends to S3; the substrate may.
            return
        except protocol.UnknownService:
            return
        exchange.service = exchange.call.service

    def _authenticate(self, exchange: Exchange) -> None:
        key = exchange.signature.access_key_id if exchange.signature else None
        if exchange.stranger:
            exchange.principal = Principal("anonymous", "anonymous", self.ground.account_id)
        else:
            exchange.principal = self.permissions.principal(key)
        exchange.context = RequestContext(
            service=exchange.service,
            operation=exchange.call.operation if exchange.call else "",
            region=exchange.region,
            account_id=self.ground.account_id,
            principal=exchange.principal,
            request_id=exchange.request_id,
            source_ip=exchange.request.remote_addr or "127.0.0.1",
            headers=headers_of(exchange.request),
        )

    def _admit(self, exchange: Exchange) -> None:
        assert exchange.context is not None
        if exchange.stranger and exchange.call is None and not protocol.is_public(exchange.request):
            raise Mistrust(exchange.request, exchange.service).missing()
        if exchange.wire and exchange.context.principal.service == "ecs-tasks.amazonaws.com":
            host = f"{exchange.service}.{exchange.region}.amazonaws.com"
            if not self.ground.faults.resolves(host):
                raise AnswerLost(f"{host} does not resolve in the VPC, as a fault of this world has it")
        self._check_path(exchange)
        self.admission.admit(exchange.context, exchange.call)

    def _check_path(self, exchange: Exchange) -> None:
        """End the connection of a call that no route, endpoint and security group lets through, as a time-out would."""
        signature = exchange.signature
        if not exchange.wire or exchange.stranger or signature is None:
            return
        refusal = self.call_refusal(signature.access_key_id, signature.signed, exchange.region)
        if refusal is not None:
            log.warning("%s does not arrive: %s", _name(exchange), refusal)
            raise AnswerLost(f"{_name(exchange)} does not arrive: {refusal}")

    def _validate(self, exchange: Exchange) -> None:
        if exchange.call is None:
            return
        service = self.services.get(exchange.service)
        operation = exchange.call.operation
        handled = service is not None and service.handler(operation) is not None
        if service is not None and (
            operation in service.refused
            or not (handled or (service.overlay and not self.ground.substrate.lacks(exchange.service, operation)))
        ):
            # Whatever the request contains, the operation is not implemented.
            raise not_implemented(exchange.service, operation)
        if service is not None and handled:
            protocol.validate(exchange.call, required_only=service.own_words)
        elif exchange.service != "s3":
            # S3 has different errors for different missing things, and the substrate has them.
            protocol.validate(exchange.call, required_only=True)

    def _examine(self, exchange: Exchange) -> None:
        if exchange.call is not None and exchange.context is not None:
            self.documents.examine(exchange.context, exchange.call.parameters)

    def _dispatch(self, exchange: Exchange) -> None:
        service = self.services.get(exchange.service)
        if service is not None and exchange.call is not None:
            if service.overlay:
                assert exchange.context is not None
                with self.ground.loop.lock:
                    service.admit(exchange.context, exchange.call.parameters)
            method = service.handler(exchange.call.operation)
            if method is not None:
                assert exchange.context is not None
                waits = exchange.call.operation in service.blocking
                with contextlib.nullcontext() if waits else self.ground.loop.lock:
                    service.check_form(exchange.context, exchange.call.parameters)
                    exchange.result = self._judge(exchange.call, method, exchange.context)
                return
        exchange.response = self.ground.substrate.handle(exchange.request)

    def _judge(self, call: protocol.ParsedCall, method: Handler, context: RequestContext | None) -> dict[str, Any]:
        """Return the method's answer, or its error; where the judge is on, only one that matches AWS's model of the operation."""
        if not self.judged:
            return method(context, call.parameters) or {}
        try:
            result = method(context, call.parameters) or {}
        except AwsError as error:
            refusal = judging.misfit(call, error)
            faults = [] if refusal is None else [refusal]
            if not faults:
                raise
        else:
            faults = judging.misfits(call, result)
        if not faults:
            return result
        judging.FOUND.extend(faults)
        raise AwsError("InternalFailure", f"The answer is not what AWS's model says: {'; '.join(faults)}", 501)

    def _serialise(self, exchange: Exchange) -> None:
        if exchange.response is None or exchange.error is not None:
            exchange.response = self._written(exchange)
        if exchange.in_cbor:
            exchange.response = cbor.as_cbor(
                exchange.response, exchange.call.model.output_shape if exchange.call else None
            )

    def _written(self, exchange: Exchange) -> Response:
        answer = exchange.error if exchange.error is not None else exchange.result
        assert answer is not None
        if exchange.call is not None:
            try:
                return protocol.serialise(exchange.call, answer, exchange.request_id)
            except Exception as error:
                log.exception("the answer of %s cannot be written", _name(exchange))
                exchange.error, exchange.result = failed_inside("Pushproof", _name(exchange), error), None
        assert exchange.error is not None
        return plain_error(exchange.error, exchange.request, exchange.service, exchange.request_id)

    def _record(self, exchange: Exchange) -> None:
        if exchange.context is None:
            self._authenticate(exchange)
        assert exchange.context is not None
        assert exchange.response is not None
        status = exchange.response.status_code
        self.admission.log.record(
            Call(
                context=exchange.context,
                at=self.ground.clock.now(),
                status=status,
                error_code=exchange.error.code if exchange.error else (None if status < 400 else str(status)),
                request=exchange.call.parameters if exchange.call else {},
                response=exchange.result,
            )
        )

    # The server.

    def serve(self, addresses: list[str], port: int) -> int:
        """Listen on every address, all on the same port (0: the first free one). Return the port.

        Raises OSError if the port is taken.
        """
        # Imported here, because it imports Flask: a fifth of a second for users who only import the world.
        from pushproof.emulator.wire.server import Server

        self._doors.addresses = frozenset(addresses)
        self._server = Server(
            self.receive, self.ground.settings.limits, now=lambda: time.time() - self.ground.faults.skew
        )
        return self._server.start(addresses, port)

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None


def _name(exchange: Exchange) -> str:
    operation = exchange.call.operation if exchange.call else f"{exchange.request.method} {exchange.request.path}"
    return f"{exchange.service}.{operation}"
