"""Tags: one reader of their forms, and the same rules on every service that keeps them here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pushproof.aws.tags import Rule, broken_rule, camel_tags, pascal_tags, tag_map, tag_pairs
from pushproof.emulator.world import World


def test_every_form_is_read() -> None:
    """Key, key and TagKey name the same thing; a value that is left out is empty."""
    tags = {"a": "1", "b": ""}
    assert tag_map(pascal_tags(tags)) == tag_map(camel_tags(tags)) == tags
    assert tag_map([{"TagKey": "a", "TagValue": "1"}, {"key": "b"}]) == tags
    assert tag_map(None) == {}
    assert tag_pairs([{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]) == [("a", "1"), ("a", "2")]


@pytest.mark.parametrize(
    ("tags", "rule"),
    [
        ([("a", "1"), ("a", "2")], Rule.UNIQUE),
        ([("AWS:a", "1")], Rule.NOT_RESERVED),
        ([("a" * 129, "1")], Rule.KEY_LENGTH),
        ([("", "1")], Rule.KEY_LENGTH),
        ([("a", "1" * 257)], Rule.VALUE_LENGTH),
        ([("a", "<")], Rule.CHARACTERS),
        ([(f"k{number}", "") for number in range(50)], Rule.NUMBER),
    ],
)
def test_a_broken_rule_is_named(tags: list[tuple[str, str]], rule: Rule) -> None:
    """Each rule breaks on its own, and not where a service does not check it."""
    broken = broken_rule(tags, present=["there"])
    assert broken is not None
    assert broken.rule is rule
    assert broken_rule(tags, present=["there"], rules=set(Rule) - {rule}) is None


def test_what_keeps_the_rules_passes() -> None:
    """Fifty tags, letters of any script, and keys that are there already."""
    tags = [(f"ключ {number}/_.:=+-@", "z" * 256) for number in range(50)]
    assert broken_rule(tags, present=[key for key, _ in tags]) is None


Make = Callable[[World, list[tuple[str, str]]], object]


def _repository(world: World, tags: list[tuple[str, str]]) -> object:
    listed = [{"Key": key, "Value": value} for key, value in tags]
    return world.administrator("ecr").create_repository(repositoryName="app", tags=listed)


def _tagged_repository(world: World, tags: list[tuple[str, str]]) -> object:
    ecr = world.administrator("ecr")
    arn = ecr.create_repository(repositoryName="other")["repository"]["repositoryArn"]
    try:
        return ecr.tag_resource(resourceArn=arn, tags=[{"Key": key, "Value": value} for key, value in tags])
    finally:
        assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == []
        ecr.delete_repository(repositoryName="other")


def _group(world: World, tags: list[tuple[str, str]]) -> object:
    vpc = world.administrator("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    listed = [{"Key": key, "Value": value} for key, value in tags]
    return world.administrator("elbv2").create_target_group(
        Name="app", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip", Tags=listed
    )


MANY = [(f"k{number}", "") for number in range(51)]
TWICE = [("a", "1"), ("a", "2")]
RESERVED = [("aws:a", "1")]
LONG = [("a", "1" * 257)]
# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html and API_TagResource.html (Errors),
# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html (Errors); reserved keys:
# https://github.com/aws/elastic-load-balancing-tools/issues/6
CASES: list[tuple[Make, list[tuple[str, str]], str, str]] = [
    *(
        (make, tags, code, words)
        for make in (_repository, _tagged_repository)
        for tags, code, words in (
            (MANY, "TooManyTagsException", "50"),
            (TWICE, "InvalidTagParameterException", "a"),
            (RESERVED, "InvalidTagParameterException", "aws:"),
            (LONG, "InvalidTagParameterException", "tag values can have a maximum length of 256 characters"),
        )
    ),
    (_group, MANY, "TooManyTags", ""),
    (_group, TWICE, "ValidationError", "A tag key was specified more than once"),
    (_group, RESERVED, "ValidationError", "Tag key 'aws:a' cannot start with 'aws:'"),
]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World.virtual() as world:
        yield world


@pytest.mark.parametrize(("make", "tags", "code", "words"), CASES)
def test_tags_are_refused_at_creation_as_later(
    world: World, make: Make, tags: list[tuple[str, str]], code: str, words: str
) -> None:
    """Tags that a resource cannot be given afterwards, it cannot be created with either; nothing is made of them."""
    with pytest.raises(ClientError) as refused:
        make(world, tags)
    answer: Any = refused.value.response
    assert answer["Error"]["Code"] == code
    assert words in answer["Error"]["Message"]
    assert world.administrator("ecr").describe_repositories()["repositories"] == []
    assert world.administrator("elbv2").describe_target_groups()["TargetGroups"] == []
