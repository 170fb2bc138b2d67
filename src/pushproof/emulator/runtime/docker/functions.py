"""Uploaded Lambda functions, each invocation in a fresh container.

Code is a stranger's: it runs in a container without capabilities, as a user of no rights, on the world's own network. Nothing
of it runs in this process. Every invocation is a cold start.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import queue
import tarfile
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from docker.errors import APIError, DockerException, ImageNotFound

from pushproof.base.clock import work_limit
from pushproof.emulator.kernel.archives import content_of, examined, is_link
from pushproof.emulator.kernel.functions import FunctionJob, FunctionOutcome, FunctionUnavailable
from pushproof.emulator.kernel.guests import Guest
from pushproof.emulator.kernel.tasks import Neighbourhood, StartError
from pushproof.emulator.runtime.docker.guard import NET_ADMIN, Change, Surrounded
from pushproof.emulator.runtime.docker.host import NoRoom
from pushproof.emulator.runtime.docker.imagemaking import ImageUnavailable, on_behalf_of
from pushproof.emulator.runtime.docker.images import ensure_base_image, ensure_function_image
from pushproof.emulator.runtime.docker.relays import FORWARD, relays
from pushproof.emulator.runtime.docker.runtimeapi import Answered, Exited, News, RuntimeApi, Taken
from pushproof.emulator.runtime.docker.tasknetwork import remove

if TYPE_CHECKING:
    from docker.models.containers import Container

    from pushproof.emulator.kernel.site import Ground, Images
    from pushproof.emulator.runtime.docker.guard import Guard
    from pushproof.emulator.runtime.docker.host import DockerHost
    from pushproof.engines.reachability import Place

log = logging.getLogger(__name__)

# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html (10 seconds); an image that is loaded takes longer.
_INIT_SECONDS = 60.0
_MOST_UNZIPPED = 262_144_000
# Lambda's own user has no rights beyond reading.
_USER = "993:990"
_FORWARDER = ["python3", "-I", "-S", "-c", FORWARD]


class DockerFunctions:
    """Runs functions in containers; see `FunctionRuntime`."""

    # : What is no part of a kept world.
    not_kept: ClassVar[tuple[str, ...]] = ("*",)

    def __init__(self, ground: Ground, host: DockerHost, images: Images, guard: Guard) -> None:
        self._ground, self._host, self._images = ground, host, images
        self._running: set[str] = set()
        self._guard = guard
        self._lock = threading.Lock()
        self._closed = False

    def refusal(self, job: FunctionJob) -> str:
        """Return the reason why code of this kind does not run here; empty if it does."""
        if job.image:
            return ""
        if not job.runtime.startswith("python3."):
            return f"of zips only those for python3.x run, and its runtime is {job.runtime or 'not given'}"
        return "" if job.code is not None else "its code was not uploaded to this world"

    def run(self, job: FunctionJob) -> FunctionOutcome:
        limit = work_limit(self._ground.clock, job.timeout)
        address = self._host.bridge_address
        try:
            self._host.check_room(self._ground.settings.limits.containers, 2)
            image, base = self._image(job)
            with (
                contextlib.ExitStack() as stack,
                relays(address, job.doors) as words,
                RuntimeApi(job, address, milliseconds=int(limit * 1000)) as api,
                self._container(base, job, "network", [*_FORWARDER, address, *words], {}) as network,
            ):
                network.start()
                network.reload()
                needed = [api.port, *(int(word.rpartition("=")[2]) for word in words)]
                self._guard.set(network, Change(self._guard.rules(ports=needed, outwards=job.outwards)))
                api.peer = self._host.address(network)
                if job.place is not None:
                    stack.enter_context(self._visiting(job, job.place, network, needed))
                options = self._options(job, network, api.port)
                with self._container(image, job, "code", list(job.command) or None, options) as container:
                    if job.code is not None:
                        container.put_archive("/var/task", _as_tar(job.code))
                    container.start()
                    threading.Thread(target=_await_exit, args=(container, api), daemon=True).start()
                    return self._follow(job, container, api.news, limit)
        except (ImageUnavailable, NoRoom, StartError, DockerException, OSError) as error:
            raise FunctionUnavailable(f"its container cannot be started: {error}") from error

    @contextlib.contextmanager
    def _visiting(self, job: FunctionJob, place: Place, network: Container, ports: list[int]) -> Iterator[None]:
        """Let the code reach tasks of its VPC, and wait until it does."""

        def apply(before: Neighbourhood, now: Neighbourhood) -> None:
            self._guard.set(network, self._guard.change(before, now, ports=ports))

        around = Surrounded(f"function {job.name}", Neighbourhood(outwards=job.outwards), apply)
        own = self._host.address(network)
        self._ground.guests.join(Guest(job.request_id, job.region, place, own, around.admit))
        try:
            yield
        finally:
            self._ground.guests.leave(job.request_id)

    def _follow(self, job: FunctionJob, container: Container, news: queue.Queue[News], limit: float) -> FunctionOutcome:
        """Wait for the answer, the end or the time-out."""
        began, patience = time.monotonic(), max(_INIT_SECONDS, limit)
        while True:
            try:
                event = news.get(timeout=max(0.0, began + patience - time.monotonic()))
            except queue.Empty:
                payload = _failure(job, "Sandbox.Timedout", f"Error: Task timed out after {job.timeout:.2f} seconds")
                return self._outcome(container, payload, True, began)
            match event:
                case Taken():
                    began, patience = time.monotonic(), limit
                case Answered(payload, failed):
                    return self._outcome(container, payload, failed, began)
                case Exited(status, out_of_memory):
                    how = "signal: killed" if status == 137 else f"exit status {status}"
                    kind = "Runtime.OutOfMemory" if out_of_memory else "Runtime.ExitError"
                    payload = _failure(job, kind, f"Error: Runtime exited with error: {how}")
                    return self._outcome(container, payload, True, began)

    def _outcome(self, container: Container, payload: bytes, failed: bool, began: float) -> FunctionOutcome:
        seconds = time.monotonic() - began
        with contextlib.suppress(DockerException, OSError):
            container.kill()
        printed = container.logs().decode(errors="replace")
        return FunctionOutcome(payload, failed, tuple(printed.splitlines()), seconds)

    def _image(self, job: FunctionJob) -> tuple[str, str]:
        """Return the images of the code and of its network. Raises FunctionUnavailable, ImageUnavailable."""
        with on_behalf_of(self._ground.id, self._ground.directory / "images"):
            base = ensure_base_image(self._host.client)
            if not job.image:
                return ensure_function_image(self._host.client), base
        return self._pulled(job), base

    def _pulled(self, job: FunctionJob) -> str:
        resolved = self._images.resolve(job.image)
        try:
            if resolved is None:
                self._host.client.images.get(job.image)
                return job.image
            password = _password(self._ground, job)
            self._host.client.images.pull(
                resolved.pull_reference, auth_config={"username": "AWS", "password": password}
            )
        except (ImageNotFound, APIError) as error:
            raise FunctionUnavailable(f"its image {job.image} cannot be pulled: {error}") from error
        return resolved.pull_reference

    def _options(self, job: FunctionJob, network: Container, port: int) -> dict[str, Any]:
        options: dict[str, Any] = {
            "network_mode": f"container:{network.id}",
            "environment": self._environment(job, port),
            "user": _USER,
            "mem_limit": f"{job.memory}m",
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            "pids_limit": 1024,
            "tmpfs": {"/tmp": "size=512m,mode=1777"},
        }
        if job.entry_point:
            options["entrypoint"] = list(job.entry_point)
        if job.working_directory:
            options["working_dir"] = job.working_directory
        return options

    def _environment(self, job: FunctionJob, port: int) -> dict[str, str]:
        """Return the variables that Lambda sets, the endpoint of this world, and the function's own.

        https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
        """
        address = self._host.bridge_address
        credentials = job.credentials
        return {
            "AWS_ENDPOINT_URL": f"http://{address}:{self._ground.endpoint.port}",
            **job.environment,
            "AWS_LAMBDA_RUNTIME_API": f"{address}:{port}",
            "AWS_LAMBDA_FUNCTION_NAME": job.name,
            "AWS_LAMBDA_FUNCTION_VERSION": job.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(job.memory),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": job.log_group,
            "AWS_LAMBDA_LOG_STREAM_NAME": job.log_stream,
            "AWS_REGION": job.region,
            "AWS_DEFAULT_REGION": job.region,
            "AWS_ACCESS_KEY_ID": credentials.access_key_id,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
            "AWS_SESSION_TOKEN": credentials.session_token or "",
            "LAMBDA_TASK_ROOT": "/var/task",
            "LAMBDA_RUNTIME_DIR": "/var/runtime",
            "TZ": ":UTC",
            "LANG": "en_US.UTF-8",
            **({} if job.image else {"AWS_EXECUTION_ENV": f"AWS_Lambda_{job.runtime}", "_HANDLER": job.handler}),
        }

    @contextlib.contextmanager
    def _container(
        self, image: str, job: FunctionJob, role: str, command: list[str] | None, options: dict[str, Any]
    ) -> Iterator[Container]:
        if role == "network":
            options = {
                "network": self._host.network_name,
                "entrypoint": [],
                "log_config": {"Type": "none"},
                "cap_add": [NET_ADMIN],
            }
        with self._lock:
            if self._closed:
                raise FunctionUnavailable("the world has ended")
        # Docker takes a dict as log_config; its stubs name a class of the SDK.
        container: Container = self._host.client.containers.create(
            image,
            command=command,
            name=f"pushproof-{self._host.world_id}-function-{job.name[:40]}-{job.request_id[:8]}-{role}",
            labels=self._host.labels(function=job.name, request=job.request_id),
            **options,
        )
        try:
            yield container
        finally:
            remove(container)

    def close(self) -> None:
        """Refuse what is new; containers go with the world."""
        with self._lock:
            self._closed = True


def _await_exit(container: Container, api: RuntimeApi) -> None:
    try:
        status = int(container.wait()["StatusCode"])
        container.reload()
        api.news.put(Exited(status, bool(container.attrs["State"].get("OOMKilled"))))
    except (DockerException, OSError):
        return


def _failure(job: FunctionJob, kind: str, words: str) -> bytes:
    return json.dumps({"errorType": kind, "errorMessage": f"RequestId: {job.request_id} {words}"}).encode()


def _password(ground: Ground, job: FunctionJob) -> str:
    import base64

    answer = ground.client("ecr", region=job.region).get_authorization_token()
    token = base64.b64decode(answer["authorizationData"][0]["authorizationToken"]).decode()
    return token.partition(":")[2]


def _as_tar(code: bytes) -> bytes:
    """Return the content of a zip, examined when it was uploaded, as a tar that everyone may read."""
    output = io.BytesIO()
    with examined(code, _MOST_UNZIPPED) as archive, tarfile.open(fileobj=output, mode="w") as tar:
        for entry in archive.infolist():
            member = tarfile.TarInfo(entry.filename.rstrip("/"))
            mode = (entry.external_attr >> 16) & 0o777
            if entry.is_dir():
                member.type, member.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(member)
                continue
            content = content_of(archive, entry)
            if is_link(entry):
                member.type, member.linkname = tarfile.SYMTYPE, content.decode()
                tar.addfile(member)
                continue
            member.size, member.mode = len(content), mode | 0o444
            tar.addfile(member, io.BytesIO(content))
    return output.getvalue()
