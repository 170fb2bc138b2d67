"""Warnings that are errors of the process do not become answers."""

from __future__ import annotations

import threading
import warnings
from typing import Any

import pytest

from pushproof.emulator.kernel.quiet import MET, no_warning_decides
from pushproof.emulator.runtime.loadbalancer import tls
from pushproof.emulator.world import World
from pushproof.engines.tlspolicy import POLICIES


def test_warnings_inside_stay_warnings_and_outside_stay_errors() -> None:
    """A warning inside passes with every warning an error; one outside, or in another thread, is raised as before."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with no_warning_decides():
            warnings.warn("kept quiet", DeprecationWarning, stacklevel=1)
            assert MET[-1] == "kept quiet"
            raised: list[BaseException] = []

            def elsewhere() -> None:
                try:
                    warnings.warn("loud", DeprecationWarning, stacklevel=1)
                except DeprecationWarning as warning:
                    raised.append(warning)

            thread = threading.Thread(target=elsewhere)
            thread.start()
            thread.join()
            assert len(raised) == 1
        with pytest.raises(DeprecationWarning):
            warnings.warn("loud again", DeprecationWarning, stacklevel=1)


def test_a_deprecated_call_inside_an_operation_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handler, and the substrate, may run into a warning; the caller gets the answer."""
    from moto.sns.responses import SNSResponse

    with World.virtual() as world:
        service = type(world.services["ecr"])
        for owner, name in ((service, "describe_repositories"), (SNSResponse, "list_topics")):
            original = getattr(owner, name)

            def warns(*arguments: Any, original: Any = original) -> Any:
                warnings.warn("old", DeprecationWarning, stacklevel=1)
                return original(*arguments)

            monkeypatch.setattr(owner, name, warns)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert world.administrator("ecr").describe_repositories()["repositories"] == []
            assert world.administrator("sns").list_topics()["Topics"] == []


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_every_tls_policy_applies_where_warnings_are_errors(name: str) -> None:
    """Old policies allow TLS 1.0 and 1.1, of which Python warns; they apply all the same."""
    import ssl

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.apply_policy(context, POLICIES[name])
    oldest = {"TLSv1": 0x301, "TLSv1.1": 0x302, "TLSv1.2": 0x303, "TLSv1.3": 0x304}[POLICIES[name].protocols[-1]]
    assert int(context.minimum_version) == oldest


def test_timers_and_work_are_quiet_too() -> None:
    """Timers and submitted work are as safe from warnings as the call that started them."""
    outcomes: list[Any] = []
    with World.virtual() as world, warnings.catch_warnings():
        warnings.simplefilter("error")

        def warn() -> str:
            warnings.warn("old", DeprecationWarning, stacklevel=1)
            return "done"

        world.loop.submit(warn, outcomes.append)
        world.loop.call_later(5, lambda: outcomes.append(warn()))
        world.loop.advance(10)
    assert [getattr(outcome, "value", outcome) for outcome in outcomes] == ["done", "done"]
