"""Diagnosis of this machine: present and missing programs, with a remedy for each missing one."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pushproof.base.environment import clean_environment


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One examined thing and its state. `needed`: the drill cannot run without it."""

    subject: str
    present: bool
    state: str
    remedy: str = ""
    needed: bool = True


def diagnose(port: int = 0) -> list[Diagnosis]:
    """Examine everything; never raises."""
    checks: list[Callable[[], Diagnosis]] = [
        _python,
        _terraform,
        _provider,
        _docker,
        _container_rules,
        _git,
        lambda: _gateway_port(port),
        _listener_ports,
        _base_images,
        _disk,
        _credentials,
        _orphans,
    ]
    return [check() for check in checks]


def _python() -> Diagnosis:
    version = ".".join(map(str, sys.version_info[:3]))
    return Diagnosis("Python", sys.version_info >= (3, 11), version, "install Python 3.11 or later")


def _terraform() -> Diagnosis:
    from pushproof.terraform.binary import find_terraform
    from pushproof.terraform.errors import TerraformMissing

    try:
        binary = find_terraform()
    except TerraformMissing as error:
        return Diagnosis("Terraform", False, "no usable one", str(error))
    locking = "S3 state locks natively" if binary.native_locking else "older than 1.10: state locks through DynamoDB"
    return Diagnosis("Terraform", True, f"{binary} at {binary.path}; {locking}")


def _provider() -> Diagnosis:
    from pushproof.terraform.providers import find_mirrors

    mirrors = find_mirrors()
    if mirrors:
        return Diagnosis("AWS provider", True, f"mirrored in {'; '.join(map(str, mirrors))}")
    reachable = _answers("registry.terraform.io", 443)
    return Diagnosis(
        "AWS provider",
        reachable,
        "from the Terraform registry"
        if reachable
        else "no mirror on this machine, and the Terraform registry does not answer",
        "set a filesystem mirror: PUSHPROOF_PROVIDER_MIRROR=<folder that holds registry.terraform.io/hashicorp/aws> "
        "(`terraform providers mirror <folder>` creates one on a machine with internet access)",
    )


def _docker() -> Diagnosis:
    from docker.errors import DockerException

    from pushproof.emulator.runtime.docker.endpoint import chosen_endpoint
    from pushproof.emulator.runtime.docker.host import DockerHost, DockerUnavailable, connect

    try:
        client = connect(timeout=10)
    except DockerUnavailable as error:
        return Diagnosis("Docker Engine", False, "does not answer", str(error))
    info = client.info()
    text = f"{info['ServerVersion']}, {info['Driver']}, cgroup v{info.get('CgroupVersion', '1')}"
    endpoint = chosen_endpoint(os.environ)
    text += f", at {endpoint}" if endpoint.chosen_by else ""
    try:
        # A network, as a world makes it, shows where the containers are.
        DockerHost(f"doctor-{secrets.token_hex(4)}", client).close()
    except DockerUnavailable as error:
        return Diagnosis("Docker Engine", False, text, str(error))
    except DockerException as error:
        remedy = (
            f"Docker Engine makes no network ({error}); `docker network ls` shows whether its address pools are used up"
        )
        return Diagnosis("Docker Engine", False, text, remedy)
    return Diagnosis("Docker Engine", True, text)


def _container_rules() -> Diagnosis:
    from docker.errors import DockerException

    from pushproof.emulator.runtime.docker.guard import trial
    from pushproof.emulator.runtime.docker.host import DockerUnavailable, connect
    from pushproof.emulator.runtime.docker.images import base_image_name

    subject = "containers' rules"
    try:
        client = connect(timeout=10)
    except DockerUnavailable:
        return Diagnosis(subject, False, "not tried, for want of Docker Engine", needed=False)
    try:
        problem = trial(client)
    except DockerException as error:
        problem = str(error)
    finally:
        client.close()
    if problem is None:
        return Diagnosis(subject, True, f"tried with the first container: there is no image {base_image_name()} yet")
    if problem:
        remedy = (
            "load the kernel's nf_tables (`sudo modprobe nf_tables`); without it tasks reach each other whatever security groups "
            "say, and containers reach services of this machine"
        )
        return Diagnosis(subject, False, f"nft fails in a container's network: {problem}", remedy, needed=False)
    return Diagnosis(subject, True, "nft closes tasks to each other, and this machine to containers")


def _git() -> Diagnosis:
    git = shutil.which("git")
    remedy = "install git (Debian and Ubuntu: apt-get install git)"
    if git is None:
        return Diagnosis("git", False, "not on PATH", remedy)
    path = subprocess.run(
        [git, "--exec-path"], capture_output=True, text=True, env=clean_environment(), check=False
    ).stdout.strip()
    version = subprocess.run(
        [git, "--version"], capture_output=True, text=True, env=clean_environment(), check=False
    ).stdout.strip()
    if not (Path(path) / "git-http-backend").exists():
        return Diagnosis(
            "git",
            False,
            f"{version}, without http-backend",
            "install the full git package: git-http-backend is missing",
        )
    return Diagnosis("git", True, version)


def _gateway_port(port: int) -> Diagnosis:
    try:
        with socket.create_server(("127.0.0.1", port)):
            return Diagnosis("gateway port", True, f"{port or 'any free one'} on 127.0.0.1")
    except OSError as error:
        return Diagnosis(
            "gateway port", False, f"{port}: {error.strerror}", "stop what listens there, or choose another with --port"
        )


def _listener_ports() -> Diagnosis:
    try:
        for port in (80, 443):
            with socket.create_server(("127.255.255.254", port)):
                pass
    except OSError as error:
        remedy = (
            "load balancers really listen on 80 and 443, which the kernel keeps for root. For every user until the next start: "
            "`sudo sysctl net.ipv4.ip_unprivileged_port_start=80`; for good: the same setting in a file of /etc/sysctl.d"
        )
        return Diagnosis("listener ports", False, f"80 and 443 of 127.0.0.0/8: {error.strerror}", remedy)
    return Diagnosis("listener ports", True, "80 and 443 of 127.0.0.0/8")


def _base_images() -> Diagnosis:
    if shutil.which("mmdebstrap"):
        return Diagnosis("base images", True, "mmdebstrap builds them from Debian packages where they cannot be pulled")
    reachable = _answers("registry-1.docker.io", 443)
    finding = (
        "public images can be pulled" if reachable else "no public registry answers, and mmdebstrap is not installed"
    )
    return Diagnosis(
        "base images", reachable, finding, "install mmdebstrap (Debian and Ubuntu: apt-get install mmdebstrap)"
    )


def _disk() -> Diagnosis:
    free = shutil.disk_usage(Path.home()).free / 2**30
    return Diagnosis(
        "disk", free > 5, f"{free:.0f} GiB free", "free 5 GiB: images, build caches and worlds are stored there"
    )


def _credentials() -> Diagnosis:
    names = sorted(
        k for k in os.environ if k in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ROLE_ARN")
    )
    finding = f"{', '.join(names)} set; kept away from every emulated world" if names else "none in the environment"
    return Diagnosis("AWS credentials", True, finding, needed=False)


def _orphans() -> Diagnosis:
    from pushproof.targets.journal import Journal

    orphans = Journal().orphans()
    finding = f"{len(orphans)} world(s) of crashed runs" if orphans else "nothing left by crashed runs"
    return Diagnosis(
        "leftovers",
        not orphans,
        finding,
        "the next command removes them; or now: pushproof sweep --local",
        needed=False,
    )


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=3):
            return True
    except OSError:
        return False
