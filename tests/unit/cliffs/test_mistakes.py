"""The mistakes of the cliffs are patches of the reference as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.integration.cliffs.mistakes import MISTAKES, Mistake

ROOT = Path(__file__).resolve().parents[3]
#: Names of modules by the stands whose names differ.
MODULES = {"github_deploy": "github-deploy"}


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_replaces_a_text_that_is_there_once(mistake: Mistake) -> None:
    """Seconds show that a patch no longer applies, long before the suite that applies it."""
    name = MODULES.get(mistake.stand, mistake.stand)
    path = (
        ROOT / mistake.file
        if mistake.file.startswith("app/")
        else ROOT / "infrastructure/modules" / name / mistake.file
    )
    assert path.read_text().count(mistake.old) == 1
    assert mistake.new != mistake.old
