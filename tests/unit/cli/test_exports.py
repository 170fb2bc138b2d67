"""The exports of a world: what they hold, how they are written, whose they are."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import dotenv
import pytest

from pushproof.base.environment import world_environment
from pushproof.base.target import TargetUnavailable
from pushproof.cli.exports import Format, formatted
from pushproof.targets.exports import exports_of, published
from pushproof.targets.journal import Journal

AWKWARD = {
    "AWS_ACCESS_KEY_ID": "plain",
    "AWS_PAGER": "",
    "AWS_REGION": 'it\'s $HOME and `pwd` and \\back\\ "quoted"',
    "GIT_CONFIG_VALUE_0": "Authorization: Basic cHVzaDpwcm9vZg==",
}


def _environment_after(command: list[str], text: str, names: Mapping[str, str]) -> dict[str, str]:
    ask = f"{sys.executable} -c 'import json, os; print(json.dumps(dict(os.environ)))'"
    done = subprocess.run(
        [*command, f"{text}{ask}"],
        env={"PATH": os.environ["PATH"], "AWS_PROFILE": "mine", "AWS_SESSION_TOKEN": "mine"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    after: dict[str, str] = json.loads(done.stdout)
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN"} & after.keys()
    return {name: after[name] for name in names}


def test_a_shell_reads_back_what_was_written() -> None:
    """Every value comes out of sh as it went in, and the person's own profile and session are gone."""
    assert _environment_after(["sh", "-c"], formatted(AWKWARD, Format.SH), AWKWARD) == AWKWARD


def test_fish_reads_back_what_was_written() -> None:
    """Every value comes out of fish as it went in."""
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed here")
    assert _environment_after(["fish", "-c"], formatted(AWKWARD, Format.FISH), AWKWARD) == AWKWARD


def test_fish_escapes_what_ends_its_quotes() -> None:
    """Single quotes of fish have two escapes, of the quote and of the backslash (fishshell.com, language, Quotes)."""
    assert formatted({"A": "it's \\ $x"}, Format.FISH).splitlines()[1] == r"set -gx A 'it\'s \\ $x'"


def test_an_env_file_reads_back_what_was_written() -> None:
    """Every value comes out of an env file as it went in; plain ones are bare, as `docker run --env-file` needs them."""
    text = formatted(AWKWARD, Format.DOTENV)
    assert dotenv.dotenv_values(stream=io.StringIO(text), interpolate=False) == AWKWARD
    assert "AWS_ACCESS_KEY_ID=plain\n" in text


def test_only_what_leads_to_the_world_is_exported() -> None:
    """The person's own variables stay where they are; those of the world are all there."""
    base = {"PATH": "/bin", "HOME": "/root", "AWS_SECRET_ACCESS_KEY": "of the person", "GIT_DIR": "/x", "TOKEN": "t"}
    own = world_environment(
        "http://127.0.0.1:1", region="eu-west-1", keys=("AKIA", "secret"), account_id="123456789012", base=base
    )
    exports = exports_of(own)
    assert exports["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert exports["AWS_SECRET_ACCESS_KEY"] == own["AWS_SECRET_ACCESS_KEY"] != "of the person"
    assert not {"PATH", "HOME", "GIT_DIR", "TOKEN"} & exports.keys()


def _world(journal: Journal, endpoint: str) -> str:
    record = journal.open("embedded")
    (Path(record.directory) / "exports").mkdir()
    (Path(record.directory) / "exports" / "exports.json").write_text(json.dumps({"AWS_ENDPOINT_URL": endpoint}))
    return record.id


def test_one_world_is_taken_and_of_two_one_must_be_named(tmp_path: Path) -> None:
    """No world, or two, is an error with the remedy; a world that is not ready does not count."""
    journal = Journal(tmp_path)
    journal.open("embedded")
    with pytest.raises(TargetUnavailable, match="pushproof serve"):
        published(journal)
    first = _world(journal, "http://127.0.0.1:1")
    assert published(journal) == {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    second = _world(journal, "http://127.0.0.1:2")
    with pytest.raises(TargetUnavailable, match=f"{first} at http://127.0.0.1:1.*{second}.*--world"):
        published(journal)
    assert published(journal, second) == {"AWS_ENDPOINT_URL": "http://127.0.0.1:2"}
    with pytest.raises(TargetUnavailable, match="world 00000000 is not up"):
        published(journal, "00000000")
