"""Mistakes that a difference to an applied world hides: in values that reach an attribute under `ignore_changes`.

Such an attribute keeps the value that it was created with, so that only a world applied from nothing has the mistake.
Source: https://developer.hashicorp.com/terraform/language/meta-arguments/lifecycle#ignore_changes
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pushproof.engines.mutation import hcl
from pushproof.engines.mutation.model import Mutant
from pushproof.engines.mutation.project import HclFile, Module, Project

#: Lines of a file, by its path.
Spans = Mapping[str, frozenset[int]]
_NAMES = re.compile(r"[\w-]+")
# Of one of several: `module.web[0].port`, `aws_subnet.main["a"].id`.
_INDEX = re.compile(r"\[.*?\]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a file, with the values in it, whose references are to the module's objects."""

    module: Module
    file: HclFile
    start: int
    end: int
    values: tuple[hcl.Value, ...]


def hidden_lines(files: Mapping[str, bytes]) -> Spans:
    """Return the lines whose values reach an attribute under `ignore_changes`, through locals, variables, outputs and resources.

    `files`: the content of Terraform's files by path. A file that is not HCL has no such lines.
    """
    project = Project(files)
    lines: dict[str, set[int]] = {}
    todo = [part for module in project.modules.values() for part in _ignored(module)]
    done = set[tuple[str, int, int]]()
    while todo:
        part = todo.pop()
        key = (part.file.path, part.start, part.end)
        if key in done:
            continue
        done.add(key)
        source = part.file.source
        lines.setdefault(source.path, set()).update(range(source.line(part.start), source.line(part.end - 1) + 1))
        for value in part.values:
            if value.kind == "reference":
                todo += _referenced(project, part.module, value.text)
    return {path: frozenset(numbers) for path, numbers in lines.items()}


def is_hidden(mutant: Mutant, lines: Spans) -> bool:
    """Return whether a mutant is in one of these lines."""
    hidden = lines.get(mutant.path, frozenset())
    return any(not hidden.isdisjoint(span) for span in mutant.lines)


def _ignored(module: Module) -> Iterator[_Part]:
    """Yield the attributes of a module's resources that Terraform leaves as they are."""
    for file, block in module.of_kind("resource"):
        for lifecycle in block.group.of_kind("lifecycle"):
            ignored = lifecycle.group.get("ignore_changes")
            if ignored is None:
                continue
            if ignored.kind != "list":
                # `all`
                yield _whole(module, file, block)
                continue
            names = {match.group() for part in ignored.parts if (match := _NAMES.match(part.text))}
            for setting in block.group.settings:
                if setting.name in names:
                    yield _Part(module, file, setting.start, setting.end, tuple(setting.value.everything()))
            for inner in block.group.blocks:
                if inner.kind in names:
                    yield _whole(module, file, inner)


def _whole(module: Module, file: HclFile, block: hcl.Block) -> _Part:
    return _Part(module, file, block.start, block.end, tuple(block.outer.values()))


def _referenced(project: Project, module: Module, reference: str) -> Iterator[_Part]:
    """Yield what a reference in a module leads to."""
    names = _NAMES.findall(_INDEX.sub("", reference))
    if len(names) < 2:
        return
    match names[0]:
        case "local":
            yield from _settings(module, "locals", names[1])
        case "var":
            yield from _settings(module, "tfvars", names[1])
            yield from (
                _whole(module, f, block) for f, block in module.of_kind("variable") if block.labels == (names[1],)
            )
            yield from _arguments(project, module, names[1])
        case "module":
            yield from _outputs(project, module, names[1], names[2] if len(names) > 2 else "")
        case kind:
            labels = tuple(names[1:3] if kind == "data" else names[:2])
            kind = kind if kind == "data" else "resource"
            yield from (_whole(module, file, block) for file, block in module.of_kind(kind) if block.labels == labels)


def _settings(module: Module, kind: str, name: str) -> Iterator[_Part]:
    for file, block in module.of_kind(kind):
        setting = block.group.setting(name)
        if setting is not None:
            yield _Part(module, file, setting.start, setting.end, tuple(setting.value.everything()))


def _arguments(project: Project, module: Module, name: str) -> Iterator[_Part]:
    """Yield what the callers of a module give to one of its variables."""
    for caller in project.modules.values():
        for file, call in caller.of_kind("module"):
            setting = call.group.setting(name)
            if setting is not None and project.called(caller, call) is module:
                yield _Part(caller, file, setting.start, setting.end, tuple(setting.value.everything()))


def _outputs(project: Project, module: Module, call: str, name: str) -> Iterator[_Part]:
    """Yield an output of a module that is called; all of them without a name."""
    for _, block in module.of_kind("module"):
        called = project.called(module, block) if block.labels == (call,) else None
        if called is not None:
            for file, output in called.of_kind("output"):
                if not name or output.labels == (name,):
                    yield _whole(called, file, output)
