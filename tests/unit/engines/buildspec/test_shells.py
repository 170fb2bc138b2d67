"""Shells and runtimes of build images.

https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-cmd.html ,
https://docs.aws.amazon.com/codebuild/latest/userguide/available-runtimes.html
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pushproof.engines.buildspec import BuildspecError, check_runtimes, parse, refusal, runtimes_of, sh_of

DASH = shutil.which("dash")


@pytest.mark.parametrize(
    ("image", "sh"),
    [
        ("aws/codebuild/standard:7.0", "dash"),
        ("aws/codebuild/standard:5.0", "dash"),
        ("aws/codebuild/amazonlinux2-x86_64-standard:5.0", "bash"),
        ("aws/codebuild/amazonlinux-x86_64-standard:5.0", "bash"),
        ("aws/codebuild/amazonlinux2-aarch64-standard:3.0", "bash"),
    ],
)
def test_sh_is_dash_on_ubuntu_and_bash_on_amazon_linux(image: str, sh: str) -> None:
    """The image decides what /bin/sh is."""
    assert sh_of(image) == sh


REFUSED = [
    "set -o pipefail",
    "set -euo pipefail",
    "set -o pipefail; echo never",
    "[[ a == a ]]",
    "[[ -n $X ]] && echo never",
    "source ./env.sh",
    "names=(a b)",
    "echo begun\nnames=(a b)",
    "IMAGE_TAG=${CODEBUILD_RESOLVED_SOURCE_VERSION:0:7}",
    'echo "${NAME//a/b}"',
    "diff <(true) <(true)",
    "cat <<< text",
    "for ((i=0; i<3; i++)); do echo $i; done",
    "pushd /tmp",
]
FINE = [
    "set -e",
    "[ a = a ]",
    "echo '[[ a == a ]]'",
    "echo '${NAME:0:7}'",
    'echo "${NAME:-0}" "${NAME:+set}" "${NAME%%.*}" "${#NAME}"',
    "if [[ -n $X ]]; then echo never; fi",
    "[[ -n $X ]] || echo so",
    'echo "names=(a b)"',
    "say() { echo said; }",
    "(cd /tmp && pwd)",
    "X=$(echo a)",
    "if false; then echo ${X:0:7}; fi",
    ". ./env.sh",
]


@pytest.mark.parametrize("command", REFUSED)
def test_what_dash_is_certain_to_refuse_is_known_without_it(command: str) -> None:
    """Status and message are those of dash itself, wherever the judgement is made without a shell."""
    refused = refusal(command)
    assert refused is not None
    assert refused.message.startswith("/codebuild/output/tmp/script.sh: ")


@pytest.mark.parametrize("command", FINE)
def test_nothing_is_refused_that_dash_may_take(command: str) -> None:
    """The shell decides where the outcome depends on more than the text."""
    assert refusal(command) is None


@pytest.mark.skipif(DASH is None, reason="dash is not installed")
@pytest.mark.parametrize("command", [*REFUSED, *FINE])
def test_dash_agrees(command: str, tmp_path: Path) -> None:
    """The oracle is dash: what is refused ends with that status and message, what is not does not fail for its syntax."""
    (tmp_path / "env.sh").write_text("A=1\n")
    script = tmp_path / "script.sh"
    script.write_text(f"X=1\nNAME=abc\nCODEBUILD_RESOLVED_SOURCE_VERSION=0123456789\n{command}\n")
    assert DASH is not None
    done = subprocess.run([DASH, str(script)], capture_output=True, text=True, cwd=tmp_path, check=False)
    refused = refusal(command)
    if refused is None:
        assert done.returncode == 0
    else:
        assert done.returncode == refused.status
        # dash counts the lines of some messages from the command before.
        words = re.sub(r"^.*?: \d+: ", "", refused.message)
        assert re.sub(r"^.*?: \d+: ", "", done.stderr.strip()) == words


def test_a_runtime_that_the_image_lacks_is_refused() -> None:
    """Build logs of 2024: docker is no runtime any more."""
    spec = parse(
        "version: 0.2\nphases: {install: {runtime-versions: {python: 3.12, docker: 20}}, build: {commands: [a]}}"
    )
    with pytest.raises(BuildspecError) as caught:
        check_runtimes(spec, "aws/codebuild/standard:7.0")
    assert caught.value.message == (
        "Unknown runtime named 'docker'. This build image has the following runtimes: "
        "dotnet, golang, java, nodejs, php, python, ruby"
    )
    assert "docker" in runtimes_of("aws/codebuild/standard:4.0")


def test_runtimes_that_are_selected_are_logged() -> None:
    """The log says which runtime was selected, or that none was."""
    spec = parse("version: 0.2\nphases: {install: {runtime-versions: {python: 3.12}}}")
    assert check_runtimes(spec, "aws/codebuild/amazonlinux-x86_64-standard:5.0") == [
        "Selecting 'python' runtime version '3.12' based on manual selections..."
    ]
    plain = parse("version: 0.2\nphases: {build: {commands: [a]}}")
    assert check_runtimes(plain, "aws/codebuild/standard:7.0") == ["No runtime version selected in buildspec."]
    with pytest.raises(BuildspecError, match="requires selecting at least one runtime version"):
        check_runtimes(plain, "aws/codebuild/standard:2.0")
