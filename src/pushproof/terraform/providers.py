"""The source of the AWS provider: a mirror on disk where there is one, the registry otherwise.

Sources: https://developer.hashicorp.com/terraform/cli/config/config-file#provider-installation (filesystem mirrors, implied local
mirror directories, plugin cache).
"""

from __future__ import annotations

import functools
import os
import re
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pushproof.terraform.errors import ProviderMissing

_PROVIDER = Path("registry.terraform.io/hashicorp/aws")
_VERSION = re.compile(r"\d+\.\d+\.\d+")
# The variables that decide where mirrors are looked for.
_DECISIVE = (
    "PUSHPROOF_PROVIDER_MIRROR",
    "TF_CLI_CONFIG_FILE",
    "TF_PLUGIN_CACHE_DIR",
    "HOME",
    "XDG_DATA_HOME",
    "XDG_DATA_DIRS",
)


@dataclass(frozen=True, slots=True)
class Mirror:
    """A folder laid out as a filesystem mirror, the AWS provider's versions in it, and the addresses of the others that it has."""

    path: Path
    versions: tuple[str, ...]
    others: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.path} (hashicorp/aws {', '.join(self.versions)})"


def find_mirrors(roots: Iterable[Path] | None = None) -> list[Mirror]:
    """Filesystem mirrors with the AWS provider: `$PUSHPROOF_PROVIDER_MIRROR`, the CLI configuration's own, Terraform's implied
    directories, then a shallow look at where mirrors are commonly kept. Each once, in that order.
    """
    choice = os.environ.get("PUSHPROOF_PROVIDER_MIRROR")
    places = [Path(choice)] if choice else []
    places += list(roots) if roots is not None else [*_configured(), *_implied(), *_common()]
    mirrors: dict[Path, Mirror] = {}
    for place in places:
        for base in (place, place / "providers", place / "plugins"):
            mirror = _mirror_at(base)
            if mirror is not None:
                mirrors.setdefault(mirror.path.resolve(), mirror)
    return list(mirrors.values())


def _mirror_at(base: Path) -> Mirror | None:
    folder = base / _PROVIDER
    try:
        names = [entry.name for entry in folder.iterdir()]
    except OSError:
        return None
    versions = {name for name in names if _VERSION.fullmatch(name)}
    versions |= {m[0] for name in names if name.endswith(".zip") and (m := _VERSION.search(name))}
    if not versions:
        return None
    return Mirror(base, tuple(sorted(versions, key=lambda v: [int(p) for p in v.split(".")])), _others(base))


def _others(base: Path) -> tuple[str, ...]:
    """Return the providers beside AWS's in a mirror, as `host/namespace/name`."""
    folders = sorted(folder for folder in base.glob("*.*/*/*") if folder.is_dir())
    names = [str(folder.relative_to(base)) for folder in folders]
    return tuple(name for name in names if name != str(_PROVIDER))


def _configured() -> Iterator[Path]:
    """Mirrors and caches that the person's CLI configuration names, if there is one."""
    for place in (os.environ.get("TF_CLI_CONFIG_FILE"), "~/.terraformrc", "~/.tofurc"):
        if place:
            try:
                text = Path(place).expanduser().read_text()
            except OSError:
                continue
            for match in re.finditer(r'^\s*(?:path|plugin_cache_dir)\s*=\s*"([^"]+)"', text, re.MULTILINE):
                yield Path(os.path.expandvars(match[1])).expanduser()
    if cache := os.environ.get("TF_PLUGIN_CACHE_DIR"):
        yield Path(cache)


def _implied() -> Iterator[Path]:
    home = Path.home()
    data = os.environ.get("XDG_DATA_HOME", str(home / ".local/share"))
    shared = os.environ.get("XDG_DATA_DIRS", "/usr/local/share:/usr/share").split(":")
    yield home / ".terraform.d/plugins"
    for base in (data, *shared):
        yield Path(base) / "terraform/plugins"
        yield Path(base) / "opentofu/plugins"


def _common() -> Iterator[Path]:
    """Up to two levels below the places where machine images keep add-ons."""
    for root in ("/opt", "/srv", "/var/lib", "/usr/lib", "/usr/local/lib", str(Path.home())):
        base = Path(root)
        yield base
        try:
            children = sorted(child for child in base.iterdir() if child.is_dir() and not child.is_symlink())
        except OSError:
            continue
        for child in children[:200]:
            yield child
            if re.search(r"terraform|tf|plugin|provider|mirror", child.name, re.IGNORECASE):
                try:
                    yield from sorted(grandchild for grandchild in child.iterdir() if grandchild.is_dir())[:50]
                except OSError:
                    continue


def require_provider() -> None:
    """Make sure that the AWS provider can be had at all.

    Raises ProviderMissing when there is no mirror on this machine and the Terraform registry does not answer.
    """
    if find_mirrors():
        return
    try:
        with socket.create_connection(("registry.terraform.io", 443), timeout=5):
            return
    except OSError as error:
        raise ProviderMissing(
            f"there is no mirror of the AWS provider on this machine, and the Terraform registry does not answer ({error}). "
            "Make a mirror where there is internet (`terraform providers mirror <folder>` in a configuration that needs "
            "hashicorp/aws), bring the folder here, and name it: PUSHPROOF_PROVIDER_MIRROR=<folder>"
        ) from error


def session_configuration() -> str:
    """Return the text of the CLI configuration for this machine; mirrors are looked for once in a process."""
    return _session_configuration(*(os.environ.get(name) for name in _DECISIVE))


@functools.cache
def _session_configuration(*_: str | None) -> str:
    return cli_configuration(session_mirrors())


def session_mirrors() -> list[Mirror]:
    """Return the mirrors of this machine, looked for once in a process."""
    return _session_mirrors(*(os.environ.get(name) for name in _DECISIVE))


@functools.cache
def _session_mirrors(*_: str | None) -> list[Mirror]:
    return find_mirrors()


def cli_configuration(mirrors: list[Mirror], cache: Path | None = None) -> str:
    """The text of a CLI configuration: mirrors first; anything they lack from the registry, through a cache."""
    lines = ["disable_checkpoint = true"]
    if cache is not None and not mirrors:
        lines.append(f'plugin_cache_dir = "{cache}"')
    lines.append("provider_installation {")
    for mirror in mirrors:
        included = ", ".join(f'"{name}"' for name in (str(_PROVIDER), *mirror.others))
        lines += ["  filesystem_mirror {", f'    path    = "{mirror.path}"', f"    include = [{included}]", "  }"]
    lines.append("  direct {")
    if mirrors:
        mirrored = dict.fromkeys([str(_PROVIDER), *(name for mirror in mirrors for name in mirror.others)])
        excluded = ", ".join(f'"{name}"' for name in mirrored)
        lines.append(f"    exclude = [{excluded}]")
    lines += ["  }", "}", ""]
    return "\n".join(lines)
