"""The registry with the clients people use: Docker and skopeo, unmodified."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from pushproof.base.environment import world_environment
from pushproof.emulator.kernel.images import IMAGES_HOST
from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.registry.mirror import ImagesMirror
from pushproof.emulator.runtime.docker.host import connect
from pushproof.emulator.world import World

pytestmark = pytest.mark.docker

# A wrapper that stands before Docker's own client on PATH would not be what people use.
DOCKER = "/usr/bin/docker" if os.access("/usr/bin/docker", os.X_OK) else "docker"
needs_skopeo = pytest.mark.skipif(shutil.which("skopeo") is None, reason="skopeo is not installed")


@dataclass
class Shell:
    """Runs clients with a Docker configuration of their own."""

    world: World
    home: Path

    def run(self, *command: str, text: str | None = None, fails: bool = False) -> str:
        environment = {
            **os.environ,
            "DOCKER_CONFIG": str(self.home),
            "REGISTRY_AUTH_FILE": str(self.home / "auth.json"),
        }
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=120, env=environment)
        output = done.stdout + done.stderr
        assert (done.returncode != 0) == fails, f"{' '.join(command)} exited {done.returncode}:\n{output}"
        return output

    def docker(self, *arguments: str, **more: Any) -> str:
        return self.run(DOCKER, *arguments, **more)

    def skopeo(self, *arguments: str, **more: Any) -> str:
        return self.run("skopeo", "--insecure-policy", *arguments, **more)

    @property
    def password(self) -> str:
        data = self.world.administrator("ecr").get_authorization_token()["authorizationData"][0]
        return base64.b64decode(data["authorizationToken"]).decode().partition(":")[2]

    def login(self) -> None:
        self.docker("login", "--username", "AWS", "--password-stdin", self.world.registry_host, text=self.password)

    def reference(self, tag: str, name: str = "app") -> str:
        return f"{self.world.registry_host}/{name}:{tag}"


@pytest.fixture
def world() -> Iterator[World]:
    with World(WorldSettings(speed=10)) as made:
        made.serve()
        made.administrator("ecr").create_repository(repositoryName="app", imageTagMutability="IMMUTABLE")
        made.administrator("ecr").create_repository(repositoryName="cache")
        yield made


@pytest.fixture
def shell(world: World, tmp_path: Path) -> Shell:
    return Shell(world, tmp_path)


@pytest.fixture
def engine() -> Iterator[Any]:
    client = connect()
    yield client
    client.close()


class LocalImages:
    """Small images on the host's engine, removed with every name they were given."""

    def __init__(self, engine: Any) -> None:
        self.engine = engine
        self.names: list[str] = []

    def make(self, name: str, content: str) -> str:
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as tar:
            member = tarfile.TarInfo("content")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content.encode()))
        repository, _, tag = name.rpartition(":")
        self.engine.api.import_image_from_data(
            data.getvalue(), repository=repository, tag=tag, changes=[f"LABEL content={content}"]
        )
        # Its id too: another image may take the name over.
        self.names += [self.engine.images.get(name).id, name]
        return name

    def named(self, name: str) -> str:
        self.names.append(name)
        return name


@pytest.fixture
def images(engine: Any) -> Iterator[LocalImages]:
    from docker.errors import APIError

    made = LocalImages(engine)
    yield made
    for name in reversed(made.names):
        with contextlib.suppress(APIError):
            engine.images.remove(name, force=True)


def test_docker_login_push_pull(world: World, shell: Shell, images: LocalImages, engine: Any) -> None:
    """`docker login`, `push` and `pull` work with ECR's token, and ECR shows what was pushed."""
    name = images.make(shell.reference("v1"), "one")
    assert "no basic auth credentials" in shell.docker("push", name, fails=True)
    shell.login()
    pushed = shell.docker("push", name)
    (detail,) = world.administrator("ecr").describe_images(repositoryName="app")["imageDetails"]
    assert detail["imageTags"] == ["v1"]
    assert detail["imageDigest"] in pushed
    original = engine.images.get(name).id
    engine.images.remove(name)
    shell.docker("pull", name)
    assert engine.images.get(name).id == original
    resolved = world.registry.resolve(name)
    assert (resolved.digest, resolved.labels) == (detail["imageDigest"], {"content": "one"})
    assert [event.envelope["detail"]["action-type"] for event in world.bus.history] == ["PUSH"]


def test_aws_cli(world: World, shell: Shell, images: LocalImages) -> None:
    """The AWS CLI logs Docker in, waits for the scan, shows the image, and deletes the repository with it."""

    def aws(*arguments: str) -> str:
        administrator = world.keys.administrator
        keys = (administrator.access_key_id, administrator.secret_access_key)
        environment = world_environment(world.endpoint, region=world.region, account_id=world.account_id, keys=keys)
        command = [sys.executable, "-m", "awscli", "ecr", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    aws("put-image-scanning-configuration", "--repository-name=app", "--image-scanning-configuration=scanOnPush=true")
    password = aws("get-login-password").strip()
    shell.docker("login", "--username", "AWS", "--password-stdin", world.registry_host, text=password)
    shell.docker("push", images.make(shell.reference("v1"), "one"))
    aws("wait", "image-scan-complete", "--repository-name=app", "--image-id=imageTag=v1")
    shown = json.loads(aws("describe-images", "--repository-name=app", "--output=json"))["imageDetails"][0]
    assert shown["imageTags"] == ["v1"]
    assert shown["imageScanStatus"]["status"] == "COMPLETE"
    assert shown["imageScanFindingsSummary"]["findingSeverityCounts"] == {}
    aws("delete-repository", "--repository-name=app", "--force")
    assert [
        repository["repositoryName"] for repository in json.loads(aws("describe-repositories"))["repositories"]
    ] == ["cache"]


def test_docker_push_that_ecr_refuses(shell: Shell, images: LocalImages) -> None:
    """An immutable tag, a repository that is not there, and a bad login fail with ECR's words."""
    assert "401" in shell.docker(
        "login", "-u", "AWS", "--password-stdin", shell.world.registry_host, text="x", fails=True
    )
    shell.login()
    shell.docker("push", images.make(shell.reference("v1"), "one"))
    assert (
        "tag invalid: The image tag 'v1' already exists in the 'app' repository and cannot be overwritten "
        "because the tag is immutable."
    ) in shell.docker("push", images.make(shell.reference("v1"), "two"), fails=True)
    missing = images.make(shell.reference("v1", "nowhere"), "one")
    words = "name unknown: The repository with name 'nowhere' does not exist in the registry with id '123456789012'"
    assert words in shell.docker("push", missing, fails=True)
    assert "not found" in shell.docker("pull", shell.reference("none"), fails=True).lower()


@needs_skopeo
def test_skopeo_in_and_out(world: World, shell: Shell, images: LocalImages, tmp_path: Path) -> None:
    """skopeo copies an image in, inspects it, and copies it out with the same digest."""
    credentials = f"AWS:{shell.password}"
    local = images.make(f"pushproof-test-{uuid.uuid4().hex[:8]}:1", "one")
    archive = tmp_path / "image.tar"
    shell.docker("save", "-o", str(archive), local)
    target = f"docker://{shell.reference('v1')}"
    shell.skopeo("copy", "--dest-tls-verify=false", "--dest-creds", credentials, f"docker-archive:{archive}", target)
    shown = json.loads(shell.skopeo("inspect", "--tls-verify=false", "--creds", credentials, target))
    (detail,) = world.administrator("ecr").describe_images(repositoryName="app")["imageDetails"]
    assert shown["Digest"] == detail["imageDigest"]
    assert shown["RepoTags"] == ["v1"]
    out = tmp_path / "out"
    shell.skopeo("copy", "--src-tls-verify=false", "--src-creds", credentials, target, f"dir:{out}")
    content = (out / "manifest.json").read_bytes()
    assert "sha256:" + hashlib.sha256(content).hexdigest() == detail["imageDigest"]
    assert (
        "UNSUPPORTED"
        in shell.skopeo("delete", "--tls-verify=false", "--creds", credentials, target, fails=True).upper()
    )


@needs_skopeo
def test_multi_architecture_index(world: World, shell: Shell, images: LocalImages, tmp_path: Path) -> None:
    """An index over two architectures goes in and out whole; Docker pulls the one that fits."""
    layout = tmp_path / "layout"
    index_digest = write_layout(layout)
    credentials = f"AWS:{shell.password}"
    target = f"docker://{shell.reference('multi', 'cache')}"
    shell.skopeo("copy", "--all", "--dest-tls-verify=false", "--dest-creds", credentials, f"oci:{layout}:multi", target)
    details = world.administrator("ecr").describe_images(repositoryName="cache")["imageDetails"]
    assert {one["imageDigest"]: one.get("imageTags") for one in details}[index_digest] == ["multi"]
    assert len(details) == 3
    out = tmp_path / "out"
    shell.skopeo("copy", "--all", "--src-tls-verify=false", "--src-creds", credentials, target, f"dir:{out}")
    assert "sha256:" + hashlib.sha256((out / "manifest.json").read_bytes()).hexdigest() == index_digest
    shell.login()
    shell.docker("pull", images.named(shell.reference("multi", "cache")))
    assert world.registry.resolve(shell.reference("multi", "cache")).config["architecture"] in ("amd64", "arm64")


def write_layout(folder: Path) -> str:
    """An OCI layout of one index over amd64 and arm64, named `multi`; returns the index's digest."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def keep(content: bytes, kind: str, **more: Any) -> dict[str, Any]:
        digest = hashlib.sha256(content).hexdigest()
        (blobs / digest).write_bytes(content)
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(content), **more}

    oci = "application/vnd.oci.image"
    members = []
    for architecture in ("amd64", "arm64"):
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as tar:
            tar.addfile(tarfile.TarInfo(architecture))
        # Compressed, because skopeo compresses what is not, and that changes the digest.
        layer = keep(gzip.compress(data.getvalue(), mtime=0), f"{oci}.layer.v1.tar+gzip")
        rootfs = {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(data.getvalue()).hexdigest()]}
        config = keep(
            json.dumps({"architecture": architecture, "os": "linux", "config": {}, "rootfs": rootfs}).encode(),
            f"{oci}.config.v1+json",
        )
        written = {"schemaVersion": 2, "mediaType": f"{oci}.manifest.v1+json", "config": config, "layers": [layer]}
        platform = {"architecture": architecture, "os": "linux"}
        members.append(keep(json.dumps(written).encode(), f"{oci}.manifest.v1+json", platform=platform))
    index = {"schemaVersion": 2, "mediaType": f"{oci}.index.v1+json", "manifests": members}
    named = keep(
        json.dumps(index).encode(),
        f"{oci}.index.v1+json",
        annotations={"org.opencontainers.image.ref.name": "multi"},
    )
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [named]}))
    return str(named["digest"])


def test_docker_manifest_list(world: World, shell: Shell, images: LocalImages) -> None:
    """`docker manifest create`, `annotate`, `push` and `inspect` work: Docker tries TLS, and falls back after the answer.

    https://docs.docker.com/reference/cli/docker/manifest/
    """
    shell.login()
    members = [images.make(shell.reference(f"multi-{name}", "cache"), name) for name in ("amd64", "arm64")]
    for member in members:
        shell.docker("push", member)
    listed = shell.reference("all", "cache")
    shell.docker("manifest", "create", "--insecure", listed, *members)
    shell.docker("manifest", "annotate", "--os", "linux", "--arch", "arm64", listed, members[1])
    pushed = shell.docker("manifest", "push", "--insecure", listed).strip()
    (detail,) = world.administrator("ecr").describe_images(repositoryName="cache", imageIds=[{"imageTag": "all"}])[
        "imageDetails"
    ]
    assert detail["imageDigest"] in pushed
    assert detail["imageManifestMediaType"] == "application/vnd.docker.distribution.manifest.list.v2+json"
    shown = json.loads(shell.docker("manifest", "inspect", "--insecure", listed))
    assert [member["platform"]["architecture"] for member in shown["manifests"]] == ["amd64", "arm64"]


def has_buildx() -> bool:
    return subprocess.run([DOCKER, "buildx", "version"], capture_output=True, timeout=60).returncode == 0


@pytest.mark.skipif(not has_buildx(), reason="docker buildx is not installed")
def test_buildx_imagetools(shell: Shell, images: LocalImages) -> None:
    """`docker buildx imagetools create` makes an index of images that are there, and `inspect` shows it."""
    shell.login()
    members = [images.make(shell.reference(f"part-{name}", "cache"), name) for name in ("one", "two")]
    for member in members:
        shell.docker("push", member)
    listed = shell.reference("imagetools", "cache")
    shell.docker("buildx", "imagetools", "create", "--tag", listed, *members)
    shown = json.loads(shell.docker("buildx", "imagetools", "inspect", "--raw", listed))
    assert len(shown["manifests"]) == 2


@needs_skopeo
def test_skopeo_logs_in_lists_and_synchronises(world: World, shell: Shell, images: LocalImages) -> None:
    """`skopeo login`, `list-tags` and `sync` into a second repository keep tags and digests."""
    shell.skopeo("login", "--tls-verify=false", "--username", "AWS", "--password", shell.password, world.registry_host)
    shell.login()
    for tag in ("v1", "v2"):
        shell.docker("push", images.make(shell.reference(tag), tag))
    source = f"docker://{world.registry_host}/app"
    assert json.loads(shell.skopeo("list-tags", "--tls-verify=false", source))["Tags"] == ["v1", "v2"]
    ecr = world.administrator("ecr")
    ecr.create_repository(repositoryName="mirror/app")
    insecure = ("--src-tls-verify=false", "--dest-tls-verify=false")
    names = (f"{world.registry_host}/app", f"{world.registry_host}/mirror")
    shell.skopeo("sync", *insecure, "--src", "docker", "--dest", "docker", *names)

    def digests(repository: str) -> dict[str, str]:
        details = ecr.describe_images(repositoryName=repository)["imageDetails"]
        return {detail["imageTags"][0]: detail["imageDigest"] for detail in details}

    assert digests("mirror/app") == digests("app")


class EngineOnly:
    """The part of a world's Docker side that the mirror uses."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def close(self) -> None:
        """The client is the test's."""


def mirror_of(world: World) -> int:
    """The place of the images mirror among the gateway's fronts."""
    return next(n for n, front in enumerate(world.gateway.fronts) if isinstance(front, ImagesMirror))


def test_images_mirror(world: World, images: LocalImages, engine: Any, tmp_path: Path) -> None:
    """An image of the host is served under the mirror's secret name, and no other, exported once, and nothing can be pushed."""
    mirror = ImagesMirror(EngineOnly(engine), "secret", tmp_path / "cache")
    world.gateway.fronts[mirror_of(world)] = mirror
    repository = f"pushproof-test-{uuid.uuid4().hex[:8]}"
    identity = engine.images.get(images.make(f"{repository}:1", "base")).id
    host = {"Host": f"secret.{IMAGES_HOST}:{world.port}"}

    def get(path: str, method: str = "GET") -> requests.Response:
        return requests.request(method, f"{world.endpoint}/v2/{path}", headers=host, timeout=60)

    assert get("").status_code == 200
    for name in (IMAGES_HOST, f"other.{IMAGES_HOST}"):
        stranger = requests.get(f"{world.endpoint}/v2/", headers={"Host": f"{name}:{world.port}"}, timeout=60)
        assert stranger.status_code == 401
    # Docker Hub names official images library/x.
    answer = get(f"library/{repository}/manifests/1")
    assert answer.status_code == 200, answer.text
    manifest = answer.json()
    assert manifest["config"]["digest"] == identity
    config = get(f"library/{repository}/blobs/{identity}").json()
    layers = [get(f"library/{repository}/blobs/{layer['digest']}").content for layer in manifest["layers"]]
    assert ["sha256:" + hashlib.sha256(layer).hexdigest() for layer in layers] == config["rootfs"]["diff_ids"]
    by_digest = get(f"library/{repository}/manifests/{answer.headers['Docker-Content-Digest']}")
    assert by_digest.content == answer.content
    written = {path: path.stat().st_ino for path in (tmp_path / "cache" / "blobs").iterdir()}
    assert get(f"library/{repository}/manifests/1").content == answer.content
    assert {path: path.stat().st_ino for path in (tmp_path / "cache" / "blobs").iterdir()} == written
    assert get("library/no-such-image/manifests/1").status_code == 404
    assert get(f"library/{repository}/blobs/sha256:{'0' * 64}").status_code == 404
    assert get(f"library/{repository}/blobs/uploads/", "POST").status_code == 405


@needs_skopeo
def test_skopeo_reads_the_mirrors_export(world: World, images: LocalImages, engine: Any, tmp_path: Path) -> None:
    """The mirror serves a valid image to an OCI client: every layer is fetched and checked."""
    mirror = ImagesMirror(EngineOnly(engine), "127.0.0.1", tmp_path / "cache")
    # skopeo goes to the gateway's own address, where the mirror answers only for this test.
    mirror.accepts = lambda request: request.path.startswith("/v2")
    world.gateway.fronts[mirror_of(world)] = mirror
    repository = f"pushproof-test-{uuid.uuid4().hex[:8]}"
    images.make(f"{repository}:1", "base")
    source = f"docker://{world.registry_host}/library/{repository}:1"
    shell = Shell(world, tmp_path)
    shell.skopeo("copy", "--src-tls-verify=false", source, f"dir:{tmp_path / 'out'}")
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["schemaVersion"] == 2
