"""`pushproof mutate` on a small repository: what is noticed and what is not, interruptions, and bad input."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from tests.integration.mutation.conftest import SUITE, TERRAFORM, Repository
from tests.processes import ends

Make = Callable[..., Repository]
MORE = """
from pathlib import Path

def test_images_are_scanned():
    assert "scan_on_push = true" in (Path(__file__).parents[1] / "infra" / "main.tf").read_text()
"""
_LINE = re.compile(r"\[ *\d+/\d+\] (killed|refused|survived|equivalent|timed out|broken) +([0-9a-f]{10}) (\S+)", re.M)


def outcomes(done: subprocess.CompletedProcess[str]) -> dict[str, list[str]]:
    """Return the operators of the mutants of each outcome."""
    outcome_lists: dict[str, list[str]] = {}
    for status, _, operator in _LINE.findall(done.stdout):
        outcome_lists.setdefault(status, []).append(operator)
    return outcome_lists


def test_a_mistake_is_killed_or_survives(repository: Make) -> None:
    """A mistake that a test is about is killed by it; one that no test is about survives, with its diff and its harm."""
    done = repository().mutate("--tests", "tests")
    outcome_lists = outcomes(done)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "killed" in outcome_lists, done.stdout
    assert "survived" in outcome_lists, done.stdout
    assert "tests/test_infra.py::test_tags_are_immutable" in done.stdout
    assert re.search(r"^  -.*scan_on_push", done.stdout, re.M), done.stdout
    assert "why it hurts: " in done.stdout


def test_tests_that_depend_on_each_other_run_in_their_own_order(repository: Make) -> None:
    """A suite whose quick test needs what a slow one before it has left is asked whole, and no mutant is killed by its order."""
    suite = SUITE + (
        "\nimport time\n\nMARK = Path(__file__).parent / 'mark'\n\n"
        "def test_slowly_writes():\n    time.sleep(0.5)\n    MARK.write_text(TEXT)\n\n"
        "def test_needs_it():\n    assert MARK.exists()\n    MARK.unlink()\n"
    )
    done = repository(**{"tests/test_infra.py": suite}).mutate("--tests", "tests")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "test_needs_it" not in done.stdout
    assert set(outcomes(done)) >= {"killed", "survived"}, done.stdout


def test_the_tree_is_only_read(repository: Make) -> None:
    """No file of the user's changes, appears or goes, whatever the mutants and the tests do."""
    suite = SUITE + "\ndef test_writes():\n    (Path(__file__).parents[1] / 'infra' / 'left').write_text('x')\n"
    made = repository(**{"tests/test_infra.py": suite})
    before = made.seen()
    done = made.mutate("--tests", "tests", "--sample", "3")
    assert done.returncode == 0, done.stdout + done.stderr
    assert made.seen() == before


def test_nothing_is_left_behind(repository: Make) -> None:
    """The copies of a campaign go with it; its diary stays."""
    made = repository()
    made.mutate("--tests", "tests", "--sample", "2")
    left = sorted(path.name for path in (made.state / "mutate").glob("*/*"))
    assert left == ["campaign.json", "lock", "outcomes.jsonl"]


def test_a_threshold_decides_the_exit_code(repository: Make) -> None:
    """A score below the threshold is exit code 1."""
    made = repository()
    assert made.mutate("--tests", "tests", "--threshold", "1").returncode == 0
    done = made.mutate("--tests", "tests", "--threshold", "100")
    assert done.returncode == 1
    assert "below --threshold 100" in done.stdout


def test_a_campaign_is_resumed(repository: Make) -> None:
    """A campaign that is interrupted keeps its outcomes, and tries the rest when it is resumed."""
    made = repository()
    process = subprocess.Popen(
        made.command("--tests", "tests"),
        cwd=made.root,
        env=made.environment(),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    with process:
        for line in process.stdout:
            if line.startswith("[   2/"):
                process.send_signal(signal.SIGINT)
                break
        rest = process.stdout.read()
    assert process.returncode == 130, rest
    assert list((made.state / "mutate").glob("*/work-*")) == []
    done = made.mutate("--tests", "tests", "--resume")
    assert done.returncode == 0, done.stdout + done.stderr
    match = re.search(r"(\d+) mutant\(s\), (\d+) to try", done.stdout)
    assert match is not None
    assert int(match[1]) - int(match[2]) >= 2


def test_survivors_are_tried_again(repository: Make) -> None:
    """After a gap has been closed, `--survivors` tries those alone that nobody had noticed; then there are fewer."""
    made = repository()
    survived = outcomes(made.mutate("--tests", "tests"))["survived"]
    assert "hcl.flip-boolean" in survived
    listed = made.mutate("infra", "--survivors", "--list")
    assert f"{len(survived)} mutant(s)" in listed.stdout, listed.stdout + listed.stderr
    made.write({"tests/test_more.py": MORE})
    again = made.mutate("--tests", "tests", "--survivors")
    assert again.returncode == 0, again.stdout + again.stderr
    tried = outcomes(again)
    assert sorted(operator for each in tried.values() for operator in each) == sorted(survived)
    assert "hcl.flip-boolean" in tried["killed"]
    last = made.mutate("--tests", "tests", "--survivors")
    assert sorted(outcomes(last).get("survived", [])) == sorted(tried.get("survived", []))


def test_a_campaign_goes_on_with_a_suite_that_has_grown(repository: Make) -> None:
    """`--grown` keeps what was noticed, and tries survivors again; with other files under test it is refused, and loses nothing."""
    made = repository()
    first = outcomes(made.mutate("--tests", "tests"))
    survived, noticed = first["survived"], len(first["killed"])
    made.write({"tests/test_more.py": MORE})
    again = made.mutate("--tests", "tests", "--grown")
    assert again.returncode == 0, again.stdout + again.stderr
    assert f"{noticed} outcome(s) of the last campaign stand" in again.stdout.replace("\n", " ")
    assert sum(map(len, outcomes(again).values())) == len(survived)
    made.write({"infra/main.tf": "# One line more.\n" + TERRAFORM})
    refused = made.mutate("--tests", "tests", "--grown")
    assert refused.returncode == 2
    assert "--grown: the files that are mutated have changed" in " ".join((refused.stdout + refused.stderr).split())
    made.write({"infra/main.tf": TERRAFORM})
    after = made.mutate("--tests", "tests", "--grown")
    assert sum(map(len, outcomes(after).values())) == len(outcomes(again).get("survived", []))


def test_a_killed_campaign_leaves_nothing_that_runs(repository: Make) -> None:
    """The processes of workers end after kill -9, and the next campaign removes the copies."""
    suite = SUITE + (
        "\nimport os, time\n"
        "def test_hangs_on_mutants():\n"
        "    if 'IMMUTABLE' not in TEXT or 'scan_on_push = true' not in TEXT:\n"
        "        Path(os.environ['MARK']).write_text(str(os.getpid()))\n"
        "        time.sleep(600)\n"
    )
    made = repository(**{"tests/test_infra.py": suite.replace("def test_tags", "def not_test_tags")})
    mark = made.state / "pid"
    process = subprocess.Popen(
        made.command("--tests", "tests"),
        cwd=made.root,
        env={**made.environment(), "MARK": str(mark)},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    _wait(lambda: mark.exists() and mark.read_text() != "")
    run = int(mark.read_text())
    process.kill()
    process.wait()
    assert ends(run)
    assert list((made.state / "mutate").glob("*/work-*")) != []
    made.write({"tests/test_infra.py": SUITE})
    assert made.mutate("--tests", "tests", "--sample", "1").returncode == 0
    assert list((made.state / "mutate").glob("*/work-*")) == []


def _wait(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_changed_repository_is_not_resumed(repository: Make) -> None:
    """Outcomes of other files say nothing about these."""
    made = repository()
    made.mutate("--tests", "tests", "--sample", "1")
    made.write({"infra/main.tf": TERRAFORM + "\n"})
    done = made.mutate("--tests", "tests", "--resume")
    assert done.returncode == 2
    assert "--resume: the repository, the suite or a program has changed" in done.stdout


def test_a_pull_request_gets_its_own_mutants(repository: Make) -> None:
    """Mutants lie in changed lines alone, with --since."""
    made = repository()
    for command in (
        ["init"],
        ["add", "."],
        ["-c", "user.name=t", "-c", "user.email=t@example.test", "commit", "-m", "x"],
    ):
        subprocess.run(["git", *command], cwd=made.root, check=True, capture_output=True)
    made.write({"infra/main.tf": TERRAFORM.replace("scan_on_push = true", "scan_on_push = true # yes")})
    done = made.mutate("infra", "--list", "--since", "HEAD")
    assert done.returncode == 0
    mutants = done.stdout.split("--- a/infra/main.tf")[1:]
    assert mutants
    # Whoever drops a block drops the changed line too.
    assert all(re.search(r"^-.*scan_on_push", diff, re.M) for diff in mutants), done.stdout


def test_a_suite_in_a_part_of_a_repository(repository: Make) -> None:
    """A suite of one directory may be about modules elsewhere in its repository: all of it is copied."""
    made = repository(
        **{"service/pytest.ini": "[pytest]\n", "service/tests/test_infra.py": SUITE.replace("[1]", "[2]")}
    )
    subprocess.run(["git", "init"], cwd=made.root, check=True, capture_output=True)
    done = made.mutate("--tests", "tests", "--only", "hcl.other-word", here="service")
    assert "killed" in outcomes(done), done.stdout + done.stderr
    assert "by tests/test_infra.py::test_tags_are_immutable" in done.stdout


def test_reports_are_written(repository: Make, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """The record is as its schema says, and page, JUnit and text tell of the survivor."""
    made = repository()
    done = made.mutate("--tests", "tests", "--report", str(tmp_path / "report"))
    assert done.returncode == 0, done.stdout + done.stderr
    record = json.loads((tmp_path / "report" / "pushproof-report.json").read_text())
    schema = json.loads((pytestconfig.rootpath / "docs/pushproof-report-1.schema.json").read_text())
    jsonschema.validate(record, schema)
    survivors = [mutation for mutation in record["mutations"] if mutation["status"] == "survived"]
    assert survivors
    for name in ("mutations.html", "mutations.xml", "mutations.txt"):
        assert survivors[0]["id"] in (tmp_path / "report" / name).read_text(), name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere",), "nowhere does not exist; expected a file or directory in"),
        (("..",), ".. is not in"),
        (("--tests", "nowhere"), "--tests nowhere does not exist"),
        (("--tests", "tests", "--only", "module.nowhere"), "--only module.nowhere: nothing matches"),
        (("--tests", "tests", "--resume"), "--resume: there is no campaign of this repository to go on with"),
        (("--tests", "tests", "--survivors"), "--survivors: no mutant is known to have survived"),
        (("--tests", "tests", "--survivors", "--resume"), "--resume and --survivors exclude each other"),
        (("--tests", "tests", "--grown"), "--grown: there is no campaign of this repository"),
        (("--tests", "tests", "--since", "nowhere"), "--since nowhere: "),
        (("--tests", "tests", "--pytest", "'"), "--pytest"),
        (("pytest.ini", "--tests", "tests"), "pytest.ini: there is nothing that can be mutated"),
        (("--tests", "tests", "--scheduler", "tcp://127.0.0.1:9"), "no dask scheduler answers there"),
    ],
)
def test_bad_input_is_named(repository: Make, arguments: tuple[str, ...], message: str) -> None:
    """Bad input is exit code 2, and the message names it with what was expected."""
    done = repository().mutate(*arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert message in " ".join(done.stdout.split())


def test_a_red_suite_is_said_first(repository: Make) -> None:
    """A suite that is red without a mutant is exit code 2, with the test and its message."""
    done = repository(**{"tests/test_infra.py": SUITE.replace('"IMMUTABLE"', '"NEVER"')}).mutate("--tests", "tests")
    assert done.returncode == 2
    assert "tests/test_infra.py::test_tags_are_immutable is red on the original, without any mutant" in done.stdout


def test_a_file_that_cannot_be_parsed_is_named(repository: Make) -> None:
    """It is not mutated, which is said with its line; the others are."""
    done = repository(**{"infra/broken.tf": 'resource "x" {\n'}).mutate("infra", "--tests", "tests", "--sample", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"not mutated: infra/broken.tf:\d+: ", done.stdout)


def test_a_mutant_that_hangs_is_ended(repository: Make) -> None:
    """A run that takes too long is ended, and counts as noticed: a team notices a suite without end."""
    suite = SUITE + "\nimport time\ndef test_ends():\n    'IMMUTABLE' in TEXT or time.sleep(600)\n"
    made = repository(**{"tests/test_infra.py": suite.replace("def test_tags", "def not_test_tags")})
    done = made.mutate("--tests", "tests", "--timeout", "2")
    assert "timed out" in outcomes(done), done.stdout + done.stderr


def test_operators_of_the_teams_own_join(repository: Make) -> None:
    """A conftest that returns operators from the hook has them used."""
    hook = """\
from pushproof.engines.mutation import Change, Edit, operator


@operator("hcl.rename-app", "Renames the repository.", "Pushes go elsewhere.", "https://example.test/page")
def rename(project):
    for file in project.hcl_files:
        at = file.source.content.find(b'"app"\\n')
        if at >= 0:
            yield Change(file.path, (Edit(at, at + 5, '"other"'),), "Renames app.")


def pytest_pushproof_mutation_operators():
    return [rename]
"""
    done = repository(**{"conftest.py": hook}).mutate("--tests", "tests", "--only", "hcl.rename-app")
    assert outcomes(done) == {"survived": ["hcl.rename-app"]}, done.stdout + done.stderr
