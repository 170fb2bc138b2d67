"""Compiling a filter pattern: its first character shows its kind.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

from pushproof.engines.logpatterns.delimited_events import DelimitedPattern
from pushproof.engines.logpatterns.errors import InvalidFilterPattern
from pushproof.engines.logpatterns.json_events import JsonPattern
from pushproof.engines.logpatterns.text_events import RegexPattern, TextPattern

FilterPattern = JsonPattern | DelimitedPattern | RegexPattern | TextPattern

_MOST_REGEXES = 2


def compile_pattern(text: str) -> FilterPattern:
    """Compile a pattern. Raises InvalidFilterPattern for one that CloudWatch Logs refuses."""
    text = text.strip()
    pattern: FilterPattern
    if text.startswith("{"):
        pattern = JsonPattern(_enclosed(text, "{", "}"))
    elif text.startswith("["):
        pattern = DelimitedPattern(_enclosed(text, "[", "]"))
    elif text.startswith("%"):
        pattern = RegexPattern(text)
    else:
        pattern = TextPattern(text)
    if pattern.regexes > _MOST_REGEXES:
        raise InvalidFilterPattern()
    return pattern


def _enclosed(text: str, opening: str, closing: str) -> str:
    if not text.endswith(closing):
        raise InvalidFilterPattern(f"If a filter pattern starts with '{opening}' it must end with '{closing}'")
    return text[1:-1]
