"""Inputs that nobody would write: broken, enormous, and made to cost time or memory.

A campaign draws a random generator from hypothesis, and everything here is made with that: a failure is reported with its seed
and found again.
"""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pushproof.base.garbage import collector_paused

INPUTS = int(os.environ.get("PUSHPROOF_FUZZ_INPUTS", "2000"))
# Processor seconds that one input may take (a busy machine counts some that belong to others), and the bytes by which one may
# make the process larger.
LONGEST = 10.0
LARGEST = 256 * 1024 * 1024

BOMBS = (
    "[" * 20_000,
    '{"a":' * 20_000,
    '{"a":' * 900 + "1" + "}" * 900,
    "*a" * 60 + "b",
    "?*" * 60,
    "(a+)+$",
    "(a|a)*b",
    "a" * 8_000,
    "1" * 5_000,
    "-" + "9" * 400,
    "1e999",
    "NaN",
    "\ud800",
    "\x00",
    "\u202e",
    "é",
    "\U0001f4a3",
    "../../../../etc/passwd",
    "..",
    "/",
    "%2e%2e%2f",
    "%00",
    "%",
    "${",
    "${a" * 500,
    "&a " * 20,
    "a: &a [*a, *a]",
    "\r\nX-Evil: 1",
    "arn:aws:iam::123456789012:role/" + "r" * 3_000,
    "arn:",
    ":",
    "",
    " ",
    "null",
    "{}",
    "[]",
    '""',
    "$(touch /tmp/evil)",
    "-rf",
    "'",
    '"',
    "\\",
)
ALPHABET = "aA0*?[]{}()\"'\\/:.,-_=&%$#@!<>|;~^+ \t\n\x00é\ud800\U0001f4a3"
SCALARS = (None, True, False, 0, -1, 1, 2**31, 2**63, -(2**70), 1.5, -0.0, 1e308, "")


def campaign(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test with `PUSHPROOF_FUZZ_INPUTS` random generators: the same ones where they are few, others every night."""
    settled = settings(
        max_examples=INPUTS,
        deadline=None,
        database=None,
        derandomize=INPUTS <= 2000,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    return settled(given(random=st.randoms(use_true_random=True))(test))


@contextmanager
def bounded(what: object) -> Iterator[None]:
    """Require that the body takes little processor time and memory.

    Python's collector pauses: after tens of thousands of inputs it looks at all that hypothesis remembers of them, for seconds.
    """
    with collector_paused():
        begun, size = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        yield
        taken = time.process_time() - begun
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - size
    assert taken < LONGEST, f"{taken:.1f} s for {what!r:.2000}"
    assert grown < LARGEST, f"{grown} bytes more for {what!r:.2000}"


def text(random: Random) -> str:
    """Return a bomb, a few characters, or a mixture."""
    if random.random() < 0.4:
        return random.choice(BOMBS)
    return "".join(random.choice(ALPHABET) for _ in range(random.randrange(12)))


def value(random: Random, depth: int = 3) -> Any:
    """Return any JSON value."""
    kind = random.random()
    if depth and kind < 0.2:
        return [value(random, depth - 1) for _ in range(random.randrange(4))]
    if depth and kind < 0.4:
        return {text(random)[:50]: value(random, depth - 1) for _ in range(random.randrange(4))}
    return text(random) if kind < 0.8 else random.choice(SCALARS)


def leaves(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Return the path of every value in a JSON value, the value's own first."""
    yield path
    members = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for name, member in members:
        yield from leaves(member, (*path, name))


def mutated(random: Random, content: Any) -> Any:
    """Return a JSON value with one to three of its values, or members, changed."""
    content = json.loads(json.dumps(content))
    for _ in range(random.randrange(1, 4)):
        path = random.choice(list(leaves(content)))
        if not path:
            if random.random() < 0.05:
                return value(random)
            if isinstance(content, dict):
                content[text(random)[:50]] = value(random, 2)
            continue
        at = content
        for step in path[:-1]:
            at = at[step]
        change = random.random()
        if change < 0.15:
            del at[path[-1]]
        elif change < 0.3 and isinstance(at[path[-1]], str):
            at[path[-1]] = damaged_text(random, at[path[-1]])
        elif change < 0.4 and isinstance(at[path[-1]], list):
            at[path[-1]] = at[path[-1]] * random.choice((2, 3, 50))
        else:
            at[path[-1]] = value(random, 2)
    return content


def damaged(random: Random, content: bytes) -> bytes:
    """Return bytes with some places cut, doubled, overwritten or swapped."""
    out = bytearray(content)
    for _ in range(random.randrange(1, 4)):
        at = random.randrange(len(out) + 1)
        change = random.randrange(6)
        if change == 0:
            del out[at : at + random.randrange(1, 20)]
        elif change == 1:
            out[at:at] = random.randbytes(random.randrange(1, 6))
        elif change == 2 and at < len(out):
            out[at] = random.randrange(256)
        elif change == 3:
            out[at:at] = out[at : at + random.randrange(1, 40)] * random.choice((1, 2, 30))
        elif change == 4:
            out[at:at] = text(random).encode("utf-8", "surrogatepass")
        else:
            del out[at:]
    return bytes(out)


def damaged_text(random: Random, content: str) -> str:
    """Return a text with some places changed."""
    out = list(content)
    for _ in range(random.randrange(1, 5)):
        at = random.randrange(len(out) + 1)
        change = random.randrange(5)
        if change == 0:
            del out[at : at + random.randrange(1, 12)]
        elif change == 1:
            out[at:at] = random.choice(ALPHABET)
        elif change == 2:
            out[at:at] = out[at : at + random.randrange(1, 30)] * random.choice((1, 3, 40))
        elif change == 3:
            out[at:at] = text(random)
        else:
            del out[at:]
    return "".join(out)
