"""The whole way with real sockets: listeners that listen, targets that are probed, drains that lose nothing."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.world import World


class App:
    """A program on port 8080 of an address of its own: answers its name, and `/health` with a status that can change."""

    def __init__(self, name: str, address: str) -> None:
        self.name, self.address = name, address
        self.health = 200
        self.agents: set[str] = set()
        app = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = app.name.encode()
                if self.path == "/health":
                    app.agents.add(self.headers["User-Agent"])
                self.send_response(app.health if self.path == "/health" else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

        self._server = Server((address, 8080), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering; may be called twice."""
        if not self._thread.is_alive():
            return
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def world() -> Iterator[World]:
    # At speed 60 a 5-second interval takes 83 ms.
    with World(WorldSettings(speed=60)) as world:
        # The gateway's port makes the addresses of this world's load balancers its own.
        world.serve()
        yield world


@pytest.fixture
def app() -> Iterator[Callable[[str, str], App]]:
    with contextlib.ExitStack() as stack:

        def make(name: str, address: str) -> App:
            made = App(name, address)
            stack.callback(made.close)
            return made

        yield make


def eventually(holds: Callable[[], bool], within: float = 60.0) -> None:
    end = time.monotonic() + within
    while not holds():
        assert time.monotonic() < end, "not reached in time"
        time.sleep(0.01)


def get(address: str, port: int, context: ssl.SSLContext | None = None) -> tuple[int, str | None, str]:
    connection: http.client.HTTPConnection = (
        http.client.HTTPSConnection(address, port, timeout=5, context=context)
        if context
        else http.client.HTTPConnection(address, port, timeout=5)
    )
    with contextlib.closing(connection):
        connection.request("GET", "/x?y=1")
        answer = connection.getresponse()
        return answer.status, answer.headers.get("Location"), answer.read().decode()


def can_listen_low() -> bool:
    try:
        with socket.create_server(("127.77.9.9", 80)):
            return True
    except PermissionError:
        return False


@pytest.mark.skipif(not can_listen_low(), reason="this user may not listen on ports 80 and 443 of a loopback address")
def test_a_rollout_behind_a_real_load_balancer_loses_no_request(
    stack: Any, world: World, app: Callable[[str, str], App]
) -> None:
    """Redirect, TLS, real probes, a replacement under load and an unhealthy target: every request is answered 200."""
    arn, chain = stack.imported()
    balancer = stack.balancer()
    address = balancer["DNSName"]
    group = stack.target_group(HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2)
    stack.elbv2.modify_target_group_attributes(
        TargetGroupArn=group, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "30"}]
    )
    stack.elbv2.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[
            {
                "Type": "redirect",
                "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"},
            }
        ],
    )
    stack.listener(
        balancer["LoadBalancerArn"],
        group,
        443,
        Protocol="HTTPS",
        SslPolicy="ELBSecurityPolicy-TLS13-1-2-2021-06",
        Certificates=[{"CertificateArn": arn}],
    )
    context = ssl.create_default_context(cadata=chain)
    context.check_hostname = False
    assert get(address, 80)[:2] == (301, f"https://{address}:443/x?y=1")
    assert get(address, 443, context)[0] == 503

    elbv2 = world.services["elbv2"]
    old, new = app("old", world.elbv2.loopback_address()), app("new", world.elbv2.loopback_address())
    elbv2.register_target(group, "10.0.1.10", 8080, address=old.address)
    eventually(lambda: stack.health(group) == [("10.0.1.10", 8080, "healthy", None)])
    assert old.agents == {"ELB-HealthChecker/2.0"}

    answers: list[tuple[int, str]] = []
    stop = threading.Event()

    def load() -> None:
        while not stop.is_set():
            status, _, body = get(address, 443, context)
            answers.append((status, body))

    clients = [threading.Thread(target=load) for _ in range(3)]
    for client in clients:
        client.start()
    eventually(lambda: len(answers) > 10)
    elbv2.register_target(group, "10.0.2.20", 8080, address=new.address)
    eventually(lambda: ("10.0.2.20", 8080, "healthy", None) in stack.health(group))
    elbv2.deregister_target(group, "10.0.1.10", 8080)
    assert ("10.0.1.10", 8080, "draining", "Target.DeregistrationInProgress") in stack.health(group)
    eventually(lambda: stack.health(group) == [("10.0.2.20", 8080, "healthy", None)])
    old.close()
    seen = len(answers)
    eventually(lambda: len(answers) > seen + 20)
    stop.set()
    for client in clients:
        client.join(10)
    assert {status for status, _ in answers} == {200}
    assert {body for _, body in answers} == {"old", "new"}
    assert {body for _, body in answers[-10:]} == {"new"}
    assert {entry.target for entry in world.balancer.access_log()[-10:]} == {"10.0.2.20:8080"}

    # A target that fails its checks gets nothing while a healthy one is there.
    sick = app("sick", world.elbv2.loopback_address())
    sick.health = 500
    elbv2.register_target(group, "10.0.1.30", 8080, address=sick.address)
    eventually(lambda: ("10.0.1.30", 8080, "unhealthy", "Target.ResponseCodeMismatch") in stack.health(group))
    assert {get(address, 443, context)[2] for _ in range(6)} == {"new"}
    stack.elbv2.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
    with pytest.raises(ConnectionRefusedError):
        get(address, 443, context)
