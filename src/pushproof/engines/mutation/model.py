"""Mutants: one mistake each, as edits of one file's bytes, and the operators that propose them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from pushproof.engines.mutation.project import Project


class DoesNotFit(ValueError):
    """Edits that lie outside of the content they are applied to, or overlap."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A replacement: the bytes [start, end) of a file become `text`, in UTF-8. An insertion has start and end equal."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """A proposal of an operator.

    Attributes:
        path: The file, in POSIX form, relative to the repository.
        edits: The replacements, in any order, none over another.
        summary: A sentence with the names and values of the place.
        address: The place as people name it: `module.ecs.aws_ecs_service.this`, `phases.build`, `runtime`.
        harm: A sentence for this place; empty takes the operator's.
        page: The page behind that sentence; empty takes the operator's.
    """

    path: str
    edits: tuple[Edit, ...]
    summary: str
    address: str = ""
    harm: str = ""
    page: str = ""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mistake in one file.

    Attributes:
        id: Ten hexadecimal digits. They depend on the operator, the path, and the changed text with its surrounding, and on no
            line number: a line added elsewhere in the file leaves them as they are.
        operator: The operator's name.
        path: The file, in POSIX form, relative to the repository.
        line: The first line that changes, from 1.
        address: The place as people name it.
        summary: A sentence with the names and values of the place.
        edits: The replacements, in the order of the file.
        visible_in_plan: Whether Terraform's plan can show the mistake.
        harm: A sentence: the damage in production.
        page: URL of the page that says so.
        lines: The lines of each edit, of the original, from 1.
    """

    id: str
    operator: str
    path: str
    line: int
    address: str
    summary: str
    edits: tuple[Edit, ...]
    visible_in_plan: bool
    harm: str
    page: str
    lines: tuple[range, ...] = ()

    def apply(self, content: bytes) -> bytes:
        """Return the file with the mistake in it. Raise `DoesNotFit` where the content is not the original."""
        return applied(self.edits, content)

    def diff(self, content: bytes) -> str:
        """Return the mistake as a unified diff, with `a/` and `b/` before the path, as git and patch take it."""
        return "".join(
            line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
            for line in difflib.unified_diff(
                _lines(content), _lines(self.apply(content)), f"a/{self.path}", f"b/{self.path}"
            )
        )


class Operator(Protocol):
    """A kind of mistake. A plugin returns its own from `pytest_pushproof_mutation_operators`."""

    @property
    def name(self) -> str:
        """Name in kebab case behind `hcl.`, `buildspec.` or `dockerfile.`: `hcl.drop-block`."""

    @property
    def description(self) -> str:
        """A sentence: the mistake."""

    @property
    def harm(self) -> str:
        """A sentence: the damage in production."""

    @property
    def page(self) -> str:
        """URL of the page that says so."""

    @property
    def visible_in_plan(self) -> bool:
        """Visibility in Terraform's plan: False for `ignore_changes`, `depends_on`, buildspec and Dockerfile."""

    def changes(self, project: Project) -> Iterator[Change]:
        """Yield every place of the project where somebody could make the mistake."""


@dataclass(frozen=True, slots=True)
class FunctionOperator:
    """An operator made from a function that yields changes."""

    name: str
    description: str
    harm: str
    page: str
    visible_in_plan: bool
    function: Callable[[Project], Iterator[Change]]

    def changes(self, project: Project) -> Iterator[Change]:
        """Yield every place of the project where somebody could make the mistake."""
        return self.function(project)


def operator(
    name: str, description: str, harm: str, page: str, *, visible_in_plan: bool = True
) -> Callable[[Callable[[Project], Iterator[Change]]], FunctionOperator]:
    """Decorate a function that yields changes: it becomes an operator."""

    def made(function: Callable[[Project], Iterator[Change]]) -> FunctionOperator:
        return FunctionOperator(name, description, harm, page, visible_in_plan, function)

    return made


def applied(edits: Sequence[Edit], content: bytes) -> bytes:
    """Return content with edits in it. Raise `DoesNotFit` where one lies outside of the content or over another."""
    parts: list[bytes] = []
    at = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if not at <= edit.start <= edit.end <= len(content):
            raise DoesNotFit(
                f"an edit of the bytes {edit.start} to {edit.end} does not fit a content of {len(content)} bytes in which "
                f"everything before byte {at} is settled; edits must lie inside of the content and not over one another"
            )
        parts += [content[at : edit.start], edit.text.encode()]
        at = edit.end
    return b"".join([*parts, content[at:]])


def _lines(content: bytes) -> list[str]:
    """Lines with their ends. Only a line feed ends one: `str.splitlines` has many more separators."""
    text = content.decode(errors="replace")
    return [line for line in text.replace("\n", "\n\0").split("\0") if line]
