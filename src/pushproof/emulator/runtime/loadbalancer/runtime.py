"""The data plane with real sockets: one asyncio loop in a thread of its own, for all load balancers of a world."""

from __future__ import annotations

import asyncio
import errno
import logging
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ClassVar, TypeVar

import aiohttp
from aiohttp import web
from yarl import URL

from pushproof.base.clock import Clock, ScaledClock, work_limit
from pushproof.emulator.kernel.balancing import AccessLogEntry, Counted, ListenError, ListenerSpec, TargetGroupSpec
from pushproof.emulator.kernel.faults import ActiveFaults
from pushproof.emulator.kernel.quiet import no_warning_decides_here
from pushproof.emulator.kernel.tasks import HttpProbe
from pushproof.emulator.kernel.traffic import Traffic
from pushproof.emulator.runtime.loadbalancer.groups import Group
from pushproof.emulator.runtime.loadbalancer.proxy import Connections, ListenerProxy
from pushproof.emulator.runtime.loadbalancer.streams import StreamProxy, Streams, failing
from pushproof.emulator.runtime.loadbalancer.tls import TlsServer
from pushproof.engines.tlspolicy import tls_policy

T = TypeVar("T")
_of_clients = logging.getLogger(f"{__name__}.clients")
_of_clients.setLevel(logging.CRITICAL)

# The real seconds for which a removed listener lets its requests finish.
LAST_REQUESTS = 2.0


class _Listening:
    """A listener that is bound; `end` unbinds it, and gives what is in progress a moment."""

    def __init__(
        self, proxy: ListenerProxy | StreamProxy, end: Callable[[], Awaitable[None]], tls: TlsServer | None
    ) -> None:
        self.proxy = proxy
        self.end = end
        self.tls = tls


class LoadBalancerRuntime:
    """Listens, proxies and probes for real. `start()` it, and `close()` it: it holds a thread and sockets.

    Every method may be called from any thread and blocks until done. `clock` stamps the access log and scales probe timeouts.
    """

    # : What is no part of a kept world.
    not_kept: ClassVar[tuple[str, ...]] = ("*",)

    def __init__(
        self, clock: Clock | None = None, *, log_size: int = 50_000, faults: ActiveFaults | None = None
    ) -> None:
        self._clock: Clock = clock or ScaledClock()
        self._faults = faults or ActiveFaults()
        self._log: deque[AccessLogEntry] = deque(maxlen=log_size)
        self._traffic = Traffic()
        self._listening: dict[str, _Listening] = {}
        self._groups: dict[str, Group] = {}
        self._streams = Streams()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._gate = threading.Lock()
        self._closing = False
        self._thread: threading.Thread | None = None
        self._connections: Connections | None = None
        self._probes: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        return f"<LoadBalancerRuntime listeners={len(self._listening)} target_groups={len(self._groups)}>"

    def start(self) -> None:
        """Start the thread, unless it runs."""
        if self._thread is not None:
            return
        self._closing = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._main, name="pushproof-loadbalancer", daemon=True)
        self._thread.start()
        self._call(self._open())

    def close(self) -> None:
        """Stop listening and end the thread; safe to call twice."""
        if self._thread is None or self._loop is None:
            return
        with self._gate:
            # Everything requested before this is in the loop and ends with it; later requests are refused instead of waiting for
            # ever.
            self._closing = True
            shut = asyncio.run_coroutine_threadsafe(self._shut(), self._loop)
        shut.result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._thread = None
        self._loop = None

    def put_listener(self, spec: ListenerSpec) -> None:
        """Listen on the spec's address and port, or change a listener in place: open connections stay.

        Raises:
            ListenError: the address or port is not available.
            CertificateError: a certificate and its key do not fit.
            UnknownTlsPolicyError: no such TLS policy.
        """
        self._call(self._put_listener(spec))

    def remove_listener(self, arn: str) -> None:
        """Stop listening; requests in progress get a moment to finish."""
        self._call(self._remove_listener(arn))

    def put_target_group(self, spec: TargetGroupSpec) -> None:
        """Replace a target group and its targets; requests in progress stay with their target."""
        self._call(self._put_target_group(spec))

    def remove_target_group(self, arn: str) -> None:
        """Remove a target group."""
        self._groups.pop(arn, None)

    def in_flight(self, target_group_arn: str) -> dict[str, int]:
        """Return the requests in progress, by target (`10.0.0.7:8080`)."""
        group = self._groups.get(target_group_arn)
        return dict(group.in_flight) if group is not None else {}

    def probe(self, address: str, port: int, *, path: str, protocol: str, timeout: float) -> HttpProbe:
        """Send one HTTP GET as ELB-HealthChecker/2.0, without following redirects; TCP connects. `timeout` in AWS seconds."""
        if protocol == "TCP":
            return self._call(self._connect(address, port, timeout))
        return self._call(self._probe(address, port, path, protocol, timeout))

    def access_log(self, accepts: Callable[[AccessLogEntry], bool] | None = None) -> list[AccessLogEntry]:
        """Return the latest requests, oldest first; only those that `accepts` selects."""
        return [entry for entry in list(self._log) if accepts is None or accepts(entry)]

    def traffic(self, until: float) -> list[Counted]:
        """Return the requests of the minutes of AWS time that are over at `until`, once."""
        return self._traffic.take(until)

    # Inside the thread.

    def _record(self, entry: AccessLogEntry) -> None:
        self._log.append(entry)
        self._traffic.add(entry)

    def _main(self) -> None:
        assert self._loop is not None
        no_warning_decides_here()
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        with self._gate:
            if self._loop is None or self._closing:
                work.close()
                raise RuntimeError("the load balancer's data plane is not running; call start() first")
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        return future.result()

    async def _open(self) -> None:
        self._connections = Connections()
        self._probes = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, force_close=True, ssl=False),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "ELB-HealthChecker/2.0", "Accept-Encoding": "gzip, compressed"},
            auto_decompress=False,
        )

    async def _shut(self) -> None:
        await asyncio.gather(*(self._remove_listener(arn) for arn in list(self._listening)))
        assert self._connections is not None
        assert self._probes is not None
        await self._connections.close()
        await self._probes.close()
        # Everything that still runs (a WebSocket, a client that never reads) ends here.
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def _put_listener(self, spec: ListenerSpec) -> None:
        current = self._listening.get(spec.arn)
        if current is not None:
            before = current.proxy.spec
            if (before.address, before.port, before.protocol) == (spec.address, spec.port, spec.protocol):
                if current.tls is not None:
                    current.tls.update(spec.certificates, tls_policy(spec.tls_policy))
                current.proxy.spec = spec
                return
        secure = spec.protocol in ("HTTPS", "TLS")
        alpn = ("http/1.1",) if spec.protocol == "HTTPS" else ()
        tls = TlsServer(spec.certificates, tls_policy(spec.tls_policy), alpn) if secure else None
        if current is not None:
            await self._remove_listener(spec.arn)
        listen = self._listen_to_streams if spec.protocol in ("TCP", "TLS") else self._listen_to_requests
        try:
            self._listening[spec.arn] = await listen(spec, tls)
        except OSError as error:
            raise ListenError(_why_not(spec, error)) from error

    async def _listen_to_streams(self, spec: ListenerSpec, tls: TlsServer | None) -> _Listening:
        proxy = StreamProxy(spec, self._groups, self._streams, self._faults)
        server = await asyncio.start_server(
            proxy, spec.address, spec.port, ssl=tls.context if tls else None, backlog=512
        )

        async def end() -> None:
            server.close()
            await proxy.close(LAST_REQUESTS)

        return _Listening(proxy, end, tls)

    async def _listen_to_requests(self, spec: ListenerSpec, tls: TlsServer | None) -> _Listening:
        assert self._connections is not None
        proxy = ListenerProxy(spec, self._groups, self._connections, self._record, self._clock.now, self._faults)
        server = web.Server(
            proxy,
            request_factory=proxy.request,
            access_log=None,
            # What a client sends that is no HTTP is its own fault, and answered 400; faults here are logged by the proxy.
            logger=_of_clients,
            auto_decompress=False,
            keepalive_timeout=spec.client_keep_alive,
            max_line_size=16_384,
            max_field_size=32_768,
        )
        runner = web.ServerRunner(server, shutdown_timeout=LAST_REQUESTS)
        await runner.setup()
        site = web.TCPSite(runner, spec.address, spec.port, ssl_context=tls.context if tls else None, backlog=512)
        try:
            await site.start()
        except OSError:
            await runner.cleanup()
            raise
        return _Listening(proxy, runner.cleanup, tls)

    async def _remove_listener(self, arn: str) -> None:
        listening = self._listening.pop(arn, None)
        if listening is not None:
            await listening.end()

    async def _put_target_group(self, spec: TargetGroupSpec) -> None:
        group = self._groups.get(spec.arn)
        if group is None:
            self._groups[spec.arn] = Group(spec)
        else:
            group.update(spec)
            if spec.reset_unhealthy:
                self._streams.reset(spec.arn, failing(spec.targets))

    async def _connect(self, address: str, port: int, timeout: float) -> HttpProbe:
        try:
            async with asyncio.timeout(work_limit(self._clock, timeout)):
                _, writer = await asyncio.open_connection(address, port)
        except TimeoutError:
            return HttpProbe(None, "timeout")
        except OSError as error:
            return HttpProbe(None, "refused" if error.errno == errno.ECONNREFUSED else str(error))
        writer.transport.abort()
        return HttpProbe(None, accepted=True)

    async def _probe(self, address: str, port: int, path: str, protocol: str, timeout: float) -> HttpProbe:
        assert self._probes is not None
        host = f"[{address}]" if ":" in address else address
        url = URL(f"{protocol.lower()}://{host}:{port}{path}", encoded=True)
        seconds = work_limit(self._clock, timeout)
        try:
            async with self._probes.get(
                url, allow_redirects=False, timeout=aiohttp.ClientTimeout(total=seconds)
            ) as answer:
                return HttpProbe(answer.status)
        except (TimeoutError, aiohttp.ServerTimeoutError):
            return HttpProbe(None, "timeout")
        except aiohttp.ClientConnectorError as error:
            return HttpProbe(None, "refused" if error.os_error.errno == errno.ECONNREFUSED else str(error))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return HttpProbe(None, str(error) or type(error).__name__)


def _why_not(spec: ListenerSpec, error: OSError) -> str:
    where = f"{spec.protocol} listener on {spec.address}:{spec.port}"
    if error.errno in (errno.EACCES, errno.EPERM) and spec.port < 1024:
        return (
            f"{where}: this user may not listen on a port below 1024. Allow it for this machine with "
            f"`sudo sysctl net.ipv4.ip_unprivileged_port_start={min(spec.port, 80)}`, or run as root"
        )
    if error.errno == errno.EADDRINUSE:
        return (
            f"{where}: the port is taken by another program; find it with `ss -ltnp 'sport = :{spec.port}'` and stop it"
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{where}: the address is not one of this machine's; on macOS add it with `sudo ifconfig lo0 alias {spec.address}`"
    return f"{where}: {error.strerror or error}"
