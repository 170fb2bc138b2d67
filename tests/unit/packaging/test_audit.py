"""The audit of the lock files proves what it says, and says when it proves nothing."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tests.unit.scripts import load_script
from tests.unit.structure.graph import SOURCE

ROOT = SOURCE.parent
LOCKS = sorted(ROOT.glob("requirements*.lock"))


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    return load_script("audit")


def _advisories(directory: Path, *parts: dict[str, Any], **more: Any) -> Path:
    archive = directory / "all.zip"
    with zipfile.ZipFile(archive, "w") as copy:
        copy.writestr("PYSEC-1.json", json.dumps({"id": "PYSEC-1", "affected": parts, **more}))
    return archive


def _lock(directory: Path, *pins: str) -> Path:
    lock = directory / "requirements.lock"
    lock.write_text("".join(f"{pin} \\\n    --hash=sha256:00\n    # via something\n" for pin in pins))
    return lock


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_pin_is_read(audit: ModuleType, lock: Path) -> None:
    """As many pins are read as a lock file has entries, so none escapes the audit."""
    entries = [line for line in lock.read_text().splitlines() if line and not line.startswith((" ", "#"))]
    assert entries
    assert len(audit.pins(lock)) == len(entries)


@pytest.mark.parametrize(
    ("pin", "concerned"),
    [
        ("some.Package==1.0", False),
        ("some.Package==1.1", True),
        ("some.Package==1.9.9", True),
        ("some.Package==2.0rc1", True),
        ("some.Package==2.0", False),
        ("some.Package==3.0", True),
        ("some.Package==3.0.1", False),
        ("other==1.1", False),
    ],
)
def test_a_copy_of_the_advisories_is_searched_by_range(
    audit: ModuleType, tmp_path: Path, pin: str, concerned: bool
) -> None:
    """Ranges count from "introduced" up to "fixed", or through "last_affected" (https://ossf.github.io/osv-schema/#evaluation)."""
    ranges = [
        {"type": "ECOSYSTEM", "events": [{"introduced": "1.1"}, {"fixed": "2.0"}]},
        {"type": "ECOSYSTEM", "events": [{"introduced": "3.0"}, {"last_affected": "3.0"}]},
        {"type": "GIT", "events": [{"introduced": "0"}]},
    ]
    part = {"package": {"ecosystem": "PyPI", "name": "some-package"}, "ranges": ranges}
    code = audit.main(["--advisories", str(_advisories(tmp_path, part)), str(_lock(tmp_path, pin))])
    assert code == (audit.CONCERNED if concerned else audit.OK)


def test_listed_versions_count_and_withdrawn_advisories_do_not(
    audit: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A version that an advisory lists is concerned; an advisory that was withdrawn concerns nothing."""
    lock = _lock(tmp_path, "thing==1.0 ; python_full_version < '3.12'")
    part = {"package": {"ecosystem": "PyPI", "name": "thing"}, "versions": ["1.0"]}
    assert audit.main(["--advisories", str(_advisories(tmp_path, part)), str(lock)]) == audit.CONCERNED
    assert "thing==1.0: PYSEC-1 (no fixed version)" in capsys.readouterr().out
    withdrawn = _advisories(tmp_path, part, withdrawn="2026-01-01T00:00:00Z")
    assert audit.main(["--advisories", str(withdrawn), str(lock)]) == audit.OK


def test_skipped_packages_are_no_proof(audit: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """Packages that pip-audit skips are not audited, whatever its exit code: the audit ends with 3 and says how to go on."""
    report = {
        "dependencies": [
            {"name": "thing", "skip_reason": "Dependency not found on PyPI and could not be audited: thing (1.0)"},
            {"name": "other", "version": "1.0", "vulns": []},
        ]
    }
    lookups = {"requirements.lock": audit.read(report)}
    assert audit.judge(lookups, allow_unreachable=False) == audit.UNREACHED
    assert "1 looked up, 0 concerned, 1 not reached" in (printed := capsys.readouterr().out)
    assert "Nothing is proven" in printed
    assert audit.judge(lookups, allow_unreachable=True) == audit.OK


def test_an_advisory_outweighs_packages_that_were_not_reached(audit: ModuleType) -> None:
    """A version that is known to be concerned fails the audit, although others could not be looked up."""
    vulnerable = {"name": "other", "version": "1.0", "vulns": [{"id": "PYSEC-2", "fix_versions": ["1.1"]}]}
    report = {"dependencies": [{"name": "thing", "skip_reason": "gone"}, vulnerable]}
    assert audit.judge({"one": audit.read(report)}, allow_unreachable=True) == audit.CONCERNED


def test_a_program_that_fails_is_no_proof(audit: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When pip-audit ends without a report, every pin counts as not reached, with its last words."""
    failing = tmp_path / "python"
    failing.write_text("#!/bin/sh\necho 'requests.exceptions.ConnectionError: no way there' >&2\nexit 1\n")
    failing.chmod(0o755)
    monkeypatch.setattr(audit.sys, "executable", str(failing))
    lookup = audit.ask(_lock(tmp_path, "thing==1.0"), "pypi")
    assert lookup.missed == {"thing==1.0": "requests.exceptions.ConnectionError: no way there"}


def test_a_copy_without_advisories_is_refused(audit: ModuleType, tmp_path: Path) -> None:
    """An archive with nothing in it, or a file that is no archive, ends with 3 and not with a clean bill."""
    empty = tmp_path / "empty.zip"
    with zipfile.ZipFile(empty, "w"):
        pass
    lock = _lock(tmp_path, "thing==1.0")
    assert audit.main(["--advisories", str(empty), str(lock)]) == audit.UNREACHED
    assert audit.main(["--advisories", str(lock), str(lock)]) == audit.UNREACHED
