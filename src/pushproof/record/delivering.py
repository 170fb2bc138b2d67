"""Pipelines and builds of a run, as their services described them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pushproof.record.model import Action, Build, Execution, Phase
from pushproof.record.since import Since

Answer = Mapping[str, Any]

_LONGEST = 2000


def executions(described: Mapping[str, Answer], actions: Iterable[Answer], since: Since) -> Iterator[Execution]:
    """Yield each execution with its actions, the oldest first."""
    of: dict[str, list[Answer]] = {}
    for action in actions:
        of.setdefault(action["pipelineExecutionId"], []).append(action)
    for identity, execution in sorted(described.items(), key=lambda pair: pair[1].get("startTime") or 0):
        revision: Answer = next(iter(execution.get("sourceRevisions", ())), {})
        yield Execution(
            pipeline=str(execution.get("pipeline", "")),
            id=identity,
            status=str(execution["status"]),
            trigger=str(execution.get("trigger", {}).get("triggerType", "")),
            started=since(execution.get("startTime")),
            ended=since(execution.get("lastUpdateTime")) if execution["status"] != "InProgress" else None,
            commit=str(revision.get("revisionId", "")),
            message=_message(str(revision.get("revisionSummary", ""))),
            actions=tuple(
                _action(action, since)
                for action in sorted(of.get(identity, ()), key=lambda entry: entry.get("startTime") or 0)
            ),
        )


def builds(described: Mapping[str, Answer], since: Since) -> Iterator[Build]:
    """Yield each build with its phases, the oldest first. Neither its environment nor its log is in it."""
    for identity, build in sorted(described.items(), key=lambda pair: pair[1].get("startTime") or 0):
        logs, cache = build.get("logs", {}), build.get("cache", {})
        yield Build(
            id=identity,
            project=str(build.get("projectName", "")),
            status=str(build["buildStatus"]),
            started=since(build.get("startTime")),
            ended=since(build.get("endTime")),
            commit=str(build.get("resolvedSourceVersion", "")),
            phases=tuple(
                Phase(
                    name=str(phase["phaseType"]),
                    status=str(phase.get("phaseStatus", "")),
                    started=since(phase.get("startTime")),
                    seconds=_span(phase.get("startTime"), phase.get("endTime")),
                    message=_cut(" ".join(str(c.get("message", "")) for c in phase.get("contexts", ()))),
                )
                for phase in build.get("phases", ())
            ),
            log_group=str(logs.get("groupName", "")),
            log_stream=str(logs.get("streamName", "")),
            cache=str(cache.get("type", "NO_CACHE")),
        )


def _action(action: Answer, since: Since) -> Action:
    output = action.get("output", {})
    result = output.get("executionResult", {})
    error = result.get("errorDetails", {})
    failed = action["status"] in ("Failed", "Abandoned")
    summary = _message(str(result.get("externalExecutionSummary", "")))
    return Action(
        stage=str(action["stageName"]),
        name=str(action["actionName"]),
        provider=str(action.get("input", {}).get("actionTypeId", {}).get("provider", "")),
        status=str(action["status"]),
        started=since(action.get("startTime")),
        ended=since(action.get("lastUpdateTime")) if action["status"] != "InProgress" else None,
        external_id=str(result.get("externalExecutionId", "")),
        summary=summary,
        error_code=str(error.get("code", "")),
        error=_cut(str(error.get("message", "") or (summary if failed else ""))),
    )


def _message(summary: str) -> str:
    """Return the commit message out of a source action's summary, which is JSON for connections, and a text otherwise."""
    try:
        parsed = json.loads(summary)
    except ValueError:
        return _cut(summary)
    return _cut(str(parsed.get("CommitMessage", summary))) if isinstance(parsed, dict) else _cut(summary)


def _span(started: Any, ended: Any) -> float | None:
    return round(ended - started, 3) if isinstance(started, int | float) and isinstance(ended, int | float) else None


def _cut(text: str) -> str:
    return text.strip() if len(text) <= _LONGEST else f"{text[:_LONGEST].strip()} …"
