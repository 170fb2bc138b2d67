"""Requests through the load balancer without a pause, and the answer to each: the proof that a rollout drops nothing."""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from types import TracebackType

from pushproof.base.clock import Clock
from pushproof.base.target import Address
from pushproof.drill.observation import wait_for
from pushproof.drill.settings import VersionPlace

_RESOLVER_PAUSE = 1.0
#: The shortest abbreviation of a commit that git itself prints.
_SHORTEST = 7
#: Errors of a connection that its other side has ended.
_ENDED = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)
#: The text of the program in `breakages/server`.
_BREAKAGE = b"broken on purpose"
_COMMIT = re.compile(r"[0-9a-f]{7,40}")


@dataclass(frozen=True, slots=True)
class Answer:
    """One request: when it was answered (monotonic seconds), the status or the error, the commit that answered, its seconds.

    `broken`: a breakage's own program answered, in the place of the application's.
    """

    at: float
    status: int | None
    commit: str | None
    error: str | None = None
    seconds: float = 0.0
    broken: bool = False

    @property
    def good(self) -> bool:
        return self.status is not None and 200 <= self.status < 400


@dataclass(slots=True)
class ProbeReport:
    """Observations of a prober.

    `failed` holds every answer that was no success, `commits` how many answers each commit gave. `stall`: the longest time in
    seconds that this machine let the prober itself wait beyond its pause; an answer looks as late as that without being late.
    `reopened`: how often a kept connection had ended with its target, and the request was sent on another one.
    """

    sent: int = 0
    failed: list[Answer] = field(default_factory=list)
    commits: Counter[str] = field(default_factory=Counter)
    answers: list[Answer] = field(default_factory=list)
    stall: float = 0.0
    reopened: int = 0

    def strangers(self, allowed: set[str]) -> dict[str, int]:
        """Return the commits that answered and should not have, with the number of their answers."""
        return {told: count for told, count in self.commits.items() if not any(is_commit(told, c) for c in allowed)}

    def answered_by(self, commit: str) -> int:
        """Return how many answers a commit gave."""
        return sum(count for told, count in self.commits.items() if is_commit(told, commit))

    @property
    def slowest(self) -> float:
        """The seconds of the slowest answer; 0 without one."""
        return max((answer.seconds for answer in self.answers), default=0.0)

    @property
    def longest_gap(self) -> float:
        """The longest time in seconds between two good answers; 0 with fewer than two."""
        good = sorted(answer.at for answer in self.answers if answer.good)
        return max((later - earlier for earlier, later in pairwise(good)), default=0.0)


def is_commit(told: str, commit: str) -> bool:
    """Return whether what an application tells is a commit: its full hash, or an abbreviation of seven characters or more."""
    return len(told) >= _SHORTEST and commit.startswith(told)


class Front:
    """The way to the application: the real address, the Host header, and the certificates (PEM) to trust; None without TLS.

    `place`: where the application tells its commit; None for a request that only shows that it answers. Certificates are trusted
    besides the system's authorities. A name that does not resolve for a moment is looked up once more before a request counts as
    failed: it is this machine's resolver that is asked, not the application. `passes_connections`: the load balancer ends no HTTP,
    so that a target that stops ends the connections that its clients keep.
    """

    def __init__(
        self,
        address: Callable[[], Address],
        host: str,
        certificates: str | None,
        *,
        path: str = "/version",
        place: VersionPlace | None = None,
        certified: str = "",
        passes_connections: bool = False,
    ) -> None:
        self._address = address
        self.passes_connections = passes_connections
        self.host, self.path, self.place = host, path, place
        self._certified = certified or host
        self._context: ssl.SSLContext | None = None
        if certificates is not None:
            self._context = ssl.create_default_context()
            self._context.load_verify_locations(cadata=certificates)
            # An imported certificate is believed for itself, whoever signed it.
            self._context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN

    def connect(self, timeout: float = 10.0) -> http.client.HTTPConnection:
        """Return a connection; over TLS, verified against the certificate and its host name."""
        address = self._address()
        try:
            plain = socket.create_connection((address.host, address.port), timeout=timeout)
        except socket.gaierror:
            time.sleep(_RESOLVER_PAUSE)
            plain = socket.create_connection((address.host, address.port), timeout=timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection: http.client.HTTPConnection
        if self._context is None:
            connection = http.client.HTTPConnection(self.host or address.host, address.port, timeout=timeout)
            connection.sock = plain
            return connection
        connection = http.client.HTTPSConnection(self.host, address.port, timeout=timeout)
        try:
            connection.sock = self._context.wrap_socket(plain, server_hostname=self._certified)
        except BaseException:
            plain.close()
            raise
        return connection

    def ask(self, timeout: float = 10.0) -> Answer:
        """Return the answer to one request on a connection of its own. Raises OSError or HTTPException."""
        connection = self.connect(timeout)
        try:
            return self.ask_on(connection)
        finally:
            connection.close()

    def ask_on(self, connection: http.client.HTTPConnection) -> Answer:
        """Return the answer to one request. Raises OSError or HTTPException."""
        begun = time.monotonic()
        headers = {"Accept": "application/json" if self.place is not None else "*/*"}
        connection.request("GET", self.path, headers=headers | ({"Host": self.host} if self.host else {}))
        response = connection.getresponse()
        body = response.read()
        commit = None
        if self.place is not None and response.status == 200:
            commit = told_commit(self.place, response.headers.get(self.place.header or "", ""), body)
        ended = time.monotonic()
        broken = response.status >= 400 and _BREAKAGE in body
        return Answer(ended, response.status, commit, seconds=ended - begun, broken=broken)

    def version(self, timeout: float = 10.0) -> str:
        """Return the commit that answers now; "" when the answer tells none. Raises OSError or HTTPException."""
        return self.ask(timeout).commit or ""


def told_commit(place: VersionPlace, header: str, body: bytes) -> str:
    """Return what an answer says of its commit: the header's value, the value at the JSON pointer, or the body's beginning."""
    if place.header:
        return header.strip()[:60]
    text = body.decode(errors="replace").strip()
    if not place.pointer:
        return text[:60]
    try:
        value = json.loads(text)
        for part in place.pointer.split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            value = value[int(key)] if isinstance(value, list) else value[key]
    except (ValueError, KeyError, TypeError, IndexError):
        return text[:60]
    return str(value)[:60]


def looks_like_commit(told: str) -> bool:
    """Return whether a text can be a commit: seven to forty hexadecimal digits."""
    return _COMMIT.fullmatch(told) is not None


def wait_for_version(front: Front, commit: str, *, clock: Clock, within: float) -> str:
    """Ask the front until that commit answers. `within` is in AWS seconds.

    Raises ProofFailed, with what the last question was answered with.
    """
    last = "not asked yet"

    def served() -> str | None:
        nonlocal last
        try:
            version = front.version()
        except (OSError, http.client.HTTPException) as error:
            last = f"{type(error).__name__}: {error}"
            return None
        last = f"{version[:7]} answers" if version else "what answers names no commit"
        return version if is_commit(version, commit) else None

    return wait_for(served, what=f"{commit[:7]} to answer", clock=clock, within=within, last=lambda: last)


class Prober:
    """Sends requests from two clients until it is left: one keeps its connection, the other opens one for each request."""

    def __init__(self, front: Front, *, rate: float = 40.0) -> None:
        self._front = front
        self._pause = 1.0 / rate
        self._stop = threading.Event()
        self._guard = threading.Lock()
        self.report = ProbeReport()
        self._threads = [
            threading.Thread(target=self._run, args=(keep,), name=f"pushproof-prober-{keep}", daemon=True)
            for keep in (True, False)
        ]

    def __enter__(self) -> Prober:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=15)

    def _run(self, keep: bool) -> None:
        connection: http.client.HTTPConnection | None = None
        while not self._stop.is_set():
            begun = time.monotonic()
            try:
                kept = connection is not None and self._front.passes_connections
                connection = connection or self._front.connect()
                try:
                    answer = self._front.ask_on(connection)
                except _ENDED:
                    if not kept:
                        raise
                    _close(connection)
                    connection, answer = self._ask_again()
            except (OSError, http.client.HTTPException) as error:
                ended = time.monotonic()
                answer = Answer(ended, None, None, f"{type(error).__name__}: {error}", ended - begun)
                _close(connection)
                connection = None
            if not keep:
                _close(connection)
                connection = None
            self._count(answer)
            paused = time.monotonic()
            self._stop.wait(self._pause)
            self.report.stall = max(self.report.stall, time.monotonic() - paused - self._pause)
        _close(connection)

    def _ask_again(self) -> tuple[http.client.HTTPConnection, Answer]:
        """Send a request anew whose kept connection ended before an answer began, as HTTP clients do.

        Source: https://www.rfc-editor.org/rfc/rfc9112#section-9.3.1 (retrying requests)
        """
        self.report.reopened += 1
        connection = self._front.connect()
        return connection, self._front.ask_on(connection)

    def _count(self, answer: Answer) -> None:
        with self._guard:
            self.report.sent += 1
            self.report.answers.append(answer)
            if not answer.good:
                self.report.failed.append(answer)
            elif answer.commit:
                self.report.commits[answer.commit] += 1


def _close(connection: http.client.HTTPConnection | None) -> None:
    if connection is not None:
        connection.close()
