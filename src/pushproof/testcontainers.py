"""A world in a container, for tests: `with PushproofContainer() as world: world.client("sqs")`.

Needs Docker Engine on this machine, the image (docs/container.md), and the extra: `pip install 'pushproof[testcontainers]'`.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self, cast

import boto3
from botocore.client import BaseClient
from botocore.config import Config
from docker.errors import APIError, DockerException, ImageNotFound, NotFound

from pushproof.base.extras import require

require("testcontainers", "pushproof.testcontainers")

from testcontainers.core.config import testcontainers_config  # noqa: E402
from testcontainers.core.container import DockerContainer  # noqa: E402

from pushproof.aws.clients import make_client  # noqa: E402
from pushproof.base.target import TargetUnavailable  # noqa: E402

if TYPE_CHECKING:
    from docker.models.containers import Container

IMAGE = "pushproof/pushproof:0.1.0"
SOCKET = "/var/run/docker.sock"
INIT_DIRECTORY = "/etc/pushproof/init.d"
#: Seconds until a world is up and its init scripts have run.
START_LIMIT = 180.0
_TAIL = 15
# Another process may take the port between its choice and its publication.
_ATTEMPTS = 3
_EXPORTS = "cat /var/lib/pushproof/worlds/*/exports/exports.json"


class PushproofContainer(DockerContainer):
    """An emulated AWS account in a container, published on 127.0.0.1 only, with keys of its own.

    Args:
        image: the image of `pushproof serve`.
        port: on 127.0.0.1, and in the container; 0 takes a free one. They are the same, so that the addresses in the world's
            answers (of queues, repositories, the git host) are good outside too.
        docker: whether tasks and builds run as containers of this machine's Engine, by its socket. Without, they are scripted.
        speed: how many times as fast as on AWS time passes.
        names: names by which other containers of the same network reach the world.
        init_scripts: a directory with scripts (`*.sh`) that run in the container before the world counts as ready.
        arguments: more arguments of `pushproof serve`, such as `--region`.

    The container is ready when `start` returns. `stop`, or the end of the `with` block, removes all that the world started.
    """

    def __init__(
        self,
        image: str = IMAGE,
        *,
        port: int = 0,
        docker: bool = False,
        speed: float = 20.0,
        names: Sequence[str] = (),
        init_scripts: Path | None = None,
        arguments: Sequence[str] = (),
    ) -> None:
        super().__init__(image)
        self._chosen, self._docker_socket, self._names = port, docker, tuple(names)
        self._arguments = ("--speed", f"{speed:g}", *arguments)
        self._exports: dict[str, str] = {}
        if init_scripts is not None:
            scripts = sorted(init_scripts.glob("*.sh"))
            if not scripts:
                raise ValueError(f"{init_scripts} has no scripts (*.sh)")
            for script in scripts:
                mode = 0o755 if os.access(script, os.X_OK) else 0o644
                self.with_copy_into_container(script.read_bytes(), f"{INIT_DIRECTORY}/{script.name}", mode)
        self.port = port

    def start(self) -> Self:
        """Start the container, and wait until the world is up and its init scripts have run. Raises TargetUnavailable."""
        for attempt in range(_ATTEMPTS):
            self.port = self._chosen or _free_port()
            self._arrange()
            try:
                super().start()
                break
            except (APIError, ImageNotFound) as error:
                self._discard()
                taken = "already allocated" in str(error) or "already in use" in str(error)
                if not taken or self._chosen or attempt == _ATTEMPTS - 1:
                    raise TargetUnavailable(self._words(error, taken)) from error
        try:
            self._exports = self._await_exports()
        except BaseException:
            self.stop()
            raise
        return self

    def _arrange(self) -> None:
        """Describe the container for the chosen port."""
        runtime = "docker" if self._docker_socket else "scripted"
        names = [word for name in self._names for word in ("--name", name)]
        self.with_command(
            ["serve", "--in-container", "--port", str(self.port), "--task-runtime", runtime, *names, *self._arguments]
        )
        # Docker's own form of a published port; testcontainers has no parameter for the address.
        ports = cast("dict[str, object]", self.ports)
        ports.clear()
        ports[str(self.port)] = ("127.0.0.1", self.port)
        self._kwargs = {**self._kwargs, "init": True}
        if self._docker_socket:
            self.with_volume_mapping(SOCKET, SOCKET, "rw")
            self._kwargs["group_add"] = [_group_of(SOCKET)]
        if not testcontainers_config.ryuk_disabled and not _has_image(self, testcontainers_config.ryuk_image):
            # Its reaper cannot run without an image; the container is removed by `stop`.
            testcontainers_config.ryuk_disabled = True

    def _words(self, error: Exception, taken: bool) -> str:
        words = getattr(error, "explanation", None) or error
        if taken:
            return (
                f"port {self.port} of 127.0.0.1 cannot be published: it is taken ({words}). Leave the choice to port=0."
            )
        if isinstance(error, ImageNotFound):
            return (
                f"the image {self.image} is not on this Engine, and cannot be pulled ({words}). "
                "docs/container.md says how to build it."
            )
        return f"Docker could not start {self.image}: {words}"

    def _await_exports(self) -> dict[str, str]:
        """Return the world's exports, which are published when it is ready."""
        container = self._running()
        deadline = time.monotonic() + START_LIMIT
        while True:
            with contextlib.suppress(APIError):
                status, output = container.exec_run(["sh", "-c", _EXPORTS])
                if status == 0 and isinstance(output, bytes):
                    return {str(k): str(v) for k, v in json.loads(output).items()}
            container.reload()
            if container.status not in ("created", "running"):
                code = container.attrs["State"]["ExitCode"]
                raise TargetUnavailable(f"the world ended with exit code {code}. {_last(container)}")
            if time.monotonic() > deadline:
                raise TargetUnavailable(f"the world was not ready within {START_LIMIT:g} s. {_last(container)}")
            time.sleep(0.2)

    def stop(self, force: bool = True, delete_volume: bool = True) -> None:
        """Let the world take down what it started, then remove the container."""
        if self._container is not None:
            with contextlib.suppress(NotFound, APIError):
                self._container.stop(timeout=60)
        self._exports = {}
        with contextlib.suppress(NotFound):
            super().stop(force, delete_volume)
        self._container = None

    def _discard(self) -> None:
        """Remove a container that was created and could not be started."""
        if self._container is not None:
            with contextlib.suppress(DockerException):
                self._container.remove(force=True, v=True)
            self._container = None

    def _running(self) -> Container:
        container: Container | None = self._container
        if container is None:
            raise TargetUnavailable(
                "the container is not started: use `with PushproofContainer() as world`, or start()"
            )
        return container

    @property
    def endpoint(self) -> str:
        """Return the URL of every service, for `AWS_ENDPOINT_URL`: `http://127.0.0.1:<port>`."""
        return self.environment()["AWS_ENDPOINT_URL"]

    @property
    def keys(self) -> tuple[str, str]:
        """Return the administrator's access key, and its secret."""
        exports = self.environment()
        return exports["AWS_ACCESS_KEY_ID"], exports["AWS_SECRET_ACCESS_KEY"]

    @property
    def region(self) -> str:
        """Return the world's own region."""
        return self.environment()["AWS_REGION"]

    @property
    def account_id(self) -> str:
        """Return the world's account."""
        return self.environment()["PUSHPROOF_ACCOUNT_ID"]

    def environment(self) -> dict[str, str]:
        """Return the variables by which SDKs, the AWS CLI, Terraform and git on this machine reach the world."""
        self._running()
        return dict(self._exports)

    def client(self, service: str, *, region: str | None = None) -> BaseClient:
        """Return a boto3 client of the administrator's."""
        key, secret = self.keys
        client: BaseClient = make_client(
            boto3.session.Session(),
            service,
            region_name=region or self.region,
            endpoint_url=self.endpoint,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            config=Config(s3={"addressing_style": "path"}),
        )
        return client


def _free_port() -> int:
    """Return a port of loopback that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _group_of(path: str) -> str:
    """Return the group that may use Docker's socket inside of a container; Docker Desktop's own has root's."""
    if sys.platform == "darwin":
        return "0"
    try:
        return str(os.stat(path).st_gid)
    except OSError as error:
        raise TargetUnavailable(f"docker=True needs Docker's socket at {path}: {error.strerror}") from error


def _has_image(container: DockerContainer, image: str) -> bool:
    try:
        container.get_docker_client().client.images.get(image)
    except (ImageNotFound, APIError):
        return False
    return True


def _last(container: Container) -> str:
    with contextlib.suppress(DockerException, OSError):
        text = container.logs(tail=_TAIL).decode(errors="replace").strip()
        return f"Its last log lines:\n{text}" if text else "It logged nothing."
    return "Its log is gone."
