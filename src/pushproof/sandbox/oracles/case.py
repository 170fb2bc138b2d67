"""One question, with AWS's answer and the engine's. Questions with different answers are recorded as fixtures."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ACCOUNT = re.compile(r"(?<!\d)\d{12}(?!\d)")
_RUN = re.compile(r"pushproof-[0-9a-f]{8}(?![0-9a-f])")


@dataclass(frozen=True, slots=True)
class Case:
    """One question with both answers.

    `question` is complete: the engine can answer it again. Both answers are plain values of the same form.
    """

    oracle: str
    question: dict[str, Any]
    aws: Any
    ours: Any

    @property
    def agrees(self) -> bool:
        return bool(self.aws == self.ours)

    def __str__(self) -> str:
        brief = json.dumps(self.question, sort_keys=True, default=str)
        brief = brief if len(brief) <= 300 else f"{brief[:300]}…"
        return f"{self.oracle}: {brief}\n  AWS:  {self.aws}\n  ours: {self.ours}"


def differences(cases: Iterable[Case]) -> list[Case]:
    """Return the cases in which AWS and the engine disagree."""
    return [case for case in cases if not case.agrees]


def record(directory: Path, case: Case, *, on: str) -> Path:
    """Record a case as a fixture, dated, without the account's number and the run's id. Return the file.

    The same question has the same file, so that recording it again updates the file.
    """
    question = _masked(case.question)
    digest = hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()[:12]
    content = {
        "oracle": case.oracle,
        "recorded": on,
        "asked": question,
        "aws": _masked(case.aws),
        "ours": _masked(case.ours),
    }
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{case.oracle}-{digest}.json"
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return path


def _masked(value: Any) -> Any:
    text = json.dumps(value, default=str)
    return json.loads(_RUN.sub("pushproof-00000000", _ACCOUNT.sub("123456789012", text)))
