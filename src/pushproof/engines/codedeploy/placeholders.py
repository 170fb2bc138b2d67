"""Templates of CodePipeline's CodeDeployToECS action: images in taskdef.json, the task definition in the AppSpec file.

https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECSbluegreen.html
https://docs.aws.amazon.com/codepipeline/latest/userguide/file-reference.html#file-reference-ecs-bluegreen
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

TASK_DEFINITION = "<TASK_DEFINITION>"


class PlaceholderError(ValueError):
    """A template or an image file that the action cannot use."""


@dataclass(frozen=True, slots=True)
class ImageArtifact:
    """The image that takes the place of `<name>` in a task definition."""

    name: str
    uri: str


def read_image_detail(content: bytes, where: str) -> str:
    """Return the image of imageDetail.json. Raises PlaceholderError."""
    try:
        document = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        document = None
    uri = document.get("ImageURI") if isinstance(document, dict) else None
    if not isinstance(uri, str) or not uri.strip():
        raise PlaceholderError(f"Exception while trying to parse the image URI file from the artifact: {where}.")
    return uri.strip()


def fill_task_definition(text: str, images: Iterable[ImageArtifact]) -> dict[str, object]:
    """Return the request of RegisterTaskDefinition. Raises PlaceholderError."""
    for image in images:
        text = text.replace(f"<{image.name}>", image.uri)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PlaceholderError(f"The task definition template is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise PlaceholderError("The task definition template is not a JSON object")
    return document


def fill_appspec(text: str, task_definition_arn: str) -> str:
    """Return an AppSpec file with the ARN of the task definition in the place of `<TASK_DEFINITION>`."""
    return text.replace(TASK_DEFINITION, task_definition_arn)
