"""The record of a drill: observed while its steps are performed, put together at its end."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from pushproof.drill.evidence import AppliedStack
from pushproof.drill.narration import Narrator
from pushproof.drill.narration import Step as Performed
from pushproof.drill.prober import ProbeReport
from pushproof.drill.settings import BadInput
from pushproof.record.assembling import Told, assemble
from pushproof.record.inside import inside
from pushproof.record.model import Kept, Moment, Record, Requests, Run, Second, Skip, Step, Versions
from pushproof.record.observing import Scope, Watch, read_secrets
from pushproof.record.redaction import secret_variables

if TYPE_CHECKING:
    from pushproof.drill.runner import Drill

#: Real seconds between two looks at the services, on AWS: its API is shared by others and throttled.
_PATIENT = 10.0
# https://developer.hashicorp.com/terraform/language/files/dependency-lock
_PROVIDER = re.compile(r'provider "[^"]*/hashicorp/aws" \{\s*version\s*=\s*"([^"]+)"')


class Recording:
    """Watches a drill from its beginning; `record` puts together what was seen so far.

    A context manager. Nothing that goes wrong here ends a drill: what cannot be read is listed in the record.
    """

    def __init__(self, drill: Drill, narrator: Narrator) -> None:
        self._drill, self._narrator = drill, narrator
        self._world = getattr(drill.target, "world", None)
        self._local = bool(getattr(drill.target, "endpoint", ""))
        self._secrets: dict[str, None] = {}
        self._provider = ""
        self._watch = Watch(
            drill.target.client,
            self._scope,
            interval=1.0 if self._local else _PATIENT,
            inside=None if self._world is None else partial(inside, self._world),
        )

    def __enter__(self) -> Recording:
        self._narrator.listeners.append(self._ended)
        self._watch.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._watch.__exit__()
        self._narrator.listeners.remove(self._ended)

    def record(self, *, title: str, error: str = "", kept: str = "") -> Record:
        """Return the record of everything until now; `kept` is the id of the world or run that stays."""
        drill, narrator = self._drill, self._narrator
        settings, target, result = drill.context.settings, drill.target, drill.result
        seconds = narrator.now()
        began = time.time() - seconds
        return assemble(
            Told(
                run=Run(
                    id=_id(target),
                    command="drill",
                    target=target.name,
                    account=target.account_id,
                    region=target.region,
                    speed=narrator.speed,
                    began=datetime.fromtimestamp(began, UTC).isoformat(timespec="seconds"),
                    seconds=seconds,
                    environment=str(settings.environment),
                    variant=", ".join(breakage.name for breakage in drill.context.breakages),
                ),
                versions=Versions(
                    pushproof=version("pushproof"),
                    python=platform.python_version(),
                    terraform=".".join(map(str, drill.context.binary.version)),
                    provider=self._provider,
                ),
                passed=result.passed and not error,
                title=title,
                error=error,
                steps=tuple(_step(step, narrator.speed, seconds) for step in narrator.steps),
                moments=tuple(Moment(at=m.at, kind=m.kind, text=m.text) for m in narrator.moments),
                requests=tuple(_requests(letter, report, narrator) for letter, report in sorted(result.probes.items())),
                kept=(Kept(id=kept, kind="world" if self._local else "run"),) if kept else (),
                skipped=tuple(
                    Skip(what=f"step {name}", why="--skip, or --from another step") for name in result.skipped
                ),
                watched=self._world is not None,
                began=began,
                secrets=(*self._secrets, *self._own_secrets()),
            ),
            self._watch.observations,
        )

    def _ended(self, _: Performed) -> None:
        self._watch.survey()
        with contextlib.suppress(OSError, BadInput):
            lock = self._drill.context.stack.copy.directory / ".terraform.lock.hcl"
            match = _PROVIDER.search(lock.read_text(encoding="utf-8"))
            self._provider = match[1] if match else self._provider
        if self._local:
            # Those of an emulated account: none of their values gets into the record.
            self._secrets.update(dict.fromkeys(read_secrets(self._drill.target.client)))

    def _scope(self) -> Scope | None:
        applied = self._drill.context.record.latest(AppliedStack)
        if applied is None or applied.undelivered:
            return None
        delivery = applied.delivery
        return Scope(((delivery.cluster, delivery.service),), (delivery.pipeline,))

    def _own_secrets(self) -> Iterator[str]:
        drill = self._drill
        yield from getattr(drill.target, "keys", ())
        if url := drill.context.webhook.url:
            yield url
            yield url.partition("/services/")[2]
        settings = drill.context.settings
        public = {
            drill.target.region,
            drill.target.account_id,
            str(settings.environment),
            getattr(settings, "repository", ""),
        }
        yield from (value for value in secret_variables(settings.variables, os.environ) if value not in public)


def _id(target: Any) -> str:
    run = getattr(target, "run", None)
    return str(run.id if run is not None else getattr(target, "world_id", "drill"))


def _step(step: Performed, speed: float, now: float) -> Step:
    ended = step.ended if step.ended is not None else now
    seconds = ended - step.started
    return Step(
        letter=step.letter,
        title=step.title,
        started=step.started,
        ended=ended,
        seconds=seconds,
        aws_seconds=seconds * speed,
        failed=step.failed,
        claims=tuple(step.claims),
    )


def _requests(letter: str, report: ProbeReport, narrator: Narrator) -> Requests:
    offset = time.monotonic() - narrator.now()
    seconds: dict[int, tuple[dict[str, int], list[str]]] = {}
    for answer in list(report.answers):
        answers, failed = seconds.setdefault(int(answer.at - offset), ({}, []))
        if answer.good:
            commit = answer.commit or "unknown"
            answers[commit] = answers.get(commit, 0) + 1
        else:
            failed.append(answer.error or f"status {answer.status}")
    errors = dict.fromkeys(error for _, failed in seconds.values() for error in failed)
    return Requests(
        step=letter,
        sent=report.sent,
        failed=len(report.failed),
        commits=dict(report.commits),
        seconds=tuple(
            Second(at=float(at), answers=answers, failed=len(failed))
            for at, (answers, failed) in sorted(seconds.items())
        ),
        errors=tuple(errors)[:20],
    )
