"""Shared fixtures of all unit tests."""

from __future__ import annotations

import gc

# The models of AWS's services are millions of objects that stay: looking through them every 700 new ones is half of a world's time.
gc.set_threshold(50_000, 20, 20)
