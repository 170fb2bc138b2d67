"""A world with a bucket."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pushproof.emulator.world import World


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World.virtual() as made:
        yield made


@pytest.fixture
def s3(world: World) -> Any:
    return world.administrator("s3")


@pytest.fixture
def bucket(s3: Any, request: pytest.FixtureRequest) -> str:
    """A bucket of the test's own."""
    name = f"b{abs(hash(request.node.nodeid)) % 10**12}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return name
