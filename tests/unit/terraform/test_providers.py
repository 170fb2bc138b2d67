"""Mirrors of the AWS provider are detected in their usual places, and a CLI configuration is written for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushproof.terraform import providers
from pushproof.terraform.errors import NoConfiguration, ProviderMissing
from pushproof.terraform.providers import cli_configuration, find_mirrors
from pushproof.terraform.working_copy import copy_configuration


def mirror(base: Path, *versions: str) -> Path:
    for version in versions:
        (base / "registry.terraform.io/hashicorp/aws" / version / "linux_amd64").mkdir(parents=True)
    return base


def test_unpacked_and_packed_mirrors_are_found(tmp_path: Path) -> None:
    """Both of Terraform's layouts count, with their versions in order."""
    mirror(tmp_path / "unpacked", "5.100.0", "5.9.0")
    packed = tmp_path / "packed/registry.terraform.io/hashicorp/aws"
    packed.mkdir(parents=True)
    (packed / "terraform-provider-aws_6.1.0_linux_amd64.zip").write_bytes(b"")
    found = find_mirrors([tmp_path / "unpacked", tmp_path / "packed", tmp_path / "absent"])
    assert [(m.path.name, m.versions) for m in found] == [("unpacked", ("5.9.0", "5.100.0")), ("packed", ("6.1.0",))]


def test_a_mirror_named_by_the_person_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PUSHPROOF_PROVIDER_MIRROR overrides detected mirrors."""
    monkeypatch.setenv("PUSHPROOF_PROVIDER_MIRROR", str(mirror(tmp_path / "mine", "5.100.0")))
    assert find_mirrors([mirror(tmp_path / "other", "5.99.0")])[0].path.name == "mine"


def test_mirrors_of_the_persons_own_configuration_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A filesystem mirror in the CLI configuration is detected."""
    base = mirror(tmp_path / "kept", "5.100.0")
    (tmp_path / "rc").write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{base}"\n  }}\n}}\n')
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(tmp_path / "rc"))
    assert base in [m.path for m in find_mirrors()]


def test_the_configuration_takes_the_provider_from_the_mirror_only(tmp_path: Path) -> None:
    """AWS's provider is never fetched if there is a mirror; without one, everything comes from the registry."""
    with_mirror = cli_configuration(find_mirrors([mirror(tmp_path, "5.100.0")]))
    assert f'path    = "{tmp_path}"' in with_mirror
    assert 'exclude = ["registry.terraform.io/hashicorp/aws"]' in with_mirror
    assert "exclude" not in cli_configuration([])


def test_a_working_copy_brings_the_local_modules_along(tmp_path: Path) -> None:
    """Modules used by relative paths, directly or not, keep their places; state and caches stay behind."""
    for name, text in {
        "environments/dev/main.tf": 'module "a" {\n  source = "../../modules/a"\n}\n',
        "environments/dev/.terraform/big": "x",
        "environments/dev/terraform.tfstate": "x",
        "environments/prod/main.tf": "",
        "modules/a/main.tf": 'module "b" {\n  source = "../b"\n}\n',
        "modules/b/main.tf": "",
        "modules/unused/main.tf": "",
    }.items():
        file = tmp_path / "tree" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    copy = copy_configuration(tmp_path / "tree/environments/dev", tmp_path / "run")
    assert copy.directory == tmp_path / "run/environments/dev"
    files = sorted(str(p.relative_to(tmp_path / "run")) for p in (tmp_path / "run").rglob("*") if p.is_file())
    assert files == ["environments/dev/main.tf", "modules/a/main.tf", "modules/b/main.tf"]


def test_files_are_copied_when_they_are_asked_for(tmp_path: Path) -> None:
    """A working copy takes its directory at once, and its files only when somebody asks for the directory."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/main.tf").write_text("")
    copy = copy_configuration(tmp_path / "tree", tmp_path / "run")
    assert not copy.is_complete
    assert any((tmp_path / "run").iterdir())
    assert not (copy.here / "main.tf").exists()
    assert (copy.directory / "main.tf").exists()
    assert copy.is_complete


def test_a_directory_without_terraform_files_is_refused(tmp_path: Path) -> None:
    """The message names the directory and what was expected."""
    with pytest.raises(NoConfiguration, match="holds no Terraform files"):
        copy_configuration(tmp_path, tmp_path / "run")
    with pytest.raises(NoConfiguration, match="is not a directory"):
        copy_configuration(tmp_path / "absent", tmp_path / "run")


def test_a_provider_that_cannot_be_had_is_said_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither mirror nor registry: the message says how to bring a mirror."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError("Name or service not known")

    monkeypatch.setattr(providers, "find_mirrors", list)
    monkeypatch.setattr(providers.socket, "create_connection", refuse)
    with pytest.raises(ProviderMissing, match="PUSHPROOF_PROVIDER_MIRROR"):
        providers.require_provider()
