"""Operators: kinds of mistakes that people make in Terraform, buildspecs and Dockerfiles."""

from __future__ import annotations

from pushproof.engines.mutation.model import Operator
from pushproof.engines.mutation.operators import (
    access,
    agreement,
    blocks,
    buildspecs,
    deliveries,
    dockerfiles,
    documents,
    entries,
    environments,
    events,
    guards,
    literals,
    logic,
    network,
    policies,
    references,
    structure,
    values,
)

OPERATORS: tuple[Operator, ...] = (
    *structure.OPERATORS,
    *blocks.OPERATORS,
    *entries.OPERATORS,
    *guards.OPERATORS,
    *environments.OPERATORS,
    *literals.OPERATORS,
    *agreement.OPERATORS,
    *events.OPERATORS,
    *values.OPERATORS,
    *policies.OPERATORS,
    *documents.OPERATORS,
    *access.OPERATORS,
    *network.OPERATORS,
    *references.OPERATORS,
    *logic.OPERATORS,
    *buildspecs.OPERATORS,
    *deliveries.OPERATORS,
    *dockerfiles.OPERATORS,
)
