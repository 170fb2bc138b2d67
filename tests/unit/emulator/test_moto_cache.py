"""Cached files are the same for every world, and a world's changes to their contents are its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.substrate import moto_cache
from pushproof.emulator.world import World

ARN = "arn:aws:iam::aws:policy/AdministratorAccess"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def test_what_is_done_with_a_policy_in_one_world_is_not_known_in_the_next() -> None:
    """A policy that one world attached has its original content, and no attachment, in the next."""

    def count(iam: Any) -> int:
        return int(iam.get_policy(PolicyArn=ARN)["Policy"]["AttachmentCount"])

    documents = []
    for _ in range(2):
        with World.virtual(WorldSettings()) as world:
            iam: Any = world.administrator("iam")
            assert count(iam) == 0
            iam.create_role(RoleName="task", AssumeRolePolicyDocument=json.dumps(TRUST))
            iam.attach_role_policy(RoleName="task", PolicyArn=ARN)
            assert count(iam) == 1
            version = iam.get_policy(PolicyArn=ARN)["Policy"]["DefaultVersionId"]
            documents.append(iam.get_policy_version(PolicyArn=ARN, VersionId=version)["PolicyVersion"]["Document"])
    assert documents[0] == documents[1]
    assert documents[0]["Statement"][0]["Action"] == "*"


def test_requests_do_not_look_at_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The list of services is in memory after the first world."""
    with World.virtual(WorldSettings()) as world:
        topics: Any = world.administrator("sns")
        topics.list_topics()
        monkeypatch.setattr("os.listdir", lambda _: pytest.fail("a request listed a folder"))
        assert topics.list_topics()["Topics"] == []


def test_services_are_listed_once_for_all_loaders(monkeypatch: pytest.MonkeyPatch) -> None:
    """moto makes a loader for each model: each has the same list, and a change of one list is no change of another."""
    from botocore.loaders import create_loader

    World.virtual(WorldSettings()).close()
    first = create_loader().list_available_services("service-2")
    monkeypatch.setattr("os.listdir", lambda _: pytest.fail("a loader listed a folder"))
    assert "ecs" in first
    first.clear()
    assert "ecs" in create_loader().list_available_services("service-2")


def test_an_operation_is_looked_for_in_its_class_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service's class is gone through at its first request, and again after another world was made."""
    import inspect

    classes: list[object] = []
    original = inspect.getmembers

    def getmembers(cls: object, *arguments: Any, **named: Any) -> Any:
        classes.append(cls)
        return original(cls, *arguments, **named)

    monkeypatch.setattr("inspect.getmembers", getmembers)
    for _ in range(2):
        classes.clear()
        with World.virtual(WorldSettings()) as world:
            topics: Any = world.administrator("sns")
            for _ in range(3):
                topics.list_topics()
        assert [getattr(cls, "__name__", "") for cls in classes].count("SNSResponse") == 1


_COUNT = """
import os
import boto3, botocore.loaders
from pushproof.emulator.substrate.moto_cache import read_once
read, original = [], botocore.loaders.JSONFileLoader._load_file
def load_file(self, *arguments):
    read.append(str(arguments[0]))
    return original(self, *arguments)
botocore.loaders.JSONFileLoader._load_file = load_file
read_once()
from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend
assert {"eu-west-1", "us-gov-west-1", "cn-north-1"} <= RegionsAndZonesBackend.zones.keys()
boto3.client("ec2", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
print(len([path for path in read if "/ec2/" in path and "service-2" in path and os.path.exists(path)]))
"""


def test_the_model_of_ec2_is_read_once() -> None:
    """The first world of a process does not read botocore's model of EC2 for every session of moto's."""
    source = {"PYTHONPATH": str(Path(moto_cache.__file__).parents[3])}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _COUNT], env=source, capture_output=True, text=True, timeout=120
    )
    assert (done.stdout, done.stderr) == ("1\n", "")
