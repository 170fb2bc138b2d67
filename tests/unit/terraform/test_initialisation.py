"""An init is spared where the files of an earlier run are in place and it would do the same again, and nowhere else."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from pushproof.terraform.binary import TerraformBinary
from pushproof.terraform.driver import Terraform
from pushproof.terraform.errors import CommandFailed
from pushproof.terraform.initialisation import inputs_of, note_inputs, noted_inputs
from pushproof.terraform.working_copy import LOCK_FILE, WorkingCopy, copy_configuration

# Notes each command. An apply without what `needed` names asks for an init, which puts it there.
_FAKE = """#!{python}
import os, sys
command, needed = sys.argv[1], os.environ.get("NEEDED", "")
open("commands", "a").write(command + "\\n")
if command == "init":
    open("installed", "w").close()
elif os.environ.get("BROKEN"):
    sys.exit("Error: it broke")
elif needed and not os.path.exists("installed"):
    sys.exit('Error: Module not installed\\n\\nThis module is not yet installed. Run "terraform\\ninit" to install all modules')
"""
_ROOT = """terraform {
  required_version = ">= 1.9"
  required_providers {
    aws = { source = "hashicorp/aws", version = "~> 5.0" }
  }
  backend "s3" {}
}
module "net" {
  source  = "./net"
  version = "1.0"
  name    = "a"
}
resource "aws_sns_topic" "t" { name = "t" }
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a root module with a local module, in a repository of its own."""
    source = tmp_path / "source"
    (source / "net").mkdir(parents=True)
    (source / ".git").mkdir()
    (source / "main.tf").write_text(_ROOT)
    (source / "net/main.tf").write_text('resource "aws_vpc" "v" {}\n')
    return source


def inputs(source: Path, directory: Path, settings: dict[str, object] | None = None) -> str:
    return inputs_of(copy_configuration(source, directory), settings)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("main.tf", "~> 5.0", "~> 6.0"),
        ("main.tf", ">= 1.9", ">= 1.10"),
        ("main.tf", 'backend "s3" {}', 'backend "s3" { key = "k" }'),
        ("main.tf", "./net", "./net/../net"),
        ("main.tf", '"1.0"', '"1.1"'),
        ("main.tf", "resource", 'module "more" { source = "./net" }\nresource'),
        ("net/main.tf", "resource", "terraform {\n  required_providers {\n    random = {}\n  }\n}\nresource"),
        ("net/main.tf", "resource", 'module "deep" { source = "terraform-aws-modules/vpc/aws" }\nresource'),
        (LOCK_FILE, "", 'provider "registry.terraform.io/hashicorp/aws" {}'),
    ],
)
def test_what_an_init_depends_on_changes_the_inputs(
    source: Path, tmp_path: Path, file: str, old: str, new: str
) -> None:
    """Constraints, backends, sources and versions of modules, and the lock file count, in every module."""
    before = inputs(source, tmp_path / "before")
    path = source / file
    text = path.read_text() if path.exists() else ""
    assert old in text
    path.write_text(text.replace(old, new, 1) if old else new)
    assert inputs(source, tmp_path / "after") != before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("main.tf", 'name = "t"', 'name = "u"'),
        ("main.tf", '"a"', '"b"'),
        ("net/main.tf", "{}", '{ cidr_block = "10.0.0.0/16" }'),
    ],
)
def test_what_is_deployed_changes_no_inputs(source: Path, tmp_path: Path, file: str, old: str, new: str) -> None:
    """Resources and arguments of modules are no concern of an init."""
    before = inputs(source, tmp_path / "before")
    (source / file).write_text((source / file).read_text().replace(old, new))
    assert inputs(source, tmp_path / "after") == before


def test_settings_of_the_backend_count(source: Path, tmp_path: Path) -> None:
    """Another bucket is another init."""
    copies = [tmp_path / name for name in "abc"]
    digests = [inputs(source, copy, {"bucket": bucket}) for copy, bucket in zip(copies, "xyx", strict=True)]
    assert digests[0] == digests[2] != digests[1]


class Run:
    """A Terraform that notes its commands, in files that an earlier run may have left."""

    def __init__(self, source: Path, directory: Path) -> None:
        binary = directory.parent / "terraform"
        binary.write_text(_FAKE.format(python=sys.executable))
        binary.chmod(binary.stat().st_mode | stat.S_IXUSR)
        self.copy: WorkingCopy = copy_configuration(source, directory)
        self.environment = {"PATH": os.environ["PATH"]}
        self.terraform = Terraform(
            self.copy, TerraformBinary(str(binary), "Terraform", (1, 11, 4)), self.environment, {}
        )

    def left_by_an_earlier_run(self, inputs: str) -> None:
        """Put the files of an earlier run in place, as a kept world has them."""
        providers = self.copy.directory / ".terraform/providers"
        providers.mkdir(parents=True)
        (providers / "aws").symlink_to(self.copy.root)
        note_inputs(self.copy, inputs)
        self.terraform.resumed()

    @property
    def commands(self) -> list[str]:
        return (self.copy.directory / "commands").read_text().split()


@pytest.fixture
def run(source: Path, tmp_path: Path) -> Run:
    return Run(source, tmp_path / "copy")


def test_an_init_that_would_do_the_same_is_spared(run: Run) -> None:
    """The apply of a difference begins at once; the init after it runs, since somebody asks for it."""
    run.left_by_an_earlier_run(inputs_of(run.copy, None))
    run.terraform.init()
    run.terraform.apply()
    assert run.commands == ["apply"]
    run.terraform.init()
    assert run.commands == ["apply", "init"]


def test_an_init_with_other_inputs_runs(run: Run) -> None:
    """The files of a run with another backend are initialised anew."""
    run.left_by_an_earlier_run(inputs_of(run.copy, {"bucket": "other"}))
    run.terraform.init()
    assert run.commands == ["init"]
    assert noted_inputs(run.copy) == inputs_of(run.copy, None)


def test_terraform_has_the_last_word(run: Run) -> None:
    """The init that was spared runs when Terraform asks for it, once, and the command after it."""
    run.environment["NEEDED"] = "1"
    run.left_by_an_earlier_run(inputs_of(run.copy, None))
    run.terraform.init()
    run.terraform.apply()
    run.terraform.apply()
    assert run.commands == ["apply", "init", "apply", "apply"]


def test_another_failure_is_no_reason_for_an_init(run: Run) -> None:
    """A command that fails for other reasons fails, without a second try."""
    run.environment["BROKEN"] = "1"
    run.left_by_an_earlier_run(inputs_of(run.copy, None))
    run.terraform.init()
    with pytest.raises(CommandFailed, match="it broke"):
        run.terraform.apply()
    assert run.commands == ["apply"]
