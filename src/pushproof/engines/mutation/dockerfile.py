"""A view of a Dockerfile in which every instruction has its bytes.

Source: https://docs.docker.com/reference/dockerfile/
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from pushproof.engines.mutation.source import Source

_DIRECTIVE = re.compile(r"^#\s*escape\s*=\s*(?P<escape>[\\`])\s*$", re.IGNORECASE)
_HEREDOC = re.compile(r"<<-?\s*(?P<quote>[\"']?)(?P<word>[A-Za-z_][A-Za-z0-9_]*)(?P=quote)")
_NAME = re.compile(r"\s+AS\s+(?P<name>\S+)\s*$", re.IGNORECASE)


class DockerfileFault(ValueError):
    """A Dockerfile that cannot be read. `line` counts from 1."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line, self.reason = line, reason


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction.

    Attributes:
        keyword: In capitals: `RUN`.
        text: The instruction as written, with every line it covers, without the last line end.
        start: The first byte.
        end: The byte after the last, before the line end.
        stage: The name of its stage, else its number; "" before the first.
    """

    keyword: str
    text: str
    start: int
    end: int
    stage: str

    @property
    def arguments(self) -> str:
        """Return what follows the keyword."""
        return self.text.strip()[len(self.keyword) :].strip()


@dataclass(frozen=True)
class Dockerfile:
    """A Dockerfile's instructions in their order."""

    source: Source
    instructions: tuple[Instruction, ...]

    @property
    def path(self) -> str:
        """Return the path of the file."""
        return self.source.path

    def of(self, *keywords: str) -> Iterator[Instruction]:
        """Yield the instructions with one of the keywords."""
        return (instruction for instruction in self.instructions if instruction.keyword in keywords)

    @functools.cached_property
    def last_stage(self) -> str:
        """Return the stage that a build without a target makes."""
        return self.instructions[-1].stage


def read(source: Source) -> Dockerfile:
    """Return the instructions of a Dockerfile. Raise `DockerfileFault` where the file has no stage."""
    try:
        text = source.content.decode()
    except UnicodeDecodeError as problem:
        raise DockerfileFault(source.line(problem.start), "the file is not UTF-8") from None
    instructions = tuple(_instructions(text))
    if not any(instruction.keyword == "FROM" for instruction in instructions):
        raise DockerfileFault(1, "the file has no FROM")
    return Dockerfile(source, instructions)


def _instructions(text: str) -> Iterator[Instruction]:
    lines = [line for line in text.replace("\n", "\n\0").split("\0") if line]
    escape, at, offset, directives, stage, count = "\\", 0, 0, True, "", 0
    while at < len(lines):
        first = lines[at].strip()
        directive = _DIRECTIVE.match(first) if directives else None
        if directive:
            escape = directive["escape"]
        directives = directives and first.startswith("#") and "=" in first
        if not first or first.startswith("#"):
            offset += len(lines[at].encode())
            at += 1
            continue
        end = _end(lines, at, escape)
        covered = "".join(lines[at : end + 1])
        keyword = first.split()[0].upper()
        if keyword == "FROM":
            name = _NAME.search(covered.strip())
            stage = name["name"] if name else str(count)
            count += 1
        written = covered.rstrip("\r\n")
        yield Instruction(keyword, written, offset, offset + len(written.encode()), stage)
        offset += len(covered.encode())
        at = end + 1


def _end(lines: list[str], at: int, escape: str) -> int:
    """Return the last line of the instruction that begins at a line."""
    end = at
    # A comment or a blank line inside of a continued instruction does not end it.
    while end + 1 < len(lines) and (
        lines[end].rstrip().endswith(escape) or (end > at and lines[end].lstrip().startswith("#"))
    ):
        end += 1
    if lines[at].split()[0].upper() in ("RUN", "COPY", "ADD"):
        for heredoc in _HEREDOC.finditer("".join(lines[at : end + 1])):
            while end + 1 < len(lines):
                end += 1
                if lines[end].strip() == heredoc["word"]:
                    break
    return end
