"""The configuration of Service Connect's proxy."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pushproof.emulator.kernel.tasks import Upstream
from pushproof.emulator.runtime.docker.connectproxy import configuration, loopback_addresses

BACKEND = Upstream("backend", 80, "http", (("172.18.0.5", 8080), ("172.18.0.6", 8080)), 300.0, 15.0)
QUEUE = Upstream("queue.shop", 5672, "tcp", (), 3600.0, 0.0)


def real(seconds: float) -> float:
    return seconds / 10


def test_names_have_addresses_of_their_own() -> None:
    """Two ports of one name share its address, which is of 127.255.0.0/16 as on AWS."""
    other = Upstream("backend", 81, "tcp", ())
    assert loopback_addresses([QUEUE, BACKEND, other]) == {"backend": "127.255.0.1", "queue.shop": "127.255.0.2"}


def test_an_endpoint_listens_for_its_tasks() -> None:
    """HTTP is balanced by request, tries another task and has both timeouts; TCP is passed on."""
    http, tcp = configuration([BACKEND, QUEUE], (), real).split("listen endpoint-")[1:]
    assert "bind 127.255.0.1:80\n" in http
    assert "mode http" in http
    assert "timeout server 1500ms" in http
    assert "timeout client 30000ms" in http
    assert [line.split()[2] for line in http.splitlines() if " server task-" in line] == [
        "172.18.0.5:8080",
        "172.18.0.6:8080",
    ]
    assert "downinter 3000ms" in http
    assert "mode tcp" in tcp
    assert "server task-" not in tcp


def test_http2_is_spoken_on_both_sides() -> None:
    """gRPC needs HTTP/2 from the client and to the task."""
    text = configuration([Upstream("rpc", 50051, "grpc", (("172.18.0.5", 50051),))], (), real)
    assert "bind 127.255.0.1:50051 proto h2" in text
    assert "172.18.0.5:50051 proto h2" in text


def test_a_port_of_its_own_leads_to_the_container() -> None:
    """The proxy of a server listens on every address of the task."""
    text = configuration((), [(9000, 8080)], real)
    assert "bind *:9000" in text
    assert "server own 127.0.0.1:8080" in text


def test_nothing_needs_no_proxy() -> None:
    """A task without endpoints and ports has no configuration."""
    assert configuration((), (), real) == ""


@given(st.lists(st.sampled_from([f"name-{number}" for number in range(600)]), unique=True))
def test_addresses_are_different_loopback_addresses(names: list[str]) -> None:
    """However many names there are, each has an address of its own, none of which ends in 0 or 255."""
    addresses = loopback_addresses([Upstream(name, 80, "tcp", ()) for name in names])
    assert len(set(addresses.values())) == len(names)
    assert all(address.rpartition(".")[2] not in ("0", "255") for address in addresses.values())
