"""The plugin as people meet it: a real pytest session over a target and a Terraform that are small and tell what was done."""

from __future__ import annotations

import pytest
from tests.unit.plugin.small import commands, furnish, run


@pytest.fixture
def session(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    return furnish(pytester, monkeypatch)


def test_a_module_is_applied_once_and_destroyed_at_the_end(session: pytest.Pytester) -> None:
    """`applied` inits, applies, gives outputs and destroys; then the target is closed."""
    result = run(
        session,
        """
        def test_zones(applied):
            assert applied("modules/network", cidr="10.0.0.0/16")["zones"] == ["a", "b"]
        """,
    )
    result.assert_outcomes(passed=1)
    assert [line.split()[0] for line in commands(session)] == ["init", "apply", "output", "destroy"]
    assert (session.path / "closed").exists()


def test_modules_are_destroyed_last_first(session: pytest.Pytester) -> None:
    """Modules are destroyed last first, since later ones may depend on earlier ones."""
    result = run(
        session,
        """
        def test_two(applied):
            applied("modules/network")
            applied("modules/other")
        """,
    )
    result.assert_outcomes(passed=1)
    destroyed = [line for line in commands(session) if line.startswith("destroy")]
    assert "other" in destroyed[0]
    assert "network" in destroyed[1]


def test_a_failing_apply_shows_what_terraform_said(session: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Terraform's own message and the caller's line are shown, no line of Pushproof's; what was made is destroyed."""
    monkeypatch.setenv("FAILING", "apply")
    result = run(session, "def test_it(applied):\n    applied('modules/network')\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*applied('modules/network')", "*Error: creating EC2 VPC: VpcLimitExceeded*"])
    result.stdout.no_fnmatch_line("*driver.py*")
    result.stdout.no_fnmatch_line("*tftest*")
    assert [line.split()[0] for line in commands(session)] == ["init", "apply", "destroy"]
    assert (session.path / "closed").exists()


def test_a_failing_cleanup_does_not_hide_the_failing_apply(
    session: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The apply's message comes first if both fail, and the destroy's is a note to it."""
    monkeypatch.setenv("FAILING", "apply destroy")
    result = run(session, "def test_it(applied):\n    applied('modules/network')\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*VpcLimitExceeded*",
            "*`terraform apply*ended with exit code 1*",
            "*could not all be destroyed: creating EC2 VPC*",
        ]
    )


def test_a_failing_destroy_is_an_error_of_the_session(
    session: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A destroy that fails is told, after every other module has been destroyed, and the target is closed all the same."""
    monkeypatch.setenv("FAILING", "destroy")
    result = run(
        session,
        """
        def test_two(applied):
            applied("modules/network")
            applied("modules/other")
        """,
    )
    result.assert_outcomes(passed=1, errors=1)
    assert len([line for line in commands(session) if line.startswith("destroy")]) == 2
    assert (session.path / "closed").exists()


def test_a_missing_output_names_those_there_are(session: pytest.Pytester) -> None:
    """An output that is not there is told with the outputs that are, and the module is destroyed."""
    result = run(session, "def test_it(applied):\n    applied('modules/network')['subnets']\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*has no output 'subnets'; it has: vpc_id, zones*"])
    assert commands(session)[-1].startswith("destroy")


@pytest.mark.parametrize(
    ("path", "said"),
    [("modules", "*modules holds no Terraform files*"), ("moduls/network", "*moduls/network is not a directory*")],
)
def test_a_directory_without_terraform_is_told(session: pytest.Pytester, path: str, said: str) -> None:
    """A directory that is missing or holds no Terraform is named, and no Terraform is run."""
    result = run(session, f"def test_it(applied):\n    applied('{path}')\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([said])
    assert commands(session) == []
    assert (session.path / "closed").exists()


def test_an_unknown_target_lists_those_there_are(session: pytest.Pytester) -> None:
    """--target with a name nobody knows ends the session as a usage error."""
    session.makepyfile("def test_it(target):\n    pass\n")
    result = session.runpytest("--target", "moon", "-p", "no:cacheprovider")
    assert result.ret == 4
    result.stdout.fnmatch_lines(
        ["*--pushproof-target moon is not known; expected one of embedded, localstack, sandbox*"]
    )


def test_a_speed_that_is_none_is_a_usage_error(session: pytest.Pytester) -> None:
    """--speed takes numbers above 0 only, and says which would do."""
    session.makepyfile("def test_it(target):\n    pass\n")
    result = session.runpytest("--speed", "fast", "-p", "no:cacheprovider")
    assert "--pushproof-speed requires a number above 0, such as 1 (as on AWS) or 20; got 'fast'" in result.stdout.str()
    assert result.ret != 0


def test_ports_that_are_none_are_a_usage_error(session: pytest.Pytester) -> None:
    """--pushproof-host-ports takes ports separated by commas, and names the first word that is none."""
    session.makepyfile("def test_it(target):\n    pass\n")
    result = session.runpytest("--pushproof-host-ports", "5432, postgres", "-p", "no:cacheprovider")
    assert "--pushproof-host-ports requires ports, 1 to 65535, separated by commas" in result.stdout.str()
    assert "got 'postgres'" in result.stdout.str()
    assert result.ret != 0


def test_ports_of_the_machine_reach_the_world(session: pytest.Pytester) -> None:
    """The option, and the key of the ini file, set the world's."""
    session.makepyfile("def test_it(target):\n    assert target.world.settings.host_ports == {5432, 6379}\n")
    session.makeini("[pytest]\npushproof_host_ports = 5432,6379\n")
    result = session.runpytest("-p", "no:cacheprovider", "--pushproof-task-runtime", "scripted")
    result.assert_outcomes(passed=1)


def test_what_a_target_lacks_is_skipped_with_its_reason(session: pytest.Pytester) -> None:
    """`target_needs` skips where the target lacks a capability, and runs where it does not."""
    result = run(
        session,
        """
        import pytest

        @pytest.mark.target_needs("containers")
        def test_containers(): pass

        @pytest.mark.target_needs("builds")
        def test_builds(): pass
        """,
        "-rs",
    )
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*target recording: it has no containers"])


def test_fixtures_are_listed_with_what_they_give(session: pytest.Pytester) -> None:
    """`pytest --fixtures` shows every fixture with one line that says how to call it."""
    result = session.runpytest("--fixtures", "-p", "no:cacheprovider", "-p", "no:anyio")
    text = result.stdout.str()
    for name in ("applied", "aws", "target", *(f"{c}_checks" for c in ("iam", "networking", "pipeline", "registry"))):
        assert f"\n{name} [" in text
    assert 'networking_checks(module, vpc_id=module["vpc_id"])' in text
    assert "no docstring available" not in text


def test_checks_know_the_files_of_the_module(session: pytest.Pytester) -> None:
    """Each check fixture takes an applied module, and the check knows where its resources are written."""
    result = run(
        session,
        """
        import pytest

        NAMES = {"vpc_id": "vpc-1"}, {"repository": "r"}, {}, {"cluster": "c", "service": "s"}, {"pipeline": "p"}, {}, {}

        def test_all(applied, networking_checks, registry_checks, iam_checks, service_checks, pipeline_checks,
                     secrets_checks, state_checks):
            module = applied("modules/network")
            made = (networking_checks, registry_checks, iam_checks, service_checks, pipeline_checks, secrets_checks,
                    state_checks)
            for factory, names in zip(made, NAMES, strict=True):
                checks = factory(module, **names)
                assert checks.addresses.of.__doc__.startswith("The origin of an AWS id")
        """,
    )
    result.assert_outcomes(passed=1)
