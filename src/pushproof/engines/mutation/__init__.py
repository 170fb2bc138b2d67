"""Realistic mistakes in infrastructure code, one at a time: operators, the mutants they make of a project, and choices among them.

Nothing here reads a file or runs a program: a project is a mapping of paths to content.
"""

from __future__ import annotations

from collections.abc import Sequence

from pushproof.engines.mutation import making
from pushproof.engines.mutation.model import Change, DoesNotFit, Edit, Mutant, Operator, operator
from pushproof.engines.mutation.operators import OPERATORS
from pushproof.engines.mutation.project import Project, Unreadable
from pushproof.engines.mutation.selection import NothingMatches, only, sample, within_lines

__all__ = [
    "OPERATORS",
    "Change",
    "DoesNotFit",
    "Edit",
    "Mutant",
    "NothingMatches",
    "Operator",
    "Project",
    "Unreadable",
    "mutants_of",
    "only",
    "operator",
    "sample",
    "within_lines",
]


def mutants_of(project: Project, operators: Sequence[Operator] = OPERATORS) -> list[Mutant]:
    """Return the mutants of a project in one order: by path, place and operator.

    No mutant's bytes equal the original's, and no two mutants of a file have the same bytes.
    """
    return making.mutants_of(project, operators)
