"""The engine against a slow and literal reading of the evaluation rules, written without sight of it.

Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html#lp_evaluation_rules
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st

from pushproof.engines.lifecycle import (
    DAY,
    ActionType,
    CountType,
    Evaluation,
    Image,
    LifecycleSettings,
    Policy,
    Rule,
    StorageClass,
    TagStatus,
    evaluate,
    preview_results,
    preview_summary,
)

NOW = 500 * DAY


def glob(pattern: str, tag: str) -> bool:
    """Character by character."""
    if not pattern:
        return not tag
    if pattern[0] == "*":
        return glob(pattern[1:], tag) or (bool(tag) and glob(pattern, tag[1:]))
    return bool(tag) and pattern[0] == tag[0] and glob(pattern[1:], tag[1:])


def meets_tagging(rule: Rule, image: Image) -> bool:
    if rule.storage_class != image.storage_class:
        return False
    if rule.tag_status == "any":
        return True
    if rule.tag_status == "untagged":
        return len(image.tags) == 0
    by_pattern = all(any(glob(pattern, tag) for tag in image.tags) for pattern in rule.tag_patterns)
    by_prefix = all(any(tag.startswith(prefix) for tag in image.tags) for prefix in rule.tag_prefixes)
    return by_pattern and by_prefix


def days(rule: Rule, image: Image) -> float:
    if rule.count_type == "sinceImagePushed":
        since = image.pushed_at
    elif rule.count_type == "sinceImageTransitioned":
        if image.archived_at is None:
            return -1
        since = image.archived_at
    elif image.activated_at is not None and (image.pulled_at is None or image.pulled_at < image.activated_at):
        since = image.activated_at
    else:
        since = image.pushed_at if image.pulled_at is None else image.pulled_at
    return NOW - since


def oracle(policy: Policy, images: list[Image]) -> dict[str, tuple[str, int]]:
    """{digest: (action, rule priority)}; reference artifacts are taken as plain images."""
    result = {}
    for image in images:
        for rule in sorted(policy.rules, key=lambda rule: rule.priority):
            if not meets_tagging(rule, image):
                continue
            if rule.count_type == "imageCountMoreThan":
                newer = [
                    other
                    for other in images
                    if meets_tagging(rule, other) and (other.pushed_at, other.digest) > (image.pushed_at, image.digest)
                ]
                marked = len(newer) >= rule.count_number
            else:
                marked = days(rule, image) > rule.count_number * DAY
            lists = [other for other in images if image.digest in other.members]
            if rule.action == "transition":
                lists = [other for other in lists if other.storage_class == "standard"]
            if marked and not lists:
                result[image.digest] = (str(rule.action), rule.priority)
            break
    return result


def found(evaluation: Evaluation) -> dict[str, tuple[str, int]]:
    return {
        verdict.image.digest: (str(verdict.action), verdict.rule.priority)
        for verdict in evaluation.acted
        if verdict.rule is not None
    }


TAGS = st.text("ab-", min_size=1, max_size=4)
PATTERNS = st.text("ab-*", min_size=1, max_size=5).filter(lambda pattern: pattern.count("*") <= 4)
TIMES = st.integers(0, 100).map(lambda age: NOW - age * DAY / 4)
MAYBE = st.none() | TIMES


@st.composite
def repositories(draw: st.DrawFn) -> list[Image]:
    size = draw(st.integers(0, 12))
    digests = [f"sha256:{number:02}" for number in range(size)]
    return [
        Image(
            digest,
            draw(TIMES),
            tuple(draw(st.lists(TAGS, max_size=3, unique=True))),
            draw(st.sampled_from(StorageClass)),
            draw(MAYBE),
            draw(MAYBE),
            draw(MAYBE),
            tuple(draw(st.lists(st.sampled_from(digests[:number]), max_size=2))) if number > 8 else (),
        )
        for number, digest in enumerate(digests)
    ]


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    rules = []
    for priority in range(1, draw(st.integers(1, 5)) + 1):
        count = draw(st.sampled_from(CountType))
        storage = StorageClass.ARCHIVE if count is CountType.SINCE_IMAGE_TRANSITIONED else StorageClass.STANDARD
        status = draw(st.sampled_from(TagStatus))
        patterns = prefixes = ()
        if status is TagStatus.TAGGED and draw(st.booleans()):
            patterns = tuple(draw(st.lists(PATTERNS, min_size=1, max_size=2)))
        elif status is TagStatus.TAGGED:
            prefixes = tuple(draw(st.lists(TAGS, min_size=1, max_size=2)))
        action, number = draw(st.sampled_from(ActionType)), draw(st.integers(1, 8))
        rules.append(Rule(priority, status, count, number, action, storage, patterns, prefixes))
    return Policy(tuple(rules))


@settings(max_examples=1_000, deadline=None)
@given(policies(), repositories())
def test_agrees_with_the_oracle(policy: Policy, images: list[Image]) -> None:
    """Exactly the images the rules name are acted on, each by exactly the rule they name."""
    assert found(evaluate(policy, images, NOW)) == oracle(policy, images)


@settings(max_examples=300, deadline=None)
@given(policies(), repositories(), st.randoms(use_true_random=False))
def test_order_of_images_does_not_matter(policy: Policy, images: list[Image], random: object) -> None:
    """The result depends on what is in the repository, not on the order it is listed in."""
    shuffled = list(images)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert evaluate(policy, shuffled, NOW) == evaluate(policy, images, NOW)


@settings(max_examples=300, deadline=None)
@given(policies(), repositories())
def test_preview_tells_what_is_done(policy: Policy, images: list[Image]) -> None:
    """The preview lists every image acted on once, in the API's words, and its summary counts them."""
    evaluation = evaluate(policy, images, NOW, LifecycleSettings())
    stamp = partial(datetime.fromtimestamp, tz=UTC)
    results, summary = preview_results(evaluation, stamp), preview_summary(evaluation)
    told = {
        result["imageDigest"]: (result["action"]["type"].lower(), result["appliedRulePriority"]) for result in results
    }
    assert told == found(evaluation)
    assert len(told) == len(results)
    moving = summary.get("transitioningImageTotalCounts", [{"imageTotalCount": 0}])[0]["imageTotalCount"]
    assert summary["expiringImageTotalCount"] + moving == len(results)
    priorities = [result["appliedRulePriority"] for result in results]
    assert priorities == sorted(priorities)
