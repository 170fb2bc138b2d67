"""tftest with its traps closed: driven against a small program that behaves as Terraform can."""

from __future__ import annotations

import json
import os
import stat
import sys
import threading
import time
from pathlib import Path

import pytest

from pushproof.base.target import Target
from pushproof.terraform.applied import prepare
from pushproof.terraform.binary import TerraformBinary, find_terraform
from pushproof.terraform.driver import Terraform
from pushproof.terraform.errors import (
    CommandFailed,
    CommandTimedOut,
    OutputMissing,
    TerraformMissing,
    UndeclaredVariables,
)
from pushproof.terraform.working_copy import copy_configuration

_FAKE = """#!{python}
import json, os, signal, sys, time
command = sys.argv[1]
behaviour = os.environ.get("BEHAVIOUR", "")
if behaviour == "loud":
    sys.stderr.write("warning\\n" * 200_000)
if behaviour.startswith("exit") and command == behaviour.split()[1]:
    sys.stderr.write("Error: it broke\\n")
    sys.exit(int(behaviour.split()[2]))
if behaviour == "hang":
    def write_state(*_):
        open("terraform.tfstate", "w").write("written on interrupt")
        sys.exit(1)
    signal.signal(signal.SIGINT, write_state)
    print("working", flush=True)
    time.sleep(600)
if command == "plan":
    sys.exit(2 if behaviour == "changes" else 0)
if command == "show":
    print(json.dumps({{"resource_changes": [
        {{"address": "aws_vpc.a", "change": {{"actions": ["update"]}}}},
        {{"address": "data.x.y", "change": {{"actions": ["read"]}}}},
        {{"address": "aws_vpc.b", "change": {{"actions": ["no-op"]}}}}]}}))
elif command == "output":
    print(json.dumps({{"name": {{"value": "shop", "type": "string", "sensitive": False}}}}))
elif command == "version":
    print(json.dumps({{"terraform_version": os.environ.get("VERSION", "1.11.4")}}))
else:
    print("arguments", json.dumps(sys.argv[1:]))
"""


@pytest.fixture
def fake(tmp_path: Path) -> Path:
    binary = tmp_path / "terraform"
    binary.write_text(_FAKE.format(python=sys.executable))
    binary.chmod(binary.stat().st_mode | stat.S_IXUSR)
    return binary


def terraform(tmp_path: Path, fake: Path, behaviour: str = "", **variables: object) -> Terraform:
    source = tmp_path / "module"
    source.mkdir(exist_ok=True)
    (source / "main.tf").write_text("".join(f'variable "{name}" {{}}\n' for name in variables))
    copy = copy_configuration(source, tmp_path / "run")
    binary = TerraformBinary(str(fake), "Terraform", (1, 11, 4))
    return Terraform(copy, binary, {"BEHAVIOUR": behaviour, "PATH": os.environ["PATH"]}, variables)


@pytest.mark.parametrize("code", [1, 2, 3, 11, 127])
def test_every_unexpected_exit_code_is_an_error(tmp_path: Path, fake: Path, code: int) -> None:
    """tftest lets all but 1 and 11 pass; here each raises with Terraform's own words."""
    with pytest.raises(CommandFailed, match="it broke") as raised:
        terraform(tmp_path, fake, f"exit apply {code}").apply()
    assert raised.value.code == code


def test_much_on_stderr_does_not_block(tmp_path: Path, fake: Path) -> None:
    """Megabytes of warnings fill no pipe: both streams are drained."""
    assert "arguments" in terraform(tmp_path, fake, "loud").apply()


def test_a_command_that_hangs_is_interrupted_and_may_write_its_state(tmp_path: Path, fake: Path) -> None:
    """Terraform gets SIGINT after the limit, as from a person, and its last words are in the error."""
    hanging = terraform(tmp_path, fake, "hang")
    hanging.limit = 1.0
    with pytest.raises(CommandTimedOut, match="working"):
        hanging.apply()
    assert (hanging.copy.directory / "terraform.tfstate").read_text() == "written on interrupt"


def test_a_failed_destroy_keeps_its_state(tmp_path: Path, fake: Path) -> None:
    """No state file is ever deleted: not on failure, not when the object goes."""
    failing = terraform(tmp_path, fake, "exit destroy 1")
    state = failing.copy.directory / "terraform.tfstate"
    state.write_text("{}")
    with pytest.raises(CommandFailed):
        failing.destroy()
    del failing
    assert state.read_text() == "{}"


def test_variables_keep_types_and_nulls_and_stay_out_of_sight(tmp_path: Path, fake: Path) -> None:
    """Variables travel in a file that only this user can read: never in the process list, never in a message."""
    run = terraform(tmp_path, fake, "", on=True, none=None, names=["a"], size=3, password="hunter2")
    said = run.apply(size=4)
    path = run.copy.directory / "zz-pushproof.auto.tfvars.json"
    assert json.loads(path.read_text()) == {"on": True, "none": None, "names": ["a"], "size": 4, "password": "hunter2"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "hunter2" not in said
    with pytest.raises(CommandFailed) as raised:
        terraform(tmp_path, fake, "exit apply 1", password="hunter2").apply()
    assert "hunter2" not in str(raised.value)


def test_a_variable_that_is_not_declared_is_refused_before_anything_runs(tmp_path: Path, fake: Path) -> None:
    """A misspelled variable is named, with the declared one that is closest."""
    with pytest.raises(UndeclaredVariables, match=r"no variable 'porject'; .* Did you mean 'project' for 'porject'\?"):
        terraform(tmp_path, fake, project="shop").apply(porject="shop")


def test_changes_are_what_a_plan_would_do(tmp_path: Path, fake: Path) -> None:
    """Changes are real changes only, by address; an empty plan has none."""
    assert terraform(tmp_path, fake, "changes").changes() == {"aws_vpc.a": ["update"]}
    assert terraform(tmp_path, fake).changes() == {}


def test_a_missing_output_names_those_there_are(tmp_path: Path, fake: Path) -> None:
    """Asking for an output that is not there says which there are."""
    module = terraform(tmp_path, fake)
    assert module.output("name") == "shop"
    with pytest.raises(OutputMissing, match="it has: name"):
        module.output("vpc_id")


def test_ctrl_c_reaches_terraform_before_the_caller(tmp_path: Path, fake: Path) -> None:
    """An interrupt while Terraform works lets it write its state before it propagates."""
    import _thread

    hanging = terraform(tmp_path, fake, "hang")
    hanging.listener = lambda _: threading.Timer(0.1, _thread.interrupt_main).start()
    with pytest.raises(KeyboardInterrupt):
        hanging.apply()
    assert (hanging.copy.directory / "terraform.tfstate").exists()


def test_an_old_terraform_is_refused_with_what_is_needed(fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Terraform before 1.5 is refused with the reason; before 1.10 state does not lock natively."""
    monkeypatch.setenv("VERSION", "1.4.7")
    with pytest.raises(TerraformMissing, match=r"1\.5 or later"):
        find_terraform(str(fake))
    monkeypatch.setenv("VERSION", "1.9.8")
    os.utime(fake, ns=(1, 1))
    assert not find_terraform(str(fake)).native_locking
    monkeypatch.setenv("VERSION", "1.12.0-beta1")
    os.utime(fake, ns=(2, 2))
    assert find_terraform(str(fake)).version == (1, 12, 0)


def test_no_terraform_at_all_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The message names both products and their download pages if there is no binary."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("PUSHPROOF_TERRAFORM", raising=False)
    with pytest.raises(TerraformMissing, match="OpenTofu"):
        find_terraform()


def test_an_interrupted_command_is_not_waited_for_longer_than_needed(tmp_path: Path, fake: Path) -> None:
    """A command that heeds the interrupt ends the wait at once."""
    hanging = terraform(tmp_path, fake, "hang")
    hanging.limit = 0.5
    began = time.monotonic()
    with pytest.raises(CommandTimedOut):
        hanging.apply()
    assert time.monotonic() - began < 15


class Somewhere(Target):
    """A target with an environment and a directory, and otherwise the defaults."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"]}

    def directory(self, name: str) -> Path:
        made = self._root / name
        made.mkdir(parents=True, exist_ok=True)
        return made


@pytest.mark.parametrize(("own", "given"), [(None, "400"), ("50", "50")])
def test_providers_collect_less_garbage_unless_the_caller_says_otherwise(
    tmp_path: Path, fake: Path, monkeypatch: pytest.MonkeyPatch, own: str | None, given: str
) -> None:
    """A caller who is short of memory sets GOGC, and is heeded."""
    monkeypatch.delenv("GOGC", raising=False)
    if own:
        monkeypatch.setenv("GOGC", own)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    source = tmp_path / "module"
    source.mkdir()
    (source / "main.tf").write_text("")
    assert prepare(Somewhere(tmp_path / "run"), source, name="module").environment["GOGC"] == given


def test_two_configurations_of_one_name_never_share_a_state(
    tmp_path: Path, fake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second of that name would otherwise take the resources in the first one's state for its own, and replace them."""
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    place, source = Somewhere(tmp_path / "run"), tmp_path / "module"
    source.mkdir()
    (source / "main.tf").write_text("")
    directories = {prepare(place, source, name="bootstrap").copy.directory for _ in range(3)}
    assert len(directories) == 3


def test_a_wrapper_stands_before_terraforms_own_words(tmp_path: Path, fake: Path) -> None:
    """A command of several words, in a list or as a text, runs every Terraform command."""
    wrapper = tmp_path / "wrapper"
    wrapper.write_text(f'#!/bin/sh\nshift\necho "wrapped: $*" >> "{tmp_path}/calls"\nexec "{fake}" "$@"\n')
    wrapper.chmod(0o755)
    binary = find_terraform(f"{wrapper} run")
    assert binary.command == (str(wrapper), "run")
    assert find_terraform([str(wrapper), "run"]) == binary
    run = terraform(tmp_path, fake)
    run.binary = binary
    run.apply()
    assert [line.split()[1] for line in (tmp_path / "calls").read_text().splitlines()] == ["version", "apply"]


def test_the_commands_name_is_in_the_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that is not there is named with its origin."""
    with pytest.raises(TerraformMissing, match=r"'no-such-wrapper' \(from the settings\) is not on PATH"):
        find_terraform(("no-such-wrapper", "run"))
    monkeypatch.setenv("PUSHPROOF_TERRAFORM", "no-such-tofu --quiet")
    with pytest.raises(TerraformMissing, match=r"'no-such-tofu' \(from PUSHPROOF_TERRAFORM\)"):
        find_terraform()


def test_installed_modules_come_along(tmp_path: Path) -> None:
    """Modules of an earlier `init` are in the copy, without the history of their repositories."""
    source = tmp_path / "module"
    installed = source / ".terraform/modules"
    (installed / "vpc/.git").mkdir(parents=True)
    (installed / "modules.json").write_text("{}")
    (installed / "vpc/main.tf").write_text("")
    (source / "main.tf").write_text("")
    copy = copy_configuration(source, tmp_path / "run")
    assert (copy.directory / ".terraform/modules/vpc/main.tf").is_file()
    assert not (copy.directory / ".terraform/modules/vpc/.git").exists()


@pytest.mark.parametrize(
    ("summary", "remedy"),
    [
        ("Error accessing remote module registry", ".terraform/modules is used as it is"),
        ("Failed to download module", ".terraform/modules is used as it is"),
        ("Failed to query available provider packages", "PUSHPROOF_PROVIDER_MIRROR"),
        ("Unsupported Terraform Core version", "PUSHPROOF_TERRAFORM"),
    ],
)
def test_failures_that_this_machine_can_mend_say_how(summary: str, remedy: str) -> None:
    """A source, a provider or a version of Terraform that cannot be had comes with what to do, at the file and line."""
    words = f'╷\n│ Error: {summary}\n│ \n│   on main.tf:3, in module "vpc":\n│    3: source = "x"\n╵\n'
    failure = CommandFailed("init", "live", 1, "", words)
    assert remedy in str(failure)
    assert failure.reason == f"{summary} (main.tf:3)"
    assert "Run `terraform init` once" not in str(
        CommandFailed("apply", "live", 1, "", words.replace(summary, "Other"))
    )


def test_opentofu_is_taken_by_its_name(fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `tofu` that answers as Terraform does is one, and is called OpenTofu."""
    tofu = fake.with_name("tofu")
    fake.rename(tofu)
    monkeypatch.setenv("PATH", f"{tofu.parent}:{os.environ['PATH']}")
    assert str(find_terraform("tofu")).startswith("OpenTofu 1.")
