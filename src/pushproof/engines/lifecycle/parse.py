"""Policy text to `Policy`, or `LifecyclePolicyError`.

ECR checks the text against a JSON schema and then across rules; the wording of schema failures is that of the schema
validator ECR's answers show ("instance failed to match exactly one schema (matched 0 out of 2)", "object has missing
required properties ([...])", "numeric instance is lower than the required minimum (minimum: 1, found: 0)"). Three
cross-rule texts are known from its answers: those on untagged rules, on `any` rules and on tagged rules without a list.
The remaining texts imitate these.

Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
and https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NoReturn

from pushproof.engines.lifecycle.errors import LifecyclePolicyError, Position
from pushproof.engines.lifecycle.model import ActionType, CountType, Policy, Rule, StorageClass, TagStatus

SHORTEST, LONGEST = 100, 30_720
MOST_RULES = 50
MOST_WILDCARDS = 4
FEWEST_ARCHIVED_DAYS = 90
_LARGEST = 2**31 - 1

_SINCE = (CountType.SINCE_IMAGE_PUSHED, CountType.SINCE_IMAGE_PULLED, CountType.SINCE_IMAGE_TRANSITIONED)
_NO_SCHEMA = "instance failed to match exactly one schema (matched 0 out of 2)"


def parse(text: str) -> Policy:
    """The policy written in `text`, its rules by ascending priority.

    Raises LifecyclePolicyError for anything PutLifecyclePolicy would refuse.
    """
    _length(text)
    document = _load(text)
    if not isinstance(document, dict):
        _refuse("Could not map policyString into LifecyclePolicy.", "", 'Write an object: {"rules": [...]}.')
    _members(document, "", required=("rules",), optional=())
    entries = document["rules"]
    if not isinstance(entries, list):
        _wrong_type(entries, "array", "/rules")
    if not entries:
        _refuse(
            "array is too short: must have at least 1 elements but instance has 0 elements", "/rules", "Add a rule."
        )
    if len(entries) > MOST_RULES:
        _refuse(
            f"array is too long: must have at most {MOST_RULES} elements but instance has {len(entries)} elements",
            "/rules",
            f"Keep at most {MOST_RULES} rules.",
        )
    rules = [_rule(rule, f"/rules/{index}") for index, rule in enumerate(entries)]
    _across(rules)
    return Policy(tuple(sorted(rules, key=lambda rule: rule.priority)))


def _length(text: str) -> None:
    # ECR's model limits the parameter itself, so the answer is the general one, not a validation failure of the policy.
    if SHORTEST <= len(text) <= LONGEST:
        return
    bound, limit = ("greater", SHORTEST) if len(text) < SHORTEST else ("less", LONGEST)
    excerpt = text if len(text) <= 200 else text[:200] + "..."
    raise LifecyclePolicyError(
        "Invalid parameter at 'lifecyclePolicyText' failed to satisfy constraint: "
        f"'Member must have length {bound} than or equal to {limit}' (value: '{excerpt}')",
        Position(""),
        f"The text has {len(text)} characters; {SHORTEST} to {LONGEST} are allowed (a description makes it longer).",
        constraint=False,
    )


def _load(text: str) -> Any:
    reason = "Could not map policyString into LifecyclePolicy."
    try:
        return json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise LifecyclePolicyError(
            reason, Position("", error.lineno, error.colno), f"The text is not JSON: {error.msg}."
        ) from None
    except (ValueError, RecursionError) as error:
        raise LifecyclePolicyError(reason, Position("", 1, 1), f"The text is not usable JSON: {error}.") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


def _rule(entry: Any, at: str) -> Rule:
    if not isinstance(entry, dict):
        _wrong_type(entry, "object", at)
    _members(entry, at, required=("rulePriority", "selection", "action"), optional=("description",))
    priority = _positive(entry["rulePriority"], f"{at}/rulePriority")
    description = entry.get("description", "")
    if not isinstance(description, str):
        _wrong_type(description, "string", f"{at}/description")
    action = _action(entry["action"], f"{at}/action")
    return _selection(entry["selection"], f"{at}/selection", priority, description, action)


def _action(entry: Any, at: str) -> ActionType:
    if not isinstance(entry, dict):
        _wrong_type(entry, "object", at)
    _members(entry, at, required=("type",), optional=("targetStorageClass",))
    kind = ActionType(_one_of(entry["type"], tuple(ActionType), f"{at}/type"))
    if kind is ActionType.EXPIRE and "targetStorageClass" in entry:
        _refuse(_NO_SCHEMA, f"{at}/targetStorageClass", "Leave targetStorageClass out (not null) when type is expire.")
    if kind is ActionType.TRANSITION and entry.get("targetStorageClass") != StorageClass.ARCHIVE:
        _refuse(_NO_SCHEMA, f"{at}/targetStorageClass", 'Give "targetStorageClass": "archive" when type is transition.')
    return kind


def _selection(entry: Any, at: str, priority: int, description: str, action: ActionType) -> Rule:
    if not isinstance(entry, dict):
        _wrong_type(entry, "object", at)
    _members(
        entry,
        at,
        required=("tagStatus", "countType", "countNumber"),
        optional=("tagPatternList", "tagPrefixList", "storageClass", "countUnit"),
    )
    status = TagStatus(_one_of(entry["tagStatus"], tuple(TagStatus), f"{at}/tagStatus"))
    count_type = CountType(_one_of(entry["countType"], tuple(CountType), f"{at}/countType"))
    number = _positive(entry["countNumber"], f"{at}/countNumber")
    _unit(entry, at, count_type)
    storage = _storage(entry, at, count_type, number, action)
    patterns, prefixes = _tags(entry, at, status)
    return Rule(priority, status, count_type, number, action, storage, patterns, prefixes, description)


def _unit(entry: dict[str, Any], at: str, count_type: CountType) -> None:
    if count_type not in _SINCE:
        if "countUnit" in entry:
            _refuse(_NO_SCHEMA, f"{at}/countUnit", f"Leave countUnit out (not null) when countType is {count_type}.")
        return
    if entry.get("countUnit") is None:
        _refuse(_NO_SCHEMA, f"{at}/countUnit", f'Give "countUnit": "days" when countType is {count_type}.')
    _one_of(entry["countUnit"], ("days",), f"{at}/countUnit")


def _storage(entry: dict[str, Any], at: str, count_type: CountType, number: int, action: ActionType) -> StorageClass:
    place = f"{at}/storageClass"
    storage = StorageClass(_one_of(entry.get("storageClass", "standard"), tuple(StorageClass), place))
    if count_type is CountType.SINCE_IMAGE_TRANSITIONED:
        if storage is not StorageClass.ARCHIVE:
            _refuse(
                "storageClass must be ARCHIVE when countType=SINCE_IMAGE_TRANSITIONED.",
                place,
                'Give "storageClass": "archive": only archived images have a time of transition.',
            )
        if action is not ActionType.EXPIRE:
            _refuse(
                "countType=SINCE_IMAGE_TRANSITIONED supports only the action EXPIRE.",
                f"{at}/countType",
                "Archived images can only expire.",
            )
        if number < FEWEST_ARCHIVED_DAYS:
            _refuse(
                _too_low(FEWEST_ARCHIVED_DAYS, number),
                f"{at}/countNumber",
                f"Archived images are kept for at least {FEWEST_ARCHIVED_DAYS} days.",
            )
        return storage
    if storage is not StorageClass.STANDARD:
        _refuse(
            f"storageClass must be STANDARD when countType={_shout(count_type)}.",
            place,
            "Leave storageClass out; to expire archived images use countType sinceImageTransitioned.",
        )
    if count_type is CountType.SINCE_IMAGE_PULLED and action is not ActionType.TRANSITION:
        _refuse(
            "countType=SINCE_IMAGE_PULLED supports only the action TRANSITION.",
            f"{at}/countType",
            "Archive images by their last pull, then expire them with sinceImageTransitioned.",
        )
    return storage


def _tags(entry: dict[str, Any], at: str, status: TagStatus) -> tuple[tuple[str, ...], tuple[str, ...]]:
    lists = [name for name in ("tagPatternList", "tagPrefixList") if name in entry]
    if status is not TagStatus.TAGGED:
        if lists:
            _refuse(
                f"Must not specify {lists[0]} when tagStatus={_shout(status)}.",
                f"{at}/{lists[0]}",
                f"Leave {lists[0]} out, or set tagStatus to tagged.",
            )
        return (), ()
    if not lists:
        _refuse(
            "Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED.",
            at,
            'Add "tagPatternList": ["*"] to select every tagged image.',
        )
    if len(lists) > 1:
        _refuse("Must specify only one of tagPrefixList or tagPatternList.", f"{at}/{lists[0]}", "Keep one of the two.")
    name = lists[0]
    values = _strings(entry[name], f"{at}/{name}")
    if name == "tagPrefixList":
        return (), values
    for index, pattern in enumerate(values):
        if pattern.count("*") > MOST_WILDCARDS:
            _refuse(
                f"tagPatternList entry '{pattern}' must have at most {MOST_WILDCARDS} wildcards (*).",
                f"{at}/{name}/{index}",
                f"Use at most {MOST_WILDCARDS} '*' in one pattern.",
            )
    return values, ()


def _across(rules: list[Rule]) -> None:
    by_priority: dict[int, int] = {}
    for index, rule in enumerate(rules):
        if rule.priority in by_priority:
            _refuse(
                f"Rule priorities must be unique; {rule.priority} is used more than once.",
                f"/rules/{index}/rulePriority",
                f"Rule {by_priority[rule.priority]} has it already; give each rule its own number.",
            )
        by_priority[rule.priority] = index
    for storage in StorageClass:
        _across_class([rule for rule in rules if rule.storage_class is storage], by_priority)


def _across_class(rules: list[Rule], index: dict[int, int]) -> None:
    untagged = [rule for rule in rules if rule.tag_status is TagStatus.UNTAGGED]
    if len(untagged) > 1:
        _refuse(
            "Only one rule can select Untagged images per storage class.",
            f"/rules/{index[untagged[1].priority]}/selection/tagStatus",
            "Merge the untagged rules into one.",
        )
    last = max((rule.priority for rule in rules), default=0)
    for rule in rules:
        if rule.tag_status is TagStatus.ANY and rule.priority != last:
            _refuse(
                "Rule for tagStatus=ANY must have the lowest priority per storage class.",
                f"/rules/{index[rule.priority]}/rulePriority",
                f"Give it a number above {last}: the lowest priority is the highest number.",
            )
    prefixes: dict[frozenset[str], int] = {}
    for rule in rules:
        if not rule.tag_prefixes:
            continue
        key = frozenset(rule.tag_prefixes)
        if key in prefixes:
            _refuse(
                "The set of rules must contain a unique set of tag prefixes per storage class.",
                f"/rules/{index[rule.priority]}/selection/tagPrefixList",
                f"The rule with priority {prefixes[key]} has the same prefixes; the second could never act.",
            )
        prefixes[key] = rule.priority


def _members(entry: dict[str, Any], at: str, *, required: tuple[str, ...], optional: tuple[str, ...]) -> None:
    missing = sorted(name for name in required if name not in entry)
    if missing:
        _refuse(f"object has missing required properties ({_listed(missing)})", at, f"Add {', '.join(missing)}.")
    unknown = sorted(set(entry) - set(required) - set(optional))
    if unknown:
        _refuse(
            f"object instance has properties which are not allowed by the schema: {_listed(unknown)}",
            f"{at}/{_escape(unknown[0])}",
            f"Allowed here: {', '.join(sorted(required + optional))}.",
        )


def _strings(entries: Any, at: str) -> tuple[str, ...]:
    if not isinstance(entries, list):
        _wrong_type(entries, "array", at)
    if not entries:
        _refuse("array is too short: must have at least 1 elements but instance has 0 elements", at, "Name a tag.")
    for index, value in enumerate(entries):
        if not isinstance(value, str):
            _wrong_type(value, "string", f"{at}/{index}")
        if not value:
            _refuse(
                'string "" is too short (length: 0, required minimum: 1)',
                f"{at}/{index}",
                'Use tagPatternList ["*"] to match every tag.',
            )
    return tuple(entries)


def _positive(value: Any, at: str) -> int:
    if type(value) is not int:  # a bool is an int in Python and not in JSON
        _wrong_type(value, "integer", at)
    if value > _LARGEST:
        _refuse("Could not map policyString into LifecyclePolicy.", at, f"Use a number up to {_LARGEST}.")
    if value < 1:
        _refuse(
            _too_low(1, value),
            at,
            "Use a positive integer.",
        )
    return int(value)


def _one_of(text: Any, allowed: Iterable[str], at: str) -> str:
    values = [str(value) for value in allowed]
    if not isinstance(text, str):
        _wrong_type(text, "string", at)
    if text not in values:
        _refuse(
            f"instance value ({json.dumps(text)}) not found in enum (possible values: {_listed(values)})",
            at,
            f"Use one of {', '.join(values)}.",
        )
    return str(text)


def _wrong_type(value: Any, expected: str, at: str) -> NoReturn:
    _refuse(
        f"instance type ({_type(value)}) does not match any allowed primitive type (allowed: {_listed([expected])})",
        at,
        f"Write {'an' if expected[0] in 'aeio' else 'a'} {expected}.",
    )


def _too_low(minimum: int, actual: int) -> str:
    return f"numeric instance is lower than the required minimum (minimum: {minimum}, found: {actual})"


def _type(value: Any) -> str:
    names = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}
    return names.get(type(value), "null")


def _listed(values: list[str]) -> str:
    return json.dumps(values, separators=(",", ":"))


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _shout(value: str) -> str:
    """sinceImagePushed -> SINCE_IMAGE_PUSHED, the form ECR's own answers use."""
    return "".join("_" + letter if letter.isupper() else letter for letter in value).upper()


def _refuse(reason: str, pointer: str, hint: str) -> NoReturn:
    raise LifecyclePolicyError(reason, Position(pointer), hint)
