"""CloudWatch Logs: filter patterns, and the metrics of metric filters."""

from pushproof.engines.logpatterns.errors import InvalidFilterPattern
from pushproof.engines.logpatterns.metrics import check_metric
from pushproof.engines.logpatterns.pattern import FilterPattern, compile_pattern

__all__ = ["FilterPattern", "InvalidFilterPattern", "check_metric", "compile_pattern"]
