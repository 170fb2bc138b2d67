"""Questions put to AWS and to the engines; the two answers must agree."""

from pushproof.sandbox.oracles.case import Case, differences, record
from pushproof.sandbox.oracles.lifecycle import ask_lifecycle
from pushproof.sandbox.oracles.permissions import Question, ask_permissions
from pushproof.sandbox.oracles.reachability import ask_reachability
from pushproof.sandbox.oracles.recorded import replay, unsettled

__all__ = [
    "Case",
    "Question",
    "ask_lifecycle",
    "ask_permissions",
    "ask_reachability",
    "differences",
    "record",
    "replay",
    "unsettled",
]
