"""Hosts: when they end, where they listen, and what they are told."""

from __future__ import annotations

import os
import socket
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pushproof
from pushproof.runhost import places
from pushproof.runhost.client import end_hosts
from pushproof.runhost.freshness import has_changed, origins
from pushproof.runhost.host import serve
from pushproof.runhost.messages import (
    END,
    RUN,
    STALE,
    ConnectionLost,
    Order,
    Result,
    receive_order,
    receive_result,
    send_order,
)


@pytest.fixture
def listener() -> socket.socket:
    with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{directory}/s")
        listening.listen()
        yield listening


def _client(listener: socket.socket) -> socket.socket:
    line = socket.socket(socket.AF_UNIX)
    line.connect(listener.getsockname())
    return line


def test_a_host_ends_when_no_run_comes(listener: socket.socket) -> None:
    """A host holds nothing for runs that do not come."""
    assert serve(listener, lambda: False, patience=0.01) is None


def test_a_host_ends_on_request(listener: socket.socket) -> None:
    """A client that asks for the end gets it, after one that said nothing in time."""
    with _client(listener), _client(listener) as line:
        line.sendall(END)
        assert serve(listener, lambda: False, patience=60) is None


def test_a_host_that_is_out_of_date_says_so_and_ends(listener: socket.socket) -> None:
    """No run begins in a fork of a process that files have changed under."""
    with _client(listener) as line:
        line.sendall(RUN)
        assert serve(listener, lambda: True, patience=60) is None
        assert line.recv(1) == STALE


def test_a_change_of_a_file_is_seen(tmp_path: Path) -> None:
    """Writing, replacing, removing and setting back the time of a file are changes; reading it is none."""
    file = tmp_path / "module.py"
    file.write_text("x = 1")
    since = time.time() + 0.2
    paths = [str(file)]
    _pass(since)
    assert not has_changed(paths, since)
    file.read_text()
    assert not has_changed(paths, since)
    file.write_text("x = 2")
    os.utime(file, (0, 0))
    assert has_changed(paths, since)
    later = time.time() + 0.2
    _pass(later)
    assert not has_changed(paths, later)
    file.unlink()
    assert has_changed(paths, later)


def _pass(moment: float) -> None:
    while time.time() <= moment:
        time.sleep(0.01)


def test_everything_that_a_host_is_made_from_is_watched() -> None:
    """Files of this package that are no modules are among it, and directories that distributions are installed in."""
    watched = set(origins())
    package = Path(pushproof.__file__).parent
    assert {str(package / "py.typed"), str(package / "plugin.py"), str(Path(pytest.__file__).parents[1])} <= watched


def test_secrets_and_what_differs_between_shells_stay_out_of_a_host() -> None:
    """Keys of an account belong to a run, not to a process that waits; a setting decides on the host."""
    environment = {"AWS_SECRET_ACCESS_KEY": "secret", "TF_VAR_password": "secret", "SHLVL": "2", "TZ": "UTC"}
    assert places.host_environment(environment) == {"TZ": "UTC"}
    same = places.socket_of({**environment, "AWS_SECRET_ACCESS_KEY": "other", "SHLVL": "3"})
    assert places.socket_of(environment) == same
    assert places.socket_of({**environment, "TZ": "CET"}) != same


def test_a_directory_that_others_can_enter_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The socket of a host lies where nobody else can reach it: a client runs code as its user."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    place = places.directory()
    assert place.stat().st_mode & 0o777 == 0o700
    place.chmod(0o755)
    with pytest.raises(PermissionError, match="only you can enter"):
        places.directory()
    place.rmdir()
    place.symlink_to(tmp_path)
    with pytest.raises(PermissionError):
        places.directory()


def test_a_sweep_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep makes no directory, and removes what hosts that have ended left in it, with the directory."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert end_hosts() == 0
    assert list(tmp_path.iterdir()) == []
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(places.directory() / "a.sock"))
    for name in ("a.log", "a.lock", "ended.log", "ended.lock"):
        (places.directory() / name).write_text("")
    assert end_hosts() == 0
    assert list(tmp_path.iterdir()) == []


@given(
    st.lists(st.text(), max_size=5),
    st.dictionaries(st.text(st.characters(exclude_characters="\0=", codec="utf-8"), min_size=1), st.text()),
    st.binary(),
)
def test_an_order_arrives_as_it_was_sent(words: list[str], environment: dict[str, str], raw: bytes) -> None:
    """Arguments and variables of any text arrive, bytes that are no text among them, and so do the files."""
    order = Order([*words, os.fsdecode(raw.replace(b"\0", b""))], "/", environment, 0o22)
    here, there = socket.socketpair()
    with here, there, tempfile.TemporaryFile() as file:
        here.settimeout(10)
        send_order(here, order, [file.fileno()] * 3)
        received, streams = receive_order(there)
        assert received == order
        assert [os.fstat(stream).st_ino for stream in streams] == [os.fstat(file.fileno()).st_ino] * 3
        for stream in streams:
            os.close(stream)


def test_a_client_that_ends_within_its_order_is_noticed() -> None:
    """Half of an order begins nothing."""
    here, there = socket.socketpair()
    with there:
        with here:
            here.sendall(b"\0\0")
        with pytest.raises(ConnectionLost):
            receive_order(there)


def test_a_run_that_ends_without_a_result_is_noticed() -> None:
    """A client does not take the end of its run's process for a success."""
    here, there = socket.socketpair()
    with there:
        with here:
            here.sendall(Result(0).to_bytes()[:-1])
        with pytest.raises(ConnectionLost, match="without a result"):
            receive_result(there)
