"""Workflows as they are written: jobs, steps, triggers and permissions, read from their file.

Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import yaml

from pushproof.base.expressions import UnsupportedExpression, pythons
from pushproof.engines.workflow.errors import WorkflowError

_UNSUPPORTED_JOB: Final = ("strategy", "container", "services", "uses", "snapshot")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a job: it runs a script, or uses an action. Texts may contain expressions."""

    number: int
    name: str
    id: str = ""
    uses: str = ""
    run: str = ""
    shell: str = ""
    directory: str = ""
    condition: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    continue_on_error: str = "false"

    @property
    def action(self) -> str:
        """The action's name without its version; "" for a script."""
        return self.uses.partition("@")[0]


@dataclass(frozen=True, slots=True)
class Job:
    """One job. `token`: whether its steps may request an OpenID Connect token. `deployment`: the environment that it names."""

    id: str
    name: str
    steps: tuple[Step, ...]
    needs: tuple[str, ...] = ()
    condition: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    deployment: str = ""
    token: bool = False
    shell: str = ""
    directory: str = ""


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow file. `branches`: patterns of branches whose pushes start it; None where no push does."""

    path: str
    name: str
    jobs: tuple[Job, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    branches: tuple[str, ...] | None = None
    ignored: tuple[str, ...] = ()

    @property
    def actions(self) -> tuple[str, ...]:
        """The actions that its steps use, without versions."""
        return tuple(dict.fromkeys(step.action for job in self.jobs for step in job.steps if step.uses))

    def starts_on(self, branch: str) -> bool:
        """Return whether a push to a branch starts the workflow."""
        if self.branches is None or any(_pattern(pattern).fullmatch(branch) for pattern in self.ignored):
            return False
        started = not self.branches
        # Later patterns win: `!` takes branches out again.
        for pattern in self.branches:
            if _pattern(pattern.removeprefix("!")).fullmatch(branch):
                started = not pattern.startswith("!")
        return started

    def in_order(self) -> tuple[Job, ...]:
        """Return the jobs, each after those that it needs. Raises WorkflowError for a circle."""
        done: list[Job] = []
        waiting = list(self.jobs)
        while waiting:
            ready = [job for job in waiting if set(job.needs) <= {job.id for job in done}]
            if not ready:
                raise WorkflowError(f"{self.path}: the jobs {', '.join(job.id for job in waiting)} need each other")
            done += ready
            waiting = [job for job in waiting if job not in ready]
        return tuple(done)


def read_workflow(text: str, path: str) -> Workflow:
    """Read a workflow. Raises WorkflowError, naming the place, for what is no workflow and for what is not run here."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise WorkflowError(f"{path} is no YAML: {error}") from None
    top = _mapping(document, path, "a workflow")
    # YAML 1.1 reads the key `on` as true.
    triggers = top.get("on", top.get("True"))
    if triggers is None:
        raise WorkflowError(f"{path} has no `on`: nothing starts it")
    branches, ignored = _push(triggers, path)
    for glob in (*(branches or ()), *ignored):
        try:
            _pattern(glob.removeprefix("!"))
        except (re.error, UnsupportedExpression) as error:
            raise WorkflowError(f"{path}: `on.push` names branches by {glob!r}, which is no pattern: {error}") from None
    jobs = _mapping(top.get("jobs"), path, "`jobs`")
    if not jobs:
        raise WorkflowError(f"{path} has no jobs")
    shell, directory = _defaults(top, path)
    grants = _grants_token(top.get("permissions"))
    read = tuple(_job(name, body, path, shell, directory, grants) for name, body in jobs.items())
    known = {job.id for job in read}
    for job in read:
        for needed in job.needs:
            if needed not in known:
                raise WorkflowError(
                    f"{path}: job {job.id} needs {needed}, which is no job; there are {', '.join(known)}"
                )
    name = str(top.get("name") or path)
    return Workflow(path, name, read, _texts(top.get("env"), f"{path}: env"), branches, ignored)


def _job(name: str, body: object, path: str, shell: str, directory: str, grants: bool) -> Job:
    where = f"{path}: job {name}"
    job = _mapping(body, path, f"job {name}")
    for key in _UNSUPPORTED_JOB:
        if key in job:
            raise WorkflowError(f"{where} has `{key}`, which is not run here: expected plain steps on a runner")
    runner = str(job.get("runs-on", ""))
    if not runner:
        raise WorkflowError(f"{where} has no `runs-on`")
    if re.match(r"(windows|macos)", runner):
        raise WorkflowError(f"{where} runs on {runner}, which there is not here: expected Linux, such as ubuntu-24.04")
    steps = job.get("steps")
    if not isinstance(steps, list) or not steps:
        raise WorkflowError(f"{where} has no steps")
    own_shell, own_directory = _defaults(job, path)
    environment = job.get("environment") or ""
    if isinstance(environment, Mapping):
        environment = environment.get("name", "")
    permissions = job.get("permissions")
    return Job(
        id=name,
        name=str(job.get("name") or name),
        steps=tuple(_step(number, step, where) for number, step in enumerate(steps, 1)),
        needs=_listed(job.get("needs")),
        condition=_text(job.get("if")),
        environment=_texts(job.get("env"), f"{where}: env"),
        outputs=_texts(job.get("outputs"), f"{where}: outputs"),
        deployment=str(environment),
        token=grants if permissions is None else _grants_token(permissions),
        shell=own_shell or shell,
        directory=own_directory or directory,
    )


def _step(number: int, body: object, where: str) -> Step:
    if not isinstance(body, Mapping):
        raise WorkflowError(f"{where}: step {number} is {type(body).__name__}; expected `run` or `uses`")
    step = {str(key): value for key, value in body.items()}
    uses, run = _text(step.get("uses")), _text(step.get("run"))
    if bool(uses) is bool(run):
        raise WorkflowError(
            f"{where}: step {number} has {'both' if uses else 'neither'} `run` and `uses`; expected one"
        )
    name = _text(step.get("name")) or uses or f"Run {run.splitlines()[0]}"
    return Step(
        number=number,
        name=name,
        id=_text(step.get("id")),
        uses=uses,
        run=run,
        shell=_text(step.get("shell")),
        directory=_text(step.get("working-directory")),
        condition=_text(step.get("if")),
        environment=_texts(step.get("env"), f"{where}: env of step {number}"),
        inputs=_texts(step.get("with"), f"{where}: with of step {number}"),
        continue_on_error=_text(step.get("continue-on-error")) or "false",
    )


def _push(triggers: object, path: str) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """Return the patterns of branches whose pushes start a workflow, and of those whose do not."""
    if isinstance(triggers, str | list):
        return ((), ()) if "push" in ([triggers] if isinstance(triggers, str) else triggers) else (None, ())
    events = _mapping(triggers, path, "`on`")
    if "push" not in events:
        return None, ()
    push = _mapping(events["push"] or {}, path, "`on.push`")
    # Tags alone leave branches out.
    if "tags" in push and "branches" not in push and "branches-ignore" not in push:
        return None, ()
    return _listed(push.get("branches")), _listed(push.get("branches-ignore"))


def _listed(value: object) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(map(str, value)) if isinstance(value, list) else ()


def _pattern(glob: str) -> re.Pattern[str]:
    """Return a filter pattern: `*` stays within a part of the name, `**` does not."""
    parts = re.split(r"(\*\*|\*|\?|\[[^\]]*\])", glob)
    known = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
    return pythons("".join(known.get(part) or (part if part.startswith("[") else re.escape(part)) for part in parts))


def _grants_token(permissions: object) -> bool:
    if isinstance(permissions, Mapping):
        return permissions.get("id-token") == "write"
    return permissions == "write-all"


def _defaults(body: Mapping[str, object], path: str) -> tuple[str, str]:
    defaults = body.get("defaults")
    run = _mapping(_mapping(defaults or {}, path, "`defaults`").get("run") or {}, path, "`defaults.run`")
    return _text(run.get("shell")), _text(run.get("working-directory"))


def _mapping(value: object, path: str, what: str) -> dict[str, object]:
    if not isinstance(value, Mapping):
        raise WorkflowError(
            f"{path}: {what} is {type(value).__name__ if value is not None else 'missing'}; expected keys"
        )
    return {str(key): inner for key, inner in value.items()}


def _texts(value: object, where: str) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise WorkflowError(f"{where} is {type(value).__name__}; expected names with values")
    return {str(name): _text(inner) for name, inner in value.items()}


def _text(value: object) -> str:
    """Return a scalar of YAML as the runner reads it."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
