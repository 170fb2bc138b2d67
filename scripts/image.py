"""Builds the image of `pushproof serve` where no base can be pulled: on Debian packages, with packages that this machine fetches.

    python scripts/image.py [--tag NAME] [--base IMAGE]

Prints the image's name. Exit code 3 if it cannot be built here. With a registry, `docker build .` does the same.
"""

from __future__ import annotations

import argparse
import hashlib
import platform
import re
import shutil
import sys
import tempfile
from pathlib import Path

from docker.errors import DockerException

from pushproof.emulator.runtime.docker.host import DockerUnavailable, connect
from pushproof.emulator.runtime.docker.imagemaking import (
    SLIM,
    ImageUnavailable,
    build,
    ensure,
    import_root,
    pip,
    run,
    wheels_for,
)

ROOT = Path(__file__).resolve().parent.parent
TAG = "pushproof/pushproof:0.1.0"
SUITE, PYTHON = "bookworm", "3.11"
PACKAGES = ("python3", "python3-venv", "ca-certificates", "git")
#: The files that the Dockerfile copies, beside the packages.
CONTEXT = ("Dockerfile", "requirements.lock", "docker/serve/healthy")


def base_name() -> str:
    """Return `pushproof/serve-base:<hash>`, with the hash of the base image's contents."""
    content = hashlib.sha256(repr((PACKAGES, SUITE, SLIM, platform.machine())).encode())
    return f"pushproof/serve-base:{content.hexdigest()[:12]}"


def fetch(wheels: Path) -> None:
    """Put the package, and everything that it needs, into a folder. Raises ImageUnavailable."""
    remedy = "The Python package index must be reachable through pip."
    run([*pip(), "wheel", "--quiet", "--no-deps", "--wheel-dir", str(wheels), str(ROOT)], remedy)
    pins = re.findall(
        r"^([A-Za-z0-9._-]+==[^ \\]+(?: *;[^\\]*)?)", (ROOT / "requirements.lock").read_text(), re.MULTILINE
    )
    constraints = wheels.parent / "constraints.txt"
    constraints.write_text("\n".join(pins) + "\n")
    (package,) = wheels.glob("pushproof-*.whl")
    options = ["--quiet", "--dest", str(wheels), "--constraint", str(constraints), "--find-links", str(wheels)]
    # pip compiles what it installs, not what it downloads.
    platforms = [option for option in wheels_for(PYTHON) if option != "--no-compile"]
    sources = sources_only(pins)
    if sources:
        # Packages without a wheel of their own are built here; they must be pure Python.
        run([*pip(), "wheel", "--quiet", "--no-deps", "--wheel-dir", str(wheels), *sources], remedy)
    run([*pip(), "download", *options, *platforms, str(package), "awscli"], remedy)


def sources_only(pins: list[str]) -> list[str]:
    """Return the pins of packages that the index has as sources only."""
    names = ("tftest",)
    return [pin for pin in pins if pin.partition("==")[0] in names]


def say(line: str) -> None:
    """Show progress where it does not mix with the image's name."""
    print(line, file=sys.stderr)


def main() -> int:
    """Build the image and print its name."""
    parser = argparse.ArgumentParser(description="Build the image of `pushproof serve` without a registry.")
    parser.add_argument("--tag", default=TAG)
    parser.add_argument(
        "--base", help="a base image that this Engine has; by default one is built from Debian packages"
    )
    options = parser.parse_args()
    try:
        client = connect(timeout=900)
        try:
            if options.base is None and shutil.which("mmdebstrap") is None:
                # A machine like this has a registry.
                say(f"building {options.tag} on the Dockerfile's own base")
                client.images.build(path=str(ROOT), tag=options.tag, rm=True, forcerm=True)
                print(options.tag)
                return 0
            base = options.base or ensure(
                base_name(), client, say, lambda engine, name, _say: import_root(engine, name, PACKAGES, SUITE)
            )
            with tempfile.TemporaryDirectory(prefix="pushproof-image-") as directory:
                wheels = Path(directory) / "wheels"
                wheels.mkdir()
                say("fetching packages")
                fetch(wheels)
                say(f"building {options.tag}")
                build(
                    client, options.tag, {name: (ROOT / name).read_bytes() for name in CONTEXT}, wheels, {"BASE": base}
                )
        finally:
            client.close()
    except (ImageUnavailable, DockerUnavailable, DockerException) as error:
        print(error, file=sys.stderr)
        return 3
    print(options.tag)
    return 0


if __name__ == "__main__":
    sys.exit(main())
