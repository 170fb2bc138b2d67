"""Imports of test runs, for processes that fork themselves for each."""

from __future__ import annotations

from importlib.metadata import entry_points


def import_everything() -> None:
    """Import and use what runs on the embedded target use, as far as it starts no thread."""
    import pytest  # noqa: F401

    import pushproof.checks
    import pushproof.fixtures
    import pushproof.session.applying
    import pushproof.session.drilling
    import pushproof.session.keeping
    import pushproof.targets.embedded  # noqa: F401
    from pushproof.session.codeversion import code_version
    from pushproof.targets.warmup import warm_up

    warm_up()
    # What is remembered of this package's files is right as long as none of them changes; a host ends then.
    code_version()
    # Those of others stay for the run: pytest rewrites their asserts.
    for plugin in entry_points(group="pytest11", name="pushproof"):
        plugin.load()
