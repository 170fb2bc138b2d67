"""Extras of the package: each brings what it names, and a part that is missing says which extra to install."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tests.unit.structure.graph import SOURCE

from pushproof.base.extras import EXTRAS

# moto cannot be imported without jinja2, so that no installation lacks it.
ALWAYS = ("jinja2",)
# As a test module that is collected without the extra.
_IMPORT = """
import pushproof.base.extras
try:
    import pushproof.testcontainers
except ImportError as error:
    print(error)
    sys.exit(3)
"""
_WITHOUT = """
import importlib.abc, sys
_ABSENT = sys.argv[1].split()
class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in _ABSENT:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
"""


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((SOURCE.parent / "pyproject.toml").read_text(encoding="utf-8"))


def _names(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(text).name) for text in requirements}


def _without(extras: list[str], program: str) -> subprocess.CompletedProcess[str]:
    """Run a program where the modules of extras cannot be imported."""
    absent = {module.partition(".")[0] for extra in extras for module in EXTRAS[extra]} - set(ALWAYS)
    return subprocess.run(
        [sys.executable, "-c", _WITHOUT + program, " ".join(absent)],
        # A LocalStack that runs on this machine would be used as it is.
        env={**os.environ, "PUSHPROOF_LOCALSTACK": "container"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_messages_name_extras_that_exist(project: dict[str, Any]) -> None:
    """Every extra that a message can name is one that pip can install, `all` is all of them, and the developers have them all."""
    extras = project["project"]["optional-dependencies"]
    (everything,) = extras["all"]
    assert set(EXTRAS) == extras.keys() - {"all"} == Requirement(everything).extras
    assert set().union(*(_names(extras[name]) for name in EXTRAS)) <= _names(project["dependency-groups"]["dev"])


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_brings_its_modules(project: dict[str, Any], extra: str) -> None:
    """Each module that an extra is examined for belongs to a package that the extra brings, and the core does not."""
    packages = _names(project["project"]["optional-dependencies"][extra])
    distributions = packages_distributions()
    for module in EXTRAS[extra]:
        owners = {canonicalize_name(owner) for owner in distributions[module.partition(".")[0]]}
        assert owners & packages, (module, owners)
    assert not packages & _names(project["project"]["dependencies"])


def test_everything_can_be_imported_without_extras() -> None:
    """No module of the package needs an extra to be imported, but for the class that extends one's own."""
    program = """
import importlib, pkgutil, pushproof
for module in pkgutil.walk_packages(pushproof.__path__, "pushproof."):
    if not module.name.endswith(("__main__", "pushproof.testcontainers")):
        importlib.import_module(module.name)
"""
    done = _without(list(EXTRAS), program)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize(
    ("extra", "program"),
    [
        (
            "localstack",
            "from pushproof.cli import main; sys.argv = ['pushproof', 'drill', '--target', 'localstack']; sys.exit(main())",
        ),
        ("testcontainers", _IMPORT),
        ("mcp", "from pushproof.cli import main; sys.argv = ['pushproof', 'mcp']; sys.exit(main())"),
    ],
)
def test_a_command_says_which_extra_it_needs(extra: str, program: str) -> None:
    """A command without its extra ends with 3 and the line that installs it, and with no foreign traceback."""
    done = _without([extra], program)
    printed = re.sub(r"\s+", " ", done.stdout + done.stderr)
    assert f"pip install 'pushproof[{extra}]'" in printed
    assert "Traceback" not in printed
    assert done.returncode == 3
