"""Programs of steps: scripts in a shell, and actions that are Node programs, each speaking by the runner's files."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from pushproof.engines.workflow import WorkflowError, assignments, command_of
from pushproof.workflows.call import StepFailed

#: The command lines of shells; the first is that of a step which names none.
SHELLS: Mapping[str, tuple[str, ...]] = {
    "": ("bash", "-e"),
    "bash": ("bash", "--noprofile", "--norc", "-eo", "pipefail"),
    "sh": ("sh", "-e"),
    "python": ("python3",),
}
_FILES = ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY", "GITHUB_STATE")


@dataclass(frozen=True, slots=True)
class Said:
    """The results of a program: outputs, variables, additions to PATH, saved state, secrets to mask, and its last error."""

    outputs: dict[str, str]
    variables: dict[str, str]
    paths: list[str]
    state: dict[str, str]
    masks: set[str]
    error: str
    code: int


def run_program(
    command: list[str], *, environment: Mapping[str, str], directory: Path, files: Path, say: Callable[[str], None]
) -> Said:
    """Run a program to its end, and return what it left. `files`: the directory of its files. Raises WorkflowError, StepFailed."""
    files.mkdir(parents=True)
    places = {name: str(files / name.lower()) for name in _FILES}
    for place in places.values():
        Path(place).touch()
    masks: set[str] = set()
    error = ""
    try:
        process = subprocess.Popen(
            command, cwd=directory, env={**environment, **places}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
        )  # fmt: skip
    except OSError as failure:
        raise StepFailed(f"{command[0]} cannot be started: {failure.strerror}") from failure
    with process:
        try:
            assert process.stdout is not None
            for raw in process.stdout:
                line = raw.rstrip("\n")
                spoken = command_of(line)
                if spoken is None:
                    say(line)
                elif spoken.name == "add-mask":
                    masks.add(spoken.value)
                elif spoken.name in ("error", "warning", "notice"):
                    say(f"{spoken.name.capitalize()}: {spoken.value}")
                    error = spoken.value if spoken.name == "error" else error
            process.wait()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return Said(
        outputs=_read(places["GITHUB_OUTPUT"], "output"),
        variables=_read(places["GITHUB_ENV"], "env"),
        paths=[line for line in Path(places["GITHUB_PATH"]).read_text(encoding="utf-8").splitlines() if line],
        state=_read(places["GITHUB_STATE"], "state"),
        masks=masks,
        error=error,
        code=process.returncode,
    )


def _read(path: str, what: str) -> dict[str, str]:
    return assignments(Path(path).read_text(encoding="utf-8"), what)


@dataclass(frozen=True, slots=True)
class NodeAction:
    """The real code of an action: a Node program with its description."""

    directory: Path
    main: str
    post: str
    defaults: Mapping[str, str]

    @classmethod
    def found(cls, actions: Path | None, name: str) -> NodeAction | None:
        """Return the action of that name below a directory of `owner/name` folders; None where it or Node is not there."""
        directory = actions / name if actions is not None else None
        if directory is None or not (directory / "action.yml").is_file() or shutil.which("node") is None:
            return None
        described = yaml.safe_load((directory / "action.yml").read_text(encoding="utf-8"))
        runs = described.get("runs", {})
        if not str(runs.get("using", "")).startswith("node"):
            raise WorkflowError(f"{directory}: runs.using is {runs.get('using')!r}; expected a Node action")
        inputs = described.get("inputs") or {}
        defaults = {
            key: str(body["default"]) for key, body in inputs.items() if (body or {}).get("default") is not None
        }
        return cls(directory, str(runs["main"]), str(runs.get("post") or ""), defaults)

    def variables(self, inputs: Mapping[str, str]) -> dict[str, str]:
        """Return the inputs as the program reads them."""
        values = {**self.defaults, **inputs}
        return {f"INPUT_{name.replace(' ', '_').upper()}": value for name, value in values.items()}
