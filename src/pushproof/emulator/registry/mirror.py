"""Base images for builds without network: the host engine's own images, as a read-only registry mirror.

A build's Docker daemon has `<secret>.images.pushproof.internal` as its mirror: Docker sends no login to mirrors, and always the
mirror's name, which only builds of this world have. So `FROM some/base:tag` is served from here if
the host has it. An image is exported once, layer by layer, into the user's cache, under its id; layers stay uncompressed, which
costs no time and gives the same digests at every export.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import json
import logging
import os
import re
import shutil
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar

from moto.core.request import Request
from werkzeug.wrappers import Response

from pushproof.base.directories import cache_directory, private
from pushproof.emulator.kernel.images import IMAGES_HOST
from pushproof.emulator.registry.errors import RegistryError
from pushproof.emulator.wire.blobresponse import blob_response

if TYPE_CHECKING:
    from pushproof.emulator.kernel.site import Engine

log = logging.getLogger(__name__)

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
_PATH = re.compile(r"/v2/(?P<name>.+)/(?P<kind>manifests|blobs)/(?P<reference>[^/]+)")
_CHUNK = 1024 * 1024
# Exports that were not requested for this many seconds are dropped at the next export.
_KEPT = 14 * 86_400.0


class ImagesMirror:
    """A front of the gateway for requests to `images.pushproof.internal`."""

    # : What is no part of a kept world.
    not_kept: ClassVar[tuple[str, ...]] = ("*",)

    name = "images mirror"

    def __init__(self, host: Engine | None, secret: str, cache: Path | None = None) -> None:
        """Set up; `secret` is the first label of the name by which builds reach it."""
        self._host = host
        self._secret = secret
        self._cache = cache or cache_directory() / "images"
        self._guard = threading.Lock()

    def accepts(self, request: Request) -> bool:
        name = _host_of(request)
        return name == IMAGES_HOST or name.endswith(f".{IMAGES_HOST}")

    def handle(self, request: Request) -> Response:
        try:
            return self._answer(request)
        except RegistryError as error:
            return error.response()

    def _answer(self, request: Request) -> Response:
        label = _host_of(request).removesuffix(IMAGES_HOST).removesuffix(".")
        if not hmac.compare_digest(label.encode("utf-8", "replace"), self._secret.encode()):
            raise RegistryError(401, "UNAUTHORIZED", "Only builds of this world have the name of this mirror.")
        if request.method not in ("GET", "HEAD"):
            raise RegistryError(405, "UNSUPPORTED", "This mirror can only be read.")
        if request.path in ("/v2", "/v2/"):
            return Response(b"{}", content_type="application/json")
        match = _PATH.fullmatch(request.path)
        if match is None:
            raise RegistryError(404, "NAME_UNKNOWN", f"There is nothing at {request.path}.")
        name, kind, reference = match["name"], match["kind"], match["reference"]
        if kind == "manifests" and ":" not in reference:
            digest = self._export(name, reference)
        else:
            digest = reference
        path = _blob(self._cache, digest)
        if re.fullmatch(r"sha256:[0-9a-f]{64}", digest) is None or not path.is_file():
            code = "MANIFEST_UNKNOWN" if kind == "manifests" else "BLOB_UNKNOWN"
            raise RegistryError(404, code, f"{digest} of {name} is not here.")
        os.utime(path)
        if kind == "blobs":
            return blob_response(request, path, digest, path.stat().st_size)
        response = Response(path.read_bytes(), content_type=_MANIFEST)
        response.headers["Docker-Content-Digest"] = digest
        return response

    def _export(self, name: str, tag: str) -> str:
        """Return the digest of the manifest of a local image, exported first if need be. Raises RegistryError if there is none."""
        from docker.errors import APIError, ImageNotFound

        host = self._host
        if host is None:
            raise RegistryError(404, "MANIFEST_UNKNOWN", "This world has no Docker Engine to take images from.")
        try:
            image = host.client.images.get(f"{name.removeprefix('library/')}:{tag}")
        except (ImageNotFound, APIError):
            raise RegistryError(
                404,
                "MANIFEST_UNKNOWN",
                f"The host has no image {name.removeprefix('library/')}:{tag}. Pull or build it first.",
            ) from None
        identity = str(image.id)
        with self._guard, _locked(self._cache):
            note = self._cache / "exports" / identity.replace(":", "-")
            digest = note.read_text() if note.is_file() else ""
            if not digest or not _complete(self._cache, digest):
                log.info("exporting %s:%s for builds", name, tag)
                digest = export(image.save(chunk_size=_CHUNK), identity, self._cache)
                note.parent.mkdir(parents=True, exist_ok=True)
                note.write_text(digest)
                _prune(self._cache)
            else:
                _touch(self._cache, digest, note)
        return digest


def export(archive: Iterator[bytes], image_id: str, cache: Path) -> str:
    """Put the layers and configuration of a `docker image save` archive under `cache`. Return the manifest's digest.

    The archive is read as a stream, each layer written once. Raises RegistryError if it is no such archive.
    """
    stored: dict[str, tuple[str, int]] = {}
    links: dict[str, str] = {}
    index: list[dict[str, Any]] = []
    with tarfile.open(fileobj=_Reader(archive), mode="r|") as tar:  # type: ignore[call-overload]
        for member in tar:
            if member.issym() or member.islnk():
                base = os.path.dirname(member.name) if member.issym() else ""
                links[member.name] = os.path.normpath(os.path.join(base, member.linkname))
            content = tar.extractfile(member) if member.isreg() else None
            if content is not None and member.name == "manifest.json":
                index = json.loads(content.read())
            elif content is not None:
                stored[member.name] = _keep(content, cache)
    if not index:
        raise RegistryError(404, "MANIFEST_INVALID", f"The engine's archive of {image_id} has no manifest.json.")

    def descriptor(name: str, media_type: str) -> dict[str, Any]:
        while name in links and name not in stored:
            name = links[name]
        digest, size = stored[name]
        return {"mediaType": media_type, "size": size, "digest": digest}

    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": descriptor(index[0]["Config"], _CONFIG),
        "layers": [descriptor(layer, _LAYER) for layer in index[0]["Layers"]],
    }
    import io

    return _keep(io.BytesIO(json.dumps(manifest).encode()), cache)[0]


def _host_of(request: Request) -> str:
    return str(request.environ.get("HTTP_HOST") or request.host).partition(":")[0].lower()


class _Reader:
    """An iterator of bytes as a readable file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int) -> bytes:
        parts, have = [self._rest], len(self._rest)
        while have < size and (chunk := next(self._chunks, b"")):
            parts.append(chunk)
            have += len(chunk)
        whole = b"".join(parts)
        self._rest = whole[size:]
        return whole[:size]


def _keep(content: IO[bytes], cache: Path) -> tuple[str, int]:
    folder = cache / "incoming"
    folder.mkdir(parents=True, exist_ok=True)
    hashed, size = hashlib.sha256(), 0
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
        while chunk := content.read(_CHUNK):
            hashed.update(chunk)
            size += len(chunk)
            file.write(chunk)
    digest = "sha256:" + hashed.hexdigest()
    target = _blob(cache, digest)
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(file.name, target)
    return digest, size


def _blob(cache: Path, digest: str) -> Path:
    return cache / "blobs" / digest.replace(":", "-")


def _parts(cache: Path, digest: str) -> list[Path]:
    manifest = json.loads(_blob(cache, digest).read_bytes())
    return [
        _blob(cache, digest),
        *(_blob(cache, descriptor["digest"]) for descriptor in (manifest["config"], *manifest["layers"])),
    ]


def _complete(cache: Path, digest: str) -> bool:
    return _blob(cache, digest).is_file() and all(path.is_file() for path in _parts(cache, digest))


def _touch(cache: Path, digest: str, note: Path) -> None:
    for path in (*_parts(cache, digest), note):
        os.utime(path)


def _prune(cache: Path) -> None:
    oldest = time.time() - _KEPT
    for folder in ("blobs", "exports"):
        for path in (cache / folder).iterdir():
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < oldest:
                    path.unlink()
    shutil.rmtree(cache / "incoming", ignore_errors=True)


@contextlib.contextmanager
def _locked(cache: Path) -> Iterator[None]:
    """Hold the lock of the cache, so that one process at a time fills it."""
    private(cache)
    with (cache / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
