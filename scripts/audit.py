"""Audits the versions of every lock file: does a published advisory concern one of them?

    python scripts/audit.py                        asks PyPI's advisories through pip-audit; needs the network
    python scripts/audit.py --service osv          asks OSV's instead
    python scripts/audit.py --advisories all.zip   uses a copy of OSV's advisories for PyPI; needs no network

Exit code 0: every pinned version was looked up, and none is concerned. 1: an advisory concerns one. 3: the advisories could not be
reached for some, so nothing is proven; `--allow-unreachable` ends with 0 then, and says so.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

ROOT = Path(__file__).resolve().parent.parent
OK, CONCERNED, UNREACHED = 0, 1, 3
# `name==version`, before markers and hashes.
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Lookup:
    """Findings of the advisories about the pins of one lock file.

    `advisories`: id and fixed versions by pin. `missed`: pins that nothing was found out about, each with the reason.
    """

    looked_up: int
    advisories: Mapping[str, tuple[str, ...]]
    missed: Mapping[str, str]


def pins(lock: Path) -> list[tuple[str, str]]:
    """Return name and version of everything that a lock file pins, for whatever platform."""
    return [(canonicalize_name(name), version) for name, version in _PIN.findall(lock.read_text(encoding="utf-8"))]


def ask(lock: Path, service: str) -> Lookup:
    """Look a lock file's pins up through pip-audit."""
    command = ["-m", "pip_audit", "--requirement", str(lock), "--require-hashes", "--disable-pip", "--format", "json"]
    done = subprocess.run(
        [sys.executable, *command, "--progress-spinner", "off", "--vulnerability-service", service],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        return read(json.loads(done.stdout))
    except (ValueError, KeyError, TypeError):
        reason = (done.stderr.strip().splitlines() or ["pip-audit printed nothing"])[-1]
        return Lookup(0, {}, {f"{name}=={version}": reason for name, version in pins(lock)})


def read(report: Mapping[str, Any]) -> Lookup:
    """Read pip-audit's report. What it skips was not audited, although it exits with 0 then."""
    advisories: dict[str, tuple[str, ...]] = {}
    missed: dict[str, str] = {}
    for dependency in report["dependencies"]:
        if "skip_reason" in dependency:
            missed[dependency["name"]] = dependency["skip_reason"]
        elif dependency["vulns"]:
            advisories[f"{dependency['name']}=={dependency['version']}"] = tuple(
                _line(vulnerability["id"], vulnerability.get("fix_versions") or ())
                for vulnerability in dependency["vulns"]
            )
    return Lookup(len(report["dependencies"]) - len(missed), advisories, missed)


def search(lock: Path, archive: Path) -> Lookup:
    """Look a lock file's pins up in a copy of OSV's advisories (https://ossf.github.io/osv-schema/). Raises OSError, ValueError."""
    pinned = pins(lock)
    names = {name for name, _ in pinned}
    affected: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    with zipfile.ZipFile(archive) as copy:
        members = [member for member in copy.namelist() if member.endswith(".json")]
        if not members:
            raise ValueError(f"{archive} has no advisory in it")
        for member in members:
            advisory = json.loads(copy.read(member))
            if "withdrawn" in advisory:
                continue
            for part in advisory.get("affected", ()):
                package = part.get("package", {})
                name = canonicalize_name(package.get("name", ""))
                if package.get("ecosystem") == "PyPI" and name in names:
                    affected.setdefault(name, []).append((advisory["id"], part))
    advisories: dict[str, tuple[str, ...]] = {}
    for name, version in pinned:
        lines = tuple(_line(id, fixes(part)) for id, part in affected.get(name, ()) if concerns(part, version))
        if lines:
            advisories[f"{name}=={version}"] = lines
    return Lookup(len(pinned), advisories, {})


def concerns(part: Mapping[str, Any], version: str) -> bool:
    """Return whether a version is affected: it is listed, or inside a range.

    Source: https://ossf.github.io/osv-schema/#evaluation
    """
    if version in part.get("versions", ()):
        return True
    return any(
        _inside(events["events"], Version(version))
        for events in part.get("ranges", ())
        if events.get("type") == "ECOSYSTEM"
    )


def _inside(events: Iterable[Mapping[str, str]], version: Version) -> bool:
    inside = False
    ordered = sorted(((_at(text), kind) for event in events for kind, text in event.items()), key=lambda pair: pair[0])
    for at, kind in ordered:
        if kind == "introduced" and version >= at:
            inside = True
        elif (kind == "fixed" and version >= at) or (kind == "last_affected" and version > at):
            inside = False
    return inside


def _at(text: str) -> Version:
    try:
        # "0" stands for a version before any other.
        return Version("0.dev0" if text == "0" else text)
    except InvalidVersion:
        return Version("0.dev0")


def fixes(part: Mapping[str, Any]) -> list[str]:
    """Return the versions in which an advisory is fixed."""
    return [event["fixed"] for each in part.get("ranges", ()) for event in each.get("events", ()) if "fixed" in event]


def _line(id: str, fixed: Iterable[str]) -> str:
    versions = ", ".join(fixed)
    return f"{id} (fixed in {versions})" if versions else f"{id} (no fixed version)"


def judge(lookups: Mapping[str, Lookup], *, allow_unreachable: bool) -> int:
    """Print the findings about each lock file. Return the exit code."""
    code = OK
    for name, lookup in lookups.items():
        print(
            f"{name}: {lookup.looked_up} looked up, {len(lookup.advisories)} concerned, {len(lookup.missed)} not reached"
        )
        for pin, lines in lookup.advisories.items():
            print(f"  {pin}: {'; '.join(lines)}")
            code = CONCERNED
        for reason in sorted(set(lookup.missed.values()))[:3]:
            print(f"  not reached: {reason}")
    if code == OK and any(lookup.missed for lookup in lookups.values()):
        print(
            "Nothing is proven: the advisories did not answer for every package. Try again with network access, or with a copy: "
            "--advisories FILE (https://storage.googleapis.com/osv-vulnerabilities/PyPI/all.zip)"
        )
        return OK if allow_unreachable else UNREACHED
    return code


def main(arguments: list[str] | None = None) -> int:
    """Audit the lock files of the repository."""
    parser = argparse.ArgumentParser(description="Look the versions of the lock files up in published advisories.")
    parser.add_argument("--service", choices=("pypi", "osv"), default="pypi")
    parser.add_argument("--advisories", type=Path, metavar="FILE", help="a copy of OSV's advisories for PyPI (zip)")
    parser.add_argument("--allow-unreachable", action="store_true", help="end with 0 if the advisories do not answer")
    parser.add_argument("locks", nargs="*", type=Path, help="these lock files only")
    options = parser.parse_args(arguments)
    lookups: dict[str, Lookup] = {}
    for lock in options.locks or sorted(ROOT.glob("requirements*.lock")):
        if options.advisories is not None:
            try:
                lookups[lock.name] = search(lock, options.advisories)
            except (OSError, ValueError, zipfile.BadZipFile) as error:
                print(f"{options.advisories} cannot be used: {error}", file=sys.stderr)
                return UNREACHED
        else:
            lookups[lock.name] = ask(lock, options.service)
    return judge(lookups, allow_unreachable=options.allow_unreachable)


if __name__ == "__main__":
    sys.exit(main())
