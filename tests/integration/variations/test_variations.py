"""The reference's own suites on variations that are as right as the reference: they stay green.

In short, all variations at once. `tox -e variations` tries each by itself too (PUSHPROOF_VARIATIONS=all).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.integration.variations.rightly import ALL_AT_ONCE, SINGLE, Variation

WHOLE = os.environ.get("PUSHPROOF_VARIATIONS") == "all"
# Production is another environment to apply: in the whole form only.
_NAMES = ("networking", "ecr", "iam", "ecs", "codepipeline", *(["prod"] if WHOLE else []))
SUITES = ["tests/unit/infrastructure", *(f"tests/integration/{name}" for name in _NAMES)]
# Files that a copy needs no more than a clone does.
_LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".tox", ".*_cache", "__pycache__", ".terraform*", "*.tfstate*", "node_modules"
)

CHOSEN = (*SINGLE, ALL_AT_ONCE) if WHOLE else (ALL_AT_ONCE,)


@pytest.mark.parametrize("variation", [pytest.param(variation, id=variation.name) for variation in CHOSEN])
def test_suites_stay_green(variation: Variation, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """No test of the reference pins what a team may choose otherwise."""
    copy = tmp_path / "copy"
    shutil.copytree(pytestconfig.rootpath, copy, ignore=_LEFT_OUT, symlinks=True)
    variation.apply(copy)
    subprocess.run(["terraform", "fmt", "-recursive", "infrastructure"], cwd=copy, check=True, capture_output=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "--tb=short", *SUITES]
    done = subprocess.run(
        [*command, "--target", "embedded"],
        cwd=copy,
        env={**environment, "PUSHPROOF_STATE": str(tmp_path / "state")},
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )
    assert done.returncode == 0, f"{variation.name}: {variation.reason}\n{done.stdout[-8000:]}\n{done.stderr[-2000:]}"
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None, done.stdout[-2000:]
    assert int(passed[1]) > 100, f"only {passed[1]} tests ran on {variation.name}"
