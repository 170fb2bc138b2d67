"""`python -m pushproof.parity`: both targets at the same time, and the tables."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pushproof.parity.comparing import compare
from pushproof.parity.modules import MODULES
from pushproof.parity.tables import BEGIN, END


def main() -> int:
    """Compare the targets: `python -m pushproof.parity`. Exit code 0 when every difference has a known reason, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m pushproof.parity", description="embedded and LocalStack, compared")
    parser.add_argument("--modules", default=",".join(MODULES), help="modules, in order (%(default)s)")
    parser.add_argument("--infrastructure", type=Path, default=Path("infrastructure"), help="(%(default)s)")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the tables between the marks of this file")
    options = parser.parse_args()
    comparison = compare(options.infrastructure, tuple(options.modules.split(",")))
    tables = comparison.markdown()
    if options.write is not None:
        text = options.write.read_text()
        before, _, rest = text.partition(BEGIN)
        options.write.write_text(f"{before}{BEGIN}\n{tables}{END}{rest.partition(END)[2]}")
    print(tables)
    for difference in (defects := comparison.unexplained()):
        print(f"not explained: {difference}")
    return 1 if defects else 0


if __name__ == "__main__":
    sys.exit(main())
