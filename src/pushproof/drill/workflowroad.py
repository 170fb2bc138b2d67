"""The second road of a push: a workflow of GitHub Actions builds, pushes and deploys, in place of a pipeline.

Runs of the workflow are told as executions, so that steps judge them as they judge a pipeline's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pushproof.drill.badinput import BadInput
from pushproof.drill.observation import Observer
from pushproof.engines.workflow import Workflow, WorkflowError
from pushproof.workflows.runner import FOLDER, Runner, require_runnable, workflows_of
from pushproof.workflows.runs import Push, RunResult

if TYPE_CHECKING:
    from pathlib import Path

    from pushproof.drill.discovery.shapes import ActionExecution, Execution

#: The road of a drill through a workflow of GitHub Actions.
GITHUB = "github"
ROADS = ("pipeline", GITHUB)
#: The action that deploys.
DEPLOY = "aws-actions/amazon-ecs-deploy-task-definition"
#: Variables of an account's administrator and of git, which no step of a workflow gets.
_NOT_FOR_STEPS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION")
_SECONDS_AT_END = 10.0


def environment_of_steps(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that steps get of a target's environment: its endpoint, and no credentials."""
    return {
        name: value
        for name, value in environment.items()
        if name not in _NOT_FOR_STEPS and not name.startswith(("GIT_CONFIG_", "ACTIONS_ID_TOKEN"))
    }


def deploying_workflow(application: Path, named: Path | None = None, actions: Path | None = None) -> Workflow:
    """Return the workflow of an application that deploys to ECS.

    Raises BadInput, before anything starts, when there is none, when there are several, and for what is not run here.
    """
    try:
        workflows = workflows_of(application)
        deploying = [workflow for workflow in workflows if DEPLOY in workflow.actions]
        if named is not None:
            deploying = [workflow for workflow in workflows if workflow.path in (str(named), str(FOLDER / named.name))]
        if len(deploying) != 1:
            listed = ", ".join(workflow.path for workflow in deploying or workflows) or "none"
            none = f"none of its workflows uses {DEPLOY}" if named is None else f"{named} is no workflow of it"
            what = "several workflows deploy" if deploying else none
            raise BadInput(f"{application}: {what}; there are: {listed}. Name the workflow with --workflow")
        workflow = deploying[0]
        require_runnable(workflow, actions)
    except WorkflowError as error:
        raise BadInput(f"{application}: {error}") from None
    if workflow.branches is None:
        raise BadInput(f"{application}: no push to a branch starts {workflow.path}: `on.push` is missing")
    return workflow


def steps_of_road(workflow: Workflow) -> tuple[str, str]:
    """Return the names of the step that builds and of the step that deploys. "" where there is none."""
    steps = [step for job in workflow.in_order() for step in job.steps]
    deploys = next((step.name for step in steps if step.action == DEPLOY), "")
    builds = next((step.name for step in steps if "docker build" in step.run or "docker buildx" in step.run), "")
    return builds, deploys


@dataclass(slots=True)
class WorkflowExecution:
    """One run of a workflow, as it goes. `result`: None while it runs; `error`: why the runner itself gave up."""

    identity: str
    commit: str
    began: datetime
    result: RunResult | None = None
    error: str = ""
    lines: list[str] = field(default_factory=list)

    @property
    def status(self) -> str:
        """The status in CodePipeline's words."""
        if self.result is None:
            return "Failed" if self.error else "InProgress"
        return "Succeeded" if self.result.conclusion == "success" else "Failed"


class WorkflowRuns:
    """The runs of a workflow that pushes have started, each in a thread of its own."""

    def __init__(
        self, workflow_at: Callable[[], Workflow], runner_for: Callable[[Callable[[str], None]], Runner]
    ) -> None:
        """Set up. `workflow_at` reads the workflow of the checkout; `runner_for` makes a runner that says lines to a function."""
        self._workflow_at, self._runner_for = workflow_at, runner_for
        self._threads: list[threading.Thread] = []
        self.executions: list[WorkflowExecution] = []

    def start(self, push: Push) -> str:
        """Start the workflow for a push; returns a line on it. Raises BadInput for a workflow that cannot be run."""
        workflow = self._workflow_at()
        if not workflow.starts_on(push.branch):
            return f"No workflow runs on branch {push.branch}: this push deploys nothing."
        number = len(self.executions) + 1
        execution = WorkflowExecution(f"run-{number}-{push.commit[:7]}", push.commit, datetime.now(UTC))
        self.executions.append(execution)
        runner = self._runner_for(execution.lines.append)

        def run() -> None:
            try:
                execution.result = runner.run(workflow, push)
            except Exception as error:
                execution.error = f"{type(error).__name__}: {error}"

        thread = threading.Thread(target=run, name=f"workflow {execution.identity}", daemon=True)
        self._threads.append(thread)
        thread.start()
        return f"{workflow.path} runs as {execution.identity}"

    def close(self) -> None:
        """Wait a little for runs that are at their end."""
        for thread in self._threads:
            thread.join(_SECONDS_AT_END)


class WorkflowObserver(Observer):
    """The eyes on a service and on the runs of a workflow: `runs`, which whoever makes it sets."""

    #: The runs to look at.
    runs: WorkflowRuns

    def executions(self) -> list[Execution]:
        """Return the runs, newest first, in the form of executions."""
        return [
            {
                "pipelineExecutionId": run.identity,
                "status": run.status,  # type: ignore[typeddict-item]
                "startTime": run.began,
                "sourceRevisions": [{"actionName": "push", "revisionId": run.commit}],
                "trigger": {"triggerType": "Webhook", "triggerDetail": "push"},
            }
            for run in reversed(self.runs.executions)
        ]

    def actions(self, execution_id: str) -> list[ActionExecution]:
        """Return nothing: what a run did is in its log."""
        return []

    def failure(self, execution_id: str) -> tuple[str, str]:
        """Return the step that failed in a run, and its message; ("", "") when none did."""
        run = next((run for run in self.runs.executions if run.identity == execution_id), None)
        if run is None or run.result is None:
            return ("", run.error) if run is not None and run.error else ("", "")
        failed = run.result.failed
        return (failed.name, failed.message) if failed is not None else ("", "")

    def build_log(self) -> list[str] | None:
        """Return the log of the newest run."""
        return list(self.runs.executions[-1].lines) if self.runs.executions else []
