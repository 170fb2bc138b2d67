"""Proposal of mutants: the files that may be mutated, and the operators, those of the team's own included."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pushproof.engines.mutation.model import Edit, Mutant
from pushproof.terraform.working_copy import CACHES

if TYPE_CHECKING:
    import pytest

_NAMES = (
    "*.tf",
    "*.tfvars",
    "*.yml",
    "*.yaml",
    "*.yml.tftpl",
    "*.yaml.tftpl",
    "Dockerfile",
    "Dockerfile.*",
    "*.Dockerfile",
    "*.dockerfile",
    "Containerfile",
)
# Packages that others wrote are not mutated.
_LEFT_OUT = CACHES | {".venv", "venv", "node_modules"}


def files_to_mutate(root: Path, paths: Sequence[str], read: Iterable[str]) -> dict[str, bytes]:
    """Return the content of the files that may be mutated, by path below the repository.

    `paths`: files, and directories with all below them; none stands for those files that the suite was seen to `read`.
    """
    names = sorted(read) if not paths else [name for path in paths for name in _below(root, path)]
    return {
        name: (root / name).read_bytes()
        for name in dict.fromkeys(names)
        if any(fnmatch.fnmatchcase(Path(name).name, pattern) for pattern in _NAMES) and (root / name).is_file()
    }


def _below(root: Path, path: str) -> Iterator[str]:
    place = root / path
    if place.is_file():
        yield os.path.relpath(place, root)
        return
    for directory, directories, files in os.walk(place):
        directories[:] = sorted(name for name in directories if name not in _LEFT_OUT)
        yield from (os.path.relpath(Path(directory) / name, root) for name in sorted(files))


def proposed(config: pytest.Config, root: Path, paths: Sequence[str], read: Iterable[str]) -> dict[str, object]:
    """Return the mutants of a repository, and the files that cannot be parsed, as JSON values."""
    from pushproof.engines.mutation import OPERATORS, Project, mutants_of

    own = [operator for several in config.hook.pytest_pushproof_mutation_operators() for operator in several or ()]
    project = Project(files_to_mutate(root, paths, read))
    return {
        "mutants": [mutant_to_json(mutant) for mutant in mutants_of(project, [*OPERATORS, *own])],
        "unreadable": [asdict(unreadable) for unreadable in project.unreadable],
        "operators": [
            {"name": operator.name, "description": operator.description, "harm": operator.harm, "page": operator.page}
            for operator in [*OPERATORS, *own]
        ],
    }


def mutant_to_json(mutant: Mutant) -> dict[str, object]:
    """Return a mutant as JSON values."""
    return {**asdict(mutant), "lines": [[each.start, each.stop] for each in mutant.lines]}


def mutant_of_json(values: Mapping[str, object]) -> Mutant:
    """Return the mutant that JSON values describe."""
    edits = cast(Sequence[Mapping[str, object]], values["edits"])
    lines = cast(Sequence[tuple[int, int]], values["lines"])
    return Mutant(
        id=str(values["id"]),
        operator=str(values["operator"]),
        path=str(values["path"]),
        line=int(cast(int, values["line"])),
        address=str(values["address"]),
        summary=str(values["summary"]),
        edits=tuple(
            Edit(int(cast(int, edit["start"])), int(cast(int, edit["end"])), str(edit["text"])) for edit in edits
        ),
        visible_in_plan=bool(values["visible_in_plan"]),
        harm=str(values["harm"]),
        page=str(values["page"]),
        lines=tuple(range(start, stop) for start, stop in lines),
    )
