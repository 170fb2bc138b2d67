"""GitHub's expressions, as far as our workflows use them.

Source: https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Functions = Mapping[str, Callable[..., Any]]
_TOKEN = re.compile(r"\s*(?:(?P<op>&&|\|\||==|!=|!|[(),])|'(?P<text>(?:[^']|'')*)'|(?P<number>\d+)|(?P<name>[\w.-]+))")


class Unknown(Exception):
    """An expression names what the test does not know, or is of a form that it does not read."""


def evaluate(expression: str, values: Mapping[str, Any], functions: Functions) -> Any:
    """Return the value between `${{` and `}}`. Raises Unknown instead of treating anything as empty."""
    found = _Reader(expression, values, functions)
    value = found.either()
    found.end()
    return value


def interpolate(text: Any, values: Mapping[str, Any], functions: Functions) -> str:
    """A text with all its expressions replaced by their values."""

    def value(match: re.Match[str]) -> str:
        return _written(evaluate(match[1], values, functions))

    return re.sub(r"\$\{\{(.*?)\}\}", value, _written(text))


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class _Reader:
    def __init__(self, text: str, values: Mapping[str, Any], functions: Functions) -> None:
        self._text, self._values, self._functions = text, values, functions
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None or match.lastgroup is None:
                raise Unknown(f"{text!r} is not read from {text[at:]!r} on")
            self._tokens.append((match.lastgroup, match[match.lastgroup]))
            at = match.end()

    def either(self) -> Any:
        value = self.both()
        while self._take("||"):
            other = self.both()
            value = value or other
        return value

    def both(self) -> Any:
        value = self.equal()
        while self._take("&&"):
            other = self.equal()
            value = value and other
        return value

    def equal(self) -> Any:
        value = self.one()
        if self._take("=="):
            return value == self.one()
        if self._take("!="):
            return value != self.one()
        return value

    def one(self) -> Any:
        if self._take("!"):
            return not self.one()
        if self._take("("):
            value = self.either()
            self._need(")")
            return value
        kind, word = self._tokens.pop(0) if self._tokens else ("end", "")
        if kind == "text":
            return word.replace("''", "'")
        if kind == "number":
            return int(word)
        if kind != "name":
            raise Unknown(f"{self._text!r}: {word!r} is no value")
        if self._take("("):
            return self._call(word)
        if word not in self._values:
            raise Unknown(f"{self._text!r}: the test has no value for {word}")
        return self._values[word]

    def end(self) -> None:
        if self._tokens:
            raise Unknown(f"{self._text!r} goes on with {self._tokens[0][1]!r}")

    def _call(self, name: str) -> Any:
        arguments = []
        while not self._take(")"):
            arguments.append(self.either())
            self._take(",")
            if not self._tokens:
                raise Unknown(f"{self._text!r} ends within {name}(")
        if name not in self._functions:
            raise Unknown(f"{self._text!r}: the test has no function {name}")
        return self._functions[name](*arguments)

    def _take(self, word: str) -> bool:
        if self._tokens and self._tokens[0] == ("op", word):
            self._tokens.pop(0)
            return True
        return False

    def _need(self, word: str) -> None:
        if not self._take(word):
            raise Unknown(f"{self._text!r}: {word!r} is missing")
