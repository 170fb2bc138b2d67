"""`pushproof init` finds the environment, writes what is missing, and leaves the rest alone."""

from __future__ import annotations

import ast
import itertools
import tomllib
from pathlib import Path

import pytest
import yaml

from pushproof.cli import main
from pushproof.config.reading import read_settings
from pushproof.onboarding.files import files, suite
from pushproof.onboarding.survey import survey

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two environments over one module, an application, and things that are nobody's source."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "modules/app").mkdir(parents=True)
    (tmp_path / "modules/app/main.tf").write_text(
        'resource "aws_ecs_service" "a" {}\nresource "aws_codepipeline" "p" {}\nresource "aws_vpc" "v" {}\n'
    )
    for name in ("prod", "dev"):
        (tmp_path / "live" / name).mkdir(parents=True)
        (tmp_path / "live" / name / "main.tf").write_text(
            'terraform {\n  backend "s3" {}\n}\nmodule "app" {\n  source = "../../modules/app"\n}\n'
            'variable "certificate_arn" {}\nvariable "team" {}\nvariable "size" {\n  default = 1\n}\n'
        )
    (tmp_path / "live/dev/terraform.tfvars").write_text('team = "a"\n')
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "live/dev/.terraform").mkdir()
    (tmp_path / "live/dev/.terraform/x.tf").write_text('resource "aws_vpc" "x" {}\n')
    return tmp_path


def contents(directory: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_the_survey_finds_roots_and_what_they_need(repository: Path) -> None:
    """Modules that others use are no roots; dev is chosen before prod; a tfvars file answers for a variable."""
    seen = survey(repository)
    assert [root.path for root in seen.roots] == ["live/dev", "live/prod"]
    root = seen.choose()
    assert root is not None
    assert (root.path, root.backend, root.delivers) == ("live/dev", "s3", True)
    assert root.needed == ("certificate_arn",)
    assert seen.dockerfiles == ("Dockerfile",)
    other = seen.choose("./live/prod/")
    assert other is not None
    assert other.needed == ("certificate_arn", "team")
    assert seen.choose("modules/app") is None


def test_what_is_written_is_what_pushproof_and_pytest_read(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings parse, the suite compiles, the workflow is YAML; a second run changes nothing."""
    monkeypatch.chdir(repository)
    assert main(["init"]) == 0
    settings = read_settings(repository).settings.drill
    assert (settings.environment, settings.app) == ("live/dev", ".")
    assert settings.variables == {"certificate_arn": "${certificate_arn}"}
    for name in ("conftest.py", "test_infrastructure.py"):
        ast.parse((repository / "tests/pushproof" / name).read_text())
    assert (
        'return applied(REPOSITORY / "live/dev", certificate_arn=certificate_arn)'
        in (repository / "tests/pushproof/conftest.py").read_text()
    )
    assert yaml.safe_load((repository / ".github/workflows/pushproof.yml").read_text())["jobs"]
    before = contents(repository)
    assert main(["init"]) == 0
    assert contents(repository) == before


def test_a_dry_run_writes_nothing_and_shows_everything(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each file with its path."""
    before = contents(repository)
    assert main(["init", str(repository), "--dry-run"]) == 0
    assert contents(repository) == before
    shown = capsys.readouterr().out
    for name in ("pushproof.toml", "tests/pushproof/conftest.py", ".github/workflows/pushproof.yml"):
        assert f"--- {name}" in shown


def test_what_is_there_stays(repository: Path) -> None:
    """A file of somebody's own is neither overwritten nor added to."""
    (repository / "pushproof.toml").write_text("[drill]\nspeed = 5\n")
    assert main(["init", str(repository)]) == 0
    assert (repository / "pushproof.toml").read_text() == "[drill]\nspeed = 5\n"
    assert (repository / "tests/pushproof/conftest.py").is_file()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [([], "has no root module that makes resources of AWS"), (["--environment", "x"], "is no root module of")],
)
def test_a_repository_without_terraform_is_refused(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message names the next step, and nothing is written."""
    assert main(["init", str(tmp_path), *arguments]) == 2
    assert words in " ".join(capsys.readouterr().out.split())
    assert list(tmp_path.iterdir()) == []


def test_only_checks_that_apply_are_suggested(repository: Path) -> None:
    """No NAT gateway, no check of NAT gateways; each assertion is a check that exists, and has its reason above it."""
    from pushproof.checks.networking import NetworkingChecks
    from pushproof.checks.pipeline import PipelineChecks
    from pushproof.checks.service import ServiceChecks

    seen = survey(ROOT / "infrastructure")
    whole = seen.choose("environments/dev")
    bare = survey(repository).choose()
    assert whole is not None
    assert bare is not None
    assert "every_private_subnet_leaves_by_its_own_zone" in suite(whole)
    assert "every_private_subnet_leaves_by_its_own_zone" not in suite(bare)
    lines = suite(whole).splitlines()
    named = [(above.strip(), line.strip()) for above, line in itertools.pairwise(lines) if "assert checks." in line]
    assert named
    for above, line in named:
        assert above.startswith("# ")
        check = line.removeprefix("assert checks.").partition("(")[0]
        assert any(hasattr(kind, check) for kind in (NetworkingChecks, PipelineChecks, ServiceChecks)), check


def test_the_repository_of_the_reference_is_understood() -> None:
    """Its dev environment is chosen, which needs a certificate."""
    seen = survey(ROOT)
    root = seen.choose()
    assert root is not None
    assert root.delivers
    assert tomllib.loads(files(seen, root)["pushproof.toml"])["drill"]["environment"] == root.path
