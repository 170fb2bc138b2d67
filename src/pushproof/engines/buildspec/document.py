"""YAML with line numbers: a reader over nodes that raises typed errors naming key, line and expectation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from pushproof.engines.buildspec.errors import InvalidValue, WrongType, YamlSyntaxError

# CodeBuild's parser descends from libyaml and prints its words; so does the C loader, but not the Python one.
_Loader: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MAX_NESTING = 100
_TRUE = {"yes", "true", "on"}
_FALSE = {"no", "false", "off"}
_NULL_TAG = "tag:yaml.org,2002:null"
_MERGE_TAG = "tag:yaml.org,2002:merge"


def load(text: str) -> Value:
    """The document's root.

    Raises:
        YamlSyntaxError: not YAML, more than one document, or nested deeper than any buildspec is.
    """
    _check_nesting(text)
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        problem = error.problem or error.context or "not YAML"
        raise YamlSyntaxError(f"{problem} at line {line}", line, "correct the YAML at this line") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise YamlSyntaxError(
            f"control characters are not allowed at line {line}", line, "remove the unprintable character"
        ) from None
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise YamlSyntaxError(f"invalid Unicode character at line {line}", line, "save the file as UTF-8") from None
    except ValueError as error:  # an escape such as "\UFFFFFFFF", which no character has
        raise YamlSyntaxError(f"{error} at line 1", 1, "correct the escape sequence") from None
    return Value(node, "buildspec") if node is not None else Value(yaml.ScalarNode(_NULL_TAG, ""), "buildspec")


def _check_nesting(text: str) -> None:
    """Refuse a document nested so deep that it would exhaust the composer's stack, which recurses once a level."""
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_Loader):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > _MAX_NESTING:
                    line = event.start_mark.line + 1 if event.start_mark else 1
                    raise YamlSyntaxError(
                        f"exceeded max depth of {_MAX_NESTING} at line {line}", line, "flatten the document"
                    )
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
    except (yaml.YAMLError, UnicodeEncodeError, ValueError):
        return  # composing reports it with its words


@dataclass(frozen=True, slots=True)
class Value:
    """A YAML node and the name it goes by in messages."""

    node: yaml.Node
    name: str

    @property
    def line(self) -> int:
        """Counted from 1."""
        mark = self.node.start_mark
        return mark.line + 1 if mark else 1

    @property
    def empty(self) -> bool:
        """Return whether the value is empty."""
        return isinstance(self.node, yaml.ScalarNode) and self.node.tag == _NULL_TAG

    @property
    def is_sequence(self) -> bool:
        return isinstance(self.node, yaml.SequenceNode)

    @property
    def kind(self) -> str:
        """Describe the value, in the words of the messages."""
        if isinstance(self.node, yaml.MappingNode):
            return "subkeys"
        if isinstance(self.node, yaml.SequenceNode):
            return "a sequence"
        return "nothing" if self.empty else "a string"

    def entries(self) -> dict[str, Value]:
        """A mapping's entries, merge keys resolved; a repeated key keeps its last value, as CodeBuild's parser does."""
        if self.empty:
            return {}
        if not isinstance(self.node, yaml.MappingNode):
            raise WrongType(
                f"Expected {self.name} to be a mapping: found {self.kind} at line {self.line}",
                self.line,
                f"write {self.name} as 'key: value' lines",
            )
        return {key: Value(node, _child(self.name, key)) for key, node in _pairs(self.node, self.name, {}).items()}

    def items(self) -> Iterator[Value]:
        """A sequence's items, named ``Commands[0]``, ``Commands[1]``, ..."""
        if self.empty:
            return
        if not isinstance(self.node, yaml.SequenceNode):
            raise WrongType(
                f"Expected {self.name} to be a sequence: found {self.kind} at line {self.line}",
                self.line,
                f"write {self.name} as a list, each item on a line beginning with '- '",
            )
        for index, node in enumerate(self.node.value):
            yield Value(node, f"{self.name}[{index}]")

    def text(self) -> str:
        """A scalar as written: numbers and booleans are text to a shell."""
        if not isinstance(self.node, yaml.ScalarNode):
            raise WrongType(
                f"Expected {self.name} to be of string type: found {self.kind} instead at line {self.line}, "
                f"value of the key tag on line {max(1, self.line - 1)} might be empty",
                self.line,
                "put the whole value in quotation marks; ': ' and a leading '{' or '[' mean something in YAML",
            )
        return "" if self.empty else str(self.node.value)

    def strings(self) -> tuple[str, ...]:
        """A sequence of non-empty strings."""
        texts: list[str] = []
        for item in self.items():
            text = item.text()
            if item.empty:
                raise WrongType(
                    f"Expected {item.name} to be of string type: found nothing at line {item.line}",
                    item.line,
                    "remove the empty '-' or give it a value",
                )
            texts.append(text)
        return tuple(texts)

    def boolean(self) -> bool:
        """``yes`` or ``no`` in any of YAML's spellings."""
        text = self.text().lower()
        if text in _TRUE:
            return True
        if text in _FALSE:
            return False
        raise self.invalid("yes or no")

    def one_of(self, *allowed: str) -> str:
        """A string out of a set."""
        text = self.text()
        if text not in allowed:
            raise self.invalid(", ".join(allowed))
        return text

    def invalid(self, expected: str) -> InvalidValue:
        """The error for a value of the right type that is not acceptable."""
        return InvalidValue(
            f"invalid value for {self.name} at line {self.line}: {self.text()!r}, expected {expected}",
            self.line,
            f"set {self.name} to {expected}",
        )


def _child(parent: str, key: str) -> str:
    # The published message says "Commands[0]", whichever phase it is in.
    if key in ("commands", "finally"):
        return key.capitalize()
    return key if parent == "buildspec" else f"{parent}.{key}"


def _pairs(node: yaml.MappingNode, name: str, pairs_by_node: dict[int, dict[str, yaml.Node]]) -> dict[str, yaml.Node]:
    """Keys and values with merge keys resolved; ``seen`` makes each mapping be merged once, however often it is named."""
    if id(node) in pairs_by_node:
        return pairs_by_node[id(node)]
    pairs_by_node[id(node)] = {}
    merged: dict[str, yaml.Node] = {}
    own: dict[str, yaml.Node] = {}
    for key, value in node.value:
        if key.tag == _MERGE_TAG:
            sources = value.value if isinstance(value, yaml.SequenceNode) else [value]
            for source in reversed(sources):
                if not isinstance(source, yaml.MappingNode):
                    line = value.start_mark.line + 1
                    raise WrongType(f"map merge requires map at line {line}", line, "merge an anchored mapping")
                merged |= _pairs(source, name, pairs_by_node)
        elif isinstance(key, yaml.ScalarNode):
            own[key.value] = value
        else:
            line = key.start_mark.line + 1
            raise WrongType(f"Expected the keys of {name} to be strings at line {line}", line, "write a plain key")
    pairs_by_node[id(node)] = merged | own
    return pairs_by_node[id(node)]
