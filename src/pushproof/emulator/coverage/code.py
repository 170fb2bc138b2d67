"""The code that handles a service's calls, and its words: quoted texts, the names of members among them.

That code is the service's package, every part of the emulator outside services, and the engines; for a service over the
substrate also moto's module of it, which stores what is passed on.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path

from pushproof import emulator
from pushproof.emulator.services import PLANE, service_class

_PACKAGE = Path(emulator.__path__[0]).resolve().parent
_NAME = re.compile(r"[A-Za-z_][\w-]*")
# Longer texts are sentences and documents; a member's name in them is no access to a member.
_LONGEST = 120
# Shorter ones match almost any composed text.
_ENOUGH = 8


@dataclass(frozen=True, slots=True)
class Code:
    """The words of a service's own package and the code it uses, and those of moto's module, if it passes calls on."""

    own: frozenset[str]
    substrate: frozenset[str]
    # : Patterns of composed texts: `f"{kind}NotFoundException"`.
    composed: frozenset[re.Pattern[str]] = frozenset()

    def names(self, word: str) -> bool:
        """Return whether the service's own code, or the code it uses, contains or composes a word."""
        return word in self.own or any(pattern.fullmatch(word) for pattern in self.composed)

    @property
    def words(self) -> frozenset[str]:
        """Return all words."""
        return self.own | self.substrate


@functools.cache
def code_of(service: str) -> Code:
    """Return the code that handles the calls of a service of the plane."""
    package = _package(PLANE[service].partition(":")[0])
    own = _words(package) | _shared()
    substrate = _words(_package(f"moto.{service}")) if service_class(service).overlay else frozenset()
    return Code(own, substrate, frozenset(pattern for path in _files(package) for pattern in _composed(path)))


@functools.cache
def _shared() -> frozenset[str]:
    """Return the words of everything outside services: the rooms around them, and the engines."""
    rooms = [path for path in sorted((_PACKAGE / "emulator").iterdir()) if path.name not in ("services", "coverage")]
    modelled = _PACKAGE / "emulator" / "services" / "__init__.py"
    return _words((*rooms, modelled, _PACKAGE / "engines"))


def _package(module: str) -> tuple[Path, ...]:
    """Return the file or the folder of a module; nothing if it has none."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return ()
    path = Path(spec.origin)
    return (path.parent if path.name == "__init__.py" else path,)


def _words(places: tuple[Path, ...]) -> frozenset[str]:
    return frozenset(word for path in _files(places) for word in _words_of(path))


def _files(places: tuple[Path, ...]) -> list[Path]:
    files = [path for place in places for path in (sorted(place.rglob("*.py")) if place.is_dir() else [place])]
    return [path for path in files if path.suffix == ".py"]


@functools.cache
def _composed(path: Path) -> frozenset[re.Pattern[str]]:
    """Return patterns of composed texts that can be one word, and of which enough is literal to recognise it."""
    patterns: set[re.Pattern[str]] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            parts = [str(part.value) if isinstance(part, ast.Constant) else None for part in node.values]
            text = "".join(filter(None, parts))
            if text.isalnum() and len(text) >= _ENOUGH:
                patterns.add(re.compile("".join(r"\w+" if part is None else re.escape(part) for part in parts)))
    return frozenset(patterns)


@functools.cache
def _words_of(path: Path) -> frozenset[str]:
    words: set[str] = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            if len(node.value) <= _LONGEST:
                words.update(_NAME.findall(node.value))
        elif isinstance(node, ast.keyword) and node.arg:
            # `Tag(Key=…)` and `client.call(Name=…)`: other ways of writing a member.
            words.add(node.arg)
    return frozenset(words)
