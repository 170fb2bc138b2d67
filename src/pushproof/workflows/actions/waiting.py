"""Waiting as the AWS SDK for JavaScript does it in actions: each pause is between 15 seconds and twice the last limit.

Source: https://github.com/smithy-lang/smithy-typescript/blob/main/packages/util-waiter/src/poller.ts
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable

from pushproof.workflows.call import Call, StepFailed

_LONGEST_WAIT = 360
_DELAY, _LONGEST_DELAY = 15, 120


def wait_until(call: Call, is_done: Callable[[], bool]) -> None:
    """Ask until the answer is true, within wait-for-minutes of the call. Raises StepFailed after that."""
    minutes = min(call.number("wait-for-minutes", 30), _LONGEST_WAIT)
    longest = call.number("wait-max-delay-seconds", _LONGEST_DELAY)
    end = call.clock.now() + minutes * 60
    ceiling = math.log2(max(longest / _DELAY, 1)) + 1
    attempt = 1
    while not is_done():
        pause = longest if attempt > ceiling else random.uniform(_DELAY, _DELAY * 2 ** (attempt - 1))
        if call.clock.now() + pause > end:
            raise StepFailed('{"state":"TIMEOUT","reason":"Waiter has timed out"}')
        time.sleep(call.clock.real_delay(pause))
        attempt += 1
