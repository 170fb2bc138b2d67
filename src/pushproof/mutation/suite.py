"""The team's suite as it was observed: tests, the modules they apply, the files they read, and groups that run together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

#: Groups of tests that apply nothing: those that take a moment, in seconds, and the others.
QUICK, SLOW, MOMENT = "without Terraform", "without applies", 1.0


@dataclass(frozen=True, slots=True)
class ObservedTest:
    """A test: its node id, its seconds without shared fixtures, the applies it relies on, and the files it reads itself."""

    id: str
    seconds: float
    applies: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()

    @property
    def file(self) -> str:
        """Return the file that the test is in."""
        return self.id.partition("::")[0]


@dataclass(frozen=True, slots=True)
class Suite:
    """The tests that passed on the original, and of each apply the files of its configuration.

    `origins`: the keys of the kept worlds that an apply led to. An apply that keeps no world is not in there; one that could be
    kept, and was not in this run, has no keys. `rootdir`: pytest's root directory, relative to the repository.
    """

    tests: tuple[ObservedTest, ...] = ()
    applies: Mapping[str, frozenset[str]] = field(default_factory=dict)
    origins: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rootdir: str = "."

    def touching(self, path: str) -> list[ObservedTest]:
        """Return the tests that read a file, or apply a configuration that does; every test, if none is seen to read it."""
        tests = [test for test in self.tests if path in test.files or self.relied_on(test, path)]
        return tests or list(self.tests)

    def relied_on(self, test: ObservedTest, path: str) -> list[str]:
        """Return the applies of a test whose configuration reads a file."""
        return sorted(name for name in test.applies if path in self.applies.get(name, ()))

    def sources(self, path: str) -> set[str]:
        """Return the root modules that read a file."""
        return {source_of(name) for name, files in self.applies.items() if path in files}

    @property
    def files(self) -> frozenset[str]:
        """Return the files of all root modules."""
        return frozenset().union(*self.applies.values())


@dataclass(frozen=True, slots=True)
class Group:
    """Tests that run in one process, in this order. `seconds`: of all of them; `keeps`: whether their applies can be kept."""

    name: str
    tests: tuple[ObservedTest, ...]
    seconds: float
    keeps: bool


def source_of(apply: str) -> str:
    """Return the root module of an apply."""
    return apply.partition("#")[0]


def read_suite(observed: Mapping[str, object]) -> Suite:
    """Return the suite of a line "observed"."""
    tests = cast(Sequence[Mapping[str, object]], observed["tests"])
    applies = cast(Mapping[str, Sequence[str]], observed["applies"])
    keys = cast(Mapping[str, Sequence[str]], observed["keys"])
    return Suite(
        tests=tuple(
            ObservedTest(
                str(test["id"]),
                float(cast(float, test["seconds"])),
                frozenset(cast(Sequence[str], test["applies"])),
                frozenset(cast(Sequence[str], test["files"])),
            )
            for test in tests
            if test["outcome"] == "passed"
        ),
        applies={name: frozenset(files) for name, files in applies.items()},
        origins={name: tuple(each) for name, each in keys.items()},
        rootdir=str(observed["rootdir"]),
    )


def groups_of(suite: Suite) -> list[Group]:
    """Return the groups of a suite, the cheapest first.

    Tests that apply nothing come first if they take a moment, and else after those whose plans tell most. Tests that apply the
    same root modules share a process, so that a difference is applied once. They stay beside the others of their file, which share
    fixtures, the quick ones first. A group whose worlds are not kept applies everything anew for each mutant, and so does the
    second of two changed root modules in one world: both come late.
    """
    together: dict[str, dict[str, list[ObservedTest]]] = {}
    for test in suite.tests:
        together.setdefault(_name_of_group(suite, test), {}).setdefault(test.file, []).append(test)
    groups = []
    for name, files in together.items():
        members = sorted(files.values(), key=lambda tests: (_seconds(tests), tests[0].file))
        ordered = tuple(test for tests in members for test in _in_order(tests))
        keeps = any(_keeps(suite, test) for test in ordered)
        groups.append(Group(name, ordered, _seconds(ordered), keeps))
    return sorted(
        groups,
        key=lambda group: (
            group.name != QUICK,
            _is_cold(group),
            group.name == SLOW,
            _changed_roots(suite, group) > 1,
            group.seconds,
        ),
    )


def quickest_first(groups: Iterable[Group], touching: Collection[str]) -> list[Group]:
    """Return groups by the seconds of their tests that concern a mutant, for one that no plan shows: no plan answers it either."""

    def seconds(group: Group) -> float:
        return _seconds(test for test in group.tests if test.id in touching)

    return sorted(groups, key=lambda group: (group.name != QUICK, seconds(group)))


def in_own_order(suite: Suite, tests: Iterable[ObservedTest]) -> list[ObservedTest]:
    """Return tests in the order in which the suite itself runs them."""
    chosen = {test.id for test in tests}
    return [test for test in suite.tests if test.id in chosen]


def _name_of_group(suite: Suite, test: ObservedTest) -> str:
    sources = ", ".join(sorted({source_of(name) for name in test.applies}))
    if not sources:
        return QUICK if test.seconds <= MOMENT else SLOW
    return sources if _keeps(suite, test) else f"{sources}, not kept"


def _keeps(suite: Suite, test: ObservedTest) -> bool:
    return any(name in suite.origins for name in test.applies)


def _in_order(tests: Iterable[ObservedTest]) -> list[ObservedTest]:
    """Return the tests of a file, the quick ones first; those that rely on the same applies stay together.

    A parametrised fixture of a wider scope would be set up again at each change between them.
    """
    sets: dict[frozenset[str], list[ObservedTest]] = {}
    for test in sorted(tests, key=lambda test: (test.seconds, test.id)):
        sets.setdefault(test.applies, []).append(test)
    return [test for each in sorted(sets.values(), key=_seconds) for test in each]


def _is_cold(group: Group) -> bool:
    return not group.keeps and any(test.applies for test in group.tests)


def _changed_roots(suite: Suite, group: Group) -> int:
    """Return the number of root modules of a group that one file can change."""
    sources = {source_of(name) for test in group.tests for name in test.applies}
    files = [
        frozenset().union(*(suite.applies.get(name, ()) for name in suite.applies if source_of(name) == source))
        for source in sources
    ]
    return max((sum(path in each for each in files) for path in frozenset().union(*files)), default=0) if files else 0


def _seconds(tests: Iterable[ObservedTest]) -> float:
    return sum(test.seconds for test in tests)
