"""Lines in pytest's own output, while tests and fixtures run."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

# Terraform's two streams are read by two threads.
_lock = threading.Lock()


def writer(config: pytest.Config, **markup: bool) -> Callable[[str], None]:
    """Return a function that writes a line past pytest's capturing; it does nothing with `-q`, and in a worker of xdist."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    capture = config.pluginmanager.getplugin("capturemanager")
    if reporter is None or config.get_verbosity() < 0:
        return lambda _: None

    def write(text: str) -> None:
        with _lock:
            if capture is None:
                _write(text)
                return
            with capture.global_and_fixture_disabled():
                _write(text)

    def _write(text: str) -> None:
        reporter.ensure_newline()
        reporter.write_line(text, **markup)
        reporter.flush()

    return write
