"""The suite as it was observed: which tests a file concerns, and which run together."""

from __future__ import annotations

from pushproof.mutation.suite import ObservedTest, Suite, groups_of, read_suite, source_of

NETWORK, SERVICE = "modules/network#1", "modules/service#2"
SUITE = Suite(
    tests=(
        ObservedTest("tests/test_service.py::test_slow", 30.0, frozenset({SERVICE})),
        ObservedTest("tests/test_service.py::test_quick", 0.1, frozenset({SERVICE})),
        ObservedTest("tests/test_network.py::test_routes", 2.0, frozenset({NETWORK})),
        ObservedTest("tests/test_words.py::test_names", 0.2, files=frozenset({"modules/network/main.tf"})),
        ObservedTest("tests/test_more.py::test_service_too", 1.0, frozenset({SERVICE})),
    ),
    applies={NETWORK: frozenset({"modules/network/main.tf"}), SERVICE: frozenset({"modules/service/main.tf"})},
    origins={NETWORK: ("k1",), SERVICE: ("k2",)},
)


def test_a_file_concerns_those_who_read_or_apply_it() -> None:
    """A mutant is tried with the tests that read its file, or apply a module that does."""
    concerned = [test.id for test in SUITE.touching("modules/network/main.tf")]
    assert concerned == ["tests/test_network.py::test_routes", "tests/test_words.py::test_names"]


def test_a_file_that_nobody_is_seen_to_read_concerns_everybody() -> None:
    """A file may be read by a program that a test starts, which nobody sees."""
    assert len(SUITE.touching("app/Dockerfile")) == len(SUITE.tests)


def test_files_that_apply_the_same_share_a_process() -> None:
    """A difference is applied once for all files whose tests apply the same modules."""
    service = next(group for group in groups_of(SUITE) if group.name == "modules/service")
    assert [test.id for test in service.tests] == [
        "tests/test_more.py::test_service_too",
        "tests/test_service.py::test_quick",
        "tests/test_service.py::test_slow",
    ]


def test_the_cheapest_group_comes_first() -> None:
    """Tests without Terraform come first, then those of kept worlds, the quick ones before the slow ones."""
    assert [group.name for group in groups_of(SUITE)] == ["without Terraform", "modules/network", "modules/service"]


def test_groups_that_keep_nothing_come_last() -> None:
    """Each mutant would be applied from nothing, where no world is kept."""
    suite = Suite(SUITE.tests, SUITE.applies, {SERVICE: ("k2",)})
    assert [group.name for group in groups_of(suite)][-1] == "modules/network"


def test_an_observation_is_read() -> None:
    """A suite has the tests that passed; what was skipped on the original can notice nothing."""
    suite = read_suite(
        {
            "tests": [
                {"id": "t.py::a", "outcome": "passed", "seconds": 1, "applies": [NETWORK], "files": ["x"]},
                {"id": "t.py::b", "outcome": "skipped", "seconds": 0, "applies": [], "files": []},
            ],
            "applies": {NETWORK: ["modules/network/main.tf"]},
            "keys": {NETWORK: ["k"]},
        }
    )
    assert [test.id for test in suite.tests] == ["t.py::a"]
    assert suite.sources("modules/network/main.tf") == {source_of(NETWORK)} == {"modules/network"}
