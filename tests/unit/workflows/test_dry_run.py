"""Every step of the workflows is run, with replacements for programs that reach outside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.workflows.expressions import Unknown, evaluate
from tests.unit.workflows.runner import ROOT, Answer, Job

NIGHTLY = ROOT / ".github" / "workflows" / "nightly-sandbox.yml"
CI = ROOT / ".github" / "workflows" / "ci.yml"
CHECKS = [
    "lint", "workflows", "audit", "sbom", "docs", "fuzz", "unit", "embedded", "variations", "drills",
    "wheel", "image", "neighbours", "foreign", "localstack", "sandbox-rehearsal",
]  # fmt: skip
# Environments that run on a Python of their own.
PYTHONS = {"py311": "3.11", "py313": "3.13", "py314": "3.14"}
GITHUB = {
    "github.event_name": "schedule",
    "github.ref": "refs/heads/main",
    "github.repository": "example/shop",
    "github.run_attempt": "1",
    "github.run_id": "4711",
    "github.server_url": "https://github.com",
    "github.token": "ghs_token",
}
SANDBOX = {
    **GITHUB,
    "vars.PUSHPROOF_SANDBOX_ACCOUNT": "210987654321",
    "vars.PUSHPROOF_SANDBOX_CONNECTION_ARN": "",
    "vars.PUSHPROOF_SANDBOX_REGION": "eu-west-1",
    "vars.PUSHPROOF_SANDBOX_REPOSITORY": "",
    "vars.PUSHPROOF_SANDBOX_ROLE": "arn:aws:iam::210987654321:role/pushproof-sandbox-deployer",
    "secrets.PUSHPROOF_SANDBOX_REPOSITORY_URL": "",
    "secrets.SLACK_WEBHOOK_URL": "",
    # What has not run yet has no outcome.
    "steps.before.outcome": "",
    "steps.run.outcome": "",
}
URL = "https://github.com/example/shop/actions/runs/4711"
BEFORE, RUN, AFTER, TELL = "Sweep leftovers of earlier nights", "Run", "Sweep this run", "Report the failure"
Night = Callable[..., Job]


@pytest.fixture
def night(tmp_path: Path) -> Night:
    """A night, with `.tox/sandbox` as tox would have made it."""

    def run(*answers: Answer, slack: str = "", cancel: str | None = None, **more: Any) -> Job:
        values = {**SANDBOX, "secrets.SLACK_WEBHOOK_URL": slack, **more}
        job = Job(NIGHTLY, "sandbox", tmp_path / "night", values, answers, cancel=cancel)
        job.stand_ins.put(job.workspace / ".tox" / "sandbox" / "bin" / "pushproof")
        return job.run()

    return run


@pytest.mark.parametrize("slack", ["", "https://hooks.slack.com/services/x"], ids=["no-slack", "slack"])
def test_a_good_night(night: Night, slack: str) -> None:
    """A good night installs, sweeps, runs, sweeps, keeps the report, and notifies no one."""
    done = night(Answer("sweep --yes", output="nothing was to be removed\n"), slack=slack)
    assert done.status == "success", done.logs
    assert [call.line for call in done.calls] == [
        "python -m pip install tox>=4.23",
        "tox run -e sandbox --notest",
        f"terraform -chdir=infrastructure/bootstrap providers mirror {done.workspace}/.providers",
        "pushproof sweep --expired --yes",
        "tox run -e sandbox -- --junitxml=report/tests.xml",
        "pushproof sweep --yes",
    ]
    assert done.outcomes[TELL] == "skipped"
    assert done.artifacts == {"sandbox-4711-1": ["report/sweep-before.txt", "report/sweep.txt"]}
    assert "nothing was to be removed" in done.summary.read_text()


def test_what_the_run_is_given(night: Night) -> None:
    """Account, region, ceiling and journal are in the environment of the run and of both sweeps; the credentials are temporary."""
    done = night()
    for call in done.called("pushproof sweep|tox run -e sandbox -- "):
        assert call.environment["PUSHPROOF_SANDBOX_ACCOUNTS"] == "210987654321"
        assert call.environment["PUSHPROOF_SANDBOX_REGIONS"] == call.environment["AWS_REGION"] == "eu-west-1"
        assert call.environment["PUSHPROOF_SANDBOX_MAX_USD"] == "5"
        assert call.environment["PUSHPROOF_STATE"] == f"{done.workspace}/.pushproof"
        assert call.environment["AWS_SESSION_TOKEN"]
    assert not any("AWS_SESSION_TOKEN" in call.environment for call in done.called("pip install"))


def test_a_failed_run_is_swept_kept_and_told(night: Night) -> None:
    """The sweep comes after the failure, the job fails, the summary says which step, and an issue is opened."""
    done = night(Answer("tox run -e sandbox -- ", code=1))
    assert done.status == "failure"
    assert (done.outcomes[RUN], done.outcomes[AFTER], done.outcomes[TELL]) == ("failure", "success", "success")
    assert [call.line.split()[0:3] for call in done.calls[-3:]] == [
        ["pushproof", "sweep", "--yes"],
        ["gh", "issue", "list"],
        ["gh", "issue", "create"],
    ]
    created = done.called("issue create")[0]
    assert created.arguments[created.arguments.index("--repo") + 1] == "example/shop"
    assert URL in created.line
    assert created.environment["GH_TOKEN"] == "ghs_token"
    assert "| tests and drill | failure |" in done.summary.read_text()
    assert done.artifacts


def test_a_second_bad_night_goes_into_the_same_issue(night: Night) -> None:
    """An open issue gets a comment instead of a second issue."""
    done = night(Answer("tox run -e sandbox -- ", code=1), Answer("gh issue list", output="12\n"))
    assert done.called("gh issue comment 12 ")
    assert not done.called("gh issue create")


def test_slack_is_told_instead_where_there_is_one(night: Night) -> None:
    """One message, with the address of the run."""
    done = night(Answer("tox run -e sandbox -- ", code=1), slack="https://hooks.slack.com/services/x")
    said = done.called("^curl")
    assert len(said) == 1
    assert said[0].arguments[-1] == "https://hooks.slack.com/services/x"
    assert f'{{"text": "The nightly sandbox run failed: {URL}"}}' in said[0].arguments
    assert not done.called("^gh")


def test_where_slack_does_not_hear_there_is_an_issue(night: Night) -> None:
    """A message that cannot be delivered is not the end of it."""
    done = night(
        Answer("tox run -e sandbox -- ", code=1), Answer("^curl", code=22), slack="https://hooks.slack.com/services/x"
    )
    assert done.called("gh issue create")


def test_a_sweep_that_leaves_something_fails_the_night(night: Night) -> None:
    """The sweep's exit code counts although its output is piped; the output is kept, and a person is notified."""
    done = night(Answer("sweep --yes", code=1, output="cannot remove ec2 vpc vpc-1: DependencyViolation\n"))
    assert done.status == "failure"
    assert done.outcomes[AFTER] == "failure"
    assert "DependencyViolation" in (done.workspace / "report" / "sweep.txt").read_text()
    assert "DependencyViolation" in done.summary.read_text()
    assert done.called("gh issue create")


def test_leftovers_that_stay_keep_the_run_from_starting(night: Night) -> None:
    """The run adds nothing to leftovers that could not be removed."""
    done = night(Answer("sweep --expired", code=1))
    assert done.outcomes[RUN] == "skipped"
    assert done.outcomes[AFTER] == "success"
    assert done.called("gh issue create")


def test_a_cancelled_run_is_swept_and_told(night: Night) -> None:
    """A cancelled run is swept and reported, as is one that its time limit has cancelled."""
    done = night(cancel=RUN)
    assert done.status == "cancelled"
    assert done.outcomes[AFTER] == "success"
    assert done.called("gh issue create")


def test_without_a_role_nothing_is_made(night: Night) -> None:
    """The job fails before the run, with the reason."""
    done = night(**{"vars.PUSHPROOF_SANDBOX_ROLE": ""})
    assert done.outcomes[RUN] == "skipped"
    assert done.called("gh issue create")


def test_the_journal_of_a_run_that_left_something_is_kept(night: Night, tmp_path: Path) -> None:
    """Run, intents and states go into an artifact; working copies and providers do not."""
    crash = tmp_path / "crash"
    crash.write_text(
        'run="$PUSHPROOF_STATE/sandbox/1a2b3c4d"; mkdir -p "$run/stack/.terraform" "$run/states"; cd "$run"\n'
        "for f in run.json intents.jsonl stack/terraform.tfstate states/b_dev.tfstate stack/main.tf stack/.terraform/p; do\n"
        'echo x > "$f"; done; exit 137\n'
    )
    done = night(Answer("tox run -e sandbox -- ", code=None, command=["bash", str(crash)]))
    assert done.outcomes[RUN] == "failure"
    below = ".pushproof/sandbox/1a2b3c4d"
    assert done.artifacts["journal-4711-1"] == [
        f"{below}/{name}" for name in ("intents.jsonl", "run.json", "stack/terraform.tfstate", "states/b_dev.tfstate")
    ]


@pytest.mark.parametrize("event", ["push", "schedule"])
@pytest.mark.parametrize("environment", [*CHECKS, *PYTHONS])
def test_ci_runs_what_its_matrix_says(tmp_path: Path, environment: str, event: str) -> None:
    """Each environment is installed and run once; the nights kill all the runs that there are to kill."""
    values = {
        **GITHUB,
        "matrix.env": environment,
        "matrix.python": PYTHONS.get(environment, ""),
        "github.event_name": event,
    }
    job = Job(CI, "checks", tmp_path / "job", values)
    job.stand_ins.put(job.workspace / "scripts" / "foreign-modules")
    done = job.run()
    assert done.status == "success", done.logs
    run = done.called("^tox")
    assert [call.line for call in run] == [f"tox run -e {environment}"]
    assert run[0].environment["PUSHPROOF_REHEARSAL_KILLS"] == ("30" if event == "schedule" else "6")
    assert run[0].environment["PUSHPROOF_PROVIDER_MIRROR"] == f"{done.workspace}/.providers"
    assert done.used["actions/setup-python"]["python-version"] == PYTHONS.get(environment, "3.12")
    assert done.called("^terraform .* providers mirror ")
    fetched = [call.line for call in done.called("^foreign-modules")]
    assert fetched == ([f"foreign-modules {done.workspace}/.foreign-modules"] if environment == "foreign" else [])
    assert run[0].environment["PUSHPROOF_FOREIGN_CASES"] == ("all" if event == "schedule" else "plain")


def test_the_matrix_is_what_is_run_here() -> None:
    """No environment of the matrix is left out of the test before."""
    read = yaml.safe_load(CI.read_text(encoding="utf-8"))
    matrix = read["jobs"]["checks"]["strategy"]["matrix"]
    assert matrix["env"] == CHECKS
    assert {entry["env"]: entry["python"] for entry in matrix["include"]} == PYTHONS


def test_a_failing_environment_fails_its_job(tmp_path: Path) -> None:
    """And the mirror that the cache has brought is not made again."""
    values = {**GITHUB, "matrix.env": "unit", "matrix.python": "", "steps.providers.outputs.cache-hit": "true"}
    done = Job(CI, "checks", tmp_path / "job", values, [Answer("^tox", code=1)]).run()
    assert done.status == "failure"
    assert not done.called("^terraform")


@pytest.mark.parametrize("text", ["vars.NEVER_SET", "now()", "github.ref == ", "a b", "github.ref )"])
def test_an_unknown_expression_is_no_empty_one(text: str) -> None:
    """An expression outside the table fails, unlike on GitHub, where it is empty."""
    with pytest.raises(Unknown):
        evaluate(text, GITHUB, {})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("github.event_name == 'schedule' && '30' || '6'", "30"),
        ("github.event_name != 'schedule' && 180 || 60", 60),
        ("!(github.ref == 'x') && 'it''s'", "it's"),
    ],
)
def test_expressions(text: str, value: Any) -> None:
    """Comparisons bind closer than `&&`, and that closer than `||`."""
    assert evaluate(text, GITHUB, {}) == value
