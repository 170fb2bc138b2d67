"""Lifecycle evaluation: 50 rules over ever more images. Aim: 100,000 images under 2 s, growth no worse than n log n.

`bench_lifecycle.py instructions` counts instructions, where Valgrind is installed. From 12,500 images
to 25,000 and 50,000 they are 0.97 and 0.92 of n log n. In seconds more images cost more than that each, because they no longer
fit the processor's caches, and because the garbage collector passes over all live objects; both are shown next to each other.
"""

from __future__ import annotations

import gc
import math
import os
import random
import sys
import time

from counting import count

from pushproof.engines.lifecycle import DAY, ActionType, CountType, Image, Policy, Rule, TagStatus, evaluate

NOW = 2_000 * DAY
SIZES = (25_000, 50_000, 100_000)


def policy() -> Policy:
    """Return 50 rules of every kind: prefixes, wildcards at both ends and in the middle, lists, ages, counts."""
    rules = []
    for number in range(1, 49):
        patterns = (
            (f"v{number % 10}*",),
            (f"*-rc{number}",),
            (f"*build*{number}*",),
            ("v*", f"*-b{number % 7}*"),
        )[number % 4]
        count, limit = (CountType.IMAGE_COUNT_MORE_THAN, 1_000) if number % 3 else (CountType.SINCE_IMAGE_PUSHED, 300)
        rules.append(Rule(number, TagStatus.TAGGED, count, limit, ActionType.EXPIRE, tag_patterns=patterns))
    rules.append(Rule(49, TagStatus.UNTAGGED, CountType.SINCE_IMAGE_PUSHED, 1, ActionType.EXPIRE))
    rules.append(Rule(50, TagStatus.ANY, CountType.SINCE_IMAGE_PULLED, 90, ActionType.TRANSITION))
    return Policy(tuple(rules))


def images(size: int) -> list[Image]:
    """Return a repository of `size` images, every tenth untagged, the others with two tags."""
    draw = random.Random(size)
    return [
        Image(
            f"sha256:{number:064x}",
            NOW - draw.random() * 1_000 * DAY,
            ()
            if number % 10 == 0
            else (f"v{draw.randrange(100)}.{number}-rc{draw.randrange(60)}", f"build-{number}-b{draw.randrange(9)}x"),
        )
        for number in range(size)
    ]


def measure(size: int, *, collect: bool) -> float:
    """Return the best of three, in seconds of processor time: other work on the machine does not count."""
    rules, repository = policy(), images(size)
    best = math.inf
    for _ in range(3):
        gc.collect()
        if not collect:
            gc.disable()
        started = time.process_time()
        evaluate(rules, repository, NOW)
        best = min(best, time.process_time() - started)
        gc.enable()
    return best


def run(size: int, times: int) -> None:
    """Evaluate that many times, for the instructions to be counted."""
    rules, repository = policy(), images(size)
    evaluate(rules, repository[:100], NOW)
    gc.disable()
    for _ in range(times):
        evaluate(rules, repository, NOW)
    os._exit(0)


def main() -> None:
    """Print seconds, images per second, and growth against n log n at three sizes, with the collector and without."""
    for collect in (True, False):
        print("lifecycle,", "as it runs" if collect else "without the garbage collector")
        first = None
        for size in SIZES:
            seconds = measure(size, collect=collect)
            per = seconds / (size * math.log2(size))
            first = first or per
            print(
                f"  {size:>7,} images x 50 rules  {seconds:6.3f} s  {size / seconds:>9,.0f} images/s  "
                f"n log n x {per / first:.2f}"
            )


if __name__ == "__main__":
    if sys.argv[1:] == ["instructions"]:
        count(__file__, "images x 50 rules", (12_500, 25_000, 50_000))
    elif sys.argv[1:2] == ["once"]:
        run(int(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
