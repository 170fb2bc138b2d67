"""Network Load Balancers on real sockets: bytes pass both ways, TLS ends here, and a failing target's connections are reset.

Sources: https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-health-checks.html ,
.../edit-target-group-attributes.html
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.unit.emulator.runtime.test_loadbalancer import certificate

from pushproof.base.clock import ScaledClock
from pushproof.emulator.runtime.loadbalancer import ListenerSpec, Target, TargetGroupSpec
from pushproof.emulator.runtime.loadbalancer.runtime import LoadBalancerRuntime
from pushproof.engines.loadbalancing import Forward, Rule, WeightedTargetGroup

ADDRESS, GROUP = "127.77.0.9", "tg-tcp"


class Echo:
    """A program that sends back each line with its own name before it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._main, daemon=True).start()

    def _main(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client, client.makefile("rwb") as stream:
            for line in stream:
                stream.write(self.name.encode() + b" " + line)
                stream.flush()

    def target(self, state: str = "healthy") -> Target:
        return Target(f"10.0.0.{self.name}", 80, "127.0.0.1", self.port, state)

    def close(self) -> None:
        self._server.close()


@pytest.fixture
def plane() -> Iterator[LoadBalancerRuntime]:
    runtime = LoadBalancerRuntime(ScaledClock(20.0))
    runtime.start()
    yield runtime
    runtime.close()


@pytest.fixture
def echoes() -> Iterator[list[Echo]]:
    made = [Echo("1"), Echo("2")]
    yield made
    for echo in made:
        echo.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        return int(probe.getsockname()[1])


def listening(plane: LoadBalancerRuntime, *targets: Target, protocol: str = "TCP", **group: bool) -> ListenerSpec:
    forward = Rule("rule", None, (), Forward((WeightedTargetGroup(GROUP, 1),)))
    plane.put_target_group(TargetGroupSpec(GROUP, targets, "TCP", **group))
    spec = ListenerSpec("listener", ADDRESS, free_port(), protocol, (forward,))
    if protocol == "TCP":
        plane.put_listener(spec)
    return spec


def connected(spec: ListenerSpec) -> socket.socket:
    return socket.create_connection((spec.address, spec.port), timeout=10)


def first_byte(spec: ListenerSpec) -> bytes:
    with connected(spec) as client:
        return client.recv(1)


def ask(client: socket.socket) -> str:
    client.sendall(b"hello\n")
    return client.makefile("rb").readline().decode().strip()


def test_a_connection_reaches_one_target(plane: LoadBalancerRuntime, echoes: list[Echo]) -> None:
    """It stays with it, and the next connection goes to the other."""
    spec = listening(plane, *(echo.target() for echo in echoes))
    answers = set()
    for _ in echoes:
        with connected(spec) as client:
            first = ask(client)
            assert ask(client) == first
            answers.add(first)
    assert answers == {"1 hello", "2 hello"}


def test_a_client_may_end_its_side_first(plane: LoadBalancerRuntime, echoes: list[Echo]) -> None:
    """The target's answer still comes, and then the end."""
    spec = listening(plane, echoes[0].target())
    with connected(spec) as client:
        client.sendall(b"last words\n")
        client.shutdown(socket.SHUT_WR)
        assert client.makefile("rb").read() == b"1 last words\n"


def test_without_a_target_a_connection_is_reset(plane: LoadBalancerRuntime) -> None:
    """The load balancer speaks no HTTP, and has no page to answer with."""
    spec = listening(plane)
    with pytest.raises(ConnectionResetError):
        first_byte(spec)


def test_a_target_that_the_network_does_not_reach_takes_no_connection(
    plane: LoadBalancerRuntime, echoes: list[Echo]
) -> None:
    """A security group that lets nothing in stops a stream before its first byte."""
    spec = listening(plane, replace(echoes[0].target(), refusal="No ingress rule of sg-1 admits tcp."))
    with pytest.raises(ConnectionResetError):
        first_byte(spec)


def test_connections_of_an_unhealthy_target_are_reset(plane: LoadBalancerRuntime, echoes: list[Echo]) -> None:
    """Others go on, and so do all where the group says that unhealthy targets keep their connections."""
    spec = listening(plane, echoes[0].target(), reset_unhealthy=True)
    with connected(spec) as client:
        assert ask(client) == "1 hello"
        plane.put_target_group(
            TargetGroupSpec(GROUP, (echoes[0].target("unhealthy"), echoes[1].target()), "TCP", reset_unhealthy=True)
        )
        with pytest.raises(ConnectionResetError):
            client.recv(1)
        with connected(spec) as another:
            assert ask(another) == "2 hello"
            plane.put_target_group(TargetGroupSpec(GROUP, (echoes[1].target("unhealthy"),), "TCP"))
            assert ask(another) == "2 hello"


def test_a_client_keeps_its_target_by_its_address(plane: LoadBalancerRuntime, echoes: list[Echo]) -> None:
    """Stickiness of type source_ip makes all its connections go to one target."""
    spec = listening(plane, *(echo.target() for echo in echoes), source_ip_stickiness=True)
    answers = set()
    for _ in range(4):
        with connected(spec) as client:
            answers.add(ask(client))
    assert len(answers) == 1


def test_tls_ends_at_the_load_balancer(plane: LoadBalancerRuntime, echoes: list[Echo]) -> None:
    """The target sees plain bytes, and the client the listener's certificate."""
    presented = certificate("net.example.com")
    spec = replace(listening(plane, echoes[0].target(), protocol="TLS"), certificates=(presented,))
    plane.put_listener(spec)
    context = ssl.create_default_context(cadata=presented.chain)
    with connected(spec) as raw, context.wrap_socket(raw, server_hostname="net.example.com") as client:
        client.sendall(b"hello\n")
        assert client.recv(100) == b"1 hello\n"


def test_a_listener_that_is_removed_listens_no_more(plane: LoadBalancerRuntime, echoes: list[Echo]) -> None:
    """Open connections get a moment, and the port is free."""
    spec = listening(plane, echoes[0].target())
    with connected(spec) as client:
        assert ask(client) == "1 hello"
        plane.remove_listener(spec.arn)
    with pytest.raises(ConnectionRefusedError):
        connected(spec)


def test_a_tcp_check_connects(plane: LoadBalancerRuntime, echoes: list[Echo]) -> None:
    """A port that listens is healthy, and one that does not refuses."""
    accepted = plane.probe("127.0.0.1", echoes[0].port, path="/", protocol="TCP", timeout=10)
    assert (accepted.accepted, accepted.status) == (True, None)
    refused = plane.probe("127.0.0.1", free_port(), path="/", protocol="TCP", timeout=10)
    assert (refused.accepted, refused.error) == (False, "refused")
