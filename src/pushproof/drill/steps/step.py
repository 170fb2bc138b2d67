"""The form of a step: a stable name, its letter in what is printed, what it needs, and how it is performed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from pushproof.drill.context import Context
from pushproof.drill.evidence import Evidence


class Step(ABC):
    """A step of the drill. It takes the evidence of earlier steps from the context and returns its own.

    Attributes:
        name: kebab-case and stable: people and scripts name steps by it.
        letter: the letter under which the step is printed.
        needs: names of earlier steps whose evidence it takes; each entry lists alternatives, of which one is enough.
        pushes: whether it needs a delivery path, by which pushes are made and judged.
    """

    name: ClassVar[str]
    letter: ClassVar[str]
    needs: ClassVar[tuple[tuple[str, ...], ...]] = ()
    pushes: ClassVar[bool] = False

    @abstractmethod
    def perform(self, context: Context) -> Evidence:
        """Perform the step and return what it has shown. Raises ProofFailed when something does not hold."""
