"""The team's suite as it was observed: tests, the modules they apply, the files they read, and groups that run together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast


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
    """The tests that passed on the original, and of each apply the files of its configuration and the keys of kept worlds."""

    tests: tuple[ObservedTest, ...] = ()
    applies: Mapping[str, frozenset[str]] = field(default_factory=dict)
    origins: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

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


@dataclass(frozen=True, slots=True)
class Group:
    """Tests that run in one process, in this order. `seconds`: of all of them."""

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
    )


def groups_of(suite: Suite) -> list[Group]:
    """Return the groups of a suite, the cheapest first.

    Files whose tests apply the same root modules share a process, so that a difference is applied once. Tests stay beside the
    others of their file, which share fixtures, the quick ones first.
    """
    files: dict[str, list[ObservedTest]] = {}
    for test in suite.tests:
        files.setdefault(test.file, []).append(test)
    together: dict[frozenset[str], list[list[ObservedTest]]] = {}
    for tests in files.values():
        sources = frozenset(source_of(name) for test in tests for name in test.applies)
        together.setdefault(sources, []).append(tests)
    groups = []
    for sources, members in together.items():
        members.sort(key=lambda tests: (_seconds(tests), tests[0].file))
        ordered = tuple(test for tests in members for test in sorted(tests, key=lambda test: (test.seconds, test.id)))
        name = ", ".join(sorted(sources)) or "without Terraform"
        keeps = any(suite.origins.get(apply) for test in ordered for apply in test.applies)
        groups.append(Group(name, ordered, _seconds(ordered), keeps))
    # Without a kept world, everything is applied anew: such groups come last.
    return sorted(groups, key=lambda group: (not group.keeps and group.name != "without Terraform", group.seconds))


def _seconds(tests: Iterable[ObservedTest]) -> float:
    return sum(test.seconds for test in tests)
