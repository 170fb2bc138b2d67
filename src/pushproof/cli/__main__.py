"""`python -m pushproof.cli`: the command line without its script."""

from __future__ import annotations

import os
import sys

from pushproof.cli import main

if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(main())
