"""Operators: kinds of mistakes that people make in Terraform, buildspecs and Dockerfiles."""

from __future__ import annotations

from pushproof.engines.mutation.model import Operator
from pushproof.engines.mutation.operators import structure

OPERATORS: tuple[Operator, ...] = (*structure.OPERATORS,)
