"""The builder that runs each build in a fresh container.

All calls block; the service makes them through `loop.submit`. A builder runs single phases; the buildspec engine decides
their order.
"""

from __future__ import annotations

import contextlib
import io
import json
import pickle
import tarfile
import threading
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from docker.errors import APIError, DockerException

from pushproof.emulator.kernel.archives import content_of, examined, is_link
from pushproof.emulator.kernel.builds import BuilderError, BuildJob, BuildPlan, CommandsResult, LogLine
from pushproof.emulator.kernel.guests import Guest
from pushproof.emulator.kernel.images import IMAGES_HOST
from pushproof.emulator.kernel.settings import LimitSettings
from pushproof.emulator.kernel.tasks import Neighbourhood
from pushproof.emulator.runtime.docker.execution import captured, execute
from pushproof.emulator.runtime.docker.guard import Change, Surrounded
from pushproof.emulator.runtime.docker.host import NoRoom
from pushproof.emulator.runtime.docker.imagemaking import on_behalf_of
from pushproof.emulator.runtime.docker.images import ImageUnavailable, ensure_build_image
from pushproof.engines.buildspec import Phase, SelectedFile, is_linux_image, sh_of

if TYPE_CHECKING:
    from docker.models.containers import Container

    from pushproof.emulator.kernel.site import Ground
    from pushproof.emulator.runtime.docker.guard import Guard
    from pushproof.emulator.runtime.docker.host import DockerHost
    from pushproof.engines.reachability import Place


@dataclass(slots=True)
class DockerBuilder:
    """Runs each build in a fresh container of the build image, labelled with the world.

    A privileged build gets a Docker daemon of its own, so that nothing of the host's layer cache leaks in: without pulling a
    cache image it is as cold as on AWS. Without privilege there is no daemon, as on AWS.
    """

    # : What is no part of a kept world.
    not_kept: ClassVar[tuple[str, ...]] = ("*",)

    ground: Ground
    host: DockerHost
    guard: Guard
    real: bool = True
    _open: list[DockerBuildContainer] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def open(self, job: BuildJob) -> DockerBuildContainer:
        if not is_linux_image(job.image):
            raise BuilderError(
                "BUILD_CONTAINER_UNABLE_TO_PULL_IMAGE",
                f"Unable to pull customer's container image {job.image}: only CodeBuild's standard Linux images "
                "(aws/codebuild/…) are emulated.",
            )
        try:
            self.host.check_room(self.ground.settings.limits.containers, 1)
        except NoRoom as error:
            raise BuilderError("INTERNAL_ERROR", f"The build's container cannot be started: {error}") from error
        try:
            with on_behalf_of(self.ground.id, self.ground.directory / "images"):
                image = ensure_build_image(self.host.client)
            container = self._start(job, image)
            self._close(container, job)
        except (ImageUnavailable, APIError, DockerException) as error:
            raise BuilderError("INTERNAL_ERROR", f"The build's container cannot be started: {error}") from error
        opened = DockerBuildContainer(
            self, container, f"/codebuild/output/src{zlib.crc32(job.build_id.encode()) % 10**9}/src"
        )
        with self._lock:
            self._open.append(opened)
        try:
            opened.await_ready()
        except BuilderError:
            opened.kill()
            raise
        if job.place is not None:
            opened.visit(job, job.place)
        return opened

    def _start(self, job: BuildJob, image: str) -> Container:
        account, port = self.ground.account_id, self.ground.endpoint.port
        registry = f"{account}.dkr.ecr.{job.region}.amazonaws.com"
        mirror = f"{self.ground.images_secret}.{IMAGES_HOST}"
        options: dict[str, Any] = {
            "name": f"pushproof-{self.host.world_id}-build-{job.build_id[:12]}",
            "labels": self.host.labels(build=job.build_id, project=job.project),
            "network": self.host.network_name,
            "init": True,
            "environment": {
                "PUSHPROOF_PORT": str(port),
                "PUSHPROOF_GATEWAY": self.host.bridge_address,
                "PUSHPROOF_INSECURE": f"{registry} {mirror}:{port}",
                "PUSHPROOF_MIRROR": f"{mirror}:{port}" if job.privileged else "",
                "PUSHPROOF_DOCKER": "1" if job.privileged else "",
                "PUSHPROOF_SH": sh_of(job.image),
            },
            "extra_hosts": {mirror: "127.0.0.1", registry: "127.0.0.1"},
            "log_config": {"Type": "json-file", "Config": {"max-size": "1m"}},
        }
        client = self.host.client
        if not job.privileged:
            container: Container = client.containers.create(image, **options)
            container.start()
            return container
        container = client.containers.create(image, privileged=True, **options)
        try:
            container.start()
        except APIError as error:
            # Docker requests every capability there is; a host that lacks one itself refuses them all.
            if "operation not permitted" not in str(error):
                raise
            container.remove(force=True, v=True)
            container = client.containers.create(
                image,
                cap_add=host_capabilities(),
                security_opt=["seccomp=unconfined", "apparmor=unconfined"],
                cgroupns="private",
                **options,
            )
            container.start()
        return container

    def _close(self, container: Container, job: BuildJob) -> None:
        """Close the machine to a build, and to one in a VPC what that does not reach, while its container prepares itself."""
        try:
            self.guard.set_from_outside(container, Change(self.guard.rules(outwards=job.outwards)))
        except BaseException:
            with contextlib.suppress(DockerException, OSError):
                container.remove(force=True, v=True)
            raise

    def forget(self, container: DockerBuildContainer) -> None:
        """Drop a container that is gone."""
        with self._lock, contextlib.suppress(ValueError):
            self._open.remove(container)

    def close(self) -> None:
        for container in list(self._open):
            container.kill()


# The order of the kernel's capability bits (capabilities(7)).
_CAPABILITIES = """
    CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
    NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN
    SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE
    MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ
"""


def host_capabilities(status: str | None = None) -> list[str]:
    """Return the capabilities that this machine can grant, out of `/proc/self/status`; Docker 20.10 supports these 38."""
    if status is None:
        with open("/proc/self/status") as file:
            status = file.read()
    bounding = next((line.split()[1] for line in status.splitlines() if line.startswith("CapBnd:")), "0")
    bits = int(bounding, 16)
    return [name for bit, name in enumerate(_CAPABILITIES.split()) if bits >> bit & 1]


class DockerBuildContainer:
    """A running build container; see `BuildContainer`."""

    seconds = 0.0

    def __init__(self, builder: DockerBuilder, container: Container, source: str) -> None:
        self._builder = builder
        self._container = container
        self._api = builder.host.client.api
        self.source = source
        self._guest: Guest | None = None

    def __reduce__(self) -> NoReturn:
        """Refuse to be kept with a world. Raises PicklingError in the words for a user."""
        raise pickle.PicklingError(f"{self._container.name} runs a build: wait until the build has ended")

    def await_ready(self, *, limit: int = 60) -> None:
        """Wait until the forwards listen and the daemon answers. Raises BuilderError with the daemon's last words."""
        wait = "until [ -e /codebuild/ready ]; do sleep 0.05; done; [ ! -e /codebuild/failed ]"
        status, _ = captured(self._api, self._container.id, ["timeout", str(limit), "bash", "-c", wait])
        if status != 0:
            _, words = captured(self._api, self._container.id, ["tail", "-n", "5", "/var/log/dockerd.log"])
            raise BuilderError(
                "INTERNAL_ERROR",
                "The build's Docker daemon did not start on this machine: "
                f"{words.decode(errors='replace').strip() or 'no output'}",
            )

    def put_source(self, archive: bytes | None, directory: str) -> None:
        most = self._builder.ground.settings.limits.archive_bytes
        self._put(zip_to_tar(archive, directory, most) if archive is not None else empty_tar(directory))

    def prepare(self, plan: BuildPlan) -> None:
        document = {
            "environment": dict(plan.environment),
            "shell": plan.shell,
            "one_shell": plan.one_shell,
            "source": self.source,
            "phases": {
                phase.value: {"commands": spec.commands, "finally": spec.finally_}
                for phase, spec in plan.phases.items()
            },
        }
        self._put(tar_of({"codebuild/plan.json": json.dumps(document).encode()}))

    def run(self, phase: Phase, *, succeeding: bool, log: LogLine) -> CommandsResult:
        answer = self._ask(["phase", phase.value, "1" if succeeding else "0"], log)
        return CommandsResult(answer["command"], answer["status"])

    def expand(self, words: Sequence[str]) -> list[str]:
        return list(self._ask(["expand", *words])["words"])

    def environment(self) -> dict[str, str]:
        return dict(self._ask(["environment"])["environment"])

    def files(self) -> list[str]:
        return list(self._ask(["files"])["files"])

    def pack(self, files: Sequence[SelectedFile]) -> bytes:
        pairs = [[file.source, file.target] for file in files]
        self._put(tar_of({"codebuild/selection.json": json.dumps(pairs).encode()}))
        return self._get(self._ask(["pack", "/codebuild/selection.json"])["path"])

    def save_cache(self, patterns: Sequence[str]) -> bytes | None:
        answer = self._ask(["cache", *patterns])
        return self._get(answer["path"]) if answer["count"] else None

    def restore_cache(self, archive: bytes) -> None:
        self._put(tar_of({"codebuild/cache.tar.gz": archive}))
        self._ask(["restore", "/codebuild/cache.tar.gz"])

    def visit(self, job: BuildJob, place: Place) -> None:
        """Let the build reach tasks of its VPC, and wait until it does."""
        guard = self._builder.guard

        def apply(before: Neighbourhood, now: Neighbourhood) -> None:
            guard.set_from_outside(self._container, guard.change(before, now))

        around = Surrounded(f"build {job.build_id}", Neighbourhood(outwards=job.outwards), apply)
        self._container.reload()
        own = self._builder.host.address(self._container)
        self._guest = Guest(job.build_id, job.region, place, own, around.admit)
        self._builder.ground.guests.join(self._guest)

    def kill(self) -> None:
        self._builder.forget(self)
        if self._guest is not None:
            self._builder.ground.guests.leave(self._guest.id)
        with contextlib.suppress(DockerException, OSError):
            self._container.remove(force=True, v=True)

    def _ask(self, arguments: list[str], log: LogLine | None = None) -> dict[str, Any]:
        """Run the agent. Its output goes to `log` by whole lines; return its answer. Raises BuilderError."""
        command = ["python3", "/codebuild/agent.py", *arguments]
        try:
            errors: list[bytes] = []
            lines = _Lines(log)
            execute(self._api, self._container.id, command, out=lines.feed, err=errors.append)
            lines.end()
        except (APIError, DockerException, OSError) as error:
            raise BuilderError("INTERNAL_ERROR", f"The build's container is gone: {error}") from error
        last = b"".join(errors).decode(errors="replace").strip().rpartition("\n")[2]
        try:
            answer: dict[str, Any] = json.loads(last)
        except ValueError:
            raise BuilderError("INTERNAL_ERROR", f"The build's container ended early: {last or 'no answer'}") from None
        return answer

    def _put(self, archive: bytes) -> None:
        try:
            self._container.put_archive("/", archive)
        except (APIError, DockerException) as error:
            raise BuilderError("INTERNAL_ERROR", f"The build's container is gone: {error}") from error

    def _get(self, path: str) -> bytes:
        stream, _ = self._container.get_archive(path)
        with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as archive:
            member = archive.extractfile(archive.next() or "")
            return member.read() if member is not None else b""


class _Lines:
    """Splits chunks, which may end anywhere, into whole lines."""

    def __init__(self, log: LogLine | None) -> None:
        self._log = log
        self._rest = b""

    def feed(self, chunk: bytes) -> None:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._say(line)

    def end(self) -> None:
        if self._rest:
            self._say(self._rest)

    def _say(self, line: bytes) -> None:
        if self._log is not None:
            self._log(line.decode(errors="replace").rstrip("\r"))


def zip_to_tar(archive: bytes, directory: str, most_bytes: int = LimitSettings().archive_bytes) -> bytes:
    """Convert a zip's files, with modes and symbolic links, to a tar that unpacks below `directory`. Raises UnsafeArchive."""
    out = io.BytesIO()
    with examined(archive, most_bytes) as source, tarfile.open(fileobj=out, mode="w") as target:
        _add_directory(target, directory)
        for info in source.infolist():
            name = f"{directory}/{info.filename}".lstrip("/")
            mode = info.external_attr >> 16
            member = tarfile.TarInfo(name.rstrip("/"))
            # A zip may name any month and hour.
            with contextlib.suppress(ValueError, OverflowError):
                member.mtime = max(0, int(time.mktime((*info.date_time, 0, 0, -1))))
            if info.is_dir():
                member.type, member.mode = tarfile.DIRTYPE, 0o755
                target.addfile(member)
                continue
            content = content_of(source, info)
            if is_link(info):
                member.type, member.linkname = tarfile.SYMTYPE, content.decode(errors="replace").replace("\0", "")
                target.addfile(member)
                continue
            member.size, member.mode = len(content), (mode & 0o777) or 0o644
            target.addfile(member, io.BytesIO(content))
    return out.getvalue()


def empty_tar(directory: str) -> bytes:
    """Return a tar with only that directory."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as target:
        _add_directory(target, directory)
    return out.getvalue()


def tar_of(files: Mapping[str, bytes]) -> bytes:
    """Return a tar of files by path and content."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as target:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(content), 0o644
            target.addfile(member, io.BytesIO(content))
    return out.getvalue()


def _add_directory(target: tarfile.TarFile, directory: str) -> None:
    for path in _parents(directory.strip("/")):
        member = tarfile.TarInfo(path)
        member.type, member.mode = tarfile.DIRTYPE, 0o755
        target.addfile(member)


def _parents(path: str) -> Iterator[str]:
    parts = path.split("/")
    for count in range(1, len(parts) + 1):
        yield "/".join(parts[:count])
