"""Runs of a module's tests: cold, kept for the first time, continued, and changed; and what they are compared with.

`make bench-runs`. Parts: `modules`, `changes`, `bare`, `together`, `forks`; without a name `modules` and `forks`. Everything is
compared within one run, as ratios. Prints a table, and writes the figures as JSON to `build/bench-runs.json`, each part beside
those of earlier runs, with the load of the machine.
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

from pushproof.drill.certificate import kept_self_signed
from pushproof.runhost.client import end_hosts
from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget
from pushproof.targets.forkprocess import prepare_host
from pushproof.targets.forks import Fork, Forks
from pushproof.targets.warmup import warm_up
from pushproof.terraform.applied import prepare
from pushproof.terraform.driver import Terraform
from pushproof.terraform.together import Run as ApplyRun
from pushproof.terraform.together import apply_together
from pushproof.terraform.working_copy import VARIABLES_FILE

ROOT = Path(__file__).parents[1]
FORKS = 20
# Seconds: a run that began sooner after the first one would wait for the rest of them.
HOST_START = 5.0


@dataclass(frozen=True, slots=True)
class Run:
    """A run of a module's tests: seconds until the first assertion has passed, and until the end; Terraform's commands."""

    module: str
    kind: str
    first: float
    whole: float
    applies: int


def run(module: str, kind: str, cache: Path, *options: str, root: Path = ROOT) -> Run:
    """Run the tests of a module in a process of its own. Raises RuntimeError if they fail."""
    environment = {**os.environ, "PUSHPROOF_CACHE": str(cache), "PYTHONUNBUFFERED": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    started, first, applies = time.monotonic(), None, 0
    command = [
        sys.executable,
        "-m",
        "pushproof.cli",
        "test",
        f"tests/integration/{module}",
        "-v",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:hypothesispytest",
        *options,
    ]
    with subprocess.Popen(
        command, cwd=root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
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
    whole = time.monotonic() - started
    if kind == "kept":
        # The first run with a cache starts the process that later ones are forks of, and does not wait for it.
        time.sleep(HOST_START)
    return Run(module, kind, first, whole, applies)


def shared_memory(fork: Fork) -> float:
    """Return the memory of a fork in MB, its share of what processes have in common counted in parts."""
    text = Path(f"/proc/{fork.pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) / 1024


def forks(runtime: str, number: int) -> dict[str, float]:
    """Return what forks of a world cost: seconds until the first answer, and MB of all that are alive."""
    # As in a run of `pushproof test`, which is a fork of a warm process.
    warm_up()
    prepare_host()
    with EmbeddedTarget(EmbeddedSettings(runtime=runtime)) as target, tempfile.TemporaryDirectory() as directory:
        target.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")
        target.client("iam").list_roles()
        target.keep(Path(directory))
        from_disk, started = (first_fork(target, Path(directory)) for _ in range(2))
        maker = Forks(target.settings.world, target.settings.runtime)
        try:
            made = [maker.fork(Path(directory), "bench")]
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
        "first fork in a run of pushproof test (s)": from_disk,
        "first fork, with the start of the host (s)": started,
        "fork until its first answer, median (s)": seconds[len(seconds) // 2],
        "all forks (MB)": memory,
    }


def first_fork(target: EmbeddedTarget, kept: Path) -> float:
    """Return the seconds until the first fork of a world has answered."""
    maker = Forks(target.settings.world, target.settings.runtime)
    begun = time.monotonic()
    try:
        maker.fork(kept, "bench").require_alive()
        return time.monotonic() - begun
    finally:
        maker.close()


def modules(names: list[str]) -> list[Run]:
    """Runs of modules' tests without kept worlds, with the first one of them, and with a kept one."""
    results: list[Run] = []
    for name in names:
        with tempfile.TemporaryDirectory() as directory:
            cache = Path(directory)
            results.append(run(name, "cold", cache, "--cold"))
            results.append(run(name, "kept", cache))
            results.append(run(name, "continued", cache))
    return results


# Edits of the dev stack, which the tests of ecs apply: the file, a text in it, and what takes its place.
CHANGES = {
    "one tag": (
        "infrastructure/modules/ecs/security-groups.tf",
        'tags = { Name = "${local.name}-tasks" }',
        'tags = { Name = "${local.name}-tasks", Team = "shop" }',
    ),
    "one rule": (
        "infrastructure/environments/dev/main.tf",
        '    "PostgreSQL inside the VPC"',
        '    "Redis inside the VPC"     = { cidr = module.networking.vpc_cidr, port = 6379 }\n    "PostgreSQL inside the VPC"',
    ),
}


def changes() -> list[Run]:
    """Runs of the tests of ecs after an edit of one line, in a copy of the repository."""
    with tempfile.TemporaryDirectory() as directory:
        copy, cache = Path(directory) / "copy", Path(directory) / "cache"
        files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for name in filter(None, files.split("\0")):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
        # The root of a repository bounds what is copied for Terraform.
        (copy / ".git").mkdir()
        results = [run("ecs", "kept", cache, root=copy)]
        for name, (file, old, new) in CHANGES.items():
            text = (copy / file).read_text()
            if text.count(old) != 1:
                raise RuntimeError(f"{file} has {old!r} {text.count(old)} times; expected it once")
            (copy / file).write_text(text.replace(old, new))
            results.append(run("ecs", name, cache, root=copy))
            (copy / file).write_text(text)
    return results


def bare() -> dict[str, float]:
    """Return the seconds of Terraform alone for what the tests of ecs apply, and of those tests, cold."""
    with EmbeddedTarget(EmbeddedSettings()) as target:
        made = kept_self_signed("shop.example.test")
        certificate = target.certificate(made.certificate, made.private_key)
        bootstrap = prepare(
            target,
            ROOT / "infrastructure/bootstrap",
            name="bootstrap",
            variables={"project": "reference", "force_destroy": True},
        )
        dev = prepare(
            target,
            ROOT / "infrastructure/environments/dev",
            name="dev",
            # As the suites have it: tests/integration/conftest.py.
            variables={
                "certificate_arn": certificate,
                "project": "reference",
                "repository": "example/shop",
                "slack_webhook_url": "http://127.0.0.1:9/hook",
                "before_deploy_command": ["python3", "-m", "webapp.migrate"],
                "deployment_alarm": True,
                "traffic_shift": True,
            },
        )
        started = time.monotonic()
        terraform_alone(bootstrap)
        bucket = bootstrap.outputs()["state_bucket_name"]
        backend = {"bucket": bucket, "key": "dev/terraform.tfstate", "region": target.region, "use_lockfile": "true"}
        terraform_alone(dev, *(f"-backend-config={name}={value}" for name, value in backend.items()))
        alone = time.monotonic() - started
    with tempfile.TemporaryDirectory() as directory:
        cold = run("ecs", "cold", Path(directory), "--cold").whole
    return {"terraform init, apply, plan (s)": alone, "the tests of ecs, cold (s)": cold, "ratio": cold / alone}


def terraform_alone(terraform: Terraform, *backend: str) -> None:
    """Run `init`, `apply` and `plan` as a person does, without Pushproof's settings of Go."""
    (terraform.copy.directory / VARIABLES_FILE).write_text(json.dumps(terraform.variables))
    environment = {name: value for name, value in terraform.environment.items() if name != "GOGC"}
    for words in (["init", *backend], ["apply", "-auto-approve"], ["plan"]):
        subprocess.run(
            [terraform.binary.path, *words, "-input=false", "-no-color"],
            cwd=terraform.copy.directory,
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )


def together() -> dict[str, float]:
    """Return the seconds of two modules of the reference, one after the other and side by side, each way in a new world."""
    modules = ROOT / "infrastructure/modules"
    common = {"project": "bench", "environment": "dev"}
    zones = ["eu-west-1a", "eu-west-1b"]
    calls = {
        "networking": {**common, "vpc_cidr": "10.0.0.0/16", "availability_zones": zones},
        "ecr": {**common, "force_delete": True},
    }

    def applied(side_by_side: bool) -> float:
        with EmbeddedTarget(EmbeddedSettings(runtime="scripted")) as target:
            runs = [
                ApplyRun(prepare(target, modules / name, name=name, variables=variables))
                for name, variables in calls.items()
            ]
            started = time.monotonic()
            for group in [runs] if side_by_side else [[each] for each in runs]:
                apply_together(group)
            return time.monotonic() - started

    in_turn, at_once = applied(False), applied(True)
    return {"one after the other (s)": in_turn, "side by side (s)": at_once, "ratio": at_once / in_turn}


PARTS = ("modules", "changes", "bare", "together", "forks", "forks-docker")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}, or names of modules")
    chosen = parser.parse_args().parts or ["modules", "forks"]
    results: list[Run] = []
    values: dict[str, dict[str, float]] = {}
    for part in chosen:
        if part == "modules":
            results += modules(["ecr", "ecs"])
        elif part == "changes":
            results += changes()
        elif part == "bare":
            values[part] = bare()
        elif part == "together":
            values[part] = together()
        elif part.startswith("forks"):
            values[part] = forks(
                "docker" if part == "forks-docker" else "scripted", 4 if part == "forks-docker" else FORKS
            )
        elif (ROOT / "tests/integration" / part).is_dir():
            results += modules([part])
        else:
            parser.error(f"{part}: expected one of {', '.join(PARTS)}, or a folder of tests/integration")
    if results:
        print(f"{'module':<14}{'run':<12}{'first (s)':>10}{'whole (s)':>10}{'of the first':>13}{'inits':>7}")
    base = {result.module: result for result in reversed(results)}
    for result in results:
        share = result.whole / base[result.module].whole
        print(
            f"{result.module:<14}{result.kind:<12}{result.first:>10.1f}{result.whole:>10.1f}{share:>13.2f}{result.applies:>7}"
        )
    for part, figures in values.items():
        for name, value in figures.items():
            print(f"{part + ': ' + name:<62}{value:>10.3f}")
    end_hosts()
    load = os.getloadavg()[0]
    file = ROOT / "build/bench-runs.json"
    file.parent.mkdir(exist_ok=True)
    earlier = json.loads(file.read_text()) if file.exists() else {}
    runs = {f"{each.module}, {each.kind}": {**asdict(each), "load": load} for each in results}
    parts = {part: {**figures, "load": load} for part, figures in values.items()}
    file.write_text(json.dumps({**earlier, **runs, **parts}, indent=2))
    print(f"load {load:.1f}; written to {file.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
