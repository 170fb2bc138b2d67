"""An applied module: its state is read on demand, and again when it has changed."""

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
resource = {{"mode": "managed", "type": "aws_vpc", "name": "this", "instances": [{{"attributes": {{"id": "vpc-1"}}}}]}}
state = {{"version": 4, "serial": 1, "resources": [resource]}}
if sys.argv[1] == "state":
    print(json.dumps(state))
if sys.argv[1] == "apply":
    pathlib.Path("terraform.tfstate").write_text(json.dumps(state))
if sys.argv[1] == "show":
    print(json.dumps({{"format_version": "1.0"}}))
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


def commands(module: AppliedModule) -> list[str]:
    log = module.terraform.copy.directory / "commands"
    return log.read_text().split() if log.exists() else []


def test_the_state_is_read_once_for_all_findings(module: AppliedModule) -> None:
    """However many checks ask about however many resources, a remote state is fetched once, and no provider is started."""
    assert commands(module) == []
    for _ in range(3):
        origin = module.addresses.of("vpc-1")
        assert origin is not None
        assert str(origin) == f"aws_vpc.this ({module.source}/main.tf:1)"
        assert module.addresses.of("vpc-2") is None
    assert commands(module) == ["state"]


def test_a_local_state_is_read_without_terraform_and_again_once_it_has_changed(module: AppliedModule) -> None:
    """A state file is there to be read: findings cost no command, and know what another apply has changed."""
    module.terraform.apply()
    assert module.addresses.of("vpc-1") is not None
    state = module.terraform.copy.directory / "terraform.tfstate"
    state.write_text(json.dumps({"version": 4, "serial": 7, "resources": []}))
    assert module.addresses.of("vpc-1") is None
    assert commands(module) == ["apply"]


def test_a_shown_state_is_read_once(module: AppliedModule) -> None:
    """`terraform show` starts the provider, which takes seconds: it is run again only for another state."""
    module.terraform.apply()
    for _ in range(3):
        assert module.state() == {"format_version": "1.0"}
    module.terraform.apply()
    module.state()
    assert commands(module) == ["apply", "show", "apply", "show"]
