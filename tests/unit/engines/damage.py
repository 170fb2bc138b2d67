"""Many damaged copies of a document for the price of drawing one."""

from __future__ import annotations

import random
from collections.abc import Iterator


def damaged(text: str, seed: int, copies: int, pieces: str) -> Iterator[str]:
    """Yield the text, then copies of it, each with up to two characters removed and up to two of `pieces` inserted.

    The same seed gives the same copies, so that a failure can be reproduced.
    """
    dice = random.Random(seed)
    yield text
    for _ in range(copies - 1):
        at = dice.randrange(len(text) + 1)
        put = "".join(dice.choices(pieces, k=dice.randrange(3)))
        yield text[:at] + put + text[at + dice.randrange(3) :]
