"""The images that are built here: the one that builds run in, a small Python as a base for applications, and that of functions.

Each is built once and kept under a name with a hash of its contents, so that a change builds a new one. The
Debian below comes from `mmdebstrap` where that is installed, which needs package mirrors and no image registry, and from
`debian:bookworm-slim` elsewhere.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pushproof.emulator.runtime.docker.connectproxy import PACKAGE
from pushproof.emulator.runtime.docker.imagemaking import (
    IMAGE_LABEL,
    SLIM,
    ImageUnavailable,
    Progress,
    build,
    ensure,
    import_root,
    pip,
    run,
    scratch,
    wheels_for,
)

if TYPE_CHECKING:
    from docker.client import DockerClient

__all__ = [
    "IMAGE_LABEL",
    "ImageUnavailable",
    "base_image_name",
    "build_image_name",
    "ensure_base_image",
    "ensure_build_image",
    "ensure_function_image",
    "ensure_proxy_image",
]

SUITE = "bookworm"
PUBLIC_BASE = "debian:bookworm-slim"
BUILD_REPOSITORY = "pushproof/codebuild"
TOOLS_REPOSITORY = "pushproof/codebuild-tools"
BASE_REPOSITORY = "pushproof/python"
PROXY_REPOSITORY = "pushproof/service-connect"
FUNCTION_REPOSITORY = "pushproof/lambda-python"
# Lambda's runtimes for Python have it: https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html
SDK = "boto3==1.44.5"
# The Python of bookworm, which determines the AWS CLI's wheels.
PYTHON_VERSION = "3.11"
AWSCLI = "awscli==1.46.3"
BUILD_PACKAGES = (
    "ca-certificates", "docker.io", "git", "curl", "socat", "jq", "iptables", "mount", "python3", "unzip", "xz-utils",
    "zip", "procps", "make", "gettext-base", "wget", "openssl",
)  # fmt: skip
# nftables for the rules of containers' networks (firewall.py).
BASE_PACKAGES = ("python3", "ca-certificates", "curl", "nftables")
PROXY_PACKAGES = (*BASE_PACKAGES, PACKAGE)
_CONTEXT = Path(__file__).parent / "buildimage"
_FUNCTION_CONTEXT = Path(__file__).parent / "functionimage"
_FUNCTION_FILES = ("Dockerfile", "bootstrap.py")
_FILES = ("Dockerfile", "agent.py", "start.sh", "aws", "docker-buildx")


def tools_image_name() -> str:
    """Return `pushproof/codebuild-tools:<hash>`: the packages and the AWS CLI, the base of the build image."""
    content = hashlib.sha256(repr((BUILD_PACKAGES, AWSCLI, PYTHON_VERSION, SUITE, SLIM, platform.machine())).encode())
    content.update((_CONTEXT / "tools.Dockerfile").read_bytes())
    return f"{TOOLS_REPOSITORY}:{content.hexdigest()[:12]}"


def build_image_name() -> str:
    """Return `pushproof/codebuild:<hash>`, with the hash of the build image's contents, whether or not the image exists."""
    content = hashlib.sha256(tools_image_name().encode())
    for name in _FILES:
        content.update((_CONTEXT / name).read_bytes())
    return f"{BUILD_REPOSITORY}:{content.hexdigest()[:12]}"


def base_image_name() -> str:
    """Return `pushproof/python:<hash>`: Debian with Python 3 and curl."""
    return _debian_name(BASE_REPOSITORY, BASE_PACKAGES)


def proxy_image_name() -> str:
    """Return `pushproof/service-connect:<hash>`: the same with the proxy of Service Connect."""
    return _debian_name(PROXY_REPOSITORY, PROXY_PACKAGES)


def _debian_name(repository: str, packages: tuple[str, ...]) -> str:
    content = hashlib.sha256(repr((packages, SUITE, SLIM, platform.machine())).encode())
    return f"{repository}:{content.hexdigest()[:12]}"


def function_image_name() -> str:
    """Return `pushproof/lambda-python:<hash>`: the runtime of uploaded functions, on the small Python, with boto3."""
    content = hashlib.sha256(f"{base_image_name()} {SDK}".encode())
    for name in _FUNCTION_FILES:
        content.update((_FUNCTION_CONTEXT / name).read_bytes())
    return f"{FUNCTION_REPOSITORY}:{content.hexdigest()[:12]}"


def ensure_build_image(client: DockerClient | None = None, *, progress: Progress | None = None) -> str:
    """Return the name of the image that builds run in, built first if it does not exist (about a minute).

    Args:
        client: a Docker SDK client; by default one of its own.
        progress: receives short sentences about the work.

    Raises:
        DockerUnavailable, ImageUnavailable.
    """
    return ensure(build_image_name(), client, progress, _make_build_image)


def ensure_base_image(client: DockerClient | None = None, *, progress: Progress | None = None) -> str:
    """Return the name of a small Debian with Python 3 and curl, built first if it does not exist (about 15 s). Raises as above."""
    return ensure(base_image_name(), client, progress, partial(_make_debian_image, BASE_PACKAGES))


def ensure_proxy_image(client: DockerClient | None = None, *, progress: Progress | None = None) -> str:
    """Return the name of the image of task networks with Service Connect, built first if it does not exist (about 20 s)."""
    return ensure(proxy_image_name(), client, progress, partial(_make_debian_image, PROXY_PACKAGES))


def ensure_function_image(client: DockerClient | None = None, *, progress: Progress | None = None) -> str:
    """Return the name of the image that Python functions run in, built first if it does not exist (about 20 s). Raises as above."""
    return ensure(function_image_name(), client, progress, _make_function_image)


def _make_function_image(engine: DockerClient, name: str, progress: Progress) -> None:
    base = ensure_base_image(engine, progress=progress)
    with scratch("sdk") as directory:
        progress("fetching boto3")
        remedy = "The Python package index must be reachable through pip (`pip download boto3`)."
        target = Path(directory) / "sdk"
        run([*pip(), "install", "--quiet", "--target", str(target), *wheels_for(PYTHON_VERSION), SDK], remedy)
        progress(f"building {name}")
        files = {file: (_FUNCTION_CONTEXT / file).read_bytes() for file in _FUNCTION_FILES}
        build(engine, name, files, target, {"BASE": base})


def _make_debian_image(packages: tuple[str, ...], engine: DockerClient, name: str, progress: Progress) -> None:
    if shutil.which("mmdebstrap"):
        progress(f"building {name} from Debian packages")
        import_root(engine, name, packages, SUITE)
        return
    progress(f"building {name} from {PUBLIC_BASE}")
    dockerfile = (
        f"FROM {PUBLIC_BASE}\nRUN apt-get update -q && apt-get install -qy --no-install-recommends "
        f"{' '.join(packages)} && rm -rf /var/lib/apt/lists/*\n"
    )
    build(engine, name, {"Dockerfile": dockerfile.encode()}, None, {})


def _make_build_image(engine: DockerClient, name: str, progress: Progress) -> None:
    tools = ensure(tools_image_name(), engine, progress, _make_tools_image)
    progress(f"building {name}")
    build(engine, name, {file: (_CONTEXT / file).read_bytes() for file in _FILES}, None, {"BASE": tools})


def _make_tools_image(engine: DockerClient, name: str, progress: Progress) -> None:
    files = {"Dockerfile": (_CONTEXT / "tools.Dockerfile").read_bytes()}
    with scratch("awscli") as directory:
        progress("fetching the AWS CLI")
        _install_awscli(Path(directory) / "awscli")
        if shutil.which("mmdebstrap"):
            root = f"{name}-root"
            progress(f"building {root} from Debian packages")
            import_root(engine, root, BUILD_PACKAGES, SUITE)
            arguments = {"BASE": root, "PACKAGES": ""}
        else:
            root = None
            arguments = {"BASE": PUBLIC_BASE, "PACKAGES": " ".join(BUILD_PACKAGES)}
        progress(f"building {name}")
        build(engine, name, files, Path(directory) / "awscli", arguments)
        if root is not None:
            # The layers stay with the image that is built on them; only the name is removed.
            engine.images.remove(root, noprune=True)


def _install_awscli(target: Path) -> None:
    """Install the AWS CLI's wheels for the image's Python, with this machine's pip and its configuration."""
    remedy = "The Python package index must be reachable through pip (`pip download awscli`)."
    run([*pip(), "install", "--quiet", "--target", str(target), *wheels_for(PYTHON_VERSION), AWSCLI], remedy)
    for dispensable in ("awscli/examples", "bin", "share"):
        shutil.rmtree(target / dispensable, ignore_errors=True)
