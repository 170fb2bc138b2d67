"""The examples of docs/other-ci.md are well-formed, and do what the nightly workflow does."""

from __future__ import annotations

import configparser
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.workflows.commandline import parse_words
from tests.unit.workflows.runner import ROOT, Answer, StandIns

PAGE = (ROOT / "docs" / "other-ci.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
GITLAB, CODEBUILD = (yaml.safe_load(text) for language, text in BLOCKS if language == "yaml")
JENKINS = next(text for language, text in BLOCKS if language == "groovy")
JENKINS_SCRIPTS = [a or b for a, b in re.findall(r"sh '''(.*?)'''|sh '([^'\n]*)'", JENKINS, re.DOTALL)]
SWEEP_AFTER = ".tox/sandbox/bin/pushproof sweep --yes"


def gitlab(job: str, key: str) -> Any:
    """Return a job's own value, or that of the job it extends."""
    own = GITLAB[job]
    return own[key] if key in own else GITLAB[own["extends"]][key]


def run(script: list[str], directory: Path, *answers: Answer, **environment: str) -> tuple[int, StandIns]:
    """Run lines as one script in a checkout whose tox environment is there."""
    made = StandIns(directory / "outside", answers)
    checkout = directory / "checkout"
    for name in ("aws", "pushproof"):
        made.put(checkout / ".tox" / "sandbox" / "bin" / name)
    done = subprocess.run(
        ["bash", "-e", "-c", "\n".join(script)], cwd=checkout, env={"PATH": str(made.path), **environment},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode != 127, done.stderr
    return done.returncode, made


@pytest.mark.parametrize(
    "script",
    [
        *(text for language, text in BLOCKS if language == "sh"),
        *("\n".join([*gitlab(job, "before_script"), *gitlab(job, "script")]) for job in ("sandbox", "sweep")),
        *("\n".join([*phase.get("commands", ()), *phase.get("finally", ())]) for phase in CODEBUILD["phases"].values()),
        *(script.replace("\\\\", "\\") for script in JENKINS_SCRIPTS),
    ],
)
def test_scripts_are_shell(script: str) -> None:
    """`bash -n` reads them, the command line takes their commands, and tox has their environments."""
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{script}\n{done.stderr}"
    for words in re.findall(r"bin/pushproof ([a-z -]+)", script):
        parse_words(words.split())
    tox = configparser.ConfigParser()
    tox.read(ROOT / "tox.ini")
    for environment in re.findall(r"tox run -e ([a-z-]+)", script):
        assert f"testenv:{environment}" in tox


ANSWER = Answer("^aws sts", output="ASIAEXAMPLE\tsecret\ttoken\n")


def test_gitlab_runs(tmp_path: Path) -> None:
    """GitLab's job takes a session of four hours, sweeps what has expired, and runs with that session."""
    code, made = run(
        [*gitlab("sandbox", "before_script"), *gitlab("sandbox", "script")], tmp_path, ANSWER,
        SANDBOX_ROLE="arn:aws:iam::210987654321:role/r", CI_JOB_ID="7", IDENTITY="jwt",
    )  # fmt: skip
    assert code == 0
    assert [call.line.partition(" --")[0] for call in made.calls] == [
        "python -m pip install tox>=4.23",
        "tox run -e sandbox",
        "aws sts assume-role-with-web-identity",
        "pushproof sweep",
        "tox run -e sandbox",
    ]
    (asked,) = made.called("^aws")
    for words in ("--duration-seconds 14400", "--role-session-name pushproof-7", "--web-identity-token jwt"):
        assert words in asked.line
    assert made.calls[-1].environment["AWS_SESSION_TOKEN"] == "token"
    assert made.calls[-1].environment["AWS_ACCESS_KEY_ID"] == "ASIAEXAMPLE"


@pytest.mark.parametrize("left", [0, 1])
def test_gitlab_sweeps(tmp_path: Path, left: int) -> None:
    """Always, in a job that fails when something is left."""
    assert [rule["when"] for rule in GITLAB["sweep"]["rules"]] == ["always"]
    assert GITLAB["stages"].index(GITLAB["sweep"]["stage"]) > GITLAB["stages"].index(GITLAB["sandbox"]["stage"])
    code, made = run(
        [*gitlab("sweep", "before_script"), *gitlab("sweep", "script")], tmp_path, ANSWER,
        Answer("pushproof sweep --yes", code=left), SANDBOX_ROLE="r", CI_JOB_ID="7", IDENTITY="jwt",
    )  # fmt: skip
    assert code == left
    assert made.calls[-1].line == "pushproof sweep --yes"
    assert made.calls[-1].environment["AWS_SESSION_TOKEN"] == "token"


def test_gitlab_runs_one_at_a_time() -> None:
    """Both jobs are of one resource group, and are not interrupted; both keep the report and the journal."""
    for job in ("sandbox", "sweep"):
        assert gitlab(job, "resource_group") == "pushproof-sandbox"
        assert gitlab(job, "interruptible") is False
        assert gitlab(job, "artifacts")["when"] == "always"
        assert "report" in gitlab(job, "artifacts")["paths"]
        assert gitlab(job, "variables")["PUSHPROOF_STATE"] == "$CI_PROJECT_DIR/.pushproof"


def test_codebuild_sweeps_after_a_failed_run() -> None:
    """The sweep is in the `finally` of the phase that runs, with the run's journal."""
    build = CODEBUILD["phases"]["build"]
    (swept,) = build["finally"]
    assert swept.endswith(SWEEP_AFTER)
    assert 'PUSHPROOF_STATE="$CODEBUILD_SRC_DIR/.pushproof"' in swept
    assert any("tox run -e sandbox -- " in command for command in build["commands"])


def test_jenkins_sweeps_whatever_happened(tmp_path: Path) -> None:
    """The sweep is in `post { always`, its exit code is the step's, and the session does not stay on disk."""
    assert JENKINS.count("{") == JENKINS.count("}")
    always = JENKINS[JENKINS.index("always {") : JENKINS.index("cleanup {")]
    (script,) = re.findall(r"sh '''(.*?)'''", always, re.DOTALL)
    assert SWEEP_AFTER in script
    (tmp_path / "checkout").mkdir()
    (tmp_path / "checkout" / "session").write_text("export AWS_SESSION_TOKEN=token\n")
    code, made = run([script], tmp_path, Answer("pushproof sweep", code=1))
    assert code == 1
    assert made.calls[-1].environment["AWS_SESSION_TOKEN"] == "token"
    assert not (tmp_path / "checkout" / "session").exists()
