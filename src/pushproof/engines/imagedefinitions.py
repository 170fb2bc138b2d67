"""`imagedefinitions.json`: the image of each container.

Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/file-reference.html (format, 100 KB),
https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECS.html (the revision that the action registers).
The words of the errors are those users report; AWS does not document them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: "The maximum file size limit for an image definitions file is 100 KB."
MAXIMUM_SIZE = 100 * 1024

#: Members that RegisterTaskDefinition accepts; the other members of DescribeTaskDefinition's answer are read-only.
REGISTERED = (
    "family",
    "taskRoleArn",
    "executionRoleArn",
    "networkMode",
    "containerDefinitions",
    "volumes",
    "placementConstraints",
    "requiresCompatibilities",
    "cpu",
    "memory",
    "pidMode",
    "ipcMode",
    "proxyConfiguration",
    "inferenceAccelerators",
    "ephemeralStorage",
    "runtimePlatform",
    "enableFaultInjection",
)


class ImageDefinitionsError(ValueError):
    """An unusable image definitions file. `reason` is missing, too-large, malformed or unknown-container."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclass(frozen=True, slots=True)
class Substitution:
    """The image of a container in the new revision."""

    container: str
    image: str


def read_image_definitions(content: bytes | None, file_name: str, *, where: str = "") -> tuple[Substitution, ...]:
    """The substitutions of an image definitions file.

    `content` is the file's bytes, None when the artifact has no such file; `where` names the artifact's bucket and key.
    Raises ImageDefinitionsError.
    """
    if content is None:
        raise ImageDefinitionsError(
            "missing",
            f"Did not find the image definition file {file_name} in the input artifacts ZIP file. Verify the file is stored in "
            "your pipeline's Amazon S3 artifact bucket" + (f": {where}" if where else ""),
        )
    if len(content) > MAXIMUM_SIZE:
        raise ImageDefinitionsError(
            "too-large",
            f"The image definition file {file_name} has {len(content)} bytes; the maximum is {MAXIMUM_SIZE}",
        )
    try:
        document = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _malformed(file_name, _position(error)) from None
    if not isinstance(document, list):
        raise _malformed(file_name, f"expected an array of name and imageUri, found {_called(document)}")
    if not document:
        raise _malformed(file_name, "the array is empty; expected at least one name with an imageUri")
    substitutions: list[Substitution] = []
    for index, entry in enumerate(document):
        substitutions.append(_read_entry(entry, index, file_name))
        if any(earlier.container == substitutions[-1].container for earlier in substitutions[:-1]):
            raise _malformed(file_name, f"container {substitutions[-1].container} is named more than once")
    return tuple(substitutions)


def _read_entry(entry: object, index: int, file_name: str) -> Substitution:
    if not isinstance(entry, dict):
        raise _malformed(file_name, f"entry {index} is {_called(entry)}; expected an object with name and imageUri")
    for key in ("name", "imageUri"):
        value = entry.get(key)
        if not isinstance(value, str) or not value.strip():
            raise _malformed(file_name, f"entry {index} has no {key}; expected a non-empty string")
    return Substitution(entry["name"], entry["imageUri"])


def apply_image_definitions(
    task_definition: Mapping[str, Any], substitutions: Sequence[Substitution], *, tags: Sequence[Mapping[str, str]] = ()
) -> dict[str, Any]:
    """The RegisterTaskDefinition request for the revision in use with the images replaced.

    `task_definition` and `tags` are DescribeTaskDefinition's. Raises ImageDefinitionsError (unknown-container).
    """
    images = {substitution.container: substitution.image for substitution in substitutions}
    containers = [dict(container) for container in task_definition.get("containerDefinitions", ())]
    names = [container.get("name") for container in containers]
    for name in images:
        if name not in names:
            raise ImageDefinitionsError("unknown-container", f"The AWS ECS container {name} does not exist")
    for container in containers:
        if container.get("name") in images:
            container["image"] = images[str(container["name"])]
    request = {key: task_definition[key] for key in REGISTERED if task_definition.get(key) is not None}
    request["containerDefinitions"] = containers
    if tags:
        request["tags"] = [dict(tag) for tag in tags]
    return request


def _malformed(file_name: str, detail: str) -> ImageDefinitionsError:
    return ImageDefinitionsError(
        "malformed", f"The image definition file {file_name} contains invalid JSON format: {detail}"
    )


def _position(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 at byte {error.start}"
    return str(error) or type(error).__name__


def _called(value: object) -> str:
    kinds = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return kinds.get(type(value), "a number")
