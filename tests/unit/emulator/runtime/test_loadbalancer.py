"""The load balancer's data plane, with real sockets on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import errno
import http.client
import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pushproof.base.clock import ScaledClock
from pushproof.emulator.runtime.loadbalancer import (
    Certificate,
    CertificateError,
    ListenError,
    ListenerSpec,
    Target,
    TargetGroupSpec,
)
from pushproof.emulator.runtime.loadbalancer.runtime import LoadBalancerRuntime
from pushproof.engines.listenerheaders import HeaderSettings
from pushproof.engines.loadbalancing import (
    FixedResponse,
    Forward,
    HttpHeader,
    PathPattern,
    Redirect,
    Rule,
    WeightedTargetGroup,
)

ADDRESS = "127.77.0.2"
GROUP = "tg-1"


class Backend:
    """A program behind the load balancer: a few paths, each with its own behaviour."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.status = 200
        self.requests = 0
        self.release = threading.Event()
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()
        self._thread = threading.Thread(target=self._main, args=(ready,), daemon=True)
        self._thread.start()
        assert ready.wait(10)

    def _main(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._start())
        ready.set()
        self._loop.run_forever()

    async def _start(self) -> None:
        self._runner = web.ServerRunner(web.Server(self._answer, access_log=None), shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port: int = self._runner.addresses[0][1]

    def target(self, state: str = "healthy") -> Target:
        return Target(f"10.0.0.{self.port % 250}", self.port, "127.0.0.1", self.port, state)

    def close(self) -> None:
        async def stop() -> None:
            await self._runner.cleanup()
            # Handlers that the clean-up cancelled are given the turn of the loop in which they end.
            rest = asyncio.all_tasks() - {asyncio.current_task()}
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests += 1
        if request.path == "/echo":
            body = await request.read()
            seen = {"method": request.method, "raw_path": request.raw_path, "headers": dict(request.headers)}
            return web.json_response({**seen, "length": len(body), "by": self.name})
        if request.path == "/wait":
            await asyncio.to_thread(self.release.wait, 10)
        if request.path == "/slow":
            await asyncio.sleep(5)
        if request.path == "/abort":
            assert request.transport is not None
            request.transport.abort()
        if request.path == "/half":
            response = web.StreamResponse(headers={"Content-Length": "1000"})
            await response.prepare(request)
            await response.write(b"x" * 10)
            assert request.transport is not None
            request.transport.close()
            return response
        if request.path == "/stream":
            response = web.StreamResponse()
            await response.prepare(request)
            await response.write(b"first,")
            await asyncio.to_thread(self.release.wait, 10)
            await response.write(b"second")
            await response.write_eof()
            return response
        if request.path == "/socket":
            ws = web.WebSocketResponse(protocols=("chat",))
            await ws.prepare(request)
            async for message in ws:
                if message.type is aiohttp.WSMsgType.TEXT:
                    await ws.send_str(message.data.upper())
                else:
                    await ws.send_bytes(message.data)
            return ws
        if request.path == "/login":
            return web.Response(text=self.name, headers={"Set-Cookie": "session=abc; HttpOnly"})
        if request.path == "/status":
            return web.Response(status=self.status, headers={"Location": "/elsewhere"}, text=self.name)
        return web.Response(text=self.name, headers={"Server": "app", "X-App": "yes"})


@pytest.fixture
def runtime() -> Iterator[LoadBalancerRuntime]:
    runtime = LoadBalancerRuntime()
    runtime.start()
    yield runtime
    runtime.close()


@pytest.fixture
def backend() -> Iterator[Callable[[str], Backend]]:
    with contextlib.ExitStack() as stack:

        def make(name: str) -> Backend:
            made = Backend(name)
            stack.callback(made.close)
            return made

        yield make


def free_port() -> int:
    with socket.create_server((ADDRESS, 0)) as taken:
        return int(taken.getsockname()[1])


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def default(*groups: WeightedTargetGroup, stickiness: int | None = None) -> Rule:
    return Rule("default", None, (), Forward(groups or (WeightedTargetGroup(GROUP),), stickiness))


def listen(runtime: LoadBalancerRuntime, *rules: Rule, **options: Any) -> ListenerSpec:
    spec = ListenerSpec(
        options.pop("arn", "listener"),
        ADDRESS,
        free_port(),
        options.pop("protocol", "HTTP"),
        rules or (default(),),
        **options,
    )
    runtime.put_listener(spec)
    return spec


def ask(
    spec: ListenerSpec, path: str = "/", method: str = "GET", body: Any = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(spec.address, spec.port, timeout=10)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    finally:
        connection.close()


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def test_a_request_reaches_the_target_as_it_was_sent(
    runtime: LoadBalancerRuntime, backend: Callable[[str], Backend]
) -> None:
    """Method, raw path, query and Host arrive unchanged, with the load balancer's own headers added."""
    blue = backend("blue")
    runtime.put_target_group(TargetGroupSpec(GROUP, (blue.target(),)))
    spec = listen(runtime)
    status, _, body = ask(
        spec, "/echo?a=%20b&c", "POST", b"x" * 300_000, Host="app.example.com", X_Forwarded_For="203.0.113.9"
    )
    seen = json.loads(body)
    headers = seen["headers"]
    assert (status, seen["method"], seen["raw_path"], seen["length"]) == (200, "POST", "/echo?a=%20b&c", 300_000)
    assert headers["Host"] == "app.example.com"
    assert headers["X-Forwarded-For"] == "203.0.113.9, 127.0.0.1"
    assert headers["X-Forwarded-Proto"] == "http"
    assert headers["X-Forwarded-Port"] == str(spec.port)
    assert headers["X-Amzn-Trace-Id"].startswith("Root=1-")


def test_a_chunked_body_passes(runtime: LoadBalancerRuntime, backend: Callable[[str], Backend]) -> None:
    """A body without a length streams through in chunks."""
    runtime.put_target_group(TargetGroupSpec(GROUP, (backend("blue").target(),)))
    status, _, body = ask(listen(runtime), "/echo", "PUT", iter([b"a" * 70_000, b"b" * 5]))
    assert (status, json.loads(body)["length"]) == (200, 70_005)


def test_an_answer_streams_while_it_is_made(runtime: LoadBalancerRuntime, backend: Callable[[str], Backend]) -> None:
    """The first part arrives before the target has written the second."""
    blue = backend("blue")
    runtime.put_target_group(TargetGroupSpec(GROUP, (blue.target(),)))
    spec = listen(runtime)
    connection = http.client.HTTPConnection(spec.address, spec.port, timeout=10)
    connection.request("GET", "/stream")
    response = connection.getresponse()
    first = response.read(6)
    blue.release.set()
    assert (first, response.read()) == (b"first,", b"second")
    connection.close()


def test_the_targets_answer_is_passed_on(runtime: LoadBalancerRuntime, backend: Callable[[str], Backend]) -> None:
    """Status, headers and redirects of the target are the client's; HEAD has headers and no body."""
    blue = backend("blue")
    blue.status = 302
    runtime.put_target_group(TargetGroupSpec(GROUP, (blue.target(),)))
    spec = listen(runtime)
    status, headers, body = ask(spec, "/status")
    assert (status, headers["Location"], body) == (302, "/elsewhere", b"blue")
    status, headers, body = ask(spec, "/", "HEAD")
    assert (status, headers["Server"], headers["Content-Length"], body) == (200, "app", "4", b"")


def test_keep_alive_serves_many_requests_on_one_connection(
    runtime: LoadBalancerRuntime, backend: Callable[[str], Backend]
) -> None:
    """A client keeps its connection between requests."""
    runtime.put_target_group(TargetGroupSpec(GROUP, (backend("blue").target(),)))
    spec = listen(runtime)
    connection = http.client.HTTPConnection(spec.address, spec.port, timeout=10)
    connection.connect()
    first = connection.sock
    for _ in range(5):
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"blue"
        assert connection.sock is first
    connection.close()


def test_rules_decide_in_their_order(runtime: LoadBalancerRuntime, backend: Callable[[str], Backend]) -> None:
    """A path rule, a header rule, a redirect and the default each take their requests."""
    runtime.put_target_group(TargetGroupSpec(GROUP, (backend("blue").target(),)))
    spec = listen(
        runtime,
        default(),
        Rule("fixed", 10, (PathPattern(("/teapot*",)),), FixedResponse(418, "text/plain", "short and stout")),
        Rule("header", 20, (HttpHeader("X-Beta", ("1",)),), FixedResponse(200, "application/json", "{}")),
        Rule("redirect", 30, (PathPattern(("/old/*",)),), Redirect(301, protocol="HTTPS", port="443")),
    )
    status, headers, body = ask(spec, "/teapot/1")
    assert (status, body, headers["Server"]) == (418, b"short and stout", "awselb/2.0")
    status, headers, body = ask(spec, "/", X_Beta="1")
    assert (status, headers["Content-Type"], body) == (200, "application/json", b"{}")
    status, headers, _ = ask(spec, "/old/page?x=1", Host="app.example.com")
    assert (status, headers["Location"]) == (301, "https://app.example.com:443/old/page?x=1")
    assert ask(spec)[2] == b"blue"


def test_rules_change_without_dropping_a_connection(runtime: LoadBalancerRuntime) -> None:
    """A listener's new rules serve the next request of an open connection."""
    spec = listen(runtime, Rule("default", None, (), FixedResponse(200, "text/plain", "one")))
    connection = http.client.HTTPConnection(spec.address, spec.port, timeout=10)
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"one"
    changed = (Rule("default", None, (), FixedResponse(200, "text/plain", "two")),)
    runtime.put_listener(ListenerSpec(spec.arn, spec.address, spec.port, spec.protocol, changed))
    before = connection.sock
    connection.request("GET", "/")
    assert (connection.getresponse().read(), connection.sock is before) == (b"two", True)
    connection.close()


def test_requests_go_round_the_healthy_targets(runtime: LoadBalancerRuntime, backend: Callable[[str], Backend]) -> None:
    """Each healthy target gets its turn; an unhealthy one gets none."""
    blue, green, red = backend("blue"), backend("green"), backend("red")
    runtime.put_target_group(TargetGroupSpec(GROUP, (blue.target(), green.target(), red.target("unhealthy"))))
    spec = listen(runtime)
    served = [ask(spec)[2] for _ in range(10)]
    assert (served.count(b"blue"), served.count(b"green"), served.count(b"red")) == (5, 5, 0)


def test_a_group_without_healthy_targets_fails_open(
    runtime: LoadBalancerRuntime, backend: Callable[[str], Backend]
) -> None:
    """Every registered target serves if none is healthy."""
    blue, red = backend("blue"), backend("red")
    runtime.put_target_group(TargetGroupSpec(GROUP, (blue.target("unhealthy"), red.target("initial"))))
    spec = listen(runtime)
    assert {ask(spec)[2] for _ in range(6)} == {b"blue", b"red"}


def test_no_target_is_503(runtime: LoadBalancerRuntime, backend: Callable[[str], Backend]) -> None:
    """An empty group, a group of draining targets and weights of zero answer 503."""
    runtime.put_target_group(TargetGroupSpec(GROUP, ()))
    spec = listen(runtime)
    status, headers, body = ask(spec)
    assert (status, headers["Server"]) == (503, "awselb/2.0")
    assert b"503 Service Temporarily Unavailable" in body
    runtime.put_target_group(TargetGroupSpec(GROUP, (backend("blue").target("draining"),)))
    assert ask(spec)[0] == 503
    zero = listen(runtime, default(WeightedTargetGroup(GROUP, 0)))
    assert ask(zero)[0] == 503


def test_a_refused_or_broken_connection_is_502(runtime: LoadBalancerRuntime, backend: Callable[[str], Backend]) -> None:
    """A refused connection, a reset before the answer and a break in a short answer are all 502."""
    port = unused_port()
    runtime.put_target_group(TargetGroupSpec(GROUP, (Target("10.0.0.1", port, "127.0.0.1", port),)))
    spec = listen(runtime)
    assert ask(spec)[0] == 502
    blue = backend("blue")
    runtime.put_target_group(TargetGroupSpec(GROUP, (blue.target(),)))
    assert ask(spec, "/abort", "POST", b"x")[0] == 502
    assert ask(spec, "/half")[0] == 502
    assert blue.requests == 2
    assert [entry.status for entry in runtime.access_log()] == [502, 502, 502]
    assert "refused" in (runtime.access_log()[0].error or "")


def test_a_fresh_connection_that_breaks_is_not_tried_again(
    runtime: LoadBalancerRuntime, backend: Callable[[str], Backend]
) -> None:
    """A target that drops a GET on a new connection has been asked once only."""
    blue = backend("blue")
    runtime.put_target_group(TargetGroupSpec(GROUP, (blue.target(),)))
    assert ask(listen(runtime), "/abort")[0] == 502
    assert blue.requests == 1


def test_no_answer_in_time_is_504(runtime: LoadBalancerRuntime, backend: Callable[[str], Backend]) -> None:
    """The idle timeout ends a request that the target does not answer."""
    runtime.put_target_group(TargetGroupSpec(GROUP, (backend("blue").target(),)))
    spec = listen(runtime, idle_timeout=0.3)
    status, _, body = ask(spec, "/slow")
    assert status == 504
    assert b"504 Gateway Time-out" in body


def test_a_target_that_the_network_does_not_reach_is_504(
    runtime: LoadBalancerRuntime, backend: Callable[[str], Backend]
) -> None:
    """No request passes a security group that lets none in, and the access log names the rule that is missing."""
    blue = backend("blue")
    refused = replace(blue.target(), refusal="No ingress rule of sg-1 admits tcp.")
    runtime.put_target_group(TargetGroupSpec(GROUP, (refused,)))
    spec = listen(runtime)
    assert ask(spec)[0] == 504
    assert blue.requests == 0
    assert "No ingress rule of sg-1" in (runtime.access_log()[-1].error or "")
    runtime.put_target_group(TargetGroupSpec(GROUP, (blue.target(),)))
    assert ask(spec)[0] == 200


def test_a_connection_that_the_target_closed_costs_no_request(runtime: LoadBalancerRuntime) -> None:
    """Targets that close kept connections without a word never fail a client, whatever the method."""
    with _ForgetfulServer() as server:
        runtime.put_target_group(TargetGroupSpec(GROUP, (Target("10.0.0.1", server.port, "127.0.0.1", server.port),)))
        spec = listen(runtime)
        statuses = [ask(spec, "/", method, body)[0] for method, body in [("GET", None), ("POST", b"x")] * 20]
        assert statuses == [200] * 40
        assert server.stale > 0


class _ForgetfulServer:
    """Promises keep-alive, then drops the connection as soon as the next request arrives on it."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.stale = 0
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> _ForgetfulServer:
        self._main = threading.Thread(target=self._accept, daemon=True)
        self._main.start()
        return self

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
                thread.start()
                self._threads.append(thread)

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            data = b""
            while b"\r\n\r\n" not in data:
                data += connection.recv(65536)
            if data.startswith(b"POST") and not data.endswith(b"x"):
                connection.recv(1)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            connection.settimeout(5)
            with contextlib.suppress(OSError):
                if connection.recv(65536):
                    self.stale += 1

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._main.join()


def test_weights_share_the_requests(runtime: LoadBalancerRuntime, backend: Callable[[str], Backend]) -> None:
    """Groups get requests in proportion to their weights, and one of weight zero gets none."""
    blue, green, red = backend("blue"), backend("green"), backend("red")
    for name, target in (("a", blue), ("b", green), ("c", red)):
        runtime.put_target_group(TargetGroupSpec(name, (target.target(),)))
    spec = listen(
        runtime, default(WeightedTargetGroup("a", 90), WeightedTargetGroup("b", 10), WeightedTargetGroup("c", 0))
    )
    served = [ask(spec)[2] for _ in range(300)]
    # 300 draws at 10 %: outside 5..60 about once in 10**8 runs.
    assert 5 <= served.count(b"green") <= 60
    assert served.count(b"red") == 0


def test_requests_are_counted_by_minute_group_and_status(
    runtime: LoadBalancerRuntime, backend: Callable[[str], Backend]
) -> None:
    """Answers of targets and the load balancer's own are counted apart, each request once."""
    runtime.put_target_group(TargetGroupSpec("a", (backend("blue").target(),)))
    runtime.put_target_group(TargetGroupSpec("b", ()))
    served, empty = (listen(runtime, default(WeightedTargetGroup(name)), arn=name) for name in ("a", "b"))
    for _ in range(3):
        ask(served)
    assert ask(empty)[0] == 503
    counts = {counted.listener: counted for counted in runtime.traffic(float("inf"))}
    assert (counts["a"].requests, counts["a"].of_targets, counts["a"].own) == (3, {2: 3}, {})
    assert len(counts["a"].durations) == 3
    assert (counts["b"].requests, counts["b"].of_targets, counts["b"].own) == (1, {}, {5: 1})
    assert runtime.traffic(float("inf")) == []


def test_stickiness_keeps_a_client_with_its_target(
    runtime: LoadBalancerRuntime, backend: Callable[[str], Backend]
) -> None:
    """A client that brings its AWSALB cookie back stays, until its target drains."""
    blue, green = backend("blue"), backend("green")
    targets = (blue.target(), green.target())
    runtime.put_target_group(TargetGroupSpec(GROUP, targets, stickiness_seconds=60))
    spec = listen(runtime)
    _, headers, first = ask(spec)
    cookie = headers["Set-Cookie"].partition(";")[0]
    assert cookie.startswith("AWSALB=")
    assert {ask(spec, Cookie=cookie)[2] for _ in range(6)} == {first}
    left = green if first == b"blue" else blue
    runtime.put_target_group(TargetGroupSpec(GROUP, (left.target(),), stickiness_seconds=60))
    assert ask(spec, Cookie=cookie)[2] == left.name.encode()


def test_an_applications_cookie_keeps_a_client_with_its_target(
    runtime: LoadBalancerRuntime, backend: Callable[[str], Backend]
) -> None:
    """Once the target has set its cookie, the load balancer sets one of its own, and both together keep the client.

    Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html (application-based
    stickiness)
    """
    targets = (backend("blue").target(), backend("green").target())
    runtime.put_target_group(TargetGroupSpec(GROUP, targets, stickiness_seconds=60, application_cookie="session"))
    spec = listen(runtime)
    assert "Set-Cookie" not in ask(spec)[1]
    connection = http.client.HTTPConnection(spec.address, spec.port, timeout=10)
    connection.request("GET", "/login")
    response = connection.getresponse()
    first = response.read()
    cookies = [value.partition(";")[0] for value in response.headers.get_all("Set-Cookie")]
    attributes = [value.partition(";")[2] for value in response.headers.get_all("Set-Cookie")]
    connection.close()
    assert [cooky.partition("=")[0] for cooky in cookies] == ["session", "AWSALBAPP-0"]
    assert attributes[1] == " Max-Age=60; Path=/"
    assert {ask(spec, Cookie="; ".join(cookies))[2] for _ in range(6)} == {first}
    for alone in cookies:
        assert {ask(spec, Cookie=alone)[2] for _ in range(6)} == {b"blue", b"green"}


EVERY_ANSWER = (("Strict-Transport-Security", "max-age=63072000"), ("X-App", "replaced"), ("X-Frame-Options", "DENY"))


def test_a_listeners_headers_are_on_every_answer(
    runtime: LoadBalancerRuntime, backend: Callable[[str], Backend]
) -> None:
    """Target's answers, streams, redirects, fixed answers and error pages get them, in place of what a target says.

    Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/header-modification.html (Add response headers)
    """
    runtime.put_target_group(TargetGroupSpec(GROUP, (backend("blue").target(),)))
    rules = (
        Rule("fixed", 1, (PathPattern(("/fixed",)),), FixedResponse(404)),
        Rule("redirect", 2, (PathPattern(("/redirect",)),), Redirect(301, host="other")),
        Rule("nowhere", 3, (PathPattern(("/nowhere",)),), Forward((WeightedTargetGroup("none"),))),
        default(),
    )
    spec = listen(runtime, *rules, headers=HeaderSettings(response=EVERY_ANSWER))
    for path, expected in (("/", 200), ("/fixed", 404), ("/redirect", 301), ("/nowhere", 503), ("/echo", 200)):
        status, headers, _ = ask(spec, path)
        assert status == expected
        assert [headers[name] for name, _ in EVERY_ANSWER] == [value for _, value in EVERY_ANSWER]
        assert "Server" in headers
    runtime.put_listener(replace(spec, headers=HeaderSettings(server=False)))
    for path in ("/", "/fixed", "/redirect", "/nowhere"):
        _, headers, _ = ask(spec, path)
        assert "Server" not in headers
        assert "Strict-Transport-Security" not in headers


@pytest.mark.parametrize(
    ("settings", "sent", "seen"),
    [
        (HeaderSettings(), "203.0.113.9", "203.0.113.9, 127.0.0.1"),
        (HeaderSettings(forwarded_for="preserve"), "203.0.113.9", "203.0.113.9"),
        (HeaderSettings(forwarded_for="remove"), "203.0.113.9", None),
    ],
)
def test_x_forwarded_for_is_treated_as_the_load_balancer_says(
    runtime: LoadBalancerRuntime,
    backend: Callable[[str], Backend],
    settings: HeaderSettings,
    sent: str,
    seen: str | None,
) -> None:
    """X-Forwarded-For is appended to, preserved or removed; with the client's port if configured."""
    runtime.put_target_group(TargetGroupSpec(GROUP, (backend("blue").target(),)))
    spec = listen(runtime, headers=settings)
    headers = json.loads(ask(spec, "/echo", X_Forwarded_For=sent)[2])["headers"]
    assert headers.get("X-Forwarded-For") == seen
    runtime.put_listener(replace(spec, headers=HeaderSettings(client_port=True)))
    headers = json.loads(ask(spec, "/echo")[2])["headers"]
    assert re.fullmatch(r"127\.0\.0\.1:\d+", headers["X-Forwarded-For"])


def test_headers_with_odd_names_are_dropped_where_that_is_asked_for(
    runtime: LoadBalancerRuntime, backend: Callable[[str], Backend]
) -> None:
    """Letters, digits and hyphens pass; anything else does not reach the target."""
    runtime.put_target_group(TargetGroupSpec(GROUP, (backend("blue").target(),)))
    spec = listen(runtime)
    connection = http.client.HTTPConnection(spec.address, spec.port, timeout=10)

    def passed() -> set[str]:
        connection.request("GET", "/echo", headers={"X_Odd": "1", "X-Plain": "1"})
        return set(json.loads(connection.getresponse().read())["headers"]) & {"X_Odd", "X-Plain"}

    assert passed() == {"X_Odd", "X-Plain"}
    runtime.put_listener(replace(spec, headers=HeaderSettings(drop_invalid=True)))
    assert passed() == {"X-Plain"}
    connection.close()


def test_a_draining_target_finishes_what_it_has(
    runtime: LoadBalancerRuntime, backend: Callable[[str], Backend]
) -> None:
    """A request under way ends well while new ones go elsewhere."""
    blue, green = backend("blue"), backend("green")
    runtime.put_target_group(TargetGroupSpec(GROUP, (blue.target(),)))
    spec = listen(runtime)
    answers: list[bytes] = []
    waiting = threading.Thread(target=lambda: answers.append(ask(spec, "/wait")[2]))
    waiting.start()
    while not runtime.in_flight(GROUP):
        time.sleep(0.005)
    runtime.put_target_group(TargetGroupSpec(GROUP, (blue.target("draining"), green.target())))
    assert {ask(spec)[2] for _ in range(4)} == {b"green"}
    blue.release.set()
    waiting.join(10)
    assert answers == [b"blue"]
    assert runtime.in_flight(GROUP) == {}


def test_no_request_fails_while_targets_are_swapped_under_load(runtime: LoadBalancerRuntime) -> None:
    """Targets come, drain and go under load, and every single request is answered 200."""
    spec = listen(runtime)
    generation = [Backend("gen-0") for _ in range(2)]
    runtime.put_target_group(TargetGroupSpec(GROUP, tuple(one.target() for one in generation)))
    stop = threading.Event()
    statuses: list[int | str] = []
    served: set[bytes] = set()

    async def client(session: aiohttp.ClientSession, number: int) -> None:
        method = "POST" if number % 3 == 0 else "GET"
        while not stop.is_set():
            try:
                async with session.request(
                    method, f"http://{spec.address}:{spec.port}/", data=b"x" if method == "POST" else None
                ) as answer:
                    served.add(await answer.read())
                    statuses.append(answer.status)
            except aiohttp.ClientError as error:
                statuses.append(repr(error))

    async def load() -> None:
        async with aiohttp.ClientSession() as session:
            await asyncio.gather(*(client(session, number) for number in range(8)))

    loader = threading.Thread(target=lambda: asyncio.run(load()))
    loader.start()
    while len(statuses) < 50:
        time.sleep(0.005)
    swaps = 4
    for swap in range(1, swaps + 1):
        fresh = [Backend(f"gen-{swap}") for _ in range(2)]
        both = (*(one.target("draining") for one in generation), *(one.target() for one in fresh))
        runtime.put_target_group(TargetGroupSpec(GROUP, both))
        seen = len(statuses)
        gone = {one.target().key for one in generation}
        while len(statuses) < seen + 50 or gone & set(runtime.in_flight(GROUP)):
            time.sleep(0.005)
        runtime.put_target_group(TargetGroupSpec(GROUP, tuple(one.target() for one in fresh)))
        for one in generation:
            one.close()
        generation = fresh
    stop.set()
    loader.join(20)
    for one in generation:
        one.close()
    assert set(statuses) == {200}
    assert served == {f"gen-{number}".encode() for number in range(swaps + 1)}


def test_websockets_pass_both_ways(runtime: LoadBalancerRuntime, backend: Callable[[str], Backend]) -> None:
    """Text, bytes and the agreed subprotocol cross the load balancer, and so does the close."""
    runtime.put_target_group(TargetGroupSpec(GROUP, (backend("blue").target(),)))
    spec = listen(runtime)

    async def talk() -> tuple[Any, ...]:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"ws://{spec.address}:{spec.port}/socket", protocols=("other", "chat")) as ws,
        ):
            await ws.send_str("hello")
            text = await ws.receive_str(timeout=5)
            await ws.send_bytes(b"\x00" * 200_000)
            data = await ws.receive_bytes(timeout=5)
            agreed = ws.protocol
            await ws.close(code=1000)
            return agreed, text, len(data), ws.close_code

    assert run(talk()) == ("chat", "HELLO", 200_000, 1000)
    # The entry is written when both sides have closed, which the client does not wait for.
    end = time.monotonic() + 5
    while not runtime.access_log() and time.monotonic() < end:
        time.sleep(0.005)
    (entry,) = runtime.access_log()
    assert (entry.status, entry.target_status) == (101, 101)


def test_the_access_log_tells_who_served(runtime: LoadBalancerRuntime, backend: Callable[[str], Backend]) -> None:
    """Each request is there with its target and both statuses; it can be found by its trace."""
    blue = backend("blue")
    blue.status = 500
    runtime.put_target_group(TargetGroupSpec(GROUP, (blue.target(),)))
    spec = listen(runtime)
    ask(spec, "/status?x=1", X_Amzn_Trace_Id="Root=1-00000001-abc")
    ask(spec, "/")
    (entry,) = runtime.access_log(lambda entry: "1-00000001-abc" in entry.trace_id)
    assert (entry.method, entry.path, entry.status, entry.target_status) == ("GET", "/status", 500, 500)
    assert (entry.target, entry.target_group) == (blue.target().key, GROUP)


def certificate(*names: str) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Certificate(f"arn:{names[0]}", made.public_bytes(serialization.Encoding.PEM).decode(), pem.decode())


def handshake(
    spec: ListenerSpec,
    server_name: str | None,
    trusted: Certificate | None = None,
    newest: ssl.TLSVersion | None = None,
) -> tuple[str | None, list[str]]:
    context = ssl.create_default_context(cadata=trusted.chain if trusted else None)
    if trusted is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if newest is not None:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.maximum_version = newest
    with (
        socket.create_connection((spec.address, spec.port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=server_name) as secure,
    ):
        der = secure.getpeercert(binary_form=True)
        assert der is not None
        extension = x509.load_der_x509_certificate(der).extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return secure.version(), extension.value.get_values_for_type(x509.DNSName)


MODERN = "ELBSecurityPolicy-TLS13-1-2-2021-06"


def test_https_presents_the_certificate_of_the_server_name(runtime: LoadBalancerRuntime) -> None:
    """SNI selects among certificates that a client can verify; without it the default is presented."""
    first, second = certificate("app.example.com"), certificate("*.example.org")
    rules = (Rule("default", None, (), FixedResponse(200)),)
    spec = listen(runtime, *rules, protocol="HTTPS", certificates=(first, second), tls_policy=MODERN)
    assert handshake(spec, "app.example.com", first) == ("TLSv1.3", ["app.example.com"])
    assert handshake(spec, "www.example.org", second) == ("TLSv1.3", ["*.example.org"])
    assert handshake(spec, None)[1] == ["app.example.com"]


def test_the_tls_policy_bounds_the_protocol(runtime: LoadBalancerRuntime) -> None:
    """TLS13-1-2 takes TLS 1.2 and 1.3 and refuses 1.1, and a policy changes in place."""
    rules = (Rule("default", None, (), FixedResponse(200)),)
    own = certificate("app.example.com")
    spec = listen(runtime, *rules, protocol="HTTPS", certificates=(own,), tls_policy=MODERN)
    assert handshake(spec, None, newest=ssl.TLSVersion.TLSv1_2)[0] == "TLSv1.2"
    with pytest.warns(DeprecationWarning, match="TLSv1_1"), pytest.raises((ssl.SSLError, ConnectionError)):
        handshake(spec, None, newest=ssl.TLSVersion.TLSv1_1)
    only13 = "ELBSecurityPolicy-TLS13-1-3-2021-06"
    runtime.put_listener(ListenerSpec(spec.arn, spec.address, spec.port, "HTTPS", rules, (own,), only13))
    with pytest.raises((ssl.SSLError, ConnectionError)):
        handshake(spec, None, newest=ssl.TLSVersion.TLSv1_2)


def test_https_tells_the_target_so(runtime: LoadBalancerRuntime, backend: Callable[[str], Backend]) -> None:
    """X-Forwarded-Proto is https behind a TLS listener."""
    own = certificate("app.example.com")
    runtime.put_target_group(TargetGroupSpec(GROUP, (backend("blue").target(),)))
    spec = listen(runtime, protocol="HTTPS", certificates=(own,), tls_policy=MODERN)
    context = ssl.create_default_context(cadata=own.chain)
    context.check_hostname = False
    connection = http.client.HTTPSConnection(spec.address, spec.port, timeout=5, context=context)
    connection.request("GET", "/echo")
    assert json.loads(connection.getresponse().read())["headers"]["X-Forwarded-Proto"] == "https"
    connection.close()


def test_the_target_is_told_version_and_cipher_under_the_listeners_names(
    runtime: LoadBalancerRuntime, backend: Callable[[str], Backend]
) -> None:
    """X-Amzn-Tls-Version and X-Amzn-Tls-Cipher-Suite, or whatever the listener calls them; a client cannot forge them."""
    own = certificate("app.example.com")
    runtime.put_target_group(TargetGroupSpec(GROUP, (backend("blue").target(),)))
    spec = listen(runtime, protocol="HTTPS", certificates=(own,), tls_policy=MODERN)
    context = ssl.create_default_context(cadata=own.chain)
    context.check_hostname = False

    def headers() -> dict[str, str]:
        connection = http.client.HTTPSConnection(spec.address, spec.port, timeout=5, context=context)
        connection.request("GET", "/echo", headers={"X-Amzn-Tls-Version": "forged"})
        seen: dict[str, str] = json.loads(connection.getresponse().read())["headers"]
        connection.close()
        return seen

    runtime.put_listener(replace(spec, headers=HeaderSettings(tls=True)))
    shown = headers()
    assert shown["X-Amzn-Tls-Version"] == "TLSv1.3"
    assert shown["X-Amzn-Tls-Cipher-Suite"].startswith("TLS_")
    runtime.put_listener(replace(spec, headers=HeaderSettings(tls=True, tls_version_name="X-Tls")))
    assert headers()["X-Tls"] == "TLSv1.3"


def test_a_key_of_another_certificate_is_refused(runtime: LoadBalancerRuntime) -> None:
    """A mismatch is named with its certificate before anything listens."""
    one, other = certificate("a.example.com"), certificate("b.example.com")
    mixed = Certificate("arn:mixed", one.chain, other.private_key)
    with pytest.raises(CertificateError, match="arn:mixed"):
        listen(runtime, protocol="HTTPS", certificates=(mixed,))


def test_a_taken_port_is_named(runtime: LoadBalancerRuntime) -> None:
    """Two listeners cannot have one port, and the message says which and what to do."""
    spec = listen(runtime)
    with pytest.raises(ListenError, match=rf"{spec.address}:{spec.port}: the port is taken.*ss -ltnp"):
        runtime.put_listener(ListenerSpec("other", spec.address, spec.port, "HTTP", spec.rules))


def test_a_privileged_port_says_how_to_allow_it(runtime: LoadBalancerRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the sysctl if this user may not bind port 80."""

    async def forbidden(_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(web.TCPSite, "start", forbidden)
    with pytest.raises(ListenError, match=r"net\.ipv4\.ip_unprivileged_port_start=80"):
        runtime.put_listener(ListenerSpec("low", ADDRESS, 80, "HTTP", (default(),)))


def test_a_removed_listener_stops_listening(runtime: LoadBalancerRuntime) -> None:
    """The port refuses connections after the removal."""
    spec = listen(runtime)
    runtime.remove_listener(spec.arn)
    with pytest.raises(ConnectionRefusedError):
        ask(spec)


def test_probes_tell_status_refusal_and_timeout(
    runtime: LoadBalancerRuntime, backend: Callable[[str], Backend]
) -> None:
    """A probe reports the status as it is, without following redirects, or why there was none."""
    blue = backend("blue")
    blue.status = 302
    probe = runtime.probe("127.0.0.1", blue.port, path="/status", protocol="HTTP", timeout=5)
    assert (probe.status, probe.error) == (302, None)
    assert runtime.probe("127.0.0.1", unused_port(), path="/", protocol="HTTP", timeout=5).error == "refused"
    assert runtime.probe("127.0.0.1", blue.port, path="/slow", protocol="HTTP", timeout=0.1).error == "timeout"


def test_a_fast_world_still_gives_a_program_a_moment(backend: Callable[[str], Backend]) -> None:
    """A probe's five seconds are not five milliseconds at speed 1000."""
    blue = backend("blue")
    runtime = LoadBalancerRuntime(ScaledClock(1000))
    runtime.start()
    threading.Timer(0.2, blue.release.set).start()
    assert runtime.probe("127.0.0.1", blue.port, path="/wait", protocol="HTTP", timeout=5).status == 200
    runtime.close()


def test_closing_ends_the_thread_and_may_be_repeated() -> None:
    """close() leaves no thread behind and does nothing the second time."""
    runtime = LoadBalancerRuntime()
    runtime.start()
    runtime.close()
    runtime.close()
    assert "pushproof-loadbalancer" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(RuntimeError, match="start"):
        runtime.put_target_group(TargetGroupSpec(GROUP, ()))
