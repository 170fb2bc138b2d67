"""For the whole test tree: no test sees anybody's AWS credentials."""

from __future__ import annotations

import os

from pushproof.environment import scrub

pytest_plugins = ["pytester"]

scrub(os.environ)
