"""One request through a listener: rule, target group, target, and the bytes both ways.

Stale connections: a target may close an idle connection at the very moment a request is written to it, and the client
must not see that. So connections are reused only for GET, HEAD and OPTIONS without a body, which are safe to send again: a request
that fails on a *reused* connection before any byte of an answer came is sent once more, on a fresh one. Every other request has a
connection of its own and is never sent twice.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from types import SimpleNamespace
from typing import Any

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from pushproof.emulator.kernel.balancing import AccessLogEntry, ListenerSpec, Target, TargetGroupSpec
from pushproof.emulator.kernel.faults import ActiveFaults, TargetCondition
from pushproof.emulator.runtime.loadbalancer import pages, websocket
from pushproof.emulator.runtime.loadbalancer.disturbed import be_silent
from pushproof.emulator.runtime.loadbalancer.groups import Group, read_cookie, write_cookie
from pushproof.engines.listenerheaders import HeaderSettings, forwarded_for, invalid_names, tls_headers
from pushproof.engines.loadbalancing import (
    FixedResponse,
    Forward,
    HttpRequest,
    Redirect,
    choose_target_group,
    matching_rule,
    redirect_location,
    trace_id,
)

log = logging.getLogger(__name__)

_HOP_BY_HOP = (
    "Connection",
    "Keep-Alive",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
)
_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS"})
# Answers up to this size are read whole before they are passed on, so that a target that breaks off causes a clean 502.
_WHOLE = 65_536
CLIENT_LEFT = 460
APPLICATION_COOKIE = "AWSALBAPP-0"


class _ConnectionClosed(Exception):
    """The target closed the connection without any answer."""


class TargetFailed(Exception):
    """The target failed, so that the load balancer answers by itself, with `status`."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error


class _ClientLeft(Exception):
    """The client is no longer there."""


@dataclass(slots=True)
class Exchange:
    """A request on its way; its fields fill up on the way and become the access log entry."""

    request: web.BaseRequest
    parsed: HttpRequest
    trace_id: str
    target_group: str | None = None
    target: Target | None = None
    target_status: int | None = None
    error: str | None = None


class Connections:
    """Connections to targets: a pool for requests that may be repeated, single-use ones for the rest."""

    def __init__(self) -> None:
        trace = aiohttp.TraceConfig()
        trace.on_connection_reuseconn.append(_note_reuse)
        # aiohttp would resend PUT and DELETE too, and also on fresh connections; the proxy decides that itself.
        self._pooled = _session(aiohttp.TCPConnector(limit=0, keepalive_timeout=55.0, ssl=False), [trace])
        self._single = _session(aiohttp.TCPConnector(limit=0, force_close=True, ssl=False), [])

    async def close(self) -> None:
        await self._pooled.close()
        await self._single.close()

    @property
    def single(self) -> aiohttp.ClientSession:
        """Return the session whose connections serve one request each."""
        return self._single

    async def send(
        self, method: str, url: URL, headers: CIMultiDict[str], body: aiohttp.StreamReader | None, spec: ListenerSpec
    ) -> aiohttp.ClientResponse:
        """Return the target's answer, with its body unread. Raises TargetFailed."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=spec.connect_timeout, sock_read=spec.idle_timeout)
        repeatable = body is None and method in _REPEATABLE
        if repeatable:
            reuse = SimpleNamespace(reused=False)
            try:
                return await _attempt(self._pooled, method, url, headers, None, timeout, reuse)
            except _ConnectionClosed as error:
                if not reuse.reused:
                    raise TargetFailed(502, f"the target closed the connection: {error}") from error
        try:
            return await _attempt(self._single, method, url, headers, body, timeout, None)
        except _ConnectionClosed as error:
            raise TargetFailed(502, f"the target closed the connection: {error}") from error


async def _note_reuse(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
    context.trace_request_ctx.reused = True


def _session(connector: aiohttp.TCPConnector, traces: list[aiohttp.TraceConfig]) -> aiohttp.ClientSession:
    session = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        trace_configs=traces,
        max_line_size=16_384,
        max_field_size=32_768,
    )
    session._retry_connection = False
    return session


async def _attempt(
    session: aiohttp.ClientSession,
    method: str,
    url: URL,
    headers: CIMultiDict[str],
    body: aiohttp.StreamReader | None,
    timeout: aiohttp.ClientTimeout,
    reuse: SimpleNamespace | None,
) -> aiohttp.ClientResponse:
    try:
        return await session.request(
            method,
            url,
            headers=headers,
            data=body,
            allow_redirects=False,
            timeout=timeout,
            trace_request_ctx=reuse,
        )
    except aiohttp.ServerTimeoutError as error:
        raise TargetFailed(504, f"the target did not answer in time: {error}") from error
    except aiohttp.ClientConnectorError as error:
        raise TargetFailed(502, f"the target refused the connection: {error}") from error
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
        raise _ConnectionClosed(str(error)) from error
    except (aiohttp.ClientError, ValueError) as error:
        raise TargetFailed(502, f"the target's answer cannot be read: {error}") from error


class ClientRequest(web.BaseRequest):
    """A request whose answer, from target or load balancer, gets the listener's headers just before it is sent."""

    settings = HeaderSettings()

    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        for name, value in self.settings.response:
            response.headers.popall(name, None)
            response.headers[name] = value
        if not self.settings.server:
            response.headers.popall("Server", None)


class ListenerProxy:
    """Answers the requests of one listener. `spec` may be replaced at any time."""

    def __init__(
        self,
        spec: ListenerSpec,
        groups: dict[str, Group],
        connections: Connections,
        record: Callable[[AccessLogEntry], None],
        now: Callable[[], float],
        faults: ActiveFaults,
    ) -> None:
        self._faults = faults
        self.spec = spec
        self._groups = groups
        self._connections = connections
        self._record = record
        self._now = now

    def request(self, message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> ClientRequest:
        """Create a request from what aiohttp read: its answer will have the listener's headers."""
        made = ClientRequest(message, payload, protocol, writer, task, asyncio.get_running_loop())
        made.settings = self.spec.headers
        return made

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        begun = time.perf_counter()
        at = self._now()
        zones = self.spec.zones
        if self._faults.node_is_lost(zones) and not await be_silent(self._faults, zones, request.transport):
            # What is lost has no answer, and no log.
            return _hang_up(request)
        exchange = self._exchange(request, at)
        status = CLIENT_LEFT
        try:
            response = await self._answer(exchange)
            status = response.status
        except _ClientLeft:
            response = _hang_up(request)
        except TargetFailed as failure:
            exchange.error = failure.error
            response = pages.page(failure.status)
            status = failure.status
        except Exception as error:
            log.exception("the load balancer failed on %s %s", request.method, request.path)
            exchange.error = f"inside the load balancer: {error!r}"
            response = pages.page(500)
            status = 500
        finally:
            self._record(_entry(exchange, at, self.spec.arn, status, time.perf_counter() - begun))
        return response

    def _exchange(self, request: web.BaseRequest, at: float) -> Exchange:
        path, _, query = request.raw_path.partition("?")
        parsed = HttpRequest(
            protocol=self.spec.protocol,
            method=request.method,
            host=_hostname(request.headers.get("Host", "")),
            port=self.spec.port,
            path=path,
            query=query,
            source_ip=_peer(request),
            headers=tuple(request.headers.items()),
        )
        trace = trace_id(request.headers.get("X-Amzn-Trace-Id"), at, secrets.token_hex(12))
        return Exchange(request, parsed, trace)

    async def _answer(self, exchange: Exchange) -> web.StreamResponse:
        action = matching_rule(self.spec.rules, exchange.parsed).action
        match action:
            case FixedResponse():
                return pages.fixed(action)
            case Redirect():
                return pages.redirect(action.status_code, redirect_location(action, exchange.parsed))
            case Forward():
                return await self._forward(action, exchange)

    async def _forward(self, action: Forward, exchange: Exchange) -> web.StreamResponse:
        cookies = _cookies(exchange.request)
        arn = self._group_for(action, cookies)
        group = self._groups.get(arn) if arn is not None else None
        if group is None:
            raise TargetFailed(503, "the rule forwards to no target group with a weight")
        exchange.target_group = arn
        target = group.choose(_kept_with(group.spec, cookies))
        if target is None:
            raise TargetFailed(503, "the target group has no registered target that takes requests")
        exchange.target = target
        if target.refusal is not None:
            # AWS answers so after ten seconds, its time for connecting.
            raise TargetFailed(504, f"no connection to the target: {target.refusal}")
        added: list[str] = []
        sticky, application_cookie = group.spec.stickiness_seconds, group.spec.application_cookie
        if sticky and application_cookie is None:
            added.append(f"AWSALB={write_cookie(target.key)}; Max-Age={sticky}; Path=/")
        if action.stickiness_seconds:
            added.append(f"AWSALBTG={write_cookie(group.spec.arn)}; Max-Age={action.stickiness_seconds}; Path=/")
        with group.serving(target):
            await self._pass(self._faults.condition(target.address, target.address_port))
            return await self._proxy(exchange, target, group.spec, added)

    async def _pass(self, condition: TargetCondition) -> None:
        """Go the way to a target. Raises TargetFailed where a fault ends it."""
        spec = self.spec
        if not condition.reachable:
            await asyncio.sleep(spec.connect_timeout)
            raise TargetFailed(504, "the target did not answer in time: a fault of this world cuts it off")
        if condition.drops:
            raise TargetFailed(502, "the target closed the connection: a fault of this world drops it")
        await asyncio.sleep(min(condition.delay, spec.idle_timeout))
        if condition.delay > spec.idle_timeout:
            raise TargetFailed(504, "the target did not answer in time: a fault of this world delays it")

    def _group_for(self, action: Forward, cookies: dict[str, str]) -> str | None:
        if action.stickiness_seconds:
            sticky = read_cookie(cookies.get("AWSALBTG"))
            if any(group.arn == sticky and group.weight for group in action.target_groups):
                return sticky
        return choose_target_group(action.target_groups, secrets.randbelow(1_000_000) / 1_000_000)

    async def _proxy(
        self, exchange: Exchange, target: Target, group: TargetGroupSpec, set_cookies: list[str]
    ) -> web.StreamResponse:
        request, spec = exchange.request, self.spec
        headers = self._request_headers(exchange)
        host = f"[{target.address}]" if ":" in target.address else target.address
        url = URL(f"{group.protocol.lower()}://{host}:{target.address_port}{request.raw_path}", encoded=True)
        if websocket.is_upgrade(request):
            response, exchange.target_status = await websocket.relay(request, url, headers, self._connections.single)
            return response
        body = request.content if request.can_read_body else None
        if body is not None and request.headers.get("Expect", "").lower() == "100-continue":
            if request.transport is not None:
                request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            headers.popall("Expect", None)
        answer = await self._connections.send(request.method, url, headers, body, spec)
        exchange.target_status = answer.status
        set_cookies += _application_cookie(group, target, answer)
        try:
            return await self._pass_on(exchange, answer, set_cookies)
        finally:
            # A body that was read to its end has already returned its connection; any other connection must not be reused.
            answer.close()

    def _request_headers(self, exchange: Exchange) -> CIMultiDict[str]:
        headers = CIMultiDict(exchange.request.headers)
        _drop_hop_by_hop(headers)
        request = exchange.parsed
        settings = self.spec.headers
        for name in invalid_names(settings, set(headers)):
            headers.popall(name, None)
        chain = forwarded_for(settings, headers.get("X-Forwarded-For"), request.source_ip, _peer_port(exchange.request))
        headers.popall("X-Forwarded-For", None)
        if chain is not None:
            headers["X-Forwarded-For"] = chain
        for name, value in tls_headers(settings, *_negotiated(exchange.request)):
            headers[name] = value
        headers["X-Forwarded-Proto"] = request.protocol.lower()
        headers["X-Forwarded-Port"] = str(request.port)
        headers["X-Amzn-Trace-Id"] = exchange.trace_id
        return headers

    async def _pass_on(
        self, exchange: Exchange, answer: aiohttp.ClientResponse, set_cookies: list[str]
    ) -> web.StreamResponse:
        headers = CIMultiDict(answer.headers)
        _drop_hop_by_hop(headers)
        headers.setdefault("Server", pages.SERVER)
        for cookie in set_cookies:
            headers.add("Set-Cookie", cookie)
        length = answer.content_length
        if exchange.request.method == "HEAD" or (length is not None and length <= _WHOLE):
            try:
                content = await answer.read()
            except aiohttp.ServerTimeoutError as error:
                raise TargetFailed(504, f"the target stopped in the middle of its answer: {error}") from error
            except aiohttp.ClientError as error:
                raise TargetFailed(502, f"the target broke off its answer: {error}") from error
            return web.Response(status=answer.status, reason=answer.reason, headers=headers, body=content or None)
        response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=headers)
        try:
            await response.prepare(exchange.request)
        except ConnectionError as error:
            raise _ClientLeft from error
        while True:
            try:
                chunk = await answer.content.readany()
            except (TimeoutError, aiohttp.ClientError) as error:
                # The status is already sent: only the incomplete body can show the failure.
                exchange.error = f"the target broke off its answer: {error}"
                return _hang_up(exchange.request, response)
            try:
                if not chunk:
                    await response.write_eof()
                    return response
                await response.write(chunk)
            except ConnectionError as error:
                raise _ClientLeft from error


def _hang_up(request: web.BaseRequest, response: web.StreamResponse | None = None) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return response or pages.page(502)


def _entry(exchange: Exchange, at: float, listener: str, status: int, duration: float) -> AccessLogEntry:
    return AccessLogEntry(
        at=at,
        listener=listener,
        client=exchange.parsed.source_ip,
        method=exchange.parsed.method,
        host=exchange.parsed.host,
        path=exchange.parsed.path,
        status=status,
        target_group=exchange.target_group,
        target=exchange.target.key if exchange.target else None,
        target_status=exchange.target_status,
        duration=duration,
        trace_id=exchange.trace_id,
        error=exchange.error,
    )


def _drop_hop_by_hop(headers: CIMultiDict[str]) -> None:
    named = [name.strip() for value in headers.getall("Connection", ()) for name in value.split(",") if name.strip()]
    for name in (*_HOP_BY_HOP, *named):
        headers.popall(name, None)


def _hostname(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


def _peer(request: web.BaseRequest) -> str:
    return request.remote or "127.0.0.1"


def _peer_port(request: web.BaseRequest) -> int | None:
    peer = request.transport.get_extra_info("peername") if request.transport is not None else None
    return int(peer[1]) if peer else None


def _negotiated(request: web.BaseRequest) -> tuple[str | None, str | None]:
    """Return version and cipher of the client's TLS connection, by OpenSSL's names."""
    connection = request.transport.get_extra_info("ssl_object") if request.transport is not None else None
    if connection is None:
        return None, None
    cipher = connection.cipher()
    return connection.version(), cipher[0] if cipher else None


def _kept_with(group: TargetGroupSpec, cookies: dict[str, str]) -> str | None:
    """Return the target that a client's cookies keep it with.

    Application-based stickiness needs both cookies, the application's and the load balancer's.
    Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html
    """
    if not group.stickiness_seconds:
        return None
    if group.application_cookie is None:
        return read_cookie(cookies.get("AWSALB"))
    if group.application_cookie not in cookies:
        return None
    return read_cookie(cookies.get(APPLICATION_COOKIE))


def _application_cookie(group: TargetGroupSpec, target: Target, answer: aiohttp.ClientResponse) -> list[str]:
    """Return the load balancer's own cookie, if the target has just set the application's."""
    name = group.application_cookie
    if name is None or not group.stickiness_seconds:
        return []
    if not any(value.partition("=")[0].strip() == name for value in answer.headers.getall("Set-Cookie", ())):
        return []
    return [f"{APPLICATION_COOKIE}={write_cookie(target.key)}; Max-Age={group.stickiness_seconds}; Path=/"]


def _cookies(request: web.BaseRequest) -> dict[str, str]:
    text = request.headers.get("Cookie")
    if not text or "AWSALB" not in text:
        # The load balancer has set no cookie of its own, so that none keeps the client anywhere.
        return {}
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(text).items()}
    except CookieError:
        return {}
