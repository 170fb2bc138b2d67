"""Zips from outside, damaged and hostile: each is unpacked below its place, or refused, in bounded time and memory."""

from __future__ import annotations

import contextlib
import io
import json
import tarfile
import warnings
import zipfile
from random import Random

from tests.fuzz.inputs import bounded, campaign, damaged, text

from pushproof.emulator.kernel.archives import UnsafeArchive
from pushproof.emulator.runtime.docker.builder import zip_to_tar
from pushproof.emulator.services.codepipeline.artifacts import member_of
from pushproof.engines.imagedefinitions import ImageDefinitionsError, read_image_definitions

_MOST = 8 * 1024 * 1024


def made(random: Random) -> bytes:
    """Return a zip with files, links, odd names and perhaps a bomb."""
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")
        archive.writestr("imagedefinitions.json", json.dumps([{"name": "web", "imageUri": "a:b"}]))
        for _ in range(random.randrange(4)):
            name = random.choice(
                ("a/b", "../../etc/passwd", "/etc/passwd", "l/x", "..", "a//b", text(random)[:60] or "x")
            )
            info = zipfile.ZipInfo(name.replace("\ud800", "").replace("\0", "") or "x")
            link = random.random() < 0.3
            info.external_attr = (0o120777 if link else random.randrange(2**16)) << 16
            info.date_time = (random.choice((1980, 2107)), *(random.choice((1, 12)) for _ in range(2)), 23, 59, 58)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, b"/etc" if link else b"content")
        if random.random() < 0.02:
            archive.writestr("bomb", bytes(_MOST + 1))
    return out.getvalue()


@campaign
def test_archives(random: Random) -> None:
    """A zip becomes a tar whose members all lie in its directory and hold no more than they may, or is refused."""
    content = made(random)
    if random.random() < 0.6:
        content = damaged(random, content)
    with bounded(content[:3000]):
        try:
            packed = zip_to_tar(content, "/codebuild/src", _MOST)
        except UnsafeArchive:
            packed = b""
        with contextlib.suppress(UnsafeArchive, ImageDefinitionsError):
            read_image_definitions(member_of(content, "imagedefinitions.json"), "imagedefinitions.json")
    if packed:
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            members = archive.getmembers()
        assert sum(member.size for member in members) <= _MOST
        for member in members:
            assert member.name == "codebuild" or member.name.startswith(("codebuild/", "codebuild/src/"))
            assert ".." not in member.name.split("/")
