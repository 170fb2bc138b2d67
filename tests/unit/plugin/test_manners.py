"""Manners of the plugin: it yields names to others, says what it does, and says a reason once, first, and where it belongs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.processes import ends
from tests.unit.plugin.small import CONFTEST, commands, furnish, run

_APPLIES = "def test_it(applied):\n    applied('modules/network')\n"


@pytest.fixture
def session(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    for name in ("GITHUB_ACTIONS", "GITHUB_WORKSPACE", "CI", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "160")
    return furnish(pytester, monkeypatch)


# Options.


def test_options_have_names_of_their_own_and_short_ones(session: pytest.Pytester) -> None:
    """`--pushproof-target` and `--target` are the same, with a blank or an equals sign; what follows `--` is left alone."""
    session.makepyfile(_APPLIES)
    for options in (["--pushproof-target", "recording"], ["--target=recording"], ["--target", "recording", "--", "."]):
        session.runpytest("-p", "no:cacheprovider", *options).assert_outcomes(passed=1)


def test_an_ini_file_chooses_what_the_command_line_does_not(session: pytest.Pytester) -> None:
    """Every option has a key; the command line wins."""
    session.makepyfile(_APPLIES)
    session.makeini("[pytest]\npushproof_target = recording\n")
    session.runpytest("-p", "no:cacheprovider").assert_outcomes(passed=1)
    result = session.runpytest("-p", "no:cacheprovider", "--target", "moon")
    result.stdout.fnmatch_lines(["*--pushproof-target moon is not known*"])


@pytest.mark.parametrize("place", ["plugin before", "plugin after", "conftest"])
def test_a_name_that_another_plugin_has_is_its_own(session: pytest.Pytester, place: str) -> None:
    """A plugin or a conftest that has `--target` keeps it, whichever comes first; the full name still works."""
    other = """
def pytest_addoption(parser):
    parser.addoption("--target", default="none", help="another plugin's")

def pytest_report_header(config):
    return "their target is " + config.getoption("--target")
"""
    if place == "conftest":
        session.makeconftest(CONFTEST + other)
        options = ["-p", "pushproof.plugin"]
    else:
        session.makepyfile(another=other)
        session.syspathinsert()
        options = ["-p", "another", "-p", "pushproof.plugin"]
        options = options if place == "plugin before" else [*options[2:], *options[:2]]
    session.makepyfile(_APPLIES)
    # A session of its own: this process has the plugin, and its options, already.
    result = session.runpytest_subprocess(
        "-p",
        "no:cacheprovider",
        "-p",
        "no:pushproof",
        *options,
        "--target",
        "theirs",
        "--pushproof-target",
        "recording",
    )
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["their target is theirs"])


def test_the_plugin_can_be_left_out(session: pytest.Pytester) -> None:
    """The option `-p no:pushproof` removes its options and fixtures, and other tests run."""
    session.makeconftest("")
    session.makepyfile("def test_it(request):\n    assert not request.config.pluginmanager.hasplugin('pushproof')\n")
    session.runpytest_subprocess("-p", "no:pushproof").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--pushproof-region", "eu-wst-1"], "'eu-wst-1' is no region of AWS; did you mean eu-west-1"),
        (["--pushproof-account", "12"], "'12' is no account id; expected twelve digits"),
        (["--pushproof-target", "embeded"], "did you mean embedded?"),
    ],
)
def test_a_place_that_does_not_exist_is_a_usage_error(session: pytest.Pytester, options: list[str], said: str) -> None:
    """Region, account and target are checked before a world is made."""
    session.makepyfile("def test_it(target):\n    pass\n")
    result = session.runpytest("-p", "no:cacheprovider", "--task-runtime", "scripted", *options)
    assert result.ret == 4
    assert said in result.stdout.str()


def test_region_and_account_are_chosen(session: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """The world is in the region and the account that are named; clients of other regions are had by name."""
    monkeypatch.setenv("PUSHPROOF_STATE", str(session.path / "state"))
    session.makeini("[pytest]\npushproof_region = us-west-2\npushproof_task_runtime = scripted\n")
    session.makepyfile(
        """
        def test_it(target, aws):
            assert (target.region, target.account_id) == ("us-west-2", "111122223333")
            here = aws("ecs").create_cluster(clusterName="here")["cluster"]["clusterArn"]
            there = aws("ecs", region="eu-central-1").create_cluster(clusterName="there")["cluster"]["clusterArn"]
            assert here == "arn:aws:ecs:us-west-2:111122223333:cluster/here"
            assert there == "arn:aws:ecs:eu-central-1:111122223333:cluster/there"
        """
    )
    session.runpytest("-p", "no:cacheprovider", "--pushproof-account", "111122223333").assert_outcomes(passed=1)


def test_a_capability_that_nobody_knows_is_refused(session: pytest.Pytester) -> None:
    """A misspelt `target_needs` would never skip anything: it fails, and names what was meant."""
    result = run(session, "import pytest\n\n@pytest.mark.target_needs('container')\ndef test_it():\n    pass\n", "-rE")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*'container' is no capability of a target; did you mean containers*"])


# Applying.


def test_fixtures_are_there_at_every_scope(session: pytest.Pytester) -> None:
    """A scope's modules are destroyed at its end, and not before."""
    result = run(
        session,
        """
        class TestClass:
            def test_first(self, applied_for_class, applied_for_session, applied_for_package):
                for applied in (applied_for_class, applied_for_session, applied_for_package):
                    applied("modules/network")

            def test_second(self, applied_for_function):
                applied_for_function("modules/other")

        def test_third():
            pass
        """,
    )
    result.assert_outcomes(passed=3)
    order = [line for line in commands(session) if line.startswith(("apply", "destroy"))]
    assert [line.partition(" ")[0] for line in order] == ["apply"] * 4 + ["destroy"] * 4
    assert "other" in order[4]
    assert "TestClass" in order[5].replace("testclass", "TestClass")


def test_an_expected_failure_is_returned(session: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """`applied.fails` passes when Terraform fails at that step with those words, and hands the error over."""
    monkeypatch.setenv("FAILING", "plan")
    result = run(
        session,
        """
        def test_it(applied):
            error = applied.fails("modules/network", matching="Vpc.*Exceeded", step="plan")
            assert error.diagnostics[0].file == "modules/network/main.tf"
        """,
    )
    result.assert_outcomes(passed=1)
    assert [line.split()[0] for line in commands(session)] == ["init", "validate", "plan"]


@pytest.mark.parametrize(
    ("failing", "call", "said"),
    [
        ("", "step='plan'", "modules/network: expected terraform plan to fail, and it did not"),
        ("", "", "modules/network: expected terraform to fail, and it did not"),
        ("init", "step='plan'", "modules/network: expected terraform plan to fail; init failed before:"),
        ("plan", "matching='quota'", None),
        ("apply", "matching='quota'", "with words that match 'quota'; apply failed with:"),
        ("", "step='aply'", "expected one of init, validate, plan, apply"),
    ],
)
def test_a_failure_that_does_not_come_fails_the_test(
    session: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, failing: str, call: str, said: str | None
) -> None:
    """No failure, another step's or another reason: each is said, and nothing is left behind."""
    monkeypatch.setenv("FAILING", failing)
    result = run(session, f"def test_it(applied):\n    applied.fails('modules/network', {call})\n")
    result.assert_outcomes(failed=1)
    if said is not None:
        assert said in result.stdout.str()
    applied = [line.split()[0] for line in commands(session) if line.startswith(("apply", "destroy"))]
    assert applied in ([], ["apply", "destroy"])


def test_a_plan_alone_applies_nothing(session: pytest.Pytester) -> None:
    """`applied.plan_only` gives changes and planned values."""
    result = run(
        session,
        """
        import pytest

        def test_it(applied):
            plan = applied.plan_only("modules/network", cidr="10.0.0.0/16")
            assert plan.changes == {"aws_vpc.main": ["create"]}
            assert plan.values("aws_vpc.main")["cidr_block"] == "10.0.0.0/16"
            with pytest.raises(KeyError, match="it has aws_vpc.main"):
                plan.values("aws_vpc.other")
        """,
    )
    result.assert_outcomes(passed=1)
    assert {line.split()[0] for line in commands(session)} == {"init", "plan", "show"}


def test_progress_is_shown_while_tests_are_captured(session: pytest.Pytester) -> None:
    """Each resource has a line, past pytest's capturing; `-q` leaves them out."""
    run(session, _APPLIES).stdout.re_match_lines([r"modules/network +\d+s: aws_vpc.main created in 2s"])
    assert "aws_vpc.main created" not in run(session, _APPLIES, "-q").stdout.str()


# Failures.


def test_dependents_of_a_failed_apply_are_one_line_each(
    session: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Terraform's words are shown once, with the user's own file; what stands on them is skipped, and runs again with --lf."""
    monkeypatch.setenv("FAILING", "apply")
    session.makepyfile(
        """
        import pytest

        @pytest.fixture(scope="module")
        def network(applied):
            return applied("modules/network")

        def test_first(network): pass
        def test_second(network): pass
        def test_third(network): pass
        def test_other(): pass
        """
    )
    result = session.runpytest("--target", "recording", "-p", "no:timeout", "-rsE")
    result.assert_outcomes(passed=1, errors=1, skipped=2)
    text = result.stdout.str()
    assert text.count("Error: creating EC2 VPC: VpcLimitExceeded") == 1
    assert "on modules/network/main.tf:1, in resource" in text
    assert "/world/" not in text
    result.stdout.fnmatch_lines(
        [
            "SKIPPED*what it stands on failed before, see *::test_first: creating EC2 VPC: VpcLimitExceeded*",
            "ERROR *::test_first - creating EC2 VPC: Vpc*",
        ]
    )
    monkeypatch.delenv("FAILING")
    session.runpytest("--target", "recording", "-p", "no:timeout", "--lf").assert_outcomes(passed=3)


def test_a_failed_apply_that_made_nothing_destroys_nothing(
    session: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty state needs no destroy, and causes no message."""
    monkeypatch.setenv("FAILING", "init")
    result = run(session, _APPLIES)
    result.assert_outcomes(failed=1)
    assert "destroyed" not in result.stdout.str()
    assert [line.split()[0] for line in commands(session)] == ["init"]


_FINDINGS = """
from pushproof import Checks, Finding, Origin, check

class Doors(Checks):
    family = "doors"

    @check
    def are_shut(self):
        for number in (1, 2):
            yield Finding(resource=f"door-{number}", expected="shut", found="open", why="Rain, and 100% of it.",
                          change=f"Shut door-{number}.", origin=Origin(f"aws_door.this[{number}]", "modules/doors.tf", number))

def test_doors():
    assert Doors(None).are_shut()
"""


def test_findings_are_annotations_on_github(session: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each finding is an error at its own file and line, relative to the repository; text is escaped as GitHub reads it."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(session.path.parent))
    lines = run(session, _FINDINGS).outlines
    annotations = [line for line in lines if line.startswith("::error ")]
    assert len(annotations) == 2
    head = f"::error file={session.path.name}/modules/doors.tf,line=2,title=doors.are_shut%3A door-2::door-2  aws_door.this[2]"
    assert annotations[1].startswith(head)
    assert "%0A  why it matters: Rain, and 100%25 of it.%0A" in annotations[1]
    monkeypatch.delenv("GITHUB_ACTIONS")
    assert "::error" not in run(session, _FINDINGS).stdout.str()


def test_errors_of_terraform_are_annotations_too(session: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """The failure is reported at the place that Terraform names, not at the test's."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("FAILING", "apply")
    result = run(session, _APPLIES)
    result.stdout.fnmatch_lines(["::error file=modules/network/main.tf,line=1,title=terraform%3A aws_vpc.main::*"])


def test_the_summary_begins_with_the_reason(session: pytest.Pytester) -> None:
    """The line of the short summary says what is wrong and where before it is cut."""
    result = run(session, _FINDINGS)
    result.stdout.fnmatch_lines(["FAILED *::test_doors - open: aws_door.this?1? (modules/doors.tf:1)*"])


def test_findings_of_one_cause_are_one_entry(session: pytest.Pytester) -> None:
    """Two doors that the same change shuts are told together, each with its place."""
    result = run(session, _FINDINGS)
    result.stdout.fnmatch_lines(
        [
            "E*doors.are_shut: 2 findings of 1 cause",
            "E*1. door-1  aws_door.this*",
            "E*the same cause:",
            "E*door-2  aws_door.this*(modules/doors.tf:2): open",
        ]
    )


def test_an_unknown_check_is_one_sentence(session: pytest.Pytester) -> None:
    """The caller's own line and a suggestion are shown, and no code of Pushproof's."""
    result = run(session, _FINDINGS.replace("are_shut()\n", "are_shutt()\n"))
    result.stdout.fnmatch_lines(["*Doors has no check 'are_shutt'; did you mean are_shut?*"])
    result.stdout.no_fnmatch_line("*check.py*")


def test_mock_aws_does_not_erase_a_world(session: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """moto's decorator works before a world is open; beside one it is refused, and the world keeps what it has."""
    monkeypatch.setenv("PUSHPROOF_STATE", str(session.path / "state"))
    session.makepyfile(
        """
        import boto3, pytest
        from moto import mock_aws

        @mock_aws
        def use():
            s3 = boto3.client("s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="y")
            s3.create_bucket(Bucket="bucket-of-moto")

        def test_before():
            use()

        def test_beside(target, aws):
            aws("ecs").create_cluster(clusterName="shop")
            aws("sqs").create_queue(QueueName="shop")
            with pytest.raises(RuntimeError, match="mock_aws would erase the world"):
                use()
            assert len(aws("sqs").list_queues()["QueueUrls"]) == 1
        """
    )
    session.runpytest_subprocess("-p", "no:cacheprovider", "--task-runtime", "scripted").assert_outcomes(passed=2)


# Accepted findings.


def accept(session: pytest.Pytester, text: str) -> pytest.RunResult:
    (session.path / "pushproof.toml").write_text(text)
    return run(session, _FINDINGS)


def test_a_project_accepts_findings_with_a_reason(session: pytest.Pytester) -> None:
    """An acceptance of pushproof.toml holds for every test, and the session says so."""
    result = accept(session, '[[accept]]\ncheck = "are_shut"\nbecause = "they have no locks"\nuntil = 2999-01-31\n')
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["accepted until 2999-01-31: *are_shut, because they have no locks"])
    one = accept(session, '[[accept]]\nresource = "aws_door.this[[]1]"\nbecause = "it has no lock"\n')
    one.assert_outcomes(failed=1)
    one.stdout.fnmatch_lines(["E*doors.are_shut: 1 finding, 1 accepted"])


def test_expired_and_unused_acceptances_are_said(session: pytest.Pytester) -> None:
    """Findings count again after the last day; an acceptance without a finding must be removed."""
    expired = accept(session, '[[accept]]\ncheck = "doors.*"\nbecause = "soon"\nuntil = "2020-01-31"\n')
    expired.assert_outcomes(failed=1)
    expired.stdout.fnmatch_lines(["*accepted until 2020-01-31 only*", "expired on 2020-01-31: *doors.*, because soon"])
    unused = accept(session, '[[accept]]\ncheck = "doors.are_shut"\nresource = "door-9"\nbecause = "gone"\n')
    unused.stdout.fnmatch_lines(["accepts nothing, take it out: *doors.are_shut of door-9, because gone"])
    other = accept(session, '[[accept]]\ncheck = "windows.are_shut"\nbecause = "not asked here"\n')
    assert "not asked here" not in other.stdout.str()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[accept", "pushproof.toml is no TOML"),
        ('[[accept]]\ncheck = "a"\n', "[[accept]] 1: an acceptance needs a reason"),
        ('[[accept]]\nbecause = "a"\n', "names a check or a resource, not everything"),
        ('[[accept]]\ncheck = "a"\nbecause = "b"\nuntil = "soon"\n', "until = 'soon' is not a day"),
        ('[[accept]]\nchek = "a"\nbecause = "b"\n', "unknown chek; expected check, resource, because, until"),
        ('accept = "all"\n', "accept is not a list of tables"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_usage_error(session: pytest.Pytester, text: str, said: str) -> None:
    """File, entry and key are named, and no test runs."""
    result = accept(session, text)
    assert result.ret == 4
    assert said in result.stderr.str() + result.stdout.str()


# Ctrl-C.


def start(session: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, *, hanging: str) -> subprocess.Popen[str]:
    monkeypatch.setenv("HANGING", hanging)
    session.makepyfile(_APPLIES + "    import time\n    open('up', 'w').close()\n    time.sleep(60)\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "--target", "recording", "-p", "no:cacheprovider"],
        cwd=session.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    wait_for(session.path / "up")
    process.send_signal(signal.SIGINT)
    return process


def wait_for(path: Path, text: str = "") -> None:
    deadline = time.monotonic() + 60
    while not path.exists() or text not in path.read_text():
        assert time.monotonic() < deadline, f"no {path} with {text!r}"
        time.sleep(0.05)


def test_ctrl_c_cleans_up(session: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pressed once, what was applied is destroyed and the target closed, and the session says so."""
    process = start(session, monkeypatch, hanging="")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "cleaning up; Ctrl-C again ends at once" in output
    assert commands(session)[-1].startswith("destroy")
    assert (session.path / "closed").exists()


def test_ctrl_c_twice_ends_at_once(session: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pressed again while Terraform destroys, the process and Terraform are gone at once."""
    process = start(session, monkeypatch, hanging="destroy")
    wait_for(session.path / "commands", "destroy")
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert time.monotonic() - began < 30
    assert process.returncode == 130
    pid = int((session.path / "hanging").read_text())
    assert ends(pid, within=5)
