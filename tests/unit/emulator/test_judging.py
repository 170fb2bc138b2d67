"""AWS's models judge what the plane answers; the judge itself, and that it is on in these tests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pushproof.emulator.kernel import protocol
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.wire import judging
from pushproof.emulator.world import World


@pytest.fixture
def world() -> Iterator[World]:
    with World.virtual() as opened:
        yield opened


def call(service: str, operation: str) -> protocol.ParsedCall:
    return protocol.ParsedCall(
        service, operation, "json", {}, protocol.service_model(service).operation_model(operation)
    )


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ({"clusters": [{"clusterNmae": "c"}]}, "DescribeClusters.clusters[0] has no member 'clusterNmae'"),
        ({"clusters": {}}, "DescribeClusters.clusters is dict, not a list"),
        ({"clusters": [None, "c"]}, "DescribeClusters.clusters[0] is NoneType, not a structure"),
        ({"clusters": [{"runningTasksCount": "1"}]}, "runningTasksCount is '1', not a integer"),
        ({"clusters": [{"runningTasksCount": True}]}, "runningTasksCount is True, not a integer"),
        ({"clusters": [{"clusterName": 1}]}, "clusterName is 1, not a string"),
        (
            {"clusters": [{"settings": [{"name": "insights"}]}]},
            "Member must satisfy enum value set: [containerInsights]",
        ),
        ({"cluster": []}, "has no member 'cluster'"),
    ],
)
def test_a_misfit_is_named(result: dict[str, Any], words: str) -> None:
    """A misfit is named with its place, and the model's value there."""
    misfits = judging.misfits(call("ecs", "DescribeClusters"), result)
    assert len(misfits) >= 1
    assert words in misfits[0]


def test_moments_have_a_zone() -> None:
    """A date without a time zone would be read in whatever zone the client lives in."""
    when = datetime(2026, 1, 1, tzinfo=UTC)
    assert judging.misfits(call("ecr", "DescribeRepositories"), {"repositories": [{"createdAt": when}]}) == []
    naive = {"repositories": [{"createdAt": when.replace(tzinfo=None)}]}
    assert "not a timestamp" in judging.misfits(call("ecr", "DescribeRepositories"), naive)[0]


def test_an_error_has_to_be_one_of_the_operations() -> None:
    """Modelled, common to all services, or our own for what is not there."""
    describe = call("ecs", "DescribeClusters")
    for code in ("ClusterNotFoundException", "ServerException"):
        assert (judging.misfit(describe, AwsError(code, "")) is None) == (code == "ServerException")
    for code in ("AccessDeniedException", "NotImplemented", "ClientException"):
        assert judging.misfit(describe, AwsError(code, "")) is None
    # A query service names its errors otherwise than its shapes.
    assert judging.misfit(call("elbv2", "CreateRule"), AwsError("PriorityInUse", "")) is None


def test_the_gateway_refuses_to_give_a_misfit_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A misfit fails the call, and the test even if it ignored the answer."""
    assert world.gateway.judged
    monkeypatch.setattr(
        type(world.services["ecr"]), "describe_repositories", lambda *_: {"repositories": [{"repositoryNmae": "r"}]}
    )
    with pytest.raises(ClientError, match="has no member 'repositoryNmae'"):
        world.administrator("ecr").describe_repositories()
    assert list(judging.FOUND) == ["DescribeRepositories.repositories[0] has no member 'repositoryNmae'"]

    def fails(*_: Any) -> dict[str, Any]:
        raise AwsError("NoSuchError", "x")

    monkeypatch.setattr(type(world.services["ecr"]), "describe_repositories", fails)
    with pytest.raises(ClientError, match="has no error NoSuchError"):
        world.administrator("ecr").describe_repositories()
    judging.FOUND.clear()


def test_the_judge_is_off_where_nobody_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge costs nothing at run time."""
    monkeypatch.delenv(judging.VARIABLE)
    with World.virtual() as unjudged:
        assert not unjudged.gateway.judged
        monkeypatch.setattr(
            type(unjudged.services["ecr"]), "describe_repositories", lambda *_: {"repositories": [{"nonsense": 1}]}
        )
        assert unjudged.administrator("ecr").describe_repositories()["repositories"] == [{}]
