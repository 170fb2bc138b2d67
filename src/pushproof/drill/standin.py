"""A stand-in for Slack: an incoming webhook that keeps its messages, and refuses what Slack would refuse."""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

_PAUSE = 0.1


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it arrived: when (seconds since the epoch), its text."""

    at: float
    text: str


class Webhook(Protocol):
    """An incoming webhook and its messages. `url` is "" for one whose address nobody needs any more."""

    @property
    def url(self) -> str:
        """The address to post to."""

    @property
    def messages(self) -> list[Message]:
        """The messages that were accepted, oldest first."""

    @property
    def refused(self) -> list[str]:
        """The bodies that were refused, oldest first."""

    def wait_for(self, *parts: str, timeout: float) -> Message | None:
        """Return the first message that contains every part, within `timeout` real seconds; None when none came."""

    def close(self) -> None:
        """Accept nothing more."""


class SlackStandIn:
    """Listens on loopback; `url` is the webhook. A body without `text` or `blocks` is answered 400, as Slack answers it.

    `log`: a file to which each message is appended, so that another process can read it.
    Source: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
    """

    def __init__(self, log: Path | None = None, *, port: int = 0, path: str | None = None) -> None:
        """Listen. `port`: 0 takes the first free one; `path`: a random one by default. Raises OSError if the port is taken."""
        self.messages: list[Message] = []
        self.refused: list[str] = []
        self._log = log
        self._arrived = threading.Condition()
        random = f"/services/T{secrets.token_hex(4).upper()}/B{secrets.token_hex(4).upper()}/{secrets.token_hex(12)}"
        self._path = path or random
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

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
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
                self._write({"refused": body})
                return 400, "invalid_payload"
            message = Message(time.time(), str(content.get("text") or content["blocks"]))
            self.messages.append(message)
            self._write({"at": message.at, "text": message.text})
            self._arrived.notify_all()
        return 200, "ok"

    def _write(self, line: dict[str, Any]) -> None:
        if self._log is not None:
            with open(os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

    def wait_for(self, *parts: str, timeout: float) -> Message | None:
        with self._arrived:
            self._arrived.wait_for(lambda: _first(self.messages, parts) is not None, timeout)
            return _first(self.messages, parts)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class SlackLog:
    """The messages of a stand-in that runs in another process, read from its log."""

    url = ""

    def __init__(self, log: Path) -> None:
        self._log = log

    @property
    def messages(self) -> list[Message]:
        return [Message(float(line["at"]), str(line["text"])) for line in self._lines() if "text" in line]

    @property
    def refused(self) -> list[str]:
        return [str(line["refused"]) for line in self._lines() if "refused" in line]

    def _lines(self) -> list[dict[str, Any]]:
        try:
            text = self._log.read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        # A line without its end is still being written.
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def wait_for(self, *parts: str, timeout: float) -> Message | None:
        deadline = time.monotonic() + timeout
        while (message := _first(self.messages, parts)) is None and time.monotonic() < deadline:
            time.sleep(_PAUSE)
        return message

    def close(self) -> None:
        """Leave the log to its owner."""


def _first(messages: list[Message], parts: tuple[str, ...]) -> Message | None:
    return next((message for message in messages if all(part in message.text for part in parts)), None)
