"""The directory of kept worlds: whole entries or none, bounded, and never from somebody else."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pushproof.targets.kept.seal import WeakKey, seal_key
from pushproof.targets.kept.store import About, KeptWorlds, NotKept


def about(key: str = "k" * 64, family: str = "f", module: str = "modules/x") -> About:
    return About(key=key, family=family, module=module, ingredients={}, made_at=time.time())


def content(text: str = "state") -> Callable[[Path], None]:
    """Return a writer of one file."""
    return lambda directory: (directory / "state").write_text(text) and None


@pytest.fixture
def store(tmp_path: Path) -> KeptWorlds:
    return KeptWorlds(tmp_path / "kept")


def test_an_entry_is_found_by_its_key(store: KeptWorlds) -> None:
    """An entry is found under its key, and under no other."""
    store.put(about(), content())
    found = store.find("k" * 64)
    assert found is not None
    assert (found.directory / "state").read_text() == "state"
    assert store.find("l" * 64) is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda directory: (directory / "state").write_text("stat3"),
        lambda directory: (directory / "state").unlink(),
        lambda directory: (directory / "more").write_text("x"),
        lambda directory: (directory / "seal").unlink(),
        lambda directory: (directory / "state").rename(directory / "elsewhere"),
        lambda directory: os.symlink("/etc/hostname", directory / "link"),
    ],
)
def test_a_damaged_entry_is_dropped(store: KeptWorlds, damage: Callable[[Path], object]) -> None:
    """A changed, missing or added file makes an entry unusable: it is not found, and gone."""
    directory = store.put(about(), content()).directory
    damage(directory)
    assert store.damaged("k" * 64)
    said: list[str] = []
    assert store.find("k" * 64, dropped=lambda: said.append("dropped")) is None
    assert said == ["dropped"]
    assert not directory.exists()
    assert store.find("k" * 64, dropped=lambda: said.append("again")) is None
    assert said == ["dropped"]


def test_an_entry_from_elsewhere_is_not_used(
    store: KeptWorlds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry that was sealed with another key is never used; with the same key on both machines it is."""
    monkeypatch.setenv("PUSHPROOF_CACHE_KEY", "a shared and random key")
    directory = store.put(about(), content()).directory
    here = KeptWorlds(tmp_path / "here")
    here.directory.mkdir()
    os.rename(directory, here.directory / directory.name)
    assert here.find("k" * 64) is not None
    monkeypatch.setenv("PUSHPROOF_CACHE_KEY", "another and random key")
    assert here.find("k" * 64) is None


def test_a_weak_key_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that can be guessed seals nothing; the message says what is expected."""
    monkeypatch.setenv("PUSHPROOF_CACHE_KEY", "short")
    with pytest.raises(WeakKey, match="5 characters; expected 16 or more"):
        seal_key(tmp_path)
    with pytest.raises(NotKept, match="expected 16 or more"):
        KeptWorlds(tmp_path).put(about(), content())


def test_a_writer_that_fails_leaves_nothing(store: KeptWorlds) -> None:
    """On a full disk nothing of the entry stays, and the message names the directory and the way out."""

    def full(directory: Path) -> None:
        (directory / "state").write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(NotKept, match=r"No space left on device.*PUSHPROOF_CACHE"):
        store.put(about(), full)
    assert store.find("k" * 64) is None
    assert [path for path in store.directory.iterdir() if path.is_dir()] == []


def test_what_a_killed_process_left_is_removed(store: KeptWorlds) -> None:
    """A directory that a process was writing when it was killed is no entry, and goes when the next one is kept."""
    store.put(about(), content())
    half = store.directory / ".making-999999~1~abcd"
    half.mkdir()
    (half / "state").write_text("half")
    assert len(store.entries()) == 1
    store.put(about("m" * 64), content())
    assert not half.exists()


def test_of_two_that_keep_the_same_key_one_wins(store: KeptWorlds) -> None:
    """Two processes may keep the same key at once: one entry is there, whole, and both go on."""
    with ThreadPoolExecutor(8) as pool:
        entries = list(pool.map(lambda number: store.put(about(), content(str(number))), range(8)))
    assert len({entry.directory for entry in entries}) == 1
    found = store.find("k" * 64)
    assert found is not None
    assert (found.directory / "state").read_text() in "01234567"


def test_the_one_used_longest_ago_goes_first(store: KeptWorlds) -> None:
    """Beyond the size, entries go by their last use; beyond the age, all that are older."""
    for number, key in enumerate(("a" * 64, "b" * 64, "c" * 64)):
        store.put(about(key), content("x" * 1000))
        used = time.time() - 10_000 + number
        os.utime(store.directory / f"used-{key}", (used, used))
    os.utime(store.directory / f"used-{'a' * 64}", (time.time(), time.time()))
    size = max(entry.size for entry in store.entries())
    removed = store.prune(size=size * 5 // 2, age=1e12)
    assert [entry.about.key[0] for entry in removed] == ["b"]
    assert [entry.about.key[0] for entry in store.prune(age=3600)] == ["c"]
    assert [entry.about.key[0] for entry in store.entries()] == ["a"]


def test_the_nearest_is_of_the_same_family(store: KeptWorlds) -> None:
    """The nearest entry is the one of a family that was used last."""
    for key, family, ago in (("a" * 64, "f", 300), ("b" * 64, "f", 200), ("c" * 64, "g", 100)):
        store.put(about(key, family), content())
        used = time.time() - ago
        os.utime(store.directory / f"used-{key}", (used, used))
    nearest = store.nearest("f")
    assert nearest is not None
    assert nearest.about.key == "b" * 64
    assert store.nearest("h") is None


def test_notes_are_sealed_too(store: KeptWorlds) -> None:
    """A remembered plan is returned as it was written; one that was changed, or moved to another name, is not."""
    store.remember("n" * 64, "plan")
    assert store.recall("n" * 64) == "plan"
    file = store.directory / ".notes" / ("n" * 64)
    (store.directory / ".notes" / ("o" * 64)).write_text(file.read_text())
    assert store.recall("o" * 64) is None
    file.write_text(file.read_text().replace("plan", "plot"))
    assert store.recall("n" * 64) is None


def test_a_format_of_another_version_is_no_entry(store: KeptWorlds) -> None:
    """Entries of another format are never read, and are removed with the rest."""
    directory = store.put(about(), content()).directory
    file = directory / "about.json"
    file.write_text(file.read_text().replace('"format": 1', '"format": 0'))
    assert store.find("k" * 64) is None
    store.prune()
    assert not directory.exists()


def test_it_is_private(store: KeptWorlds) -> None:
    """Other users of the machine can read neither entries nor the key."""
    store.put(about(), content())
    assert store.directory.stat().st_mode & 0o077 == 0
    assert (store.directory / "key").stat().st_mode & 0o077 == 0
