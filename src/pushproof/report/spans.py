"""A run's timeline as spans, and their export by OpenTelemetry where `OTEL_EXPORTER_OTLP_ENDPOINT` names a collector.

The optional extra `pushproof[otel]` brings the official SDK. Names of attributes that OpenTelemetry has words for are its own:
https://opentelemetry.io/docs/specs/semconv/registry/attributes/cicd/
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pushproof.base.extras import missing
from pushproof.record.model import Record

#: https://opentelemetry.io/docs/specs/otel/protocol/exporter/
ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
#: Real seconds that a collector may take, after which a run does not wait any more.
_PATIENCE = 10
_LONGEST = 2000


Attributes = dict[str, str | int | float | bool]


class NoSdk(Exception):
    """A collector is named, and the SDK is not installed."""


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a run: seconds since it began, whether it failed, and the parts inside of it."""

    name: str
    started: float
    ended: float
    failed: bool = False
    attributes: Attributes = field(default_factory=dict)
    inside: tuple[Span, ...] = ()


def spans(record: Record) -> Span:
    """Return a run as one span with everything else inside."""
    run = record.run
    return Span(
        f"pushproof {run.command}",
        0.0,
        run.seconds,
        not record.verdict.passed,
        {
            "cicd.pipeline.run.id": run.id, "pushproof.target": run.target, "pushproof.verdict": record.verdict.title,
            "pushproof.why": record.verdict.why[:_LONGEST], "pushproof.speed": run.speed, "cloud.region": run.region,
        },
        tuple(_inside(record)),
    )  # fmt: skip


def export(record: Record, environment: Mapping[str, str] = os.environ) -> bool:
    """Send a run's spans to the collector that the environment names; returns whether there is one, and it took them.

    Raises NoSdk.
    """
    if not any(environment.get(name) for name in ENDPOINTS):
        return False
    if missing("otel"):
        raise NoSdk(f"{ENDPOINTS[0]} is set, and the SDK is not installed: pip install 'pushproof[otel]'")
    from opentelemetry.context import Context
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from opentelemetry.trace import Status, StatusCode, Tracer, set_span_in_context

    # All of them leave in one request, at the end.
    gathered = InMemorySpanExporter()
    resource = Resource.create({"service.name": "pushproof", "service.version": record.versions.pushproof})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(SimpleSpanProcessor(gathered))
    began = datetime.fromisoformat(record.run.began).timestamp()

    def emit(tracer: Tracer, span: Span, parent: Context | None) -> None:
        made = tracer.start_span(
            span.name, context=parent, attributes=dict(span.attributes), start_time=_nanoseconds(began + span.started)
        )  # fmt: skip
        if span.failed:
            made.set_status(Status(StatusCode.ERROR))
        within = set_span_in_context(made)
        for part in span.inside:
            emit(tracer, part, within)
        made.end(end_time=_nanoseconds(began + max(span.ended, span.started)))

    emit(provider.get_tracer("pushproof"), spans(record), None)
    exporter = OTLPSpanExporter(timeout=_PATIENCE)
    try:
        return bool(exporter.export(gathered.get_finished_spans()) is SpanExportResult.SUCCESS)
    finally:
        exporter.shutdown()
        provider.shutdown()


def _inside(record: Record) -> Iterator[Span]:
    end = record.run.seconds
    for step in record.steps:
        attributes: Attributes = {"pushproof.step": step.letter, "pushproof.aws_seconds": step.aws_seconds}
        yield Span(f"({step.letter}) {step.title}", step.started, step.ended, step.failed, attributes)
    for execution in record.executions:
        actions = tuple(
            Span(
                f"{action.stage}/{action.name}", action.started or 0.0, _until(action.ended, end), action.status == "Failed",
                {"cicd.pipeline.task.name": action.name, "pushproof.status": action.status, "error.type": action.error_code},
            )
            for action in execution.actions
        )  # fmt: skip
        yield Span(
            f"execution of {execution.pipeline}",
            execution.started or 0.0,
            _until(execution.ended, end),
            execution.status == "Failed",
            {
                "cicd.pipeline.name": execution.pipeline, "vcs.ref.head.revision": execution.commit,
                "pushproof.status": execution.status,
            },
            actions,
        )  # fmt: skip
    for build in record.builds:
        phases = tuple(
            Span(
                phase.name, phase.started, phase.started + (phase.seconds or 0.0), phase.status not in ("", "SUCCEEDED")
            )
            for phase in build.phases
            if phase.started is not None
        )
        yield Span(
            f"build of {build.project}",
            build.started or 0.0,
            _until(build.ended, end),
            build.status not in ("SUCCEEDED", "IN_PROGRESS"),
            {"pushproof.build": build.id, "vcs.ref.head.revision": build.commit, "pushproof.status": build.status},
            phases,
        )
    for deployment in record.deployments:
        yield Span(
            f"deployment of {deployment.service}",
            deployment.started or 0.0,
            _until(deployment.ended, end),
            deployment.status.startswith("ROLLBACK"),
            {"pushproof.revision": deployment.task_definition, "pushproof.status": deployment.status},
        )
    for task in record.tasks:
        yield Span(
            f"task of {task.service}",
            task.created or 0.0,
            _until(task.stopped, end),
            False,
            {
                "aws.ecs.task.arn": task.arn, "aws.ecs.task.revision": task.task_definition,
                "pushproof.stopped": task.stop_reason,
            },
        )  # fmt: skip
    at = 0.0
    for test in record.tests:
        # Tests run one after another; where each began is not recorded.
        yield Span(test.id, at, at + test.seconds, test.outcome == "failed", {"test.case.result.status": test.outcome})
        at += test.seconds


def _until(ended: float | None, end: float) -> float:
    return end if ended is None else ended


def _nanoseconds(epoch: float) -> int:
    return int(epoch * 1_000_000_000)
