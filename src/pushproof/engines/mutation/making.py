"""Mutants of a project: what operators propose, with identities, in one order, without what changes nothing or comes twice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from pushproof.engines.mutation.model import Change, Edit, Mutant, Operator, applied
from pushproof.engines.mutation.project import Project
from pushproof.engines.mutation.source import Source

#: How many characters on each side of a change belong to its identity.
_SURROUNDING = 80


def mutants_of(project: Project, operators: Sequence[Operator]) -> list[Mutant]:
    """Return the mutants of a project.

    The order is that of paths, then of places in the file, then of operators. No mutant's bytes equal the original's, and no two
    of the same file are equal: the first operator in the sequence has it.
    """
    mutants: list[tuple[int, Mutant]] = []
    results: set[tuple[str, bytes]] = set()
    identities: dict[str, int] = {}
    for rank, operator in enumerate(operators):
        for change in sorted(operator.changes(project), key=_place):
            source = project.source(change.path)
            edits = tuple(sorted(_real(change.edits, source), key=lambda edit: (edit.start, edit.end)))
            result = applied(edits, source.content)
            key = (change.path, hashlib.sha256(result).digest())
            if result == source.content or key in results:
                continue
            results.add(key)
            identity = _identity(operator.name, change, edits, source)
            identities[identity] = number = identities.get(identity, 0) + 1
            if number > 1:
                identity = hashlib.sha256(f"{identity} {number}".encode()).hexdigest()[:10]
            mutants.append((rank, _mutant(identity, operator, change, edits, source)))
    ordered = sorted(mutants, key=lambda pair: (pair[1].path, pair[1].edits[0].start, pair[0], pair[1].id))
    return [mutant for _, mutant in ordered]


def _place(change: Change) -> tuple[str, list[tuple[int, int, str]]]:
    return change.path, sorted((edit.start, edit.end, edit.text) for edit in change.edits)


def _real(edits: Sequence[Edit], source: Source) -> Iterator[Edit]:
    """The edits that change anything, in the line ends of the file."""
    for edit in edits:
        text = edit.text.replace("\r\n", "\n").replace("\n", source.newline)
        if source.content[edit.start : edit.end] != text.encode():
            yield Edit(edit.start, edit.end, text)


def _identity(name: str, change: Change, edits: Sequence[Edit], source: Source) -> str:
    """Ten hexadecimal digits of what changes and what stands around it. The line ends of the file do not count."""
    parts = [name, change.path, change.address]
    for edit in edits:
        before = _words(source.content[max(0, edit.start - 2 * _SURROUNDING) : edit.start])[-_SURROUNDING:]
        after = _words(source.content[edit.end : edit.end + 2 * _SURROUNDING])[:_SURROUNDING]
        replaced = _words(source.content[edit.start : edit.end])
        parts += [before, replaced, edit.text.replace("\r\n", "\n"), after]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:10]


def _words(content: bytes) -> str:
    return content.decode(errors="replace").replace("\r\n", "\n")


def _mutant(identity: str, operator: Operator, change: Change, edits: tuple[Edit, ...], source: Source) -> Mutant:
    lines = tuple(range(source.line(edit.start), source.line(max(edit.start, edit.end - 1)) + 1) for edit in edits)
    return Mutant(
        id=identity,
        operator=operator.name,
        path=change.path,
        line=lines[0].start,
        address=change.address,
        summary=change.summary,
        edits=edits,
        visible_in_plan=operator.visible_in_plan,
        harm=change.harm or operator.harm,
        page=change.page or operator.page,
        lines=lines,
    )
