"""CodeCommit's refusals that its model does not contain."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from pushproof.emulator.world import World


def test_a_branch_of_no_repository_is_refused() -> None:
    """GetBranch without a repository's name is an error of the caller, although the model requires none.

    Source: https://docs.aws.amazon.com/codecommit/latest/APIReference/API_GetBranch.html
    """
    with World.virtual() as world, pytest.raises(ClientError) as refused:
        world.administrator("codecommit").get_branch(branchName="main")
    assert refused.value.response["Error"]["Code"] == "RepositoryNameRequiredException"
