"""Shards as pure values: together everything, apart from each other, balanced, and the same each time."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushproof.session.durations import DurationsUnreadable, parts_of, read_durations, write_durations
from pushproof.session.sharding import Shard, deal, groups_of, read_shard, weights

_NAMES = st.integers(0, 30).map("t{}".format)
_SECONDS = st.floats(0, 1e4, allow_nan=False)
_TESTS = st.dictionaries(_NAMES, st.lists(st.sampled_from("abcdef"), max_size=3), max_size=25)


@given(_TESTS, st.dictionaries(_NAMES, _SECONDS), st.integers(1, 8), st.randoms(use_true_random=False))
def test_shards_share_everything(
    tests: dict[str, list[str]], durations: dict[str, float], count: int, random: object
) -> None:
    """Every test is in one shard; groups stay whole; loads differ by the longest group at most; the order makes no difference."""
    groups = groups_of(tests)
    seconds = weights(tests, durations)
    shards = deal(groups, seconds, count)
    assert len(shards) == count
    assert sorted(test for shard in shards for test in shard) == sorted(tests)
    for group in groups:
        assert sum(bool(set(group) & set(shard)) for shard in shards) == 1
    loads = [sum(seconds[test] for test in shard) for shard in shards]
    longest = max((sum(seconds[test] for test in group) for group in groups), default=0.0)
    assert max(loads) - min(loads) <= longest * (1 + 1e-9) + 1e-6
    names = list(tests)
    random.shuffle(names)  # type: ignore[attr-defined]
    again = {name: list(reversed(tests[name])) for name in names}
    assert deal(list(reversed(groups_of(again))), weights(again, durations), count) == shards


@given(_TESTS)
def test_groups_are_what_shares_something(tests: dict[str, list[str]]) -> None:
    """Two tests that share something are in one group; a group falls apart no further."""
    groups = groups_of(tests)
    assert sorted(test for group in groups for test in group) == sorted(tests)
    shared_by = [{each for test in group for each in tests[test]} for group in groups]
    for number, group in enumerate(shared_by):
        for other in shared_by[number + 1 :]:
            assert not group & other
    for group in groups:
        reached, frontier = {group[0]}, {group[0]}
        while frontier:
            frontier = {test for test in group for near in frontier if set(tests[test]) & set(tests[near])} - reached
            reached |= frontier
        assert reached == set(group)


def test_a_test_without_a_record_gets_the_median() -> None:
    """New tests count as much as the middle one of those with a record; without records all count the same."""
    durations = {"a": 1.0, "b": 5.0, "c": 100.0, "gone": 1e6}
    assert weights(["a", "b", "c", "new"], durations)["new"] == statistics.median([1.0, 5.0, 100.0])
    assert weights(["a", "b"], {}) == {"a": 1.0, "b": 1.0}


@pytest.mark.parametrize(("text", "shard"), [("1/1", Shard(1, 1)), ("2/5", Shard(2, 5)), (" 05/5 ", Shard(5, 5))])
def test_a_shard_is_read(text: str, shard: Shard) -> None:
    """A shard is its number, a slash, and their count."""
    assert read_shard(text) == shard


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0/3", "counted from 1; expected a number from 1 to 3"),
        ("4/3", "expected a number from 1 to 3 before the /"),
        ("0/0", "expected a number from 1 to 1"),
        *(
            (text, "such as 2/5 for the second of five")
            for text in ("x", "", "1", "1/", "/2", "1/2/3", "-1/3", "1.5/3")
        ),
    ],
)
def test_anything_else_is_no_shard(text: str, words: str) -> None:
    """The message has the text, and what was expected."""
    with pytest.raises(ValueError, match=words) as caught:
        read_shard(text)
    assert repr(text) in str(caught.value)


def test_files_of_shards_are_put_together(tmp_path: Path) -> None:
    """A shard leaves the file that balances alone, and writes its own beside it; a whole session puts them together."""
    path = tmp_path / "cache" / ".test_durations"
    assert read_durations(path) == {}
    write_durations(path, {"a": 1.0, "b": 2.0}, None)
    assert write_durations(path, {"a": 3.0}, Shard(1, 2)).name == ".test_durations.1-of-2"
    write_durations(path, {"b": 4.00049}, Shard(2, 2))
    (path.parent / ".test_durations.bak").write_text("not ours")
    assert read_durations(path) == {"a": 1.0, "b": 2.0}
    write_durations(path, {"c": 5.0}, None)
    assert json.loads(path.read_text()) == {"a": 3.0, "b": 4.0, "c": 5.0}
    assert parts_of(path) == []


@pytest.mark.parametrize(
    "content", ["[]", "{", '{"a": "1"}', '{"a": -1}', '{"a": true}', '{"a": NaN}', '{"a": Infinity}']
)
def test_a_damaged_file_is_named(tmp_path: Path, content: str) -> None:
    """The message has the path, and the way out."""
    path = tmp_path / ".test_durations"
    path.write_text(content)
    with pytest.raises(DurationsUnreadable, match="delete the file, or write it anew") as caught:
        read_durations(path)
    assert str(path) in str(caught.value)
