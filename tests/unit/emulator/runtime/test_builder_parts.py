"""Parts of the builder that need no Docker."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pushproof.emulator.kernel.tasks import ContainerSpec, PulledImage
from pushproof.emulator.runtime.docker import images
from pushproof.emulator.runtime.docker.builder import empty_tar, host_capabilities, tar_of, zip_to_tar
from pushproof.emulator.runtime.docker.tasks import DockerTaskRuntime


def test_a_source_zip_keeps_modes_and_links() -> None:
    """Executable files of the zip are executable in the container; a symbolic link stays one."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, mode, text in (("run", 0o100755, "#!/bin/sh\n"), ("data", 0o100644, "x"), ("link", 0o120777, "data")):
            info = zipfile.ZipInfo(f"app/{name}")
            info.external_attr = mode << 16
            archive.writestr(info, text)
        archive.writestr("plain", "no mode at all")
    with tarfile.open(fileobj=io.BytesIO(zip_to_tar(out.getvalue(), "/codebuild/output/src1/src"))) as made:
        members = {member.name.removeprefix("codebuild/output/src1/src/"): member for member in made}
    assert members["app/run"].mode == 0o755
    assert members["app/data"].mode == 0o644
    assert members["plain"].mode & 0o400
    assert members["app/link"].issym()
    assert members["app/link"].linkname == "data"


def test_directories_are_made_on_the_way() -> None:
    """The source directory exists even when there is no source."""
    with tarfile.open(fileobj=io.BytesIO(empty_tar("/a/b/c"))) as made:
        assert made.getnames() == ["a", "a/b", "a/b/c"]
    with tarfile.open(fileobj=io.BytesIO(tar_of({"a/b": b"text"}))) as made:
        assert made.getmember("a/b").size == 4


def test_only_capabilities_that_the_machine_has_are_asked_for() -> None:
    """The bounding set decides, bit by bit; SYS_RESOURCE, bit 24, is what some machines lack."""
    everything = host_capabilities("CapBnd:\t000001ffffffffff\n")
    without = host_capabilities("Name:\tx\nCapBnd:\t000001fffeffffff\n")
    assert len(everything) == 38
    assert set(everything) - set(without) == {"SYS_RESOURCE"}
    assert host_capabilities("CapBnd:\t0000000000000000\n") == []


def test_image_names_are_our_own_and_tell_their_content() -> None:
    """The names of images cannot be those of public images, and each contains the hash of its contents."""
    for name, repository in (
        (images.build_image_name(), "pushproof/codebuild"),
        (images.tools_image_name(), "pushproof/codebuild-tools"),
        (images.base_image_name(), "pushproof/python"),
    ):
        assert name.startswith(f"{repository}:")
        assert len(name.partition(":")[2]) == 12


class Recorder:
    """Docker Engine that notes what a container would be started with."""

    def __init__(self) -> None:
        self.options: dict[str, Any] = {}
        self.containers = self
        self.api = self

    def run(self, image: str, **options: Any) -> None:
        self.options = {"image": image, **options}

    create = run


def test_a_tasks_container_gets_no_privileges_and_nothing_of_the_host() -> None:
    """Docker's default seccomp profile and capabilities, no mount, no device, no namespace of the host, whatever the task says."""
    engine = Recorder()
    runtime: Any = object.__new__(DockerTaskRuntime)
    runtime._client, runtime._host = engine, SimpleNamespace(world_id="w", labels=lambda **_: {})
    image = PulledImage("image", "sha256:0", {})
    container = ContainerSpec(name="web", image=image, environment={"A": "b"})
    task = SimpleNamespace(
        containers={},
        spec=SimpleNamespace(family="f", task_id="0" * 32, memory=512, cpu=256),
        pause=SimpleNamespace(id="p"),
    )
    runtime._run(task, container)
    options = set(engine.options)
    assert options & {
        "privileged", "cap_add", "security_opt", "volumes", "mounts", "binds", "devices", "pid_mode", "ipc_mode", "userns_mode",
        "cgroup_parent", "sysctls", "device_requests", "extra_hosts", "volumes_from",
    } == set()  # fmt: skip
    assert engine.options["network_mode"] == "container:p"
    assert engine.options["environment"] == {"A": "b"}


def test_buildx_is_refused_by_name() -> None:
    """Docker takes the plugin for one of its own, and whoever calls it reads what to do instead."""
    plugin = Path(images.__file__).parent / "buildimage/docker-buildx"
    metadata = subprocess.run(
        ["sh", str(plugin), "docker-cli-plugin-metadata"], capture_output=True, text=True, check=True
    )
    assert json.loads(metadata.stdout)["SchemaVersion"] == "0.1.0"
    refused = subprocess.run(
        ["sh", str(plugin), "buildx", "bake", "--push"], capture_output=True, text=True, check=False
    )
    assert refused.returncode == 1
    assert "docker buildx bake --push: Pushproof's build image has Docker without buildx" in refused.stderr
    assert "DOCKER_BUILDKIT=1 docker build" in refused.stderr
