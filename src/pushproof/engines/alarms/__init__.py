"""CloudWatch metric alarms: statistics of metrics over periods, and the states that alarms take from them."""

from __future__ import annotations

from .evaluation import COMPARISONS, AlarmRule, AlarmStateName, Evaluation, evaluate
from .expressions import Expression, UnsupportedExpression, compute, parse
from .statistics import Datum, statistic, supported

__all__ = [
    "COMPARISONS",
    "AlarmRule",
    "AlarmStateName",
    "Datum",
    "Evaluation",
    "Expression",
    "UnsupportedExpression",
    "compute",
    "evaluate",
    "parse",
    "statistic",
    "supported",
]
