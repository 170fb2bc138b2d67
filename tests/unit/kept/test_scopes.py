"""Scopes that end: an emulated world goes back to before them, or Terraform destroys what they applied."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pushproof.session.applying import Applier
from pushproof.session.keeping import Checkpoint, Keeper
from pushproof.session.keptfiles import remove_files
from pushproof.targets.kept.lineage import NEW
from pushproof.targets.kept.store import KeptWorlds
from pushproof.terraform.working_copy import LOCK_FILE, copy_configuration


class _Target:
    """A target that notes where it goes."""

    def __init__(self, happened: list[str]) -> None:
        self._happened = happened

    def continue_from(self, kept: Path | None, origin: str) -> None:
        self._happened.append(f"back to {origin}")


class _Module:
    """A module that notes its destruction."""

    def __init__(self, happened: list[str], name: str) -> None:
        self._happened, self._name = happened, name
        self.terraform = self

    def close(self) -> None:
        pass

    def destroy(self) -> None:
        self._happened.append(f"destroy {self._name}")


@pytest.fixture
def happened() -> list[str]:
    return []


@pytest.fixture
def keeper(happened: list[str], tmp_path: Path) -> Keeper:
    target: Any = _Target(happened)
    return Keeper(target, KeptWorlds(tmp_path))


def applier(
    keeper: Keeper, happened: list[str], config: pytest.Config, scope: str, checkpoint: Checkpoint | None
) -> Applier:
    """Return an applier of a scope that has applied one module."""
    made = Applier.__new__(Applier)
    module: Any = _Module(happened, scope)
    target: Any = _Target(happened)
    made._target, made._config, made._scope, made._keeper = target, config, scope, keeper
    made._checkpoint, made._modules = checkpoint, [module]
    return made


def test_a_scope_goes_back_once_a_next_test_begins(
    keeper: Keeper, happened: list[str], pytestconfig: pytest.Config
) -> None:
    """Nothing happens at the end of the last scope; before a next test the world is that of before."""
    applier(keeper, happened, pytestconfig, "module", Checkpoint("module", NEW, None)).close()
    assert happened == []
    keeper.settle()
    keeper.settle()
    assert happened == ["back to new"]


def test_what_a_wider_scope_destroys_does_not_come_back(
    keeper: Keeper, happened: list[str], pytestconfig: pytest.Config
) -> None:
    """A narrower scope goes back before a wider one destroys: afterwards it would restore what is gone."""
    applier(keeper, happened, pytestconfig, "module", Checkpoint("module", "package applied", None)).close()
    applier(keeper, happened, pytestconfig, "package", None).close()
    keeper.settle()
    assert happened == ["back to package applied", "destroy package"]


def test_a_void_way_back_is_not_taken(keeper: Keeper, happened: list[str], pytestconfig: pytest.Config) -> None:
    """A scope after whose beginning a wider one made something is destroyed by Terraform."""
    checkpoint = Checkpoint("module", NEW, None)
    keeper._checkpoints.append(checkpoint)
    keeper.pin("session")
    applier(keeper, happened, pytestconfig, "module", checkpoint).close()
    keeper.settle()
    assert happened == ["destroy module"]


def test_a_lock_file_of_the_repository_stays(tmp_path: Path) -> None:
    """When an apply begins anew, what an earlier run wrote goes, and the repository's own pins of providers stay."""
    source = tmp_path / "tree"
    source.mkdir()
    (source / "main.tf").write_text("")
    (source / LOCK_FILE).write_text("pins")
    terraform: Any = type("Run", (), {"copy": copy_configuration(source, tmp_path / "run")})
    (terraform.copy.directory / LOCK_FILE).write_text("of an earlier run")
    (terraform.copy.directory / "terraform.tfstate").write_text("{}")
    remove_files(terraform)
    assert (terraform.copy.directory / LOCK_FILE).read_text() == "pins"
    assert not (terraform.copy.directory / "terraform.tfstate").exists()
