"""Write docs/pushproof-report-1.schema.json from the model of records; with --check, fail when it is not current."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pushproof.record.model import VERSION
from pushproof.record.schema import schema

PAGE = Path(__file__).resolve().parents[1] / "docs" / f"pushproof-report-{VERSION}.schema.json"


def main(arguments: list[str]) -> int:
    """Write or check the schema; returns the exit code."""
    text = json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
    if "--check" in arguments:
        if not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != text:
            print(f"{PAGE.name} is not what the model says now: run python scripts/report_schema.py")
            return 1
        return 0
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
