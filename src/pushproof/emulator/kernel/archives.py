"""Zips from outside: examined before anything is unpacked, so that none reaches beyond its place or fills memory and disk.

Reading never yields more bytes than an entry declares, so the declared sizes are the bound.
Source: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT (4.4.17: names are relative, with forward slashes)
"""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from pathlib import Path

MOST_ENTRIES = 200_000
# A symbolic link's target is a path.
_LONGEST_LINK = 4096
_STORED = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA})


class UnsafeArchive(ValueError):
    """An archive that is not unpacked; the message names the reason."""


def examined(content: bytes, most_bytes: int) -> zipfile.ZipFile:
    """Open a zip whose entries all lie below its root, and together have at most that many bytes. Raises UnsafeArchive."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
        raise UnsafeArchive(f"it is not a zip archive: {error}") from error
    if len(entries) > MOST_ENTRIES:
        raise UnsafeArchive(f"it has {len(entries)} entries; at most {MOST_ENTRIES} are unpacked")
    total = sum(entry.file_size for entry in entries)
    if total > most_bytes:
        raise UnsafeArchive(f"it unpacks to {total} bytes; at most {most_bytes} are unpacked")
    links = {entry.filename.rstrip("/") for entry in entries if is_link(entry)}
    for entry in entries:
        _examine(entry, links)
    return archive


def _examine(entry: zipfile.ZipInfo, links: set[str]) -> None:
    name = entry.filename
    parts = name.rstrip("/").split("/")
    if not name or name.startswith("/") or ".." in parts or "\0" in entry.orig_filename or not _is_text(name):
        raise UnsafeArchive(f"its entry {name[:200]!r} is no path below its root")
    if links and any("/".join(parts[:count]) in links for count in range(1, len(parts))):
        raise UnsafeArchive(f"its entry {name[:200]!r} lies behind a symbolic link")
    if entry.flag_bits & 0x1 or entry.compress_type not in _STORED:
        raise UnsafeArchive(f"its entry {name[:200]!r} is encrypted, or compressed in an unknown way")
    if is_link(entry) and entry.file_size > _LONGEST_LINK:
        raise UnsafeArchive(f"its symbolic link {name[:200]!r} is too long")


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_link(entry: zipfile.ZipInfo) -> bool:
    """Return whether an entry is a symbolic link."""
    return stat.S_ISLNK(entry.external_attr >> 16)


def zip_of(directory: Path) -> bytes:
    """Return a zip of everything below a directory, with modes and symbolic links."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(directory.rglob("*")):
            name = path.relative_to(directory).as_posix()
            mode = path.lstat().st_mode
            if path.is_dir() and not path.is_symlink():
                name += "/"
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            if path.is_symlink():
                archive.writestr(entry, str(path.readlink()))
            else:
                archive.writestr(entry, path.read_bytes() if path.is_file() else b"")
    return content.getvalue()


def content_of(archive: zipfile.ZipFile, entry: zipfile.ZipInfo | str) -> bytes:
    """Return an entry's bytes. Raises UnsafeArchive if they cannot be read, KeyError if there is no such entry."""
    try:
        return archive.read(entry)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError, RuntimeError, zlib.error) as error:
        raise UnsafeArchive(f"it is damaged: {error}") from error
