"""Building of images: Debian from package mirrors, wheels from this machine's pip, one process at a time.

No image registry is needed where `mmdebstrap` is installed, and containers need no network of their own during a build.
"""

from __future__ import annotations

import contextlib
import fcntl
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
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from docker.errors import APIError, BuildError, DockerException, ImageNotFound

from pushproof.base.environment import WORLD_VARIABLE, clean_environment
from pushproof.emulator.runtime.docker.host import connect

if TYPE_CHECKING:
    from docker.client import DockerClient

log = logging.getLogger(__name__)

IMAGE_LABEL = "pushproof.image"
# The contents of Debian's own slim image: every megabyte is pulled into, and pushed out of, the daemon of each build.
_UNREAD = ("doc", "groff", "info", "lintian", "locale", "man")
SLIM = (
    "--variant=apt",
    '--aptopt=APT::Install-Recommends "false"',
    *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in _UNREAD),
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
)

# Registries and mirrors can be slow; a longer wait means a failure.
_LIMIT = 900.0

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Place:
    """The directory for files of image builds, and the environment of their programs."""

    directory: str | None = None
    environment: dict[str, str] = field(default_factory=dict)


_ANYWHERE = _Place()
_place: ContextVar[_Place] = ContextVar("place of image making", default=_ANYWHERE)


@contextlib.contextmanager
def on_behalf_of(world_id: str, directory: Path) -> Iterator[None]:
    """Build images inside a world's directory, with processes that carry its mark: leftovers go with the world."""
    directory.mkdir(parents=True, exist_ok=True)
    token = _place.set(_Place(str(directory), {WORLD_VARIABLE: world_id, "TMPDIR": str(directory)}))
    try:
        yield
    finally:
        _place.reset(token)


def scratch(purpose: str) -> tempfile.TemporaryDirectory[str]:
    """Return a temporary directory in the right place."""
    return tempfile.TemporaryDirectory(prefix=f"pushproof-{purpose}-", dir=_place.get().directory)


class ImageUnavailable(Exception):
    """An image could not be built; the message contains the remedy."""


def ensure(
    name: str,
    client: DockerClient | None,
    progress: Progress | None,
    make: Callable[[DockerClient, str, Progress], None],
) -> str:
    """Build an image with `make(engine, name, progress)` unless it exists. Return its name. Raises ImageUnavailable."""
    engine = client if client is not None else connect(timeout=int(_LIMIT))
    try:
        if not exists(engine, name):
            with _alone(name):
                if not exists(engine, name):
                    make(engine, name, progress or log.info)
    except (APIError, BuildError, DockerException) as error:
        raise ImageUnavailable(f"Docker could not build the image {name}: {error}. See `docker info`.") from error
    finally:
        if client is None:
            engine.close()
    return name


def exists(engine: DockerClient, name: str) -> bool:
    """Return whether the Engine has an image of that name."""
    try:
        engine.images.get(name)
    except ImageNotFound:
        return False
    return True


@contextlib.contextmanager
def _alone(name: str) -> Iterator[None]:
    """Hold the lock of an image, so that one process at a time builds it."""
    path = Path(tempfile.gettempdir()) / f"pushproof-{os.getuid()}-{name.replace('/', '-').replace(':', '-')}.lock"
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def import_root(engine: DockerClient, name: str, packages: tuple[str, ...], suite: str) -> None:
    """Create an image of a Debian suite's packages with `mmdebstrap`. Raises ImageUnavailable."""
    with scratch("root") as directory:
        root = Path(directory) / "root.tar"
        command = ["mmdebstrap", "--quiet", *SLIM, f"--include={','.join(packages)}", suite, str(root)]
        run(command, "Check that Debian's package mirrors are reachable (`apt-get update`).")
        repository, _, tag = name.partition(":")
        engine.api.import_image(str(root), repository=repository, tag=tag, changes=[f"LABEL {IMAGE_LABEL}={tag}"])


def pip() -> list[str]:
    """Return the command for pip, whose configuration names the source of packages. Raises ImageUnavailable."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    pip = shutil.which("pip3") or shutil.which("pip")
    if pip is None:
        raise ImageUnavailable("pip is missing; it fetches Python packages. Install it: `python3 -m ensurepip`.")
    return [pip]


def wheels_for(python_version: str) -> list[str]:
    """Return pip's arguments for wheels of an image's Python on this machine's processor."""
    machine = platform.machine()
    platforms = [f"--platform={name}_{machine}" for name in ("manylinux2014", "manylinux_2_17")]
    if python_version != "3.11":
        # Debian 13 and later.
        platforms += [f"--platform={name}_{machine}" for name in ("manylinux_2_28", "manylinux_2_34")]
    return [
        "--only-binary=:all:",
        "--python-version",
        python_version,
        "--implementation",
        "cp",
        "--no-compile",
        *platforms,
    ]


def run(command: list[str], remedy: str) -> None:
    """Run a command to its end. Raises ImageUnavailable with its last words and the remedy."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LIMIT,
            env={**clean_environment(), **_place.get().environment},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ImageUnavailable(f"{command[0]} did not finish: {error}. {remedy}") from error
    if done.returncode != 0:
        tail = "\n".join((done.stderr or done.stdout).strip().splitlines()[-6:])
        raise ImageUnavailable(f"{' '.join(command[:4])} … failed (exit status {done.returncode}):\n{tail}\n{remedy}")


def build(
    engine: DockerClient, name: str, files: dict[str, bytes], directory: Path | None, arguments: dict[str, str]
) -> None:
    """Build an image from files and a directory, which is added under its own name."""
    with tempfile.TemporaryFile(prefix="pushproof-context-") as context:
        with tarfile.open(fileobj=context, mode="w") as archive:
            for path, content in files.items():
                member = tarfile.TarInfo(path)
                member.size = len(content)
                member.mode = 0o644
                archive.addfile(member, io.BytesIO(content))
            if directory is not None:
                archive.add(directory, directory.name)
        context.seek(0)
        tag = name.partition(":")[2]
        engine.images.build(
            fileobj=context, custom_context=True, tag=name, buildargs=arguments, labels={IMAGE_LABEL: tag}, rm=True,
            forcerm=True,
        )  # fmt: skip
