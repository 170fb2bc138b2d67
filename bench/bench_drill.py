"""The drill's deployments beside what they consist of: git push, docker build, docker push, docker run, and AWS's own waits.

`python bench/bench_drill.py [ROUNDS] [FILE]`: each round performs the drill on the reference, and then the parts by hand: a second
push of the application, as the buildspec builds it, to a registry of the same kind, and two containers. AWS's waits are those of
the reference's service (two health checks, then the deregistration delay), at the drill's speed. Prints a table; with FILE in JSON.
"""

from __future__ import annotations

import base64
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pushproof.record.store import load
from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget

ROOT = Path(__file__).parents[1]
SPEED = 20.0
# Of infrastructure/modules/ecs/load-balancer.tf and its variable: interval times healthy threshold, and the delay, in seconds.
HEALTH_CHECKS, DEREGISTRATION = 60.0, 30.0
# The steps of a good push into an empty service, of a second one, and of the bad one.
STEPS = {"d": "a good push", "e": "a second good push", "f": "a bad push, rolled back"}


def drilled() -> dict[str, float]:
    """Return the seconds of the drill's deployments, by step."""
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "pushproof.cli", "drill", "--speed", str(SPEED), "--report", directory]
        done = subprocess.run(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"the drill has failed:\n{done.stdout[-3000:]}")
        record = load(Path(directory) / "pushproof-report.json")
    return {step.letter: step.seconds for step in record.steps if step.letter in STEPS}


def parts() -> dict[str, float]:
    """Return the seconds of the parts of a second push, each by itself, with nothing between them."""
    seconds: dict[str, float] = {}

    def timed(name: str, part: Callable[[], object]) -> None:
        started = time.monotonic()
        part()
        seconds[name] = seconds.get(name, 0.0) + time.monotonic() - started

    with EmbeddedTarget(EmbeddedSettings()) as target, tempfile.TemporaryDirectory() as directory:
        ecr = target.client("ecr")
        host = (
            target.client("ecr")
            .create_repository(repositoryName="shop")["repository"]["repositoryUri"]
            .partition("/")[0]
        )
        ecr.create_repository(repositoryName="cache")
        token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        password = base64.b64decode(token).decode().partition(":")[2]
        run("docker", "login", "--username", "AWS", "--password-stdin", host, given=password)
        app, bare = Path(directory) / "app", Path(directory) / "bare.git"
        shutil.copytree(ROOT / "app", app, ignore=shutil.ignore_patterns("__pycache__"))
        run("git", "init", "--quiet", "--bare", str(bare))
        run("git", "init", "--quiet", cwd=app)
        base = target.build_environment()["BASE_IMAGE"]
        for number in ("first", "second"):
            (app / "webapp" / "revision.py").write_text(f'REVISION = "{number}"\n')
            run("git", "add", "--all", cwd=app)
            run("git", "-c", "user.name=bench", "-c", "user.email=bench@example.com", "commit", "-qm", number, cwd=app)
            if number == "second":
                seconds.clear()
            timed("git push", partial(run, "git", "push", "--quiet", str(bare), "HEAD:refs/heads/main", cwd=app))
            for stage in ("test", "runtime"):
                command = ["docker", "build", "--quiet", "--build-arg", f"BASE_IMAGE={base}", "--target", stage]
                command += ["--build-arg", "BUILDKIT_INLINE_CACHE=1", "--tag", f"{host}/cache:{stage}", "."]
                timed("docker build", partial(run, *command, cwd=app))
            run("docker", "tag", f"{host}/cache:runtime", f"{host}/shop:{number}")
            for image in (f"shop:{number}", "cache:test", "cache:runtime"):
                timed("docker push", partial(run, "docker", "push", "--quiet", f"{host}/{image}"))
            timed("docker run", partial(served, f"{host}/shop:{number}"))
        for image in ("shop:first", "shop:second", "cache:test", "cache:runtime"):
            run("docker", "rmi", "--force", f"{host}/{image}")
        run("docker", "logout", host)
    return seconds


def served(image: str) -> None:
    """Run two containers of an image, and wait until both answer their health check."""
    containers = [run("docker", "run", "--detach", "--rm", image).strip() for _ in range(2)]
    try:
        for container in containers:
            form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
            address = run("docker", "inspect", "--format", form, container).strip()
            until = time.monotonic() + 30
            while not answers(f"http://{address}:8080/health"):
                if time.monotonic() > until:
                    raise RuntimeError(f"a container of {image} does not answer")
                time.sleep(0.02)
    finally:
        run("docker", "kill", *containers)


def answers(url: str) -> bool:
    """Return whether a URL is answered with 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def run(*command: str, cwd: Path | None = None, given: str | None = None) -> str:
    """Run a command and return its output. Raises RuntimeError with its words."""
    done = subprocess.run(command, cwd=cwd, input=given, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:3])}: {done.stderr.strip()}")
    return done.stdout


def main() -> None:
    """Measure, print the table, and write the file."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    samples = [(drilled(), parts()) for _ in range(rounds)]
    drills = {step: statistics.median(sample[0][step] for sample in samples) for step in STEPS}
    own = {name: statistics.median(sample[1][name] for sample in samples) for name in samples[0][1]}
    own |= {"two health checks": HEALTH_CHECKS / SPEED, "deregistration": DEREGISTRATION / SPEED}
    for name, value in own.items():
        print(f"{name:<28}{value:7.1f} s")
    total = sum(own.values())
    print(f"{'together':<28}{total:7.1f} s")
    for step, value in drills.items():
        print(f"{STEPS[step]:<28}{value:7.1f} s   {value / total:.2f} times")
    if len(sys.argv) > 2:
        Path(sys.argv[2]).write_text(json.dumps({"parts": own, "drill": drills}, indent=2) + "\n")


if __name__ == "__main__":
    main()
