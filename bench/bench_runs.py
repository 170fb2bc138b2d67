"""Runs of a module's tests: cold, kept for the first time, and continued; and forks of an applied module. `make bench-runs`.

Everything is compared within one run, as ratios. Prints a table, and writes the figures as JSON to `build/bench-runs.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget
from pushproof.targets.forks import Fork, Forks

ROOT = Path(__file__).parents[1]
FORKS = 20


@dataclass(frozen=True, slots=True)
class Run:
    """A run of a module's tests: seconds until the first assertion has passed, and until the end; Terraform's commands."""

    module: str
    kind: str
    first: float
    whole: float
    applies: int


def run(module: str, kind: str, cache: Path, *options: str) -> Run:
    """Run the tests of a module in a process of its own. Raises RuntimeError if they fail."""
    environment = {**os.environ, "PUSHPROOF_CACHE": str(cache), "PYTHONUNBUFFERED": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    started, first, applies = time.monotonic(), None, 0
    command = [sys.executable, "-m", "pytest", f"tests/integration/{module}", "-v", "-p", "no:cacheprovider", *options]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        output = []
        for line in process.stdout:
            output.append(line)
            applies += "terraform init" in line
            if first is None and "PASSED" in line:
                first = time.monotonic() - started
    if process.returncode != 0 or first is None:
        raise RuntimeError(f"the tests of {module} failed ({kind}):\n{''.join(output[-40:])}")
    return Run(module, kind, first, time.monotonic() - started, applies)


def shared_memory(fork: Fork) -> float:
    """Return the memory of a fork in MB, its share of what processes have in common counted in parts."""
    text = Path(f"/proc/{fork.pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) / 1024


def forks(number: int) -> dict[str, float]:
    """Return what forks of a world cost: seconds until the first answer, and MB of all that are alive."""
    with EmbeddedTarget(EmbeddedSettings(runtime="scripted")) as target, tempfile.TemporaryDirectory() as directory:
        target.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")
        target.client("iam").list_roles()
        target.keep(Path(directory))
        maker = Forks(target.settings.world, target.settings.runtime)
        try:
            begun = time.monotonic()
            made = [maker.fork(Path(directory), "bench")]
            made[0].require_alive()
            from_disk = time.monotonic() - begun
            seconds = []
            for _ in range(number - 1):
                # The next empty world opens meanwhile, as it does while a test runs.
                time.sleep(0.5)
                begun = time.monotonic()
                made.append(maker.fork(Path(directory), "bench"))
                made[-1].require_alive()
                seconds.append(time.monotonic() - begun)
            seconds.sort()
            memory = sum(shared_memory(fork) for fork in made)
        finally:
            maker.close()
    return {
        "forks": number,
        "first fork, with the start of the host (s)": from_disk,
        "fork until its first answer, median (s)": seconds[len(seconds) // 2],
        "all forks (MB)": memory,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", default=["ecr", "ecs"])
    modules = parser.parse_args().modules
    results: list[Run] = []
    with tempfile.TemporaryDirectory() as directory:
        for module in modules:
            cache = Path(directory) / module
            results.append(run(module, "cold", cache, "--cold"))
            results.append(run(module, "kept", cache))
            results.append(run(module, "continued", cache))
            shutil.rmtree(cache)
    cold = {result.module: result for result in results if result.kind == "cold"}
    print(f"{'module':<14}{'run':<12}{'first (s)':>10}{'whole (s)':>10}{'of cold':>9}{'inits':>7}")
    for result in results:
        share = result.whole / cold[result.module].whole
        print(
            f"{result.module:<14}{result.kind:<12}{result.first:>10.1f}{result.whole:>10.1f}{share:>9.2f}{result.applies:>7}"
        )
    of_forks = forks(FORKS)
    for name, value in of_forks.items():
        print(f"{name:<50}{value:>10.3f}")
    file = ROOT / "build/bench-runs.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"runs": [asdict(result) for result in results], "forks": of_forks}, indent=2))
    print(f"written to {file.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
