"""The fixture `drill` takes a repository's settings, keeps what tests have applied where it can, and destroys it elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pushproof.drill.settings import DrillSettings
from pushproof.drill.ways import Ways
from pushproof.session import drilling
from pushproof.session.drilling import Drills, Lines
from pushproof.targets.kept.store import KeptWorlds


class FakeDrill:
    """A drill that notes its end."""

    def __init__(self, target: object, settings: DrillSettings, narrator: object, ways: Ways | None = None) -> None:
        self.settings, self.ways, self.ended = settings, ways, list[str]()
        MADE.append(self)

    def destroy(self) -> None:
        self.ended.append("destroyed")
        ENDED.append(self.settings.environment.name)

    def __enter__(self) -> FakeDrill:
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.append("closed")


MADE: list[FakeDrill] = []
ENDED: list[str] = []


@pytest.fixture
def drills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Drills:
    MADE.clear()
    ENDED.clear()
    (tmp_path / "pushproof.toml").write_text(
        '[drill]\nenvironment = "live/dev"\napp = "."\npipeline = "orders"\nvariables = { size = 1, team = "a" }\n'
    )
    monkeypatch.setattr(drilling, "Drill", FakeDrill)

    monkeypatch.setattr(drilling, "writer", lambda _: lambda _: None)
    return make_drills(tmp_path)


def make_drills(root: Path, keeper: Any = None) -> Drills:
    class Config:
        rootpath = root
        stash = pytest.Stash()

    config: Any = Config()
    target: Any = None
    return Drills(target, config, 20.0, keeper)


class FakeKeeper:
    """A keeper that notes what it is asked for. `world`: whether it has applied a configuration before."""

    policy: object = None

    def __init__(self, store: KeptWorlds, *, kept: bool, way_back: bool = True) -> None:
        self.store, self.kept, self.way_back = store, kept, way_back
        self.calls: list[str] = []

    def checkpoint(self, scope: str) -> str | None:
        self.calls.append(f"checkpoint {scope}")
        return scope if self.way_back else None

    def pin(self, scope: str) -> None:
        self.calls.append(f"pin {scope}")

    def apply(self, parts: Any, apply_cold: Callable[[], None]) -> None:
        if not self.kept:
            apply_cold()

    def return_to(self, checkpoint: str) -> bool:
        self.calls.append(f"return to {checkpoint}")
        return True

    def settle(self) -> None:
        self.calls.append("settle")


class FakeTerraform:
    """A configuration that notes its commands."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.timings: dict[str, float] = {}

    def init(self, backend: object) -> None:
        self.commands.append(f"init {backend}")

    def apply(self) -> None:
        self.commands.append("apply")
        self.timings["apply"] = 1.0


def test_what_a_test_leaves_out_comes_from_the_settings(drills: Drills, tmp_path: Path) -> None:
    """Arguments win; variables are joined; paths count from pytest's root directory."""
    drills()
    drills("live/prod", app="other", pipeline="b", size=2)
    first, second = (made.settings for made in MADE)
    assert (first.environment, first.application) == (tmp_path / "live/dev", tmp_path)
    assert (first.choices.pipeline, dict(first.variables)) == ("orders", {"size": 1, "team": "a"})
    assert (second.environment, second.application) == (tmp_path / "live/prod", tmp_path / "other")
    assert (second.choices.pipeline, dict(second.variables)) == ("b", {"size": 2, "team": "a"})


def test_the_newest_drill_is_destroyed_first(drills: Drills) -> None:
    """And every one is closed."""
    drills("live/one")
    drills("live/two")
    drills.close()
    assert ENDED == ["two", "one"]
    assert [made.ended for made in MADE] == [["destroyed", "closed"]] * 2


@pytest.mark.usefixtures("drills")
@pytest.mark.parametrize("kept", [True, False])
def test_an_apply_is_kept_and_the_world_goes_back(tmp_path: Path, kept: bool) -> None:
    """Terraform applies what no earlier run has applied, and destroys nothing: the world goes back to before the first drill."""
    keeper = FakeKeeper(KeptWorlds(tmp_path / "cache"), kept=kept)
    kept_drills, terraform = make_drills(tmp_path, keeper), FakeTerraform()
    kept_drills()
    kept_drills()
    ways, initialised = MADE[0].ways, list[bool]()
    assert ways is not None
    by_terraform = ways.apply(terraform, {"bucket": "b"}, lambda: initialised.append(True))  # type: ignore[arg-type]
    assert by_terraform is not kept
    assert terraform.commands == ([] if kept else ["init {'bucket': 'b'}", "apply"])
    assert initialised == ([] if kept else [True])
    kept_drills.close()
    assert keeper.calls == ["checkpoint module", "pin module", "return to module"]
    assert [made.ended for made in MADE] == [["closed"]] * 2


@pytest.mark.usefixtures("drills")
def test_without_a_way_back_terraform_destroys(tmp_path: Path) -> None:
    """A world whose earlier state cannot be kept is left as Terraform leaves it, after narrower scopes."""
    keeper = FakeKeeper(KeptWorlds(tmp_path / "cache"), kept=True, way_back=False)
    kept_drills, terraform = make_drills(tmp_path, keeper), FakeTerraform()
    kept_drills()
    ways = MADE[0].ways
    assert ways is not None
    ways.apply(terraform, None, lambda: None)  # type: ignore[arg-type]
    kept_drills.close()
    assert keeper.calls[-1] == "settle"
    assert MADE[0].ended == ["destroyed", "closed"]


@pytest.mark.usefixtures("drills")
def test_campaigns_and_files_of_variables_are_applied_by_terraform(tmp_path: Path) -> None:
    """Terraform applies where the key of a kept world would not say everything."""
    keeper = FakeKeeper(KeptWorlds(tmp_path / "cache"), kept=True)
    (tmp_path / "more.tfvars").write_text("size = 3\n")
    settings = (tmp_path / "pushproof.toml").read_text()
    (tmp_path / "pushproof.toml").write_text(settings.replace("[drill]\n", '[drill]\nvar-files = ["more.tfvars"]\n'))
    make_drills(tmp_path, keeper)()
    (tmp_path / "pushproof.toml").write_text(settings)
    keeper.policy = object()
    make_drills(tmp_path, keeper)()
    assert [made.ways for made in MADE] == [None, None]


@pytest.mark.usefixtures("drills")
def test_webhooks_have_the_same_address_in_each_run(tmp_path: Path) -> None:
    """The address is a variable of the stack; while another run has it, the next one is taken."""
    keeper, addresses = FakeKeeper(KeptWorlds(tmp_path / "cache"), kept=True), []
    make_drills(tmp_path, keeper)()
    ways = MADE[0].ways
    assert ways is not None
    for _ in range(2):
        webhook = ways.listen(tmp_path / "messages")
        addresses.append(webhook.url)
        webhook.close()
    webhook, other = ways.listen(tmp_path / "messages"), ways.listen(tmp_path / "others")
    addresses += [webhook.url, other.url]
    webhook.close()
    other.close()
    assert addresses[0] == addresses[1] == addresses[2] != addresses[3]
    assert ways.sign("shop.example.test") == ways.sign("shop.example.test")


def test_progress_goes_out_by_whole_lines() -> None:
    """A part of a line waits for the rest."""
    seen: list[str] = []
    stream = Lines(seen.append)
    stream.write("a\nb")
    stream.write("c\n")
    assert seen == ["a", "bc"]
