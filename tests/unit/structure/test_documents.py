"""Documents that can go stale are held against the code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from sybil.document import Document
from sybil.parsers.markdown import PythonCodeBlockParser
from tests.unit.structure.graph import SOURCE

ROOT = SOURCE.parent


@pytest.mark.parametrize("script", ["api_reference.py", "operations.py"])
def test_pages_made_from_code_are_current(script: str) -> None:
    """docs/api.md is what the docstrings say now, docs/operations.md what the services do now."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / script), "--check"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_links_between_documents_lead_somewhere() -> None:
    """Every relative link of README, CONTRIBUTING and docs is a file that exists."""
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
    broken = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in pages
        for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text(encoding="utf-8"))
        if not (page.parent / link).exists()
    ]
    assert broken == []


def test_the_glossary_is_short() -> None:
    """The glossary has at most ten words."""
    rows = re.findall(r"^\| (?!word|---)(\w[\w ]*) \|", (ROOT / "docs" / "glossary.md").read_text(), re.MULTILINE)
    assert 1 <= len(rows) <= 10


PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize(
    "page", [page for page in PAGES if "```python" in page.read_text()], ids=lambda page: page.name
)
def test_python_blocks_run(page: Path) -> None:
    """Every Python block of a page runs, in order, in one namespace."""
    examples = list(Document.parse(str(page), PythonCodeBlockParser()))
    assert examples
    for example in examples:
        example.evaluate()
