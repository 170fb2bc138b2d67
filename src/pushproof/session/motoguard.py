"""moto's own decorators beside a world in the same process: they would erase the account that the world keeps in moto's state."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import NoReturn


class WorldWouldBeErased(RuntimeError):
    """`mock_aws` was used while a world is open in this process."""

    #: Reports show the text, and no code that raised it.
    says_all = True


@contextlib.contextmanager
def refusing_mock_aws(target: object) -> Iterator[None]:
    """Refuse `mock_aws` while a target is open whose world is in this process; on other targets it may be used.

    moto keeps one state for a process, and `mock_aws` empties it when it begins and when it ends.
    Source: http://docs.getmoto.org/en/latest/docs/getting_started.html
    """
    if not hasattr(type(target), "world") and not hasattr(target, "world"):
        yield
        return
    from moto.core.models import MockAWS

    start = MockAWS.start
    MockAWS.start = _refuse  # type: ignore[method-assign]
    try:
        yield
    finally:
        MockAWS.start = start  # type: ignore[method-assign]


def _refuse(*_: object, **__: object) -> NoReturn:
    raise WorldWouldBeErased(
        "mock_aws would erase the world that is open in this process. Run tests with mock_aws in a session of their own "
        "(`pytest -m …`, or another directory), or use the fixture `aws` instead of the decorator."
    )
