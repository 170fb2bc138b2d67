"""Plugins and decorators of other projects in one session with Pushproof: `tox -e neighbours`, which has them."""

from __future__ import annotations

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from pushproof import Target

pytest.importorskip("pytest_docker", reason="pytest-docker is not installed: tox -e neighbours")
pytest.importorskip("pytest_localstack", reason="pytest-localstack is not installed: tox -e neighbours")


def _account(target: Target) -> str:
    return str(target.client("sts").get_caller_identity()["Account"])


@mock_aws
def test_moto_decorates_a_test_before_a_world_is_open() -> None:
    """A test under `mock_aws` has moto's empty account, although the plugin is active."""
    assert boto3.client("s3", region_name="eu-west-1").list_buckets()["Buckets"] == []


def test_fixtures_of_pytest_docker_are_at_hand_beside_a_world(docker_ip: str, target: Target) -> None:
    """The fixtures `docker_ip` and `target` work in one test: no name and no option of the two plugins collide."""
    assert docker_ip
    assert _account(target) == target.account_id


def test_moto_is_refused_while_a_world_is_open(target: Target) -> None:
    """`mock_aws` would erase the world: it says so, and the world goes on."""
    with pytest.raises(Exception, match="would erase the world"), mock_aws():
        pass
    assert _account(target) == target.account_id


def test_pytest_localstack_patches_clients_that_exist(target: Target) -> None:
    """Under its patch older clients sign with its keys, which a world refuses; new ones are the world's, as all are later."""
    from pytest_localstack.session import RunningSession

    session = RunningSession("127.0.0.1", services=["s3", "sts"], region_name="eu-west-1")
    before = target.client("sts")
    with session.botocore.patch_botocore():
        assert boto3.client("s3").meta.endpoint_url == "http://127.0.0.1:4566"
        with pytest.raises(ClientError, match="InvalidClientTokenId"):
            before.get_caller_identity()
        assert _account(target) == target.account_id
    assert before.get_caller_identity()["Account"] == target.account_id
    assert _account(target) == target.account_id
