"""The worked examples AWS publishes, as published.

Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_examples.html
Ages are in days. A row is (name, image ages, image tags, rules, what expires by which rule).
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from pushproof.engines.lifecycle import DAY, Evaluation, Image, LifecycleSettings, StorageClass, evaluate, parse

NOW = 1_000 * DAY
EXAMPLES = "https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_examples.html"


def rule(priority: int, count_type: str, number: int, action: str = "expire", **selection: Any) -> dict[str, Any]:
    chosen: dict[str, Any] = {"tagStatus": "tagged", "countType": count_type, "countNumber": number, **selection}
    if count_type != "imageCountMoreThan":
        chosen["countUnit"] = "days"
    acts = {"type": action} if action == "expire" else {"type": action, "targetStorageClass": "archive"}
    description = "An example of the user guide, written out in full"
    return {"rulePriority": priority, "description": description, "selection": chosen, "action": acts}


def apply(images: list[Image], *rules: dict[str, Any], settings: LifecycleSettings | None = None) -> Evaluation:
    return evaluate(parse(json.dumps({"rules": rules})), images, NOW, settings)


def image(name: str, age: float, *tags: str, **more: Any) -> Image:
    return Image(name, NOW - age * DAY, tags, **more)


def acted(evaluation: Evaluation) -> dict[str, int]:
    return {verdict.image.digest: verdict.rule.priority for verdict in evaluation.acted if verdict.rule}


COUNT = "imageCountMoreThan"
PUSHED = "sinceImagePushed"

MULTI_RULE = [image("A", 10, "beta-1", "prod-1"), image("B", 9, "beta-2", "prod-2"), image("C", 8, "beta-3")]
MULTI_TAG_A = [
    image("A", 12, "alpha-1"),
    image("B", 11, "beta-1"),
    image("C", 10, "alpha-2", "beta-2"),
    image("D", 4, "alpha-3"),
    image("E", 3, "beta-3"),
    image("F", 2, "alpha-4", "beta-4"),
]
MULTI_TAG_B = [
    image("A", 10, "alpha-1", "beta-1", "gamma-1"),
    image("B", 9, "alpha-2", "beta-2"),
    image("C", 8, "alpha-3", "beta-3", "gamma-2"),
]
ALL_A = [image("A", 4, "alpha-1"), image("B", 3, "beta-1"), image("C", 2), image("D", 1, "alpha-2")]
# The page gives D and E the same age and keeps E: "older than one day" is strict, and D is the older of the two.
ALL_B = [
    image("A", 4, "alpha-1", "beta-1"),
    image("B", 3),
    image("C", 2, "alpha-2"),
    image("D", 1.01, "git hash"),
    image("E", 1),
]
PUBLISHED = [
    (
        "age",
        [image("old", 15, "prod1"), image("exact", 14, "prod2"), image("young", 2, "prod3"), image("other", 99, "dev")],
        [rule(1, PUSHED, 14, tagPatternList=["prod*"])],
        {"old": 1},
    ),
    (
        "count",
        [image("first", 3), image("second", 2), image("third", 1), image("tagged", 9, "v1")],
        [rule(1, COUNT, 1, tagStatus="untagged")],
        {"first": 1, "second": 1},
    ),
    (
        "multiple rules A",
        MULTI_RULE,
        [rule(1, COUNT, 1, tagPrefixList=["prod"]), rule(2, COUNT, 1, tagPrefixList=["beta"])],
        {"A": 1},
    ),
    (
        "multiple rules B",
        MULTI_RULE,
        [rule(1, COUNT, 1, tagPrefixList=["beta"]), rule(2, COUNT, 1, tagPrefixList=["prod"])],
        {"A": 1, "B": 1},
    ),
    ("multiple tags A", MULTI_TAG_A, [rule(1, PUSHED, 5, tagPrefixList=["alpha", "beta"])], {"C": 1}),
    ("multiple tags B", MULTI_TAG_B, [rule(1, COUNT, 1, tagPrefixList=["alpha", "beta"])], {"A": 1, "B": 1}),
    ("all images A", ALL_A, [rule(1, COUNT, 1, tagStatus="any")], {"A": 1, "B": 1, "C": 1}),
    (
        "all images B",
        ALL_B,
        [
            rule(1, COUNT, 1, tagPrefixList=["alpha"]),
            rule(2, PUSHED, 1, tagStatus="untagged"),
            rule(3, COUNT, 1, tagStatus="any"),
        ],
        {"A": 1, "B": 2, "D": 3},
    ),
]


@pytest.mark.parametrize(("images", "rules", "expected"), [row[1:] for row in PUBLISHED], ids=[p[0] for p in PUBLISHED])
def test_worked_example(images: list[Image], rules: list[dict[str, Any]], expected: dict[str, int]) -> None:
    """Each worked example of the page comes out as the page says, in whatever order its rules are written."""
    assert acted(apply(images, *rules)) == expected
    assert acted(apply(list(reversed(images)), *reversed(rules))) == expected


def test_archive_examples() -> None:
    """Images not pulled for 90 days move to archive, and archived ones expire a year after that (same page)."""
    images = [
        image("pulled", 400, "v1", pulled_at=NOW - 3 * DAY),
        image("forgotten", 400, "v2", pulled_at=NOW - 91 * DAY),
        image("never", 95, "v3"),
        image("fresh", 5, "v4"),
        image("restored", 400, pulled_at=NOW - 300 * DAY, activated_at=NOW - 10 * DAY),
        image("archived", 900, storage_class=StorageClass.ARCHIVE, archived_at=NOW - 100 * DAY),
        image("ancient", 900, storage_class=StorageClass.ARCHIVE, archived_at=NOW - 366 * DAY),
    ]
    found = apply(
        images,
        rule(1, "sinceImagePulled", 90, "transition", tagStatus="any"),
        rule(2, "sinceImageTransitioned", 365, tagStatus="any", storageClass="archive"),
    )
    assert set(found.transitioning) == {"forgotten", "never"}
    assert found.expiring == ("ancient",)


def test_wildcards_of_the_properties_page() -> None:
    """All patterns of a list must match some tag, and a pattern may have four wildcards anywhere.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
    """
    images = [image("both", 9, "a-test-1-2-3", "test7182735"), image("one", 9, "a-test-1-2-3"), image("none", 9, "x")]
    patterns = ["*test*1*2*3", "test*1*2*3*"]
    assert apply(images, rule(1, PUSHED, 1, tagPatternList=patterns)).expiring == ("both",)
    assert apply(images, rule(1, PUSHED, 1, tagPatternList=patterns[:1])).expiring == ("both", "one")
    # A pattern's pieces may not share characters.
    assert apply([image("ab", 9, "aba")], rule(1, PUSHED, 1, tagPatternList=["ab*ba"])).expiring == ()


def test_manifest_list_members_stay_until_the_list_is_gone() -> None:
    """A member is not expired before its list, and says which list holds it.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
    """
    images = [image("amd64", 9), image("arm64", 9), image("list", 9, "v1", members=("amd64", "arm64"))]
    untagged = rule(1, PUSHED, 1, tagStatus="untagged")
    held = apply(images, untagged)
    assert held.expiring == ()
    assert held.verdicts[0].held_by == ("list",)
    assert "list, which must go first" in held.verdicts[0].why
    # Both in one run: the list goes, its members in the next run.
    assert apply(images, untagged, rule(2, PUSHED, 1, tagStatus="any")).expiring == ("list",)
    assert set(apply(images[:2], untagged).expiring) == {"amd64", "arm64"}


def test_archived_list() -> None:
    """Once its list is archived a member may be archived, and expires only where the setting says so."""
    images = [
        image("amd64", 9),
        image("list", 9, members=("amd64",), storage_class=StorageClass.ARCHIVE, archived_at=NOW),
    ]
    archive = rule(1, PUSHED, 1, "transition", tagStatus="untagged")
    expire = rule(1, PUSHED, 1, tagStatus="untagged")
    assert apply(images, archive).transitioning == ("amd64",)
    assert apply(images, expire).expiring == ()
    assert apply(images, expire, settings=LifecycleSettings(archived_list_releases_expiry=True)).expiring == ("amd64",)


def test_reference_artifacts_follow_their_subject() -> None:
    """A signature goes when its image goes and not by a rule of its own, unless the setting says otherwise.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
    """
    images = [image("app", 9, "v1"), image("signature", 8, subject="app"), image("attested", 7, subject="signature")]
    untagged, every = rule(1, PUSHED, 1, tagStatus="untagged"), rule(2, PUSHED, 1, tagStatus="any")
    assert apply(images, untagged).expiring == ()
    both = apply(images, untagged, every)
    assert acted(both) == {"app": 2, "signature": 2, "attested": 2}
    assert "artifact of app" in both.verdicts[1].why
    alone = LifecycleSettings(artifacts_follow_subject=False)
    assert apply(images, untagged, settings=alone).expiring == ("signature", "attested")


def test_reasons_name_rule_and_excess() -> None:
    """Every verdict says by which rule, and how much too old or too many."""
    found = apply(MULTI_RULE, *PUBLISHED[2][2])
    assert [verdict.why for verdict in found.verdicts] == [
        "Expires by rule 1 (tags matching prod*): it is number 2 counted from the newest, and 1 are kept.",
        "Kept: rule 1 (tags matching prod*) selects it without marking it, and no lower-priority rule may act on it.",
        "Kept: rule 2 (tags matching beta*) selects it without marking it, and no lower-priority rule may act on it.",
    ]
    assert apply([image("x", 9, "dev")], *PUBLISHED[0][2]).verdicts[0].why == "No rule selects it."
    assert apply(PUBLISHED[0][1], *PUBLISHED[0][2]).acted[0].why.endswith("it was pushed more than 14 days ago.")
