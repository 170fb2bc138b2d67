"""Names that a service's model does not allow name nothing, wherever a policy is looked for before the service is asked."""

from __future__ import annotations

import pytest
from tests.unit.emulator.asking import send

from pushproof.emulator.world import World


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("PutImage", {"repositoryName": "a", "imageManifest": "{}", "imageTag": "x"}),
        ("BatchGetImage", {"repositoryName": "a", "imageIds": [{"imageTag": "x"}]}),
        ("InitiateLayerUpload", {"repositoryName": "a"}),
        ("GetRepositoryPolicy", {"repositoryName": "x" * 300}),
    ],
)
def test_a_repository_with_a_name_that_cannot_be_does_not_exist(operation: str, body: dict[str, object]) -> None:
    """ECR refuses the call in its own words, and nothing fails inside."""
    with World.virtual() as world:
        answer = send(world, "ecr", operation, body)
    assert answer.status == 400
    assert answer.code in ("RepositoryNotFoundException", "InvalidParameterException")
