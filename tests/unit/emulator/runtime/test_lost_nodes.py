"""Nodes of load balancers in a zone that is lost, on real sockets: clients get no answer, and see their own time-outs."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from pushproof.emulator.kernel.faults import ActiveFaults
from pushproof.emulator.runtime.loadbalancer import ListenerSpec
from pushproof.emulator.runtime.loadbalancer.runtime import LoadBalancerRuntime
from pushproof.engines.faults import ZoneLost
from pushproof.engines.loadbalancing import FixedResponse, Forward, Rule, WeightedTargetGroup

ADDRESS, ZONE = "127.77.0.11", "eu-west-1a"
SILENCE = 0.8


@pytest.fixture
def faults() -> ActiveFaults:
    """Return faults of which the only zone of the listeners below is lost."""
    active = ActiveFaults(silence=SILENCE)
    active.begin(ZoneLost(ZONE))
    return active


@pytest.fixture
def plane(faults: ActiveFaults) -> Iterator[LoadBalancerRuntime]:
    runtime = LoadBalancerRuntime(faults=faults)
    runtime.start()
    yield runtime
    runtime.close()


def listening(plane: LoadBalancerRuntime, protocol: str) -> int:
    """Open a listener and return its port. Over HTTP it answers by itself; over TCP it has no target."""
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        port = int(probe.getsockname()[1])
    action = (
        FixedResponse(200, "text/plain", "here") if protocol == "HTTP" else Forward((WeightedTargetGroup("tg", 1),))
    )
    rule = Rule("rule", None, (), action)
    plane.put_listener(ListenerSpec("listener", ADDRESS, port, protocol, (rule,), zones=(ZONE,)))
    return port


def ask(port: int, timeout: float) -> int:
    connection = http.client.HTTPConnection(ADDRESS, port, timeout=timeout)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_client_sees_its_own_time_out(plane: LoadBalancerRuntime) -> None:
    """The node neither refuses nor hangs up before the client has lost its patience, and nothing is logged."""
    port = listening(plane, "HTTP")
    with pytest.raises(TimeoutError):
        ask(port, SILENCE / 2)
    assert plane.access_log() == []


def test_the_silence_ends(plane: LoadBalancerRuntime) -> None:
    """A patient client is left without an answer after the time of the settings."""
    port = listening(plane, "HTTP")
    begun = time.monotonic()
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        ask(port, 10)
    assert SILENCE <= time.monotonic() - begun < SILENCE + 2


def test_a_request_that_waits_is_answered_when_the_zone_is_back(
    plane: LoadBalancerRuntime, faults: ActiveFaults
) -> None:
    """A connection that is tried again and again finds the node at last, and so does this one."""
    port = listening(plane, "HTTP")
    threading.Timer(SILENCE / 4, faults.end, ["fault-1"]).start()
    assert ask(port, 10) == 200


def test_a_connection_gets_no_byte(plane: LoadBalancerRuntime) -> None:
    """A TCP listener is silent too, and resets the connection at the end."""
    port = listening(plane, "TCP")
    with socket.create_connection((ADDRESS, port), timeout=SILENCE / 2) as client:
        client.sendall(b"hello\n")
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.settimeout(10)
        with pytest.raises(ConnectionResetError):
            client.recv(1)
