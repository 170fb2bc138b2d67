"""The addresses of a world on this machine, and texts that contain them.

Repository URLs, load balancers' names and paths of files contain the gateway's port or the world's directory. A kept world has
marks in their place, which a restored world replaces by its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

# No text of AWS's contains a NUL.
_MARK = re.compile("\0([a-z]+)\0")


@dataclass(frozen=True)
class Place:
    """The addresses of a world: `host` of its gateway, `balancers` (the start of their addresses), `directory`."""

    host: str
    balancers: str
    directory: Path
    bridge: str = ""

    @cached_property
    def _words(self) -> dict[str, str]:
        port = self.host.rpartition(":")[2]
        words = {
            "directory": str(self.directory),
            "host": self.host,
            "local": f"localhost:{port}",
            "balancers": self.balancers,
            "bridge": f"{self.bridge}:{port}" if self.bridge else "",
        }
        return {name: word for name, word in words.items() if word}

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        # 127.0.0.1:4566 is not the beginning of 127.0.0.1:45661, and 127.64.1. is not the end of 10.127.64.1.
        escaped = (
            f"(?<![0-9.])(?P<{name}>{re.escape(word)})(?![0-9])"
            for name, word in self._words.items()
            if name not in ("directory", "balancers")
        )
        return re.compile(
            "|".join(
                [
                    *escaped,
                    f"(?P<directory>{re.escape(str(self.directory))})(?![A-Za-z0-9])",
                    f"(?<![0-9.])(?P<balancers>{re.escape(self.balancers)})",
                ]
            )
        )

    @cached_property
    def _signs(self) -> tuple[str, str, str]:
        return ":" + self.host.rpartition(":")[2], str(self.directory), self.balancers

    def marked(self, text: str) -> str:
        """Return a text with marks in place of the world's addresses; the same object when it contains none."""
        port, directory, balancers = self._signs
        # Asked for every text of a world, some 250,000.
        if port in text or balancers in text or directory in text:
            return self._pattern.sub(lambda match: f"\0{match.lastgroup}\0", text)
        return text

    def filled(self, text: str) -> str:
        """Return a marked text with this world's addresses."""
        return _MARK.sub(lambda match: self._words.get(match[1], ""), text)
