"""A drill goes on in the world or run that is meant, and is refused in words where there is none."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from tests.unit.drill.scripted import APPLIED, DEPLOYED, settings
from tests.unit.drill.test_evidence import STAGE

from pushproof.base.target import TargetUnavailable
from pushproof.cli import main
from pushproof.drill import resuming
from pushproof.drill.keeping import Kept, evidence_file, to_text
from pushproof.drill.settings import BadInput
from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.sandbox.runs import Run, RunJournal
from pushproof.targets.attached import AttachedWorld
from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget
from pushproof.targets.journal import Journal, WorldRecord

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PUSHPROOF_STATE", str(tmp_path))
    return tmp_path


def keep(directory: str, kept: Kept) -> None:
    path = evidence_file(Path(directory))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(to_text(kept))


def kept_world(target: str = "embedded", *, evidence: bool = True) -> WorldRecord:
    record = Journal().open(target)
    if evidence:
        keep(record.directory, Kept(replace(STAGE, target=target), {"apply": APPLIED, "first-deployment": DEPLOYED}))
    return record


def dead_run(*, evidence: bool = True) -> Run:
    """A run whose process is gone."""
    run = RunJournal().open(account_id="1", region="eu-west-1", owner="me", endpoint=None, expires_at=9e9)
    run = replace(run, started="long ago")
    (Path(run.directory) / "run.json").write_text(json.dumps(asdict(run)))
    if evidence:
        keep(run.directory, Kept(replace(STAGE, target="sandbox"), {"apply": APPLIED}))
    return run


def test_the_only_world_that_is_up_is_meant() -> None:
    """Worlds of other targets and worlds without evidence are not."""
    kept_world("localstack")
    kept_world(evidence=False)
    record = kept_world()
    assert resuming.find("embedded", None).id == record.id
    assert resuming.find("embedded", record.id).id == record.id


def test_of_several_one_must_be_named() -> None:
    """The message lists them."""
    first, second = kept_world(), kept_world()
    with pytest.raises(BadInput, match=f"several are kept: {first.id}, {second.id}.*--run"):
        resuming.find("embedded", None)
    assert resuming.find("embedded", second.id).id == second.id


@pytest.mark.parametrize("target", ["embedded", "sandbox"])
def test_nothing_kept_names_the_next_step(target: str) -> None:
    """The error says how to make a world or run that a drill can go on in."""
    with pytest.raises(BadInput, match=f"is (kept|up).*pushproof drill --target {target} --keep"):
        resuming.find(target, None)
    with pytest.raises(BadInput, match="1a2b3c4d"):
        resuming.find(target, "1a2b3c4d")


def test_a_world_whose_process_is_gone_is_gone(state: Path) -> None:
    """Its containers ended with it; the next command cleans up the rest."""
    record = kept_world()
    file = state / "worlds" / f"{record.id}.json"
    file.write_text(json.dumps({**asdict(record), "started": "long ago"}))
    with pytest.raises(BadInput, match="no world of the target embedded is up"):
        resuming.find("embedded", None)


def test_a_run_outlives_its_process() -> None:
    """An account stays: a run whose process is gone is found; one at work, and one that showed nothing, are not."""
    RunJournal().open(account_id="1", region="eu-west-1", owner="me", endpoint=None, expires_at=9e9)
    dead_run(evidence=False)
    run = dead_run()
    assert resuming.find("sandbox", None).id == run.id


def test_settings_are_those_of_what_is_kept() -> None:
    """The repository comes from there; variables could not be applied any more."""
    kept = Kept(replace(STAGE, repository="acme/shop"), {"apply": APPLIED})
    assert resuming.resumed_settings(settings(), kept, target="embedded").repository == "acme/shop"
    with pytest.raises(BadInput, match="--var has no effect with --from"):
        resuming.resumed_settings(settings(variables={"project": "other"}), kept, target="embedded")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--skip", "deploy"], "'deploy' is not a step; the steps are: apply, refused-before-authorisation"),
        (["--from", "deploy"], "'deploy' is not a step"),
        (["--skip", "first-deployment"], "second-deployment needs"),
        (["--from", "apply"], "where a new drill begins"),
        (["--from", "destroy"], "no world of the target embedded is up"),
        (["--target", "sandbox", "--from", "destroy"], "no run of a sandbox is kept"),
        (["--run", "1a2b3c4d"], "--run names what --from goes on in"),
        (["--run", "latest", "--from", "destroy"], "is not a run"),
    ],
)
def test_the_command_line_refuses_in_words(
    arguments: list[str], words: str, state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2 and what was expected; nothing was started."""
    monkeypatch.chdir(ROOT)
    assert main(["drill", *arguments]) == 2
    output = capsys.readouterr()
    assert words in " ".join((output.out + output.err).split())
    assert not list((state / "worlds").glob("*")) if (state / "worlds").exists() else True


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--from", "broken-deployment", "--environment", "infrastructure/environments/prod"], "add --environment"),
        (["--from", "broken-deployment", "--var", "project=other"], "--var has no effect"),
        (["--from", "broken-deployment", "--skip", "broken-deployment"], "leaves out"),
    ],
)
def test_what_is_kept_must_be_what_is_meant(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of another environment, with other variables: refused before the world is asked anything."""
    kept_world()
    monkeypatch.chdir(ROOT)
    assert main(["drill", *arguments]) == 2
    assert words in " ".join(capsys.readouterr().out.split())


@pytest.fixture
def open_world(tmp_path: Path) -> Iterator[EmbeddedTarget]:
    target = EmbeddedTarget(
        EmbeddedSettings(world=WorldSettings(speed=20.0), runtime="scripted"), journal=Journal(tmp_path)
    )
    with target:
        yield target


def attach(target: EmbeddedTarget, **changes: object) -> AttachedWorld:
    record = next(r for r in Journal().records() if r.id == target.world.id)
    settings = {"endpoint": target.endpoint, "region": target.region, "account_id": target.account_id, "speed": 20.0}
    return AttachedWorld(record, **{**settings, **changes})  # type: ignore[arg-type]


def test_a_world_of_another_process_is_used_through_its_gateway(open_world: EmbeddedTarget) -> None:
    """The same account, repository, directory and environment; leaving it changes nothing."""
    connections = open_world.client("codestar-connections")
    arn = connections.create_connection(ProviderType="GitHub", ConnectionName="shop")["ConnectionArn"]
    url = open_world.repository_url("example/shop")
    with attach(open_world) as attached:
        assert attached.name == "embedded"
        assert attached.environment() == open_world.environment()
        assert attached.directory("drill") == open_world.directory("drill")
        assert attached.repository_url("example/shop") == url
        assert attached.clock.real_delay(20.0) == 1.0
        attached.authorise_connection(arn)
        with pytest.raises(TargetUnavailable, match="does not authorise"):
            attached.authorise_connection(arn + "x")
    assert connections.get_connection(ConnectionArn=arn)["Connection"]["ConnectionStatus"] == "AVAILABLE"
    assert attached.remains() == []


def test_another_world_at_the_same_place_is_not_taken_for_it(open_world: EmbeddedTarget) -> None:
    """A port is used again by whoever comes next; one where nothing listens is refused too."""
    record = replace(next(iter(Journal().records())), id="1a2b3c4d")
    with pytest.raises(TargetUnavailable, match=f"world {open_world.world.id} answers at .*, not 1a2b3c4d"):
        AttachedWorld(record, endpoint=open_world.endpoint, region="eu-west-1", account_id="1", speed=1.0)
    with pytest.raises(TargetUnavailable, match="does not answer"):
        attach(open_world, endpoint="http://127.0.0.1:9")


def test_the_owner_of_a_run_is_the_process_that_goes_on() -> None:
    """From then on a sweep leaves the run alone."""
    run = dead_run()
    adopted = RunJournal().adopt(run)
    assert (adopted.alive, adopted.pid) == (True, os.getpid())
    assert [r.alive for r in RunJournal().runs()] == [True]
    assert replace(adopted, pid=run.pid, started=run.started) == run
