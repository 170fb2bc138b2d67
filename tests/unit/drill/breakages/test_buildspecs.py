"""A command is put into a buildspec where it takes effect, and the rest of the text stays."""

from __future__ import annotations

import pytest
import yaml

from pushproof.drill.breakages.buildspecs import NoPlace, append_after, insert_first
from pushproof.engines.buildspec.parse import parse

TEXT = """\
version: 0.2
phases:
  pre_build:
    commands:
      - echo pre
  build:
    commands:
      # why
      - |
        docker build .
        docker push x
      - printf '[{"name":"app","imageUri":"x"}]' > imagedefinitions.json
  post_build:
    commands:
    - echo post
artifacts:
  files: [imagedefinitions.json]
"""


def commands(text: str, phase: str) -> list[str]:
    listed: list[str] = yaml.safe_load(text)["phases"][phase]["commands"]
    return listed


def test_a_failing_command_comes_first_in_the_build_phase() -> None:
    """The command runs before anything is built; the other lines are the same."""
    edited = insert_first(TEXT, "echo 'FAIL: x'; false")
    assert commands(edited, "build")[0] == "echo 'FAIL: x'; false\n"
    assert commands(edited, "build")[1:] == commands(TEXT, "build")
    assert [line for line in edited.splitlines() if line not in TEXT.splitlines()] == [
        "          echo 'FAIL: x'; false"
    ] or edited.replace("      - |\n          echo 'FAIL: x'; false\n", "", 1) == TEXT
    parse(edited)


def test_a_command_comes_after_the_file_is_written() -> None:
    """The command is at the end of the phase that mentions the file, and not in a later one."""
    edited = append_after(TEXT, "imagedefinitions.json", 'sed -i \'s/"a": "b"/c/\' x')
    assert commands(edited, "build")[-1] == 'sed -i \'s/"a": "b"/c/\' x\n'
    assert commands(edited, "build")[:-1] == commands(TEXT, "build")
    assert commands(edited, "post_build") == ["echo post"]
    parse(edited)


@pytest.mark.parametrize("ending", ["", "\n", "\n\n# the end\n"])
def test_the_last_phase_may_end_the_file(ending: str) -> None:
    """The last phase may end the file with or without a line end, and with comments after it."""
    text = "version: 0.2\nphases:\n  build:\n    commands:\n      - echo one" + ending
    assert commands(append_after(text, "nowhere", "two"), "build") == ["echo one", "two\n"]


@pytest.mark.parametrize(
    "text",
    ["version: 0.2\n", "phases: {build: {commands: [make]}}\n", "phases:\n  build:\n    commands: make\n", "a: [", ""],
)
def test_a_buildspec_without_a_list_of_commands_has_no_place(text: str) -> None:
    """It is said, and nothing is written."""
    for edit in (lambda: insert_first(text, "x"), lambda: append_after(text, "f", "x")):
        with pytest.raises(NoPlace, match="the buildspec"):
            edit()
