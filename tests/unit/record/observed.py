"""A drill that was observed once on the embedded target: the reference pushed well twice, then broken, and rolled back."""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

from pushproof.record.assembling import Told, assemble
from pushproof.record.codec import read
from pushproof.record.model import Moment, Record, Requests, Run, Step, Versions
from pushproof.record.observing import Observations

SPEED = 20.0


@cache
def _document() -> str:
    return (Path(__file__).parent / "rolled_back.json").read_text(encoding="utf-8")


def document() -> dict[str, Any]:
    """The whole file, anew for each caller."""
    parsed: dict[str, Any] = json.loads(_document())
    return parsed


def observations() -> Observations:
    return Observations(**document()["observations"])


def told(**changes: Any) -> Told:
    """The drill's own report."""
    read_once = document()
    steps = tuple(
        Step(
            letter=step["letter"], title=step["title"], started=step["started"], ended=step["ended"],
            seconds=step["ended"] - step["started"], aws_seconds=(step["ended"] - step["started"]) * SPEED, failed=False,
            claims=tuple(step["claims"]),
        )
        for step in read_once["steps"]
    )  # fmt: skip
    settings: dict[str, Any] = {
        "run": Run(
            id="c0ffee01", command="drill", target="embedded", account="123456789012", region="eu-west-1", speed=SPEED,
            began="2026-11-28T22:19:16+00:00", seconds=304.0, environment="infrastructure/environments/dev", variant="unhealthy",
        ),
        "versions": Versions(pushproof="0.1.0", python="3.12.3", terraform="1.10.5"),
        "passed": True,
        "title": "A push deploys, a bad push rolls back",
        "steps": steps,
        "moments": tuple(Moment(**moment) for moment in read_once["moments"]),
        "requests": tuple(read(Requests, requests, "requests") for requests in read_once["requests"]),
        "watched": True,
        "began": read_once["began"],
    }  # fmt: skip
    return Told(**{**settings, **changes})


@cache
def _rolled_back() -> Record:
    return assemble(told(), observations())


def rolled_back() -> Record:
    """The record of the whole drill."""
    return copy.copy(_rolled_back())
