"""EventBridge: event patterns and the input of targets; SNS's filter policies by the same matcher."""

from pushproof.engines.events.errors import EventError, InvalidEventPattern, InvalidTarget
from pushproof.engines.events.filterpolicy import (
    FilterPolicy,
    InvalidFilterPolicy,
    MessageAttribute,
    compile_filter_policy,
    unreadable_json,
)
from pushproof.engines.events.occurrences import is_occurring, next_occurrence
from pushproof.engines.events.paths import MISSING, JsonPath, compile_path
from pushproof.engines.events.pattern import EventPattern, Number, compile_pattern
from pushproof.engines.events.schedule import is_schedule
from pushproof.engines.events.targets import MAXIMUM_TARGETS, check_targets
from pushproof.engines.events.transform import (
    InputTransformer,
    NoResult,
    RuleFacts,
    compile_input_path,
    compile_transformer,
)

__all__ = [
    "MAXIMUM_TARGETS",
    "MISSING",
    "EventError",
    "EventPattern",
    "FilterPolicy",
    "InputTransformer",
    "InvalidEventPattern",
    "InvalidFilterPolicy",
    "InvalidTarget",
    "JsonPath",
    "MessageAttribute",
    "NoResult",
    "Number",
    "RuleFacts",
    "check_targets",
    "compile_filter_policy",
    "compile_input_path",
    "compile_path",
    "compile_pattern",
    "compile_transformer",
    "is_occurring",
    "is_schedule",
    "next_occurrence",
    "unreadable_json",
]
