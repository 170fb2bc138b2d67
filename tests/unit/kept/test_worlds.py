"""Worlds that are kept, and worlds that continue them."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.kept.conftest import SETTINGS

from pushproof.emulator.keeping.places import Place
from pushproof.emulator.keeping.reading import UnreadableState
from pushproof.emulator.keeping.rebuilding import NotKeepable
from pushproof.emulator.runtime.equipment import scripted_equipment
from pushproof.emulator.world import World

Continue = Callable[[Path], World]


def service(world: World) -> dict[str, Any]:
    shown: dict[str, Any] = world.administrator("ecs").describe_services(cluster="main", services=["app"])["services"][
        0
    ]
    return shown


def answers(world: World) -> dict[str, Any]:
    """Return what a world answers about everything in it."""
    ec2, elb = world.administrator("ec2"), world.administrator("elbv2")
    return {
        "vpcs": ec2.describe_vpcs()["Vpcs"],
        "subnets": ec2.describe_subnets()["Subnets"],
        "roles": world.administrator("iam").list_roles()["Roles"],
        "service": service(world),
        "groups": elb.describe_target_groups()["TargetGroups"],
        "listeners": [
            elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
            for balancer in elb.describe_load_balancers()["LoadBalancers"]
        ],
        "repositories": world.administrator("ecr").describe_repositories()["repositories"],
        "object": world.administrator("s3").get_object(Bucket="shop-things", Key="k")["Body"].read(),
        "now": world.clock.now(),
    }


def test_a_continued_world_gives_the_same_answers(furnished: World, continued: Continue, tmp_path: Path) -> None:
    """Every service answers as it did when the world was kept, and the clock shows the same time."""
    furnished.loop.advance(300)  # type: ignore[attr-defined]
    furnished.keep(tmp_path)
    before = answers(furnished)
    furnished.close()
    assert answers(continued(tmp_path)) == before


@pytest.mark.parametrize("seconds", [0, 3, 9, 12])
def test_a_deployment_continues_where_it_was(
    furnished: World, continued: Continue, tmp_path: Path, seconds: int
) -> None:
    """A world that is kept in the middle of a deployment completes it, whatever it was waiting for."""
    furnished.loop.advance(seconds)  # type: ignore[attr-defined]
    assert service(furnished)["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    furnished.keep(tmp_path)
    furnished.close()
    world = continued(tmp_path)
    world.loop.advance(300)  # type: ignore[attr-defined]
    assert service(world)["deployments"][0]["rolloutState"] == "COMPLETED"
    assert service(world)["runningCount"] == 2


def test_worlds_part_after_they_were_kept(furnished: World, continued: Continue, tmp_path: Path) -> None:
    """A change in a world is not seen in one that continues its kept state, and two continue the same one."""
    furnished.keep(tmp_path)
    furnished.administrator("ecr").delete_repository(repositoryName="shop")
    furnished.close()
    first = continued(tmp_path)
    assert first.administrator("ecr").describe_repositories()["repositories"]
    first.administrator("s3").delete_object(Bucket="shop-things", Key="k")
    first.close()
    second = continued(tmp_path)
    assert second.administrator("s3").get_object(Bucket="shop-things", Key="k")["Body"].read() == b"content"


def test_repositories_of_git_and_layers_are_kept(furnished: World, continued: Continue, tmp_path: Path) -> None:
    """Files of a world's parts come along, and the hook of a repository announces pushes to the new world."""
    furnished.git.create("example/shop")
    furnished.keep(tmp_path)
    furnished.close()
    world = continued(tmp_path)
    assert world.git.repositories() == ["example/shop"]
    hook = (world.directory / "git/example/shop.git/hooks/post-receive").read_text()
    assert repr(world.git._secret) in hook


def test_what_belongs_to_the_process_is_named(furnished: World, tmp_path: Path) -> None:
    """A world that holds something without a written form is not kept, and nothing is written."""
    furnished.loop.call_later(5, test_what_belongs_to_the_process_is_named)  # type: ignore[arg-type]
    with pytest.raises(NotKeepable, match="test_what_belongs"):
        furnished.keep(tmp_path)
    assert not (tmp_path / "state").exists()


def test_objects_move_with_their_checksums(tmp_path: Path) -> None:
    """An object that contains the world's address, as Terraform's states do, has the new one; clients that verify it agree."""
    world = World(SETTINGS, equip=scripted_equipment)
    old = world.serve()
    s3 = world.administrator("s3")
    s3.create_bucket(Bucket="states", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="states", Key="s", Body=f'{{"url": "{old}/x"}}'.encode(), ChecksumAlgorithm="SHA256")
    world.keep(tmp_path)
    world.close()
    world = World(SETTINGS, equip=scripted_equipment)
    try:
        new = world.serve()
        assert new != old
        world.begin(tmp_path)
        answer = world.administrator("s3").get_object(Bucket="states", Key="s", ChecksumMode="ENABLED")
        content = answer["Body"].read()
        assert content == f'{{"url": "{new}/x"}}'.encode()
        assert answer["ContentLength"] == len(content)
        assert answer["ETag"] == f'"{hashlib.md5(content).hexdigest()}"'
    finally:
        world.close()


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, ("touch /tmp/pushproof-evil",)


@pytest.mark.parametrize("data", [b"", b"not a pickle", pickle.dumps(_Evil()), pickle.dumps({"parts": 3})])
def test_other_bytes_are_refused(furnished: World, continued: Continue, tmp_path: Path, data: bytes) -> None:
    """Bytes that are no state, and those that name other code than a world's, are refused before anything runs."""
    furnished.keep(tmp_path)
    furnished.close()
    (tmp_path / "state").write_bytes(data)
    with pytest.raises(UnreadableState):
        continued(tmp_path)
    assert not Path("/tmp/pushproof-evil").exists()


def test_addresses_are_marked_and_filled() -> None:
    """Texts with the gateway's port, a load balancer's address or the world's directory have those of the new world."""
    old = Place("127.0.0.1:4000", "127.79.160.", Path("/var/a"), "172.18.0.1")
    new = Place("127.0.0.1:5111", "127.83.247.", Path("/srv/b"), "172.19.0.1")
    text = "http://127.0.0.1:4000/x 127.79.160.2 /var/a/git localhost:4000 172.18.0.1:4000"
    moved = "http://127.0.0.1:5111/x 127.83.247.2 /srv/b/git localhost:5111 172.19.0.1:5111"
    assert new.filled(old.marked(text)) == moved
    other = "127.0.0.1:40001 110.127.0.0.1:4000 /var/ab 10.127.79.160.2"
    assert new.filled(old.marked(other)) == other
