"""Observation of a run: which test reads which file."""

from __future__ import annotations

import json

import pytest

CONFTEST = """
from pathlib import Path
import json
from pushproof.mutation.observing import Observer

def report(kind, values):
    if kind == "observed":
        Path("observed.json").write_text(json.dumps(values["tests"]))

def pytest_configure(config):
    config.pluginmanager.register(Observer(Path.cwd(), report))
"""
IMPORTING = """
from pathlib import Path
TEXT = Path("imported.yml").read_text()
def test_one(): pass
"""
READING = """
from pathlib import Path
import pytest

@pytest.fixture(scope="module")
def text():
    return Path("shared.yml").read_text()

def test_two(text): Path("own.yml").read_text()
def test_three(text): pass
def test_four(): pass
"""


def test_a_file_belongs_to_the_tests_that_depend_on_it(pytester: pytest.Pytester) -> None:
    """Files that a file of tests reads when it is imported, that a shared fixture reads once, and that a test reads itself."""
    for name in ("imported", "shared", "own"):
        pytester.makefile(".yml", **{name: "text"})
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_importing=IMPORTING, test_reading=READING)
    assert pytester.runpytest_subprocess("-p", "no:cacheprovider").ret == 0
    read = {
        test["id"].partition("::")[2]: [file for file in test["files"] if file.endswith(".yml")]
        for test in json.loads((pytester.path / "observed.json").read_text())
    }
    assert read == {
        "test_one": ["imported.yml"],
        "test_two": ["own.yml", "shared.yml"],
        "test_three": ["shared.yml"],
        "test_four": [],
    }
