"""Runs one shard of a session, and stores how long its tests took: `--pushproof-shard`, `--pushproof-store-durations`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from pushproof.session.durations import DurationsUnreadable, read_durations, write_durations
from pushproof.session.options import is_on, text_of
from pushproof.session.sharding import Shard, deal, groups_of, read_shard, weights

_SELECTED_FROM = "pushproof_sharded"


class _Node(Protocol):
    """A worker of xdist that has ended."""

    workeroutput: dict[str, object]


def sharding(config: pytest.Config) -> Sharding:
    """Return the plugin for a session that is sharded or measured. Raises UsageError."""
    text = text_of(config, "shard")
    path = config.rootpath / text_of(config, "durations-path")
    try:
        shard = read_shard(text) if text else None
        return Sharding(config, shard, path, read_durations(path), stores=is_on(config, "store-durations"))
    except DurationsUnreadable as error:
        raise pytest.UsageError(str(error)) from None
    except ValueError as error:
        raise pytest.UsageError(f"--pushproof-shard {error}") from None


class Sharding:
    """Leaves out the tests of other shards, and measures."""

    def __init__(
        self, config: pytest.Config, shard: Shard | None, path: Path, durations: dict[str, float], *, stores: bool
    ) -> None:
        self._config, self._shard, self._path, self._durations, self._stores = config, shard, path, durations, stores
        self._measured: dict[str, float] = {}
        self._failed: set[str] = set()
        # : Tests of all shards; None before they are collected.
        self._all: int | None = None
        self._sentence = ""

    # After other plugins have left out theirs, so that shards share what is left.
    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        self._all = len(items)
        output = getattr(self._config, "workeroutput", None)
        if output is not None:
            output[_SELECTED_FROM] = len(items)
        if self._shard is None:
            return
        names = [self._name(item.nodeid) for item in items]
        groups = groups_of({name: list(_shared(item)) for name, item in zip(names, items, strict=True)})
        seconds = weights(names, self._durations)
        shards = deal(groups, seconds, self._shard.count)
        own = set(shards[self._shard.number - 1])
        load, whole = sum(seconds[name] for name in own), sum(seconds.values())
        known = sum(name in self._durations for name in seconds)
        by = (
            f"{load:.0f} of {whole:.0f} s"
            if known
            else f"no durations at {self._path.name}, every test counts the same"
        )
        self._sentence = f"shard {self._shard}: {len(own)} of {len(seconds)} tests ({by})"
        left_out = [item for item, name in zip(items, names, strict=True) if name not in own]
        items[:] = [item for item, name in zip(items, names, strict=True) if name in own]
        if left_out:
            self._config.hook.pytest_deselected(items=left_out)

    def pytest_report_collectionfinish(self) -> str:
        return self._sentence

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = self._name(report.nodeid)
        self._measured[name] = self._measured.get(name, 0.0) + report.duration
        if report.failed:
            self._failed.add(name)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: _Node) -> None:
        collected = getattr(node, "workeroutput", {}).get(_SELECTED_FROM)
        if isinstance(collected, int):
            self._all = collected

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if self._shard is not None and exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and self._all:
            # More shards than groups: that one is empty is no failure of a job.
            session.exitstatus = pytest.ExitCode.OK

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self._stores or hasattr(self._config, "workerinput"):
            return
        # A test that failed has ended early: what it took before stays.
        measured = {name: seconds for name, seconds in self._measured.items() if name not in self._failed}
        try:
            file = write_durations(self._path, measured, self._shard)
        except (DurationsUnreadable, OSError) as error:
            terminalreporter.write_line(f"durations were not stored: {error}", red=True)
            return
        terminalreporter.write_line(f"durations of {len(measured)} tests: {file}")

    def _name(self, nodeid: str) -> str:
        """Return a test's name without the group that xdist adds to it (`--dist loadgroup`)."""
        at = nodeid.rfind("@")
        is_added = getattr(self._config.option, "dist", "no") == "loadgroup" and at > nodeid.rfind("]")
        return nodeid[:at] if is_added and at > nodeid.rfind("::") else nodeid


def _shared(item: pytest.Item) -> Iterator[str]:
    """Yield the names of what a test shares with others: its file, fixtures of its package, its group of xdist."""
    yield f"file {item.nodeid.partition('::')[0]}"
    package = item.getparent(pytest.Package)
    if package is not None and _has_fixture_of_package(item):
        yield f"package {package.nodeid}"
    for mark in item.iter_markers("xdist_group"):
        yield f"group {mark.kwargs.get('name', mark.args[0] if mark.args else 'default')}"


def _has_fixture_of_package(item: pytest.Item) -> bool:
    information = getattr(item, "_fixtureinfo", None)
    fixtures = information.name2fixturedefs.values() if information is not None else ()
    return any(fixture.scope == "package" for definitions in fixtures for fixture in definitions)
