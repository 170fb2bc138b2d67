"""Tests of the service over HTTP, on a free port."""

# ruff: noqa: PT009, PT027 - unittest alone: the test stage installs nothing
from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import threading
import unittest
from pathlib import Path

from webapp.migrate import migrate
from webapp.routes import answer
from webapp.server import Handler, Server
from webapp.settings import Settings, load

SETTINGS = Settings(port=0, environment="test", commit="0123456789abcdef", build_date="today", has_database=True)
HEALTHCHECK = Path(__file__).resolve().parent.parent / "healthcheck"


class Running:
    """A server on a free port, drained at the end."""

    def __init__(self, handler: type[Handler] = Handler) -> None:
        self.server = Server(SETTINGS, host="127.0.0.1", handler=handler)
        self.port: int = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Running:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if not self.server.draining:
            self.server.drain()
        self.thread.join(10)

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)


def get(connection: http.client.HTTPConnection, path: str, method: str = "GET") -> tuple[int, dict[str, object]]:
    connection.request(method, path)
    response = connection.getresponse()
    body = response.read()
    return response.status, json.loads(body) if body else {}


class Answers(unittest.TestCase):
    def test_version_is_the_commit_built(self) -> None:
        """/version returns the commit that the image was built from."""
        self.assertEqual((200, {"commit": "0123456789abcdef", "built": "today"}), answer("/version", SETTINGS))

    def test_health(self) -> None:
        """/health answers 200, whatever the query."""
        self.assertEqual(200, answer("/health?from=alb", SETTINGS)[0])

    def test_index_keeps_the_secret(self) -> None:
        """/ reports that there is a database, and nothing more about it."""
        settings = load({"DATABASE_URL": "postgres://user:hunter2@db/shop"})
        status, body = answer("/", settings)
        self.assertEqual((200, "configured"), (status, body["database"]))
        self.assertNotIn("hunter2", repr(settings) + json.dumps(body))

    def test_unknown_path(self) -> None:
        """An unknown path is 404 and lists the known ones."""
        status, body = answer("/nowhere", SETTINGS)
        self.assertEqual(404, status)
        self.assertIn("/version", str(body["paths"]))


class SettingsFromEnvironment(unittest.TestCase):
    def test_defaults(self) -> None:
        """The service listens on 8080 by default."""
        self.assertEqual(Settings(8080, "local", "unknown", "unknown", False), load({}))

    def test_bad_port(self) -> None:
        """An invalid port is refused by name."""
        for port in ("http", "-1", "65536", ""):
            with self.subTest(port=port), self.assertRaisesRegex(ValueError, "PORT"):
                load({"PORT": port})


class OverHttp(unittest.TestCase):
    def test_keep_alive(self) -> None:
        """One connection carries several requests."""
        with Running() as running:
            connection = running.connect()
            for path in ("/", "/health", "/version"):
                self.assertEqual(200, get(connection, path)[0])
            first = connection.sock
            self.assertEqual(({}, first), (get(connection, "/", "HEAD")[1], connection.sock))
            connection.close()

    def test_unread_body_closes(self) -> None:
        """A request with a body is answered, and its connection is not used again."""
        with Running() as running:
            connection = running.connect()
            connection.request("GET", "/", body=b"GET /health HTTP/1.1\r\n\r\n")
            response = connection.getresponse()
            self.assertEqual((200, "close"), (response.status, response.getheader("Connection")))
            connection.close()

    def test_healthcheck_command(self) -> None:
        """The container's health check passes on 200 and fails on anything else."""
        with Running() as running:
            for path, code in (("/health", 0), ("/nowhere", 1)):
                url = f"http://127.0.0.1:{running.port}{path}"
                done = subprocess.run([sys.executable, HEALTHCHECK, url], capture_output=True, timeout=30, check=False)
                self.assertEqual(code, done.returncode, done.stderr)


class Draining(unittest.TestCase):
    def test_request_in_flight_is_answered(self) -> None:
        """A request in progress gets its answer although the service is stopping."""
        arrived, go = threading.Event(), threading.Event()

        class Slow(Handler):
            def do_GET(self) -> None:
                arrived.set()
                go.wait(10)
                super().do_GET()

        with Running(Slow) as running:
            connection = running.connect()
            connection.request("GET", "/version")
            self.assertTrue(arrived.wait(10))
            drained = threading.Thread(target=running.server.drain)
            drained.start()
            running.thread.join(10)  # no longer accepting
            self.assertTrue(drained.is_alive())
            go.set()
            response = connection.getresponse()
            self.assertEqual((200, SETTINGS.commit), (response.status, json.load(response)["commit"]))
            drained.join(10)
            self.assertFalse(drained.is_alive())
            connection.close()

    def test_idle_connection_does_not_hold_up_the_end(self) -> None:
        """An open connection without a request is closed at once."""
        with Running() as running:
            connection = running.connect()
            self.assertEqual(200, get(connection, "/")[0])
            drained = threading.Thread(target=running.server.drain)
            drained.start()
            drained.join(10)
            self.assertFalse(drained.is_alive())
            connection.close()

    def test_connection_just_made_is_served(self) -> None:
        """A client that connected before the end, and sends its request only after it, gets an answer."""
        with Running() as running, socket.create_connection(("127.0.0.1", running.port), timeout=10) as client:
            drained = threading.Thread(target=running.server.drain)
            drained.start()
            running.thread.join(10)
            client.sendall(b"GET /version HTTP/1.1\r\nHost: webapp\r\n\r\n")
            received = b"".join(iter(lambda: client.recv(4096), b""))
            self.assertIn(b"Connection: close", received)
            self.assertIn(SETTINGS.commit.encode(), received)
            drained.join(10)
            self.assertFalse(drained.is_alive())


class MigrateTest(unittest.TestCase):
    """The exit code of the task before a deployment decides about the deployment."""

    def test_a_database_is_prepared(self) -> None:
        """The task succeeds with a connection string."""
        self.assertEqual(migrate({"DATABASE_URL": "postgres://"}), 0)

    def test_a_missing_database_stops_the_deployment(self) -> None:
        """The task fails without one."""
        self.assertEqual(migrate({}), 1)


if __name__ == "__main__":
    unittest.main()
