"""Evidence survives being written and read, holds no secret, and is refused when it is not this version's."""

from __future__ import annotations

import json
import stat
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tests.unit.drill.scripted import APPLIED, DEPLOYED, ROOT, ScriptedTarget, settings

from pushproof.drill.evidence import KINDS, Evidence, Record, Unreadable, from_plain, to_plain
from pushproof.drill.keeping import Keeper, Kept, Stage, evidence_file, from_text, read, to_text
from pushproof.drill.settings import BadInput
from pushproof.drill.steps.order import KNOWN

STAGE = Stage(
    target="embedded", account_id="1", region="eu-west-1", endpoint="http://127.0.0.1:1", speed=20.0,
    environment=str(ROOT / "infrastructure/environments/dev"), repository="example/shop",
)  # fmt: skip
# Surrogates have no UTF-8 form; nothing that AWS or git answers holds one.
texts = st.text(st.characters(exclude_categories=["Cs"]))
st.register_type_strategy(str, texts)
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
# A loaded machine decides how long an example takes.
examples = hypothesis_settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
evidence = st.sampled_from(list(KINDS.values())).flatmap(st.from_type)


@examples
@given(evidence)
def test_evidence_is_read_as_it_was_written(shown: Evidence) -> None:
    """Of every kind, with any texts and numbers."""
    assert from_plain(json.loads(json.dumps(to_plain(shown)))) == shown


@examples
@given(st.dictionaries(st.sampled_from(KNOWN), evidence), st.builds(Stage))
def test_a_whole_file_is_read_as_it_was_written(entries: dict[str, Evidence], stage: Stage) -> None:
    """Steps keep their order: the newest evidence is the one that holds."""
    kept = from_text(to_text(Kept(stage, entries)))
    assert kept.stage == stage
    assert list(kept.entries.items()) == list(entries.items())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "Guess"}, "expected evidence, one of AppliedStack"),
        ({"digests": "sha256:1"}, "Deployed.digests is str; expected a list"),
        ({"digests": [1]}, r"Deployed.digests\[0\] is int; expected str"),
        ({"commit": None}, "Deployed.commit is NoneType; expected str"),
        ({"more": 1}, "expected asking, commit, digests, execution, task_definitions"),
    ],
)
def test_other_content_is_refused_with_its_place(change: dict[str, Any], words: str) -> None:
    """The message names the field and what was expected."""
    with pytest.raises(Unreadable, match=words):
        from_plain({**to_plain(DEPLOYED), **change})


def test_the_newest_evidence_of_a_kind_counts() -> None:
    """A step that is performed again replaces what it showed, and is the newest then."""
    record = Record()
    first, second, again = (replace(DEPLOYED, commit=letter * 40) for letter in "abc")
    record.add("first-deployment", first)
    record.add("second-deployment", second)
    assert record.latest(type(DEPLOYED)) == second
    record.add("first-deployment", again)
    assert record.latest(type(DEPLOYED)) == again
    assert list(record) == ["second-deployment", "first-deployment"]


def test_no_field_of_evidence_is_for_a_secret() -> None:
    """Neither private keys nor webhooks nor Terraform variables have a place in it."""
    names = {field.name for kind in KINDS.values() for field in fields(kind)}
    assert not {name for name in names if any(word in name for word in ("key", "password", "webhook_url", "variables"))}


def test_the_file_is_for_this_user_alone(tmp_path: Path) -> None:
    """Mode 0600, whatever the umask, and nothing beside it."""
    target = ScriptedTarget(tmp_path)
    keeper = Keeper(target, settings(variables={"password": "hunter2"}), 20.0)  # type: ignore[arg-type]
    record = Record({"apply": APPLIED})
    keeper.keep(record)
    record.add("first-deployment", DEPLOYED)
    keeper.keep(record)
    path = evidence_file(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]
    assert "hunter2" not in path.read_text()
    kept = read(path)
    assert Record(kept.entries) == record
    assert (kept.stage.target, kept.stage.speed) == ("scripted", 20.0)
    keeper.forget()
    assert not path.exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "is missing: nothing is kept there"),
        ("{", "cannot be used"),
        ("[]", "expected an object"),
        (to_text(Kept(STAGE, {})).replace('"version": "', '"version": "0.0.'), "it is of version 0.0."),
        (to_text(Kept(STAGE, {})).replace('"format": 3', '"format": 1'), "cannot be used"),
        (to_text(Kept(STAGE, {"apply": APPLIED})).replace('"apply"', '"guess"'), "expected a step, one of apply"),
        (to_text(Kept(STAGE, {})).replace("20.0", '"fast"'), "expected a stage with target"),
    ],
    ids=["missing", "no-json", "no-object", "another-version", "another-format", "another-step", "another-stage"],
)
def test_a_file_that_cannot_be_used_says_so(text: str | None, words: str, tmp_path: Path) -> None:
    """Missing, damaged, of another version: the message names the file and the next step."""
    path = tmp_path / "evidence.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(BadInput, match=words) as refused:
        read(path)
    assert str(path) in str(refused.value)
    assert "without --from" in str(refused.value)


@pytest.mark.parametrize(
    ("target", "environment", "words"),
    [
        ("sandbox", "infrastructure/environments/dev", "add --target embedded"),
        ("embedded", "infrastructure/environments/prod", "add --environment .*environments/dev"),
    ],
)
def test_evidence_of_another_stack_is_refused(target: str, environment: str, words: str) -> None:
    """Another target's or environment's evidence proves nothing of this one."""
    kept = Kept(STAGE, {"apply": APPLIED})
    kept.require(target="embedded", environment=ROOT / "infrastructure/environments/dev")
    with pytest.raises(BadInput, match=words):
        kept.require(target=target, environment=ROOT / environment)


def test_a_stage_is_what_a_process_needs_to_go_on() -> None:
    """No field is optional: an older file lacks one and is refused."""
    plain = json.loads(to_text(Kept(STAGE, {})))
    del plain["stage"]["speed"]
    with pytest.raises(Unreadable, match="expected a stage with"):
        from_text(json.dumps(plain))
    assert set(asdict(STAGE)) == set(Stage.__dataclass_fields__)
