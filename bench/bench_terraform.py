"""Settings of Terraform, each beside what runs use: time and processor time, as ratios. `make bench-terraform`.

One emulated world with the module `networking`; every round runs each variant once, next to the base, so that a busy machine
slows both. Parts: `plan`, `apply`, `reads`, `reattach`; without a name all of them. Prints a table, and writes the figures
as JSON to `build/bench-terraform.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget
from pushproof.terraform.applied import prepare
from pushproof.terraform.driver import Terraform

ROOT = Path(__file__).parents[1]
MODULE = ROOT / "infrastructure/modules/networking"
VARIABLES = {
    "project": "bench",
    "environment": "dev",
    "vpc_cidr": "10.0.0.0/16",
    "availability_zones": ["eu-west-1a", "eu-west-1b"],
}
PLAN = ("plan", "-input=false", "-no-color")
APPLY = ("apply", "-auto-approve", "-input=false", "-no-color")


@dataclass(frozen=True, slots=True)
class Variant:
    """A way to run a command: more arguments, another environment."""

    name: str
    arguments: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()


BASE = Variant("as runs do it (GOGC=400)")
PLANS = (
    Variant("GOGC=100 (Go's default)", environment=(("GOGC", "100"),)),
    Variant("GOGC=off", environment=(("GOGC", "off"),)),
    Variant("GOMAXPROCS=1", environment=(("GOMAXPROCS", "1"),)),
    Variant("-refresh=false", ("-refresh=false",)),
    Variant("-parallelism=20", ("-parallelism=20",)),
    Variant("-parallelism=40", ("-parallelism=40",)),
)
APPLIES = (Variant("-parallelism=20", ("-parallelism=20",)), Variant("-parallelism=40", ("-parallelism=40",)))


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of the clock and of processors."""

    wall: float
    processor: float


@dataclass(frozen=True, slots=True)
class Result:
    """The median of a variant's ratios to the base of the same round. `seconds`: its own median, by the clock."""

    command: str
    variant: str
    wall: float
    processor: float
    seconds: float
    rounds: int


def command(terraform: Terraform, words: Sequence[str], environment: Mapping[str, str]) -> Cost:
    """Run a command. Raises RuntimeError with its words if it fails."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        [terraform.binary.path, *words],
        cwd=terraform.copy.directory,
        env={**terraform.environment, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - started
    if done.returncode:
        raise RuntimeError(f"terraform {' '.join(words)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def compared(
    name: str, variants: Sequence[Variant], rounds: int, run: Callable[[Variant], Cost], base: Variant = BASE
) -> list[Result]:
    """Return what variants cost beside the base, each in a pair with a run of the base's own."""
    costs: dict[str, list[tuple[Cost, Cost]]] = {}
    for _ in range(rounds):
        for variant in variants:
            costs.setdefault(variant.name, []).append((run(base), run(variant)))
    bases = [cost for pairs in costs.values() for cost, _ in pairs]
    results = [Result(name, base.name, 1.0, 1.0, median(cost.wall for cost in bases), len(bases))]
    for variant, pairs in costs.items():
        results.append(
            Result(
                name,
                variant,
                median(own.wall / other.wall for other, own in pairs),
                median(own.processor / other.processor for other, own in pairs),
                median(own.wall for _, own in pairs),
                rounds,
            )
        )
    return results


def plans(terraform: Terraform, rounds: int) -> list[Result]:
    """Plans of an applied module, with nothing to do."""
    return compared(
        "plan", PLANS, rounds, lambda each: command(terraform, (*PLAN, *each.arguments), dict(each.environment))
    )


def applies(terraform: Terraform, rounds: int) -> list[Result]:
    """Applies from nothing; the destroys between them are not counted."""

    def run(variant: Variant) -> Cost:
        command(terraform, ("destroy", *APPLY[1:]), {})
        return command(terraform, (*APPLY, *variant.arguments), dict(variant.environment))

    return compared("apply", APPLIES, rounds, run)


def reads(terraform: Terraform, rounds: int) -> list[Result]:
    """Outputs and state, by Terraform and from the state file."""

    def run(variant: Variant) -> Cost:
        if variant.arguments:
            return command(terraform, variant.arguments, {})
        started = time.monotonic(), time.process_time()
        terraform.outputs()
        return Cost(time.monotonic() - started[0], max(time.process_time() - started[1], 1e-4))

    base = Variant("terraform output -json", ("output", "-json"))
    others = (Variant("terraform show -json", ("show", "-json")), Variant("the state file"))
    return compared("read", others, rounds, run, base)


def reattach(terraform: Terraform, rounds: int) -> list[Result]:
    """Plans with a provider that stays up between them, beside plans that start their own."""
    # The folder of a version is a link into the mirror.
    folders = (terraform.copy.directory / ".terraform/providers").glob("*/*/aws/*/*")
    (binary,) = (file for folder in folders for file in folder.glob("terraform-provider-aws_*"))
    provider = subprocess.Popen(
        [str(binary), "-debug"],
        env=terraform.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        assert provider.stdout is not None
        for line in provider.stdout:
            if match := re.search(r"TF_REATTACH_PROVIDERS='(.*)'", line):
                break
        else:
            raise RuntimeError(f"the provider ended with {provider.wait()} before it said where it listens")
        kept = Variant("a provider that stays up", environment=(("TF_REATTACH_PROVIDERS", match[1]),))
        return compared(
            "plan", [kept], rounds, lambda each: command(terraform, (*PLAN, *each.arguments), dict(each.environment))
        )
    finally:
        os.killpg(provider.pid, signal.SIGTERM)
        provider.wait()


PARTS = {"plan": plans, "reads": reads, "reattach": reattach, "apply": applies}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all of them without a name")
    parser.add_argument("--rounds", type=int, default=3, help="pairs of each variant with the base [3]")
    options = parser.parse_args()
    if unknown := set(options.parts) - PARTS.keys():
        parser.error(f"{', '.join(sorted(unknown))}: expected parts of {', '.join(PARTS)}")
    results: list[Result] = []
    with EmbeddedTarget(EmbeddedSettings(runtime="scripted")) as target:
        terraform = prepare(target, MODULE, name="bench", variables=VARIABLES)
        terraform.init()
        terraform.apply()
        for name in options.parts or PARTS:
            try:
                results += PARTS[name](terraform, options.rounds)
            except RuntimeError as error:
                print(f"{name}: {error}", file=sys.stderr)
    print(f"{'command':<8}{'variant':<28}{'time':>7}{'processor':>11}{'seconds':>9}{'pairs':>7}")
    for each in results:
        print(
            f"{each.command:<8}{each.variant:<28}{each.wall:>7.2f}{each.processor:>11.2f}{each.seconds:>9.2f}{each.rounds:>7}"
        )
    file = ROOT / "build/bench-terraform.json"
    file.parent.mkdir(exist_ok=True)
    load = os.getloadavg()
    file.write_text(json.dumps({"load": load, "results": [asdict(result) for result in results]}, indent=2))
    print(f"load {load[0]:.1f}; written to {file.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
