"""A provider that stays up between commands: when it is shared, and when it ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.processes import ends

from pushproof.terraform.resident import VARIABLE, ResidentProvider

ADDRESS = "registry.terraform.io/hashicorp/aws"
_PROGRAM = """#!/bin/sh
echo "started in $WORLD"
touch "$TMPDIR/socket"
echo "TF_REATTACH_PROVIDERS='{{\\"{address}\\": {{\\"Pid\\": $$}}}}'"
exec sleep 600
"""
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "WORLD": "one"}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a root with one configuration of a provider, as `init` leaves it."""
    monkeypatch.delenv(VARIABLE, raising=False)
    (tmp_path / "main.tf").write_text('provider "aws" {\n  region = "eu-west-1"\n}\n')
    put_program(tmp_path, "1.0.0", _PROGRAM.format(address=ADDRESS))
    return tmp_path


def put_program(root: Path, version: str, text: str) -> None:
    program = root / ".terraform/providers" / ADDRESS / version / "linux_amd64" / f"terraform-provider-aws_v{version}"
    program.parent.mkdir(parents=True)
    program.write_text(text)
    program.chmod(0o755)


@pytest.fixture
def resident() -> Iterator[ResidentProvider]:
    resident = ResidentProvider()
    yield resident
    resident.close()


def pid_of(more: dict[str, str]) -> int:
    pid: int = json.loads(more["TF_REATTACH_PROVIDERS"])[ADDRESS]["Pid"]
    return pid


def test_commands_of_a_world_share_a_provider(resident: ResidentProvider, root: Path) -> None:
    """The next command gets the same process; another world's gets another, and the first ends; so does the last."""
    pids = []
    for world in ("one", "one", "two"):
        with resident.lent(root, {**ENVIRONMENT, "WORLD": world}) as more:
            pids.append(pid_of(more))
    assert pids[0] == pids[1] != pids[2]
    assert ends(pids[0])
    resident.close()
    assert ends(pids[2])


def test_a_provider_serves_one_root(
    resident: ResidentProvider, root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """It runs in the root's directory, by which it resolves relative paths; another root gets a process of its own."""
    other = tmp_path_factory.mktemp("other")
    shutil.copytree(root, other, dirs_exist_ok=True)
    pids = []
    for directory in (root, other):
        with resident.lent(directory, ENVIRONMENT) as more:
            pids.append(pid_of(more))
            assert Path(f"/proc/{pids[-1]}/cwd").resolve() == directory
    assert pids[0] != pids[1]
    assert ends(pids[0])


def test_a_provider_serves_one_command_at_a_time(resident: ResidentProvider, root: Path) -> None:
    """A command that begins meanwhile has a process of its own: a process has one configuration."""
    with resident.lent(root, ENVIRONMENT) as first, resident.lent(root, ENVIRONMENT) as second:
        assert pid_of(first) != pid_of(second)
    with resident.lent(root, ENVIRONMENT) as third:
        assert pid_of(third) in (pid_of(first), pid_of(second))
    assert sum(ends(pid) for pid in {pid_of(first), pid_of(second)} - {pid_of(third)}) == 1


def test_a_failed_command_takes_its_provider_along(resident: ResidentProvider, root: Path) -> None:
    """The process may be stopped inside by a failure or an interrupt: the next command gets a new one."""
    with pytest.raises(KeyboardInterrupt), resident.lent(root, ENVIRONMENT) as more:
        raise KeyboardInterrupt
    assert ends(pid_of(more))
    with resident.lent(root, ENVIRONMENT) as again:
        assert pid_of(again) != pid_of(more)


def test_a_provider_that_died_is_replaced(resident: ResidentProvider, root: Path) -> None:
    """A process that is gone is not lent again."""
    with resident.lent(root, ENVIRONMENT) as more:
        os.kill(pid_of(more), signal.SIGKILL)
        assert ends(pid_of(more))
    with resident.lent(root, ENVIRONMENT) as again:
        assert pid_of(again) != pid_of(more)


@pytest.mark.parametrize(
    "text",
    [
        'provider "aws" {\n  alias = "other"\n}\n',
        'provider "aws" {}\nprovider "aws" {\n  alias = "other"\n}\n',
        'terraform {\n  required_providers {\n    aws = {\n      source = "hashicorp/aws"\n'
        "      configuration_aliases = [aws.other]\n    }\n  }\n}\n",
    ],
)
def test_several_configurations_have_processes_of_their_own(resident: ResidentProvider, root: Path, text: str) -> None:
    """A root with an alias, its own or of a module that `init` installed, starts its providers itself."""
    own = (root / "main.tf").read_text()
    (root / "main.tf").write_text(text)
    with resident.lent(root, ENVIRONMENT) as more:
        assert more == {}
    (root / "main.tf").write_text(own)
    module = root / ".terraform/modules/other"
    module.mkdir(parents=True)
    (module / "main.tf").write_text(text)
    listed = {"Modules": [{"Key": "", "Dir": "."}, {"Key": "other", "Dir": ".terraform/modules/other"}]}
    (root / ".terraform/modules/modules.json").write_text(json.dumps(listed))
    with resident.lent(root, ENVIRONMENT) as more:
        assert more == {}


@pytest.mark.parametrize("name", ["TF_LOG", "TF_REATTACH_PROVIDERS"])
def test_plugins_and_logs_of_the_caller_stay_his(resident: ResidentProvider, root: Path, name: str) -> None:
    """Commands of somebody who debugs a provider, or asks for logs, run as Terraform runs them."""
    with resident.lent(root, {**ENVIRONMENT, name: "TRACE"}) as more:
        assert more == {}


def test_it_can_be_refused(resident: ResidentProvider, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands start providers themselves where the environment says so."""
    monkeypatch.setenv(VARIABLE, "0")
    with resident.lent(root, ENVIRONMENT) as more:
        assert more == {}


def test_a_provider_waits_for_a_while_only(root: Path) -> None:
    """It ends by itself without a next command, which then starts another."""
    resident = ResidentProvider(patience=0.05)
    with resident.lent(root, ENVIRONMENT) as more:
        pass
    assert ends(pid_of(more))
    with resident.lent(root, ENVIRONMENT) as again:
        assert pid_of(again) != pid_of(more)
    assert ends(pid_of(again))


@pytest.mark.parametrize(
    "text", ["#!/bin/sh\nexit 1\n", "#!/bin/sh\necho \"TF_REATTACH_PROVIDERS='{'\"\n", "no program"]
)
def test_a_provider_that_does_not_listen_is_done_without(resident: ResidentProvider, root: Path, text: str) -> None:
    """Commands then start it as ever, and their own errors say what is wrong."""
    program = next((root / ".terraform/providers").rglob("terraform-provider-aws_*"))
    program.write_text(text)
    with resident.lent(root, ENVIRONMENT) as more:
        assert more == {}


def test_without_an_init_there_is_none(resident: ResidentProvider, root: Path) -> None:
    """Two versions of a provider, or none, leave the start to the command."""
    put_program(root, "2.0.0", "")
    with resident.lent(root, ENVIRONMENT) as more:
        assert more == {}


def test_it_ends_with_its_process(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A killed run leaves no provider behind, and nothing that the provider has put beside its socket."""
    temporary = tmp_path_factory.mktemp("temporary")
    text = (
        "import pathlib, sys\nfrom pushproof.terraform.resident import ResidentProvider\n"
        f"with ResidentProvider().lent(pathlib.Path({str(root)!r}), {ENVIRONMENT!r}) as more:\n"
        "    print(more['TF_REATTACH_PROVIDERS'], flush=True)\n    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", text],
        env={**os.environ, "TMPDIR": str(temporary)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        pid = json.loads(process.stdout.readline())[ADDRESS]["Pid"]
        assert len(list(temporary.glob("*/socket"))) == 1
        process.kill()
    assert ends(pid)
    until = time.monotonic() + 30
    while list(temporary.iterdir()) and time.monotonic() < until:
        time.sleep(0.01)
    assert list(temporary.iterdir()) == []


def test_an_ended_provider_leaves_nothing(
    resident: ResidentProvider, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The directory of its socket goes with it."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    with resident.lent(root, ENVIRONMENT):
        assert len(list((tmp_path / "temporary").glob("*/socket"))) == 1
    resident.close()
    assert list((tmp_path / "temporary").iterdir()) == []
