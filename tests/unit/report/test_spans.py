"""A run's timeline reaches a collector as spans that hang together, and a run without one is none the worse."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tests.unit.record.observed import rolled_back

from pushproof.report.spans import NoSdk, export, spans


@pytest.fixture
def collector() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """A collector's HTTP endpoint that keeps what it is sent."""
    received: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", received
    server.shutdown()
    server.server_close()
    thread.join(timeout=5)


def test_a_collector_gets_the_timeline(
    collector: tuple[str, list[tuple[str, bytes]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps, executions with actions, builds with phases, deployments and tasks in one trace, at the instants of the record."""
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="the extra otel is not installed")
    trace_service = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    endpoint, received = collector
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
    record = rolled_back()
    assert export(record)
    ((path, body),) = received
    assert path == "/v1/traces"
    request = trace_service.ExportTraceServiceRequest.FromString(body)
    sent = [span for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans]
    by_id = {span.span_id: span for span in sent}
    (root,) = [span for span in sent if not span.parent_span_id]
    assert root.name == "pushproof drill"
    assert {span.trace_id for span in sent} == {root.trace_id}
    assert all(span.parent_span_id in by_id for span in sent if span is not root)
    assert (root.end_time_unix_nano - root.start_time_unix_nano) / 1e9 == pytest.approx(record.run.seconds, abs=0.01)
    deploy = [span for span in sent if span.name == "Deploy/Deploy" and span.status.code == 2]
    assert len(deploy) == 1
    assert by_id[deploy[0].parent_span_id].name == "execution of pushproof-dev"
    assert sum(span.name == "task of pushproof-dev" for span in sent) == len(record.tasks)


def test_without_an_endpoint_nothing_is_sent() -> None:
    """And nothing is imported for it."""
    assert export(rolled_back(), {}) is False


def test_an_endpoint_without_the_sdk_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is optional; that it is missing is said only to whoever asked for it."""
    monkeypatch.setattr("pushproof.base.extras.find_spec", lambda _name: None)
    with pytest.raises(NoSdk, match=r"pip install 'pushproof\[otel\]'"):
        export(rolled_back(), {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"})


def test_every_part_ends_after_it_began() -> None:
    """A span still open ends with the run; a failed run is a failed span."""
    record = rolled_back()
    going = replace(record, tasks=tuple(replace(task, stopped=None) for task in record.tasks))
    root = spans(replace(going, verdict=replace(record.verdict, passed=False)))
    assert root.failed
    for part in root.inside:
        assert part.started <= part.ended <= record.run.seconds
