"""The wheel holds every file that the package reads."""

from __future__ import annotations

import ast
import io
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tests.unit.structure.graph import SOURCE

from pushproof.base.shipped import shipped, shipped_with

ROOT = SOURCE.parent
#: Folders at the root that the package reads, by their names in the wheel.
SHIPPED = ("infrastructure", "app", "docker/localstack")


def _files(folder: str) -> set[str]:
    """Return the files below a folder of the checkout that git tracks or would add, relative to its root."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout: nothing says which files belong to the project")
    listed = subprocess.run(
        [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return {name for name in listed.split("\0") if name and (ROOT / name).is_file()}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    pytest.importorskip("hatchling", reason="the build backend is not installed here (make setup installs it)")
    directory = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(directory)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    (file,) = directory.glob("*.whl")
    return zipfile.ZipFile(file)


def _built(directory: Path, umask: int) -> bytes:
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(directory)],
        cwd=ROOT,
        umask=umask,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    (file,) = directory.glob("*.whl")
    return file.read_bytes()


def test_the_wheel_is_built_reproducibly(tmp_path: Path) -> None:
    """Two builds, one after the other and with different umasks, have the same bytes, and no time of their own."""
    pytest.importorskip("hatchling", reason="the build backend is not installed here (make setup installs it)")
    first, second = (_built(tmp_path / name, umask) for name, umask in (("one", 0o022), ("two", 0o077)))
    assert first == second
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        # https://reproducible-builds.org/docs/source-date-epoch/ : hatchling's own is the second of February 2020.
        assert {member.date_time for member in archive.infolist()} == {(2020, 2, 2, 0, 0, 0)}


def test_the_wheel_holds_the_package_and_what_it_reads(wheel: zipfile.ZipFile) -> None:
    """Every file of the package and of the shipped folders is in the wheel, and nothing else is."""
    expected = {name.removeprefix("src/") for name in _files("src/pushproof")}
    for folder in SHIPPED:
        expected |= {f"pushproof/shipped/{name}" for name in _files(folder)}
    packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert packed == expected


def test_programs_stay_programs(wheel: zipfile.ZipFile) -> None:
    """A file that may be executed in the checkout may be executed once it is installed."""
    modes = {member.filename: member.external_attr >> 16 for member in wheel.infolist()}
    programs = {name for folder in SHIPPED for name in _files(folder) if (ROOT / name).stat().st_mode & 0o100}
    assert programs
    assert [name for name in sorted(programs) if not modes[f"pushproof/shipped/{name}"] & 0o100] == []


def test_the_package_looks_no_higher_than_itself() -> None:
    """The module `shipped` alone uses the folders around the package: nothing else climbs out of it by way of `__file__`."""
    climbing = [
        f"{file.relative_to(SOURCE)}:{node.lineno}"
        for file in sorted(SOURCE.rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in ("parent", "parents") and _climbs(node)
    ]
    assert climbing == []


def _climbs(node: ast.Attribute) -> bool:
    """Return whether an expression over `__file__` goes up by `parents[n]`, or by more than one `.parent`."""
    ups = [part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute) and part.attr.startswith("parent")]
    names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    return "__file__" in names and ("parents" in ups or len(ups) > 1)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_folders_are_at_hand(name: str) -> None:
    """Every folder that the package asks for by name is there, in a checkout as in an installation."""
    assert any(path.is_file() for path in shipped(name).rglob("*"))


def test_an_installation_uses_its_own_folders(tmp_path: Path) -> None:
    """Installed, the package reads what came with it, whatever lies beside the place where it is installed."""
    package = tmp_path / "site-packages" / "pushproof"
    (package / "shipped" / "app").mkdir(parents=True)
    (tmp_path / "app").mkdir()
    assert shipped_with(package, "app") == package / "shipped" / "app"


def test_an_installation_that_is_not_whole_says_so(tmp_path: Path) -> None:
    """An installation without its folders names what is missing and the remedy, and uses no other copy."""
    package = tmp_path / "site-packages" / "pushproof"
    package.mkdir(parents=True)
    (tmp_path / "app").mkdir()
    with pytest.raises(FileNotFoundError, match=r"shipped/app is missing.*pip install --force-reinstall"):
        shipped_with(package, "app")
