"""A LocalStack container of a world's own: started through testcontainers, published on loopback only, removed with the world.

Where testcontainers' reaper image is available, the reaper removes the container after a crash. In any case the container carries
the world's label, by which the next command identifies and removes it.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import requests
from docker.errors import APIError, DockerException, ImageNotFound, NotFound

from pushproof.base.target import TargetUnavailable
from pushproof.emulator.runtime.docker.host import DockerUnavailable, connect, world_labels
from pushproof.emulator.runtime.docker.imagemaking import ImageUnavailable, exists
from pushproof.targets.localstack.image import ensure_localstack_image, localstack_image_name

if TYPE_CHECKING:
    from docker.client import DockerClient
    from docker.models.containers import Container
    from testcontainers.core.container import DockerContainer

DEFAULT_IMAGE = "localstack/localstack:4.14.0"
EDGE_PORT = 4566
# : Seconds until `Ready.`; a busy machine takes longest.
START_LIMIT = 240
_TAIL = 15
# : Seconds within which Docker reports the end of a container that stopped answering; after them it counts as running.
_ENDING = 5
_LICENCE = re.compile(r"exit code 55|licen[cs]e activation failed|(?:API )?key activation failed", re.IGNORECASE)
_TAKEN = re.compile(r"port is already allocated|address already in use", re.IGNORECASE)

Progress = Callable[[str], None]


class LocalStackContainer:
    """A running container. `url` is its address; `name` and `image` are Docker's."""

    def __init__(self, container: Container, client: DockerClient, image: str) -> None:
        self._container = container
        self._client = client
        self.image = image
        self.name = container.name or ""
        container.reload()
        published = container.attrs["NetworkSettings"]["Ports"][f"{EDGE_PORT}/tcp"]
        self.url = f"http://127.0.0.1:{published[0]['HostPort']}"

    def autopsy(self) -> str:
        """Describe the end of the container, with its last log lines, for the error of the next call."""
        return autopsy(self._container, self.image)

    def close(self) -> None:
        """Remove the container; safe to call twice."""
        with contextlib.suppress(DockerException, OSError):
            self._container.remove(force=True, v=True)
        self._client.close()


def start_localstack(
    world_id: str,
    *,
    image: str | None = None,
    token: str | None = None,
    port: int = 0,
    region: str = "us-east-1",
    progress: Progress,
) -> LocalStackContainer:
    """Start a LocalStack for a world and wait until it is ready.

    Args:
        image: None means 4.14.0: LocalStack's own image if it is here or can be pulled, otherwise one built here.
        token: LOCALSTACK_AUTH_TOKEN, for images that require one.
        port: on loopback; 0 is the first free one.
        progress: receives short sentences about work that takes long.

    Raises:
        TargetUnavailable: no Docker, no image, port taken, licence refused, or not ready in time; nothing is left running.
    """
    try:
        client = connect(timeout=600)
    except DockerUnavailable as error:
        raise TargetUnavailable(str(error)) from error
    try:
        name = choose_image(client, image, progress)
        started = _start(client, world_id, name, token, port, region)
    except BaseException:
        client.close()
        raise
    return LocalStackContainer(started, client, name)


def choose_image(client: DockerClient, image: str | None, progress: Progress) -> str:
    """Return the image to run, pulled or built if need be. Raises TargetUnavailable."""
    try:
        if image is not None:
            if not exists(client, image):
                progress(f"pulling {image}")
                _pull(client, image)
            return image
        if exists(client, DEFAULT_IMAGE):
            return DEFAULT_IMAGE
        with contextlib.suppress(ImageUnavailable):
            if exists(client, own := localstack_image_name()):
                return own
        try:
            progress(f"pulling {DEFAULT_IMAGE}")
            _pull(client, DEFAULT_IMAGE)
            return DEFAULT_IMAGE
        except ImageUnavailable as error:
            progress(f"{error}; building one from the Python package index instead, once")
            return _made(client, error, progress)
    except ImageUnavailable as error:
        raise TargetUnavailable(
            f"{error}. LOCALSTACK_IMAGE names it: pull it where that is possible (`docker pull {image}`), or unset "
            f"LOCALSTACK_IMAGE to use {DEFAULT_IMAGE}, or an image built here from the Python package index."
        ) from error


def _made(client: DockerClient, not_pulled: ImageUnavailable, progress: Progress) -> str:
    try:
        return ensure_localstack_image(client, progress=progress)
    except ImageUnavailable as error:
        raise TargetUnavailable(
            f"No LocalStack image is available. Pulled: {not_pulled}. "
            f"Built here (`python -m pushproof.targets.localstack.image`): {error}\n"
            "Either way works; or name an image that this machine has: LOCALSTACK_IMAGE=<image>."
        ) from error


def _pull(client: DockerClient, image: str) -> None:
    try:
        client.images.pull(image)
    except (APIError, ImageNotFound, DockerException, OSError) as error:
        words = getattr(error, "explanation", None) or error
        raise ImageUnavailable(f"{image} cannot be pulled ({words})") from error


def _start(client: DockerClient, world_id: str, image: str, token: str | None, port: int, region: str) -> Any:
    from testcontainers.community.localstack import LocalStackContainer as Container
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.exceptions import ContainerStartException
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy

    _settle_reaper(client)
    container = Container(image, edge_port=EDGE_PORT, region_name=region)
    container.image = image  # without a registry prefix: `choose_image` has it on this Engine
    container.with_name(f"pushproof-{world_id}-localstack").with_envs(**settings_of(token))
    container.with_kwargs(
        labels=world_labels(world_id, part="localstack"),
        # The address of a subscriber or webhook of this machine, from inside the container.
        extra_hosts={"host.docker.internal": "host-gateway"},
    )
    # Docker's own form of a published port; testcontainers has no parameter for the address.
    ports: dict[str, Any] = container.ports
    ports[str(EDGE_PORT)] = ("127.0.0.1", port or None)
    container.waiting_for(LogMessageWaitStrategy(r"^Ready\.").with_startup_timeout(START_LIMIT).with_poll_interval(0.2))
    try:
        # Not LocalStackContainer.start, which waits a second time, and for a minute only.
        DockerContainer.start(container)
        return client.containers.get(container.get_wrapped_container().id or "")
    except (APIError, TimeoutError, RuntimeError, ContainerStartException) as error:
        raise _refused(error, container, image, port, token) from error
    finally:
        if container._container is not None and not _runs(container):
            with contextlib.suppress(DockerException):
                container._container.remove(force=True, v=True)
        container.get_docker_client().client.close()


def settings_of(token: str | None) -> dict[str, str]:
    """Return LocalStack's settings, as environment variables: no telemetry, no downloads, answers under the host of the request."""
    settings = {
        "DISABLE_EVENTS": "1",  # no telemetry
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DNS_ADDRESS": "0",
        # Queue URLs carry the host of the request: the gateway.
        "SQS_ENDPOINT_STRATEGY": "dynamic",
    }
    return {**settings, "LOCALSTACK_AUTH_TOKEN": token} if token else settings


def _settle_reaper(client: DockerClient) -> None:
    """Leave testcontainers' reaper on if its image is here or can be pulled; turn it off where it would fail the start."""
    from testcontainers.core.config import testcontainers_config as configuration

    if configuration.ryuk_disabled:
        return
    try:
        if not exists(client, configuration.ryuk_image):
            _pull(client, configuration.ryuk_image)
    except ImageUnavailable:
        configuration.ryuk_disabled = True


def _runs(container: DockerContainer) -> bool:
    created = container._container
    with contextlib.suppress(DockerException):
        if created is not None:
            created.reload()
            return created.status == "running"
    return False


def _refused(
    error: Exception, container: DockerContainer, image: str, port: int, token: str | None
) -> TargetUnavailable:
    words = str(getattr(error, "explanation", None) or error)
    if _TAKEN.search(words):
        return TargetUnavailable(
            f"port {port} of 127.0.0.1 cannot be published for LocalStack: it is taken ({words}). Stop what uses "
            f"it, or leave the "
            "choice of a port to Docker."
        )
    docker_container = container._container
    if docker_container is None:
        return TargetUnavailable(f"Docker could not create a container of {image}: {words}")
    log = _log(docker_container)
    if _LICENCE.search(log):
        return TargetUnavailable(licence_refused(image, log, token))
    if isinstance(error, TimeoutError):
        with contextlib.suppress(DockerException):
            docker_container.kill()
        return TargetUnavailable(f"{image} was not ready within {START_LIMIT} s. {_last(log)}")
    return TargetUnavailable(f"{image} did not start: {autopsy(docker_container, image)}")


def licence_refused(image: str, log: str, token: str | None) -> str:
    """Explain that LocalStack quit over its licence: its own words, and the remedies.

    Source: https://docs.localstack.cloud/aws/getting-started/auth-token/
    """
    token_state = "The token in LOCALSTACK_AUTH_TOKEN was not accepted" if token else "LOCALSTACK_AUTH_TOKEN is not set"
    return (
        f"LocalStack ({image}) has quit over its licence. {token_state}. Use a valid token, or unset LOCALSTACK_IMAGE: "
        f"{DEFAULT_IMAGE}, the default, needs none. {_last(log)}"
    )


def autopsy(container: Container, image: str) -> str:
    """Describe the end of a container, with its last log lines."""
    try:
        # Its connections end a moment before Docker Engine reports its end.
        with contextlib.suppress(requests.exceptions.RequestException):
            container.wait(timeout=_ENDING)
        container.reload()
        state = container.attrs["State"]
        if state.get("Running"):
            became = "runs, but does not answer"
        else:
            memory = ", out of memory" if state.get("OOMKilled") else ""
            became = f"ended with exit code {state.get('ExitCode')}{memory}"
        return f"the container {container.name} ({image}) {became}. {_last(_log(container))}"
    except NotFound:
        return f"the container {container.name} ({image}) is gone. It was removed from outside, and its log with it."
    except (DockerException, OSError) as error:
        return f"Docker Engine does not describe the container {container.name} ({image}): {error}"


def _log(container: Container) -> str:
    with contextlib.suppress(DockerException, OSError):
        return str(container.logs(tail=200).decode(errors="replace"))
    return ""


def _last(log: str) -> str:
    lines = [line for line in log.splitlines() if line.strip()][-_TAIL:]
    return "Its last log lines:\n" + "\n".join(f"  {line}" for line in lines) if lines else "It logged nothing."
