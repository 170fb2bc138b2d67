"""Write docs/operations.md from the code: `python scripts/operations.py`; with `--check`, exit 1 when it is out of date."""

from __future__ import annotations

import sys
from pathlib import Path

from pushproof.emulator.coverage.page import page

PAGE = Path(__file__).resolve().parents[1] / "docs" / "operations.md"


def main(arguments: list[str]) -> int:
    """Write the page, or compare it. Return the exit code."""
    text = page()
    if "--check" in arguments:
        current = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text
        state = "is current" if current else "is out of date; run: python scripts/operations.py"
        print(f"docs/operations.md {state}")
        return 0 if current else 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
