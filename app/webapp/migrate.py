"""The task that runs before a deployment: prepare the database for the revision that comes. A failure stops the deployment."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from webapp.settings import load


def migrate(environ: Mapping[str, str]) -> int:
    """Prepare the database. Return the exit code: 0, or 1 where there is no database to prepare."""
    settings = load(environ)
    if not settings.has_database:
        print("migrate: DATABASE_URL is not set; the task definition gives it as a secret", file=sys.stderr, flush=True)
        return 1
    print(f"migrate: the database is ready for commit {settings.commit}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(migrate(os.environ))
