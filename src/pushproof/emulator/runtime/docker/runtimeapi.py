"""Lambda's runtime API for one invocation: the code takes its event there, and puts its answer.

Any runtime speaks it, also that of an image: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import json
import queue
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

from pushproof.emulator.kernel.functions import FunctionJob

_VERSION = "/2018-06-01/runtime"
_MOST_ANSWER = 6_291_556


@dataclass(frozen=True, slots=True)
class Taken:
    """The code has taken its event."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The code has put its answer, or the error that it ended with."""

    payload: bytes
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Exited:
    """The code has ended without an answer."""

    status: int
    out_of_memory: bool = False


News = Taken | Answered | Exited


class RuntimeApi:
    """A server for one invocation, on an address of the world's own network. `news` has what happened, in order.

    `peer`: the only address that is answered, once it is known: other containers share the network.
    """

    def __init__(self, job: FunctionJob, address: str, *, milliseconds: int) -> None:
        self.job, self.milliseconds = job, milliseconds
        self.news: queue.Queue[News] = queue.Queue()
        self.peer = ""
        self.given = threading.Event()
        self.ended = threading.Event()
        api = self

        class Handler(_Handler):
            runtime = api

        self._server = ThreadingHTTPServer((address, 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="pushproof-runtime-api", daemon=True
        )

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    def __enter__(self) -> RuntimeApi:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    runtime: RuntimeApi

    def do_GET(self) -> None:
        api = self.runtime
        if self._strange() or self.path != f"{_VERSION}/invocation/next":
            self._answer(404, b"")
            return
        if api.given.is_set():
            # A runtime asks for the next event when it has answered; there is none.
            api.ended.wait()
            self.close_connection = True
            return
        api.given.set()
        headers = {
            "Lambda-Runtime-Aws-Request-Id": api.job.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1000) + api.milliseconds),
            "Lambda-Runtime-Invoked-Function-Arn": api.job.arn,
            "Lambda-Runtime-Trace-Id": "Root=1-00000000-000000000000000000000000;Sampled=0",
        }
        if api.job.context:
            headers["Lambda-Runtime-Client-Context"] = api.job.context
        api.news.put(Taken())
        self._answer(200, api.job.payload or b"{}", headers)

    def do_POST(self) -> None:
        api = self.runtime
        length = int(self.headers.get("Content-Length") or 0)
        if self._strange():
            self._answer(404, b"")
            return
        body = self.rfile.read(min(length, _MOST_ANSWER + 1)) if length else self._chunks()
        parts = self.path.removeprefix(_VERSION).strip("/").split("/")
        if parts == ["init", "error"]:
            api.news.put(Answered(body, failed=True))
        elif (
            parts[:1] == ["invocation"]
            and parts[1:2] == [api.job.request_id]
            and parts[2:] in (["response"], ["error"])
        ):
            api.news.put(_sized(body) if parts[2] == "response" else Answered(body, failed=True))
        else:
            self._answer(404, b"")
            return
        self._answer(202, json.dumps({"status": "OK"}).encode())

    def _chunks(self) -> bytes:
        """Return a body that comes in chunks, as some runtimes send it."""
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return b""
        body = b""
        while len(body) <= _MOST_ANSWER:
            size = int(self.rfile.readline().split(b";")[0] or b"0", 16)
            if size == 0:
                self.rfile.readline()
                break
            body += self.rfile.read(size)
            self.rfile.readline()
        return body

    def _strange(self) -> bool:
        return bool(self.runtime.peer) and self.client_address[0] != self.runtime.peer

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


def _sized(body: bytes) -> Answered:
    # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    if len(body) <= _MOST_ANSWER:
        return Answered(body)
    words = f"Response payload size exceeded maximum allowed payload size ({_MOST_ANSWER} bytes)."
    return Answered(
        json.dumps({"errorMessage": words, "errorType": "Function.ResponseSizeTooLarge"}).encode(), failed=True
    )
