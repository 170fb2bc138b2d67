"""The reference application keeps the promises that the infrastructure and the drills build on."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from pushproof.engines.buildspec import parse, refusal

APP = Path(__file__).resolve().parents[3] / "app"
VARIANTS: list[dict[str, Any]] = json.loads((APP / "variants" / "variants.json").read_text())
BY_NAME = {variant["name"]: variant for variant in VARIANTS}


def test_the_buildspec_runs_in_the_shell_that_it_gets() -> None:
    """Every command is valid in dash, the shell of AWS's Ubuntu images, and needs nothing that only bash has."""
    spec = parse((APP / "buildspec.yml").read_text())
    commands = [command for phase in spec.phases.values() for command in (*phase.commands, *phase.finally_)]
    assert len(commands) > 10
    assert spec.env.shell is None
    dash = shutil.which("dash")
    for command in commands:
        assert refusal(command) is None, command
        if dash is not None:
            done = subprocess.run([dash, "-n"], input=command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, (command, done.stderr)


@contextmanager
def service(checkout: Path, **environment: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The service as its container runs it, on a free port; yields the process and its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "webapp"],
        cwd=checkout,
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", "PORT": "0", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert "listens on port" in line, line
        yield process, int(line.rsplit(maxsplit=1)[1])
    finally:
        process.kill()
        process.communicate()


def get(port: int, path: str) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, json.load(response)
    finally:
        connection.close()


def own_tests(checkout: Path) -> subprocess.CompletedProcess[str]:
    """The application's own tests, run as its test stage runs them."""
    return subprocess.run(
        [sys.executable, "-B", "-m", "unittest"], cwd=checkout, capture_output=True, text=True, timeout=120, check=False
    )


def checkout_of(variant: str, into: Path) -> Path:
    """The application with a variant applied, as its README says."""
    checkout = into / variant
    shutil.copytree(APP, checkout, ignore=shutil.ignore_patterns("variants", "__pycache__"))
    shutil.copytree(APP / "variants" / variant / "files", checkout, dirs_exist_ok=True)
    return checkout


def test_own_tests_pass() -> None:
    """The application passes its own tests."""
    done = own_tests(APP)
    assert done.returncode == 0, done.stderr


def test_serves_the_commit_it_was_built_from() -> None:
    """A started service reports its commit, and that it is healthy."""
    with service(APP, GIT_COMMIT="c0ffee", APP_ENV="dev") as (_, port):
        assert (get(port, "/version")[0], get(port, "/version")[1]["commit"]) == (200, "c0ffee")
        assert get(port, "/health") == (200, {"status": "ok"})
        assert get(port, "/")[1]["environment"] == "dev"


def test_ends_cleanly_on_sigterm() -> None:
    """SIGTERM ends the service with exit code 0, even while a client keeps a connection open."""
    with service(APP) as (process, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/")
        connection.getresponse().read()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        connection.close()


def test_unusable_port_is_named() -> None:
    """A PORT that is no port ends the start with a message that names it."""
    done = subprocess.run(
        [sys.executable, "-B", "-m", "webapp"],
        cwd=APP,
        env={"PORT": "eighty"},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (done.returncode, "PORT is 'eighty'" in done.stderr) == (2, True)


def test_manifest_lists_every_variant() -> None:
    """variants.json and the directories beside it tell of the same variants and the same files."""
    directories = {path.name for path in (APP / "variants").iterdir() if path.is_dir()}
    assert set(BY_NAME) == directories
    for variant in VARIANTS:
        root = APP / "variants" / variant["name"]
        files = sorted(str(path.relative_to(root / "files")) for path in (root / "files").rglob("*") if path.is_file())
        assert files == variant["files"], variant["name"]
        assert (root / "README.md").is_file()
        assert variant["stage"] in {"Build", "Deploy"}
        assert variant["rollback"] is (variant["stage"] == "Deploy")


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_variant_changes_little(name: str) -> None:
    """A variant replaces files that exist, and most of each file is the application's own: none has gone stale."""
    for file in BY_NAME[name]["files"]:
        ours = (APP / file).read_text().splitlines()
        theirs = (APP / "variants" / name / "files" / file).read_text().splitlines()
        assert ours != theirs
        assert len(set(ours) - set(theirs)) <= 2, f"{name}/{file} has drifted from app/{file}: carry the change over"


@pytest.mark.parametrize("name", [name for name in sorted(BY_NAME) if name != "build-fails"])
def test_variant_meets_the_tests_as_told(name: str, tmp_path: Path) -> None:
    """The variant tests-fail alone fails the tests: the others pass them, or they could not be deployed."""
    done = own_tests(checkout_of(name, tmp_path))
    assert (done.returncode != 0) is (name == "tests-fail"), done.stderr


def test_unhealthy_is_unwell_only_when_deployed(tmp_path: Path) -> None:
    """The unhealthy variant answers 500 on /health in an environment, and keeps serving everything else."""
    with service(checkout_of("unhealthy", tmp_path), APP_ENV="dev") as (_, port):
        assert (get(port, "/health")[0], get(port, "/version")[0]) == (500, 200)


def test_wrong_port_ignores_the_environment(tmp_path: Path) -> None:
    """The wrong-port variant listens on 9090, whatever PORT says."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", 9090)) == 0:
            pytest.skip("another program listens on port 9090; stop it to run this test")
    with service(checkout_of("wrong-port", tmp_path), PORT="8080") as (_, port):
        assert port == 9090


def test_crash_at_start_exits_with_1(tmp_path: Path) -> None:
    """The crash-at-start variant ends with exit code 1 and a reason."""
    checkout = checkout_of("crash-at-start", tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "webapp"], cwd=checkout, capture_output=True, text=True, timeout=20, check=False
    )
    assert (done.returncode, "does not exist" in done.stderr) == (1, True)


def test_build_fails_for_want_of_a_file() -> None:
    """The build-fails variant leaves out of the build context what the Dockerfile copies."""
    ignore = ".dockerignore"
    assert "COPY healthcheck ./" in (APP / "Dockerfile").read_text()
    assert "!healthcheck" in (APP / ignore).read_text().split()
    assert "!healthcheck" not in (APP / "variants" / "build-fails" / "files" / ignore).read_text().split()


FAKES = {
    "aws": """#!/bin/sh
case "$*" in
  *get-login-password*) echo a-token ;;
  *describe-images*) echo "aws $*" >> "$CALLS"; exit "$IMAGE_MISSING" ;;
esac
""",
    "docker": """#!/bin/sh
[ "$1" != login ] || cat > /dev/null
echo "docker $*" >> "$CALLS"
case "$1 $*" in
  *"$FAIL_ON"*) exit 1 ;;
esac
""",
}


def build(tmp_path: Path, **environment: str) -> tuple[int, list[str], str | None]:
    """Run the buildspec in one shell, as CodeBuild does, with replacements for docker and aws.

    Returns the exit code, the calls made and the content of imagedefinitions.json.
    """
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, text in FAKES.items():
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    calls = tmp_path / "calls"
    calls.touch()
    phases = yaml.safe_load((APP / "buildspec.yml").read_text())["phases"]

    def phase(name: str) -> str:
        return "\n".join(f"{{ {command}\n}} || return 1" for command in phases[name]["commands"])

    script = f"""
pre_build() {{\n{phase("pre_build")}\n}}
build() {{\n{phase("build")}\n}}
post_build() {{\n{phase("post_build")}\n}}
CODEBUILD_BUILD_SUCCEEDING=1
pre_build || exit 1
build || CODEBUILD_BUILD_SUCCEEDING=0
post_build && [ "$CODEBUILD_BUILD_SUCCEEDING" = 1 ]
"""
    done = subprocess.run(
        ["sh", "-c", script],
        cwd=tmp_path,
        env={
            "PATH": f"{tools}:{os.environ['PATH']}",
            "CALLS": str(calls),
            "AWS_DEFAULT_REGION": "eu-west-1",
            "CODEBUILD_RESOLVED_SOURCE_VERSION": "0123456789abcdef",
            "CONTAINER_NAME": "app",
            "ECR_CACHE_REPOSITORY_NAME": "shop-dev-cache",
            "ECR_REGISTRY": "registry.test",
            "ECR_REPOSITORY_NAME": "shop-dev",
            "ENVIRONMENT": "dev",
            "FAIL_ON": "nothing fails",
            "IMAGE_MISSING": "254",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    definitions = tmp_path / "imagedefinitions.json"
    return done.returncode, calls.read_text().splitlines(), definitions.read_text() if definitions.exists() else None


IMAGE = "registry.test/shop-dev:dev-0123456"


def test_build_pushes_the_commit_and_names_it(tmp_path: Path) -> None:
    """A build tests, builds, pushes the commit's tag, and hands exactly one image to the deploy action."""
    code, calls, definitions = build(tmp_path)
    assert (code, json.loads(definitions or "")) == (0, [{"name": "app", "imageUri": IMAGE}])
    stages = [call.split("--target ")[1].split()[0] for call in calls if call.startswith("docker build")]
    assert stages == ["test", "runtime"]
    assert [call for call in calls if call.startswith("docker push")] == [
        f"docker push {IMAGE}",
        "docker push registry.test/shop-dev-cache:test",
        "docker push registry.test/shop-dev-cache:runtime",
    ]
    assert not any("BASE_IMAGE" in call for call in calls)


def test_build_takes_the_cache_and_the_base_it_is_given(tmp_path: Path) -> None:
    """The runtime build reads both caches, writes one for the next build, and starts from BASE_IMAGE."""
    _, calls, _ = build(tmp_path, BASE_IMAGE="base:1")
    runtime = next(call for call in calls if "--target runtime" in call)
    for part in (
        "--build-arg BASE_IMAGE=base:1",
        "--build-arg BUILDKIT_INLINE_CACHE=1",
        "--build-arg GIT_COMMIT=0123456789abcdef",
        "--cache-from registry.test/shop-dev-cache:test",
        "--cache-from registry.test/shop-dev-cache:runtime",
    ):
        assert part in runtime


def test_first_build_does_without_a_cache(tmp_path: Path) -> None:
    """A cache that cannot be pulled does not stop the build."""
    code, _, definitions = build(tmp_path, FAIL_ON="pull")
    assert (code, definitions is not None) == (0, True)


def test_same_commit_is_not_built_twice(tmp_path: Path) -> None:
    """Running a released commit again deploys its image, and pushes nothing to the immutable repository."""
    code, calls, definitions = build(tmp_path, IMAGE_MISSING="0")
    assert (code, json.loads(definitions or "")[0]["imageUri"]) == (0, IMAGE)
    assert not [call for call in calls if call.startswith(("docker build", "docker push"))]


def test_build_without_a_commit_fails_before_anything_is_done(tmp_path: Path) -> None:
    """A build without a commit fails instead of pushing an image called latest."""
    assert build(tmp_path, CODEBUILD_RESOLVED_SOURCE_VERSION="") == (1, [], None)


@pytest.mark.parametrize("target", ["test", "runtime"])
def test_failed_build_pushes_nothing(target: str, tmp_path: Path) -> None:
    """Post_build neither pushes nor writes imagedefinitions.json after failing tests or a failing build."""
    code, calls, definitions = build(tmp_path, FAIL_ON=f"--target {target}")
    assert (code, definitions) == (1, None)
    assert not [call for call in calls if call.startswith("docker push")]


def test_failed_push_of_the_release_fails_the_build(tmp_path: Path) -> None:
    """An image that is not in the registry is not handed to the deploy action."""
    code, _, definitions = build(tmp_path, FAIL_ON=f"push {IMAGE}")
    assert (code, definitions) == (1, None)
