"""The prose of the code: docstrings open with their subject, and variables are nouns.

Counts are of `words.py`. The rooms below are held to none; elsewhere the number may only go down.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.structure.words import OPENINGS, ROOT, files, names, openings

ROOMS = ["aws", "base", "emulator", "engines", "parity", "sandbox", "targets", "terraform"]

# A finding has a field `found`: what a check met, beside what it expected.
FIELDS = {"src/pushproof/checks/check.py", "src/pushproof/checks/finding.py", "src/pushproof/record/model.py"}


def test_the_measure_sees_openings_and_names(tmp_path: Path) -> None:
    """A question, a clause and a participle count; a noun, a string and another module's attribute do not."""
    path = ROOT / "tests" / "unit" / "structure" / "words.py"
    assert list(openings(path, OPENINGS)) == []
    assert list(names(path)) == []
    bad = tmp_path / "bad.py"
    bad.write_text(
        'def f(given):\n    """What it does."""\n    found = [one for one in given]\n    return x.told + "told"\n'
    )
    assert [line.rsplit(":", 1)[1].strip() for line in openings(bad, OPENINGS)] == ["What it does."]
    assert sorted(line.rsplit(":", 1)[1].strip() for line in names(bad)) == ["found", "given", "one"]


@pytest.mark.parametrize("room", [*(f"src/pushproof/{name}" for name in ROOMS), "scripts", "bench", "app"])
def test_docstrings_open_with_their_subject(room: str) -> None:
    """No docstring of these rooms opens with a question word, a clause or an indefinite pronoun."""
    assert [line for path in files(room) for line in openings(path, OPENINGS)] == []


@pytest.mark.parametrize("room", [*(f"src/pushproof/{name}" for name in ROOMS), "scripts", "bench", "app"])
def test_variables_are_nouns(room: str) -> None:
    """No variable of these rooms is named found, given, wanted or told, and no loop variable one."""
    assert [line for path in files(room) for line in names(path)] == []


@pytest.mark.parametrize(("folder", "most"), [("src", 20), ("tests", 12)])
def test_openings_become_fewer(folder: str, most: int) -> None:
    """The docstrings of a folder that open otherwise do not become more."""
    opening = [line for path in files(folder) for line in openings(path, OPENINGS)]
    assert len(opening) <= most, "\n".join(opening)


@pytest.mark.parametrize(("folder", "most"), [("src", 26), ("tests", 235)])
def test_participles_become_fewer(folder: str, most: int) -> None:
    """The variables of a folder that are no nouns do not become more."""
    words = [line for path in files(folder) if str(path.relative_to(ROOT)) not in FIELDS for line in names(path)]
    assert len(words) <= most, "\n".join(words)
