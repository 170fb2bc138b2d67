"""Evaluation of a lifecycle policy: the images it acts on, by which rule, and why.

All rules are evaluated on the repository as it is, then applied by priority. A rule marks the images it selects that
are too many or too old; it acts on those it marked which no earlier rule *selected*: an image that matches the tagging
requirements of a rule cannot be acted on by a rule of lower priority, even when the first rule keeps it. A lower rule
still counts such images.

Images are ordered by the time they were pushed, oldest first (by digest where equal). "Older than N days" is strict.
A member of a manifest list stays while a list that names it is in the repository.

Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html#lp_evaluation_rules
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass

from pushproof.engines.lifecycle.matching import ImageSet, TagIndex, everything, from_flags, indices
from pushproof.engines.lifecycle.model import (
    DAY,
    ActionType,
    CountType,
    Image,
    LifecycleSettings,
    Policy,
    Rule,
    StorageClass,
    TagStatus,
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The fate of one image.

    `action` is None when the image stays. `rule` is the one rule that acts, or the one whose selection keeps all later
    rules from acting; None when no rule selects the image. `held_by` names the manifest lists that keep a marked
    image. `rank` is the image's place counted from the newest, when a count rule marks it. `subject` is set when a
    reference artifact shares the fate of the image it belongs to.
    """

    image: Image
    action: ActionType | None
    rule: Rule | None
    rank: int | None = None
    held_by: tuple[str, ...] = ()
    subject: str | None = None

    @property
    def why(self) -> str:
        """The reason, in one sentence."""
        if self.subject is not None:
            return f"It is a reference artifact of {self.subject} and shares its fate."
        if self.rule is None:
            return "No rule selects it."
        rule, what = self.rule, f"rule {self.rule.priority} ({_selects(self.rule)})"
        if self.held_by:
            return f"Marked by {what}, but it belongs to manifest list {', '.join(self.held_by)}, which must go first."
        if self.action is not None:
            done = "Expires" if self.action is ActionType.EXPIRE else "Moves to archive"
            return f"{done} by {what}: {_excess(rule, self.rank)}."
        return f"Kept: {what} selects it without marking it, and no lower-priority rule may act on it."


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The verdict on every image, oldest first."""

    verdicts: tuple[Verdict, ...]

    @property
    def acted(self) -> tuple[Verdict, ...]:
        """Images that expire or move, by rule priority and then oldest first."""
        verdicts = [verdict for verdict in self.verdicts if verdict.action is not None]
        return tuple(sorted(verdicts, key=lambda verdict: verdict.rule.priority if verdict.rule else 0))

    @property
    def expiring(self) -> tuple[str, ...]:
        """Digests that expire."""
        return tuple(verdict.image.digest for verdict in self.acted if verdict.action is ActionType.EXPIRE)

    @property
    def transitioning(self) -> tuple[str, ...]:
        """Digests that move to archive storage."""
        return tuple(verdict.image.digest for verdict in self.acted if verdict.action is ActionType.TRANSITION)


def evaluate(
    policy: Policy, images: Iterable[Image], now: float, settings: LifecycleSettings | None = None
) -> Evaluation:
    """Apply `policy` to `images` at `now`, a time of the clock the images' times are of."""
    settings = settings or LifecycleSettings()
    ordered = sorted(images, key=lambda image: (image.pushed_at, image.digest))
    run = _Run(ordered, now, settings)
    for rule in policy.rules:
        run.apply(rule)
    return Evaluation(tuple(run.verdicts()))


class _Run:
    """One evaluation: the images selected so far, and the deciding rule of each image."""

    def __init__(self, ordered: list[Image], now: float, settings: LifecycleSettings) -> None:
        self.images = ordered
        self.now = now
        self.settings = settings
        self.size = len(ordered)
        self.index = {image.digest: position for position, image in enumerate(ordered)}
        self.pushed = [image.pushed_at for image in ordered]
        self.tags = TagIndex([image.tags for image in ordered])
        self.tagged = self.tags.tagged()
        archived = from_flags(image.storage_class is StorageClass.ARCHIVE for image in ordered)
        followers = 0
        if settings.artifacts_follow_subject:
            followers = from_flags(image.subject is not None and image.subject in self.index for image in ordered)
        eligible = everything(self.size) & ~followers
        self.of_class = {StorageClass.ARCHIVE: archived & eligible, StorageClass.STANDARD: eligible & ~archived}
        self.lists = self._lists()
        self.seen: ImageSet = 0
        self.decided: list[Verdict | None] = [None] * self.size

    def _lists(self) -> dict[str, list[Image]]:
        lists: dict[str, list[Image]] = {}
        for image in self.images:
            for member in image.members:
                lists.setdefault(member, []).append(image)
        return lists

    def apply(self, rule: Rule) -> None:
        selected = self.of_class[rule.storage_class]
        if rule.tag_status is TagStatus.TAGGED:
            selected &= self.tags.matching(rule.patterns)
        elif rule.tag_status is TagStatus.UNTAGGED:
            selected &= ~self.tagged
        first = selected & ~self.seen
        if first:
            self._decide(rule, selected, first)
        self.seen |= selected

    def _decide(self, rule: Rule, selected: ImageSet, first: ImageSet) -> None:
        """Judge every image that this rule is the first to select."""
        ranks: dict[int, int] = {}
        if rule.count_type is CountType.IMAGE_COUNT_MORE_THAN:
            positions = indices(selected, self.size)
            surplus = positions[: max(0, len(positions) - rule.count_number)]
            ranks = {position: len(positions) - order for order, position in enumerate(surplus)}
            marked = selected & everything(surplus[-1] + 1) if surplus else 0
        else:
            marked = selected & self._older(rule)
        flags = marked.to_bytes(self.size, "little")
        for position in indices(first, self.size):
            image = self.images[position]
            if not flags[position]:
                self.decided[position] = Verdict(image, None, rule)
                continue
            held_by = self._held(image, rule.action)
            action = None if held_by else rule.action
            self.decided[position] = Verdict(image, action, rule, ranks.get(position), held_by)

    def _older(self, rule: Rule) -> ImageSet:
        """The images whose time, as the rule counts it, is more than its number of days ago."""
        before = self.now - rule.count_number * DAY
        if rule.count_type is CountType.SINCE_IMAGE_PUSHED:
            return everything(bisect_left(self.pushed, before))
        since = _pulled if rule.count_type is CountType.SINCE_IMAGE_PULLED else _transitioned
        return from_flags(since(image) < before for image in self.images)

    def _held(self, image: Image, action: ActionType) -> tuple[str, ...]:
        """The lists that keep a member from being acted on."""
        naming = self.lists.get(image.digest, ())
        if not naming:
            return ()
        released = action is ActionType.TRANSITION or self.settings.archived_list_releases_expiry
        return tuple(
            manifest_list.digest
            for manifest_list in naming
            if not (released and manifest_list.storage_class is StorageClass.ARCHIVE)
        )

    def verdicts(self) -> Iterable[Verdict]:
        for position, image in enumerate(self.images):
            verdict = self.decided[position]
            if verdict is None and image.subject is not None and self.settings.artifacts_follow_subject:
                verdict = self._follow(image)
            yield verdict or Verdict(image, None, None)

    def _follow(self, artifact: Image) -> Verdict | None:
        """The verdict on the image at the end of the chain of subjects (an artifact may belong to an artifact)."""
        at, passed = artifact, {artifact.digest}
        while at.subject is not None and at.subject in self.index and at.subject not in passed:
            at = self.images[self.index[at.subject]]
            passed.add(at.digest)
        verdict = self.decided[self.index[at.digest]]
        if at is artifact or verdict is None or verdict.action is None:
            return None
        if verdict.action is ActionType.TRANSITION and artifact.storage_class is StorageClass.ARCHIVE:
            return None
        return Verdict(artifact, verdict.action, verdict.rule, subject=at.digest)


def _pulled(image: Image) -> float:
    """The time of the last pull; without one since the image was restored or pushed, the time of that."""
    restored = image.activated_at
    if image.pulled_at is not None and (restored is None or image.pulled_at >= restored):
        return image.pulled_at
    return image.pushed_at if restored is None else restored


def _transitioned(image: Image) -> float:
    return float("inf") if image.archived_at is None else image.archived_at


def _selects(rule: Rule) -> str:
    if rule.tag_status is not TagStatus.TAGGED:
        tags = "any image" if rule.tag_status is TagStatus.ANY else "untagged images"
    else:
        tags = "tags matching " + " and ".join(rule.patterns)
    return tags if rule.storage_class is StorageClass.STANDARD else f"{tags} in archive"


def _excess(rule: Rule, rank: int | None) -> str:
    if rule.count_type is CountType.IMAGE_COUNT_MORE_THAN:
        return f"it is number {rank} counted from the newest, and {rule.count_number} are kept"
    event = {
        CountType.SINCE_IMAGE_PUSHED: "pushed",
        CountType.SINCE_IMAGE_PULLED: "last used",
        CountType.SINCE_IMAGE_TRANSITIONED: "archived",
    }[rule.count_type]
    return f"it was {event} more than {rule.count_number} day{'s' * (rule.count_number > 1)} ago"
