"""The imports between files of `src/pushproof`, read from their text."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[3] / "src"


def modules(package: str = "pushproof") -> dict[str, Path]:
    """Map the name of every module of a package to its file."""
    named: dict[str, Path] = {}
    for path in sorted((SOURCE / package).rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        named[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return named


def imports(named: dict[str, Path]) -> dict[str, set[str]]:
    """Map each module to the modules it imports, those for type checking and inside functions included."""
    return {name: set(_imported(name, path, named)) - {name} for name, path in named.items()}


def _imported(name: str, path: Path, named: dict[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in named)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(name, path, node)
            for alias in node.names:
                full = f"{base}.{alias.name}"
                if full in named:
                    yield full
                elif base in named:
                    yield base


def _absolute(name: str, path: Path, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    package = package[: len(package) - node.level + 1]
    return ".".join([*package, node.module] if node.module else package)


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return every group of modules that import each other in a circle (strongly connected components), sorted."""
    order: list[str] = []
    seen: set[str] = set()
    for start in graph:
        _finish(start, graph, seen, order)
    backwards: dict[str, set[str]] = {name: set() for name in graph}
    for name, targets in graph.items():
        for target in targets:
            backwards[target].add(name)
    seen.clear()
    groups: list[list[str]] = []
    for start in reversed(order):
        group: list[str] = []
        _finish(start, backwards, seen, group)
        if len(group) > 1:
            groups.append(sorted(group))
    return sorted(groups)


def _finish(start: str, graph: dict[str, set[str]], seen: set[str], order: list[str]) -> None:
    """Depth first from `start`; modules join `order` when everything they lead to has."""
    if start in seen:
        return
    seen.add(start)
    stack = [(start, iter(sorted(graph[start])))]
    while stack:
        name, rest = stack[-1]
        following = next((target for target in rest if target not in seen), None)
        if following is None:
            order.append(name)
            stack.pop()
        else:
            seen.add(following)
            stack.append((following, iter(sorted(graph[following]))))
