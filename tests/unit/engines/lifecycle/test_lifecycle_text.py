"""Refusals of PutLifecyclePolicy, with their words and places."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.engines.damage import damaged

from pushproof.engines.lifecycle import LifecyclePolicyError, Policy, parse

GOOD: dict[str, Any] = {
    "rules": [
        {
            "rulePriority": 1,
            "description": "Keep the last ten releases, which carry the environment's prefix",
            "selection": {
                "tagStatus": "tagged",
                "tagPrefixList": ["prod-"],
                "countType": "imageCountMoreThan",
                "countNumber": 10,
            },
            "action": {"type": "expire"},
        },
        {
            "rulePriority": 2,
            "selection": {
                "tagStatus": "untagged",
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": 1,
            },
            "action": {"type": "expire"},
        },
    ]
}
DROP = object()


def changed(*changes: tuple[str, Any]) -> str:
    document = copy.deepcopy(GOOD)
    for pointer, value in changes:
        at: Any = document
        *path, last = [int(part) if part.isdigit() else part for part in pointer.split("/")]
        for part in path:
            at = at[part]
        if value is DROP:
            del at[last]
        elif isinstance(at, list) and last == len(at):
            at.append(value)
        else:
            at[last] = value
    return json.dumps(document)


ANY = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 5}
EXPIRE = {"type": "expire"}
ARCHIVE = {"type": "transition", "targetStorageClass": "archive"}
NO_SCHEMA = "instance failed to match exactly one schema (matched 0 out of 2)"
FIRST = "rules/0/selection"
PULLED = {"tagStatus": "untagged", "countType": "sinceImagePulled", "countUnit": "days", "countNumber": 5}
MOVED = {"tagStatus": "untagged", "countType": "sinceImageTransitioned", "countUnit": "days", "countNumber": 90}
REFUSED = [
    ([("rules", DROP), ("padding", "x" * 100)], 'object has missing required properties (["rules"])', "/"),
    (
        [("rules", {})],
        'instance type (object) does not match any allowed primitive type (allowed: ["array"])',
        "/rules",
    ),
    ([("more", 1)], 'object instance has properties which are not allowed by the schema: ["more"]', "/more"),
    ([("rules/0", 7)], 'instance type (integer) does not match any allowed primitive type (allowed: ["object"])', None),
    ([("rules/1/action", DROP)], 'object has missing required properties (["action"])', "/rules/1"),
    ([(f"{FIRST}/countNumber", 0)], "numeric instance is lower than the required minimum (minimum: 1, found: 0)", None),
    ([(f"{FIRST}/countNumber", True)], "instance type (boolean) does not match any allowed primitive type", None),
    ([(f"{FIRST}/countNumber", 10**30)], "Could not map policyString into LifecyclePolicy.", None),
    ([("rules/0/rulePriority", 1.5)], "instance type (number) does not match any allowed primitive type", None),
    ([(f"{FIRST}/tagStatus", "all")], 'instance value ("all") not found in enum', "/rules/0/selection/tagStatus"),
    ([(f"{FIRST}/countUnit", None)], NO_SCHEMA, "/rules/0/selection/countUnit"),
    ([("rules/1/selection/countUnit", DROP)], NO_SCHEMA, "/rules/1/selection/countUnit"),
    ([("rules/0/action/targetStorageClass", None)], NO_SCHEMA, "/rules/0/action/targetStorageClass"),
    ([("rules/0/action/type", "transition")], NO_SCHEMA, "/rules/0/action/targetStorageClass"),
    (
        [(f"{FIRST}/tagPrefixList", DROP)],
        "Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED.",
        "/rules/0/selection",
    ),
    ([(f"{FIRST}/tagPatternList", ["*"])], "Must specify only one of tagPrefixList or tagPatternList.", None),
    ([("rules/1/selection/tagPrefixList", ["x"])], "Must not specify tagPrefixList when tagStatus=UNTAGGED.", None),
    ([(f"{FIRST}/tagPrefixList", [])], "array is too short", None),
    ([(f"{FIRST}/tagPrefixList/0", "")], 'string "" is too short', "/rules/0/selection/tagPrefixList/0"),
    (
        [(f"{FIRST}/tagPrefixList", DROP), (f"{FIRST}/tagPatternList", ["test*1*2*3*4*5*6"])],
        "must have at most 4 wildcards",
        "/rules/0/selection/tagPatternList/0",
    ),
    ([("rules/1/rulePriority", 1)], "Rule priorities must be unique", "/rules/1/rulePriority"),
    (
        [("rules/2", {"rulePriority": 3, "selection": GOOD["rules"][1]["selection"], "action": EXPIRE})],
        "Only one rule can select Untagged images per storage class.",
        "/rules/2/selection/tagStatus",
    ),
    (
        [("rules/0/selection", ANY)],
        "Rule for tagStatus=ANY must have the lowest priority per storage class.",
        "/rules/0/rulePriority",
    ),
    (
        [("rules/2", {"rulePriority": 3, "selection": GOOD["rules"][0]["selection"], "action": EXPIRE})],
        "unique set of tag prefixes",
        "/rules/2/selection/tagPrefixList",
    ),
    ([("rules/1/selection", PULLED)], "SINCE_IMAGE_PULLED supports only the action TRANSITION", None),
    ([("rules/1/selection", MOVED)], "storageClass must be ARCHIVE", "/rules/1/selection/storageClass"),
    (
        [("rules/1/selection", {**MOVED, "storageClass": "archive", "countNumber": 89})],
        "(minimum: 90, found: 89)",
        None,
    ),
    (
        [("rules/1/selection", {**MOVED, "storageClass": "archive"}), ("rules/1/action", ARCHIVE)],
        "supports only the action EXPIRE",
        None,
    ),
    ([("rules/1/selection/storageClass", "archive")], "storageClass must be STANDARD", None),
    ([("rules", [])], "array is too short", "/rules"),
    ([("rules", [GOOD["rules"][0]] * 51)], "array is too long: must have at most 50 elements", "/rules"),
]


@pytest.mark.parametrize(("changes", "reason", "pointer"), REFUSED, ids=[str(row[1])[:60] for row in REFUSED])
def test_refused(changes: list[tuple[str, Any]], reason: str, pointer: str | None) -> None:
    """Each mistake is refused in ECR's words, with its place in the document and what to write instead."""
    text = changed(*changes)
    if len(text) < 100:
        text += " " * 100
    with pytest.raises(LifecyclePolicyError) as refusal:
        parse(text)
    assert reason in refusal.value.reason
    assert refusal.value.message.startswith(
        "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation failure: "
    )
    assert refusal.value.hint
    if pointer is not None:
        assert str(refusal.value.position) == pointer


def test_not_json_has_line_and_column() -> None:
    """A text that is not JSON is refused with the line and column where it stops being JSON."""
    with pytest.raises(LifecyclePolicyError, match="Could not map policyString") as refusal:
        parse('{\n  "rules": [\n    {"rulePriority": 1 2}' + " " * 100)
    assert (refusal.value.position.line, refusal.value.position.column) == (3, 24)


@pytest.mark.parametrize(("text", "bound"), [("{}", "greater than or equal to 100"), ("x" * 30_721, "30720")])
def test_length(text: str, bound: str) -> None:
    """A text shorter than 100 or longer than 30,720 characters is refused as a parameter, not as a policy."""
    with pytest.raises(LifecyclePolicyError, match="Member must have length") as refusal:
        parse(text)
    assert bound in refusal.value.message


def test_one_untagged_and_one_any_rule_per_storage_class() -> None:
    """Standard and archive rules do not count against each other, so both may end in an `any` rule."""
    archived = {"tagStatus": "any", "storageClass": "archive", "countType": "sinceImageTransitioned"}
    policy = parse(
        changed(
            ("rules/2", {"rulePriority": 5, "selection": ANY, "action": ARCHIVE}),
            (
                "rules/3",
                {
                    "rulePriority": 9,
                    "selection": {**archived, "countUnit": "days", "countNumber": 365},
                    "action": EXPIRE,
                },
            ),
        )
    )
    assert [rule.priority for rule in policy.rules] == [1, 2, 5, 9]


WORDS = [
    "rules rulePriority description selection action tagStatus tagPatternList tagPrefixList storageClass countType",
    "countUnit countNumber type targetStorageClass tagged untagged any standard archive imageCountMoreThan days",
    "sinceImagePushed sinceImagePulled sinceImageTransitioned expire transition v* *",
]
WORD = st.sampled_from(" ".join(WORDS).split())
LEAF = st.one_of(
    WORD, st.integers(), st.floats(), st.booleans(), st.none(), st.text(max_size=5), st.integers(1, 100), st.just([])
)
POINTERS = ["rules", "rules/0", "rules/1", "rules/2", "rules/0/rulePriority", "rules/0/selection", "rules/1/action"]
POINTERS += [f"rules/{i}/selection/{name}" for i in (0, 1) for name in " ".join(WORDS[:2]).split()[5:12]]
POINTERS += ["rules/0/action/type", "rules/1/action/targetStorageClass", "rules/1/description", "rules/0/extra"]
VALUE = st.recursive(LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORD, inner, max_size=4))


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A valid policy with changes; or JSON; or anything."""
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return draw(st.text(max_size=40)) + " " * 100
    if kind == 1:
        return json.dumps(draw(VALUE)) + " " * 100
    return changed(
        *draw(st.lists(st.tuples(st.sampled_from(POINTERS[4:] if kind > 3 else POINTERS[3:4]), VALUE), max_size=1))
    )


@settings(max_examples=1_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts(), st.integers(0), st.text(min_size=1, max_size=6))
def test_any_text_is_a_policy_or_a_typed_error(whole: str, seed: int, pieces: str) -> None:
    """Any text is a policy or a LifecyclePolicyError with a place: 10,000 of them."""
    for text in damaged(whole, seed, 10, '{}[]",:\\0e.-u\n' + pieces):
        answer: Policy | LifecyclePolicyError
        try:
            answer = parse(text)
        except LifecyclePolicyError as refusal:
            answer = refusal
        if isinstance(answer, Policy):
            assert answer.rules, text
        else:
            assert answer.position.pointer[:1] in ("", "/"), text
            assert answer.message, text


@pytest.mark.parametrize(
    "text", ["[" * 20_000, '{"rules":' * 3_000 + "1", "NaN" + " " * 100, "9" * 5_000, '{"rules": [1e999]}' + " " * 100]
)
def test_hostile_json(text: str) -> None:
    """Nesting beyond reason, endless digits and values that are not JSON end in the same typed error."""
    with pytest.raises(LifecyclePolicyError):
        parse(text)
