"""Setting of rules, routes and addresses in containers' network namespaces.

A small program does it, inside of the namespace and with the capability for it: as a command in a container of ours that holds the
namespace, or as a container that joins it for a moment. Where the kernel has no nf_tables, an error in the log says so, and
nothing is closed.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import logging
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from docker.errors import APIError, ContainerError, DockerException
from docker.utils.config import load_general_config

from pushproof.emulator.kernel.tasks import Caller, Impairment, Neighbourhood, StartError, TaskName, Upstream
from pushproof.emulator.runtime.docker.connectproxy import loopback_addresses
from pushproof.emulator.runtime.docker.execution import captured
from pushproof.emulator.runtime.docker.firewall import DEFAULT_POOLS, Pool, Surroundings, local_addresses, ruleset
from pushproof.emulator.runtime.docker.imagemaking import ImageUnavailable, exists, on_behalf_of
from pushproof.emulator.runtime.docker.images import base_image_name, ensure_base_image, ensure_proxy_image

if TYPE_CHECKING:
    from docker.client import DockerClient
    from docker.models.containers import Container

    from pushproof.emulator.kernel.site import Ground
    from pushproof.emulator.runtime.docker.host import DockerHost
    from pushproof.engines.reachability import OpenBlock

log = logging.getLogger(__name__)

PYTHON = ["python3", "-I", "-S", "-c"]
NET_ADMIN = "NET_ADMIN"

# Routes to single hosts through containers: SIOCADDRT and SIOCDELRT with RTF_UP, RTF_GATEWAY and RTF_HOST (netdevice(7), rtentry).
# Addresses on the loopback interface: SIOCSIFADDR, SIOCSIFNETMASK.
_SET = """
import errno, fcntl, json, os, signal, socket, struct, subprocess, sys

MARK = b"# Names of other tasks.\\n"

def at(host): return struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(host))

def ask(request, argument, known):
    try:
        fcntl.ioctl(control, request, argument)
    except OSError as error:
        if error.errno != known:
            sys.exit(f"{error}")

def route(host, gateway): return struct.pack("@L16s16s16sHhLPhPLLH", 0, at(host), at(gateway), at("255.255.255.255"), 7, *[0] * 8)

def put(path, text):
    # In place, and in one piece: the file is mounted into other containers, whose programs may read it meanwhile.
    with open(path, "r+b") as file:
        file.write(text)
        file.truncate()

wanted = json.loads(sys.argv[1])
control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for number, address in enumerate(wanted["addresses"], 1):
    for request, value in ((0x8916, address), (0x891C, "255.255.255.255")):
        ask(request, struct.pack("16s16s", f"lo:{number}".encode(), at(value)), 0)
for pair in wanted["gone"]:
    ask(0x890C, route(*pair), errno.ESRCH)
for pair in wanted["routes"]:
    ask(0x890B, route(*pair), errno.EEXIST)
if wanted["hosts"] is not None:
    with open("/etc/hosts", "rb") as file:
        kept = file.read().partition(MARK)[0]
    put("/etc/hosts", b"".join([kept, MARK, *(f"{line}\\n".encode() for line in wanted["hosts"])]))
if wanted["proxy"]:
    with open("/run/proxy.cfg", "w") as file:
        file.write(wanted["proxy"])
    try:
        with open("/run/proxy.pid") as file:
            os.kill(int(file.read()), signal.SIGUSR2)
    except OSError:
        subprocess.run(["haproxy", "-W", "-D", "-q", "-f", "/run/proxy.cfg", "-p", "/run/proxy.pid"], check=True)
if wanted["rules"]:
    try:
        done = subprocess.run(["nft", "-f", "-"], input=wanted["rules"], text=True, capture_output=True)
        if done.returncode:
            print("UNGUARDED", done.stderr.strip() or "nft failed")
    except OSError as error:
        print("UNGUARDED", error)
"""
_UNGUARDED = "UNGUARDED"
_PROXIES = ("httpProxy", "httpsProxy", "ftpProxy", "allProxy")

Pairs = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a namespace: rules, host routes (address, by which container), those that go, and addresses of its own.

    `hosts`: the lines of /etc/hosts after the container's own; None: as they are. `proxy`: a new configuration of the proxy.
    """

    rules: str = ""
    routes: Pairs = ()
    gone: Pairs = ()
    addresses: Iterable[str] = ()
    hosts: Iterable[str] | None = None
    proxy: str = ""

    def text(self) -> str:
        """Return the change as the program in the namespace reads it."""
        return json.dumps(
            {
                "rules": self.rules,
                "routes": list(self.routes),
                "gone": list(self.gone),
                "addresses": list(self.addresses),
                "hosts": None if self.hosts is None else list(self.hosts),
                "proxy": self.proxy,
            }
        )


class Surrounded:
    """A namespace that follows its neighbourhood. `apply` sets the change from one to another; `name` is for the log."""

    def __init__(self, name: str, around: Neighbourhood, apply: Callable[[Neighbourhood, Neighbourhood], None]) -> None:
        self._name, self._around, self._apply = name, around, apply

    def admit(self, around: Neighbourhood) -> None:
        """Set another neighbourhood; do nothing if it is the same."""
        if around == self._around:
            return
        try:
            self._apply(self._around, around)
            self._around = around
        except (StartError, ImageUnavailable, DockerException, OSError) as error:
            # As a rule what runs there has ended meanwhile.
            log.debug("the neighbours of %s could not be set: %s", self._name, error)


class Guard:
    """Guards the containers of one world. Safe to use from any thread."""

    # : What is no part of a kept world.
    not_kept: ClassVar[tuple[str, ...]] = ("*",)

    def __init__(self, ground: Ground, host: DockerHost) -> None:
        self._ground = ground
        self._host = host
        self._lock = threading.Lock()
        self._elsewhere: frozenset[str] | None = None
        self._pools: tuple[Pool, ...] | None = None
        self._warned = False

    def image(self, *, proxy: bool = False) -> str:
        """Return the image with the program's tools, and with the proxy of Service Connect. Raises ImageUnavailable."""
        with on_behalf_of(self._ground.id, self._ground.directory / "images"):
            return (ensure_proxy_image if proxy else ensure_base_image)(self._host.client)

    def rules(
        self,
        callers: Iterable[Caller] = (),
        impaired: Iterable[Impairment] = (),
        *,
        ports: Iterable[int] = (),
        outwards: Iterable[OpenBlock] | None = None,
    ) -> str:
        """Return the rules of a namespace: `callers` may connect to it, and it to these ports of the world and the gateway's.

        `impaired`: the packets that faults take. `outwards`: the public addresses that are reached; None: all. Without enforcement
        of the network every container of the world may connect.
        """
        host = self._host
        machine = self.machine() | {host.gateway}
        around = Surroundings(
            network=host.block,
            own=frozenset({host.bridge_address, host.gateway}),
            host=machine,
            gateway=host.bridge_address,
            ports=frozenset({self._ground.endpoint.port, *ports}),
            pools=self.pools(),
            host_ports=self._ground.settings.host_ports | proxy_ports(load_general_config(), machine),
        )
        return ruleset(around, callers if self._ground.settings.enforce_network else None, impaired, outwards)

    def pools(self) -> tuple[Pool, ...]:
        """Return the blocks from which Docker Engine takes networks."""
        with self._lock:
            if self._pools is None:
                self._pools = pools_of(self._host.client.info())
            return self._pools

    def is_the_machines(self, address: str) -> bool:
        """Return whether an address is one of the machine, or may become one with another network of Docker's."""
        return address in self.machine() or any(pool.gives_first(address) for pool in self.pools())

    def machine(self) -> frozenset[str]:
        """Return the addresses of the machine with Docker Engine, as they are now if this process runs on it."""
        if not self._host.apart:
            return local_addresses(Path("/proc/net/fib_trie").read_text())
        with self._lock:
            if self._elsewhere is None:
                table = self._run("addresses", ["cat", "/proc/net/fib_trie"], network_mode="host")
                self._elsewhere = local_addresses(table)
            return self._elsewhere

    def may_have(self, address: str) -> bool:
        """Return whether an address of a VPC can be one here: neither of the world's Docker network nor of the machine."""
        if not address or not self._ground.settings.enforce_network:
            return False
        inside = ipaddress.ip_address(address) in ipaddress.ip_network(self._host.block)
        return not inside and not self.is_the_machines(address)

    def change(self, before: Neighbourhood, now: Neighbourhood, *, ports: Iterable[int] = ()) -> Change:
        """Return the change of a namespace to another neighbourhood, without the proxy of Service Connect.

        `ports`: those of the world that are needed, besides the gateway's.
        """
        hosts = self.hosts(now.names, now.upstreams)
        return Change(
            self.rules(now.callers, now.impaired, ports=ports, outwards=now.outwards),
            [pair for pair in now.reached if self.may_have(pair[0])],
            set(before.reached) - set(now.reached),
            hosts=hosts if hosts != self.hosts(before.names, before.upstreams) else None,
        )

    def hosts(self, names: Iterable[TaskName], upstreams: Iterable[Upstream]) -> list[str]:
        """Return lines for /etc/hosts. An address that cannot be one here is replaced by the real one of the task that has it."""
        lines = [f"{address} {name}" for name, address in loopback_addresses(upstreams).items()]
        for name in names:
            lines += [
                f"{private if self.may_have(private) or not real else real} {name.name}"
                for private, real in name.addresses
            ]
        return lines

    def set(self, container: Container, change: Change) -> None:
        """Change the namespace of a container that has the capability. Raises StartError, APIError."""
        status, output = captured(self._host.client.api, container.id, [*PYTHON, _SET, change.text()])
        said = output.decode(errors="replace").strip()
        if status != 0:
            last = said.rpartition("\n")[2]
            raise StartError(f"its network could not be created: {last or 'no reason given'}")
        self._note(said)

    def set_from_outside(self, container: Container, change: Change) -> None:
        """Change the namespace of a container without the capability. Raises APIError, ImageUnavailable."""
        join = f"container:{container.id}"
        self._note(self._run("guard", [*PYTHON, _SET, change.text()], network_mode=join, cap_add=[NET_ADMIN]))

    def _run(self, purpose: str, command: list[str], **options: object) -> str:
        """Run a command in a container of its own, and return what it printed."""
        try:
            output = self._host.client.containers.run(  # type: ignore[call-overload]
                self.image(),
                entrypoint=[],
                command=command,
                labels=self._host.labels(role=purpose),
                remove=True,
                **options,
            )
        except ContainerError as error:
            raise APIError(f"the network of a container could not be set up: {error.stderr or error}") from error
        return bytes(output).decode(errors="replace").strip()

    def _note(self, said: str) -> None:
        """Say, once, that the kernel takes no rules."""
        if not said.startswith(_UNGUARDED) or self._warned:
            return
        self._warned = True
        log.error(
            "containers of this world are not kept apart, and reach services of this machine: nft fails in their networks (%s)",
            said.removeprefix(_UNGUARDED).strip(),
        )


def pools_of(information: Mapping[str, object]) -> tuple[Pool, ...]:
    """Return the IPv4 blocks from which an Engine takes networks, as `docker info` tells: Docker's own if it names none."""
    configured = information.get("DefaultAddressPools")
    pools = []
    for each in configured if isinstance(configured, list) else ():
        with contextlib.suppress(ValueError, KeyError, TypeError):
            block = ipaddress.ip_network(each["Base"], strict=False)
            if block.version == 4:
                pools.append(Pool(str(block), int(each["Size"])))
    return tuple(pools) or DEFAULT_POOLS


def proxy_ports(configuration: Mapping[str, object], machine: Collection[str]) -> frozenset[int]:
    """Return the ports of proxies on this machine that Docker's configuration gives to containers.

    https://docs.docker.com/engine/cli/proxy/
    """
    proxies = configuration.get("proxies")
    ports: set[int] = set()
    for settings in proxies.values() if isinstance(proxies, dict) else ():
        for name in _PROXIES if isinstance(settings, dict) else ():
            with contextlib.suppress(ValueError):
                place = urlsplit(str(settings.get(name) or ""))
                if place.hostname in machine:
                    ports.add(place.port or 80)
    return frozenset(ports)


def trial(client: DockerClient) -> str | None:
    """Return why a container's network takes no rules; "" if it does, None without the image for a trial. Raises APIError."""
    name = base_image_name()
    if not exists(client, name):
        return None
    own = frozenset({"192.0.2.1"})
    change = Change(ruleset(Surroundings("192.0.2.0/24", own, own, "192.0.2.1", frozenset({1})), ()))
    try:
        said: bytes = client.containers.run(
            name,
            command=[*PYTHON, _SET, change.text()],
            network_mode="none",
            cap_add=[NET_ADMIN],
            remove=True,
        )
    except ContainerError as error:
        return str(error)
    return said.decode(errors="replace").strip().removeprefix(_UNGUARDED).strip()
