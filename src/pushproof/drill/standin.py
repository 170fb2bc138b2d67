"""A stand-in for Slack: an incoming webhook that keeps what it is sent, and refuses what Slack would refuse."""

from __future__ import annotations

import json
import secrets
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it arrived: when (seconds since the epoch), its text."""

    at: float
    text: str


class SlackStandIn:
    """Listens on loopback; `url` is the webhook. A body without `text` or `blocks` is answered 400, as Slack answers it.

    Source: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
    """

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.refused: list[str] = []
        self._arrived = threading.Condition()
        self._path = (
            f"/services/T{secrets.token_hex(4).upper()}/B{secrets.token_hex(4).upper()}/{secrets.token_hex(12)}"
        )
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode(errors="replace")
                status, answer = owner._receive(self.path, body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer.encode())

            def log_message(self, *_: Any) -> None:
                """Messages are kept, not logged."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.1,), name="pushproof-slack", daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}{self._path}"

    def _receive(self, path: str, body: str) -> tuple[int, str]:
        try:
            content = json.loads(body)
        except ValueError:
            content = None
        with self._arrived:
            if path != self._path:
                return 404, "no_service"
            if not isinstance(content, dict) or not (content.get("text") or content.get("blocks")):
                self.refused.append(body)
                return 400, "invalid_payload"
            self.messages.append(Message(time.time(), str(content.get("text") or content["blocks"])))
            self._arrived.notify_all()
        return 200, "ok"

    def wait_for(self, *parts: str, timeout: float) -> Message | None:
        """The first message that contains every part, waited for up to `timeout` real seconds; None when none came."""

        def found() -> Message | None:
            return next((m for m in self.messages if all(part in m.text for part in parts)), None)

        with self._arrived:
            self._arrived.wait_for(lambda: found() is not None, timeout)
            return found()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
