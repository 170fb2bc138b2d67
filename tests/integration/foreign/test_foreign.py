"""Modules that other people wrote, at pinned versions: applied, planned again, destroyed. See docs/foreign-modules.md."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.foreign.cases import CASES, LEFT_OUT, MODULES, Case, home
from tests.integration.foreign.petnames import without_random_pets
from tests.integration.foreign.registry import ModuleRegistry

from pushproof.drill.certificate import self_signed
from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget
from pushproof.targets.inventory import inventory
from pushproof.targets.journal import Journal
from pushproof.terraform.applied import prepare
from pushproof.terraform.driver import Terraform
from pushproof.terraform.errors import CommandFailed

PLAIN = Path(__file__).parent / "plain"
FOLDER = os.environ.get("PUSHPROOF_FOREIGN_MODULES", "")
CHOSEN = [case for case in CASES if case.plain or os.environ.get("PUSHPROOF_FOREIGN_CASES", "all") != "plain"]


@pytest.fixture(scope="session")
def registry() -> Iterator[ModuleRegistry]:
    """The pinned modules, where Terraform looks for modules."""
    if not FOLDER or not Path(FOLDER).is_dir():
        pytest.skip(
            "PUSHPROOF_FOREIGN_MODULES names no folder; "
            "`scripts/foreign-modules <folder>` fills one where GitHub can be reached"
        )
    with ModuleRegistry(Path(FOLDER)) as made:
        yield made


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EmbeddedTarget]:
    """A world for one module: nothing an earlier one left can help or hinder it."""
    settings = EmbeddedSettings(world=WorldSettings(speed=60), runtime="scripted")
    with EmbeddedTarget(settings, journal=Journal(tmp_path)) as target:
        yield target


def configuration(case: Case, target: EmbeddedTarget, registry: ModuleRegistry) -> Terraform:
    """A working copy of the case's configuration whose modules come from the pinned ones."""
    source = PLAIN / case.path if case.plain else registry.folder / case.path
    variables: dict[str, Any] = {}
    if "certificate_arn" in case.variables:
        made = self_signed("plain.example.test")
        variables["certificate_arn"] = target.certificate(made.certificate, made.private_key)
    terraform = prepare(target, source, name=case.id.replace("/", "-"), variables=variables)
    without_random_pets(terraform.copy.directory)
    own = target.directory("terraform") / "foreign.tfrc"
    own.write_text(Path(terraform.environment["TF_CLI_CONFIG_FILE"]).read_text() + registry.configuration())
    terraform.environment["TF_CLI_CONFIG_FILE"] = str(own)
    return terraform


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in CHOSEN])
def test_a_foreign_module(case: Case, registry: ModuleRegistry, world: EmbeddedTarget, record_property: Any) -> None:
    """The module is applied, planned without changes and destroyed without traces; or it is refused by name."""
    terraform = configuration(case, world, registry)
    before = inventory(world.client)
    started = time.monotonic()

    def note(what: str, how: str) -> None:
        record_property(what, how)
        record_property("seconds", f"{time.monotonic() - started:.0f}")

    terraform.init()
    if case.refused:
        with pytest.raises(CommandFailed) as failure:
            terraform.apply()
        for words in case.refused:
            assert words in str(failure.value)
        note("applied", "refused by name")
    else:
        terraform.apply()
        note("applied", "yes")
        changes = terraform.changes()
        assert changes == {}, terraform.plan_text()
        note("plan", "empty")
    terraform.destroy()
    note("destroyed", "yes")
    left = [item for item in inventory(world.client) if item not in before]
    assert left == []


def test_no_example_is_forgotten(registry: ModuleRegistry) -> None:
    """Every example of the pinned modules is run, or left out with a reason."""
    there = {
        f"{module}/examples/{place.name}"
        for module in MODULES
        for place in (registry.folder / home(module) / "examples").iterdir()
        if any(place.glob("*.tf"))
    }
    assert there == {case.id for case in CASES if not case.plain} | set(LEFT_OUT)
