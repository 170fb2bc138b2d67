"""Sessions that continue what earlier sessions have applied, and forks of applied modules, with Terraform itself."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.processes import ends

MODULE = """
variable "name" {
  default = "orders"
}
variable "path" {
  default = ""
}
resource "aws_ssm_parameter" "main" {
  name  = "/${var.name}"
  type  = "String"
  value = "3600"
}
resource "aws_sns_topic" "news" {
  name         = "${var.name}-news"
  display_name = file("${path.module}/title.txt")
}
output "parameter" {
  value = aws_ssm_parameter.main.name
}
"""
TESTS = """
import pytest

@pytest.fixture(scope="module")
def queue(applied):
    return applied("queue"VARIABLES)

def test_it_is_there(queue, aws):
    assert aws("ssm").get_parameter(Name=queue["parameter"])["Parameter"]["Value"] == "RETENTION"

def test_nothing_is_left_to_do(queue):
    assert queue.changes() == {}
"""


class Project:
    """A repository with one module and its tests, and a directory of kept worlds of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.cache = directory, directory / ".kept"
        (directory / "queue").mkdir(parents=True)
        (directory / "queue/main.tf").write_text(MODULE)
        (directory / "queue/title.txt").write_text("Orders")
        (directory / "conftest.py").write_text("")
        (directory / "pytest.ini").write_text("[pytest]\n")
        (directory / ".git").mkdir()
        self.write()

    def write(self, variables: str = "", retention: int = 3600, more: str = "") -> None:
        text = TESTS.replace("VARIABLES", variables).replace("RETENTION", str(retention))
        (self.directory / "test_queue.py").write_text(text + more)

    def edit(self, old: str, new: str) -> None:
        file = self.directory / "queue/main.tf"
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))

    def run(self, *options: str, **environment: str) -> str:
        """Run the tests in a session of their own, and return what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--pushproof-task-runtime=scripted", *options],
            cwd=self.directory,
            env={**os.environ, "PUSHPROOF_CACHE": str(self.cache), **environment},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def entries(self) -> list[Path]:
        return [path for path in self.cache.iterdir() if path.is_dir() and path.name[0] != "."]


@pytest.fixture(scope="module")
def applied_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project whose tests have run once."""
    project = Project(tmp_path_factory.mktemp("kept") / "project")
    output = project.run()
    assert "terraform init" in output
    assert len(project.entries()) == 1
    return project.directory


@pytest.fixture
def project(applied_once: Path, tmp_path: Path) -> Project:
    """Return a copy of that project, of which the worlds are kept at the same place."""
    copy = Project.__new__(Project)
    copy.directory, copy.cache = tmp_path / "project", tmp_path / "project/.kept"
    shutil.copytree(applied_once, copy.directory, symlinks=True)
    return copy


CONTINUED = "continued from a kept world"
NEAREST = "continued from the nearest kept world"


def test_nothing_is_done_twice(project: Project) -> None:
    """An unchanged module starts no Terraform: neither for the apply, nor for the plan, nor to destroy."""
    output = project.run()
    assert CONTINUED in output, output
    assert "terraform init" not in output
    assert "Plan:" not in output


def test_a_changed_module_is_applied_as_a_difference(project: Project) -> None:
    """Terraform changes the one attribute in the nearest kept world, and the next run continues from there."""
    project.edit("3600", "7200")
    project.write(retention=7200)
    output = project.run()
    assert NEAREST in output, output
    assert "0 to add, 1 to change" in output
    assert "terraform init" not in output
    assert CONTINUED in project.run()


def test_a_change_that_needs_an_init_gets_one(project: Project) -> None:
    """A module that is new is installed before the difference is applied."""
    other = project.directory / "queue/other"
    other.mkdir()
    (other / "main.tf").write_text('resource "aws_sns_topic" "more" {\n  name = "more"\n}\n')
    project.edit("output", 'module "other" {\n  source = "./other"\n}\noutput')
    output = project.run()
    assert NEAREST in output, output
    assert "terraform init" in output
    assert "1 to add" in output


@pytest.mark.parametrize(
    "ingredient", ["file", "variable", "speed", "region", "account", "terraform", "environment", "name"]
)
def test_each_ingredient_decides(project: Project, ingredient: str) -> None:
    """A change of anything that the outcome depends on finds no kept world of the same content."""
    options: list[str] = []
    environment: dict[str, str] = {}
    match ingredient:
        case "file":
            (project.directory / "queue/title.txt").write_text("Orders of today")
        case "variable":
            project.write(variables=', name="returns"')
        case "speed" | "region" | "account":
            value = {"speed": "21", "region": "eu-central-1", "account": "210987654321"}[ingredient]
            options = [f"--pushproof-{ingredient}={value}"]
        case "terraform":
            wrapper = project.directory / "other/terraform"
            wrapper.parent.mkdir()
            real = shutil.which("terraform")
            wrapper.write_text(f'#!/bin/sh\n"{real}" "$@" | sed "s/1\\.1[0-9]\\.[0-9]*/1.99.9/"\n')
            wrapper.chmod(0o755)
            environment = {"PUSHPROOF_TERRAFORM": str(wrapper)}
            if "version" not in subprocess.run([wrapper, "version", "-json"], capture_output=True, text=True).stdout:
                pytest.skip("Terraform's answer cannot be changed here")
        case "environment":
            environment = {"TF_CLI_ARGS_plan": "-parallelism=3"}
        case "name":
            (project.directory / "test_queue.py").rename(project.directory / "test_renamed.py")
    output = project.run(*options, **environment)
    assert CONTINUED not in output
    # Only another content of the same deployment is applied as a difference.
    assert (NEAREST in output) == (ingredient == "file")


def test_cold_uses_and_keeps_nothing(project: Project) -> None:
    """The option --cold applies everything anew."""
    before = project.entries()
    output = project.run("--cold")
    assert "terraform init" in output
    assert "Plan: 2 to add" in output
    assert project.entries() == before


def test_a_damaged_world_is_dropped_and_said(project: Project) -> None:
    """A kept world with one changed byte is not used; the module is applied anew, and kept again."""
    (entry,) = project.entries()
    state = next(entry.rglob("state"))
    data = bytearray(state.read_bytes())
    data[len(data) // 2] ^= 1
    state.write_bytes(bytes(data))
    output = project.run()
    assert "is damaged or from elsewhere" in output
    assert "Plan: 2 to add" in output
    assert CONTINUED in project.run()


def test_what_cannot_be_kept_is_applied_cold(project: Project) -> None:
    """The reason is in the output, with file and line."""
    project.edit('default = "orders"', 'default = "orders"\n}\nlocals {\n  now = timestamp()')
    output = project.run()
    assert "applied cold, and not kept: queue/main.tf:6: timestamp() depends on the time" in output


def test_a_fixture_of_a_wider_scope_is_not_lost(project: Project) -> None:
    """A session's fixture that runs after a module was applied is not undone for the next module."""
    more = """
@pytest.fixture(scope="session")
def parameter(aws):
    aws("ssm").put_parameter(Name="/a", Value="1", Type="String")

def test_later(queue, parameter, aws):
    assert aws("ssm").get_parameter(Name="/a")["Parameter"]["Value"] == "1"
"""
    project.write(more=more)
    (project.directory / "conftest.py").write_text(
        more.partition("def test_later")[0].replace("@pytest", "import pytest\n@pytest", 1)
    )
    project.write(more=more[more.index("def test_later") :])
    (project.directory / "test_z.py").write_text(
        'def test_it_stays(parameter, aws):\n    assert aws("ssm").get_parameter(Name="/a")["Parameter"]["Value"] == "1"\n'
    )
    project.run()


def test_modules_do_not_see_each_other(project: Project) -> None:
    """The world of one module is gone after its tests: the same module is applied again under the same names."""
    shutil.copy(project.directory / "test_queue.py", project.directory / "test_twice.py")
    (project.directory / "test_empty.py").write_text(
        'def test_empty(aws):\n    assert aws("sns").list_topics()["Topics"] == []\n'
    )
    project.run()


FORKS = """
def names(aws):
    return [each["Name"] for each in aws("ssm").describe_parameters()["Parameters"]]

def test_forks_part(queue, aws):
    with queue.fork() as one, queue.fork() as two:
        one.aws("ssm").delete_parameter(Name=one["parameter"])
        assert names(one.aws) == []
        assert names(two.aws) == names(aws) == ["/orders"]
        assert list(one.changes()) == ["aws_ssm_parameter.main"]
        assert two.changes() == {}
        two.terraform.apply(name="returns")
        assert names(two.aws) == ["/returns"]
    assert queue.changes() == {}

def test_a_fork_ends(queue):
    from pushproof.targets.forks import ForkUnavailable
    fork = queue.fork()
    fork.close()
    with pytest.raises(Exception):
        fork.aws("ssm").describe_parameters()
"""


FAULTS_OF_FORKS = """
from botocore.exceptions import ClientError

def test_a_fork_has_a_fault(queue, aws, faults):
    with queue.fork() as fork, faults.of(fork).api_throttled("ssm") as fault:
        with pytest.raises(ClientError, match="ThrottlingException"):
            fork.aws("ssm").describe_parameters()
        aws("ssm").describe_parameters()
        fault.end()
        fork.aws("ssm").describe_parameters()
        assert [record.fault for record in faults.of(fork).journal] == ["api-throttled:ssm"]
    assert faults.journal == []

def test_a_fork_may_end_before_its_faults(queue, faults):
    with queue.fork() as fork:
        faults.of(fork).zone_lost("eu-west-1a")
"""


def test_a_fork_has_faults_of_its_own(project: Project) -> None:
    """The fixture reaches a fork: the world that was forked goes on as it was, and a fork may end with its faults."""
    project.write(more=FAULTS_OF_FORKS)
    project.run()


def test_forks_are_worlds_of_their_own(project: Project) -> None:
    """Two forks and the module go their own ways: calls, plans and applies in one are not seen in the others."""
    project.write(more=FORKS)
    project.run()


def test_a_killed_session_leaves_nothing_torn(project: Project) -> None:
    """kill -9 at any moment leaves kept worlds that are whole, or none; the next run works."""
    for number in range(4):
        project.edit("  value = ", f"  # {number}\n  value = ")
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--pushproof-task-runtime=scripted"],
            cwd=project.directory,
            env={**os.environ, "PUSHPROOF_CACHE": str(project.cache)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(2.5 + number)
        process.kill()
        process.wait()
    project.run()
    for entry in project.entries():
        assert json.loads((entry / "about.json").read_text())["key"] == entry.name
    assert list(project.cache.glob(".making-*")) == []


FORKING = """
import sys, tempfile, time
from pathlib import Path
from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget
from pushproof.targets.forks import Forks

target = EmbeddedTarget(EmbeddedSettings(runtime="scripted"))
kept = Path(tempfile.mkdtemp())
target.keep(kept)
forks = Forks(target.settings.world, "scripted")
fork = forks.fork(kept, "test")
print(fork.pid, forks._host.pid, fork.place.directory, flush=True)
time.sleep(300)
"""


def test_forks_end_with_a_killed_process() -> None:
    """kill -9 of a process that has forked worlds ends all of them, with the process that forks, and their files go."""
    process = subprocess.Popen([sys.executable, "-c", FORKING], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    fork, host, directory = process.stdout.readline().split()
    process.kill()
    process.wait()
    process.stdout.close()
    assert all(ends(int(pid), within=60) for pid in (fork, host)), "a fork, or its host, is still there"
    assert not Path(directory).exists()


def test_an_ended_fork_is_named(tmp_path: Path) -> None:
    """A fork whose process has ended says so, and what to do; the next fork works."""
    from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget
    from pushproof.targets.forks import Forks, ForkUnavailable

    with EmbeddedTarget(EmbeddedSettings(runtime="scripted")) as target:
        target.keep(tmp_path)
        forks = Forks(target.settings.world, "scripted")
        try:
            first = forks.fork(tmp_path, "test")
            first.require_alive()
            os.kill(first.pid, 9)
            with pytest.raises(
                ForkUnavailable, match=rf"forked world {first.world_id} \(process {first.pid}\) does not"
            ):
                first.require_alive()
            assert forks._host is not None
            forks._host.kill()
            forks._host.wait()
            # One world waited already; after it another host is started.
            for _ in range(2):
                forks.fork(tmp_path, "test").require_alive()
        finally:
            forks.close()


SIDE_BY_SIDE = """
import pytest

@pytest.fixture(scope="module")
def modules(applied):
    return applied.together(applied.module("queue"), applied.module("table", name="orders"))

def test_both_are_there(modules, aws):
    queue, table = modules
    assert aws("ssm").get_parameter(Name=queue["parameter"])["Parameter"]["Value"] == "3600"
    assert aws("ssm").get_parameter(Name=table["parameter"])["Parameter"]["Value"] == "WORDS"
    assert (queue.changes(), table.changes()) == ({}, {})

def test_each_can_be_forked(modules):
    with modules[1].fork() as fork:
        fork.aws("ssm").delete_parameter(Name=fork["parameter"])
        assert list(fork.changes()) == ["aws_ssm_parameter.main"]
    assert modules[1].changes() == {}
"""
TABLE = """
variable "name" {}
resource "aws_ssm_parameter" "main" {
  name  = "/${var.name}-table"
  type  = "String"
  value = "words"
}
output "parameter" {
  value = aws_ssm_parameter.main.name
}
"""


def test_modules_side_by_side_are_kept_as_a_set(project: Project) -> None:
    """Several modules have one kept world: continued when none has changed, and the nearest one when one of them has."""
    (project.directory / "table").mkdir()
    (project.directory / "table/main.tf").write_text(TABLE)
    (project.directory / "test_queue.py").write_text(SIDE_BY_SIDE.replace("WORDS", "words"))
    before = len(project.entries())
    assert project.run().count("terraform init") == 2
    assert len(project.entries()) == before + 1
    output = project.run()
    assert output.count(CONTINUED) == 2, output
    assert "terraform init" not in output
    (project.directory / "table/main.tf").write_text(TABLE.replace('"words"', '"others"'))
    (project.directory / "test_queue.py").write_text(SIDE_BY_SIDE.replace("WORDS", "others"))
    output = project.run()
    assert output.count(NEAREST) == 2, output
    assert "1 to change" in output


THREADS = """
from concurrent.futures import ThreadPoolExecutor

def test_both_are_there(applied, aws):
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(applied, "queue"), pool.submit(applied, "table", name="orders")]
        names = {each.result()["parameter"] for each in both}
    assert {each["Name"] for each in aws("ssm").describe_parameters()["Parameters"]} == names
"""
ALONE = """
def test_it_is_alone(applied, aws):
    module = applied(CALL)
    names = {each["Name"] for each in aws("ssm").describe_parameters()["Parameters"]}
    assert names == {module["parameter"]}
"""


def test_threads_do_not_keep_each_others_halves(project: Project) -> None:
    """A world that is kept while another thread applies has nothing of that other module."""
    (project.directory / "table").mkdir()
    (project.directory / "table/main.tf").write_text(TABLE)
    shutil.rmtree(project.cache)
    (project.directory / "test_queue.py").write_text(THREADS)
    project.run()
    for call in ('"queue"', '"table", name="orders"'):
        (project.directory / "test_queue.py").write_text(ALONE.replace("CALL", call))
        project.run()
