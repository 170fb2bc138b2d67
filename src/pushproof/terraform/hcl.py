"""Reads Terraform configuration files: blocks, labels, attributes, and the line of each.

`*.tf` is parsed with tree-sitter's grammar of HCL, which keeps every position and carries on after an error; `*.tf.json` is read as
Terraform's JSON syntax. Expressions stay text, except plain strings, numbers and booleans.
Source: https://developer.hashicorp.com/terraform/language/syntax/configuration , .../syntax/json
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import tree_sitter_hcl
from tree_sitter import Language, Node, Parser, Query, QueryCursor

# How many labels a block of Terraform's JSON syntax has before its body.
_LABELS = {"resource": 2, "data": 2, "module": 1, "variable": 1, "output": 1, "provider": 1, "backend": 1}


@dataclass(frozen=True, slots=True)
class Attribute:
    """An argument of a block.

    `text` is the expression as written; `literal` its value when it is a plain string, number or boolean.
    """

    name: str
    text: str
    line: int
    literal: str | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """A block such as `resource "aws_vpc" "main" { … }`. `line` counts from 1; 0 in JSON, which keeps no positions."""

    kind: str
    labels: tuple[str, ...]
    file: Path
    line: int
    attributes: dict[str, Attribute] = field(default_factory=dict)
    blocks: tuple[Block, ...] = ()

    def literal(self, name: str) -> str | None:
        """Return the value of an argument when it is a plain string, number or boolean; else None."""
        attribute = self.attributes.get(name)
        return attribute.literal if attribute is not None else None


@dataclass(frozen=True, slots=True)
class Call:
    """A call of one of Terraform's functions: its name, its arguments as written, and its place (line 0 in JSON).

    `argument`: the first; `others`: the text from the second on.
    """

    name: str
    argument: str
    file: Path
    line: int
    others: str = ""


_CALL_IN_JSON = re.compile(r"\b(?:provider::\w+::)?([a-z][a-z0-9_]*)\(\s*((?:\\\"(?:[^\"\\]|\\[^\"])*\\\"|[^,()])*)")


def read_calls(directory: Path) -> list[Call]:
    """Return every call of a function in the `*.tf` and `*.tf.json` of a directory, those in templates included."""
    calls: list[Call] = []
    for path in sorted(directory.glob("*.tf")):
        tree = _parser().parse(path.read_bytes())
        captures = QueryCursor(_calls()).captures(tree.root_node)
        calls += [_call(node, path) for node in captures.get("call", ())]
    for path in sorted(directory.glob("*.tf.json")):
        text = path.read_text(encoding="utf-8", errors="replace")
        calls += [
            Call(match[1], match[2].replace('\\"', '"').strip(), path, 0, text[match.end() :].partition(")")[0])
            for match in _CALL_IN_JSON.finditer(text)
        ]
    return calls


def _call(node: Node, path: Path) -> Call:
    names = [child for child in node.named_children if child.type == "identifier"]
    arguments = next((child for child in node.named_children if child.type == "function_arguments"), None)
    first = arguments.named_children[0] if arguments is not None and arguments.named_children else None
    # The last of `provider::aws::arn_parse`.
    name = _text(names[-1]) if names else ""
    others = [_text(other) for other in arguments.named_children[1:]] if arguments is not None else []
    return Call(name, _text(first) if first is not None else "", path, node.start_point[0] + 1, ", ".join(others))


def read_directory(directory: Path) -> list[Block]:
    """Return the top-level blocks of every `*.tf` and `*.tf.json` in a directory, file by file in the order of their names.

    Files that cannot be parsed are left out: Terraform reports their errors better than a reader could.
    """
    blocks: list[Block] = []
    for path in sorted([*directory.glob("*.tf"), *directory.glob("*.tf.json")]):
        blocks += read_file(path)
    return blocks


def read_file(path: Path) -> list[Block]:
    """Return the top-level blocks of one file."""
    return list(_parsed(path, path.read_bytes()))


# A session reads the same files for their modules, their copy, their key and their findings.
@functools.lru_cache(maxsize=1000)
def _parsed(path: Path, text: bytes) -> tuple[Block, ...]:
    if path.name.endswith(".json"):
        try:
            content = json.loads(text)
            return tuple(_of_json(content, path)) if isinstance(content, dict) else ()
        except (ValueError, RecursionError):
            return ()
    try:
        return tuple(_children(_body(_parser().parse(text).root_node), path))
    except RecursionError:
        # Nested deeper than Terraform accepts.
        return ()


def read_settings(path: Path) -> dict[str, str]:
    """Return the plain values of a file of settings, such as a backend's `*.hcl` or a `*.tfvars`."""
    body = _body(_parser().parse(path.read_bytes()).root_node)
    return {name: a.literal for name, a in _attributes(body).items() if a.literal is not None}


@functools.cache
def _parser() -> Parser:
    return Parser(_language())


@functools.cache
def _calls() -> Query:
    return Query(_language(), "(function_call) @call")


@functools.cache
def _language() -> Language:
    return Language(tree_sitter_hcl.language())


def _body(node: Node) -> Node | None:
    return next((child for child in node.named_children if child.type == "body"), None)


def _children(body: Node | None, path: Path) -> Iterator[Block]:
    for node in body.named_children if body is not None else ():
        if node.type == "block":
            yield _block(node, path)


def _block(node: Node, path: Path) -> Block:
    head = [child for child in node.named_children if child.type in ("identifier", "string_lit")]
    body = _body(node)
    return Block(
        kind=_text(head[0]) if head else "",
        labels=tuple(_text(label).strip('"') for label in head[1:]),
        file=path,
        line=node.start_point[0] + 1,
        attributes=_attributes(body),
        blocks=tuple(_children(body, path)),
    )


def _attributes(body: Node | None) -> dict[str, Attribute]:
    attributes: dict[str, Attribute] = {}
    for node in body.named_children if body is not None else ():
        if node.type == "attribute" and len(node.named_children) >= 2:
            name, expression = _text(node.named_children[0]), node.named_children[1]
            attributes[name] = Attribute(name, _text(expression), node.start_point[0] + 1, _literal(expression))
    return attributes


def _literal(expression: Node) -> str | None:
    """The value of `"text"`, `12` or `true`; None for anything that has to be evaluated."""
    if [child.type for child in expression.named_children] != ["literal_value"]:
        return None
    value = expression.named_children[0]
    text = _text(value)
    return None if text == "null" else text.strip('"') if text.startswith('"') else text


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", errors="replace")


def _of_json(content: dict[str, object], path: Path) -> Iterator[Block]:
    for kind, value in content.items():
        yield from _nested(kind, _LABELS.get(kind, 0), (), value, path)


def _nested(kind: str, labels: int, above: tuple[str, ...], value: object, path: Path) -> Iterator[Block]:
    for entry in value if isinstance(value, list) else [value]:
        if not isinstance(entry, dict):
            continue
        if len(above) < labels:
            for label, inner in entry.items():
                yield from _nested(kind, labels, (*above, label), inner, path)
            continue
        attributes, blocks = {}, list[Block]()
        for name, inner in entry.items():
            if kind == "terraform" and name == "backend":
                blocks += _nested("backend", 1, (), inner, path)
            plain = isinstance(inner, str | int | float) and not (isinstance(inner, str) and "${" in inner)
            text = json.dumps(inner)
            attributes[name] = Attribute(name, text, 0, text.strip('"') if plain else None)
        yield Block(kind, above, path, 0, attributes, tuple(blocks))
