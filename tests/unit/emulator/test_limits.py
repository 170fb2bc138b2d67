"""Bounds on what callers may make a world hold: each is a setting, and what exceeds it is refused by name."""

from __future__ import annotations

import gzip
import io
import socket
import stat
import warnings
import zipfile
from pathlib import Path
from typing import Any

import pytest
from moto.core.request import Request
from werkzeug.wrappers import Response

from pushproof.emulator.kernel.archives import UnsafeArchive
from pushproof.emulator.kernel.settings import LimitSettings, WorldSettings
from pushproof.emulator.runtime.docker.builder import zip_to_tar
from pushproof.emulator.runtime.docker.host import DockerHost, NoRoom
from pushproof.emulator.services.codepipeline.artifacts import member_of
from pushproof.emulator.services.ecr.layersize import unpacks_beyond
from pushproof.emulator.wire.server import Server
from pushproof.emulator.world import World


def spoken(port: int, sent: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(65536), b""))


def server(**limits: int) -> Server:
    opened = Server(lambda request: Response(str(len(request.get_data()))), LimitSettings(**limits))
    opened.start()
    return opened


def test_headers_and_bodies_have_bounds() -> None:
    """431 and 413, each with the name of its setting, before the body is read."""
    opened = server(header_bytes=200, object_bytes=10)
    try:
        head = b"POST / HTTP/1.1\r\nHost: a\r\n"
        assert spoken(opened.port, head + b"Content-Length: 10\r\n\r\n" + b"x" * 10).endswith(b"\r\n\r\n10")
        answer = spoken(opened.port, head + b"X: " + b"x" * 300 + b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 431 ")
        assert b"limits.header_bytes" in answer
        for rest in (b"Content-Length: 11\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n"):
            answer = spoken(opened.port, head + rest)
            assert answer.startswith(b"HTTP/1.1 413 ")
            assert b"limits.object_bytes" in answer
    finally:
        opened.close()


def test_connections_have_a_bound() -> None:
    """One connection too many gets a 503 with the setting's name at once; when another has ended, there is room again."""
    opened = server(connections=2)
    request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    try:
        waiting = [socket.create_connection(("127.0.0.1", opened.port), timeout=10) for _ in range(2)]
        refused = spoken(opened.port, b"")
        assert refused.startswith(b"HTTP/1.1 503 ")
        assert b"limits.connections" in refused
        for client in waiting:
            client.sendall(request)
            assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
            client.close()
        for _ in range(200):
            if spoken(opened.port, request).startswith(b"HTTP/1.1 200 "):
                break
        else:
            pytest.fail("no connection was given back")
    finally:
        opened.close()


def test_a_call_has_a_bound() -> None:
    """A call longer than the setting is refused, unpacked or not."""
    with World.virtual(WorldSettings(limits=LimitSettings(call_bytes=1000))) as world:
        headers = {
            "Authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/eu-west-1/ecs/aws4_request, SignedHeaders=host, Signature=x",
            "X-Amz-Target": "AmazonEC2ContainerServiceV20141113.ListClusters",
            "Content-Type": "application/x-amz-json-1.1",
        }
        body = b'{"nextToken": "' + b"x" * 2000 + b'"}'
        answer = world.gateway.handle(Request.from_primitives("POST", "http://127.0.0.1/", headers, body))
        assert answer.status_code == 413
        assert "limits.call_bytes" in answer.get_data(as_text=True)


def test_a_form_has_a_lower_bound() -> None:
    """A call of a query API is short: a long form is refused before its escapes are read."""
    with World.virtual(WorldSettings(limits=LimitSettings(form_bytes=1000))) as world:
        headers = {
            "Authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/eu-west-1/iam/aws4_request, SignedHeaders=host, Signature=x",
            "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
        }
        body = b"Action=ListRoles&Version=2010-05-08&Marker=" + b"%41" * 500
        answer = world.gateway.handle(Request.from_primitives("POST", "http://127.0.0.1/", headers, body))
        assert answer.status_code == 413
        assert "limits.form_bytes" in answer.get_data(as_text=True)


def test_layers_have_a_bound_on_disk() -> None:
    """A layer that the disk's bound leaves no room for is refused; one that is given up makes room."""
    with World.virtual(WorldSettings(limits=LimitSettings(disk_bytes=100))) as world:
        ecr = world.administrator("ecr")
        ecr.create_repository(repositoryName="app")
        login = f"Basic {ecr.get_authorization_token()['authorizationData'][0]['authorizationToken']}"

        def send(method: str, path: str, body: bytes = b"") -> Response:
            url = f"http://127.0.0.1/v2/app/blobs/uploads/{path}"
            return world.gateway.handle(Request.from_primitives(method, url, {"Authorization": login}, body))

        first, second = (send("POST", "").headers["Docker-Upload-UUID"] for _ in range(2))
        assert send("PATCH", first, b"x" * 80).status_code == 202
        refused = send("PATCH", second, b"x" * 80)
        assert refused.status_code == 400
        assert "limits.disk_bytes" in refused.get_data(as_text=True)
        assert send("DELETE", first).status_code == 204
        assert send("PATCH", second, b"x" * 80).status_code == 202


class Containers:
    """Docker Engine with some containers of a world."""

    def __init__(self, count: int) -> None:
        self.api = self
        self._count = count

    def containers(self, **_: Any) -> list[str]:
        return ["x"] * self._count


def test_containers_have_a_bound() -> None:
    """A world starts no container beyond its setting."""
    host: Any = object.__new__(DockerHost)
    host.world_id, host.client = "w", Containers(4)
    host.check_room(6, 2)
    with pytest.raises(NoRoom, match=r"limits\.containers"):
        host.check_room(5, 2)


def zipped(*entries: tuple[str, bytes, int]) -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")
        for name, content, mode in entries:
            info = zipfile.ZipInfo(name)
            info.external_attr, info.compress_type = mode << 16, zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return out.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        zipped(("../../etc/passwd", b"x", 0o644)),
        zipped(("/etc/passwd", b"x", 0o644)),
        zipped(("a/../../b", b"x", 0o644)),
        zipped(("link", b"/etc", stat.S_IFLNK | 0o777), ("link/passwd", b"x", 0o644)),
        zipped(("bomb", bytes(2_000_000), 0o644)),
        b"PK no zip",
    ],
)
def test_a_hostile_zip_is_not_unpacked(content: bytes) -> None:
    """Paths out of the archive, ways through a link, and bombs are refused before a byte is unpacked."""
    with pytest.raises(UnsafeArchive):
        zip_to_tar(content, "/codebuild/src", 1_000_000)


def test_a_file_of_an_artifact_is_read_in_part() -> None:
    """An action reads a mebibyte of imagedefinitions.json at most, whatever it unpacks to."""
    content = zipped(("imagedefinitions.json", bytes(50_000_000), 0o644))
    assert len(member_of(content, "imagedefinitions.json") or b"") == 1024 * 1024


def test_a_layer_that_is_a_bomb_is_not_pulled(tmp_path: Path) -> None:
    """A layer that unpacks to more than the setting is recognised before Docker gets it; any other passes."""
    bomb, plain = tmp_path / "bomb", tmp_path / "plain"
    bomb.write_bytes(gzip.compress(bytes(3_000_000)))
    plain.write_bytes(b"x" * 2_000)
    assert bomb.stat().st_size < 10_000
    assert unpacks_beyond(bomb, 1_000_000)
    assert not unpacks_beyond(bomb, 3_000_000)
    assert not unpacks_beyond(plain, 1_000_000)
    assert unpacks_beyond(plain, 1_000)
