"""The modules on both targets at the same time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from pushproof.parity.differences import Run
from pushproof.parity.modules import MODULES, run_modules
from pushproof.parity.tables import USED, Comparison

Reports = tuple[dict[str, Run], float]


def compare(
    infrastructure: Path, modules: tuple[str, ...] = MODULES, *, say: Callable[[str], None] = print
) -> Comparison:
    """Run the modules on both targets at the same time, so that both have the same load on the machine.

    Each target has a process of its own: a process has room for one world. Most of the time is spent waiting for load balancers.
    """
    from pushproof.targets.localstack.target import CAPABILITIES, LocalStackTarget, settings_from_environment

    settings = settings_from_environment(_world(), {"PUSHPROOF_LOCALSTACK": "container", **os.environ})
    # A new process, not a fork: a fork would share this process's connections and threads.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as aside:
        embedded = aside.submit(on_embedded, infrastructure, modules, say)
        with LocalStackTarget(settings, progress=say) as localstack:
            second = _run(localstack, infrastructure, modules, say)
            answering = {name: {service: localstack.answers(service) for service in USED[name]} for name in modules}
            skipped = {
                name: [
                    why for what in CAPABILITIES if CAPABILITIES[what] in USED[name] and (why := localstack.lacks(what))
                ]
                for name in modules
            }
            first, opened = embedded.result()
            times = (opened, localstack.ready_after)
            return Comparison(first, second, answering, skipped, times, str(localstack.health))


def _world() -> Any:
    from pushproof.emulator.kernel.settings import WorldSettings

    return WorldSettings(speed=20.0)


def on_embedded(infrastructure: Path, modules: tuple[str, ...], say: Callable[[str], None]) -> Reports:
    """Run the modules on the embedded target. Return their reports, and the seconds that opening the target took."""
    from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget

    # Without the imports of a process's first world.
    EmbeddedTarget(EmbeddedSettings(world=_world(), runtime="scripted")).close()
    started = time.monotonic()
    with EmbeddedTarget(EmbeddedSettings(world=_world())) as embedded:
        opened = time.monotonic() - started
        return _run(embedded, infrastructure, modules, say), opened


def _run(target: Any, infrastructure: Path, modules: tuple[str, ...], say: Callable[[str], None]) -> dict[str, Run]:
    from pushproof.drill.certificate import self_signed

    made = self_signed("parity.example.test")
    arn = target.certificate(made.certificate, made.private_key)
    runs = run_modules(target, infrastructure, certificate_arn=arn, modules=modules)
    target.forget_certificate(arn)
    for run in runs.values():
        say(f"{target.name}: {run.module}: {run.failure or f'{run.apply:.1f} s'}")
    return runs
