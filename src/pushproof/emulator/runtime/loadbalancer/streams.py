"""TCP and TLS listeners of Network Load Balancers: a connection goes to one target, and bytes pass both ways until a side ends.

Sources: https://docs.aws.amazon.com/elasticloadbalancing/latest/network/network-load-balancers.html (idle timeout),
.../target-group-health-checks.html ("sends a TCP RST for packets received on the client connections associated with the target"),
.../edit-target-group-attributes.html (source IP stickiness, connection termination of unhealthy targets)
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import ssl
import struct
import time
import zlib
from collections.abc import Iterable, Iterator

from pushproof.emulator.kernel.balancing import ListenerSpec, Target
from pushproof.emulator.kernel.faults import ActiveFaults
from pushproof.emulator.runtime.loadbalancer.disturbed import be_silent
from pushproof.emulator.runtime.loadbalancer.groups import Group
from pushproof.engines.loadbalancing import Forward, choose_target_group

_CHUNK = 65_536


class Streams:
    """Open connections by target group and target, so that those of a target that fails can be reset."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], set[asyncio.StreamWriter]] = {}

    @contextlib.contextmanager
    def noted(self, group: str, target: str, client: asyncio.StreamWriter) -> Iterator[None]:
        """Keep a client's connection among those of a target while it lasts."""
        place = self._open.setdefault((group, target), set())
        place.add(client)
        try:
            yield
        finally:
            place.discard(client)
            if not place:
                self._open.pop((group, target), None)

    def reset(self, group: str, targets: Iterable[str]) -> None:
        """Reset the client connections of some targets of a group."""
        for target in targets:
            for client in list(self._open.get((group, target), ())):
                reset(client)


class StreamProxy:
    """Serves the connections of one listener. `spec` may be replaced at any time; connections go on as they began."""

    def __init__(self, spec: ListenerSpec, groups: dict[str, Group], streams: Streams, faults: ActiveFaults) -> None:
        self.spec = spec
        self._faults = faults
        self._groups, self._streams = groups, streams
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a client. A connection that no target takes is reset, as the load balancer does."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, TimeoutError, asyncio.CancelledError):
            reset(writer)
        finally:
            self._tasks.discard(task)

    async def close(self, patience: float) -> None:
        """Let connections end for `patience` seconds, then reset those that are left."""
        if self._tasks:
            _, rest = await asyncio.wait(self._tasks, timeout=patience)
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        spec = self.spec
        lost = self._faults.node_is_lost(spec.zones)
        if lost and not await be_silent(self._faults, spec.zones, writer.transport):
            reset(writer)
            return
        group = self._group()
        target = group.choose_for(_flow(writer, group)) if group is not None else None
        if group is None or target is None or target.refusal is not None:
            reset(writer)
            return
        condition = self._faults.condition(target.address, target.address_port)
        await asyncio.sleep(condition.delay if condition.reachable else spec.connect_timeout)
        if condition.drops or not condition.reachable:
            reset(writer)
            return
        # The load balancer verifies no certificate of a target.
        secure = _unverified() if group.spec.protocol == "TLS" else None
        async with asyncio.timeout(spec.connect_timeout):
            theirs, to_target = await asyncio.open_connection(target.address, target.address_port, ssl=secure)
        try:
            with group.serving(target), self._streams.noted(group.spec.arn, target.key, writer):
                await _relay(_Idle(spec.idle_timeout), (reader, to_target), (theirs, writer))
        finally:
            to_target.transport.abort()

    def _group(self) -> Group | None:
        action = self.spec.rules[0].action
        if not isinstance(action, Forward):
            return None
        arn = choose_target_group(action.target_groups, secrets.randbelow(1_000_000) / 1_000_000)
        return self._groups.get(arn) if arn is not None else None


class _Idle:
    """The time of a connection's last byte, in either direction."""

    def __init__(self, limit: float) -> None:
        self.limit, self.last = limit, time.monotonic()

    @property
    def left(self) -> float:
        return self.last + self.limit - time.monotonic()


Direction = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _relay(idle: _Idle, *directions: Direction) -> None:
    """Pass bytes both ways until both sides have ended. Raises OSError or TimeoutError when one breaks off or nothing passes."""
    tasks = [asyncio.ensure_future(_pump(idle, *direction)) for direction in directions]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for _, writer in directions:
        writer.close()


async def _pump(idle: _Idle, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        reading = asyncio.ensure_future(reader.read(_CHUNK))
        try:
            while not reading.done():
                await asyncio.wait({reading}, timeout=max(idle.left, 0.01))
                if not reading.done() and idle.left <= 0:
                    raise TimeoutError("the connection was idle")
        finally:
            if not reading.done():
                reading.cancel()
        content = reading.result()
        idle.last = time.monotonic()
        if not content:
            # One side has ended; the other may still speak, where the connection can be half closed.
            if writer.can_write_eof():
                writer.write_eof()
            else:
                writer.close()
            return
        writer.write(content)
        await writer.drain()


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with a TCP RST, as the load balancer does where it has no target for it."""
    opened = writer.get_extra_info("socket")
    if opened is not None:
        with contextlib.suppress(OSError):
            # Lingering for no time at all is what makes the kernel send RST and not FIN (socket(7)).
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def _flow(writer: asyncio.StreamWriter, group: Group) -> int | None:
    """Return the number that keeps a client's connections with one target; None where each goes where it likes."""
    peer = writer.get_extra_info("peername")
    return zlib.crc32(str(peer[0]).encode()) if group.spec.source_ip_stickiness and peer else None


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def failing(targets: Iterable[Target]) -> list[str]:
    """Return the keys of targets whose connections are reset: those that are unhealthy."""
    return [target.key for target in targets if target.state == "unhealthy"]
