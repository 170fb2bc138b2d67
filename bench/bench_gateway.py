"""The gateway beside other emulators in one run: start-up, requests a second, and a small root under Terraform.

`bench_gateway.py [requests|all] [FILE]`: `requests` leaves out Terraform and LocalStack; FILE gets JSON. The client is one raw
connection, kept open where the server allows it, with requests that were signed before. Three small calls take turns: ListClusters
of ECS, GetCallerIdentity of STS, DescribeVpcs of EC2. The emulators take turns too, in several rounds. What cannot be had here is
left out, with the reason. Only ratios within a run mean anything: seconds are those of a busy machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from contenders import CONTENDERS, PREPARATIONS, Running, Unavailable

from pushproof.terraform.providers import session_configuration

ROUNDS, REQUESTS = 5, 600
_FORM = "application/x-www-form-urlencoded; charset=utf-8"
_JSON = "application/x-amz-json-1.1"
_CALLS = (
    ("ecs", _JSON, b"{}", "AmazonEC2ContainerServiceV20141113.ListClusters"),
    ("sts", _FORM, b"Action=GetCallerIdentity&Version=2011-06-15", ""),
    ("ec2", _FORM, b"Action=DescribeVpcs&Version=2016-11-15", ""),
)
_BASE = "moto_server"


@dataclass(slots=True)
class Figures:
    """Measurements of one emulator."""

    start_seconds: float = 0.0
    #: Of each round.
    per_second: list[float] = field(default_factory=list)
    #: Milliseconds of each request, and of processor time for one.
    latencies: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    connections: int = 0
    #: The services whose call it does not answer, and which are left out of its turns.
    lacking: list[str] = field(default_factory=list)
    #: Seconds of each command of Terraform, or the reason why it failed.
    terraform: dict[str, float] = field(default_factory=dict)
    failure: str = ""


class Client:
    """A client that keeps its connection as long as the server does."""

    def __init__(self, running: Running) -> None:
        self._port = running.port
        self._sock: socket.socket | None = None
        self.connections = 0
        credentials = Credentials(running.access_key_id, running.secret_access_key)
        self.requests = [self._signed(credentials, *call) for call in _CALLS]

    def _signed(self, credentials: Credentials, service: str, kind: str, body: bytes, target: str) -> bytes:
        headers = {"Content-Type": kind, "Host": f"127.0.0.1:{self._port}", "Accept-Encoding": "identity"}
        if target:
            headers["X-Amz-Target"] = target
        request = AWSRequest("POST", f"http://127.0.0.1:{self._port}/", headers=headers, data=body)
        SigV4Auth(credentials, service, "eu-west-1").add_auth(request)
        lines = [f"{name}: {value}" for name, value in request.headers.items() if name.lower() != "content-length"]
        head = "\r\n".join(("POST / HTTP/1.1", *lines, f"Content-Length: {len(body)}", "", ""))
        return head.encode() + body

    def ask(self, request: bytes) -> None:
        """Send a request and read its answer. Raises RuntimeError unless it is a success."""
        if self._sock is None:
            self._sock = socket.create_connection(("127.0.0.1", self._port), timeout=60)
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
        self._sock.sendall(request)
        read = b""
        while b"\r\n\r\n" not in read:
            read += self._more()
        head, _, body = read.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        headers = {name: value.strip() for name, _, value in (line.partition(b":") for line in lines[1:])}
        if b"chunked" in headers.get(b"transfer-encoding", b""):
            while not body.endswith(b"0\r\n\r\n"):
                body += self._more()
        else:
            while len(body) < int(headers[b"content-length"]):
                body += self._more()
        if b" 200 " not in lines[0]:
            raise RuntimeError(f"{head!r} {body[:500]!r}")
        if headers.get(b"connection") == b"close" or lines[0].startswith(b"http/1.0"):
            self.close()

    def drop_lacking(self) -> list[str]:
        """Drop the requests that are refused. Return their services."""
        answered, lacking = [], []
        for (service, *_), request in zip(_CALLS, self.requests, strict=True):
            try:
                self.ask(request)
            except RuntimeError:
                lacking.append(service)
                self.close()
            else:
                answered.append(request)
        self.requests = answered
        return lacking

    def _more(self) -> bytes:
        assert self._sock is not None
        more = self._sock.recv(65536)
        if not more:
            raise RuntimeError("the server ended the connection within an answer")
        return more

    def close(self) -> None:
        if self._sock is not None:
            self._sock.close()
            self._sock = None


def first_answer(client: Client) -> None:
    """Ask who the caller is until an answer comes. Raises Unavailable after a minute."""
    until = time.monotonic() + 60
    while True:
        try:
            client.ask(client.requests[1])
        except (OSError, RuntimeError) as error:
            client.close()
            if time.monotonic() > until:
                raise Unavailable(f"no call was answered: {error}") from error
            time.sleep(0.05)
        else:
            return


def measure(running: Running, client: Client, figures: Figures, requests: int) -> None:
    """Make one round of requests."""
    used, begun = running.processor_seconds(), time.perf_counter()
    for number in range(requests):
        sent = time.perf_counter()
        client.ask(client.requests[number % len(client.requests)])
        figures.latencies.append((time.perf_counter() - sent) * 1000)
    figures.per_second.append(requests / (time.perf_counter() - begun))
    used_then = running.processor_seconds()
    if used is not None and used_then is not None:
        figures.processor.append((used_then - used) / requests * 1000)
    figures.connections = client.connections


def apply(running: Running, figures: Figures, folder: Path) -> None:
    """Apply the root, plan it once more, and destroy it; note how long each takes."""
    work = folder / str(running.port)
    shutil.copytree(folder / "root", work, symlinks=True)
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": running.url,
        "AWS_ACCESS_KEY_ID": running.access_key_id,
        "AWS_SECRET_ACCESS_KEY": running.secret_access_key,
        "TF_CLI_CONFIG_FILE": str(folder / "terraformrc"),
    }
    for name, options in (
        ("apply", ["-auto-approve"]),
        ("plan", ["-detailed-exitcode"]),
        ("destroy", ["-auto-approve"]),
    ):
        begun = time.perf_counter()
        command = ["terraform", name, "-input=false", "-no-color", *options]
        done = subprocess.run(
            command, cwd=work, env=environment, capture_output=True, text=True, check=False, timeout=600
        )
        if done.returncode:
            reasons = [line.strip("│ ") for line in done.stderr.splitlines() if "Error" in line]
            figures.failure = f"{name}: {reasons[0] if reasons else f'exit code {done.returncode}'}"
            return
        figures.terraform[name] = time.perf_counter() - begun


def prepare(folder: Path) -> None:
    """Initialise the root once, for all. Raises CalledProcessError."""
    shutil.copytree(Path(__file__).parent / "common", folder / "root")
    (folder / "terraformrc").write_text(session_configuration())
    environment = {**os.environ, "TF_CLI_CONFIG_FILE": str(folder / "terraformrc")}
    command = ["terraform", "init", "-input=false", "-no-color"]
    subprocess.run(command, cwd=folder / "root", env=environment, capture_output=True, check=True)


def compare(names: list[str], *, terraform: bool) -> dict[str, Figures]:
    """Measure the emulators that are to be had, and print why the others are not."""
    figures: dict[str, Figures] = {}
    with ExitStack() as stack:
        running: dict[str, tuple[Running, Client]] = {}
        for name in names:
            try:
                PREPARATIONS.get(name, lambda: None)()
                begun = time.perf_counter()
                with ExitStack() as attempt:
                    opened = attempt.enter_context(CONTENDERS[name]())
                    client = Client(opened)
                    first_answer(client)
                    stack.push(attempt.pop_all())
            except (Unavailable, OSError, subprocess.CalledProcessError) as error:
                print(f"  {name}: left out, {error}", flush=True)
                continue
            running[name] = opened, client
            figures[name] = Figures(start_seconds=time.perf_counter() - begun)
        for name, (opened, client) in running.items():
            figures[name].lacking = client.drop_lacking()
            # What the first calls load is start-up.
            measure(opened, client, Figures(), 60)
            client.close()
            client.connections = 0
        for _ in range(ROUNDS):
            for name, (opened, client) in running.items():
                measure(opened, client, figures[name], REQUESTS)
        if terraform:
            with tempfile.TemporaryDirectory() as place:
                prepare(Path(place))
                for name, (opened, _) in running.items():
                    apply(opened, figures[name], Path(place))
        for _, client in running.values():
            client.close()
    return figures


def table(figures: dict[str, Figures]) -> dict[str, dict[str, object]]:
    """Return the figures of each emulator, with ratios to moto's own server; print them."""
    base = figures.get(_BASE)
    rows: dict[str, dict[str, object]] = {}
    print(
        f"  {'':12} {'start':>7} {'req/s':>7} {'ratio':>6} {'p50':>8} {'cpu/req':>8} {'conns':>6}  apply / plan / destroy"
    )
    for name, measured in figures.items():
        per_second, p50 = statistics.median(measured.per_second), statistics.median(measured.latencies)
        ratio = (
            statistics.median(a / b for a, b in zip(measured.per_second, base.per_second, strict=True))
            if base
            else None
        )
        processor = statistics.median(measured.processor) if measured.processor else None
        rows[name] = {
            "start seconds": measured.start_seconds, "requests per second": per_second, "ratio": ratio, "p50 ms": p50,
            "processor ms": processor, "connections": measured.connections, "terraform": measured.terraform,
            "failure": measured.failure, "lacking": measured.lacking,
        }  # fmt: skip
        lacking = f"  (without {', '.join(measured.lacking)})" if measured.lacking else ""
        commands = measured.failure or " / ".join(f"{seconds:.1f}" for seconds in measured.terraform.values())
        print(
            f"  {name:12} {measured.start_seconds:6.1f}s {per_second:7.0f} {ratio or 0:6.2f} {p50:6.2f}ms "
            f"{processor or 0:6.2f}ms {measured.connections:6}  {commands}{lacking}"
        )
    return rows


def main(which: str = "requests", file: str | None = None) -> None:
    everything = which == "all"
    names = list(CONTENDERS) if everything else ["Pushproof", "moto_server", "MiniStack"]
    rows = table(compare(names, terraform=everything))
    if file is not None:
        Path(file).write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(*sys.argv[1:])
