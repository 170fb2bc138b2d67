"""`python -m pushproof.parity`: both targets, one after the other, and the tables."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pushproof.parity.differences import Run
from pushproof.parity.modules import MODULES, run_modules
from pushproof.parity.tables import BEGIN, END, USED, Comparison


def compare(
    infrastructure: Path, modules: tuple[str, ...] = MODULES, *, say: Callable[[str], None] = print
) -> Comparison:
    """Open both targets, one after the other, and run the modules on each."""
    from pushproof.drill.certificate import self_signed
    from pushproof.emulator.world import WorldSettings
    from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget
    from pushproof.targets.localstack import CAPABILITIES, LocalStackTarget, settings_from_environment

    made = self_signed("parity.example.test")
    world = WorldSettings(speed=20.0)

    def on(target: Any, opened: float) -> tuple[dict[str, Run], float]:
        arn = target.certificate(made.certificate, made.private_key)
        runs = run_modules(target, infrastructure, certificate_arn=arn, modules=modules)
        target.forget_certificate(arn)
        for run in runs.values():
            say(f"{target.name}: {run.module}: {run.failure or f'{run.apply:.1f} s'}")
        return runs, opened

    # What the first world of a process imports is not counted.
    EmbeddedTarget(EmbeddedSettings(world=world, runtime="scripted")).close()
    started = time.monotonic()
    with EmbeddedTarget(EmbeddedSettings(world=world)) as embedded:
        first, opened = on(embedded, time.monotonic() - started)
    settings = settings_from_environment(world, {"PUSHPROOF_LOCALSTACK": "container", **os.environ})
    with LocalStackTarget(settings, progress=say) as localstack:
        second, ready = on(localstack, localstack.ready_after)
        answering = {name: {service: localstack.answers(service) for service in USED[name]} for name in modules}
        skipped = {
            name: [why for what in CAPABILITIES if CAPABILITIES[what] in USED[name] and (why := localstack.lacks(what))]
            for name in modules
        }
        return Comparison(first, second, answering, skipped, (opened, ready), str(localstack.health))


def main() -> int:
    """`python -m pushproof.parity`: 0 when nothing differs without a known reason, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m pushproof.parity", description="embedded and LocalStack, compared")
    parser.add_argument("--modules", default=",".join(MODULES), help="which, in order (%(default)s)")
    parser.add_argument("--infrastructure", type=Path, default=Path("infrastructure"), help="(%(default)s)")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the tables between the marks in this file")
    options = parser.parse_args()
    comparison = compare(options.infrastructure, tuple(options.modules.split(",")))
    tables = comparison.markdown()
    if options.write is not None:
        text = options.write.read_text()
        before, _, rest = text.partition(BEGIN)
        options.write.write_text(f"{before}{BEGIN}\n{tables}{END}{rest.partition(END)[2]}")
    print(tables)
    for difference in (found := comparison.unexplained()):
        print(f"not explained: {difference}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
