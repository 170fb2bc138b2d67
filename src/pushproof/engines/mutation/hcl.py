"""A view of HCL in which every block, setting and value has its bytes.

Blocks and objects are both groups of settings, so that what holds for an argument of a block holds for an entry of an object inside
of `jsonencode` too. Source: https://developer.hashicorp.com/terraform/language/syntax/configuration
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import tree_sitter_hcl
from tree_sitter import Language, Node, Parser


class SyntaxFault(ValueError):
    """HCL that cannot be parsed. `line` counts from 1."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line, self.reason = line, reason


@dataclass(frozen=True, slots=True)
class Value:
    """An expression.

    Attributes:
        kind: string (without interpolation), template, heredoc, number, boolean, null, reference, list, object, call, for,
            conditional, operation, index (of a call or of parentheses), parens, or other.
        start: The first byte.
        end: The byte after the last.
        text: The expression as written.
        parts: The values inside: entries of a list, arguments of a call, operands, both branches, interpolations, indices.
        group: The entries of an object.
        name: The function of a call; the operator of an operation.
    """

    kind: str
    start: int
    end: int
    text: str
    parts: tuple[Value, ...] = ()
    group: Group | None = None
    name: str = ""

    @property
    def literal(self) -> str | None:
        """Return the value of a plain string, number or boolean; else None."""
        if self.kind == "string":
            return self.text[1:-1]
        return self.text if self.kind in ("number", "boolean") else None

    def everything(self) -> Iterator[Value]:
        """Yield the value and all values inside of it, in their order."""
        yield self
        for part in self.parts:
            yield from part.everything()
        for setting in self.group.settings if self.group is not None else ():
            yield from setting.value.everything()


@dataclass(frozen=True, slots=True)
class Setting:
    """An argument of a block, or an entry of an object. `start` and `end` are its bytes, without comma."""

    name: str
    value: Value
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Group:
    """Settings and blocks of a body, or entries of an object. `start` and `end` are the bytes inside of the braces."""

    start: int
    end: int
    settings: tuple[Setting, ...] = ()
    blocks: tuple[Block, ...] = ()

    def get(self, name: str) -> Value | None:
        """Return the value of a setting, or None."""
        return next((setting.value for setting in self.settings if setting.name == name), None)

    def setting(self, name: str) -> Setting | None:
        """Return a setting by its name, or None."""
        return next((setting for setting in self.settings if setting.name == name), None)

    def literal(self, name: str) -> str | None:
        """Return the plain value of a setting, or None."""
        value = self.get(name)
        return value.literal if value is not None else None

    def of_kind(self, kind: str) -> tuple[Block, ...]:
        """Return the blocks of a kind, dynamic ones included."""
        return tuple(block for block in self.blocks if block.kind == kind)

    def values(self) -> Iterator[Value]:
        """Yield every value inside, those of blocks included."""
        for setting in self.settings:
            yield from setting.value.everything()
        for block in self.blocks:
            yield from block.outer.values()


@dataclass(frozen=True, slots=True)
class Block:
    """A block such as `resource "aws_vpc" "main" { … }`.

    A `dynamic "rule" { content { … } }` has the kind `rule` and the group of its content; `outer` is the group as written.
    """

    kind: str
    labels: tuple[str, ...]
    start: int
    end: int
    group: Group
    outer: Group
    dynamic: bool = False

    @property
    def address(self) -> str:
        """Return the address inside of its module: `aws_vpc.main`, `data.aws_region.current`, `var.name`, `module.ecs`."""
        if self.kind == "resource":
            return ".".join(self.labels)
        kind = {"variable": "var", "locals": "local", "tfvars": "var"}.get(self.kind, self.kind)
        return ".".join((kind, *self.labels))


#: Levels of the syntax tree that the reader, which is recursive, goes down. People's files have 20 to 40.
_DEEPEST = 200


def read(content: bytes) -> Group:
    """Return the body of a file. Raise `SyntaxFault` where it is not HCL."""
    try:
        content.decode()
    except UnicodeDecodeError as problem:
        raise SyntaxFault(content[: problem.start].count(b"\n") + 1, "the file is not UTF-8") from None
    root = _parser().parse(content).root_node
    if root.has_error:
        raise _fault(root)
    if _depth(root) > _DEEPEST:
        raise SyntaxFault(1, f"nested deeper than {_DEEPEST} levels of the syntax tree")
    body = _body(root)
    return _group(body, 0, len(content)) if body is not None else Group(0, len(content))


def _depth(root: Node) -> int:
    """Return how many levels a tree has, without recursion."""
    cursor, deepest = root.walk(), 0
    while True:
        if cursor.goto_first_child():
            deepest = max(deepest, cursor.depth)
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return deepest


def _fault(root: Node) -> SyntaxFault:
    nodes = [root]
    while nodes:
        node = nodes.pop()
        if node.is_missing:
            return SyntaxFault(node.start_point[0] + 1, f"`{node.type}` is missing")
        if node.is_error:
            text = _text(node).strip().split("\n")[0][:40]
            return SyntaxFault(node.start_point[0] + 1, f"not HCL, at `{text}`")
        nodes += [child for child in reversed(node.children) if child.has_error or child.is_missing]
    return SyntaxFault(1, "not HCL")


@functools.cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_hcl.language()))


def _text(node: Node) -> str:
    return (node.text or b"").decode(errors="replace")


def _body(node: Node) -> Node | None:
    return next((child for child in node.named_children if child.type == "body"), None)


def _group(body: Node | None, start: int, end: int) -> Group:
    children = body.named_children if body is not None else []
    settings = [_attribute(node) for node in children if node.type == "attribute"]
    blocks = [_block(node) for node in children if node.type == "block"]
    return Group(start, end, tuple(settings), tuple(blocks))


def _block(node: Node) -> Block:
    head = [child for child in node.named_children if child.type in ("identifier", "string_lit")]
    opening = next(child for child in node.named_children if child.type == "block_start")
    closing = next(child for child in node.named_children if child.type == "block_end")
    outer = _group(_body(node), opening.end_byte, closing.start_byte)
    kind, labels = _text(head[0]), tuple(_text(label).strip('"') for label in head[1:])
    if kind == "dynamic" and labels:
        content = next((block for block in outer.blocks if block.kind == "content"), None)
        if content is not None:
            return Block(labels[0], (), node.start_byte, node.end_byte, content.group, outer, True)
    return Block(kind, labels, node.start_byte, node.end_byte, outer, outer)


def _attribute(node: Node) -> Setting:
    name, value = node.named_children[0], node.named_children[1]
    return Setting(_text(name), _value(value), node.start_byte, value.end_byte)


def _value(node: Node) -> Value:
    """The value of an `expression` node."""
    return _run(node.children, node)


def _run(children: Sequence[Node], whole: Node) -> Value:
    """The value of siblings that make one term, such as a name and its attributes."""
    children = [child for child in children if child.type != "comment"]
    if not children:
        return _made("other", whole, whole)
    first, last = children[0], children[-1]
    if first.type == "(":
        inner = [_value(child) for child in children if child.type == "expression"]
        inner += _indices([child for child in children if child.type != "expression"])
        return _made("parens" if last.type == ")" else "index", first, last, tuple(inner))
    if first.type == "variable_expr":
        return _made("reference", first, last, tuple(_indices(children[1:])))
    if len(children) > 1:
        return _made("index", first, last, (_run([first], whole), *_indices(children[1:])))
    return _single(first)


def _indices(children: Sequence[Node]) -> list[Value]:
    return [_value(node) for child in children for node in _expressions(child)]


def _expressions(node: Node) -> Iterator[Node]:
    """The outermost expressions inside of a node."""
    for child in node.named_children:
        if child.type == "expression":
            yield child
        else:
            yield from _expressions(child)


def _single(node: Node) -> Value:
    if node.type in ("literal_value", "collection_value", "template_expr", "for_expr", "operation"):
        return _single(node.named_children[0]) if node.named_children else _made("other", node, node)
    if node.type == "expression":
        return _value(node)
    if node.type == "object":
        return _object(node)
    if node.type in ("unary_operation", "binary_operation"):
        return _operation(node)
    if node.type == "function_call":
        name = "::".join(_text(child) for child in node.named_children if child.type == "identifier")
        return _made("call", node, node, tuple(map(_value, _expressions(node))), name=name)
    kinds = {
        "string_lit": "string", "numeric_lit": "number", "bool_lit": "boolean", "null_lit": "null", "tuple": "list",
        "quoted_template": "template", "heredoc_template": "heredoc", "conditional": "conditional",
        "for_tuple_expr": "for", "for_object_expr": "for",
    }  # fmt: skip
    return _made(kinds.get(node.type, "other"), node, node, tuple(map(_value, _expressions(node))))


def _operation(node: Node) -> Value:
    operands: list[list[Node]] = [[]]
    sign = ""
    for child in node.children:
        if child.is_named or child.type in ("(", ")"):
            operands[-1].append(child)
        else:
            sign = child.type
            operands.append([])
    return _made("operation", node, node, tuple(_run(run, node) for run in operands if run), name=sign)


def _object(node: Node) -> Value:
    settings = []
    for entry in node.named_children:
        if entry.type == "object_elem":
            key, value = (child for child in entry.named_children if child.type == "expression")
            settings.append(Setting(_text(key).strip('"'), _value(value), entry.start_byte, entry.end_byte))
    group = Group(node.start_byte + 1, node.end_byte - 1, tuple(settings))
    return Value("object", node.start_byte, node.end_byte, _text(node), (), group)


def _made(kind: str, first: Node, last: Node, parts: tuple[Value, ...] = (), *, name: str = "") -> Value:
    start, end = first.start_byte, last.end_byte
    parent = first.parent
    if first is last or parent is None:
        text = _text(first)
    else:
        written = parent.text or b""
        text = written[start - parent.start_byte : end - parent.start_byte].decode(errors="replace")
    return Value(kind, start, end, text, parts, None, name)
