"""Schedule expressions of rules: `rate(5 minutes)` and `cron(0 12 * * ? *)`, as PutRule accepts them.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html ; that the year's range is not
enforced was measured by https://github.com/badmintoncryer/cdk-preflight (pf-events-rule-cron-fields).
"""

from __future__ import annotations

import re

_RATE = re.compile(r"rate\(([1-9][0-9]*) (minute|hour|day)(s?)\)")
_CRON = re.compile(r"cron\(([^()]+)\)")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
# Minutes, hours, day of month, month, day of week, year: bounds, and names that count from the lower one.
_FIELDS: tuple[tuple[int, int, tuple[str, ...]], ...] = (
    (0, 59, ()),
    (0, 23, ()),
    (1, 31, ()),
    (1, 12, _MONTHS),
    (1, 7, _DAYS),
    (0, 9999, ()),
)
_DAY_OF_MONTH, _DAY_OF_WEEK = 2, 4


def is_schedule(expression: str) -> bool:
    """Return whether a schedule expression is one that EventBridge accepts."""
    rate = _RATE.fullmatch(expression)
    if rate is not None:
        return (rate[1] == "1") == (rate[3] == "")
    cron = _CRON.fullmatch(expression)
    if cron is None:
        return False
    fields = cron[1].split()
    if len(fields) != len(_FIELDS):
        return False
    # "You can't specify the Day-of-month and Day-of-week fields in the same cron expression": one of them is a ?.
    if (fields[_DAY_OF_MONTH] == "?") == (fields[_DAY_OF_WEEK] == "?"):
        return False
    return all(_is_field(number, text) for number, text in enumerate(fields))


def _is_field(number: int, text: str) -> bool:
    if text == "?":
        return number in (_DAY_OF_MONTH, _DAY_OF_WEEK)
    return all(_is_part(number, part) for part in text.upper().split(","))


def _is_part(number: int, part: str) -> bool:
    if number == _DAY_OF_MONTH and (part == "L" or re.fullmatch(r"LW|[0-9]{1,2}W", part)):
        return part in ("L", "LW") or _value(number, part[:-1]) is not None
    if number == _DAY_OF_WEEK:
        day, sign, nth = part.partition("#")
        if sign:
            return _value(number, day) is not None and nth in ("1", "2", "3", "4", "5")
        if part == "L" or (part.endswith("L") and _value(number, part[:-1]) is not None):
            return True
    span, slash, step = part.partition("/")
    if slash and not (step.isascii() and step.isdigit() and int(step[:6]) > 0):
        return False
    if span == "*":
        return True
    first, dash, last = span.partition("-")
    return _value(number, first) is not None and (not dash or _value(number, last) is not None)


def _value(number: int, text: str) -> int | None:
    low, high, names = _FIELDS[number]
    if text in names:
        return low + names.index(text)
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        return None
    return int(text) if low <= int(text) <= high else None
