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


@pytest.mark.parametrize("script", ["api_reference.py", "operations.py", "check_pages.py", "operator_pages.py"])
def test_pages_made_from_code_are_current(script: str) -> None:
    """docs/api.md, docs/checks, docs/operations.md and docs/mutation-operators.md are what the code says now."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / script), "--check"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_links_between_documents_lead_somewhere() -> None:
    """Every relative link of README, CONTRIBUTING and docs is a file that exists."""
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
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


PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize(
    "page", [page for page in PAGES if "```python" in page.read_text()], ids=lambda page: page.name
)
def test_python_blocks_run(page: Path) -> None:
    """Every Python block of a page runs, in order, in one namespace."""
    examples = list(Document.parse(str(page), PythonCodeBlockParser()))
    assert examples
    for example in examples:
        example.evaluate()


def test_every_check_has_a_page_with_an_example_and_a_source() -> None:
    """A page for each check says its promise, shows it in a test that is Python, and links the documentation behind it."""
    pages = [page for page in (ROOT / "docs" / "checks").glob("*.md") if page.name != "index.md"]
    index = (ROOT / "docs" / "checks" / "index.md").read_text(encoding="utf-8")
    assert len(pages) > 80
    for page in pages:
        text = page.read_text(encoding="utf-8")
        name = page.stem.partition(".")[2]
        assert f"]({page.name})" in index
        (block,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
        assert f".{name}(" in block
        assert re.search(
            r"^- <https://(docs\.aws\.amazon\.com|docs\.docker\.com|developer\.hashicorp\.com|registry\.terraform\.io)/",
            text,
            re.MULTILINE,
        ), page.name
        assert text.splitlines()[2].strip(), page.name
