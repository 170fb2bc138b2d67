"""Requests through the load balancer without a pause, and the answer to each: the proof that a rollout drops nothing."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType

from pushproof.base.clock import Clock
from pushproof.base.target import Address
from pushproof.drill.observation import wait_for

_RESOLVER_PAUSE = 1.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One request: when (monotonic seconds), the status or the error, and the commit that answered."""

    at: float
    status: int | None
    commit: str | None
    error: str | None = None

    @property
    def good(self) -> bool:
        return self.status == 200


@dataclass(slots=True)
class ProbeReport:
    """Observations of a prober. `failed` holds every answer that was no 200, `commits` how many answers each commit gave."""

    sent: int = 0
    failed: list[Answer] = field(default_factory=list)
    commits: Counter[str] = field(default_factory=Counter)
    answers: list[Answer] = field(default_factory=list)

    def strangers(self, allowed: set[str]) -> dict[str, int]:
        """Return the commits that answered and should not have, with the number of their answers."""
        return {commit: count for commit, count in self.commits.items() if commit not in allowed}


class Front:
    """The way to the application: the real address, the host name of its certificate, and certificates (PEM) to trust.

    They are trusted besides the system's authorities. A name that does not resolve for a moment is looked up once more before a
    request counts as failed: it is this machine's resolver that is asked, not the application.
    """

    def __init__(self, address: Callable[[], Address], host: str, certificates: str) -> None:
        self._address = address
        self.host = host
        self._context = ssl.create_default_context()
        self._context.load_verify_locations(cadata=certificates)
        # An imported certificate is believed for itself, whoever signed it.
        self._context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN

    def connect(self, timeout: float = 10.0) -> http.client.HTTPSConnection:
        """Return a TLS connection, verified against the certificate and its host name."""
        address = self._address()
        connection = http.client.HTTPSConnection(self.host, address.port, timeout=timeout)
        try:
            plain = socket.create_connection((address.host, address.port), timeout=timeout)
        except socket.gaierror:
            time.sleep(_RESOLVER_PAUSE)
            plain = socket.create_connection((address.host, address.port), timeout=timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sock = self._context.wrap_socket(plain, server_hostname=self.host)
        return connection

    def version(self, timeout: float = 10.0) -> str:
        """Return the commit that answers `/version` now. Raises OSError or HTTPException."""
        connection = self.connect(timeout)
        try:
            return _ask(connection).commit or ""
        finally:
            connection.close()


def _ask(connection: http.client.HTTPSConnection) -> Answer:
    connection.request("GET", "/version", headers={"Accept": "application/json"})
    response = connection.getresponse()
    body = response.read()
    commit = None
    if response.status == 200:
        try:
            commit = json.loads(body)["commit"]
        except (ValueError, KeyError, TypeError):
            commit = body.decode(errors="replace").strip()[:60]
    return Answer(time.monotonic(), response.status, commit)


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
        return version if version == commit else None

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
        connection: http.client.HTTPSConnection | None = None
        while not self._stop.is_set():
            try:
                connection = connection or self._front.connect()
                answer = _ask(connection)
            except (OSError, http.client.HTTPException) as error:
                answer = Answer(time.monotonic(), None, None, f"{type(error).__name__}: {error}")
                _close(connection)
                connection = None
            if not keep:
                _close(connection)
                connection = None
            self._count(answer)
            self._stop.wait(self._pause)
        _close(connection)

    def _count(self, answer: Answer) -> None:
        with self._guard:
            self.report.sent += 1
            self.report.answers.append(answer)
            if not answer.good:
                self.report.failed.append(answer)
            elif answer.commit:
                self.report.commits[answer.commit] += 1


def _close(connection: http.client.HTTPSConnection | None) -> None:
    if connection is not None:
        connection.close()
