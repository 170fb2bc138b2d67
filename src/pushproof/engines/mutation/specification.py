"""A view of a buildspec in which every command and value has its bytes.

Source: https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from pushproof.engines.mutation.source import Source

PHASES = ("install", "pre_build", "build", "post_build")


class SpecificationFault(ValueError):
    """YAML that cannot be read. `line` counts from 1."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line, self.reason = line, reason


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text of the buildspec.

    Attributes:
        text: The value.
        start: The first byte, of the style's mark (a quote or `|`) where it has one.
        end: The byte after the last one that belongs to the value.
        entry: The first byte of the list entry's dash, or of the mapping's key.
        style: As PyYAML writes it: "" (plain), "'", '"', "|" or ">".
    """

    text: str
    start: int
    end: int
    entry: int
    style: str


@dataclass(frozen=True, slots=True)
class Phase:
    """The commands of a phase. `start` and `end` are the bytes of the phase with its key."""

    name: str
    start: int
    end: int
    commands: tuple[Scalar, ...]


@dataclass(frozen=True)
class Buildspec:
    """A buildspec's phases, variables, artifacts and cache.

    `cache`, `env` and `artifacts_section` are the bytes of these sections; `env` is None where it has more than variables.
    """

    source: Source
    phases: tuple[Phase, ...]
    variables: tuple[tuple[str, Scalar], ...]
    exported: tuple[Scalar, ...]
    artifacts: tuple[Scalar, ...]
    cache: tuple[int, int] | None
    env: tuple[int, int] | None
    artifacts_section: tuple[int, int] | None

    @property
    def path(self) -> str:
        """Return the path of the file."""
        return self.source.path

    @functools.cached_property
    def commands(self) -> tuple[tuple[Phase, int, Scalar], ...]:
        """Return every command with its phase and its place in it, in the order that CodeBuild runs them."""
        order = sorted(self.phases, key=lambda phase: PHASES.index(phase.name))
        return tuple((phase, index, command) for phase in order for index, command in enumerate(phase.commands))


def read(source: Source) -> Buildspec | None:
    """Return a buildspec, or None where a YAML file is none. Raise `SpecificationFault` where a buildspec cannot be read."""
    # Charts, workflows and the like are no buildspecs, readable as YAML or not, and may be large.
    if b"phases" not in source.content:
        return None
    try:
        text = source.content.decode()
        documents = list(yaml.compose_all(text, yaml.SafeLoader))
        aliases = any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader))
    except UnicodeDecodeError as problem:
        raise SpecificationFault(source.line(problem.start), "the file is not UTF-8") from None
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark
        raise SpecificationFault(mark.line + 1 if mark is not None else 1, f"not YAML: {problem.problem}") from None
    except yaml.YAMLError as problem:
        raise SpecificationFault(1, f"not YAML: {problem}") from None
    except RecursionError:
        raise SpecificationFault(1, "nested too deeply") from None
    root = documents[0] if len(documents) == 1 else None
    if not isinstance(root, yaml.MappingNode):
        return None
    reader = _Reader(text)
    phases = reader.child(root, "phases")
    if not isinstance(phases, yaml.MappingNode) or reader.child(root, "version") is None:
        return None
    if aliases:
        raise SpecificationFault(1, "the buildspec has aliases, whose anchors an edit might remove")
    env, artifacts = reader.child(root, "env"), reader.child(root, "artifacts")
    return Buildspec(
        source,
        tuple(reader.phases(phases)),
        tuple(reader.entries(reader.child(env, "variables"))),
        tuple(reader.scalars(reader.child(env, "exported-variables"))),
        tuple(reader.scalars(reader.child(artifacts, "files"))),
        reader.pair(root, "cache"),
        reader.pair(root, "env") if isinstance(env, yaml.MappingNode) and len(env.value) == 1 else None,
        reader.pair(root, "artifacts"),
    )


class _Reader:
    """Positions of nodes in bytes; PyYAML counts characters."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._plain = text.isascii()

    def _byte(self, index: int) -> int:
        return index if self._plain else len(self._text[:index].encode())

    @staticmethod
    def child(node: yaml.Node | None, name: str) -> yaml.Node | None:
        """Return the value of a key of a mapping, or None."""
        for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
            if key.value == name:
                assert isinstance(value, yaml.Node)
                return value
        return None

    def pair(self, node: yaml.MappingNode, name: str) -> tuple[int, int] | None:
        """Return the bytes of a key and its value."""
        for key, value in node.value:
            if key.value == name:
                return self._byte(key.start_mark.index), self._byte(self._end(value))
        return None

    def _end(self, node: yaml.Node) -> int:
        """Return the end of a node without the blank lines and comments behind it, which PyYAML counts to block nodes."""
        if isinstance(node, yaml.CollectionNode) and node.value and not node.flow_style:
            last = node.value[-1]
            return self._end(last[1] if isinstance(node, yaml.MappingNode) else last)
        start, end = node.start_mark.index, node.end_mark.index
        if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
            end = self._end_of_block(node.start_mark.index, end)
        return start + len(self._text[start:end].rstrip())

    def _end_of_block(self, start: int, end: int) -> int:
        """Return the end of a literal: PyYAML's mark lies behind the comments that follow at a smaller indent."""
        lines = self._text[start:end].split("\n")
        body = [line for line in lines[1:] if line.strip()]
        if not body:
            return end
        indent = len(body[0]) - len(body[0].lstrip(" "))
        length = len(lines[0])
        kept = length
        for line in lines[1:]:
            length += 1 + len(line)
            if not line.strip():
                continue
            if len(line) - len(line.lstrip(" ")) < indent:
                break
            kept = length
        return start + kept

    def scalars(self, node: yaml.Node | None) -> Iterator[Scalar]:
        """Yield the texts of a list."""
        for item in node.value if isinstance(node, yaml.SequenceNode) else ():
            if isinstance(item, yaml.ScalarNode):
                start = item.start_mark.index
                flow = bool(node is not None and getattr(node, "flow_style", False))
                dash = start if flow else self._text.rfind("-", 0, start)
                yield self._scalar(item, dash)

    def entries(self, node: yaml.Node | None) -> Iterator[tuple[str, Scalar]]:
        """Yield the names and texts of a mapping."""
        for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(value, yaml.ScalarNode):
                yield str(key.value), self._scalar(value, key.start_mark.index)

    def _scalar(self, node: yaml.ScalarNode, entry: int) -> Scalar:
        start, end = self._byte(node.start_mark.index), self._byte(self._end(node))
        return Scalar(str(node.value), start, end, self._byte(entry), node.style or "")

    def phases(self, node: yaml.MappingNode) -> Iterator[Phase]:
        """Yield the phases that have commands."""
        for key, value in node.value:
            commands = self.child(value, "commands")
            entries = commands.value if isinstance(commands, yaml.SequenceNode) else [commands]
            if key.value in PHASES and all(isinstance(entry, yaml.ScalarNode) for entry in entries):
                start, end = self._byte(key.start_mark.index), self._byte(self._end(value))
                yield Phase(str(key.value), start, end, tuple(self.scalars(commands)))
