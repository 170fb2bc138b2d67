"""`Any` goes away and does not come back: never across a wall between rooms, and not more of it inside them than there is now."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.structure.graph import SOURCE, modules

PACKAGE = SOURCE / "pushproof"
#: The most there may be: lower them when there are fewer.
MOST_ANY = 592
MOST_DICT_OF_ANY = 450
#: Sockets between parts of the emulator, and rooms that parts reach through them. Not in it, with `Any` on purpose: the wire
#: protocol (`kernel/protocol.py`, `reading.py`, `constraints.py`, `context.py`), whose requests are any operation's.
WALLS = (
    "emulator/kernel/awsclients.py",
    "emulator/kernel/balancing.py",
    "emulator/kernel/builds.py",
    "emulator/kernel/calls.py",
    "emulator/kernel/errors.py",
    "emulator/kernel/images.py",
    "emulator/kernel/loop.py",
    "emulator/kernel/settings.py",
    "emulator/kernel/shapes",
    "emulator/kernel/site.py",
    "emulator/kernel/source.py",
    "emulator/kernel/tasks.py",
    "emulator/access",
    "emulator/events",
    "emulator/githost",
    "emulator/network",
    "emulator/registry",
)


def _is_any(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "Any"


def _annotations(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.expr]:
    arguments = function.args
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg):
        if argument is not None and argument.annotation is not None:
            yield argument.annotation
    if function.returns is not None:
        yield function.returns


def untyped(body: list[ast.stmt], prefix: str = "") -> Iterator[str]:
    """Yield public functions, methods and fields with `Any` in their annotations."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from untyped(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            public = not node.name.startswith("_") or node.name in ("__init__", "__call__")
            if public and any(_is_any(part) for annotation in _annotations(node) for part in ast.walk(annotation)):
                yield prefix + node.name
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            public = not node.target.id.startswith("_")
            if public and any(_is_any(part) for part in ast.walk(node.annotation)):
                yield prefix + node.target.id


def _files(wall: str) -> list[Path]:
    path = PACKAGE / wall
    return sorted(path.rglob("*.py")) if path.is_dir() else [path]


def test_the_search_sees_any() -> None:
    """`Any` in a parameter, a result, a field and inside another type counts; private names do not."""
    text = """
class Part:
    field: dict[str, Any]
    _own: Any
    def take(self, value: Any) -> None: ...
    def give(self) -> list[Any]: ...
    def _inside(self, value: Any) -> Any: ...
def plain(value: object) -> str: ...
"""
    assert list(untyped(ast.parse(text).body)) == ["Part.field", "Part.take", "Part.give"]


@pytest.mark.parametrize("wall", WALLS)
def test_no_any_crosses_a_wall(wall: str) -> None:
    """A wall between rooms is typed: no public function, method or field of these modules has `Any`."""
    files = _files(wall)
    assert files
    found = {
        str(path.relative_to(PACKAGE)): list(untyped(ast.parse(path.read_text(encoding="utf-8")).body))
        for path in files
    }
    assert {name: names for name, names in found.items() if names} == {}


def counts() -> tuple[int, int]:
    """Count `Any`, outside of `dict[str, Any]`, and `dict[str, Any]`, over all of the source."""
    alone = dicts = 0
    for path in modules().values():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            alone += _is_any(node)
            dicts += isinstance(node, ast.Subscript) and ast.unparse(node) == "dict[str, Any]"
    return alone - dicts, dicts


def test_there_is_no_more_any_than_there_was() -> None:
    """The numbers of `Any` and of `dict[str, Any]` in the source do not rise."""
    alone, dicts = counts()
    assert alone <= MOST_ANY
    assert dicts <= MOST_DICT_OF_ANY
