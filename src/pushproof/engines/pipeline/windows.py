"""Deployment windows: cron expressions of six or seven fields, which hold for whole minutes.

Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/rule-reference-DeploymentWindow.html . The field of seconds
"is not applicable": it is read, and does not narrow the window.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_CRON = "a cron expression of six or seven fields, such as * * 9-17 ? * MON-FRI *"


class WindowError(Exception):
    """An expression or a time zone that does not exist. `key` is the configuration that has it."""

    def __init__(self, key: str, expected: str) -> None:
        super().__init__(f"{key}: expected {expected}")
        self.key = key
        self.expected = expected


@dataclass(frozen=True, slots=True)
class Window:
    """A window: a test of each field, and the zone whose clock counts."""

    minute: Callable[[int], bool]
    hour: Callable[[int], bool]
    day: Callable[[date], bool]
    month: Callable[[int], bool]
    weekday: Callable[[date], bool]
    year: Callable[[int], bool]
    zone: ZoneInfo

    def contains(self, now: float) -> bool:
        """Return whether the window is open at a time in seconds since the epoch."""
        at = datetime.fromtimestamp(now, UTC).astimezone(self.zone)
        return (
            self.minute(at.minute)
            and self.hour(at.hour)
            and self.month(at.month)
            and self.year(at.year)
            and self.day(at.date())
            and self.weekday(at.date())
        )


def is_open(cron: str, zone: str, now: float) -> bool:
    """Return whether a window is open. Raises WindowError."""
    return parse_window(cron, zone).contains(now)


def parse_window(cron: str, zone: str) -> Window:
    """Read a window. Raises WindowError."""
    try:
        place = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise WindowError("TimeZone", "a time zone of the IANA database, such as Europe/Berlin") from None
    fields = cron.upper().split()
    if len(fields) not in (6, 7):
        raise WindowError("Cron", _CRON)
    _number(fields[0], 0, 59)
    days, weekdays = fields[3], fields[5]
    if days == "?" and weekdays == "?":
        raise WindowError("Cron", _CRON)
    return Window(
        minute=_number(fields[1], 0, 59),
        hour=_number(fields[2], 0, 23),
        day=_any_of(days, _day_of_month),
        month=_number(fields[4], 1, 12, _MONTHS),
        weekday=_any_of(weekdays, _day_of_week),
        year=_number(fields[6] if len(fields) == 7 else "*", 1970, 2199),
        zone=place,
    )


def _number(text: str, low: int, high: int, names: tuple[str, ...] = ()) -> Callable[[int], bool]:
    """Read a field of numbers: lists of `*`, values and ranges, each with an increment."""
    allowed: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        if slash and not re.fullmatch("[1-9][0-9]{0,3}", step):
            raise WindowError("Cron", _CRON)
        first, dash, last = span.partition("-")
        if span == "*":
            start, end = low, high
        else:
            start = _value(first, low, high, names)
            end = _value(last, low, high, names) if dash else (high if slash else start)
        if end < start:
            # A range may go over the end: FRI-MON.
            values = [*range(start, high + 1), *range(low, end + 1)]
        else:
            values = list(range(start, end + 1))
        allowed.update(values[:: int(step) if slash else 1])
    return allowed.__contains__


def _value(text: str, low: int, high: int, names: tuple[str, ...]) -> int:
    if text in names:
        return low + names.index(text)
    if not re.fullmatch("[0-9]{1,4}", text) or not low <= int(text) <= high:
        raise WindowError("Cron", _CRON)
    return int(text)


def _any_of(text: str, read: Callable[[str], Callable[[date], bool]]) -> Callable[[date], bool]:
    if text == "?":
        return lambda _: True
    tests = [read(part) for part in text.split(",")]
    return lambda day: any(test(day) for test in tests)


def _last_day(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _day_of_month(part: str) -> Callable[[date], bool]:
    """L is the last day of the month, L-3 the third before it, 15W the weekday nearest to the 15th, LW the last weekday."""
    if part == "L" or re.fullmatch("L-[0-9]{1,2}", part):
        offset = int(part[2:] or 0)
        return lambda day: day.day == _last_day(day) - offset
    if part == "LW":
        return lambda day: day == _nearest_weekday(day, _last_day(day))
    if re.fullmatch("[0-9]{1,2}W", part):
        number = _value(part[:-1], 1, 31, ())
        return lambda day: number <= _last_day(day) and day == _nearest_weekday(day, number)
    test = _number(part, 1, 31)
    return lambda day: test(day.day)


def _nearest_weekday(day: date, number: int) -> date:
    """The weekday nearest to a day of the same month, never in another month."""
    target = day.replace(day=number)
    shift = {5: -1, 6: 1}.get(target.weekday(), 0)
    moved = target + timedelta(days=shift)
    return moved if moved.month == day.month else target - timedelta(days=2 * shift)


def _day_of_week(part: str) -> Callable[[date], bool]:
    """1 is Sunday; L alone is Saturday, 6L the last Friday of the month, 6#3 its third Friday."""
    number, sign, nth = part.partition("#")
    if sign:
        if nth not in ("1", "2", "3", "4", "5"):
            raise WindowError("Cron", _CRON)
        weekday = _value(number, 1, 7, _DAYS)
        return lambda day: _weekday(day) == weekday and (day.day - 1) // 7 + 1 == int(nth)
    if part == "L":
        return lambda day: _weekday(day) == 7
    if part.endswith("L") and len(part) > 1:
        weekday = _value(part[:-1], 1, 7, _DAYS)
        return lambda day: _weekday(day) == weekday and day.day > _last_day(day) - 7
    test = _number(part, 1, 7, _DAYS)
    return lambda day: test(_weekday(day))


def _weekday(day: date) -> int:
    return day.isoweekday() % 7 + 1
