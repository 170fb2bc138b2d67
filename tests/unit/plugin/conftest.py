"""Imports of the inner sessions: pytester drops theirs, so that each would import anew."""

from __future__ import annotations

import hypothesis  # noqa: F401  (its pytest plugin is in every session)

import pushproof.emulator.world
import pushproof.session.annotations
import pushproof.session.applying
import pushproof.session.opening  # noqa: F401
