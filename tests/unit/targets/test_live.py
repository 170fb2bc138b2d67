"""The live page shows a world to a client with its keys, follows it, and changes nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from pushproof.record.codec import from_json
from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget

CANARY = "canary-4d5e6f"


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedTarget]:
    monkeypatch.setenv("PUSHPROOF_STATE", str(tmp_path))
    with EmbeddedTarget(EmbeddedSettings(runtime="scripted")) as opened:
        yield opened


def test_the_page_is_for_the_keys_alone(target: EmbeddedTarget) -> None:
    """The page refuses requests without keys, pages of other origins, and every method but GET."""
    page = f"{target.endpoint}/_pushproof/ui"
    for path in ("", "/record", "/events", "/else"):
        answer = requests.get(page + path, timeout=30)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic")
        assert target.world.id not in answer.text
    assert requests.get(page, auth=(target.keys[0], "wrong"), timeout=30).status_code == 401
    foreign = requests.get(page, auth=target.keys, headers={"Origin": "https://evil.example"}, timeout=30)
    assert foreign.status_code == 403
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert requests.request(method, page, auth=target.keys, timeout=30).status_code == 405


def test_the_page_shows_the_world_without_its_secrets(target: EmbeddedTarget) -> None:
    """The page and the record behind it, which another program can read."""
    target.client("secretsmanager").create_secret(Name="db", SecretString=f'{{"password": "{CANARY}"}}')
    target.client("ecs").create_cluster(clusterName=CANARY)
    page = requests.get(f"{target.endpoint}/_pushproof/ui", auth=target.keys, timeout=60)
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert page.headers["Cache-Control"] == "no-store"
    assert f"World {target.world.id} is up" in page.text
    record = requests.get(f"{target.endpoint}/_pushproof/ui/record", auth=target.keys, timeout=60).text
    assert from_json(record).run.id == target.world.id
    for text in (page.text, record):
        assert CANARY not in text
        assert target.keys[1] not in text
    assert requests.get(f"{target.endpoint}/_pushproof/ui/nothing", auth=target.keys, timeout=30).status_code == 404


def test_news_come_as_they_happen_and_end_with_the_world(target: EmbeddedTarget) -> None:
    """A change is reported without a request; the world closes although a page is open."""
    with requests.get(f"{target.endpoint}/_pushproof/ui/events", auth=target.keys, stream=True, timeout=30) as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        lines = stream.iter_lines()
        events = (line for line in lines if line.startswith(b"event:"))
        assert next(events) == b"event: change"
        target.client("events").put_events(Entries=[{"Source": "test", "DetailType": "News", "Detail": "{}"}])
        assert next(events) == b"event: change"
        target.close()
        assert [line for line in lines if line and not line.startswith((b"event", b"data"))] == []


def test_looking_leaves_no_trace_in_the_world(target: EmbeddedTarget) -> None:
    """Reading is all that the page does: no call of its own changes anything."""
    before = len(target.world.gateway.calls)
    requests.get(f"{target.endpoint}/_pushproof/ui", auth=target.keys, timeout=60)
    own = list(target.world.gateway.calls)[before:]
    assert own
    assert [call.name for call in own if call.mutating] == []


def test_a_world_without_a_page_reads_no_records() -> None:
    """Opening a target imports neither records nor libraries of tokens: a session's first assertion would wait for them."""
    unneeded = ("pushproof.record", "pushproof.report", "joserfc", "jinja2", "flask")
    text = f"import sys, pushproof.targets.embedded; print([name for name in {unneeded!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
