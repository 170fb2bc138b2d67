"""An applied module: its state is read when somebody asks where a resource is written, and again when it has changed."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest

from pushproof.terraform.applied import AppliedModule
from pushproof.terraform.binary import TerraformBinary
from pushproof.terraform.driver import Terraform
from pushproof.terraform.working_copy import copy_configuration

_FAKE = """#!{python}
import json, pathlib, sys
log = pathlib.Path("commands")
log.write_text((log.read_text() if log.exists() else "") + sys.argv[1] + "\\n")
if sys.argv[1] == "show":
    resource = {{"mode": "managed", "address": "aws_vpc.this", "values": {{"id": "vpc-1"}}}}
    print(json.dumps({{"format_version": "1.0", "values": {{"root_module": {{"resources": [resource]}}}}}}))
"""


@pytest.fixture
def module(tmp_path: Path) -> AppliedModule:
    binary, source = tmp_path / "terraform", tmp_path / "module"
    binary.write_text(_FAKE.format(python=sys.executable))
    binary.chmod(binary.stat().st_mode | stat.S_IXUSR)
    source.mkdir()
    (source / "main.tf").write_text('resource "aws_vpc" "this" {\n}\n')
    copy = copy_configuration(source, tmp_path / "copy")
    return AppliedModule(
        Terraform(copy, TerraformBinary(str(binary), "terraform", (1, 11, 4)), {"PATH": "/usr/bin:/bin"})
    )


def reads(module: AppliedModule) -> int:
    log = module.terraform.copy.directory / "commands"
    return log.read_text().split().count("show") if log.exists() else 0


def test_the_state_is_read_once_for_all_findings(module: AppliedModule) -> None:
    """However many checks ask about however many resources, `terraform show` runs once."""
    assert reads(module) == 0
    for _ in range(3):
        origin = module.addresses.of("vpc-1")
        assert origin is not None
        assert str(origin) == "aws_vpc.this (main.tf:1)"
        assert module.addresses.of("vpc-2") is None
    assert reads(module) == 1


def test_the_state_is_read_again_once_it_has_changed(module: AppliedModule) -> None:
    """The state is read again after an apply, and after another program has written a new serial."""
    module.addresses.of("vpc-1")
    module.terraform.apply()
    module.addresses.of("vpc-1")
    assert reads(module) == 2
    state = module.terraform.copy.directory / "terraform.tfstate"
    state.write_text(json.dumps({"version": 4, "serial": 7}))
    module.addresses.of("vpc-1")
    module.addresses.of("vpc-1")
    assert reads(module) == 3
