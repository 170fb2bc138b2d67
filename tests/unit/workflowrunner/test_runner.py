"""The runner of workflows, in a world that listens: checkout, tokens, steps and what they leave."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pushproof.drill.badinput import BadInput
from pushproof.drill.workflowroad import deploying_workflow, environment_of_steps, steps_of_road
from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.engines.github import ISSUER
from pushproof.engines.workflow import WorkflowError, read_workflow
from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget
from pushproof.targets.journal import Journal
from pushproof.workflows.runner import Runner, RunnerSettings
from pushproof.workflows.runs import Push, RunResult

HOST = "token.actions.githubusercontent.com"
LOGIN = "aws-actions/configure-aws-credentials@v6"
HEAD = """
name: Deploy
on: push
permissions: {id-token: write}
jobs:
  deploy:
    runs-on: ubuntu-24.04
    steps:
"""


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedTarget]:
    settings = EmbeddedSettings(world=WorldSettings(speed=1000), runtime="scripted")
    with EmbeddedTarget(settings, journal=Journal(tmp_path_factory.mktemp("state"))) as opened:
        iam = opened.client("iam")
        provider = iam.create_open_id_connect_provider(Url=ISSUER, ClientIDList=["sts.amazonaws.com"])
        statement = {
            "Effect": "Allow",
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": {"Federated": provider["OpenIDConnectProviderArn"]},
            "Condition": {"StringEquals": {f"{HOST}:sub": "repo:octo/shop:ref:refs/heads/main"}},
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=document)
        yield opened


@pytest.fixture(scope="module")
def commit(target: EmbeddedTarget, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A commit that was pushed to octo/shop."""
    directory = tmp_path_factory.mktemp("checkout")
    (directory / "hello.txt").write_text("hello\n")
    environment = {**target.environment(), "GIT_CONFIG_GLOBAL": "/dev/null"}

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=directory, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    git("init", "--quiet", "--initial-branch=main")
    git("add", "--all")
    git("-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "--quiet", "--message", "First")
    git("push", "--quiet", target.repository_url("octo/shop"), "HEAD:refs/heads/main")
    return git("rev-parse", "HEAD")


def run(
    target: EmbeddedTarget, commit: str, directory: Path, steps: str, head: str = HEAD, branch: str = "main"
) -> RunResult:
    environment = target.environment()
    settings = RunnerSettings(
        environment=environment_of_steps(environment),
        git=environment,
        source=target.repository_url("octo/shop"),
        identity=target.workflow_identity,
        clock=target.clock,
        directory=directory,
        variables={"ROLE": f"arn:aws:iam::{target.account_id}:role/deploy", "REGION": target.region},
        secrets={"KEY": "a-secret-value"},
    )
    indented = "".join(f"      {line}\n" for line in steps.strip().splitlines())
    return Runner(settings).run(
        read_workflow(head + indented, ".github/workflows/deploy.yml"), Push("octo/shop", branch, commit)
    )


def outcomes(result: RunResult) -> list[str]:
    return [step.outcome for step in result.steps]


def test_a_job_checks_out_and_assumes_the_role(target: EmbeddedTarget, commit: str, tmp_path: Path) -> None:
    """Later steps have the files of the commit and the role's session, and never the administrator's keys."""
    result = run(
        target, commit, tmp_path,
        f"""
- uses: actions/checkout@v4
- run: cat hello.txt; echo "keys=${{AWS_ACCESS_KEY_ID:-none}}"; env | grep -c GIT_CONFIG_VALUE || true
- id: login
  uses: {LOGIN}
  with: {{aws-region: '${{{{ vars.REGION }}}}', role-to-assume: '${{{{ vars.ROLE }}}}'}}
- run: echo "account ${{{{ steps.login.outputs.aws-account-id }}}}"; test -n "$AWS_SESSION_TOKEN"; echo "$AWS_SESSION_TOKEN"
""",
    )  # fmt: skip
    assert outcomes(result) == ["success"] * 4, result.log
    assert "hello" in result.log
    assert "keys=none" in result.log
    assert "0" in result.log
    assert f"account {target.account_id}" in result.log
    assert "***" in result.log, "the session's token is masked"
    calls = [call.name for call in target.world.log.calls if call.name.startswith("sts:")]
    assert calls[-2:] == ["sts:AssumeRoleWithWebIdentity", "sts:GetCallerIdentity"]


def test_a_role_that_does_not_trust_the_branch_is_asked_for_twelve_times(
    target: EmbeddedTarget, commit: str, tmp_path: Path
) -> None:
    """The action repeats even what cannot succeed, and fails in the words that people search for."""
    since = target.world.log.total
    result = run(
        target, commit, tmp_path,
        f"- uses: {LOGIN}\n  with: {{aws-region: eu-west-1, role-to-assume: '${{{{ vars.ROLE }}}}'}}", branch="feature",
    )  # fmt: skip
    assert result.failed is not None
    assert result.failed.message == (
        "Could not assume role with OIDC: Not authorized to perform sts:AssumeRoleWithWebIdentity"
    )
    assert target.world.log.total - since == 12
    assert sum("Retry AssumeRole: attempt" in line for line in result.log) == 12


def test_without_permission_there_is_no_token(target: EmbeddedTarget, commit: str, tmp_path: Path) -> None:
    """The login fails without id-token: write, and the log says which permission may be missing."""
    result = run(
        target, commit, tmp_path, f"- uses: {LOGIN}\n  with: {{aws-region: eu-west-1, role-to-assume: '${{{{ vars.ROLE }}}}'}}",
        head=HEAD.replace("permissions: {id-token: write}\n", ""),
    )  # fmt: skip
    assert result.conclusion == "failure"
    assert any("Did you mean to set the `id-token` permission?" in line for line in result.log)


def test_steps_leave_outputs_variables_and_paths(target: EmbeddedTarget, commit: str, tmp_path: Path) -> None:
    """Environment files reach later steps, conditions decide, a failure is tolerated where that is said, secrets are masked."""
    result = run(
        target, commit, tmp_path,
        """
- id: first
  run: |
    echo "image=shop:1" >> "$GITHUB_OUTPUT"
    echo "LEVEL=high" >> "$GITHUB_ENV"
    mkdir tools && printf '#!/bin/sh\\necho from the tool\\n' > tools/mytool && chmod +x tools/mytool
    echo "$PWD/tools" >> "$GITHUB_PATH"
- run: echo "${{ steps.first.outputs.image }} $LEVEL $OWN"; mytool; echo ${{ secrets.KEY }}
  env: {OWN: "${{ github.ref_name }}"}
- if: github.ref == 'refs/heads/other'
  run: exit 9
- id: bad
  run: exit 3
  continue-on-error: true
- run: test "${{ steps.bad.outcome }}" = failure
- run: exit 4
- run: echo unreached
- if: failure()
  run: echo "tidied after ${{ job.status }}"
""",
    )  # fmt: skip
    assert outcomes(result) == ["success", "success", "skipped", "success", "success", "failure", "skipped", "success"]
    assert "shop:1 high main" in result.log
    assert "from the tool" in result.log
    assert "a-secret-value" not in "\n".join(result.log)
    assert result.failed is not None
    assert result.failed.message == "Process completed with exit code 4."
    assert "tidied after failure" in result.log


def test_jobs_hand_outputs_on_and_skip_after_a_failure(target: EmbeddedTarget, commit: str, tmp_path: Path) -> None:
    """A job sees the outputs of those that it needs; after a failure only always() runs."""
    text = """
on: push
jobs:
  a:
    runs-on: ubuntu-24.04
    outputs: {image: "${{ steps.x.outputs.image }}"}
    steps:
      - id: x
        run: echo image=shop:2 >> "$GITHUB_OUTPUT"
  b:
    needs: a
    runs-on: ubuntu-24.04
    steps: [{run: 'test "${{ needs.a.outputs.image }}" = shop:2; exit 5'}]
  c: {needs: b, runs-on: ubuntu-24.04, steps: [{run: "true"}]}
  d: {needs: b, if: always(), runs-on: ubuntu-24.04, steps: [{run: 'test "${{ needs.b.result }}" = failure'}]}
"""
    result = run(target, commit, tmp_path, "", head=text)
    assert [(step.job, step.outcome) for step in result.steps] == [("a", "success"), ("b", "failure"), ("d", "success")]
    assert result.outputs["a"] == {"image": "shop:2"}
    assert result.conclusion == "failure"


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        (
            "- uses: octo/unknown-action@v1\n- uses: other/one@v2",
            r"octo/unknown-action@v1 \(job deploy, step 2\), other/one@v2",
        ),
        ("- run: x\n  shell: pwsh", "runs steps in pwsh; expected bash, sh, python"),
    ],
)
def test_what_is_not_performed_is_refused_before_anything_starts(
    target: EmbeddedTarget, commit: str, tmp_path: Path, steps: str, says: str
) -> None:
    """Every unknown action is named, and no step has run."""
    with pytest.raises(WorkflowError, match=says):
        run(target, commit, tmp_path, "- run: touch started\n" + steps)
    assert not list(tmp_path.rglob("started"))


def test_a_drill_finds_the_workflow_that_deploys(tmp_path: Path) -> None:
    """The reference app's workflow is found; none, several, and one that no push starts are refused with what to do."""
    root = Path(__file__).parents[3]
    workflow = deploying_workflow(root / "app")
    assert steps_of_road(workflow) == ("Build, test and push", "Roll out")
    folder = tmp_path / ".github/workflows"
    folder.mkdir(parents=True)
    with pytest.raises(BadInput, match=r"none of its workflows uses aws-actions/amazon-ecs-deploy.*there are: none"):
        deploying_workflow(tmp_path)
    text = (root / "app/.github/workflows/deploy.yml").read_text()
    (folder / "one.yml").write_text(text)
    (folder / "two.yml").write_text(text)
    with pytest.raises(BadInput, match=r"several workflows deploy; there are: \.github/workflows/one\.yml"):
        deploying_workflow(tmp_path)
    assert deploying_workflow(tmp_path, Path("one.yml")).path == ".github/workflows/one.yml"
    (folder / "two.yml").write_text(text.replace("  push:\n    branches: [main, develop]\n", "  workflow_dispatch:\n"))
    with pytest.raises(BadInput, match="no push to a branch starts"):
        deploying_workflow(tmp_path, Path("two.yml"))
