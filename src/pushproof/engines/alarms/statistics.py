"""Statistics over the data of one metric in one period.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

SIMPLE = ("Average", "Sum", "Minimum", "Maximum", "SampleCount")
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100)")


@dataclass(frozen=True, slots=True)
class Datum:
    """Values of a metric at an instant (AWS seconds): their number, sum, least and greatest.

    `values` are the values with their counts; empty for a statistic set, whose values nobody sent.
    """

    at: float
    count: float
    total: float
    least: float
    greatest: float
    values: tuple[tuple[float, float], ...] = ()

    @classmethod
    def of(cls, at: float, values: Sequence[float], counts: Sequence[float] | None = None) -> Datum:
        """Return the datum of values, each counted once or as often as `counts` says. Raises ValueError without any."""
        numbers = [1.0] * len(values) if counts is None else list(counts)
        pairs = tuple((float(value), float(count)) for value, count in zip(values, numbers, strict=True) if count > 0)
        if not pairs:
            raise ValueError("a datum has at least one value; give values with counts above 0")
        return cls(
            at,
            sum(count for _, count in pairs),
            sum(value * count for value, count in pairs),
            min(value for value, _ in pairs),
            max(value for value, _ in pairs),
            pairs,
        )


def supported(name: str) -> bool:
    """Return whether `statistic` computes a statistic: the simple ones, and percentiles (`p99`, `p99.9`)."""
    return name in SIMPLE or _PERCENTILE.fullmatch(name) is not None


def statistic(name: str, data: Sequence[Datum]) -> float | None:
    """Return a statistic over data; None without data, and for percentiles of statistic sets that hide their values.

    Raises ValueError for a statistic that is not supported.
    """
    if not supported(name):
        raise ValueError(f"the statistic {name!r} is not computed here; there are {', '.join(SIMPLE)} and percentiles")
    count = sum(datum.count for datum in data)
    if not data or count <= 0:
        return None
    match name:
        case "SampleCount":
            return count
        case "Sum":
            return sum(datum.total for datum in data)
        case "Average":
            return sum(datum.total for datum in data) / count
        case "Minimum":
            return min(datum.least for datum in data)
        case "Maximum":
            return max(datum.greatest for datum in data)
    return _percentile(float(name[1:]), data)


def _percentile(percent: float, data: Sequence[Datum]) -> float | None:
    """Return the least value that `percent` of the values do not exceed."""
    pairs: list[tuple[float, float]] = []
    for datum in data:
        if datum.values:
            pairs += datum.values
        elif datum.least == datum.greatest:
            pairs.append((datum.least, datum.count))
        else:
            return None
    pairs.sort()
    rank = max(1.0, math.ceil(sum(count for _, count in pairs) * percent / 100 - 1e-9))
    passed = 0.0
    for value, count in pairs:
        passed += count
        if passed >= rank:
            return value
    return pairs[-1][0]
