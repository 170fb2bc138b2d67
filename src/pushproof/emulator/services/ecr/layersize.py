"""Measuring of layers before Docker unpacks them: a few kilobytes can be made to fill a disk."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

_CHUNK = 1024 * 1024
# Deflate makes at most so much of a byte: https://www.zlib.net/zlib_tech.html ("Maximum Compression Factor").
_HIGHEST_RATIO = 1032


def unpacks_beyond(path: Path, most: int) -> bool:
    """Return whether a layer, compressed with gzip or not at all, has more bytes than `most`. It is measured only if it may."""
    size = path.stat().st_size
    if size > most:
        return True
    if size * _HIGHEST_RATIO <= most:
        return False
    total = 0
    try:
        with gzip.open(path) as layer:
            while piece := layer.read(_CHUNK):
                total += len(piece)
                if total > most:
                    return True
    except (OSError, EOFError, zlib.error):
        # No gzip, or damaged: Docker says so.
        return False
    return False
