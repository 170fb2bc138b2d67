"""An image of LocalStack's community services, built from the Python package index, for machines that cannot pull LocalStack's own.

`docker/localstack/` defines its contents. The image is built once, in some minutes, and again only when that folder changes.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pushproof.base.shipped import shipped
from pushproof.emulator.runtime.docker.host import DockerUnavailable, connect
from pushproof.emulator.runtime.docker.imagemaking import (
    SLIM,
    ImageUnavailable,
    Progress,
    build,
    ensure,
    import_root,
    pip,
    run,
    wheels_for,
)

if TYPE_CHECKING:
    from docker.client import DockerClient

VERSION = "4.14.0"
REPOSITORY = "pushproof/localstack"
LOCALSTACK_IMAGE = f"{REPOSITORY}:{VERSION}"
PUBLIC_BASE = "debian:trixie-slim"

_SUITE = "trixie"
# The Python of Debian trixie. LocalStack 4.14 needs 3.12: with 3.11 several services fail to import.
_PYTHON_VERSION = "3.13"
_PACKAGES = ("python3", "ca-certificates", "curl")
_FILES = ("Dockerfile", "requirements.txt", "requirements-source.txt")


def build_files() -> Path:
    """Return the path of `docker/localstack`. Raises ImageUnavailable where it is missing."""
    try:
        return shipped("docker/localstack")
    except FileNotFoundError as error:
        raise ImageUnavailable(f"{error}. Or name an image that this machine has: LOCALSTACK_IMAGE=<image>.") from error


def localstack_image_name() -> str:
    """Return `pushproof/localstack:4.14.0-<hash>`, with the hash of the image's contents. Raises ImageUnavailable."""
    content = hashlib.sha256(repr((_PACKAGES, _SUITE, _PYTHON_VERSION, SLIM, platform.machine())).encode())
    for name in _FILES:
        content.update((build_files() / name).read_bytes())
    return f"{LOCALSTACK_IMAGE}-{content.hexdigest()[:12]}"


def ensure_localstack_image(client: DockerClient, *, progress: Progress | None = None) -> str:
    """Return the name of the image, built first if it does not exist (about three minutes). It is also tagged
    `pushproof/localstack:4.14.0`.

    Raises:
        DockerUnavailable, ImageUnavailable.
    """
    name = ensure(localstack_image_name(), client, progress, _make)
    client.images.get(name).tag(REPOSITORY, VERSION)
    return name


def _make(engine: Any, name: str, progress: Progress) -> None:
    files = build_files()
    with tempfile.TemporaryDirectory(prefix="pushproof-localstack-") as temporary:
        directory = Path(temporary)
        progress("fetching LocalStack's packages")
        _install(files, directory)
        root = None
        if shutil.which("mmdebstrap"):
            root = f"{name}-root"
            progress(f"building {root} from Debian packages")
            import_root(engine, root, _PACKAGES, _SUITE)
        progress(f"building {name}")
        contents = {"Dockerfile": (files / "Dockerfile").read_bytes()}
        build(engine, name, contents, directory / "packages", {"BASE": root or PUBLIC_BASE})
        if root is not None:
            # The layers stay with the image that is built on them; only the name is removed.
            engine.images.remove(root, noprune=True)


def _install(files: Path, directory: Path) -> None:
    """Put everything into `directory / "packages"`, each file checked against its hash."""
    remedy = "The Python package index must be reachable through pip (`pip download localstack-core==4.14.0`)."
    wheels, packages = directory / "wheels", directory / "packages"
    locked = ["--quiet", "--no-deps", "--require-hashes", "-r"]
    # Without a `wheel` package of its own, an older pip would build as setuptools once did, and fail.
    build = ["wheel", "--use-pep517", "--wheel-dir", str(wheels)]
    run([*pip(), *build, *locked, str(files / "requirements-source.txt")], remedy)
    target = ["install", "--target", str(packages), *wheels_for(_PYTHON_VERSION)]
    run([*pip(), *target, *locked, str(files / "requirements.txt")], remedy)
    made = [str(wheel) for wheel in sorted(wheels.glob("*.whl"))]
    run([*pip(), *target, "--quiet", "--no-deps", "--no-index", *made], remedy)
    for dispensable in ("awscli/examples", "bin", "share"):
        shutil.rmtree(packages / dispensable, ignore_errors=True)


def main() -> int:
    """Build the image and print its name: `python -m pushproof.targets.localstack.image`. Exit code 3 if it cannot be built."""
    try:
        client = connect(timeout=900)
        try:
            print(ensure_localstack_image(client, progress=lambda line: print(line, file=sys.stderr)))
        finally:
            client.close()
    except (ImageUnavailable, DockerUnavailable) as error:
        print(error, file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
