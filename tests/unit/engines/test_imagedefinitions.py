"""The image definitions file of the ECS deploy action."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pushproof.engines.imagedefinitions import (
    MAXIMUM_SIZE,
    ImageDefinitionsError,
    Substitution,
    apply_image_definitions,
    read_image_definitions,
)

TASK = {
    "taskDefinitionArn": "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:3",
    "family": "web",
    "revision": 3,
    "status": "ACTIVE",
    "requiresAttributes": [{"name": "x"}],
    "networkMode": "awsvpc",
    "cpu": "256",
    "containerDefinitions": [{"name": "app", "image": "old", "cpu": 0}, {"name": "sidecar", "image": "side"}],
}


def test_published_example() -> None:
    """https://docs.aws.amazon.com/codepipeline/latest/userguide/file-reference.html: the file's own example is read."""
    content = b'[{"name": "sample-app", "imageUri": "11111EXAMPLE.dkr.ecr.us-west-2.amazonaws.com/ecs-repo:latest"}]'
    expected = (Substitution("sample-app", "11111EXAMPLE.dkr.ecr.us-west-2.amazonaws.com/ecs-repo:latest"),)
    assert read_image_definitions(content, "imagedefinitions.json") == expected


@pytest.mark.parametrize(
    ("content", "reason", "words"),
    [
        (None, "missing", "Did not find the image definition file imagedefinitions.json"),
        (b"", "malformed", "line 1, column 1"),
        (b"{", "malformed", "contains invalid JSON format"),
        (b'{"name": "a", "imageUri": "b"}', "malformed", "found an object"),
        (b"[]", "malformed", "empty"),
        (b"[1]", "malformed", "entry 0 is a number"),
        (b'[{"name": "a"}]', "malformed", "entry 0 has no imageUri"),
        (b'[{"imageUri": "a", "name": ""}]', "malformed", "entry 0 has no name"),
        (b'[{"name": "a", "imageUri": "b"}, {"name": "a", "imageUri": "c"}]', "malformed", "more than once"),
        (b"\xff", "malformed", "not UTF-8 at byte 0"),
        (b" " * (MAXIMUM_SIZE + 1), "too-large", "the maximum is 102400"),
    ],
)
def test_unusable_file(content: bytes | None, reason: str, words: str) -> None:
    """An unusable file is refused with its reason and where it lies."""
    with pytest.raises(ImageDefinitionsError) as caught:
        read_image_definitions(content, "imagedefinitions.json")
    assert caught.value.reason == reason
    assert words in caught.value.message


def test_apply_replaces_only_named_images() -> None:
    """The new revision is the one in use, but for the named images and what only the service sets."""
    request = apply_image_definitions(TASK, [Substitution("app", "new")], tags=[{"key": "a", "value": "b"}])
    assert request == {
        "family": "web",
        "networkMode": "awsvpc",
        "cpu": "256",
        "containerDefinitions": [{"name": "app", "image": "new", "cpu": 0}, {"name": "sidecar", "image": "side"}],
        "tags": [{"key": "a", "value": "b"}],
    }
    assert TASK["containerDefinitions"][0]["image"] == "old"  # type: ignore[index]


def test_unknown_container() -> None:
    """A container that the task definition lacks fails the action in the words users report."""
    with pytest.raises(ImageDefinitionsError) as caught:
        apply_image_definitions(TASK, [Substitution("web", "new")])
    assert (caught.value.reason, caught.value.message) == (
        "unknown-container",
        "The AWS ECS container web does not exist",
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "imageUri", "x"]), inner),
    max_leaves=8,
)


@settings(max_examples=2000, deadline=None)
@given(st.one_of(st.binary(max_size=60), JSON.map(lambda value: json.dumps(value).encode())))
def test_any_content_is_read_or_refused(content: bytes) -> None:
    """Any content of the file is read, or refused with a typed error."""
    try:
        found = read_image_definitions(content, "imagedefinitions.json")
    except ImageDefinitionsError:
        return
    assert found
    assert all(item.container and item.image for item in found)
