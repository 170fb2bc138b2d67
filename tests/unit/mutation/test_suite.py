"""The suite as it was observed: which tests a file concerns, and which run together."""

from __future__ import annotations

from pushproof.mutation.suite import ObservedTest, Suite, groups_of, quickest_first, read_suite, source_of

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


def test_what_no_plan_shows_is_tried_with_the_quickest_tests_first() -> None:
    """A group counts by its tests that the mutant concerns: `terraform test` of one module comes before a whole environment."""
    slow = ObservedTest("tests/test_static.py::test_rejections", 12.0, files=frozenset({"modules/service/main.tf"}))
    suite = Suite((*SUITE.tests, slow), SUITE.applies, SUITE.origins)
    touching = {test.id for test in suite.touching("modules/service/main.tf")}
    names = [group.name for group in quickest_first(groups_of(suite), touching)]
    assert names.index("without applies") < names.index("modules/service")
    assert names[0] == "without Terraform"


def test_groups_that_keep_nothing_come_last() -> None:
    """Each mutant would be applied from nothing, where no world is kept."""
    suite = Suite(SUITE.tests, SUITE.applies, {SERVICE: ("k2",)})
    assert [group.name for group in groups_of(suite)][-1] == "modules/network, not kept"


def test_what_could_be_kept_counts_as_kept() -> None:
    """A world that this run could not keep, since a test had changed it before, is kept in a process of its own."""
    suite = Suite(SUITE.tests, SUITE.applies, {SERVICE: ("k2",), NETWORK: ()})
    assert [group.name for group in groups_of(suite)][-1] == "modules/service"


def test_two_changed_roots_in_one_world_come_last() -> None:
    """The second of two root modules that a file changes is applied from nothing."""
    both = ObservedTest("tests/test_all.py::test_both", 0.1, frozenset({"live/dev#1", "live/prod#1"}))
    files = frozenset({"modules/network/main.tf"})
    suite = Suite(
        (both, *SUITE.tests), {**SUITE.applies, "live/dev#1": files, "live/prod#1": files},
        {NETWORK: ("k1",), SERVICE: ("k2",), "live/dev#1": ("k3",), "live/prod#1": ("k4",)},
    )  # fmt: skip
    assert groups_of(suite)[-1].tests == (both,)


def test_tests_of_the_same_applies_stay_together() -> None:
    """A parametrised fixture is not set up again between two tests of one parameter."""
    tests = [ObservedTest(f"t.py::{name}", seconds, frozenset({f"m#{name[0]}"})) for name, seconds in
             (("a1", 0.1), ("b1", 0.2), ("a2", 0.3), ("b2", 0.4))]  # fmt: skip
    suite = Suite(tuple(tests), {"m#a": frozenset(), "m#b": frozenset()}, {"m#a": ("k",), "m#b": ("l",)})
    assert [test.id[-2] for test in groups_of(suite)[0].tests] == ["a", "a", "b", "b"]


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
            "rootdir": "infra",
        }
    )
    assert [test.id for test in suite.tests] == ["t.py::a"]
    assert suite.sources("modules/network/main.tf") == {source_of(NETWORK)} == {"modules/network"}
