"""The two images that are made here: what builds run in, and a small Python to build applications on.

Each is made once and kept under a name of our own with a hash of what went into it, so that a change makes a new one. The
Debian below comes from `mmdebstrap` where that is installed, which needs package mirrors and no image registry, and from
`debian:bookworm-slim` where it is not.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import io
import logging
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from docker.errors import APIError, BuildError, DockerException, ImageNotFound

from pushproof.emulator.runtime.docker import connect
from pushproof.environment import clean_environment

log = logging.getLogger(__name__)

SUITE = "bookworm"
PUBLIC_BASE = "debian:bookworm-slim"
BUILD_REPOSITORY = "pushproof/codebuild"
TOOLS_REPOSITORY = "pushproof/codebuild-tools"
BASE_REPOSITORY = "pushproof/python"
# bookworm's own Python, for which the AWS CLI's wheels are chosen.
PYTHON_VERSION = "3.11"
AWSCLI = "awscli==1.46.3"
BUILD_PACKAGES = (
    "ca-certificates", "docker.io", "git", "curl", "socat", "jq", "iptables", "python3", "unzip", "zip", "procps",
)  # fmt: skip
BASE_PACKAGES = ("python3", "ca-certificates", "curl")
IMAGE_LABEL = "pushproof.image"
# As Debian's own slim image: every megabyte is pulled into, and pushed out of, the daemon of each build.
_UNREAD = ("doc", "groff", "info", "lintian", "locale", "man")
_SLIM = (
    "--variant=apt",
    '--aptopt=APT::Install-Recommends "false"',
    *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in _UNREAD),
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
)

_CONTEXT = Path(__file__).parent / "buildimage"
_FILES = ("Dockerfile", "agent.py", "start.sh", "aws")
# Registries and mirrors can be slow; beyond this something is wrong.
_LIMIT = 900.0

Progress = Callable[[str], None]


class ImageUnavailable(Exception):
    """An image could not be made; the message says what to do."""


def tools_image_name() -> str:
    """`pushproof/codebuild-tools:<hash>` of the packages and the AWS CLI, which the build image stands on."""
    content = hashlib.sha256(repr((BUILD_PACKAGES, AWSCLI, PYTHON_VERSION, SUITE, _SLIM, platform.machine())).encode())
    content.update((_CONTEXT / "tools.Dockerfile").read_bytes())
    return f"{TOOLS_REPOSITORY}:{content.hexdigest()[:12]}"


def build_image_name() -> str:
    """`pushproof/codebuild:<hash>` of what the build image is made of; says nothing about whether it exists."""
    content = hashlib.sha256(tools_image_name().encode())
    for name in _FILES:
        content.update((_CONTEXT / name).read_bytes())
    return f"{BUILD_REPOSITORY}:{content.hexdigest()[:12]}"


def base_image_name() -> str:
    """`pushproof/python:<hash>`: Debian with Python 3 and curl."""
    content = hashlib.sha256(repr((BASE_PACKAGES, SUITE, _SLIM, platform.machine())).encode())
    return f"{BASE_REPOSITORY}:{content.hexdigest()[:12]}"


def ensure_build_image(client: Any | None = None, *, progress: Progress | None = None) -> str:
    """The name of the image that builds run in, made first if it does not exist (about a minute).

    Args:
        client: a Docker SDK client; one of its own unless given.
        progress: told what is being done, in short sentences.

    Raises:
        DockerUnavailable, ImageUnavailable.
    """
    return _ensure(build_image_name(), client, progress, _make_build_image)


def ensure_base_image(client: Any | None = None, *, progress: Progress | None = None) -> str:
    """The name of a small Debian with Python 3 and curl, made first if it does not exist (about 15 s). Raises as above."""
    return _ensure(base_image_name(), client, progress, _make_base_image)


def _ensure(
    name: str, client: Any | None, progress: Progress | None, make: Callable[[Any, str, Progress], None]
) -> str:
    engine = client if client is not None else connect(timeout=int(_LIMIT))
    try:
        if not _exists(engine, name):
            with _alone(name):
                if not _exists(engine, name):
                    make(engine, name, progress or log.info)
    except (APIError, BuildError, DockerException) as error:
        raise ImageUnavailable(f"Docker could not make the image {name}: {error}. See `docker info`.") from error
    finally:
        if client is None:
            engine.close()
    return name


def _exists(engine: Any, name: str) -> bool:
    try:
        engine.images.get(name)
    except ImageNotFound:
        return False
    return True


@contextlib.contextmanager
def _alone(name: str) -> Iterator[None]:
    """One process at a time makes an image; the others wait for it."""
    path = Path(tempfile.gettempdir()) / f"pushproof-{os.getuid()}-{name.replace('/', '-').replace(':', '-')}.lock"
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make_base_image(engine: Any, name: str, progress: Progress) -> None:
    if shutil.which("mmdebstrap"):
        progress(f"making {name} from Debian packages")
        _import_root(engine, name, BASE_PACKAGES)
        return
    progress(f"making {name} from {PUBLIC_BASE}")
    dockerfile = (
        f"FROM {PUBLIC_BASE}\nRUN apt-get update -q && apt-get install -qy --no-install-recommends "
        f"{' '.join(BASE_PACKAGES)} && rm -rf /var/lib/apt/lists/*\n"
    )
    _build(engine, name, {"Dockerfile": dockerfile.encode()}, None, {})


def _make_build_image(engine: Any, name: str, progress: Progress) -> None:
    tools = _ensure(tools_image_name(), engine, progress, _make_tools_image)
    progress(f"building {name}")
    _build(engine, name, {file: (_CONTEXT / file).read_bytes() for file in _FILES}, None, {"BASE": tools})


def _make_tools_image(engine: Any, name: str, progress: Progress) -> None:
    files = {"Dockerfile": (_CONTEXT / "tools.Dockerfile").read_bytes()}
    with tempfile.TemporaryDirectory(prefix="pushproof-awscli-") as directory:
        progress("fetching the AWS CLI")
        _install_awscli(Path(directory) / "awscli")
        if shutil.which("mmdebstrap"):
            root = f"{name}-root"
            progress(f"making {root} from Debian packages")
            _import_root(engine, root, BUILD_PACKAGES)
            arguments = {"BASE": root, "PACKAGES": ""}
        else:
            root = None
            arguments = {"BASE": PUBLIC_BASE, "PACKAGES": " ".join(BUILD_PACKAGES)}
        progress(f"building {name}")
        _build(engine, name, files, Path(directory) / "awscli", arguments)
        if root is not None:
            # The layers stay with the image that stands on them; only the name goes.
            engine.images.remove(root, noprune=True)


def _import_root(engine: Any, name: str, packages: tuple[str, ...]) -> None:
    with tempfile.TemporaryDirectory(prefix="pushproof-root-") as directory:
        root = Path(directory) / "root.tar"
        command = ["mmdebstrap", "--quiet", *_SLIM, f"--include={','.join(packages)}", SUITE, str(root)]
        _run(command, "Check that Debian's package mirrors are reachable (`apt-get update`).")
        repository, _, tag = name.partition(":")
        engine.api.import_image(str(root), repository=repository, tag=tag, changes=[f"LABEL {IMAGE_LABEL}={tag}"])


def _install_awscli(target: Path) -> None:
    """The AWS CLI's wheels, chosen for the image's Python, by this machine's pip and its configuration."""
    machine = platform.machine()
    chosen = ["--only-binary=:all:", "--python-version", PYTHON_VERSION, "--implementation", "cp", "--no-compile"]
    chosen += [f"--platform=manylinux2014_{machine}", f"--platform=manylinux_2_17_{machine}"]
    remedy = "The Python package index must be reachable through pip (`pip download awscli`)."
    if importlib.util.find_spec("pip") is not None:
        pip = [sys.executable, "-m", "pip"]
    elif (found := shutil.which("pip3") or shutil.which("pip")) is not None:
        pip = [found]
    else:
        raise ImageUnavailable("pip is missing, which fetches the AWS CLI. Install it: `python3 -m ensurepip`.")
    _run([*pip, "install", "--quiet", "--target", str(target), *chosen, AWSCLI], remedy)
    for dispensable in ("awscli/examples", "bin", "share"):
        shutil.rmtree(target / dispensable, ignore_errors=True)


def _run(command: list[str], remedy: str) -> None:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_LIMIT, env=clean_environment()
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ImageUnavailable(f"{command[0]} did not finish: {error}. {remedy}") from error
    if done.returncode != 0:
        tail = "\n".join((done.stderr or done.stdout).strip().splitlines()[-6:])
        raise ImageUnavailable(f"{' '.join(command[:4])} … failed (exit status {done.returncode}):\n{tail}\n{remedy}")


def _build(engine: Any, name: str, files: dict[str, bytes], directory: Path | None, arguments: dict[str, str]) -> None:
    with tempfile.TemporaryFile(prefix="pushproof-context-") as context:
        with tarfile.open(fileobj=context, mode="w") as archive:
            for path, content in files.items():
                member = tarfile.TarInfo(path)
                member.size = len(content)
                member.mode = 0o644
                archive.addfile(member, io.BytesIO(content))
            if directory is not None:
                archive.add(directory, "awscli")
        context.seek(0)
        tag = name.partition(":")[2]
        engine.images.build(
            fileobj=context, custom_context=True, tag=name, buildargs=arguments, labels={IMAGE_LABEL: tag}, rm=True,
            forcerm=True,
        )  # fmt: skip
