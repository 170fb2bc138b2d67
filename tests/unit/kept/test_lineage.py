"""The lineage of a world: the same for worlds that are the same to every caller."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget
from pushproof.targets.kept.lineage import NEW

LOCK = {"Bucket": "states", "Key": "dev/terraform.tfstate.tflock"}


@pytest.fixture
def target() -> Iterator[EmbeddedTarget]:
    with EmbeddedTarget(EmbeddedSettings(runtime="scripted")) as made:
        made.client("s3").create_bucket(Bucket="states", CreateBucketConfiguration={"LocationConstraint": made.region})
        made.derive(NEW)
        yield made


def test_a_plan_that_locks_and_unlocks_is_no_change(target: EmbeddedTarget) -> None:
    """An apply after a plan continues the same kept world as one without a plan."""
    s3 = target.client("s3")
    for _ in range(2):
        s3.put_object(**LOCK, Body=b"{}", IfNoneMatch="*")
        s3.delete_object(**LOCK)
    assert target.lineage.digest() == NEW


def test_a_lock_that_stands_is_a_change(target: EmbeddedTarget) -> None:
    """The next apply is refused while somebody holds the lock, so that the world is another one."""
    s3 = target.client("s3")
    s3.put_object(**LOCK, Body=b"{}")
    s3.delete_object(**LOCK)
    s3.put_object(**LOCK, Body=b"{}")
    assert target.lineage.digest() is None
    assert "s3:PutObject" in str(target.lineage.reason)


def test_other_objects_are_changes(target: EmbeddedTarget) -> None:
    """An object that was put and deleted has left versions, which a caller may read."""
    s3 = target.client("s3")
    s3.put_object(Bucket="states", Key="dev/notes", Body=b"x")
    s3.delete_object(Bucket="states", Key="dev/notes")
    assert target.lineage.digest() is None


def test_an_authorised_connection_is_a_known_change(target: EmbeddedTarget) -> None:
    """Worlds in which the same connection was authorised are the same, and differ from the one before."""
    arn = target.client("codeconnections").create_connection(ConnectionName="main", ProviderType="GitHub")[
        "ConnectionArn"
    ]
    target.derive("kept")
    target.authorise_connection(arn)
    first = target.lineage.digest()
    target.derive("kept")
    target.authorise_connection(arn)
    assert target.lineage.digest() == first not in (None, "kept")
