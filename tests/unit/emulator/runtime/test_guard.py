"""Setting of rules in containers' networks, on an Engine that remembers what it was asked."""

from __future__ import annotations

import json
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import APIError, ContainerError, ImageNotFound

from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.kernel.tasks import Caller, StartError
from pushproof.emulator.runtime.docker import guard as module
from pushproof.emulator.runtime.docker.firewall import DEFAULT_POOLS
from pushproof.emulator.runtime.docker.guard import Change, Guard, pools_of, proxy_ports, trial
from pushproof.engines.reachability import OpenPorts

TRIE = "     |-- 192.0.2.9\n        /32 host LOCAL\n"


class Engine:
    """An Engine whose containers print what a test says."""

    def __init__(self, said: str = "") -> None:
        self.said = said
        self.images_there = True
        self.runs: list[dict[str, Any]] = []
        self.api = self.containers = self.images = self

    def run(self, image: str, **options: Any) -> bytes:
        self.runs.append({"image": image, **options})
        if self.said == "fails":
            raise ContainerError(SimpleNamespace(), 1, "python3", image, "no such thing")  # type: ignore[arg-type]
        return self.said.encode()

    def info(self) -> dict[str, object]:
        return {"DefaultAddressPools": [{"Base": "172.16.0.0/12", "Size": 16}]}

    def get(self, name: str) -> str:
        if not self.images_there:
            raise ImageNotFound(name)
        return name


def guard(engine: Engine, *, apart: bool = False, **settings: Any) -> Guard:
    ground: Any = SimpleNamespace(settings=WorldSettings(**settings), endpoint=SimpleNamespace(port=4567))
    host: Any = SimpleNamespace(
        client=engine,
        block="172.18.0.0/16",
        gateway="172.18.0.1",
        bridge_address="172.18.0.3" if apart else "172.18.0.1",
        apart=apart,
        labels=lambda **more: more,
    )
    made = Guard(ground, host)
    made.image = lambda: "base"  # type: ignore[method-assign]
    return made


def test_the_rules_are_those_of_the_world(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway's port and those that are needed are open; neighbours count only where the network is enforced."""
    monkeypatch.setattr(module, "local_addresses", lambda _: frozenset({"192.0.2.9"}))
    callers = [Caller("172.18.0.7", (OpenPorts("tcp", 80, 80),))]
    rules = guard(Engine()).rules(callers, ports=[5000])
    assert "ip daddr 172.18.0.1 tcp dport { 4567, 5000 } accept" in rules
    assert "ip daddr { 172.18.0.1, 192.0.2.9 } drop" in rules
    assert "172.18.0.7 . tcp . 80-80" in rules
    assert "172.18.0.7" not in guard(Engine(), enforce_network=False).rules(callers)
    assert "tcp dport { 5432 } accept" in guard(Engine(), host_ports=frozenset({5432})).rules()


def test_addresses_that_docker_may_give_to_the_machine_are_the_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that it has, and the first address of each network that Docker's pools have room for."""
    monkeypatch.setattr(module, "local_addresses", lambda _: frozenset({"192.0.2.9"}))
    made = guard(Engine())
    assert [
        each for each in ("192.0.2.9", "172.31.0.1", "172.31.1.1", "192.168.0.1") if made.is_the_machines(each)
    ] == [
        "192.0.2.9",
        "172.31.0.1",
    ]
    assert "ip daddr 172.16.0.0/12 ip daddr & 0.0.255.255 == 0.0.0.1 drop" in made.rules()


def test_pools_are_those_of_the_engine() -> None:
    """Docker's own where the Engine names none; those of IPv6 are left out."""
    configured = [{"Base": "10.9.0.0/16", "Size": 24}, {"Base": "fd00::/48", "Size": 64}, {"Base": "odd"}]
    assert pools_of({"DefaultAddressPools": configured}) == (("10.9.0.0/16", 24),)
    assert pools_of({"DefaultAddressPools": None}) == pools_of({}) == DEFAULT_POOLS


def test_a_proxy_of_this_machine_stays_open() -> None:
    """Docker gives containers the proxies of its configuration; those elsewhere need no port of this machine."""
    proxies = {
        "default": {"httpProxy": "http://172.17.0.1:3128", "httpsProxy": "http://proxy.example.com:8080"},
        "tcp://other": {"httpProxy": "http://172.17.0.1", "noProxy": "localhost", "ftpProxy": "http://172.17.0.1:port"},
        "odd": "nothing",
    }
    assert proxy_ports({"proxies": proxies}, {"172.17.0.1"}) == {3128, 80}
    assert proxy_ports({}, {"172.17.0.1"}) == frozenset()


def test_a_world_in_a_container_asks_for_the_machines_addresses_once() -> None:
    """A container on the machine's own network reads them; the machine's side of the bridge is closed too."""
    engine = Engine(TRIE)
    made = guard(engine, apart=True)
    rules = made.rules()
    assert made.machine() == {"192.0.2.9"}
    assert [run["network_mode"] for run in engine.runs] == ["host"]
    assert "ip daddr { 172.18.0.1, 172.18.0.3, 192.0.2.9 } drop" in rules
    assert "ip saddr { 172.18.0.1, 172.18.0.3 } accept" in rules


def test_a_change_from_outside_joins_the_container_with_the_capability() -> None:
    """Nothing else is given to it, and it is removed when it has ended."""
    engine = Engine()
    guard(engine).set_from_outside(SimpleNamespace(id="c0ffee"), Change("rules", [("10.0.0.7", "172.18.0.7")]))  # type: ignore[arg-type]
    (run,) = engine.runs
    assert (run["network_mode"], run["cap_add"], run["remove"]) == ("container:c0ffee", ["NET_ADMIN"], True)
    assert not {"privileged", "volumes", "mounts", "pid_mode"} & run.keys()
    assert json.loads(run["command"][-1])["routes"] == [["10.0.0.7", "172.18.0.7"]]


def test_a_kernel_without_rules_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """The log has nft's own words, as an error, and containers start all the same."""
    made = guard(Engine("UNGUARDED Error: Could not process rule: Operation not supported"))
    with caplog.at_level(logging.ERROR):
        for _ in range(2):
            made.set_from_outside(SimpleNamespace(id="c0ffee"), Change("rules"))  # type: ignore[arg-type]
    (record,) = caplog.records
    assert "not kept apart" in record.message
    assert "Operation not supported" in record.message


def test_a_change_that_fails_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A namespace that cannot be set up fails the task or the build, with the program's last words."""
    monkeypatch.setattr(module, "captured", lambda *_: (1, b"Traceback\nNetwork is unreachable\n"))
    with pytest.raises(StartError, match="Network is unreachable"):
        guard(Engine()).set(SimpleNamespace(id="c0ffee"), Change())  # type: ignore[arg-type]
    with pytest.raises(APIError, match="no such thing"):
        guard(Engine("fails")).set_from_outside(SimpleNamespace(id="c0ffee"), Change())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "expected"), [("", ""), ("UNGUARDED no nf_tables", "no nf_tables"), ("fails", "no such thing")]
)
def test_a_trial_says_whether_rules_can_be_set(said: str, expected: str) -> None:
    """`doctor` tries them in a network of nothing, with the image that worlds use."""
    engine: Any = Engine(said)
    assert expected in str(trial(engine))
    assert engine.runs[0]["network_mode"] == "none"
    engine.images_there = False
    assert trial(engine) is None
