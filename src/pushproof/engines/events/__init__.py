"""EventBridge: which events match a pattern, and what a target is given of them."""

from pushproof.engines.events.errors import EventError, InvalidEventPattern, InvalidInputTransformer
from pushproof.engines.events.paths import MISSING, JsonPath, compile_path
from pushproof.engines.events.pattern import EventPattern, compile_pattern
from pushproof.engines.events.transform import InputTransformer, RuleFacts, compile_transformer

__all__ = [
    "MISSING",
    "EventError",
    "EventPattern",
    "InputTransformer",
    "InvalidEventPattern",
    "InvalidInputTransformer",
    "JsonPath",
    "RuleFacts",
    "compile_path",
    "compile_pattern",
    "compile_transformer",
]
