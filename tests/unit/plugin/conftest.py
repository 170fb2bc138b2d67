"""What the inner sessions import is imported out here: pytester forgets theirs, and each would do it anew."""

from __future__ import annotations

import hypothesis  # noqa: F401  (its pytest plugin is in every session)

import pushproof.emulator.world
import pushproof.session.annotations
import pushproof.session.applying
import pushproof.session.opening  # noqa: F401
