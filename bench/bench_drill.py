"""The drill's deployments beside what they consist of: git push, docker build, docker push, docker run, and AWS's own waits.

`python bench/bench_drill.py [ROUNDS] [FILE]`: each round performs the drill on the reference, and then the parts by hand: two
pushes of the application, each built as its buildspec says on a new Docker Engine, and two containers of the image. AWS's waits are
those of the reference's service (two health checks, then the deregistration delay), at the drill's speed. Prints a table; with
FILE in JSON.
"""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from pushproof.emulator.runtime.docker.builder import host_capabilities
from pushproof.emulator.runtime.docker.images import ensure_base_image, ensure_build_image
from pushproof.record.store import load
from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget

ROOT = Path(__file__).parents[1]
SPEED = 20.0
# The steps of a first push, into a service without images, and of a second one.
STEPS = {"d": "the first push", "e": "a second push"}
# Of infrastructure/modules/ecs/load-balancer.tf and its variable: two intervals of 30 s, and the delay of 30 s.
WAITS = {"d": {"health checks": 60 / SPEED}, "e": {"health checks": 60 / SPEED, "deregistration": 30 / SPEED}}


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


def parts() -> list[dict[str, float]]:
    """Return the seconds of the parts of a first and of a second push, each by itself, with nothing between them."""
    seconds: dict[str, float] = {}

    def timed(name: str, part: Callable[[], object]) -> None:
        started = time.monotonic()
        part()
        seconds[name] = seconds.get(name, 0.0) + time.monotonic() - started

    with EmbeddedTarget(EmbeddedSettings()) as target, tempfile.TemporaryDirectory() as directory:
        ecr = target.client("ecr")
        for name in ("shop", "cache"):
            ecr.create_repository(repositoryName=name)
        token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        password = base64.b64decode(token).decode().partition(":")[2]
        host = target.endpoint.removeprefix("http://")
        run("docker", "login", "--username", "AWS", "--password-stdin", host, text=password)
        base = target.build_environment()["BASE_IMAGE"]
        app, bare, archive = (Path(directory) / name for name in ("app", "bare.git", "base.tar"))
        shutil.copytree(ROOT / "app", app, ignore=shutil.ignore_patterns("__pycache__"))
        run("docker", "save", "--output", str(archive), base)
        run("git", "init", "--quiet", "--bare", str(bare))
        run("git", "init", "--quiet", cwd=app)
        pushes: list[dict[str, float]] = []
        for number in ("first", "second"):
            seconds = {}
            (app / "webapp" / "revision.py").write_text(f'REVISION = "{number}"\n')
            run("git", "add", "--all", cwd=app)
            run("git", "-c", "user.name=bench", "-c", "user.email=bench@example.com", "commit", "-qm", number, cwd=app)
            timed("git push", partial(run, "git", "push", "--quiet", str(bare), "HEAD:refs/heads/main", cwd=app))
            with engine(target) as inside:
                run(*inside, "docker", "login", "--username", "AWS", "--password-stdin", host, text=password)
                if pushes:
                    for stage in ("test", "runtime"):
                        timed(
                            "docker pull", partial(run, *inside, "docker", "pull", "--quiet", f"{host}/cache:{stage}")
                        )
                timed("docker load", partial(loaded, inside, archive))
                run("docker", "cp", f"{app}/.", f"{inside[-1]}:/app")
                for stage in ("test", "runtime"):
                    command = [
                        *inside[:-1],
                        "--workdir",
                        "/app",
                        inside[-1],
                        "docker",
                        "build",
                        "--build-arg",
                        f"BASE_IMAGE={base}",
                    ]
                    command += ["--cache-from", f"{host}/cache:{stage}", "--build-arg", "BUILDKIT_INLINE_CACHE=1"]
                    command += ["--target", stage, "--tag", f"{host}/cache:{stage}", "."]
                    timed("docker build", partial(run, *command))
                run(*inside, "docker", "tag", f"{host}/cache:runtime", f"{host}/shop:{number}")
                for image in (f"shop:{number}", "cache:test", "cache:runtime"):
                    timed("docker push", partial(run, *inside, "docker", "push", "--quiet", f"{host}/{image}"))
            timed("docker run", partial(served, f"{host}/shop:{number}"))
            pushes.append(seconds)
            run("docker", "rmi", "--force", f"{host}/shop:{number}")
        run("docker", "logout", host)
    return pushes


@contextlib.contextmanager
def engine(target: EmbeddedTarget) -> Iterator[list[str]]:
    """Start a new Docker Engine, as a build gets one; yield the beginning of commands in it."""
    port = target.endpoint.rpartition(":")[2]
    network = run("docker", "network", "ls", "--filter", f"name={target.world_id}", "--format", "{{.Name}}").strip()
    command = ["docker", "run", "--detach", "--rm", "--init", "--network", network, "--cgroupns", "private"]
    command += ["--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"]
    # Privileged as far as this machine itself is.
    command += [word for capability in host_capabilities() for word in ("--cap-add", capability)]
    for name, value in {
        "PORT": port,
        "GATEWAY": target.place.bridge.partition(":")[0],
        "INSECURE": f"127.0.0.1:{port}",
        "MIRROR": "127.0.0.1:1",
        "DOCKER": "1",
    }.items():
        command += ["--env", f"PUSHPROOF_{name}={value}"]
    container = run(*command, ensure_build_image()).strip()
    try:
        run("docker", "exec", container, "bash", "-c", "until [ -e /codebuild/ready ]; do sleep 0.05; done")
        yield ["docker", "exec", "--interactive", container]
    finally:
        run("docker", "rm", "--force", "--volumes", container)


def loaded(inside: list[str], archive: Path) -> None:
    """Load the base image, in place of a pull from a public registry."""
    with archive.open("rb") as file:
        subprocess.run([*inside, "docker", "load", "--quiet"], stdin=file, stdout=subprocess.DEVNULL, check=True)


def served(image: str) -> None:
    """Pull an image, run two containers of it, and wait until both answer their health check."""
    run("docker", "pull", "--quiet", image)
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


def run(*command: str, cwd: Path | None = None, text: str | None = None) -> str:
    """Run a command and return its output. Raises RuntimeError with its words."""
    done = subprocess.run(command, cwd=cwd, input=text, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:3])}: {done.stderr.strip()}")
    return done.stdout


def main() -> None:
    """Measure, print the table, and write the file."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    # A machine makes its base images once.
    ensure_base_image()
    ensure_build_image()
    samples = [(drilled(), parts()) for _ in range(rounds)]
    figures: dict[str, dict[str, float]] = {}
    for number, step in enumerate(STEPS):
        names = samples[0][1][number]
        own = {name: statistics.median(sample[1][number][name] for sample in samples) for name in names}
        own |= WAITS[step]
        whole, together = statistics.median(sample[0][step] for sample in samples), sum(own.values())
        figures[STEPS[step]] = own | {"together": together, "drill": whole, "ratio": whole / together}
    for title, figure in figures.items():
        print(title)
        for name, value in figure.items():
            print(f"    {name:<22}{value:7.2f}{'' if name == 'ratio' else ' s'}")
    if len(sys.argv) > 2:
        Path(sys.argv[2]).write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
