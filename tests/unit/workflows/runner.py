"""Runs a job of a workflow as GitHub's runner does: steps in order, conditions, environments, shells, outcomes.

Programs that reach outside are replaced by ones that record their calls and answer as the test specifies. PATH has only those and
a few tools of the shell's, so that an unexpected command is missing instead of run.

Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from tests.unit.workflows.expressions import Unknown, evaluate, interpolate

ROOT = Path(__file__).resolve().parents[3]
TOOLS = ("bash", "cat", "grep", "head", "mkdir", "rm", "tail", "tee")
STAND_INS = ("tox", "gh", "curl", "python", "terraform")
SHELLS = {None: ["bash", "-e"], "bash": ["bash", "--noprofile", "--norc", "-eo", "pipefail"]}
_STATUS = re.compile(r"\b(always|success|failure|cancelled)\(\)")

_STAND_IN = """#!{python} -IS
import json, os, re, subprocess, sys
name = os.path.basename(sys.argv[0])
line = " ".join([name, *sys.argv[1:]])
with open({calls!r}, "a") as stream:
    kept = {{k: v for k, v in os.environ.items() if k != "PATH"}}
    stream.write(json.dumps({{"line": line, "arguments": sys.argv[1:], "environment": kept}}) + "\\n")
for pattern, code, output, command in json.load(open({answers!r})):
    if re.search(pattern, line):
        print(output, end="", flush=True)
        done = subprocess.run([*command, *sys.argv[1:]]).returncode if command else 0
        sys.exit(done if code is None else code)
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a replacement program to command lines that match a pattern: output, then the effect of `command` (called with
    the
    arguments). `code` is the exit code, None the command's own. A command without an answer succeeds silently.
    """

    pattern: str
    code: int | None = 0
    output: str = ""
    command: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """A recorded call of a replacement program."""

    line: str
    arguments: list[str]
    environment: dict[str, str]


class StandIns:
    """A folder for PATH, and what was asked of what is in it."""

    def __init__(self, directory: Path, answers: Sequence[Answer] = ()) -> None:
        self.path, self._calls = directory / "bin", directory / "calls.jsonl"
        self.path.mkdir(parents=True)
        known = directory / "answers.json"
        known.write_text(json.dumps([[a.pattern, a.code, a.output, list(a.command)] for a in answers]))
        self._text = _STAND_IN.format(python=sys.executable, calls=str(self._calls), answers=str(known))
        for name in STAND_INS:
            self.put(self.path / name)
        for name in TOOLS:
            found = shutil.which(name)
            assert found, f"{name} is not on PATH"
            (self.path / name).symlink_to(found)

    def put(self, program: Path) -> None:
        """Put a replacement program of this name in this place."""
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(self._text)
        program.chmod(0o755)

    @property
    def calls(self) -> list[Call]:
        """Return the calls of the replacement programs, in order."""
        if not self._calls.exists():
            return []
        return [Call(**json.loads(line)) for line in self._calls.read_text(encoding="utf-8").splitlines()]

    def called(self, pattern: str) -> list[Call]:
        return [call for call in self.calls if re.search(pattern, call.line)]


@dataclass
class Job:
    """One job of a workflow, in a workspace of its own.

    `values` has what expressions may name; an expression that names anything else fails the test. `cancel`: the name of the step in
    which the job is cancelled.
    """

    workflow: Path
    name: str
    directory: Path
    values: Mapping[str, Any]
    answers: Sequence[Answer] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    cancel: str | None = None
    status: str = "success"
    outcomes: dict[str, str] = field(default_factory=dict)
    logs: dict[str, str] = field(default_factory=dict)
    artifacts: dict[str, list[str]] = field(default_factory=dict)
    used: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._read = yaml.safe_load(self.workflow.read_text(encoding="utf-8"))
        self._job = self._read["jobs"][self.name]
        self.workspace, self.summary = self.directory / "workspace", self.directory / "summary.md"
        self.workspace.mkdir(parents=True)
        self.stand_ins = StandIns(self.directory, self.answers)
        self._set: dict[str, str] = {}
        self.values = {"github.workspace": str(self.workspace), **self.values}

    def run(self) -> Job:
        """Every step, in order."""
        for step in self._job["steps"]:
            name = str(step.get("name") or step["uses"].partition("@")[0])
            if self._wanted(step):
                done = self._action(step) if "uses" in step else self._script(name, step)
                self.outcomes[name] = "success" if done else "failure"
                if not done and self.status == "success":
                    self.status = "failure"
                if self.cancel == name:
                    self.outcomes[name] = self.status = "cancelled"
            else:
                self.outcomes[name] = "skipped"
            if "id" in step:
                self.values = {**self.values, f"steps.{step['id']}.outcome": self.outcomes[name]}
        return self

    @property
    def calls(self) -> list[Call]:
        return self.stand_ins.calls

    def called(self, pattern: str) -> list[Call]:
        return self.stand_ins.called(pattern)

    def _functions(self) -> dict[str, Callable[..., Any]]:
        return {
            "always": lambda: True,
            "success": lambda: self.status == "success",
            "failure": lambda: self.status == "failure",
            "cancelled": lambda: self.status == "cancelled",
            "hashFiles": lambda *patterns: "hash" if any(list(ROOT.glob(p)) for p in patterns) else "",
        }

    def _wanted(self, step: Mapping[str, Any]) -> bool:
        condition = str(step.get("if", "success()")).strip().removeprefix("${{").removesuffix("}}")
        value = evaluate(condition, self.values, self._functions())
        return bool(value) if _STATUS.search(condition) else bool(value) and self.status == "success"

    def _text(self, value: Any) -> str:
        return interpolate(value, self.values, self._functions())

    def _script(self, name: str, step: Mapping[str, Any]) -> bool:
        script = self._text(step["run"])
        shell = step.get("shell") or self._read.get("defaults", {}).get("run", {}).get("shell")
        checked = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, timeout=60, check=False)
        assert checked.returncode == 0, f"{name}: {checked.stderr}"
        given: dict[str, str] = {
            "PATH": str(self.stand_ins.path),
            "CI": "true",
            "HOME": str(self.directory),
            "GITHUB_ACTOR": "somebody",
            "GITHUB_REPOSITORY": str(self.values["github.repository"]),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            **self.environment,
            **self._set,
        }
        for level in (self._read, self._job, step):
            given |= {key: self._text(value) for key, value in level.get("env", {}).items()}
        file = self.directory / "step.sh"
        file.write_text(script)
        done = subprocess.run(
            [*SHELLS[shell], str(file)], cwd=self.workspace, env=given, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
        self.logs[name] = done.stdout + done.stderr
        assert done.returncode != 127, f"{name} calls what is not there: {done.stderr}"
        return done.returncode == 0

    def _action(self, step: Mapping[str, Any]) -> bool:
        action = step["uses"].partition("@")[0]
        given = {key: self._text(value) for key, value in step.get("with", {}).items()}
        self.used[str(step.get("name") or action)] = given
        if action == "aws-actions/configure-aws-credentials":
            if not given["role-to-assume"]:
                return False
            self._set |= {
                "AWS_ACCESS_KEY_ID": "ASIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token",
                "AWS_REGION": given["aws-region"], **{k: v for k, v in self.environment.items() if k.startswith("AWS_")},
            }  # fmt: skip
        elif action == "actions/upload-artifact":
            self._keep(given)
        elif action == "actions/cache":
            self.values = {f"steps.{step['id']}.outputs.cache-hit": "", **self.values}
        elif action not in ("actions/checkout", "actions/setup-python", "hashicorp/setup-terraform"):
            raise Unknown(f"the test does not know what {action} does")
        return True

    def _keep(self, given: Mapping[str, str]) -> None:
        kept: set[str] = set()
        for pattern in given["path"].split():
            found = [p for p in self.workspace.glob(pattern) if p.is_file()]
            found += [p for d in self.workspace.glob(pattern) if d.is_dir() for p in d.rglob("*") if p.is_file()]
            names = [p.relative_to(self.workspace) for p in found]
            hidden = given.get("include-hidden-files") == "true"
            kept |= {str(n) for n in names if hidden or not any(part.startswith(".") for part in n.parts)}
        if kept:
            self.artifacts[given["name"]] = sorted(kept)
