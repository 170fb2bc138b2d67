"""The words of the code: openings of docstrings, and names of variables."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

QUESTIONS = {"What", "Where", "Who", "Whom", "Whose", "Which", "How", "Whether", "Why"}
CLAUSES = {"That", "If", "When", "There", "Until", "After", "Before", "Because", "With", "Without", "As", "At", "In"}
EVERYBODY = {"Nobody", "Nothing", "Everybody", "Everything", "Everyone", "Anybody", "Anyone", "Anything"}
SOMEBODY = {"Somebody", "Someone", "Something", "Whatever", "Whoever", "Whichever"}
OPENINGS = QUESTIONS | CLAUSES | EVERYBODY | SOMEBODY

NAMES = {"found", "given", "wanted", "told"}


def files(folder: str) -> list[Path]:
    """Return the Python files below a folder of the project."""
    return sorted((ROOT / folder).rglob("*.py"))


def _place(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


@functools.cache
def _nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def openings(path: Path, words: set[str]) -> Iterator[str]:
    """Yield the place and first line of each docstring that opens with one of the words."""
    for node in _nodes(path):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node) or ""
            first = re.match(r"\w*", text)
            if first is not None and first.group() in words:
                yield f"{_place(path)}:{getattr(node, 'lineno', 1)}: {text.splitlines()[0]}"


def names(path: Path) -> Iterator[str]:
    """Yield the place of each variable that is named by a participle, and of each loop variable `one`."""
    for node in _nodes(path):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in NAMES:
            yield f"{_place(path)}:{node.lineno}: {node.id}"
        elif isinstance(node, ast.arg) and node.arg in NAMES:
            yield f"{_place(path)}:{node.lineno}: {node.arg}"
        elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
            for target in ast.walk(node.target):
                if isinstance(target, ast.Name) and target.id == "one":
                    yield f"{_place(path)}:{target.lineno}: one"
