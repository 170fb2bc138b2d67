"""Ordinary live roots, unmodified, with real Terraform: everything they take for granted is there.

The repository has what teams' have: templates and policies beside modules, JSON syntax, profiles, an assumed role, aliases of other
regions, state in S3 with a lock table, and a root that reads another root's state.
"""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget
from pushproof.targets.journal import Journal
from pushproof.terraform.applied import apply_module
from pushproof.terraform.errors import NotProvided

ACCOUNT = "111122223333"
REPOSITORY = Path(__file__).parent / "repository"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A read-only checkout."""
    place = tmp_path_factory.mktemp("checkout") / "repository"
    shutil.copytree(REPOSITORY, place)
    (place / ".git").mkdir()
    for path in place.rglob("*"):
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~0o222)
    return place


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedTarget]:
    settings = EmbeddedSettings(world=WorldSettings(account_id=ACCOUNT), runtime="scripted")
    with EmbeddedTarget(settings, journal=Journal(tmp_path_factory.mktemp("state"))) as opened:
        yield opened
    assert not Path(opened._record.directory).exists()


def test_a_live_root_is_applied_unmodified(world: EmbeddedTarget, repository: Path) -> None:
    """First without the other root's state, which is refused by name; then after it, with everything made and said."""
    app = repository / "live/app"
    with pytest.raises(
        NotProvided, match=r"live/app/main\.tf:\d+: the state s3://acme-state.*apply live/network first"
    ):
        apply_module(world, app, name="early", variables={"account": ACCOUNT}, base=repository)
    said: list[str] = []
    network = apply_module(world, repository / "live/network", name="network", say=said.append, base=repository)
    module = apply_module(world, app, name="app", variables={"account": ACCOUNT}, say=said.append, base=repository)
    assert any("made the lock table acme-locks in us-east-1" in sentence for sentence in said)
    assert module["settings"] == f'{{"vpc": "{network["vpc_id"]}"}}'
    assert module.addresses.region_of("shop") == "us-east-1"
    origin = module.addresses.of(module["topics"]["a.b"])
    assert origin is not None
    assert (origin.address, origin.file, origin.line) == (
        'module.topics["a.b"].aws_sns_topic.this[0]',
        "modules/topic/main.tf",
        4,
    )
    assert world.client("s3", "us-east-1").head_object(Bucket="acme-state", Key="prod/app.tfstate")
    assert module.changes() == {}
    for applied in (module, network):
        applied.terraform.destroy()
