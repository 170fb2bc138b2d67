"""Workflow files, as they are read; what is not run here is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushproof.engines.workflow import WorkflowError, read_workflow

REFERENCE = Path(__file__).parents[4] / "app/.github/workflows/deploy.yml"
HEAD = "on: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n"


def test_the_reference_apps_workflow_is_read() -> None:
    """The workflow of the reference app has one job with a token, and the five actions."""
    workflow = read_workflow(REFERENCE.read_text(), ".github/workflows/deploy.yml")
    (job,) = workflow.jobs
    assert job.token
    assert workflow.actions[0] == "actions/checkout"
    assert workflow.starts_on("main")
    assert workflow.starts_on("develop")
    assert not workflow.starts_on("feature")


@pytest.mark.parametrize(
    ("triggers", "branch", "starts"),
    [
        ("push", "any", True),
        ("[push, pull_request]", "any", True),
        ("pull_request", "any", False),
        ("{push: {branches: [main, 'release/**']}}", "release/1/2", True),
        ("{push: {branches: ['release/*']}}", "release/1/2", False),
        ("{push: {branches: ['release/**', '!release/old']}}", "release/old", False),
        ("{push: {branches-ignore: [docs]}}", "docs", False),
        ("{push: {branches-ignore: [docs]}}", "main", True),
        ("{push: {tags: ['v*']}}", "main", False),
        ("{workflow_dispatch: }", "main", False),
    ],
)
def test_pushes_start_what_they_start_on_github(triggers: str, branch: str, starts: bool) -> None:
    """Filters of branches decide, later patterns win, and tags alone leave branches out."""
    text = f"on: {triggers}\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps: [{{run: 'true'}}]\n"
    assert read_workflow(text, "w.yml").starts_on(branch) is starts


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [", "w.yml is no YAML"),
        ("jobs: {}", "w.yml has no `on`"),
        ("on: push", "`jobs` is missing"),
        ("on: push\njobs: {}", "w.yml has no jobs"),
        (HEAD, "job a has no steps"),
        (f"{HEAD}    steps: [{{name: x}}]", "step 1 has neither `run` and `uses`"),
        (f"{HEAD}    steps: [{{run: x, uses: y}}]", "step 1 has both `run` and `uses`"),
        (
            f"{HEAD}    strategy: {{matrix: {{v: [1]}}}}\n    steps: [{{run: x}}]",
            "job a has `strategy`, which is not run here",
        ),
        ("on: push\njobs:\n  a:\n    uses: o/r/.github/workflows/x.yml@main", "job a has `uses`"),
        ("on: push\njobs:\n  a:\n    runs-on: windows-2025\n    steps: [{run: x}]", "runs on windows-2025"),
        (
            "on: {push: {branches: ['v[9-1]']}}\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps: [{run: x}]",
            "`on.push` names branches by 'v[9-1]', which is no pattern",
        ),
        (f"{HEAD}    needs: b\n    steps: [{{run: x}}]", "job a needs b, which is no job"),
        (f"{HEAD}    env: [x]\n    steps: [{{run: x}}]", "env is list; expected names with values"),
    ],
)
def test_what_cannot_be_run_is_refused_by_name(text: str, says: str) -> None:
    """The message names the file, the job or step, and what was expected."""
    with pytest.raises(WorkflowError, match=says.replace("[", r"\[")):
        read_workflow(text, "w.yml")


def test_jobs_come_after_those_that_they_need() -> None:
    """The order follows `needs`, and a circle is refused."""
    steps = "runs-on: ubuntu-24.04, steps: [{run: 'true'}]"
    text = f"on: push\njobs:\n  c: {{needs: [a, b], {steps}}}\n  b: {{needs: a, {steps}}}\n  a: {{{steps}}}\n"
    assert [job.id for job in read_workflow(text, "w.yml").in_order()] == ["a", "b", "c"]
    circle = f"on: push\njobs:\n  a: {{needs: b, {steps}}}\n  b: {{needs: a, {steps}}}\n"
    with pytest.raises(WorkflowError, match="a, b need each other"):
        read_workflow(circle, "w.yml").in_order()


@pytest.mark.parametrize(
    ("permissions", "token"),
    [
        ("", False),
        ("permissions: {id-token: write}\n", True),
        ("permissions: write-all\n", True),
        ("permissions: read-all\n", False),
    ],
)
def test_a_job_gets_a_token_by_permission_only(permissions: str, token: bool) -> None:
    """A token needs id-token: write; a job's own permissions replace the workflow's."""
    text = f"{permissions}{HEAD}    steps: [{{run: 'true'}}]"
    assert read_workflow(text, "w.yml").jobs[0].token is token
    own = f"{permissions}{HEAD}    permissions: {{contents: read}}\n    steps: [{{run: 'true'}}]"
    assert read_workflow(own, "w.yml").jobs[0].token is False
