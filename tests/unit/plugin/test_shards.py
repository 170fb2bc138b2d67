"""Sessions in shards: what each runs, what it stores, and what is refused."""

from __future__ import annotations

import json
import re

import pytest

_OPTIONS = ("-p", "no:cacheprovider", "-p", "no:timeout", "-v")


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """Return a directory of five files with tests of different durations, one of which shares a fixture of its package."""
    for name, number in (("test_a", 3), ("test_b", 1), ("test_c", 2)):
        text = "".join(f"def test_{each}():\n    pass\n" for each in range(number))
        pytester.path.joinpath(f"{name}.py").write_text(text)
    package = pytester.path / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "conftest.py").write_text(
        "import pytest\n\n@pytest.fixture(scope='package')\ndef shared():\n    return 1\n"
    )
    for name in ("test_d", "test_e"):
        (package / f"{name}.py").write_text("def test_it(shared):\n    pass\n")
    return pytester


def ran(suite: pytest.Pytester, *options: str) -> list[str]:
    """Run a session that passes, and return its tests."""
    result = suite.runpytest(*_OPTIONS, *options)
    assert result.ret == 0
    return sorted(set(re.findall(r"(\S+::\S+)", "\n".join(result.outlines))))


@pytest.mark.parametrize("workers", [(), ("-n", "2"), ("-n", "2", "--dist", "loadfile")])
def test_shards_are_the_whole_session(suite: pytest.Pytester, workers: tuple[str, ...]) -> None:
    """Together they run every test once; files, and packages with a common fixture, stay whole; workers make no difference."""
    shards = [ran(suite, "--shard", f"{number}/3", *workers) for number in (1, 2, 3)]
    whole = ran(suite)
    assert len(whole) == 8
    assert sorted(test for shard in shards for test in shard) == whole
    for name in ("test_a.py", "test_c.py", "package"):
        assert sum(any(test.startswith(name) for test in shard) for shard in shards) == 1


def test_recorded_durations_balance(suite: pytest.Pytester) -> None:
    """A long test has a shard for itself; tests that are left out by name are dealt to no shard."""
    suite.path.joinpath(".test_durations").write_text(
        json.dumps({"test_b.py::test_0": 60, "test_a.py::test_0": 1, "test_a.py::test_1": 1})
    )
    assert ran(suite, "--shard", "1/2", "-k", "not test_c") == ["test_b.py::test_0"]
    assert len(ran(suite, "--shard", "2/2", "-k", "not test_c")) == 5


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_durations_are_stored(suite: pytest.Pytester, workers: tuple[str, ...]) -> None:
    """The file has every test that passed, with its fixtures; of one that failed, the earlier record stays."""
    suite.path.joinpath("test_b.py").write_text(
        "import pytest, time\n\n@pytest.fixture\ndef slow():\n    time.sleep(0.2)\n\n"
        "def test_0(slow):\n    pass\n\ndef test_broken():\n    assert False\n"
    )
    file = suite.path / ".test_durations"
    file.write_text(json.dumps({"test_b.py::test_broken": 7, "test_gone.py::test_it": 1}))
    assert suite.runpytest(*_OPTIONS, "--store-durations", *workers).ret == 1
    stored = json.loads(file.read_text())
    assert stored["test_b.py::test_0"] >= 0.2
    assert stored["test_b.py::test_broken"] == 7
    assert {"package/test_d.py::test_it", "test_gone.py::test_it"} <= stored.keys()


def test_shards_that_store_stay_apart(suite: pytest.Pytester) -> None:
    """The durations that one shard stores do not change the next; a collection alone puts their files together."""
    shards = [ran(suite, "--shard", f"{number}/2", "--store-durations") for number in (1, 2)]
    assert len({test for shard in shards for test in shard}) == sum(map(len, shards)) == 8
    assert suite.runpytest(*_OPTIONS, "--collect-only", "--store-durations").ret == 0
    assert len(json.loads(suite.path.joinpath(".test_durations").read_text())) == 8
    assert not list(suite.path.glob(".test_durations.*"))


def test_groups_of_workers_stay_together(suite: pytest.Pytester) -> None:
    """A group of xdist spans files; its name is no part of a stored test's."""
    for name in ("test_f", "test_g"):
        suite.path.joinpath(f"{name}.py").write_text(
            "import pytest\n\n@pytest.mark.xdist_group('both')\n@pytest.mark.parametrize('at', ['x@y'])\n"
            "def test_it(at):\n    pass\n"
        )
    options = ("-n", "1", "--dist", "loadgroup", "--store-durations", "--durations-path", "kept/durations")
    shards = [
        suite.runpytest(*_OPTIONS, "--shard", f"{number}/2", *options).parseoutcomes()["passed"] for number in (1, 2)
    ]
    assert sum(shards) == 10
    parts = [json.loads((suite.path / f"kept/durations.{number}-of-2").read_text()) for number in (1, 2)]
    both = {"test_f.py::test_it[x@y]", "test_g.py::test_it[x@y]"}
    assert [len(both & part.keys()) for part in parts] in ([0, 2], [2, 0])


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_an_empty_shard_is_no_failure(suite: pytest.Pytester, workers: tuple[str, ...]) -> None:
    """More shards than groups leave some empty; a selection that matches nothing anywhere is an error as ever."""
    assert suite.runpytest(*_OPTIONS, "--shard", "9/9", *workers).ret == 0
    assert (
        suite.runpytest(*_OPTIONS, "--shard", "1/9", "-k", "nothing", *workers).ret
        == pytest.ExitCode.NO_TESTS_COLLECTED
    )


@pytest.mark.parametrize("text", ["0/3", "4/3", "x"])
def test_what_is_no_shard_is_refused(suite: pytest.Pytester, text: str) -> None:
    """The session runs nothing; the message has the option, the text and what was expected."""
    result = suite.runpytest(*_OPTIONS, "--shard", text)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*--pushproof-shard '{text}': *expected*"])


def test_a_damaged_file_is_refused(suite: pytest.Pytester) -> None:
    """A file that is none of durations ends the session before a test, by name."""
    suite.path.joinpath(".test_durations").write_text("[]")
    result = suite.runpytest(*_OPTIONS, "--shard", "1/2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*.test_durations: expected a JSON object*"])
