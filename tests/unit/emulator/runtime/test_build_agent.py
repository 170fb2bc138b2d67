"""The agent of a build's container, on this machine's own shells: what lasts from command to command, and what fails.

https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html#build-spec-ref-versions ; AWS's build logs show
`/codebuild/output/tmp/script.sh: 4: …` from dash, `script.sh: line 4: …` from bash, and CODEBUILD_LAST_EXIT among the variables.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pushproof.emulator.runtime.docker import builder as module

AGENT = Path(module.__file__).parent / "buildimage" / "agent.py"
DASH, BASH = shutil.which("dash") or "dash", shutil.which("bash") or "bash"
pytestmark = pytest.mark.skipif(not Path(DASH).exists() or not Path(BASH).exists(), reason="dash and bash are needed")


@dataclass
class Build:
    """A build in a directory of its own instead of a container."""

    root: Path
    shell: str = DASH
    one_shell: bool = True
    variables: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.source = self.root / "output" / "src1" / "src"
        self.source.mkdir(parents=True)
        (self.root / "output" / "tmp").mkdir()
        text = AGENT.read_text().replace('HOME = "/codebuild"', f"HOME = {str(self.root)!r}")
        (self.root / "agent.py").write_text(text)

    def ask(self, *arguments: str) -> tuple[str, dict[str, Any]]:
        done = subprocess.run(
            [sys.executable, str(self.root / "agent.py"), *arguments], capture_output=True, text=True, timeout=60
        )
        return done.stdout, json.loads(done.stderr.strip().rpartition("\n")[2])

    def run(self, *commands: str, finally_: tuple[str, ...] = (), succeeding: str = "1") -> tuple[str, dict[str, Any]]:
        """Run a phase; what the log shows (without the agent's own lines), and how it ended."""
        plan = {
            "environment": {"PATH": os.environ["PATH"], "HOME": "/root", **self.variables},
            "shell": self.shell,
            "one_shell": self.one_shell,
            "source": str(self.source),
            "phases": {"BUILD": {"commands": commands, "finally": finally_}},
        }
        (self.root / "plan.json").write_text(json.dumps(plan))
        printed, ended = self.ask("phase", "BUILD", succeeding)
        own = [line for line in printed.splitlines() if line and not line.startswith("[Container] ")]
        return "\n".join(own).replace(str(self.root), "/codebuild"), ended

    def close(self) -> None:
        """End the process that keeps the shell, and the shell."""
        for process in Path("/proc").iterdir():
            if process.name.isdigit() and str(self.root / "agent.py") in _words(process / "cmdline"):
                # It may end between the look and the signal.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(int(process.name), signal.SIGKILL)


def _words(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    made = Build(tmp_path / "codebuild")
    yield made
    made.close()


@pytest.fixture
def in_bash(tmp_path: Path) -> Iterator[Build]:
    made = Build(tmp_path / "codebuild", shell=BASH)
    yield made
    made.close()


def test_directory_variables_and_functions_last_over_commands_and_phases(build: Build) -> None:
    """Version 0.2: all commands share one shell, so what one leaves behind the next finds, exported or not."""
    (build.source / "a").mkdir()
    printed, ended = build.run("cd a", "X=kept", "export Y=too", 'say() { echo "said $1"; }', "say $X")
    assert (printed, ended["status"]) == ("said kept", 0)
    printed, _ = build.run("say $Y; basename $PWD")
    assert printed == "said too\na"


def test_what_a_command_assigns_its_programs_see(build: Build) -> None:
    """AWS's tutorials set IMAGE_TAG without exporting it, and programs of later commands use it."""
    printed, _ = build.run("TAG=one two=2", 'sh -c "echo $TAG"', "env | grep -c ^TAG=")
    assert printed.splitlines()[-1] == "1"


def test_version_0_1_keeps_nothing(tmp_path: Path) -> None:
    """Version 0.1: each command in a shell of its own, in the source directory."""
    build = Build(tmp_path / "codebuild", one_shell=False)
    printed, ended = build.run("mkdir a; cd a; export X=lost", 'echo "[$X] ${PWD##*/}"')
    assert (printed, ended["status"]) == ("[] src", 0)


@pytest.mark.parametrize(
    ("command", "status", "words"),
    [
        ("set -o pipefail", 2, "set: Illegal option -o pipefail"),
        ("set -euo pipefail", 2, "set: Illegal option -o pipefail"),
        ("[[ a == a ]]", 127, "[[: not found"),
        ('[ "$A" == b ]', 2, "unexpected operator"),
        ("source ./env.sh", 127, "source: not found"),
        ("names=(a b)", 2, 'Syntax error: "(" unexpected'),
        ("echo ${HOME:0:2}", 2, "Bad substitution"),
        ("diff <(true) <(true)", 2, 'Syntax error: "(" unexpected'),
        ("cat <<< text", 2, "Syntax error: redirection unexpected"),
        ("pushd /tmp", 127, "pushd: not found"),
    ],
)
def test_dash_refuses_what_only_bash_knows(build: Build, command: str, status: int, words: str) -> None:
    """The default on AWS's Ubuntu images is dash: what passes here under bash would fail there."""
    (build.source / "env.sh").write_text("A=1\n")
    printed, ended = build.run(command, "echo never")
    assert (ended["command"], ended["status"]) == (command, status)
    assert printed.startswith("/codebuild/output/tmp/script.sh: 4: ")
    assert words in printed
    assert "never" not in printed


def test_bash_knows_it(in_bash: Build) -> None:
    """`env.shell: bash`, and sh on Amazon Linux images, take all of it."""
    (in_bash.source / "env.sh").write_text("A=b\n")
    printed, ended = in_bash.run(
        "set -o pipefail",
        "[[ a == a ]]",
        "source ./env.sh",
        '[ "$A" == b ]',
        "names=(x y)",
        "echo ${names[1]} ${A:0:1}",
    )
    assert (printed, ended["status"]) == ("y b", 0)
    printed, ended = in_bash.run("nothing-of-that-name")
    assert printed == "/codebuild/output/tmp/script.sh: line 4: nothing-of-that-name: command not found"


def test_a_block_is_one_command_with_the_status_of_its_last_line(build: Build) -> None:
    """A failure inside a block, or in a pipe, goes unnoticed: there is no implicit `set -e` and no pipefail."""
    printed, ended = build.run("false\necho after\n", "false | true")
    # The log shows the whole block, and then what it prints.
    assert (printed, ended["status"]) == ("echo after\nafter", 0)
    _, ended = build.run("true\nfalse\n")
    assert (ended["command"], ended["status"]) == ("true\nfalse\n", 1)


def test_the_first_failure_skips_the_rest_and_finally_runs(build: Build) -> None:
    """`finally` runs whatever happened; CODEBUILD_BUILD_SUCCEEDING and CODEBUILD_LAST_EXIT tell it what did."""
    printed, ended = build.run(
        "false", "echo never", finally_=('echo "$CODEBUILD_BUILD_SUCCEEDING $CODEBUILD_LAST_EXIT"',)
    )
    assert (printed, ended["command"], ended["status"]) == ("0 1", "false", 1)


@pytest.mark.parametrize("shell", [DASH, BASH])
def test_a_command_that_ends_the_shell_loses_only_its_own_part(tmp_path: Path, shell: str) -> None:
    """The next command after `exit` has the variables and the directory that earlier commands left."""
    build = Build(tmp_path / "codebuild", shell=shell)
    try:
        (build.source / "a").mkdir()
        printed, ended = build.run("X=kept; cd a; unset HOME", "exit 0", 'echo "$X ${HOME-gone} ${PWD##*/}"', "exit 3")
        assert (printed, ended["command"], ended["status"]) == ("kept gone a", "exit 3", 3)
        printed, ended = build.run("kill -9 $$", finally_=('echo "still $X"',))
        assert (printed, ended["status"]) == ("still kept", 137)
    finally:
        build.close()


def test_bash_keeps_functions_over_an_exit(in_bash: Build) -> None:
    """A shell that can list its functions hands them on."""
    printed, _ = in_bash.run("say() { echo said; }", "exit 0", "say")
    assert printed == "said"


def test_options_last_too(build: Build) -> None:
    """One shell: `set -e` of one command ends a later block at its first failure, and `set -u` at an unset name."""
    printed, ended = build.run("set -e", "echo be''gun\nfalse\necho ne''ver\n")
    assert "begun" in printed.splitlines()
    assert "never" not in printed
    assert ended["status"] == 1


def test_a_program_in_the_background_does_not_hold_the_phase_up(build: Build) -> None:
    """build-env-ref-background-tasks.html: a server started with & runs on while the next commands run."""
    printed, ended = build.run("sleep 30 & echo $! > pid", "kill -0 $(cat pid) && echo runs")
    assert (printed, ended["status"]) == ("runs", 0)
    printed, _ = build.run("kill $(cat pid) && echo ended")
    assert printed == "ended"


def test_much_output_comes_whole_and_in_order(build: Build) -> None:
    """More than a pipe holds arrives, both streams in the order in which they were written."""
    printed, _ = build.run("seq 1 60000; echo last >&2; echo end")
    lines = printed.splitlines()
    assert lines[:60000] == [str(number) for number in range(1, 60001)]
    assert lines[60000:] == ["last", "end"]


def test_words_and_variables_are_read_as_the_commands_left_them(build: Build) -> None:
    """Artifact names are expanded by the build's shell, exported variables are what the last command left."""
    build.run("NAME='two words'; cd /tmp; unset HOME")
    assert build.ask("expand", "app-$NAME-$(echo x)", "plain")[1]["words"] == ["app-two words-x", "plain"]
    variables = build.ask("environment")[1]["environment"]
    assert variables["NAME"] == "two words"
    assert "HOME" not in variables


def test_a_variable_is_literal(tmp_path: Path) -> None:
    """build-spec-ref.html#build-spec.env.variables: `$PATH:/x` replaces PATH by just that text."""
    build = Build(tmp_path / "codebuild", variables={"MINE": "$HOME:/x", "QUOTED": 'it\'s "so"\nand so'})
    try:
        printed, _ = build.run('echo "$MINE"', "exit 0", 'echo "$MINE"; echo "$QUOTED"')
        assert printed == '$HOME:/x\n$HOME:/x\nit\'s "so"\nand so'
    finally:
        build.close()
