"""Times at which a schedule is due: `rate(…)`, `cron(…)`, and `at(…)` of EventBridge Scheduler.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .schedule import is_schedule

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_AT = re.compile(r"at\((\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})\)")
_SECONDS = {"minute": 60.0, "hour": 3600.0, "day": 86400.0}
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
# A 29th of February is at most eight years away.
_MOST_DAYS = 8 * 366 + 1


def is_occurring(expression: str, zone: str = "UTC") -> bool:
    """Return whether EventBridge Scheduler accepts an expression and its time zone."""
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    at = _AT.fullmatch(expression)
    if at is not None:
        try:
            datetime.fromisoformat(at[1])
        except ValueError:
            return False
        return True
    return is_schedule(expression)


def next_occurrence(expression: str, after: float, *, since: float, zone: str = "UTC") -> float | None:
    """Return the first time after `after` at which a valid expression is due, in seconds since the epoch; None if never again.

    `since`: the time from which a rate counts.
    """
    place = ZoneInfo(zone)
    rate = _RATE.fullmatch(expression)
    if rate is not None:
        period = int(rate[1]) * _SECONDS[rate[2]]
        return since + period * max(1.0, (after - since) // period + 1)
    at = _AT.fullmatch(expression)
    if at is not None:
        due = datetime.fromisoformat(at[1]).replace(tzinfo=place).timestamp()
        return due if due > after else None
    minute, hour, day, month, weekday, year = expression[len("cron(") : -1].upper().split()
    begin = datetime.fromtimestamp(after, UTC).astimezone(place)
    minutes = [number for number in range(60) if _has(minute, number, 0, 59)]
    hours = [number for number in range(24) if _has(hour, number, 0, 23)]
    for offset in range(_MOST_DAYS):
        today = begin.date() + timedelta(days=offset)
        if not (_has(year, today.year, 1970, 2199) and _has(month, today.month, 1, 12, _MONTHS)):
            continue
        if not (_on_day(day, today) and _on_weekday(weekday, today)):
            continue
        for at_hour in hours:
            for at_minute in minutes:
                moment = datetime(today.year, today.month, today.day, at_hour, at_minute, tzinfo=place).timestamp()
                if moment > after:
                    return moment
    return None


def _has(field: str, value: int, low: int, high: int, names: tuple[str, ...] = ()) -> bool:
    return any(_within(part, value, low, high, names) for part in field.split(","))


def _within(part: str, value: int, low: int, high: int, names: tuple[str, ...]) -> bool:
    span, _, step = part.partition("/")
    first, dash, last = span.partition("-")
    begin = low if span in ("*", "?") else _number(first, low, names)
    end = _number(last, low, names) if dash else (high if step or span in ("*", "?") else begin)
    if begin > end:
        # FRI-MON: over the end of the week.
        return value >= begin or value <= end
    return begin <= value <= end and (value - begin) % int(step or 1) == 0


def _number(text: str, low: int, names: tuple[str, ...]) -> int:
    return low + names.index(text) if text in names else int(text)


def _on_day(field: str, today: date) -> bool:
    last = calendar.monthrange(today.year, today.month)[1]
    for part in field.split(","):
        if part == "L":
            fits = today.day == last
        elif part.endswith("W"):
            number = last if part == "LW" else min(int(part[:-1]), last)
            fits = today == _nearest_weekday(today.replace(day=number), last)
        else:
            fits = _within(part, today.day, 1, 31, ())
        if fits:
            return True
    return False


def _nearest_weekday(day: date, last: int) -> date:
    if day.weekday() == 5:
        return day - timedelta(days=1) if day.day > 1 else day + timedelta(days=2)
    if day.weekday() == 6:
        return day + timedelta(days=1) if day.day < last else day - timedelta(days=2)
    return day


def _on_weekday(field: str, today: date) -> bool:
    number = today.isoweekday() % 7 + 1
    last = calendar.monthrange(today.year, today.month)[1]
    for part in field.split(","):
        name, sign, nth = part.partition("#")
        if sign:
            fits = number == _number(name, 1, _DAYS) and (today.day - 1) // 7 + 1 == int(nth)
        elif part == "L":
            fits = number == 7
        elif part.endswith("L") and part not in _DAYS:
            fits = number == _number(part[:-1], 1, _DAYS) and today.day > last - 7
        else:
            fits = _within(part, number, 1, 7, _DAYS)
        if fits:
            return True
    return False
