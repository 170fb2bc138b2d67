"""A runner of workflows: jobs in their order, steps with conditions, contexts and environments, actions as they are known here.

Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pushproof.base.clock import Clock
from pushproof.engines import github
from pushproof.engines.workflow import (
    Function,
    Job,
    Scope,
    Step,
    Value,
    Workflow,
    WorkflowError,
    evaluate,
    holds,
    interpolate,
    read_workflow,
    truth,
)
from pushproof.workflows.actions import CHECKOUT, action_for
from pushproof.workflows.call import Call, StepFailed
from pushproof.workflows.programs import SHELLS, NodeAction, Said, run_program
from pushproof.workflows.runs import Push, RunResult, StepResult

#: The folder of a repository's workflows.
FOLDER = Path(".github/workflows")
_ENDED = {True: "success", False: "failure"}


@dataclass(frozen=True, slots=True)
class RunnerSettings:
    """Settings of a runner.

    `environment`: the variables that every step gets; no credentials. `git`: those with which the repository is fetched. `source`:
    its URL. `identity` registers a job for tokens, and returns its variables. `variables` and `secrets`: the repository's on
    GitHub. `actions`: a directory with the real code of actions, in folders `owner/name`.
    """

    environment: Mapping[str, str]
    git: Mapping[str, str]
    source: str
    identity: Callable[[github.Job], Mapping[str, str]]
    clock: Clock
    directory: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    actions: Path | None = None


def workflows_of(repository: Path) -> list[Workflow]:
    """Return the workflows of a repository. Raises WorkflowError for one that cannot be run here."""
    paths = sorted([*(repository / FOLDER).glob("*.yml"), *(repository / FOLDER).glob("*.yaml")])
    return [read_workflow(path.read_text(encoding="utf-8"), str(path.relative_to(repository))) for path in paths]


def require_runnable(workflow: Workflow, actions: Path | None = None) -> None:
    """Raise WorkflowError, naming all of them, for actions and shells that are not run here."""
    unknown = [
        f"{step.uses} (job {job.id}, step {step.number})"
        for job in workflow.jobs
        for step in job.steps
        if step.uses and not _performed(step, actions)
    ]
    shells = {step.shell or job.shell for job in workflow.jobs for step in job.steps if step.run} - SHELLS.keys()
    if unknown:
        raise WorkflowError(
            f"{workflow.path} uses actions that are not performed here: {', '.join(unknown)}. Expected actions/checkout, those of "
            "aws-actions for ECS, and `run` steps; or give the code of the Node actions, as a directory with folders owner/name"
        )
    if shells:
        raise WorkflowError(
            f"{workflow.path} runs steps in {', '.join(sorted(shells))}; expected {', '.join(name for name in SHELLS if name)}"
        )
    workflow.in_order()


def _performed(step: Step, actions: Path | None) -> bool:
    known = step.action == CHECKOUT or action_for(step.uses) is not None
    return known or NodeAction.found(actions, step.action) is not None


def _silent(_line: str) -> None:
    """Say nothing."""


def _docker_settings(directory: Path, environment: Mapping[str, str]) -> None:
    """Give a job's Docker the user's plugins and context, and none of the user's logins."""
    home = environment.get("DOCKER_CONFIG") or str(Path(environment.get("HOME", "~")).expanduser() / ".docker")
    for name in ("cli-plugins", "contexts"):
        if (Path(home) / name).is_dir():
            (directory / name).symlink_to(Path(home) / name)
    with suppress(OSError, ValueError):
        context = json.loads((Path(home) / "config.json").read_text(encoding="utf-8")).get("currentContext")
        if context:
            (directory / "config.json").write_text(json.dumps({"currentContext": context}), encoding="utf-8")


class Runner:
    """Runs workflows of one repository. `say` hears every line of a log, with secrets masked."""

    def __init__(self, settings: RunnerSettings, say: Callable[[str], None] = _silent) -> None:
        self.settings = settings
        self._say = say
        self._runs = 0

    def run(self, workflow: Workflow, push: Push) -> RunResult:
        """Run a workflow for a push, to its end. Raises WorkflowError, before anything starts, for what is not run here."""
        require_runnable(workflow, self.settings.actions)
        self._runs += 1
        run = _Run(self.settings, workflow, push, self._runs, self._say)
        return run.whole()


class _Run:
    """One run. The jobs run one after another."""

    def __init__(
        self, settings: RunnerSettings, workflow: Workflow, push: Push, number: int, say: Callable[[str], None]
    ) -> None:
        self._settings, self._workflow, self._push, self._number = settings, workflow, push, number
        self._hear = say
        self._directory = settings.directory / f"run-{number}-{push.commit[:7]}"
        shutil.rmtree(self._directory, ignore_errors=True)
        self.masks: set[str] = {secret for secret in settings.secrets.values() if secret}
        self._log: list[str] = []
        self._results: list[StepResult] = []
        self._needs: dict[str, dict[str, Value]] = {}

    def say(self, line: str) -> None:
        for mask in self.masks:
            line = line.replace(mask, "***") if mask else line
        self._log.append(line)
        self._hear(line)

    def whole(self) -> RunResult:
        outputs: dict[str, Mapping[str, str]] = {}
        conclusions: list[str] = []
        for job in self._workflow.in_order():
            runner = _JobRun(
                self, self._settings, self._workflow, self._push, self._number, job, self._directory / job.id
            )
            needed = {name: self._needs[name] for name in job.needs}
            succeeded = all(entry["result"] == "success" for entry in needed.values())
            result, values = runner.whole(needed, succeeded=succeeded)
            self._results += runner.results
            conclusions.append(result)
            self._needs[job.id] = {"result": result, "outputs": dict(values)}
            outputs[job.id] = values
        conclusion = "failure" if "failure" in conclusions else "success"
        return RunResult(self._workflow.name, conclusion, tuple(self._results), tuple(self._log), outputs)


class _JobRun:
    """One job: a workspace, an environment that steps add to, and their outcomes."""

    def __init__(
        self,
        run: _Run,
        settings: RunnerSettings,
        workflow: Workflow,
        push: Push,
        number: int,
        job: Job,
        directory: Path,
    ) -> None:
        self._run, self._settings, self._workflow, self._push, self._job = run, settings, workflow, push, job
        self._workspace, self._temporary = directory / "workspace", directory / "temporary"
        for path in (self._workspace, self._temporary, directory / "docker"):
            path.mkdir(parents=True)
        self._number = number
        self._status = "success"
        self._steps: dict[str, dict[str, Value]] = {}
        self._exported: dict[str, str] = {}
        self._paths: list[str] = []
        self._cleanups: list[Callable[[], None]] = []
        self._needs: Mapping[str, Value] = {}
        self._files = 0
        self.results: list[StepResult] = []
        self._github: dict[str, Value] = {
            "actor": push.actor,
            "event_name": "push",
            "job": job.id,
            "ref": f"refs/heads/{push.branch}",
            "ref_name": push.branch,
            "ref_type": "branch",
            "repository": push.repository,
            "repository_owner": push.repository.split("/", 1)[0],
            "run_attempt": "1",
            "run_id": str(number),
            "run_number": str(number),
            "server_url": "https://github.com",
            "api_url": "https://api.github.com",
            "sha": push.commit,
            "workflow": workflow.name,
            "workspace": str(self._workspace),
            "event": {
                "ref": f"refs/heads/{push.branch}",
                "after": push.commit,
                "repository": {"full_name": push.repository},
            },
        }
        _docker_settings(directory / "docker", settings.environment)
        event = self._temporary / "event.json"
        event.write_text(json.dumps(self._github["event"]), encoding="utf-8")
        self._base = {
            **settings.environment,
            # A login to a registry is the job's own.
            "DOCKER_CONFIG": str(directory / "docker"),
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_PATH": str(event),
            "RUNNER_OS": "Linux",
            "RUNNER_TEMP": str(self._temporary),
            **{f"GITHUB_{name.upper()}": value for name, value in self._github.items() if isinstance(value, str)},
        }

    def whole(self, needs: Mapping[str, Value], *, succeeded: bool) -> tuple[str, dict[str, str]]:
        """Run the job; returns its result and its outputs."""
        self._needs = needs
        scope = self._scope({})
        if not holds(self._job.condition, scope, succeeded=succeeded):
            self._run.say(f"Job {self._job.name} is skipped")
            return "skipped", {}
        self._run.say(f"Job {self._job.name}")
        environment = dict(self._workflow.environment) | dict(self._job.environment)
        self._own = {name: interpolate(value, scope) for name, value in environment.items()}
        token = ""
        if self._job.token:
            variables = self._settings.identity(self._identity(scope))
            token = variables.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "")
            self._base |= variables
            if token:
                self._run.masks.add(token)
        try:
            for step in self._job.steps:
                self._perform(step)
        finally:
            for clean_up in reversed(self._cleanups):
                with suppress(StepFailed, WorkflowError):
                    clean_up()
        outputs = {
            name: interpolate(value, self._scope(self._environment({}))) for name, value in self._job.outputs.items()
        }
        return self._status, outputs

    def _identity(self, scope: Scope) -> github.Job:
        push = self._push
        repository = github.Repository.named(push.repository, owner_id=push.owner_id, id=push.repository_id)
        return github.Job(
            repository,
            ref=f"refs/heads/{push.branch}",
            environment=interpolate(self._job.deployment, scope),
            workflow=self._workflow.name,
            workflow_file=self._workflow.path,
            sha=push.commit,
            actor=push.actor,
            run_id=str(self._number),
            run_number=self._number,
        )

    # Contexts.

    def _scope(self, environment: Mapping[str, str]) -> Scope:
        contexts: dict[str, Value] = {
            "github": self._github,
            "env": dict(environment),
            "vars": dict(self._settings.variables),
            "secrets": dict(self._settings.secrets),
            "steps": dict(self._steps),
            "needs": dict(self._needs),
            "job": {"status": self._status},
            "runner": {"os": "Linux", "temp": str(self._temporary), "name": "pushproof"},
            "inputs": {},
        }
        status: dict[str, Function] = {
            "always": lambda _: True,
            "success": lambda _: self._status == "success",
            "failure": lambda _: self._status == "failure",
            "cancelled": lambda _: False,
            "hashFiles": self._hash,
        }
        return Scope(contexts, status)

    def _hash(self, patterns: Sequence[Value]) -> Value:
        digest = hashlib.sha256()
        files = sorted({path for pattern in patterns for path in self._workspace.glob(str(pattern)) if path.is_file()})
        for path in files:
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest() if files else ""

    def _environment(self, own: Mapping[str, str]) -> dict[str, str]:
        environment = {**self._base, **getattr(self, "_own", {}), **self._exported, **own}
        if self._paths:
            environment["PATH"] = ":".join([*reversed(self._paths), environment.get("PATH", "")])
        return environment

    # Steps.

    def _perform(self, step: Step) -> None:
        started, outcome, message = time.monotonic(), "success", ""
        outputs: dict[str, str] = {}
        name = step.name
        try:
            before = self._environment({})
            if not holds(step.condition, self._scope(before), succeeded=self._status == "success"):
                self._end(step, name, StepResult(self._job.id, name, "skipped", uses=step.uses), outputs)
                return
            own = {key: interpolate(value, self._scope(before)) for key, value in step.environment.items()}
            environment = self._environment(own)
            scope = self._scope(environment)
            name = interpolate(step.name, scope)
            self._run.say(f"▶ {name}")
            outputs = self._script(step, environment, scope) if step.run else self._action(step, environment, scope)
        except (StepFailed, WorkflowError) as error:
            outcome, message = "failure", str(error)
            self._run.say(f"Error: {message}")
            outputs = getattr(error, "outputs", {})
        seconds = time.monotonic() - started
        result = StepResult(self._job.id, name, outcome, self._masked(message), seconds, step.uses)
        self._end(step, name, result, outputs)

    def _masked(self, text: str) -> str:
        for mask in self._run.masks:
            text = text.replace(mask, "***") if mask else text
        return text

    def _end(self, step: Step, name: str, result: StepResult, outputs: Mapping[str, str]) -> None:
        tolerated = False
        if result.outcome == "failure":
            text = step.continue_on_error
            scope = self._scope(self._environment({}))
            tolerated = truth(evaluate(text[3:-2], scope)) if text.startswith("${{") else text == "true"
            if not tolerated:
                self._status = "failure"
        self.results.append(
            result if not tolerated else StepResult(result.job, name, "success", result.message, result.seconds)
        )
        if step.id:
            conclusion = "success" if tolerated else result.outcome
            self._steps[step.id] = {"outputs": dict(outputs), "outcome": result.outcome, "conclusion": conclusion}

    def _next_files(self) -> Path:
        self._files += 1
        return self._temporary / f"files-{self._files}"

    def _script(self, step: Step, environment: dict[str, str], scope: Scope) -> dict[str, str]:
        files = self._next_files()
        script = files.with_suffix(".sh")
        script.write_text(interpolate(step.run, scope) + "\n", encoding="utf-8")
        directory = self._workspace / interpolate(step.directory or self._job.directory, scope)
        if not directory.is_dir():
            raise StepFailed(
                f"working-directory {directory.relative_to(self._workspace)} is no directory of the workspace"
            )
        shell = SHELLS[step.shell or self._job.shell]
        said = run_program(
            [*shell, str(script)], environment=environment, directory=directory, files=files, say=self._run.say
        )
        self._keep(said)
        if said.code:
            raise StepFailed(f"Process completed with exit code {said.code}.")
        return said.outputs

    def _keep(self, said: Said) -> None:
        self._exported |= said.variables
        self._paths += said.paths
        self._run.masks |= {mask for mask in said.masks if mask}

    def _action(self, step: Step, environment: dict[str, str], scope: Scope) -> dict[str, str]:
        inputs = {key: interpolate(value, scope) for key, value in step.inputs.items()}
        if step.action == CHECKOUT:
            self._check_out(inputs)
            return {}
        real = NodeAction.found(self._settings.actions, step.action)
        if real is not None:
            return self._node(real, inputs, environment)
        performed = action_for(step.uses)
        assert performed is not None
        call = Call(
            inputs, environment, self._workspace, self._temporary, self._settings.clock, self._run.say, self._run.masks
        )
        try:
            performed(call)
        finally:
            self._exported |= call.exported
            self._cleanups += call.cleanups
        return call.outputs

    def _node(self, action: NodeAction, inputs: Mapping[str, str], environment: dict[str, str]) -> dict[str, str]:
        variables = {**environment, **action.variables(inputs)}
        command = ["node", str(action.directory / action.main)]
        said = run_program(
            command, environment=variables, directory=self._workspace, files=self._next_files(), say=self._run.say
        )
        self._keep(said)
        if action.post:
            state = {f"STATE_{name}": value for name, value in said.state.items()}
            self._cleanups.append(lambda: self._node_post(action, {**variables, **state}))
        if said.code:
            raise StepFailed(said.error or f"{action.directory.name} ended with exit code {said.code}")
        return said.outputs

    def _node_post(self, action: NodeAction, variables: Mapping[str, str]) -> None:
        command = ["node", str(action.directory / action.post)]
        run_program(
            command, environment=variables, directory=self._workspace, files=self._next_files(), say=self._run.say
        )

    def _check_out(self, inputs: Mapping[str, str]) -> None:
        """Fetch the pushed commit, or the `ref` that the step names, as actions/checkout does."""
        other = inputs.get("repository", "")
        if other and other != self._push.repository:
            raise StepFailed(
                f"checkout of {other} is not performed here: expected the pushed repository {self._push.repository}"
            )
        path = self._workspace / inputs.get("path", "")
        path.mkdir(parents=True, exist_ok=True)
        depth = inputs.get("fetch-depth", "1")
        shallow = [] if depth == "0" else [f"--depth={depth}"]
        ref = inputs.get("ref") or self._push.commit
        for arguments in (
            ("init", "--quiet", f"--initial-branch={self._push.branch}"),
            ("fetch", "--quiet", "--no-tags", *shallow, self._settings.source, ref),
            ("-c", "advice.detachedHead=false", "checkout", "--quiet", "--force", "FETCH_HEAD"),
        ):
            done = subprocess.run(
                ["git", *arguments],
                cwd=path,
                env=dict(self._settings.git),
                capture_output=True,
                text=True,
                check=False,
                timeout=300,
            )
            if done.returncode:
                raise StepFailed(f"The process 'git' failed with exit code {done.returncode}: {done.stderr.strip()}")
        self._run.say(f"HEAD is now at {self._push.commit[:7]}")
